"""What the cells and rows of an annual list say, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from chassis import regions
from project_registry.domain.columns import (
    BACKUP_AGENT,
    MAIN_AGENT,
    Column,
    columns,
    heading_of,
)
from project_registry.domain.reference import Fault, Value, attributes, read_number

_EPOCH = date(1899, 12, 30)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Row:
    """One row of the file, numbered as a spreadsheet shows it; every cell as text."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class CellError:
    """One bad cell, or with an empty column a bad row; row 0 is the whole list."""

    row: int
    column: str
    heading: str
    value: str
    reason: str
    zh: str
    en: str


@dataclass(frozen=True)
class Agent:
    """A navigator on the roster."""

    account_id: str
    name: str
    username: str
    region_path: str


def read_day(text: str) -> date | None:
    """Read a day as people and Excel write it: 2026-03-09, 2026/3/9, 2026年3月9日, 20260309, 46090."""
    matched = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 00:00(?::00)?)?", text)
    if matched is None:
        matched = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text)
    if matched is not None:
        try:
            return date(int(matched[1]), int(matched[2]), int(matched[3]))
        except ValueError:
            return None
    # A cell that holds a date but is formatted as a number shows the day's serial.
    if re.fullmatch(r"\d{5}", text) and 32874 <= int(text) <= 73415:
        return _EPOCH + timedelta(days=int(text))
    return None


@cache
def _regions_by_name() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in regions.all_regions().values():
        found[each.name] = (*found.get(each.name, ()), each.code)
    return found


def read_region(field_name: str, text: str) -> str | Fault:
    """Return the code for a code or a full name."""
    if regions.find(text) is not None:
        return text
    named = _regions_by_name().get(text, ())
    if len(named) == 1:
        return named[0]
    if named:
        codes = ", ".join(named)
        return Fault(
            field_name,
            "REGION_AMBIGUOUS",
            f"“{text}”有多处 ({codes}), 请填代码",
            f"{text} may be {codes}, give the code",
        )
    return Fault(
        field_name,
        "REGION_UNKNOWN",
        f"没有名为或代码为“{text}”的区划",
        f"no region is called {text} or has that code",
    )


def read_cell(column: Column, text: str) -> Any | Fault:
    """Return the value of a cell that is not empty, or what is wrong with it."""
    name = column.field
    if name.startswith("attributes."):
        return attributes()[name.removeprefix("attributes.")].read(text)
    if name == "year":
        return (
            int(text)
            if re.fullmatch(r"\d{4}", text)
            else Fault(name, "NOT_A_YEAR", "应为四位年份", "must be a year of four digits")
        )
    if name in ("total_investment_wan", "annual_plan_wan"):
        number = read_number(text)
        if number is None:
            return Fault(
                name,
                "NOT_AN_AMOUNT",
                "应为不小于 0 的金额(万元)",
                "must be an amount of at least 0 (in 10,000 yuan)",
            )
        if number != number.quantize(_CENT):
            return Fault(
                name, "AMOUNT_PLACES", "最多两位小数", "must have at most two decimal places"
            )
        return number
    if name in ("sign_date", "planned_start", "planned_completion"):
        day = read_day(text)
        return day or Fault(
            name,
            "NOT_A_DATE",
            "应为存在的日期 (YYYY-MM-DD 或 Excel 日期)",
            "must be a day that exists, YYYY-MM-DD or an Excel date",
        )
    if name in ("admin_region", "managing_region"):
        return read_region(name, text)
    return text.upper() if name == "uscc" else text


@dataclass(frozen=True)
class Said:
    """What one row says: fields with a value, attributes, and agents. An empty cell says nothing."""

    row: int
    fields: Mapping[str, Any]
    attributes: Mapping[str, Value]
    agents: tuple[Agent, ...] | None = None

    @property
    def code(self) -> str:
        return str(self.fields.get("code", ""))

    @property
    def named(self) -> tuple[int, str, str]:
        return (
            int(self.fields.get("year", 0)),
            str(self.fields.get("level", "")),
            str(self.fields.get("name", "")),
        )


class Reader:
    """Reads the rows of one sheet by a settled mapping."""

    def __init__(self, sheet: Sheet, mapping: Mapping[str, str], roster: Sequence[Agent]) -> None:
        self._places = [
            (place, heading, column)
            for place, heading in enumerate(sheet.headings)
            for column in columns()
            if mapping.get(heading) == column.heading
        ]
        self._sheet, self._roster = sheet, roster
        self._columns = {column.field: (heading, column) for _, heading, column in self._places}
        self.errors: list[CellError] = []
        self._faulty: set[tuple[int, str]] = set()

    def missing_columns(self) -> None:
        for column in columns():
            if column.required and column.field not in self._columns:
                self.errors.append(
                    CellError(
                        0,
                        column.heading,
                        "",
                        "",
                        "COLUMN_MISSING",
                        f"缺少必填列“{column.heading}”",
                        f"the required column {column.heading} is missing",
                    )
                )

    def read(self) -> list[Said]:
        return [self._row(row) for row in self._sheet.rows]

    def has_fault(self, row: int, field_name: str) -> bool:
        return (row, field_name) in self._faulty

    def fault(self, row: Row | int, fault: Fault, value: str = "") -> None:
        """Note an error at the cell of the fault's field."""
        number = row.number if isinstance(row, Row) else row
        self._faulty.add((number, fault.field))
        heading, column = self._columns.get(fault.field, ("", None))
        self.errors.append(
            CellError(
                number,
                column.heading if column else heading_of(fault.field),
                heading,
                value[:200],
                fault.reason,
                fault.zh,
                fault.en,
            )
        )

    def _row(self, row: Row) -> Said:
        said: dict[str, Any] = {}
        asked: dict[str, Value] = {}
        for place, _, column in self._places:
            text = row.cells[place].strip() if place < len(row.cells) else ""
            if not text:
                if column.required:
                    self.fault(row, Fault(column.field, "REQUIRED", "必填", "is required"))
                continue
            value = read_cell(column, text)
            if isinstance(value, Fault):
                self.fault(row, value, text)
            elif column.field.startswith("attributes."):
                asked[column.field.removeprefix("attributes.")] = value
            else:
                said[column.field] = value
        agents = self._agents(row, said)
        return Said(row.number, said, asked, agents)

    def _agents(self, row: Row, said: dict[str, Any]) -> tuple[Agent, ...] | None:
        wanted = [
            (name, str(said.pop(name))) for name in (MAIN_AGENT, BACKUP_AGENT) if name in said
        ]
        if not wanted:
            return None
        managing = said.get("managing_region") or said.get("admin_region")
        district = "/".join(regions.path_of(managing).split("/")[:2]) if managing else ""
        found = []
        for name, text in wanted:
            fitting = [each for each in self._roster if text in (each.name, each.username)]
            here = [each for each in fitting if regions.within(each.region_path, district)]
            fitting = here or fitting
            if len(fitting) == 1:
                found.append(fitting[0])
            elif fitting:
                self.fault(
                    row,
                    Fault(
                        name,
                        "AGENT_AMBIGUOUS",
                        "帮办名册中有多人同名, 请填账号",
                        "several navigators have this name, give the user name",
                    ),
                    text,
                )
            else:
                self.fault(
                    row,
                    Fault(
                        name,
                        "AGENT_UNKNOWN",
                        "不在帮办名册中",
                        "is not on the navigators' roster",
                    ),
                    text,
                )
        if len(found) == 2 and found[0] == found[1]:
            self.fault(
                row,
                Fault(
                    BACKUP_AGENT,
                    "AGENT_TWICE",
                    "备帮办不能与主帮办为同一人",
                    "the second navigator must be another person",
                ),
            )
        return tuple(found)
