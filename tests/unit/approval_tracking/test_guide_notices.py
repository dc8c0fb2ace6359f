"""The one-off notice 一次性告知: what differs between two, who signs when, and how long a link lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from approval_tracking.domain.document_errors import (
    NoticeAlreadySigned,
    NoticeReplaced,
    NoticeUnchanged,
    SharedGuideExpired,
)
from approval_tracking.domain.guide_notices import (
    Changed,
    GuideNotice,
    NoticeContent,
    NoticeItem,
    NoticePaper,
    SetAside,
    Whose,
    check_new,
    check_readable,
    differences,
)
from support.approvals import MONDAY

WHOSE = Whose("321100/321181", "市级", "913211810000000279", ())
ITEM = NoticeItem(
    code="S2-06",
    name="节能审查",
    reason="年综合能耗: 2400",
    applies_when="年综合能耗不低于 1000 吨标煤",
    prerequisites=("S2-01",),
    org_name="丹阳市发改",
    window="综合窗口",
    statutory="20 个工作日",
    committed="10 个工作日",
    fees=(),
    basis="节约能源法 第十五条",
    papers=("节能报告",),
    may_follow=(),
    by_commitment=False,
    sample_forms=(),
    result="审查意见",
)
PAPER = NoticePaper("节能报告", ("S2-06",), (), (), "")
CONTENT = NoticeContent("示例项目", 1, (ITEM,), (PAPER,), (SetAside("S1-01", "名称", "已设立"),))


def given(number: int = 1, **changes: Any) -> GuideNotice:
    return GuideNotice(
        id=UUID(int=number),
        project_id=UUID(int=9),
        number=number,
        company="示例公司",
        told_to="张三",
        given_by="window",
        given_at=MONDAY,
        content=CONTENT,
        digest="ab",
        **changes,
    )


def changed(**changes: Any) -> list[Changed]:
    after = replace(CONTENT, items=(replace(ITEM, **changes),))
    return list(differences(CONTENT, after))


def test_what_is_told_in_another_way_is_named_with_both_ways() -> None:
    name = "S2-06 节能审查"

    assert changed(committed="7 个工作日") == [
        Changed("item_changed", name, "承诺时限", "10 个工作日", "7 个工作日")
    ]
    assert changed(prerequisites=()) == [Changed("item_changed", name, "前置事项", "S2-01", "无")]
    assert changed(by_commitment=True) == [Changed("item_changed", name, "告知承诺", "否", "是")]
    assert changed(sample_forms=("样表一",)) == [
        Changed("item_changed", name, "样表", "无", "样表一")
    ]


def test_items_and_papers_come_and_go() -> None:
    none = replace(CONTENT, items=(), papers=())

    assert list(differences(none, CONTENT)) == [
        Changed("item_added", "S2-06 节能审查"),
        Changed("paper_added", "节能报告"),
    ]
    assert [each.kind for each in differences(CONTENT, none)] == ["item_dropped", "paper_dropped"]


def test_a_notice_is_new_only_when_it_tells_something_else() -> None:
    check_new(CONTENT, None)
    check_new(replace(CONTENT, papers=()), given())
    with pytest.raises(NoticeUnchanged):
        check_new(replace(CONTENT, catalogue=2), given())


def test_the_newest_notice_is_signed_for_once() -> None:
    notice = given()
    with pytest.raises(NoticeReplaced):
        notice.sign("张三", by="company", at=MONDAY, document="", last=2, whose=WHOSE)
    assert notice.signed is None

    notice.sign("张三", by="company", at=MONDAY, document="", last=1, whose=WHOSE)

    assert [type(each).__name__ for each in notice.told] == ["GuideNoticeSigned"]
    with pytest.raises(NoticeAlreadySigned):
        notice.sign("李四", by="company", at=MONDAY, document="", last=1, whose=WHOSE)
    assert notice.signed is not None
    assert notice.signed.name == "张三"


def test_a_link_is_read_through_its_last_day() -> None:
    notice = given()
    notice.share("c" * 32, 7, by="company", today=date(2026, 3, 2))

    assert notice.shared is not None
    check_readable(notice.shared, date(2026, 3, 9))
    with pytest.raises(SharedGuideExpired):
        check_readable(notice.shared, date(2026, 3, 10))
    notice.share("d" * 32, 0, by="company", today=date(2026, 3, 2))
    assert notice.shared is None
