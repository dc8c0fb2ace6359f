"""Agencies 中介服务机构: a company chooses freely, and nobody names one to it.

No body may name an agency to an applicant, openly or in disguise (优化营商环境条例 第四十三条).
So the directory shows all of them in an order that is drawn, and a notice that names one is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from approval_tracking.domain.intermediary_errors import IntermediaryNamed, ServiceUnknown

BASIS = "优化营商环境条例 第四十三条"
NOTE = (
    "名录全量展示, 每次随机排序, 不作推荐; 申请人自主选择, 任何单位不得指定或者变相指定。",
    "All agencies are shown in an order drawn anew for each list. None is recommended: the "
    "applicant chooses freely, and nobody may name one.",
)
SERVICES = (
    "项目申请报告编制",
    "节能报告编制",
    "环评报告编制",
    "水土保持方案编制",
    "水资源论证",
    "安全评价",
    "地质灾害危险性评估",
    "社会稳定风险评估",
    "测绘",
    "工程勘察",
    "工程设计",
    "施工图审查",
    "招标代理",
    "防雷检测",
    "造价咨询",
)


@dataclass(frozen=True)
class Intermediary:
    """What the directory tells of an agency; nothing of it says that one is better."""

    uscc: str
    name: str
    services: tuple[str, ...]
    address: str = ""
    phone: str = ""


def check_services(services: Sequence[str]) -> tuple[str, ...]:
    for place, each in enumerate(services):
        if each not in SERVICES:
            raise ServiceUnknown(
                service=each, known="、".join(SERVICES), field=f"services[{place}]"
            )
    return tuple(services)


def drawn(agencies: Iterable[Intermediary], seed: str) -> list[Intermediary]:
    """Return all in the order that the seed draws: no agency can choose its place."""
    return sorted(agencies, key=lambda each: place_in(each.uscc, seed))


def place_in(uscc: str, seed: str) -> str:
    return hashlib.sha256(f"{seed}:{uscc}".encode()).hexdigest()


def refuse_naming(texts: Sequence[str], names: Sequence[str], *, field: str) -> None:
    """Refuse what an authority tells an applicant when it names an agency."""
    for place, text in enumerate(texts):
        for name in names:
            if name in text:
                raise IntermediaryNamed(name=name, basis=BASIS, field=f"{field}[{place}]")
