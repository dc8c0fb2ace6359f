"""What a 重大项目服务专报 says (article 16, reports.md R6): overview, what was done, the problem, the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis import regions
from chassis.calendar import local_day
from chassis.errors import FailedPrecondition
from warning_dispatch.domain.escalations import Escalation
from warning_dispatch.domain.facts import Project, body_name, district_of
from warning_dispatch.domain.library import CAUSES_ZH, RECORDS_ZH

_GOVERNMENTS = ("district", "county_city")
_METHODS_ZH = {"handwritten": "手写签名", "electronic": "电子签名", "scan": "签批件扫描"}


class ReportMissing(FailedPrecondition):
    zh = "联动事项 {number} 尚未起草专报"
    en = "no special report was drafted for escalation {number}"


@dataclass(frozen=True)
class SpecialReport:
    """The letter, ready to be laid out."""

    sender: str
    addressee: str
    title: str
    number: str
    overview: tuple[tuple[str, str], ...]
    problem: tuple[str, ...]
    done: tuple[str, ...]
    text: tuple[str, ...]
    request: tuple[str, ...]
    signature: tuple[tuple[str, str], ...]
    signed: bool
    written_on: date


def special_report(
    matter: Escalation, project: Project | None, *, live_cards: int, open_orders: int
) -> SpecialReport:
    """Put the letter together from the matter and what is known of its project."""
    if matter.report is None:
        raise ReportMissing(number=matter.number)
    top = regions.get(district_of(matter.region_path).split("/")[0])
    return SpecialReport(
        sender=_sender(matter),
        addressee=f"{top.name}人民政府分管领导",
        title=matter.report.title,
        number=matter.number,
        overview=_overview(matter, project, live_cards, open_orders),
        problem=_paragraphs(matter.problem),
        done=tuple(_done(matter)),
        text=_paragraphs(matter.report.text),
        request=_request(matter),
        signature=_signature(matter),
        signed=matter.signature is not None,
        written_on=local_day(matter.signature.at if matter.signature else matter.report.at),
    )


def _sender(matter: Escalation) -> str:
    district = regions.get(district_of(matter.region_path).rpartition("/")[2])
    return f"{district.name}{'人民政府' if district.kind in _GOVERNMENTS else '管理委员会'}"


def _overview(
    matter: Escalation, project: Project | None, live_cards: int, open_orders: int
) -> tuple[tuple[str, str], ...]:
    where = "".join(regions.name(code) for code in matter.region_path.split("/")[1:])
    facts = [("项目名称", matter.project_name), ("项目级别", matter.level), ("落地板块", where)]
    if project:
        facts += [
            ("当前环节", "已竣工" if project.stage == "DONE" else f"六环节之 {project.stage}"),
            ("签约日期", _day(project.sign_date)),
            ("计划开工", _day(project.planned_start)),
            ("实际开工", _day(project.actual_start)),
        ]
    facts += [
        ("问题分类", CAUSES_ZH.get(matter.cause, "")),
        ("牵头单位", matter.lead_org_name),
        ("在亮红黄牌、在办工单", f"{live_cards} 张、{open_orders} 件"),
    ]
    return tuple((label, text) for label, text in facts if text)


def _done(matter: Escalation) -> Sequence[str]:
    lines = []
    for each in matter.tried:
        how, details = "", each.details
        if details:
            bodies = "、".join(body_name(org) for org in details.participants)
            parts = [RECORDS_ZH[details.kind], f"参加单位: {bodies}" if bodies else ""]
            if details.conclusion:
                parts.append(f"议定: {details.conclusion}")
            if details.responsible_name:
                until = f", {details.due_on} 前" if details.due_on else ""
                parts.append(f"责任单位: {details.responsible_name}{until}")
            how = f" ({'; '.join(part for part in parts if part)})"
        lines.append(f"{local_day(each.at)} {each.by_name}: {each.text}{how}")
    for measure in matter.measures:
        state = f"已完成: {measure.result}" if measure.done_on else f"{measure.due_on} 前完成"
        lines.append(f"措施: {measure.text} ({measure.org_name}, {state})")
    return lines


def _request(matter: Escalation) -> tuple[str, ...]:
    lines = list(_paragraphs(matter.wanted))
    if matter.regions:
        lines.append(f"涉及地区: {'、'.join(regions.name(code) for code in matter.regions)}")
    if matter.bodies:
        lines.append(f"涉及部门: {'、'.join(body_name(org) for org in matter.bodies)}")
    return tuple(lines)


def _signature(matter: Escalation) -> tuple[tuple[str, str], ...]:
    signed = matter.signature
    if signed is None:
        return (("分管领导签字", "(待签字)"),)
    lines = [
        ("分管领导签字", signed.signer_name),
        ("代签", f"代 {signed.on_behalf_of}" if signed.on_behalf_of else ""),
        ("签字方式", _METHODS_ZH[signed.method]),
        ("签批件", signed.document),
        ("签字日期", _day(local_day(signed.at))),
        ("内容校验 (SHA-256)", signed.sha256),
    ]
    return tuple((label, text) for label, text in lines if text)


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _day(day: date | None) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if day else ""
