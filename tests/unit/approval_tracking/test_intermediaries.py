"""The directory of agencies: its order is drawn, and nobody names one to an applicant."""

from __future__ import annotations

from collections import Counter

import pytest

from approval_tracking.domain.intermediaries import (
    SERVICES,
    Intermediary,
    check_services,
    drawn,
    refuse_naming,
)
from approval_tracking.domain.intermediary_errors import IntermediaryNamed, ServiceUnknown

AGENCIES = [Intermediary(f"{number:018d}", f"示例{number}", ()) for number in range(10)]


def test_a_seed_gives_the_same_order_each_time_and_another_one_another() -> None:
    first, again, other = (drawn(AGENCIES, seed) for seed in ("a" * 32, "a" * 32, "b" * 32))

    assert first == again
    assert first != other
    assert sorted(first, key=lambda each: each.uscc) == AGENCIES


def test_nobody_stands_first_more_often_than_chance_has_it() -> None:
    firsts = Counter(drawn(AGENCIES, f"{seed:032x}")[0].uscc for seed in range(2_000))

    # 200 each is expected; six standard deviations are 80.
    assert len(firsts) == 10
    assert all(120 < count < 280 for count in firsts.values())


def test_a_text_that_names_an_agency_is_refused_by_its_place() -> None:
    with pytest.raises(IntermediaryNamed) as caught:
        refuse_naming(["缺少附图", "请委托示例7重新编制"], ["示例7"], field="entries")

    (bad,) = caught.value.violations
    assert bad.field == "entries[1]"
    assert "第四十三条" in bad.zh


def test_a_service_that_the_directory_does_not_know_is_refused() -> None:
    assert check_services(SERVICES[:2]) == SERVICES[:2]
    with pytest.raises(ServiceUnknown) as caught:
        check_services([SERVICES[0], "包过"])
    assert caught.value.violations[0].field == "services[1]"
