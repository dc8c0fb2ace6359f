"""The one-off complete notice 一次性告知书: a project's guide as a document to hand out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt

from approval_tracking.domain.guide_notices import GuideNotice, NoticeContent
from approval_tracking.domain.joint_review import (
    AGREE,
    AGREE_WITH_CONDITIONS,
    DEEMED,
    DO_NOT_PROCEED,
    OPPOSE,
    OVERDUE,
    PENDING,
    PROCEED,
    PROCEED_WITH_CONDITIONS,
    JointReview,
)
from approval_tracking.domain.joint_review_errors import MinutesMissing
from approval_tracking.domain.services import COMPANY, NAVIGATOR, ServiceAgreement
from chassis.calendar import SHANGHAI, local_day

if TYPE_CHECKING:
    from docx.document import Document

NOTICE_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_FONT = "仿宋"


def notice(content: NoticeContent, day: date) -> bytes:
    """Return the guide as .docx without giving it: the same guide on the same day is the same bytes."""
    return _notice(content, day, None)


def given_notice(given: GuideNotice) -> bytes:
    """Return a notice as it is given: with its number, what changed, and room for the signature."""
    return _notice(given.content, local_day(given.given_at), given)


def _notice(content: NoticeContent, day: date, given: GuideNotice | None) -> bytes:
    document = docx.Document()
    _set_font(document)
    title = document.add_heading("一次性告知书", 0)
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.add_paragraph(f"项目: {content.project_name}")
    if given:
        person = f"    经办人: {given.told_to}" if given.told_to else ""
        document.add_paragraph(f"第 {given.number} 号    被告知企业: {given.company}{person}")
    document.add_paragraph(
        f"依据填报的项目属性, 本项目须办理 {len(content.items)} 个事项, "
        f"所需材料合并后共 {sum(not paper.issued_by for paper in content.papers)} 份。"
        f"事项目录第 {content.catalogue} 版, 告知日期 {day.isoformat()}。"
    )
    document.add_heading("一、须办理的事项", 1)
    _table(
        document,
        ("事项", "须办理的原因", "办理机关和窗口", "时限", "收费", "依据"),
        [
            (
                f"{item.code} {item.name}",
                item.reason,
                f"{item.org_name}\n{item.window}",
                f"法定 {item.statutory}\n承诺 {item.committed}",
                "、".join(item.fees) or "不收费",
                item.basis,
            )
            for item in content.items
        ],
    )
    document.add_heading("二、办理条件、样表和结果", 1)
    _table(
        document,
        ("事项", "办理条件", "前置事项", "样表", "办理结果"),
        [
            (
                f"{item.code} {item.name}",
                item.applies_when,
                "、".join(item.prerequisites) or "无",
                "\n".join(item.sample_forms) or _NO_SAMPLE,
                item.result or "无",
            )
            for item in content.items
        ],
    )
    document.add_heading("三、材料(同一材料只交一次)", 1)
    _table(
        document,
        ("材料", "用于", "可容缺后补", "可承诺替代"),
        [
            (
                paper.name,
                "、".join(paper.needed_for),
                "、".join(paper.may_follow_for) or "否",
                "、".join(paper.by_commitment_for) or "否",
            )
            for paper in content.papers
            if not paper.issued_by
        ],
    )
    document.add_heading("四、由前序事项产生、无须提交的材料", 1)
    _table(
        document,
        ("材料", "来自", "用于"),
        [
            (paper.name, paper.issued_by, "、".join(paper.needed_for))
            for paper in content.papers
            if paper.issued_by
        ],
    )
    document.add_heading("五、无须办理的事项", 1)
    _table(
        document,
        ("事项", "无须办理的原因"),
        [(f"{each.code} {each.name}", each.reason) for each in content.set_aside],
    )
    document.add_paragraph(
        "标明「未填报, 按默认值」的属性请予核对: 属性变化的, 须办理的事项随之变化。"
    )
    if given:
        _receipt_of(document, given)
    properties = document.core_properties
    properties.author, properties.title = "", "一次性告知书"
    return fixed_bytes(document)


_NO_SAMPLE = "目录未提供样表"
_CHANGES = {
    "item_added": "新增事项",
    "item_dropped": "不再须办理",
    "item_changed": "事项变化",
    "paper_added": "新增材料",
    "paper_dropped": "不再需要的材料",
    "paper_changed": "材料变化",
}


def _receipt_of(document: Document, given: GuideNotice) -> None:
    """Add what changed since the notice last signed for, and where this one is signed for."""
    if given.changed_since:
        document.add_heading(f"六、与已签收的第 {given.changed_since} 号告知相比", 1)
        _table(
            document,
            ("变化", "事项或材料", "内容", "原告知", "现告知"),
            [
                (_CHANGES[each.kind], each.subject, each.aspect, each.before, each.after)
                for each in given.changes
            ],
        )
    document.add_paragraph("告知机关: ____________________ (印章位)")
    document.add_paragraph("被告知人签收: ____________________    日期: ____年__月__日")


_VIEWS = {AGREE: "同意", AGREE_WITH_CONDITIONS: "有条件同意", OPPOSE: "不同意"}
_SILENT = {DEEMED: "视为同意", PENDING: "待反馈", OVERDUE: "逾期未反馈, 催办"}
_OUTCOMES = {
    PROCEED: "通过",
    PROCEED_WITH_CONDITIONS: "有条件通过",
    DO_NOT_PROCEED: "不通过",
}


def joint_minutes(review: JointReview, day: date, *, with_opinions: bool) -> bytes:
    """Return the minutes 会议纪要 of a joint review as .docx, with where each body stands on a day."""
    if not review.minutes:
        raise MinutesMissing(review_id=review.id)
    document = docx.Document()
    _set_font(document)
    document.add_heading("联审会办会议纪要", 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.add_paragraph(f"议题: {review.subject}")
    document.add_paragraph(f"项目: {review.project_name}")
    held = review.meets_at.astimezone(SHANGHAI)
    document.add_paragraph(f"时间: {held:%Y-%m-%d %H:%M}    地点: {review.place}")
    document.add_paragraph(f"依据: {review.acts[0].basis}")
    names = {each.org: each.org_name for each in review.invitations}
    document.add_heading("一、参加人员", 1)
    people = [(each.name, names.get(each.org, "")) for each in review.present]
    _table(document, ("姓名", "单位"), people)
    document.add_heading("二、会办办件", 1)
    cases = [(f"{each.item_code} {each.item_name}", each.org_name) for each in review.cases]
    _table(document, ("事项", "办理机关"), cases)
    document.add_heading("三、共享材料", 1)
    papers = [(each.title, each.document) for each in review.papers]
    _table(document, ("材料", "文件"), papers)
    document.add_heading("四、会议情况", 1)
    document.add_paragraph(review.minutes)
    if with_opinions:
        document.add_heading("五、各单位意见", 1)
        rows = [
            (
                review.subject_of(each.case_id).item_code,
                each.invitation.org_name,
                _SILENT.get(each.state) or _VIEWS[each.view],
                each.text,
            )
            for each in review.standings(day)
        ]
        _table(document, ("事项", "单位", "意见", "说明"), rows)
    document.add_heading("六、结论" if with_opinions else "五、结论", 1)
    _table(
        document,
        ("事项", "结论", "说明", "条件、责任单位和期限"),
        [
            (
                each.item_code,
                _OUTCOMES[each.outcome],
                each.text,
                "\n".join(
                    f"{task.text} ({task.org_name}, {task.due_on} 前)" for task in each.tasks
                ),
            )
            for each in review.conclusions
        ],
    )
    document.add_paragraph("联审会办不停止、不变更法定期限和承诺时限。")
    properties = document.core_properties
    properties.author, properties.title = "", "联审会办会议纪要"
    return fixed_bytes(document)


# The oldest day that a zip archive knows, in place of the moment of packing.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def fixed_bytes(document: Document) -> bytes:
    """Return the file; the same document gives the same bytes, whenever and wherever it is packed."""
    properties = document.core_properties
    properties.created = properties.modified = datetime(2000, 1, 1, tzinfo=UTC)
    packed, out = io.BytesIO(), io.BytesIO()
    document.save(packed)
    with zipfile.ZipFile(packed) as parts, zipfile.ZipFile(out, "w") as fixed:
        for part in parts.infolist():
            told = zipfile.ZipInfo(part.filename, _NO_TIME)
            told.compress_type, told.create_system = zipfile.ZIP_DEFLATED, 3
            fixed.writestr(told, parts.read(part))
    return out.getvalue()


def _table(document: Document, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if not rows:
        document.add_paragraph("无。")
        return
    table = document.add_table(rows=1, cols=len(heads), style="Table Grid")
    for cell, head in zip(table.rows[0].cells, heads, strict=True):
        cell.paragraphs[0].add_run(head).bold = True
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph()


def _set_font(document: Document) -> None:
    for name in ("Normal", "Title", "Heading 1"):
        style = document.styles[name]
        style.font.name = _FONT
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _FONT)
    document.styles["Normal"].font.size = Pt(10.5)


# --- the service agreement ----------------------------------------------------------------------------


def service_agreement(agreement: ServiceAgreement) -> bytes:
    """Return a service agreement 服务约定书 as .docx, as both sides signed it."""
    document = docx.Document()
    _set_font(document)
    document.add_heading("帮办代办服务约定书", 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.add_paragraph(f"编号: {agreement.number}")
    sides = {each.side: each for each in agreement.signatures}
    company, navigator = sides[COMPANY], sides[NAVIGATOR]
    document.add_paragraph(f"甲方(企业): {agreement.company}    签署人: {company.name}")
    document.add_paragraph(f"乙方(帮办专员): {navigator.name}")
    document.add_paragraph(f"项目: {agreement.project_name}")
    document.add_paragraph(
        f"甲方自服务菜单中选定以下 {len(agreement.services)} 项服务, 乙方按承诺时间提供。"
        "服务不收取任何费用, 不代替甲方依法应当承担的责任。"
    )
    _table(
        document,
        ("序号", "服务", "内容", "承诺"),
        [
            (
                str(place),
                each.offer.name,
                each.offer.content,
                f"{each.offer.promised_days} 个工作日内, 即 {each.due_on} 前"
                if each.due_on
                else "项目全过程",
            )
            for place, each in enumerate(agreement.services, start=1)
        ],
    )
    document.add_paragraph()
    if agreement.wishes:
        document.add_paragraph(f"甲方的其他要求: {agreement.wishes}")
    document.add_paragraph("约定内容变更的, 由双方重新签署; 新约定书生效后本约定书终止。")
    for name, each in (("甲方", company), ("乙方", navigator)):
        document.add_paragraph(
            f"{name}电子签署: {each.name}  {each.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        )
    document.add_paragraph(f"生效日期: {agreement.in_force_on}")
    return fixed_bytes(document)
