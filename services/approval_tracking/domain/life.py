"""What each status of a case is called and allows, and the remedy against a refusal, in words."""

from __future__ import annotations

from approval_tracking.domain.bodies import place_of

STATUSES = {
    "received": "已收件",
    "supplementing": "补正中",
    "in_review": "审查中",
    "suspended": "停表中",
    "refused": "不予受理",
    "withdrawn": "已撤回",
    "decided": "已决定",
    "delivered": "已送达",
    "revoked": "已撤销",
}
_AGAIN = ("可重新申报", "it may be applied for again")
ACTS = {
    "received": (
        "可受理、一次告知补正、不予受理或由申请人撤回",
        "it may be accepted, sent back once, refused, or withdrawn by the applicant",
    ),
    "supplementing": (
        "可由申请人补正或撤回",
        "the applicant may hand in what is missing, or withdraw",
    ),
    "in_review": (
        "可停表、延期、作出决定或由申请人撤回",
        "it may be paused, extended, decided, or withdrawn by the applicant",
    ),
    "suspended": (
        "可恢复计时或由申请人撤回",
        "it may be resumed, or withdrawn by the applicant",
    ),
    "refused": _AGAIN,
    "withdrawn": _AGAIN,
    "decided": ("可送达", "it may be delivered"),
    "delivered": ("已全部办结", "all is done"),
    "revoked": _AGAIN,
}


def remedy(status: str, outcome: str, *, org: str) -> tuple[str, str]:
    """Return the remedy against a refusal or rejection (行政许可法 第三十八条), else two empty texts.

    The government of the deciding body's own place reviews it (行政复议法 第二十四条).
    """
    if status != "refused" and outcome != "rejected":
        return "", ""
    government = f"{place_of(org)}人民政府"
    return (
        f"如不服本决定, 可自知道本决定之日起六十日内向{government}申请行政复议, "
        "或者自知道本决定之日起六个月内依法向人民法院提起行政诉讼。",
        f"Against this decision you may apply to {government} for administrative review within "
        "60 days of learning of it, or bring an action before the people's court within six months.",
    )
