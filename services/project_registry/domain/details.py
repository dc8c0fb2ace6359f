"""What people say about a project, and the rules it must keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal

from chassis import regions, uscc
from project_registry.domain.reference import Fault, Value, attributes, complete

LEVELS = ("省级", "市级", "区级")
CITY_LEVELS = ("省级", "市级")
DISTRICT_LEVEL = "区级"
CATEGORIES = ("实施", "储备")
RESERVE = "储备"

_CODE = re.compile(r"\d{4}-(\d{6})-\d{2}-\d{2}-\d{6}")
_CENT = Decimal("0.01")
_MOST = Decimal("1e12")
_LONGEST = {
    "name": 120,
    "enterprise_name": 120,
    "industry": 120,
    "content": 1000,
    "note": 1000,
}


@dataclass(frozen=True)
class Details:
    """What people say about a project. `attributes` is complete: defaults are filled in."""

    name: str = ""
    code: str = ""
    year: int = 0
    level: str = ""
    category: str = ""
    enterprise_name: str = ""
    uscc: str = ""
    admin_region: str = ""
    managing_region: str = ""
    industry: str = ""
    content: str = ""
    total_investment_wan: Decimal = Decimal(0)
    annual_plan_wan: Decimal | None = None
    sign_date: date | None = None
    planned_start: date | None = None
    planned_completion: date | None = None
    note: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)

    def settled(self) -> Details:
        """Return the details as they are kept: the zone and the attributes filled in."""
        amount = self.total_investment_wan
        whole = amount == amount.to_integral_value()
        given = dict(self.attributes)
        given["total_investment_wan"] = int(amount) if whole else float(amount)
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return Details(
            **{
                **values,
                "managing_region": self.managing_region or self.admin_region,
                "attributes": complete(given),
            }
        )


def faults(details: Details) -> Iterator[Fault]:
    """Yield everything that is wrong with settled details; a reserve project may lack its start."""
    for name in ("name", "enterprise_name"):
        if not getattr(details, name).strip():
            yield _required(name)
    for name, most in _LONGEST.items():
        if len(getattr(details, name)) > most:
            yield Fault(
                name, "TOO_LONG", f"不能超过 {most} 字", f"must have at most {most} characters"
            )
    if not 2000 <= details.year <= 2100:
        yield Fault("year", "NOT_A_YEAR", "应为四位年份", "must be a year of four digits")
    if details.level not in LEVELS:
        yield Fault("level", "NOT_A_LEVEL", "应为 省级 / 市级 / 区级", "must be 省级, 市级 or 区级")
    if details.category not in CATEGORIES:
        yield Fault("category", "NOT_A_CATEGORY", "应为 实施 / 储备", "must be 实施 or 储备")
    yield from _code_faults(details.code)
    yield from _uscc_faults(details.uscc)
    yield from _region_faults(details)
    yield from _amount_faults(details)
    yield from _date_faults(details)


def _required(name: str) -> Fault:
    return Fault(name, "REQUIRED", "必填", "is required")


def _code_faults(code: str) -> Iterator[Fault]:
    if not code:
        return
    matched = _CODE.fullmatch(code)
    if matched is None:
        yield Fault(
            "code",
            "CODE_FORMAT",
            "应为 NNNN-NNNNNN-NN-NN-NNNNNN (20 位数字)",
            "must read NNNN-NNNNNN-NN-NN-NNNNNN (20 digits)",
        )
    elif regions.find(matched[1]) is None:
        yield Fault(
            "code",
            "CODE_REGION",
            f"代码中的地区段 {matched[1]} 不是已知的区划",
            f"its region {matched[1]} is none that we know",
        )


def _uscc_faults(code: str) -> Iterator[Fault]:
    why = uscc.fault(code) if code else None
    if why is not None:
        yield Fault("uscc", "USCC_INVALID", why[0], why[1])


def _region_faults(details: Details) -> Iterator[Fault]:
    if not details.admin_region:
        yield _required("admin_region")
        return
    for name in ("admin_region", "managing_region"):
        code = getattr(details, name)
        if regions.find(code) is None:
            yield Fault(name, "REGION_UNKNOWN", f"没有区划 {code}", f"there is no region {code}")


def _amount_faults(details: Details) -> Iterator[Fault]:
    for name in ("total_investment_wan", "annual_plan_wan"):
        amount = getattr(details, name)
        if amount is None:
            continue
        if not 0 <= amount < _MOST:
            yield Fault(name, "AMOUNT_RANGE", "应不小于 0", "must be at least 0")
        elif amount != amount.quantize(_CENT):
            yield Fault(
                name, "AMOUNT_PLACES", "最多两位小数", "must have at most two decimal places"
            )


def _date_faults(details: Details) -> Iterator[Fault]:
    start, end = details.planned_start, details.planned_completion
    if start is None and details.category != RESERVE:
        yield _required("planned_start")
    if start and end and end < start:
        yield Fault(
            "planned_completion",
            "ENDS_BEFORE_START",
            f"计划竣工 {end} 早于计划开工 {start}",
            f"{end} is before the planned start {start}",
        )
    for name in ("sign_date", "planned_start", "planned_completion"):
        day = getattr(details, name)
        if day is not None and not 1990 <= day.year <= 2100:
            yield Fault(
                name, "DATE_RANGE", "应在 1990 至 2100 年之间", "must lie between 1990 and 2100"
            )


def read_attributes(
    given: Mapping[str, str], *, onto: Mapping[str, Value] | None = None
) -> tuple[dict[str, Value], list[Fault]]:
    """Read attributes given as JSON text over those of `onto`; return also what is wrong."""
    read: dict[str, Value] = dict(onto or {})
    wrong: list[Fault] = []
    for name, text in given.items():
        attribute = attributes().get(name)
        if attribute is None:
            wrong.append(
                Fault(
                    f"attributes.{name}",
                    "ATTRIBUTE_UNKNOWN",
                    "没有这个项目属性",
                    "there is no such attribute",
                )
            )
            continue
        value = attribute.read_json(text)
        if isinstance(value, Fault):
            wrong.append(value)
        else:
            read[name] = value
    return read, wrong


def flat(details: Details) -> dict[str, str]:
    """Return every field as text, attributes by `attributes.<name>`."""
    shown = {
        each.name: show(getattr(details, each.name))
        for each in fields(details)
        if each.name != "attributes"
    }
    shown.update({f"attributes.{name}": show(value) for name, value in details.attributes.items()})
    return shown


def show(value: object) -> str:
    """Return a field's value as the API and the history write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.quantize(_CENT)}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
