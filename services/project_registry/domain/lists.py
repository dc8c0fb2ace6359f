"""The year's list of major projects: its columns, what a file says, and what a commit would do."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from chassis import regions
from project_registry.domain.authority import Desk
from project_registry.domain.details import CATEGORIES, LEVELS, Details, faults, flat
from project_registry.domain.errors import MappingInvalid
from project_registry.domain.projects import Project
from project_registry.domain.reference import Fault, Value, attributes, read_number

MAIN_AGENT, BACKUP_AGENT = "agent_main", "agent_backup"
_EPOCH = date(1899, 12, 30)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Column:
    """One of our columns. `field` is a field of Details, `attributes.<name>`, or an agent."""

    heading: str
    field: str
    required: bool = False
    rule: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()


@cache
def columns() -> tuple[Column, ...]:
    """Return our columns in the order of the template."""
    kind = attributes()["project_kind"]
    named = (
        Column("年度", "year", True, "四位年份", "2026"),
        Column("级别", "level", True, "省级 / 市级 / 区级", "市级", LEVELS),
        Column("类别", "category", True, "实施 / 储备", "实施", CATEGORIES),
        Column("项目名称", "name", True, "不超过 120 字; 同年同级别内唯一", "示例智能装备项目"),
        Column(
            "项目代码",
            "code",
            rule="NNNN-NNNNNN-NN-NN-NNNNNN (GB/T 40058); 有则全局唯一",
            example="2603-321181-89-01-123456",
        ),
        Column("建设单位", "enterprise_name", True, "企业名称", "示例装备(丹阳)有限公司"),
        Column("统一社会信用代码", "uscc", rule="18 位, 校验位正确", example="91321181000000027K"),
        Column("行政区划", "admin_region", True, "区划代码或全称", "丹阳市"),
        Column(
            "管理载体",
            "managing_region",
            rule="园区、开发区的代码或全称; 空则同行政区划",
            example="丹北镇",
        ),
        Column("产业类别", "industry", rule="文本", example="高端装备"),
        Column("主要建设内容", "content", rule="不超过 1000 字", example="新建厂房 5.2 万平方米"),
        Column(
            kind.label,
            "attributes.project_kind",
            rule=" / ".join(kind.choices.values()),
            example="新建",
            choices=tuple(kind.choices.values()),
        ),
        Column("总投资(万元)", "total_investment_wan", True, "不小于 0, 最多两位小数", "80000"),
        Column("年度计划投资(万元)", "annual_plan_wan", rule="不小于 0", example="35000"),
        Column("签约日期", "sign_date", rule="YYYY-MM-DD 或 Excel 日期", example="2026-02-02"),
        Column("计划开工", "planned_start", True, "YYYY-MM-DD 或 Excel 日期", "2026-09-30"),
        Column("计划竣工", "planned_completion", rule="不早于计划开工", example="2027-12-31"),
    )
    told = {column.field for column in named} | {"attributes.total_investment_wan"}
    asked = tuple(
        Column(
            each.label,
            f"attributes.{each.name}",
            rule={"bool": "是 / 否", "number": "不小于 0 的数"}.get(
                each.kind, " / ".join(each.choices.values())
            ),
            choices=("是", "否") if each.kind == "bool" else tuple(each.choices.values()),
        )
        for each in attributes().values()
        if f"attributes.{each.name}" not in told
    )
    return (
        *named,
        *asked,
        Column("主帮办", MAIN_AGENT, rule="帮办名册中的姓名或账号"),
        Column("备帮办", BACKUP_AGENT, rule="帮办名册中的姓名或账号"),
        Column("备注", "note", rule="不超过 1000 字"),
    )


# What other lists call our columns.
_ALSO = {
    "项目单位": "建设单位",
    "企业名称": "建设单位",
    "实施单位": "建设单位",
    "所属地区": "行政区划",
    "所在地": "行政区划",
    "建设地点": "行政区划",
    "地区": "行政区划",
    "管理板块": "管理载体",
    "所在园区": "管理载体",
    "信用代码": "统一社会信用代码",
    "投资项目代码": "项目代码",
    "项目统一代码": "项目代码",
    "总投资": "总投资(万元)",
    "投资总额": "总投资(万元)",
    "投资总额(万元)": "总投资(万元)",
    "年度投资计划(万元)": "年度计划投资(万元)",
    "年度计划投资": "年度计划投资(万元)",
    "当年计划投资(万元)": "年度计划投资(万元)",
    "签约时间": "签约日期",
    "开工时间": "计划开工",
    "计划开工时间": "计划开工",
    "拟开工时间": "计划开工",
    "竣工时间": "计划竣工",
    "计划竣工时间": "计划竣工",
    "建设内容": "主要建设内容",
    "建设规模及内容": "主要建设内容",
    "产业类型": "产业类别",
    "所属行业": "产业类别",
    "项目级别": "级别",
    "项目类别": "类别",
    "项目类型": "类别",
    "名称": "项目名称",
    "帮办员": "主帮办",
}
_CLOSE_ENOUGH = 0.75


def normal(heading: str) -> str:
    """Return a heading without the ornaments of a spreadsheet: spaces, stars, wide brackets."""
    text = re.sub(r"[\s*＊]", "", heading)
    return text.replace("（", "(").replace("）", ")").replace("：", ":")


@cache
def _ours() -> Mapping[str, str]:
    return {normal(column.heading): column.heading for column in columns()}


def is_known(heading: str) -> bool:
    """Say whether a text is one of our headings, or one that other lists use for it."""
    plain = normal(heading)
    return plain in _ours() or plain in _ALSO or plain.split(":")[0] in _ours()


def propose(headings: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Return for each heading the column of ours it seems to be, and whether it is one exactly.

    A column is proposed once; an exact heading takes it before a guess.
    """
    ours = _ours()
    proposed: dict[str, tuple[str, bool]] = {}
    taken: set[str] = set()
    told = list(headings)
    for heading in told:
        exact = ours.get(normal(heading), "") or ours.get(normal(heading).split(":")[0], "")
        if exact and exact not in taken:
            proposed[heading] = (exact, True)
            taken.add(exact)
    for heading in told:
        if heading in proposed:
            continue
        guess = _ALSO.get(normal(heading), "")
        if not guess:
            near = difflib.get_close_matches(normal(heading), ours, n=1, cutoff=_CLOSE_ENOUGH)
            guess = ours[near[0]] if near else ""
        if guess in taken:
            guess = ""
        taken.add(guess)
        proposed[heading] = (guess, False)
    return {heading: proposed[heading] for heading in told}


@dataclass(frozen=True)
class Row:
    """One row of the file, numbered as a spreadsheet shows it; every cell as text."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


def settle_mapping(
    headings: Sequence[str], proposed: Mapping[str, str], wishes: Mapping[str, str]
) -> dict[str, str]:
    """Return heading → our heading, the wishes over the proposal; a column has one heading at most."""
    ours = {column.heading for column in columns()}
    for heading, column in wishes.items():
        if heading not in headings:
            raise MappingInvalid(
                zh_why=f"文件中没有表头“{heading}”",
                en_why=f"the file has no heading {heading}",
                field="mapping",
            )
        if column and column not in ours:
            raise MappingInvalid(
                zh_why=f"模板中没有列“{column}”",
                en_why=f"there is no column {column}",
                field="mapping",
            )
    wished = {column for column in wishes.values() if column}
    kept = {
        heading: "" if heading not in wishes and column in wished else column
        for heading, column in proposed.items()
    }
    settled = {heading: wishes.get(heading, kept.get(heading, "")) for heading in headings}
    used = [column for column in settled.values() if column]
    twice = next((column for column in used if used.count(column) > 1), None)
    if twice is not None:
        raise MappingInvalid(
            zh_why=f"列“{twice}”对应了两个表头",
            en_why=f"two headings are mapped to {twice}",
            field="mapping",
        )
    return settled


# --- cells ------------------------------------------------------------------------------------


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


# --- rows -------------------------------------------------------------------------------------


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
                column.heading if column else _heading_of(fault.field),
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


def _heading_of(name: str) -> str:
    return next((column.heading for column in columns() if column.field == name), "")


# --- differences -------------------------------------------------------------------------------

NEW, CHANGED, UNCHANGED, MISSING = "new", "changed", "unchanged", "missing"


@dataclass(frozen=True)
class FieldChange:
    field: str
    label: str
    old: str
    new: str


@dataclass(frozen=True)
class Difference:
    """What a commit does with one project. `project` is None for a new one."""

    kind: str
    row: int
    name: str
    project: Project | None = None
    details: Details | None = None
    agents: tuple[Agent, ...] | None = None
    changes: tuple[FieldChange, ...] = ()

    @property
    def project_id(self) -> UUID | None:
        return self.project.id if self.project else None


@dataclass(frozen=True)
class Registered:
    """What the library has of the projects a sheet may mean."""

    by_code: Mapping[str, Project]
    by_name: Mapping[tuple[int, str, str], Project]
    # last are the projects of the last committed lists of the year, by level.
    last: Mapping[str, Sequence[Project]] = field(default_factory=dict)


@dataclass(frozen=True)
class Assessment:
    """What a sheet says of the library as it is now."""

    year: int
    errors: tuple[CellError, ...]
    differences: tuple[Difference, ...]
    levels: tuple[str, ...] = ()

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.differences)

    @property
    def token(self) -> str:
        """Identify exactly what a commit would do; another token, another effect."""
        digest = hashlib.sha256(str(self.year).encode())
        for each in self.differences:
            digest.update(repr((each.kind, each.row, each.project_id, each.changes)).encode())
        return digest.hexdigest()


def year_of(said: Sequence[Said]) -> int:
    """Return the year that most rows have, 0 when none has one."""
    years = Counter(int(each.fields["year"]) for each in said if "year" in each.fields)
    return years.most_common(1)[0][0] if years else 0


def assess(reader: Reader, said: Sequence[Said], registered: Registered, desk: Desk) -> Assessment:
    """Compare what the rows say with what is registered, and name everything that is wrong."""
    year = year_of(said)
    seen: dict[Any, int] = {}
    differences = []
    for each in said:
        if each.fields.get("year", year) != year:
            reader.fault(
                each.row,
                Fault(
                    "year",
                    "YEARS_DIFFER",
                    f"一份清单只能有一个年度, 其他行为 {year}",
                    f"a list has one year, the other rows say {year}",
                ),
                str(each.fields["year"]),
            )
        _refuse_twice(reader, each, seen)
        found, why = _find(each, registered)
        if why is not None:
            reader.fault(each.row, why, str(each.fields.get(why.field, "")))
            continue
        if found is not None and seen.setdefault(found.id, each.row) != each.row:
            reader.fault(each.row, _same_project(seen[found.id]), each.named[2])
            continue
        differences.append(_difference(reader, each, found, desk))
    bad = {error.row for error in reader.errors}
    differences = [each for each in differences if each.row not in bad]
    levels = tuple(sorted({str(each.fields.get("level", "")) for each in said} & set(LEVELS)))
    present = {each.project_id for each in differences if each.project}
    present |= {
        project.id
        for each in said
        if each.row in bad
        for project in (
            registered.by_code.get(each.code),
            registered.by_name.get(each.named),
        )
        if project is not None
    }
    gone = [
        Difference(MISSING, 0, project.details.name, project)
        for level in levels
        for project in registered.last.get(level, ())
        if project.id not in present and project.withdrawn_on is None
    ]
    ordered = sorted(reader.errors, key=lambda error: error.row)
    return Assessment(year, tuple(ordered), (*differences, *gone), levels)


def _refuse_twice(reader: Reader, said: Said, seen: dict[Any, int]) -> None:
    keys: list[tuple[str, Any, str]] = [("name", said.named, said.named[2])]
    if said.code:
        keys.append(("code", said.code, said.code))
    for name, key, text in keys:
        if not text:
            continue
        first = seen.setdefault(key, said.row)
        if first != said.row:
            reader.fault(
                said.row,
                Fault(
                    name,
                    "ROW_TWICE",
                    f"与第 {first} 行重复",
                    f"is the same as in row {first}",
                ),
                text,
            )


def _same_project(row: int) -> Fault:
    return Fault(
        "name",
        "PROJECT_TWICE",
        f"与第 {row} 行是同一个项目",
        f"means the same project as row {row}",
    )


def _find(said: Said, registered: Registered) -> tuple[Project | None, Fault | None]:
    """Return the project that a row means, by code or else by year, level and name, or why none may be."""
    by_name = registered.by_name.get(said.named)
    found = registered.by_code.get(said.code) if said.code else None
    if found is None:
        found = by_name
        if found is not None and said.code and found.details.code:
            return None, Fault(
                "code",
                "CODE_DIFFERS",
                f"已入库的同名项目代码为 {found.details.code}",
                f"the project of that name has the code {found.details.code}",
            )
    elif by_name is not None and by_name.id != found.id:
        return None, Fault(
            "name",
            "NAME_TAKEN",
            f"同年同级别已有同名项目 (代码 {by_name.details.code or '无'})",
            "another project of that year and level has this name",
        )
    if found is not None and found.withdrawn_on is not None:
        return None, Fault(
            "name",
            "PROJECT_WITHDRAWN",
            f"该项目已于 {found.withdrawn_on} 调出",
            f"the project was withdrawn on {found.withdrawn_on}",
        )
    return found, None


def _difference(reader: Reader, said: Said, found: Project | None, desk: Desk) -> Difference:
    base = found.details if found else Details()
    told = dict(said.fields)
    if found is None and "managing_region" not in told:
        told["managing_region"] = told.get("admin_region", "")
    details = replace(base, **told, attributes={**base.attributes, **said.attributes})
    details = details.settled()
    for fault in (*faults(details), *_not_his(details, found, desk)):
        # A cell that could not be read is no reason to say that its field is missing.
        if not reader.has_fault(said.row, fault.field):
            reader.fault(said.row, fault, str(told.get(fault.field, "")))
    if found is None:
        return Difference(NEW, said.row, details.name, None, details, said.agents)
    # An assignment knows better than a list who goes there.
    agents = said.agents if not found.assigned else None
    changes = [
        FieldChange(name, _label(name), old, new) for name, old, new in _compared(base, details)
    ]
    if agents is not None:
        names = " ".join(agent.name for agent in agents)
        if tuple(agent.account_id for agent in agents) != found.agents:
            changes.append(FieldChange("agents", "帮办", " ".join(found.agent_names), names))
    kind = CHANGED if changes else UNCHANGED
    return Difference(kind, said.row, details.name, found, details, agents, tuple(changes))


def _compared(old: Details, new: Details) -> list[tuple[str, str, str]]:
    before, after = flat(old), flat(new)
    return [
        (name, before.get(name, ""), text)
        for name, text in after.items()
        if text != before.get(name, "") and name != "attributes.total_investment_wan"
    ]


def _label(name: str) -> str:
    return _heading_of(name) or name


def _not_his(details: Details, found: Project | None, desk: Desk) -> Iterable[Fault]:
    """Yield why the row is not the importer's to import."""
    for level in dict.fromkeys((details.level, *((found.details.level,) if found else ()))):
        if level in LEVELS and not desk.manages(level):
            yield Fault(
                "level",
                "LEVEL_NOT_YOURS",
                f"{level}项目不由您所在层级导入",
                f"{level} projects are not imported at your tier",
            )
            return
    paths = [details.managing_region, *((found.details.managing_region,) if found else ())]
    for code in paths:
        if regions.find(code) and not regions.within(regions.path_of(code), desk.region_path):
            yield Fault(
                "admin_region",
                "REGION_NOT_YOURS",
                f"{code} 不在您的辖区",
                f"{code} is outside your territory",
            )
            return
