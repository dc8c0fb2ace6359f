"""The columns of an annual list, and which heading of a file is which of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from project_registry.domain.details import CATEGORIES, LEVELS
from project_registry.domain.errors import MappingInvalid
from project_registry.domain.reference import attributes

MAIN_AGENT, BACKUP_AGENT = "agent_main", "agent_backup"


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


def heading_of(name: str) -> str:
    return next((column.heading for column in columns() if column.field == name), "")
