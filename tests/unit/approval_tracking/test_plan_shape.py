"""A plan of one's own: what may be edited, what the law keeps, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from approval_tracking.domain.plan_errors import (
    NotTheCarrier,
    PlanEditForbidden,
    PlanGoesRound,
    PlanNodeUnknown,
)
from approval_tracking.domain.plan_shape import (
    Bench,
    PlanEdit,
    Shape,
    edited,
    from_template,
)
from approval_tracking.plan import PlanItem
from chassis.errors import FieldInvalid
from support.approval_data import catalogue

CATALOGUE = catalogue()
TODAY = date(2026, 3, 2)
CODES = ("S2-01", "S2-06", "S3-05", "S3-07", "S4-02", "S5-09")


def item(code: str, **more: Any) -> PlanItem:
    entry = CATALOGUE.items[code]
    return PlanItem(
        code, entry.name, entry.stage, "321181:x", 5, "working", entry.prerequisites, **more
    )


BENCH = Bench(
    items=tuple(map(item, CODES)),
    catalogue=CATALOGUE,
    final_stage="S6",
    today=TODAY,
    side=True,
    org="",
)
MEETING = PlanEdit("add", name="会办会", stage="S3", days=3, after=("S3-05",), before=("S3-07",))


def shaped(*edits: PlanEdit, bench: Bench = BENCH) -> Shape:
    shape = Shape()
    for edit in edits:
        shape, _ = edited(shape, edit, bench, field="edits[0]")
    return shape


def laid(shape: Shape) -> dict[str, PlanItem]:
    return {each.code: each for each in shape.applied(BENCH.items)}


def test_a_node_of_ones_own_waits_and_is_waited_for() -> None:
    plan = laid(shaped(MEETING))

    assert plan["N-01"].after == ("S3-05",)
    assert "N-01" in plan["S3-07"].after
    assert (plan["N-01"].days, plan["N-01"].stage) == (3, "S3")


def test_a_removed_node_is_waited_for_by_nobody() -> None:
    plan = laid(shaped(MEETING, PlanEdit("remove", code="N-01")))

    assert "N-01" not in plan
    assert plan["S3-07"].after == CATALOGUE.items["S3-07"].prerequisites


def test_a_code_is_not_given_twice_while_its_node_is_there() -> None:
    shape = shaped(MEETING, replace(MEETING, name="招拍挂准备"))

    assert set(shape.own) == {"N-01", "N-02"}


def test_what_the_law_requires_is_not_taken_out_and_names_its_article() -> None:
    with pytest.raises(PlanEditForbidden) as caught:
        shaped(PlanEdit("remove", code="S4-02"))

    assert caught.value.violations[0].field == "edits[0].code"
    assert "依据" in caught.value.message_zh
    assert CATALOGUE.items["S4-02"].cited_basis in caught.value.message_zh


def test_what_the_law_leaves_to_the_company_may_be_taken_out_and_back() -> None:
    free = next(
        code
        for code, each in CATALOGUE.items.items()
        if each.duty_bearer not in ("authority", "government") and not each.prerequisites
    )
    bench = replace(BENCH, items=(*BENCH.items, item(free)))
    gone = shaped(PlanEdit("remove", code=free), bench=bench)
    back, _ = edited(gone, PlanEdit("restore", code=free), bench, field="edits[1]")

    assert free not in {each.code for each in gone.applied(bench.items)}
    assert free in {each.code for each in back.applied(bench.items)}
    # Under way it counts, whatever was edited.
    begun = (*BENCH.items, item(free, started_on=TODAY))
    assert free in {each.code for each in gone.applied(begun)}


def test_a_duration_holds_in_the_plan_and_not_beyond_the_law() -> None:
    most = CATALOGUE.items["S4-02"].statutory.days
    assert most is not None

    assert laid(shaped(PlanEdit("days", code="S4-02", days=2)))["S4-02"].days == 2
    assert laid(shaped(MEETING, PlanEdit("days", code="N-01", days=9)))["N-01"].days == 9
    again = shaped(PlanEdit("days", code="S4-02", days=2), PlanEdit("days", code="S4-02"))
    assert laid(again)["S4-02"].days == 5
    with pytest.raises(PlanEditForbidden):
        shaped(PlanEdit("days", code="S4-02", days=int(most) + 1))


def test_a_link_of_ones_own_can_be_ended_and_one_of_the_catalogue_not() -> None:
    link = PlanEdit("link", code="S4-02", after=("S2-06",))
    prerequisite = next(p for p in CATALOGUE.items["S3-07"].prerequisites if p in CODES)

    assert "S2-06" in laid(shaped(link))["S4-02"].after
    assert "S2-06" not in laid(shaped(link, replace(link, kind="unlink")))["S4-02"].after
    unhooked = shaped(MEETING, PlanEdit("unlink", code="S3-07", after=("N-01",)))
    assert "N-01" not in laid(unhooked)["S3-07"].after
    with pytest.raises(PlanEditForbidden):
        shaped(PlanEdit("unlink", code="S3-07", after=(prerequisite,)))
    with pytest.raises(PlanNodeUnknown):
        shaped(PlanEdit("unlink", code="S4-02", after=("S2-06",)))


def test_an_order_that_is_a_ring_is_refused() -> None:
    with pytest.raises(PlanGoesRound) as caught:
        shaped(
            replace(MEETING, after=("S5-09",), before=("S3-07",)),
        )

    assert caught.value.violations[0].field == "edits[0].after"


@pytest.mark.parametrize(
    ("edit", "error", "field"),
    [
        (replace(MEETING, name=" "), FieldInvalid, "name"),
        (replace(MEETING, stage="S9"), FieldInvalid, "stage"),
        (replace(MEETING, after=("S9-99",)), PlanNodeUnknown, "after"),
        (replace(MEETING, before=("N-07",)), PlanNodeUnknown, "before"),
        (PlanEdit("remove", code="S9-99"), PlanNodeUnknown, "code"),
        (PlanEdit("restore", code="S4-02"), PlanNodeUnknown, "code"),
        (PlanEdit("days", code="N-09", days=1), PlanNodeUnknown, "code"),
        (PlanEdit("link", code="S4-02"), FieldInvalid, "after"),
        (PlanEdit("done", code="S4-02"), PlanNodeUnknown, "code"),
    ],
)
def test_what_the_plan_does_not_have_is_refused_by_its_field(
    edit: PlanEdit, error: type[Exception], field: str
) -> None:
    with pytest.raises(error) as caught:
        shaped(edit)

    (bad,) = caught.value.violations  # type: ignore[attr-defined]
    assert bad.field == f"edits[0].{field}"


def test_two_nodes_have_not_the_same_name() -> None:
    with pytest.raises(FieldInvalid, match="already"):
        shaped(MEETING, MEETING)


def test_only_its_carrier_says_that_a_node_is_done() -> None:
    carried = replace(MEETING, carrier="321181:自然资源和规划")
    done = PlanEdit("done", code="N-01", done_on=TODAY)
    body = replace(BENCH, side=False, org="321181:自然资源和规划")

    assert laid(shaped(MEETING, done))["N-01"].done_on == TODAY
    assert laid(shaped(carried, done, bench=body))["N-01"].done_on == TODAY
    with pytest.raises(NotTheCarrier):
        shaped(carried, done)
    with pytest.raises(NotTheCarrier):
        shaped(MEETING, done, bench=body)
    with pytest.raises(FieldInvalid, match="future"):
        shaped(MEETING, replace(done, done_on=date(2026, 3, 3)))
    reopened = shaped(MEETING, done, PlanEdit("reopen", code="N-01"))
    assert laid(reopened)["N-01"].done_on is None


def test_a_template_brings_its_nodes_and_only_the_links_that_hold() -> None:
    second = replace(MEETING, name="踏勘", after=("N-01", "S9-98"), before=())
    nodes = shaped(MEETING, replace(second, after=("N-01",))).own.values()
    foreign = [replace(node, after=(*node.after, "S9-98")) for node in nodes]
    there = shaped(replace(MEETING, name="已有节点"))

    edits = from_template(there, foreign, there.applied(BENCH.items))
    shape = there
    for edit in edits:
        shape, _ = edited(shape, edit, BENCH, field="edits[0]")

    assert [node.name for node in shape.own.values()] == ["已有节点", "会办会", "踏勘"]
    assert shape.own["N-02"].after == ("S3-05",)
    assert shape.own["N-03"].after == ("N-02",)
