"""The check digit of GB 32100."""

import pytest

from chassis import uscc
from chassis.errors import FieldInvalid

GOOD = [
    "913211710000000199",
    "91321181000000027K",
    "91321182000000035W",
    "913211830000000436",
    "91321111000000051P",
    "9132117100000006XC",
    "91321112000000078X",
    "91321111000000086A",
    "913211020000000944",
    "913211830000001074",
    "91321171000000115J",
    "91321181000000123W",
    # The worked example of the standard's appendix.
    "91350100M000100Y43",
]


@pytest.mark.parametrize("code", GOOD)
def test_a_code_with_its_own_check_digit_is_taken(code: str) -> None:
    assert uscc.validate(code) == code
    assert uscc.check_digit(code[:-1]) == code[-1]


@pytest.mark.parametrize("code", GOOD)
def test_one_wrong_character_anywhere_is_noticed(code: str) -> None:
    for place, letter in enumerate(code):
        other = "1" if letter != "1" else "2"
        assert uscc.fault(code[:place] + other + code[place + 1 :]) is not None


@pytest.mark.parametrize(
    ("code", "why"),
    [
        pytest.param("", "18", id="nothing"),
        pytest.param("9132117100000019", "18", id="too short"),
        pytest.param("91321171000000019I", "I", id="a letter that the standard leaves out"),
        pytest.param("91321171000000019k", "k", id="lower case"),
        pytest.param("91AA1171000000019K", "region", id="letters where the region stands"),
        pytest.param("913211710000000198", "check digit", id="a wrong check digit"),
    ],
)
def test_a_bad_code_is_refused_with_the_reason_and_the_field(code: str, why: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        uscc.validate(code, field="enterprise.uscc")

    (violation,) = refused.value.violations
    assert violation.field == "enterprise.uscc"
    assert why in violation.en
