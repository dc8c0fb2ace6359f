"""The unified social credit code 统一社会信用代码 (GB 32100-2015): its form and its check digit."""

from __future__ import annotations

from chassis.errors import FieldInvalid

# I, O, S, V and Z are left out by the standard, as they are mistaken for 1, 0, 5, U and 2.
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)}
# Three to the power of the place, modulo 31.
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_LENGTH = 18


def check_digit(first17: str) -> str:
    """Return the eighteenth character for the first seventeen; raises ValueError for other letters."""
    if len(first17) != _LENGTH - 1 or any(letter not in _VALUE for letter in first17):
        raise ValueError(f"{first17!r} is not the start of a unified social credit code")
    total = sum(_VALUE[letter] * weight for letter, weight in zip(first17, _WEIGHTS, strict=True))
    return _ALPHABET[-total % 31]


def fault(code: str) -> tuple[str, str] | None:
    """Return what is wrong with `code` in Chinese and English, or None.

    The region digits are not looked up: a company keeps its code when regions are renamed.
    """
    if len(code) != _LENGTH:
        return "应为 18 位", "must have 18 characters"
    wrong = next((letter for letter in code if letter not in _VALUE), None)
    if wrong is not None:
        return (
            f"含有不允许的字符 {wrong} (大写, 不用 I O S V Z)",
            f"holds {wrong!r}, which is not allowed (upper case, without I O S V Z)",
        )
    if not code[2:8].isdigit():
        return "第 3 至 8 位应为行政区划数字", "characters 3 to 8 must be the digits of a region"
    if check_digit(code[:-1]) != code[-1]:
        return "校验位不对, 请核对", "the check digit is wrong"
    return None


def validate(code: str, *, field: str = "uscc") -> str:
    """Return `code` as it came, or refuse it with the reason."""
    why = fault(code)
    if why is not None:
        raise FieldInvalid(field=field, zh_why=why[0], en_why=why[1])
    return code
