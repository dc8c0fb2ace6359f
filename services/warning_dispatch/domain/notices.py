"""Who is told what, when a card or a work order moves (the table of limits in warnings.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from warning_dispatch.domain.cards import Card
from warning_dispatch.domain.duties import local_text
from warning_dispatch.domain.escalations import STATUS_ZH, Escalation
from warning_dispatch.domain.orders import WorkOrder
from warning_dispatch.domain.rules import COLOUR_ZH, RED, RED_STATUTORY, YELLOW, Rule

# Of a territory: the district's people for yellow, its leader and the city's centre from red on,
# the city's leaders for a limit of the law. Which levels each sees is decided by scope.
_DISTRICT = ("B3", "D1")
_TOLD = {
    YELLOW: _DISTRICT,
    RED: (*_DISTRICT, "D2", "D4"),
    RED_STATUTORY: (*_DISTRICT, "D2", "D4", "D5", "D6"),
}
_DISPATCHERS = ("D1", "D4")
# Who decides on an objection, beside those who are told of the card.
_REVIEWERS = ("D4", "D5")
# Who is told of a matter at each rung: those who deal with it, and those below who wait.
_ON_RUNG = {
    "L1": ("B2",),
    "L2": ("B2", "B3", "D1", "D3"),
    "sign": ("D1", "D2"),
    "L3": ("B2", "D1", "D4", "D5"),
    "L4": ("B2", "D1", "D2", "D3", "D4", "D6"),
    "L5": ("B2", "D1", "D2", "D4", "D5", "D6"),
}
COLOUR_EN = {YELLOW: "yellow card", RED: "red card", RED_STATUTORY: "red card (statutory)"}


@dataclass(frozen=True)
class Notice:
    """One thing told to several: accounts, bodies, a company, and roles of a territory."""

    kind: str
    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    colour: str
    card_id: UUID | None
    order_id: UUID | None
    project_id: UUID | None
    region_path: str
    level: str
    accounts: tuple[str, ...] = ()
    orgs: tuple[str, ...] = ()
    uscc: str = ""
    roles: tuple[str, ...] = ()


def of_card(card: Card, rule: Rule | None, *, kind: str) -> Notice:
    """Tell of a card: the responsible body, its navigators, and the territory's people by colour."""
    about_zh = _about(card.bearer.project_name, card.bearer.item_name)
    what_zh = rule.title_zh if rule else card.identity.rule
    what_en = rule.title_en if rule else card.identity.rule
    verb_zh, verb_en = _CARD_VERBS[kind]
    level = rule.level(card.colour) if rule else None
    return Notice(
        kind=kind,
        title_zh=f"{verb_zh}{COLOUR_ZH[card.colour]}: {what_zh} · {about_zh}",
        title_en=f"{COLOUR_EN[card.colour]} {verb_en}: {what_en}, {about_zh}",
        body_zh="; ".join(card.explanation_zh),
        body_en="; ".join(card.explanation_en),
        colour=card.colour,
        card_id=card.id,
        order_id=None,
        project_id=card.bearer.project_id,
        region_path=card.bearer.region_path,
        level=card.bearer.level,
        accounts=card.bearer.agents,
        orgs=(card.bearer.org,) if card.bearer.org else (),
        uscc=card.bearer.uscc if card.bearer.duty_bearer == "enterprise" else "",
        roles=tuple(
            dict.fromkeys(
                (
                    *((level.tells if level else ()) or _TOLD[card.colour]),
                    *(_REVIEWERS if kind == "card_objected" else ()),
                )
            )
        ),
    )


def of_order(order: WorkOrder, *, kind: str) -> Notice:
    """Tell of an order: the bodies that must act while it is with them, the dispatchers when it comes back."""
    verb_zh, verb_en = _ORDER_VERBS[kind]
    to_body = kind in _TO_BODIES
    lines_zh = [order.requirement]
    lines_en = [order.requirement]
    if kind in ("order_issued", "order_rework"):
        sign, feedback = local_text(order.sign_by), local_text(order.feedback_by)
        lines_zh.append(
            f"签收期限 {sign}, 反馈期限 {feedback}, 办结期限 {local_text(order.close_by)}"
        )
        lines_en.append(
            f"sign by {sign}, answer by {feedback}, close by {local_text(order.close_by)}"
        )
    elif kind == "order_answered" and order.feedback:
        lines_zh = lines_en = [order.feedback.measures]
    elif order.steps and order.steps[-1].note:
        lines_zh = lines_en = [order.steps[-1].note]
    enterprise = order.bearer.duty_bearer == "enterprise"
    return Notice(
        kind=kind,
        title_zh=f"{verb_zh}工单 {order.number}: {order.subject}",
        title_en=f"work order {order.number} {verb_en}: {order.subject}",
        body_zh="; ".join(lines_zh),
        body_en="; ".join(lines_en),
        colour=order.colour,
        card_id=order.card_id,
        order_id=order.id,
        project_id=order.bearer.project_id,
        region_path=order.bearer.region_path,
        level=order.bearer.level,
        accounts=order.bearer.agents if kind in ("order_issued", "order_closed") else (),
        orgs=tuple(dict.fromkeys(org for org in (order.lead_org, *order.co_orgs) if org))
        if to_body
        else (),
        uscc=order.bearer.uscc if to_body and enterprise else "",
        roles=() if kind == "order_rework" else _DISPATCHERS,
    )


def of_escalation(matter: Escalation) -> Notice:
    """Tell who deals with a matter now, and everybody below of what became of it."""
    step = matter.steps[-1]
    return Notice(
        kind=f"escalation_{step.step}",
        title_zh=f"联动 {matter.number} {matter.rung}: {STATUS_ZH[matter.status]} · {matter.subject}",
        title_en=f"escalation {matter.number} at {matter.rung}: {matter.status}, {matter.subject}",
        body_zh=step.note,
        body_en=step.note,
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=matter.bearer.project_id,
        region_path=matter.region_path,
        level=matter.seen_at_level,
        accounts=matter.agents,
        roles=_ON_RUNG["sign" if matter.awaits_signature else matter.rung],
    )


def of_invitation(convened: Mapping[str, Any]) -> Notice:
    """Tell the bodies that are invited to a joint review 联审会办, and the company when it takes place."""
    day = convened["meets_at"]
    at = local_text(datetime.fromisoformat(day))
    due_zh = "; ".join(
        f"{each['org_name']} {each['opinion_due']} 前反馈意见" for each in convened["invitations"]
    )
    due_en = "; ".join(
        f"{each['org_name']} by {each['opinion_due']}" for each in convened["invitations"]
    )
    return _of_review(
        convened,
        kind="joint_review_convened",
        title=("联审会办", "joint review"),
        body=(
            f"{at} {convened['place']}; {due_zh}",
            f"{at}, {convened['place']}; opinions: {due_en}",
        ),
        orgs=tuple(each["org"] for each in convened["invitations"]),
        accounts=tuple(convened["agents"]),
    )


def of_overdue_opinion(overdue: Mapping[str, Any]) -> Notice:
    """Remind a body of the opinion that it owes, and tell the dispatchers."""
    due = overdue["opinion_due"]
    return _of_review(
        overdue,
        kind="joint_opinion_overdue",
        title=("催办: 联审会办意见逾期", "reminder: opinion overdue"),
        body=(
            f"{overdue['org_name']} 应于 {due} 前反馈意见, 至今未反馈",
            f"{overdue['org_name']} owes its opinion since {due}",
        ),
        orgs=(overdue["org"],),
        roles=_DISPATCHERS,
    )


def of_plan(reminded: Mapping[str, Any]) -> Notice:
    """Remind of a plan: who carries its nodes, the company and its navigators; of a slip the dispatchers too."""
    kind, nodes = reminded["kind"], reminded["nodes"]
    title_zh, title_en = _PLAN_TITLES[kind]
    if kind == "slipped":
        planned = reminded.get("planned_start")
        lines_zh = [
            f"预计最早开工日由 {reminded['earliest_before']} 推迟到 {reminded['earliest_after']}"
            f" ({reminded['days']} 个工作日)" + (f", 计划开工 {planned}" if planned else "")
        ]
        lines_en = [
            f"earliest start moved from {reminded['earliest_before']} to "
            f"{reminded['earliest_after']} ({reminded['days']} working days)"
            + (f", planned for {planned}" if planned else "")
        ]
        path = ["{item_code} {item_name}".format(**each) for each in nodes]
        lines_zh.append(f"关键路径: {' → '.join(path)}")
        lines_en.append(f"critical path: {' → '.join(path)}")
    else:
        lines_zh, lines_en = [], []
        for each in nodes:
            zh, en = _PLAN_LINES[kind]
            waits = "、".join(each["waits_for"]), ", ".join(each["waits_for"])
            late = -each["days_left"]
            lines_zh.append(zh.format(**{**each, "waits_for": waits[0]}, late=late))
            lines_en.append(en.format(**{**each, "waits_for": waits[1]}, late=late))
    return Notice(
        kind=f"plan_{kind}",
        title_zh=f"{title_zh}: {reminded['project_name']}",
        title_en=f"{title_en}: {reminded['project_name']}",
        body_zh="; ".join(lines_zh),
        body_en="; ".join(lines_en),
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=UUID(reminded["project_id"]),
        region_path=reminded["region_path"],
        level=reminded["level"],
        accounts=tuple(reminded["agents"]),
        orgs=tuple(dict.fromkeys(each["org"] for each in nodes if each["org"])),
        uscc=reminded["uscc"],
        roles=_DISPATCHERS if kind in ("slipped", "overdue") else (),
    )


def of_mention(mentioned: Mapping[str, Any]) -> Notice:
    """Tell those whom a message on a case mentions."""
    return Notice(
        kind="case_mention",
        title_zh=f"{mentioned['author_name']} 在办件会话中提到您: {_case(mentioned)}",
        title_en=f"{mentioned['author_name']} mentioned you: {_case(mentioned)}",
        body_zh=mentioned["text"],
        body_en=mentioned["text"],
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=UUID(mentioned["project_id"]),
        region_path=mentioned["region_path"],
        level=mentioned["level"],
        accounts=tuple(mentioned["accounts"]),
        orgs=tuple(mentioned["orgs"]),
        uscc=mentioned["uscc"],
        roles=tuple(mentioned["roles"]),
    )


def of_issue(moved: Mapping[str, Any]) -> Notice:
    """Tell the body that leads of an issue, and those who wait of its answer."""
    title_zh, title_en = _ISSUE_TITLES[moved["status"]]
    to_body = moved["status"] == "open"
    return Notice(
        kind=f"case_issue_{moved['status']}",
        title_zh=f"{title_zh} {moved['number']}: {_case(moved)}",
        title_en=f"{title_en} {moved['number']}: {_case(moved)}",
        body_zh="; ".join(filter(None, (moved["text"], moved["measures"]))),
        body_en="; ".join(filter(None, (moved["text"], moved["measures"]))),
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=UUID(moved["project_id"]),
        region_path=moved["region_path"],
        level=moved["level"],
        accounts=tuple(moved["agents"]),
        orgs=(moved["lead_org"],) if to_body else (),
        uscc="" if to_body else moved["uscc"],
        roles=_DISPATCHERS,
    )


def of_project_change(moved: Mapping[str, Any]) -> Notice:
    """Tell who approves of a change of the library that waits, and who asked what was decided."""
    title_zh, title_en = _CHANGE_TITLES[moved["status"]]
    waits = moved["status"] == "asked"
    project_id = moved.get("project_id")
    said = "; ".join(filter(None, (moved["reason"], moved["note"])))
    return Notice(
        kind=f"project_change_{moved['status']}",
        title_zh=f"{title_zh}: {moved['project_name']}",
        title_en=f"{title_en}: {moved['project_name']}",
        body_zh=said,
        body_en=said,
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=UUID(project_id) if project_id else None,
        region_path=moved["region_path"],
        level=moved["level"],
        accounts=() if waits else (moved["asked_by"],),
        roles=_DISPATCHERS if waits else (),
    )


def of_agreement(moved: Mapping[str, Any]) -> Notice:
    """Tell company and navigators of services that were proposed, agreed on or declined 服务约定."""
    title_zh, title_en = _AGREEMENT_TITLES[moved["status"]]
    services = moved["services"]
    return Notice(
        kind=f"service_agreement_{moved['status']}",
        title_zh=f"{title_zh}: {moved['project_name']}",
        title_en=f"{title_en}: {moved['project_name']}",
        body_zh="; ".join(filter(None, (moved["number"], "、".join(services), moved["reason"]))),
        body_en="; ".join(filter(None, (moved["number"], ", ".join(services), moved["reason"]))),
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=UUID(moved["project_id"]),
        region_path=moved["region_path"],
        level=moved["level"],
        accounts=tuple(each for each in moved["agents"] if each != moved["by"]),
        uscc=moved["uscc"],
    )


def _of_review(
    told: Mapping[str, Any],
    *,
    kind: str,
    title: tuple[str, str],
    body: tuple[str, str],
    orgs: tuple[str, ...],
    accounts: tuple[str, ...] = (),
    roles: tuple[str, ...] = (),
) -> Notice:
    about = f"{told['project_name']} · {told['subject']}"
    return Notice(
        kind=kind,
        title_zh=f"{title[0]}: {about}",
        title_en=f"{title[1]}: {about}",
        body_zh=body[0],
        body_en=body[1],
        colour=YELLOW,
        card_id=None,
        order_id=None,
        project_id=UUID(told["project_id"]),
        region_path=told["region_path"],
        level=told["level"],
        accounts=accounts,
        orgs=orgs,
        roles=roles,
    )


def _case(told: Mapping[str, Any]) -> str:
    return _about(told["project_name"], told["item_name"])


def _about(project: str, item: str) -> str:
    return " · ".join(part for part in (project, item) if part)


_CARD_VERBS = {
    "card_issued": ("亮", "issued"),
    "card_reopened": ("重新亮", "holds again"),
    "card_rectified": ("已整改", "rectified"),
    "card_closed": ("已销", "closed"),
    "card_waived": ("已豁免", "waived"),
    "card_revoked": ("已撤销", "revoked"),
    "card_objected": ("待审申辩", "objected to"),
    "card_objection_turned_down": ("申辩未采纳", "stays, the objection was turned down"),
    "card_ignored": ("已忽略", "ignored"),
    "card_merged": ("已合并", "merged into another"),
}
_TO_BODIES = frozenset(
    (
        *("order_issued", "order_rework", "order_closed", "order_withdrawn"),
        *("order_urged", "order_supervised", "order_reopened", "order_merged"),
        *("order_extension_approved", "order_extension_rejected"),
    )
)
_ORDER_VERBS = {
    "order_issued": ("新", "issued"),
    "order_answered": ("已反馈", "answered"),
    "order_returned": ("被退回", "returned"),
    "order_rework": ("退改", "back for rework"),
    "order_closed": ("已办结", "closed"),
    "order_withdrawn": ("已撤回", "withdrawn"),
    "order_escalated": ("已升级", "escalated"),
    "order_contributed": ("协同单位已反馈", "helped with"),
    "order_urged": ("催办", "urged"),
    "order_supervised": ("督办", "put under supervision"),
    "order_reopened": ("重开", "reopened"),
    "order_merged": ("已合并", "merged into another"),
    "order_extension_requested": ("申请延期", "asks for a longer limit"),
    "order_extension_approved": ("同意延期", "has a longer limit"),
    "order_extension_rejected": ("不同意延期", "keeps its limit"),
}
_PLAN_TITLES = {
    "due": ("数轴图节点即将到期", "nodes of the plan fall due"),
    "overdue": ("数轴图节点已逾期", "nodes of the plan are late"),
    "blocked": ("前置未完成, 节点无法开始", "nodes cannot begin for what is open before them"),
    "slipped": ("关键路径滑移", "the critical path slipped"),
}
_PLAN_LINES = {
    "due": (
        "{item_code} {item_name} 应于 {due_on} 前完成, 还有 {days_left} 个工作日",
        "{item_code} {item_name} is due on {due_on}, in {days_left} working days",
    ),
    "overdue": (
        "{item_code} {item_name} 应于 {due_on} 前完成, 已晚 {late} 个工作日",
        "{item_code} {item_name} was due on {due_on}, {late} working days ago",
    ),
    "blocked": (
        "{item_code} {item_name} 应于 {due_on} 开始, 前置未完成: {waits_for}",
        "{item_code} {item_name} should begin on {due_on}, still open before it: {waits_for}",
    ),
}
_AGREEMENT_TITLES = {
    "proposed": ("服务约定待签署", "services wait for your signature"),
    "in_force": ("服务约定书已生效", "the service agreement is in force"),
    "declined": ("服务约定被谢绝", "the services were declined"),
}
_ISSUE_TITLES = {
    "open": ("问题单待答复", "an issue waits for your answer"),
    "answered": ("问题单已答复", "an issue was answered"),
    "closed": ("问题单已销号", "an issue was closed"),
}
_CHANGE_TITLES = {
    "asked": ("项目变更待审批", "a change of the library waits for approval"),
    "approved": ("项目变更已批准", "the change of the library was approved"),
    "turned_down": ("项目变更未获同意", "the change of the library was turned down"),
}
