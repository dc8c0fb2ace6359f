"""What waits for whom on his desk 工作台 (articles 4, 5 and 6): the parts of each side, and where to go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

CITY, MAYOR, DISTRICT, GOVERNMENT = "city", "mayor", "district", "government"
NAVIGATORS, INSPECTOR = "navigators", "inspector"
# Whoever has several roles sees the desk of the first of these.
_SIDES = (
    (CITY, frozenset({"D4", "D5"})),
    (MAYOR, frozenset({"D6"})),
    (DISTRICT, frozenset({"D1", "B3"})),
    (GOVERNMENT, frozenset({"D2", "D3"})),
    (NAVIGATORS, frozenset({"B4"})),
    (INSPECTOR, frozenset({"K1"})),
)


@dataclass(frozen=True)
class Part:
    """One heap of things that wait; `path` lists them all."""

    key: str
    title_zh: str
    title_en: str
    path: str


_PARTS = {
    each.key: each
    for each in (
        Part("cards", "待处置红黄牌", "cards without an order", "/v1/cards?status=CARD_STATUS_OPEN"),
        Part(
            "orders_returned",
            "待改派工单",
            "orders to be sent to another body",
            "/v1/work-orders?status=ORDER_STATUS_RETURNED",
        ),
        Part(
            "orders_to_check",
            "待复核工单",
            "answers to be checked",
            "/v1/work-orders?status=ORDER_STATUS_CHECKING",
        ),
        Part("orders_to_answer", "待办工单", "orders to be answered", "/v1/work-orders?open=true"),
        Part("orders_overdue", "逾期工单", "orders past a limit", "/v1/work-orders?overdue=true"),
        Part(
            "inspections",
            "考核与抽查任务",
            "inspections and assessment tasks",
            "/v1/work-orders?open=true&source=ORDER_SOURCE_INSPECTION",
        ),
        Part(
            "applications",
            "待审联动申请",
            "applications to be taken up",
            "/v1/escalations?rung=RUNG_L3&status=ESCALATION_STATUS_SUBMITTED",
        ),
        Part("bulletins", "待阅专报", "special reports to be read", "/v1/escalations?rung=RUNG_L4&open=true"),
        Part("agenda", "督办调度会议题", "matters for the dispatch meeting", "/v1/escalations?rung=RUNG_L5&open=true"),
        Part("meetings", "会办议程", "joint reviews that are convened", "/v1/joint-reviews"),
        Part("pushes", "推办安排", "visits that are planned", "/v1/pushes?status=PUSH_STATUS_PLANNED"),
        Part("matters", "本级在办难点问题", "matters in hand here", "/v1/escalations?rung=RUNG_L2&open=true"),
        Part("reported", "上报事项及进展", "matters reported up, and what became of them", "/v1/escalations"),
        Part(
            "to_sign",
            "待签字",
            "matters that wait for the leader's signature",
            "/v1/escalations?status=ESCALATION_STATUS_DRAFTED",
        ),
        Part(
            "to_report",
            "已签字待上报",
            "signed matters to be reported",
            "/v1/escalations?status=ESCALATION_STATUS_SIGNED",
        ),
        Part("reports", "重大项目服务专报", "special reports drafted or reported", "/v1/escalations"),
        Part(
            "instructed",
            "领导批示待落实",
            "instructions to be executed",
            "/v1/escalations?status=ESCALATION_STATUS_INSTRUCTED",
        ),
        Part("vacancies", "缺位", "places that nobody is on record for", "/v1/vacancies"),
    )
}  # fmt: skip
_ON_DESK = {
    CITY: (
        *("cards", "orders_returned", "orders_to_check", "orders_overdue", "applications"),
        *("agenda", "meetings", "pushes", "inspections", "vacancies"),
    ),
    MAYOR: ("bulletins", "agenda", "instructed", "orders_overdue"),
    DISTRICT: (
        *("cards", "orders_to_answer", "orders_to_check", "orders_returned", "matters"),
        *("to_sign", "to_report", "reported", "meetings", "pushes", "inspections", "vacancies"),
    ),
    GOVERNMENT: ("to_sign", "to_report", "reports", "reported", "instructed"),
    NAVIGATORS: ("cards", "applications", "agenda", "meetings", "pushes"),
    INSPECTOR: ("cards", "orders_overdue", "inspections"),
}
PARTS: Mapping[str, tuple[Part, ...]] = {
    side: tuple(_PARTS[key] for key in keys) for side, keys in _ON_DESK.items()
}


def side_of(roles: Collection[str]) -> str:
    """Return whose desk these roles see."""
    return next((side for side, mine in _SIDES if mine & frozenset(roles)), GOVERNMENT)
