"""What a special report says, and that the letter says all of it."""

from __future__ import annotations

import io
from datetime import date
from uuid import UUID

import docx
import pytest
from docx.shared import Mm

from chassis.calendar import read_calendar
from support.clocks import at, project_state, published_calendar
from warning_dispatch.domain import Actor, Bearer, Escalation, Project
from warning_dispatch.domain.events import DispatchRecord
from warning_dispatch.domain.library import classify
from warning_dispatch.domain.special_report import ReportMissing, special_report
from warning_dispatch.official_letters import lay_out

CALENDAR = read_calendar(published_calendar())
NOW = at("2026-10-08 10:00")
D1, D2, D3 = Actor("d1", "王五"), Actor("d2", "示例领导"), Actor("d3", "示例办公室")
MET = DispatchRecord(
    kind="on_site",
    participants=("321181:发改", "321181:住建"),
    conclusion="用地分两期办理",
    responsible="321181:发改",
    responsible_name="丹阳市发改",
    in_charge="李四",
    due_on=date(2026, 10, 20),
    order="o-1",
)


def matter(*, region_path: str = "321100/321181/321181113") -> Escalation:
    made = Escalation.open(
        UUID(int=1),
        D1,
        Bearer(
            project_id=UUID(int=7),
            project_name="示例高性能复合材料项目",
            region_path=region_path,
            level="市级",
            uscc="",
            agents=(),
            org="321181:政务服务",
            org_name="丹阳市政务服务",
            duty_bearer="government",
        ),
        number="LD-321181-2026-000001",
        holder="321181",
        rung="L2",
        subject="跨市道路用地",
        problem="接入道路跨句容市\n用地手续无法单独办理",
        days=5,
        calendar=CALENDAR,
        at=NOW,
    )
    made.record(D1, text="两次会商句容市, 未达成一致", details=MET, at=NOW)
    classify(
        made, D1, cause="resources", lead_org="321181:发改", lead_org_name="丹阳市发改", at=NOW
    )
    return made


def reported(*, signed: bool) -> Escalation:
    made = matter()
    made.write_report(
        D3, title="关于跨市道路用地的专报", text="项目推进正常。\n建议市级统筹指标。", at=NOW
    )
    if signed:
        made.sign(
            D2,
            on_behalf_of="",
            method="electronic",
            document="",
            sha256=made.content_sha256,
            note="",
            at=NOW,
        )
    return made


def letter(made: Escalation, project: Project | None = None) -> tuple[list[str], dict[str, str]]:
    """Return the lines of the letter, and its tables' rows."""
    document = docx.Document(
        io.BytesIO(lay_out(special_report(made, project, live_cards=2, open_orders=1)))
    )
    rows = [row for table in document.tables for row in table.rows]
    assert round((document.sections[0].top_margin or Mm(0)).mm) == 37
    return (
        [each.text for each in document.paragraphs],
        {row.cells[0].text: row.cells[1].text for row in rows},
    )


def test_a_signed_report_has_everything_in_its_order() -> None:
    made = reported(signed=True)
    lines, facts = letter(made, Project.read(project_state()))

    heads = [line for line in lines if line[:2] in {"一、", "二、", "三、", "四、", "五、"}]
    assert heads == [
        *(
            "一、项目基本情况",
            "二、存在问题",
            "三、已做工作",
            "四、情况分析与建议",
            "五、提请市级协调事项",
        ),
    ]
    assert "丹阳市人民政府    LD-321181-2026-000001" in lines
    assert "关于跨市道路用地的专报" in lines
    assert "镇江市人民政府分管领导:" in lines
    assert "用地手续无法单独办理" in lines
    assert (
        "2026-10-08 王五: 两次会商句容市, 未达成一致 (现场办公; 参加单位: 丹阳市发改、丹阳市住建; "
        "议定: 用地分两期办理; 责任单位: 丹阳市发改, 2026-10-20 前)"
    ) in lines
    assert "建议市级统筹指标。" in lines
    assert facts["当前环节"] == "六环节之 S4"
    assert facts["在亮红黄牌、在办工单"] == "2 张、1 件"
    assert facts["问题分类"] == "要素"
    assert facts["分管领导签字"] == "示例领导"
    assert facts["内容校验 (SHA-256)"] == made.content_sha256
    assert lines[-1] == "签字"


def test_a_draft_says_that_it_is_not_signed() -> None:
    lines, facts = letter(reported(signed=False))

    assert lines[-1] == "签字 (草稿, 未签字不得上报)"
    assert facts["分管领导签字"] == "(待签字)"
    assert "当前环节" not in facts


def test_an_economic_zone_is_signed_for_by_its_committee() -> None:
    made = matter(region_path="321100/321171")
    made.write_report(D3, title="专报", text="情况。", at=NOW)

    assert special_report(made, None, live_cards=0, open_orders=0).sender == "镇江新区管理委员会"


def test_the_same_report_is_the_same_file() -> None:
    made = special_report(reported(signed=True), None, live_cards=0, open_orders=0)

    assert lay_out(made) == lay_out(made)


def test_without_a_draft_there_is_no_report() -> None:
    with pytest.raises(ReportMissing):
        special_report(matter(), None, live_cards=0, open_orders=0)
