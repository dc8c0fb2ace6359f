"""What warning_dispatch does: one function each, a ledger in, an aggregate out."""

from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.cards import (
    acknowledge_card,
    close_card,
    revoke_card,
    waive_card,
)
from warning_dispatch.usecases.copying import (
    follow_calendar,
    follow_case,
    follow_log,
    follow_project,
    reckon_anew,
)
from warning_dispatch.usecases.loading import load_rules, revise_rule, shipped_rules
from warning_dispatch.usecases.occasion import Occasion
from warning_dispatch.usecases.orders import (
    Wish,
    answer_work_order,
    check_work_order,
    dispatch_work_order,
    handle_work_order,
    order_from_case,
    order_joint_tasks,
    reassign_work_order,
    return_work_order,
    sign_work_order,
)
from warning_dispatch.usecases.raising import sweep, tell

__all__ = [
    "Caller",
    "Occasion",
    "Wish",
    "acknowledge_card",
    "answer_work_order",
    "check_work_order",
    "close_card",
    "dispatch_work_order",
    "follow_calendar",
    "follow_case",
    "follow_log",
    "follow_project",
    "handle_work_order",
    "load_rules",
    "order_from_case",
    "order_joint_tasks",
    "reassign_work_order",
    "reckon_anew",
    "return_work_order",
    "revise_rule",
    "revoke_card",
    "shipped_rules",
    "sign_work_order",
    "sweep",
    "tell",
    "waive_card",
]
