"""What a list says, what is wrong with it, and what a commit would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from project_registry.domain.authority import Desk
from project_registry.domain.columns import columns, propose, settle_mapping
from project_registry.domain.errors import MappingInvalid
from project_registry.domain.lists import Assessment, Registered, assess
from project_registry.domain.projects import Project
from project_registry.domain.rows import Agent, Reader, read_day
from project_registry.spreadsheet import read_sheet
from support.projects import ROW, TODAY, details, project, row, workbook

CITY = Desk("321100", frozenset({"D4"}), adjusts=True)
DANYANG = Desk("321100/321181", frozenset({"D1"}), adjusts=True)
ROSTER = (
    Agent("id-1", "张三", "b1.danyang", "321100/321181/321181113"),
    Agent("id-2", "李四", "b1.yunyang", "321100/321181/321181001"),
    Agent("id-3", "张三", "b1.jurong", "321100/321183/321183102"),
    Agent("id-4", "王五", "b1.a", "321100/321183/321183102"),
    Agent("id-5", "王五", "b1.b", "321100/321183/321183103"),
)
EMPTY = Registered({}, {})


def library(*known: Project, last: Sequence[Project] = ()) -> Registered:
    return Registered(
        {each.details.code: each for each in known if each.details.code},
        {(each.details.year, each.details.level, each.details.name): each for each in known},
        {level: [p for p in last if p.details.level == level] for level in ("省级", "市级")},
    )


def read(
    *rows: Mapping[str, Any], known: Registered = EMPTY, desk: Desk = CITY, **mapping: str
) -> Assessment:
    sheet = read_sheet(workbook(rows))
    proposed = {heading: column for heading, (column, _) in propose(sheet.headings).items()}
    reader = Reader(sheet, settle_mapping(sheet.headings, proposed, mapping), ROSTER)
    reader.missing_columns()
    return assess(reader, reader.read(), known, desk)


def registered(**changed: Any) -> Project:
    """The project that ROW describes, as a commit of it leaves it."""
    found = read(ROW).differences[0].details
    assert found is not None
    return replace(project(), details=replace(found, **changed).settled())


@pytest.mark.article("A10.1")
def test_a_good_row_is_a_new_project_with_everything_it_says() -> None:
    found = read(row(用地方式="出让", 环评类别="报告表", **{"征占地面积(公顷)": 4.6}))

    assert found.errors == ()
    (new,) = found.differences
    assert new.kind == "new"
    assert new.details is not None
    assert new.details.admin_region == "321181"
    assert new.details.managing_region == "321181113"
    assert new.details.sign_date == date(2026, 2, 2)
    assert new.details.attributes["land_area_ha"] == 4.6
    assert new.details.attributes["eia_class"] == "form"


@pytest.mark.article("A10.1")
@pytest.mark.parametrize(
    ("changed", "column", "reason"),
    [
        ({"年度": "二六"}, "年度", "NOT_A_YEAR"),
        ({"年度": None}, "年度", "REQUIRED"),
        ({"级别": "国家级"}, "级别", "NOT_A_LEVEL"),
        ({"类别": "前期"}, "类别", "NOT_A_CATEGORY"),
        ({"项目名称": None}, "项目名称", "REQUIRED"),
        ({"项目名称": "项" * 121}, "项目名称", "TOO_LONG"),
        ({"项目代码": "2603-321181"}, "项目代码", "CODE_FORMAT"),
        ({"项目代码": "2603-110101-89-01-123456"}, "项目代码", "CODE_REGION"),
        ({"建设单位": None}, "建设单位", "REQUIRED"),
        ({"统一社会信用代码": "91321181000000028X"}, "统一社会信用代码", "USCC_INVALID"),
        ({"行政区划": "上海市"}, "行政区划", "REGION_UNKNOWN"),
        ({"管理载体": "某园"}, "管理载体", "REGION_UNKNOWN"),
        ({"总投资(万元)": "八亿"}, "总投资(万元)", "NOT_AN_AMOUNT"),
        ({"总投资(万元)": -1}, "总投资(万元)", "NOT_AN_AMOUNT"),
        ({"总投资(万元)": 80000.125}, "总投资(万元)", "AMOUNT_PLACES"),
        ({"签约日期": "2026-02-30"}, "签约日期", "NOT_A_DATE"),
        ({"计划开工": None}, "计划开工", "REQUIRED"),
        ({"计划竣工": "2026-09-01"}, "计划竣工", "ENDS_BEFORE_START"),
        ({"建设性质": "重建"}, "建设性质", "NOT_A_CHOICE"),
        ({"是否新设项目法人": "也许"}, "是否新设项目法人", "NOT_A_BOOL"),
        ({"年用电量(万千瓦时)": "很多"}, "年用电量(万千瓦时)", "NOT_A_NUMBER"),
        ({"主帮办": "赵六"}, "主帮办", "AGENT_UNKNOWN"),
        ({"主帮办": "王五"}, "主帮办", "AGENT_AMBIGUOUS"),
        ({"主帮办": "李四", "备帮办": "b1.yunyang"}, "备帮办", "AGENT_TWICE"),
        ({"备注": "注" * 1001}, "备注", "TOO_LONG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_of_bad_cell_is_named_by_row_column_and_reason(
    changed: dict[str, Any], column: str, reason: str
) -> None:
    found = read(row(项目名称="好项目", 项目代码=None), row(**changed))

    assert [(each.row, each.column, each.reason) for each in found.errors] == [(3, column, reason)]
    assert found.errors[0].zh
    assert found.errors[0].en


def test_every_bad_cell_of_every_row_is_named_at_once() -> None:
    found = read(
        row(级别="x", 类别="y", 签约日期="z"),
        row(项目名称="二", 行政区划="z", 项目代码="1", 年度=None),
    )

    assert {(each.row, each.column) for each in found.errors} == {
        (2, "级别"),
        (2, "类别"),
        (2, "签约日期"),
        (3, "年度"),
        (3, "行政区划"),
        (3, "项目代码"),
    }
    assert [each.row for each in found.errors] == sorted(each.row for each in found.errors)


def test_a_missing_required_column_is_an_error_of_the_whole_list() -> None:
    without = {heading: value for heading, value in ROW.items() if heading != "建设单位"}

    found = read(without)

    assert (0, "建设单位", "COLUMN_MISSING") in [
        (each.row, each.column, each.reason) for each in found.errors
    ]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(), row(项目名称="另一个")], "ROW_TWICE"),
        ([row(), row(项目代码=None)], "ROW_TWICE"),
        (
            [
                row(),
                row(年度=2025, 项目名称="另一个", 项目代码=None),
                row(项目名称="三", 项目代码=None),
            ],
            "YEARS_DIFFER",
        ),
    ],
    ids=["the same code twice", "the same name twice", "two years in one list"],
)
def test_rows_that_contradict_each_other_are_refused(
    rows: list[dict[str, Any]], reason: str
) -> None:
    assert {each.reason for each in read(*rows).errors} == {reason}


@pytest.mark.article("A10.2")
@pytest.mark.parametrize(
    ("desk", "changed", "reason"),
    [
        (CITY, {"级别": "区级"}, "LEVEL_NOT_YOURS"),
        (DANYANG, {}, "LEVEL_NOT_YOURS"),
        (DANYANG, {"级别": "区级", "行政区划": "句容市", "管理载体": "下蜀镇"}, "REGION_NOT_YOURS"),
    ],
    ids=["the city and a district project", "a district and a city project", "a neighbour's"],
)
def test_a_desk_imports_what_it_manages(desk: Desk, changed: dict[str, Any], reason: str) -> None:
    assert [each.reason for each in read(row(**changed), desk=desk).errors] == [reason]


def test_a_district_imports_its_own_projects() -> None:
    assert read(row(级别="区级"), desk=DANYANG).errors == ()


# --- differences ---------------------------------------------------------------------------------


@pytest.mark.article("A10.1")
def test_the_same_row_again_is_unchanged() -> None:
    found = read(ROW, known=library(registered()))

    assert [each.kind for each in found.differences] == ["unchanged"]


def test_a_change_is_named_field_by_field() -> None:
    known = registered()
    found = read(row(**{"总投资(万元)": "90,000.50", "环评类别": "报告书"}), known=library(known))

    (changed,) = found.differences
    assert (changed.kind, changed.project_id) == ("changed", known.id)
    assert [(each.label, each.old, each.new) for each in changed.changes] == [
        ("总投资(万元)", "80000.00", "90000.50"),
        ("环评类别", "form", "report"),
    ]


def test_an_empty_cell_leaves_what_is_registered() -> None:
    known = registered(industry="高端装备")
    found = read(row(产业类别=None, 签约日期=None), known=library(known))

    assert [each.kind for each in found.differences] == ["unchanged"]


def test_a_project_is_known_by_its_code_even_under_another_name_and_year() -> None:
    known = registered(name="旧名", year=2025)
    found = read(ROW, known=library(known))

    assert [(change.field, change.old) for change in found.differences[0].changes] == [
        ("name", "旧名"),
        ("year", "2025"),
    ]


def test_a_project_without_a_code_is_known_by_year_level_and_name_and_gets_its_code() -> None:
    found = read(ROW, known=library(registered(code="")))

    assert [(change.field, change.new) for change in found.differences[0].changes] == [
        ("code", "2603-321181-89-01-123456")
    ]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (registered(code="2603-321181-89-01-999999"), "CODE_DIFFERS"),
        (replace(registered(), withdrawn_on=TODAY), "PROJECT_WITHDRAWN"),
    ],
    ids=["the name with another code", "withdrawn"],
)
def test_a_row_that_cannot_be_the_registered_project_is_refused(
    known: Project, reason: str
) -> None:
    assert [each.reason for each in read(ROW, known=library(known)).errors] == [reason]


def test_two_rows_that_mean_one_project_are_refused() -> None:
    known = registered(name="旧名")
    found = read(ROW, row(项目名称="旧名", 项目代码=None), known=library(known))

    assert [(each.row, each.reason) for each in found.errors] == [(3, "PROJECT_TWICE")]


def test_a_new_name_that_another_project_has_is_refused() -> None:
    known, other = registered(name="旧名"), project(2, name="示例智能装备项目")
    found = read(ROW, known=library(known, other))

    assert [each.reason for each in found.errors] == ["NAME_TAKEN"]


@pytest.mark.article("A10.1")
def test_what_was_on_the_last_list_of_the_level_and_is_not_on_this_one_is_missing() -> None:
    gone, other_level = project(2, name="去年的"), project(3, name="省里的", level="省级")
    known = registered()
    found = read(ROW, known=library(known, gone, other_level, last=(known, gone, other_level)))

    assert [(each.kind, each.name) for each in found.differences] == [
        ("unchanged", "示例智能装备项目"),
        ("missing", "去年的"),
    ]


def test_navigators_are_found_on_the_roster_of_the_district() -> None:
    (new,) = read(row(主帮办="张三", 备帮办="b1.yunyang")).differences

    assert new.agents is not None
    assert [each.account_id for each in new.agents] == ["id-1", "id-2"]


def test_a_list_does_not_undo_an_assignment() -> None:
    assigned = replace(registered(), agents=("id-9",), agent_names=("他人",), assigned=3)
    listed = replace(registered(), agents=("id-9",), agent_names=("他人",))

    kinds = [
        read(row(主帮办="李四"), known=library(each)).differences[0].kind
        for each in (assigned, listed)
    ]
    assert kinds == ["unchanged", "changed"]


def test_the_token_is_another_when_a_commit_would_do_something_else() -> None:
    new = read(ROW)
    unchanged = read(ROW, known=library(registered()))
    changed = read(ROW, known=library(registered(industry="旧")))
    otherwise = read(row(产业类别="新"), known=library(registered(industry="旧")))

    tokens = {each.token for each in (new, unchanged, otherwise)}
    assert len(tokens) == 3
    assert changed.token == unchanged.token or changed.token not in tokens
    assert read(ROW).token == new.token


# --- headings --------------------------------------------------------------------------------------


def test_our_own_headings_are_recognised_whatever_their_ornaments() -> None:
    proposed = propose(["* 项目名称", "总投资（万元）", "用地方式: 出让/划拨/存量自有/租赁厂房"])

    assert [column for column, _ in proposed.values()] == ["项目名称", "总投资(万元)", "用地方式"]
    assert all(exact for _, exact in proposed.values())


def test_other_lists_headings_are_guessed_and_marked_as_guesses() -> None:
    proposed = propose(["名称", "项目单位", "投资总额(万元)", "计划开工时间", "序号"])

    assert list(proposed.values()) == [
        ("项目名称", False),
        ("建设单位", False),
        ("总投资(万元)", False),
        ("计划开工", False),
        ("", False),
    ]


def test_a_column_is_proposed_once_and_the_exact_heading_takes_it() -> None:
    assert list(propose(["项目单位", "建设单位"]).values()) == [("", False), ("建设单位", True)]


def test_what_the_importer_says_goes_before_the_proposal() -> None:
    settled = settle_mapping(
        ["甲", "项目名称"], {"甲": "", "项目名称": "项目名称"}, {"甲": "项目名称"}
    )

    assert settled == {"甲": "项目名称", "项目名称": ""}


@pytest.mark.parametrize(
    "wishes",
    [{"乙": "项目名称"}, {"甲": "没有的列"}, {"甲": "备注", "丙": "备注"}],
    ids=["no such heading", "no such column", "a column twice"],
)
def test_a_mapping_that_cannot_be_is_refused(wishes: dict[str, str]) -> None:
    with pytest.raises(MappingInvalid):
        settle_mapping(["甲", "丙"], {}, wishes)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-09", date(2026, 3, 9)),
        ("2026/3/9", date(2026, 3, 9)),
        ("2026.03.09", date(2026, 3, 9)),
        ("2026年3月9日", date(2026, 3, 9)),
        ("20260309", date(2026, 3, 9)),
        ("2026-03-09 00:00:00", date(2026, 3, 9)),
        ("46090", date(2026, 3, 9)),
        ("2026-13-01", None),
        ("2026-03", None),
        ("三月", None),
        ("5", None),
    ],
)
def test_a_day_is_read_as_people_and_spreadsheets_write_it(text: str, day: date | None) -> None:
    assert read_day(text) == day


def test_every_attribute_of_the_catalogue_has_a_column_and_no_heading_occurs_twice() -> None:
    headings = [column.heading for column in columns()]

    assert len(headings) == len(set(headings))
    assert {name for name in details().attributes if name != "total_investment_wan"} == {
        column.field.removeprefix("attributes.")
        for column in columns()
        if column.field.startswith("attributes.")
    }
