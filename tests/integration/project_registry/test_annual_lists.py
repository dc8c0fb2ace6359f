"""The annual list: uploaded, previewed, committed as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from google.api import httpbody_pb2
from kaigong.project_registry.v1 import project_registry_pb2 as pb

from chassis.identity import Principal
from project_registry.spreadsheet import read_sheet
from support.projects import ROW, row, workbook
from support.registry import (
    CITY,
    COMPANY,
    DANYANG,
    JURONG,
    NAVIGATOR,
    REVIEWER,
    VICE_MAYOR,
    Client,
)

SECOND = row(
    项目名称="示例光伏项目",
    项目代码=None,
    统一社会信用代码=None,
    行政区划="321183",
    管理载体=None,
    签约日期=datetime(2026, 3, 9),  # noqa: DTZ001
    备注="第二个",
)
BAD = row(项目名称="坏的", 项目代码="1", 级别="国家级", 计划开工=None)


def upload(call: Client, *rows: Mapping[str, Any], who: Principal = CITY) -> Any:
    body = httpbody_pb2.HttpBody(content_type="application/x", data=workbook(rows))
    return call(who, "UploadAnnualList", file=body, file_name="清单.xlsx")


def preview(call: Client, list_id: str, who: Principal = CITY, **mapping: str) -> Any:
    wishes = [{"heading": heading, "column": column} for heading, column in mapping.items()]
    return call(who, "PreviewAnnualList", list_id=list_id, mapping=wishes)


def commit(call: Client, *rows: Mapping[str, Any], who: Principal = CITY) -> Any:
    """Upload, preview and commit; return the list."""
    list_id = upload(call, *rows, who=who).list.list_id
    seen = preview(call, list_id, who)
    assert not seen.errors, seen.errors
    answer = call(who, "CommitAnnualList", list_id=list_id, preview_token=seen.preview_token)
    return answer.list


def versions(call: Client) -> dict[str, int]:
    rows = call(CITY, "ListProjects", page_size=200).projects
    return {each.details.name: each.version for each in rows}


def kinds(seen: Any) -> list[tuple[str, str]]:
    return [
        (pb.DifferenceKind.Name(each.kind).removeprefix("DIFFERENCE_KIND_"), each.name)
        for each in seen.differences
    ]


@pytest.mark.article("A10.1")
def test_a_list_becomes_projects_with_what_its_cells_say(call: Client) -> None:
    committed = commit(call, row(环评类别="报告书", 主帮办="示例帮办员02", 备注=None), SECOND)

    assert (committed.year, committed.added, committed.changed) == (2026, 2, 0)
    assert committed.status == pb.LIST_STATUS_COMMITTED
    first, second = (
        call(CITY, "GetProject", project_id=each).project for each in committed.project_ids
    )
    assert first.details.attributes["eia_class"] == '"report"'
    assert list(first.agent_names) == ["示例帮办员02"]
    assert (second.region_path, second.details.sign_date) == ("321100/321183", "2026-03-09")
    facts = call.facts()
    assert [kind for kind, _ in facts] == [
        "project_registered.v1",
        "project_registered.v1",
        "annual_list_published.v1",
    ]
    assert facts[-1][1] == {
        "list_id": committed.list_id,
        "year": 2026,
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "project_ids": list(committed.project_ids),
    }


@pytest.mark.article("A10.1")
def test_one_bad_row_keeps_the_whole_list_out(call: Client) -> None:
    list_id = upload(call, ROW, BAD).list.list_id
    seen = preview(call, list_id)

    assert {(each.row, each.column, each.reason) for each in seen.errors} == {
        (3, "级别", "NOT_A_LEVEL"),
        (3, "项目代码", "CODE_FORMAT"),
        (3, "计划开工", "REQUIRED"),
    }
    assert seen.preview_token == ""
    refused = call.refused(CITY, "CommitAnnualList", list_id=list_id, preview_token="x")
    assert refused[:2] == ("FAILED_PRECONDITION", "LIST_HAS_ERRORS")
    assert call.facts() == []


@pytest.mark.article("A10.1")
def test_the_same_file_twice_changes_nothing(call: Client) -> None:
    rows = (row(主帮办="示例帮办员02", 用地方式="出让"), SECOND)
    commit(call, *rows)
    before, facts = versions(call), call.facts()

    again = commit(call, *rows)

    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    assert versions(call) == before
    assert call.facts() == facts


@pytest.mark.article("A10.1")
def test_a_second_list_shows_and_does_what_is_different(call: Client) -> None:
    commit(call, ROW, SECOND)
    list_id = upload(
        call, row(产业类别="高端装备"), row(项目名称="新来的", 项目代码=None)
    ).list.list_id
    seen = preview(call, list_id)

    assert kinds(seen) == [
        ("CHANGED", "示例智能装备项目"),
        ("NEW", "新来的"),
        ("MISSING", "示例光伏项目"),
    ]
    assert [(each.label, each.old, each.new) for each in seen.differences[0].changes] == [
        ("产业类别", "", "高端装备")
    ]
    done = call(CITY, "CommitAnnualList", list_id=list_id, preview_token=seen.preview_token).list
    assert (done.added, done.changed, done.missing) == (1, 1, 1)
    assert versions(call) == {"示例智能装备项目": 2, "新来的": 1, "示例光伏项目": 1}
    project_id = done.project_ids[0]
    line = call(CITY, "GetProjectHistory", project_id=project_id, field="industry").changes[0]
    assert (line.source, line.by, line.reason) == ("annual_list", "d4.city", "清单.xlsx")


def test_a_list_of_another_level_misses_nobody(call: Client) -> None:
    commit(call, ROW)
    seen = preview(
        call, upload(call, row(级别="省级", 项目名称="省里的", 项目代码=None)).list.list_id
    )

    assert kinds(seen) == [("NEW", "省里的")]


def test_what_changed_since_the_preview_makes_it_stale(call: Client) -> None:
    commit(call, ROW)
    list_id = upload(call, row(产业类别="高端装备")).list.list_id
    token = preview(call, list_id).preview_token
    (project,) = call(CITY, "ListProjects").projects
    call(
        CITY,
        "UpdateProject",
        project_id=project.project_id,
        details={"industry": "新材料"},
        fields=["industry"],
    )

    refused = call.refused(CITY, "CommitAnnualList", list_id=list_id, preview_token=token)
    assert refused[:2] == ("ABORTED", "PREVIEW_STALE")
    again = preview(call, list_id)
    assert again.differences[0].changes[0].old == "新材料"
    call(CITY, "CommitAnnualList", list_id=list_id, preview_token=again.preview_token)


def test_a_project_entered_since_the_preview_makes_it_stale(call: Client) -> None:
    list_id = upload(call, ROW).list.list_id
    token = preview(call, list_id).preview_token
    commit(call, ROW)

    refused = call.refused(CITY, "CommitAnnualList", list_id=list_id, preview_token=token)
    assert refused[1] == "PREVIEW_STALE"


def test_other_headings_are_proposed_and_settled_by_the_importer(call: Client) -> None:
    renamed = {"项目名称": "名称", "建设单位": "业主", "计划开工": "拟开工时间"}
    theirs = {renamed.get(heading, heading): value for heading, value in ROW.items()}
    uploaded = upload(call, theirs)

    proposed = {each.heading: (each.column, each.exact) for each in uploaded.headings}
    assert proposed["名称"] == ("项目名称", False)
    assert proposed["拟开工时间"] == ("计划开工", False)
    assert proposed["业主"] == ("", False)
    assert list(uploaded.missing_required) == ["建设单位"]
    list_id = uploaded.list.list_id
    assert "COLUMN_MISSING" in {each.reason for each in preview(call, list_id).errors}
    assert preview(call, list_id, 业主="建设单位").errors == []
    # The importer's word is kept for the next preview.
    assert preview(call, list_id).errors == []
    assert call.refused(
        CITY,
        "PreviewAnnualList",
        list_id=list_id,
        mapping=[{"heading": "没有", "column": "备注"}],
    ) == ("INVALID_ARGUMENT", "MAPPING_INVALID", ["mapping"])


def test_a_list_is_committed_once_and_only_after_a_preview(call: Client) -> None:
    list_id = upload(call, ROW).list.list_id
    early = call.refused(CITY, "CommitAnnualList", list_id=list_id, preview_token="x")
    assert early[1] == "LIST_NOT_PREVIEWED"
    token, key = preview(call, list_id).preview_token, str(uuid4())
    first = call(CITY, "CommitAnnualList", key, list_id=list_id, preview_token=token)

    assert call(CITY, "CommitAnnualList", key, list_id=list_id, preview_token=token) == first
    again = call.refused(CITY, "CommitAnnualList", list_id=list_id, preview_token=token)
    assert again[:2] == ("FAILED_PRECONDITION", "LIST_COMMITTED")
    assert call.refused(CITY, "PreviewAnnualList", list_id=list_id)[1] == "LIST_COMMITTED"


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"not a workbook", "NOT_XLSX"), (b"", "NOT_XLSX")],
    ids=["text", "nothing"],
)
def test_what_is_no_workbook_is_refused(call: Client, data: bytes, reason: str) -> None:
    refused = call.refused(
        CITY, "UploadAnnualList", file=httpbody_pb2.HttpBody(data=data), file_name="a.xlsx"
    )

    assert refused == ("INVALID_ARGUMENT", reason, ["file"])


@pytest.mark.article("A10.2")
def test_a_district_imports_its_own_list_and_others_do_not_see_it(call: Client) -> None:
    own = row(级别="区级")
    committed = commit(call, own, who=DANYANG)

    assert committed.added == 1
    assert [each.list_id for each in call(DANYANG, "ListAnnualLists").lists] == [committed.list_id]
    for who in (CITY, JURONG):
        assert len(call(who, "ListAnnualLists").lists) == 0
        assert call.refused(who, "GetAnnualList", list_id=committed.list_id)[1] == "OUT_OF_SCOPE"
    assert {each.reason for each in preview(call, upload(call, own).list.list_id).errors} == {
        "LEVEL_NOT_YOURS"
    }


@pytest.mark.parametrize(
    "who", [COMPANY, NAVIGATOR, REVIEWER, VICE_MAYOR], ids=lambda w: w.username
)
def test_who_manages_no_library_imports_nothing(call: Client, who: Principal) -> None:
    body = httpbody_pb2.HttpBody(data=workbook([ROW]))

    assert call.refused(who, "UploadAnnualList", file=body)[1] == "NOT_YOUR_ROLE"
    assert call.refused(who, "GetAnnualListTemplate")[1] == "NOT_YOUR_ROLE"


def test_another_desk_cannot_touch_a_list(call: Client) -> None:
    list_id = upload(call, ROW).list.list_id

    refused = call.refused(JURONG, "PreviewAnnualList", list_id=list_id)
    assert refused[1] == "OUT_OF_SCOPE"
    unknown = call.refused(CITY, "PreviewAnnualList", list_id=str(uuid4()))
    assert unknown == ("NOT_FOUND", "LIST_NOT_FOUND", ["list_id"])


def test_the_template_is_a_workbook_with_a_chinese_name(call: Client) -> None:
    answer = call(CITY, "GetAnnualListTemplate")

    assert answer.content_type.endswith("spreadsheetml.sheet")
    assert read_sheet(answer.data).rows


def test_lists_are_listed_by_year_and_page(call: Client) -> None:
    for _ in range(3):
        upload(call, ROW)
    committed = commit(call, ROW)

    first = call(CITY, "ListAnnualLists", page_size=3)
    second = call(CITY, "ListAnnualLists", page_size=3, page_token=first.next_page_token)
    assert (len(first.lists), len(second.lists), first.total_size) == (3, 1, 4)
    found = call(CITY, "ListAnnualLists", year=2026, status=pb.LIST_STATUS_COMMITTED).lists
    assert [each.list_id for each in found] == [committed.list_id]
    assert list(call(CITY, "GetAnnualList", list_id=committed.list_id).list.project_ids) == list(
        committed.project_ids
    )
