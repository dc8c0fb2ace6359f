"""What makes a plan the project's own 个性化: nodes of its own, other durations, another order.

The law's items and limits stay: a plan is what people mean to do, and no clock follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from approval_tracking.domain.catalogue import Catalogue
from approval_tracking.domain.plan_errors import (
    NotTheCarrier,
    PlanEditForbidden,
    PlanGoesRound,
    PlanNodeUnknown,
)
from approval_tracking.domain.what_if import Change, WhatIfForbidden, check
from approval_tracking.plan import PlanItem, network
from chassis.errors import FieldInvalid

ADD, REMOVE, RESTORE, DAYS = "add", "remove", "restore", "days"
LINK, UNLINK, DONE, REOPEN = "link", "unlink", "done", "reopen"


@dataclass(frozen=True)
class OwnNode:
    """A node that no law asks for. `carrier` is a body, or empty for the company's side."""

    code: str
    name: str
    stage: str
    days: int
    unit: str = "working"
    carrier: str = ""
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    done_on: date | None = None


@dataclass(frozen=True)
class PlanEdit:
    """One edit as it was asked for."""

    kind: str
    code: str = ""
    name: str = ""
    stage: str = ""
    days: int = 0
    unit: str = "working"
    carrier: str = ""
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    done_on: date | None = None


@dataclass(frozen=True)
class EditMade:
    """An edit with its number, and who made it, when and why."""

    number: int
    edit: PlanEdit
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Shape:
    """What all edits together make of a plan."""

    own: Mapping[str, OwnNode] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    days: Mapping[str, int] = field(default_factory=dict)
    # links are pairs: the first waits for the second.
    links: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, edits: Iterable[PlanEdit]) -> Shape:
        shape = cls()
        for edit in edits:
            shape = shape.after(edit)
        return shape

    def after(self, edit: PlanEdit) -> Shape:
        """Return the shape with one more edit, which has been found possible."""
        code, own = edit.code, self.own.get(edit.code)
        match edit.kind:
            case "add":
                return replace(self, own={**self.own, code: _node(edit)})
            case "remove" if own:
                left = {each: node for each, node in self.own.items() if each != code}
                links = frozenset(link for link in self.links if code not in link)
                return replace(self, own=left, links=links)
            case "remove":
                return replace(self, removed=self.removed | {code})
            case "restore":
                return replace(self, removed=self.removed - {code})
            case "days" if own:
                return self._with(replace(own, days=edit.days))
            case "days":
                days = {each: days for each, days in self.days.items() if each != code}
                return replace(self, days={**days, code: edit.days} if edit.days else days)
            case "link":
                return replace(self, links=self.links | {(code, each) for each in edit.after})
            case "unlink":
                shape = replace(self, links=self.links - {(code, each) for each in edit.after})
                return shape._unhooked(code, edit.after)
            case "done" if own:
                return self._with(replace(own, done_on=edit.done_on))
            case "reopen" if own:
                return self._with(replace(own, done_on=None))
        return self

    def applied(self, items: Sequence[PlanItem]) -> tuple[PlanItem, ...]:
        """Return the items of the plan with all of it; what is under way or done is not left out."""
        kept = [
            each
            for each in items
            if each.code not in self.removed or each.started_on or each.done_on
        ]
        waits: dict[str, list[str]] = {}
        for code, prerequisite in sorted(self.links):
            waits.setdefault(code, []).append(prerequisite)
        for node in self.own.values():
            for code in node.before:
                waits.setdefault(code, []).append(node.code)
        own = [
            PlanItem(
                code=node.code,
                name=node.name,
                stage=node.stage,
                org=node.carrier,
                days=node.days,
                unit=node.unit,
                after=node.after,
                done_on=node.done_on,
            )
            for node in self.own.values()
        ]
        return tuple(
            replace(
                each,
                days=self.days.get(each.code, each.days),
                unit="working" if each.code in self.days else each.unit,
                after=tuple(dict.fromkeys((*each.after, *waits.get(each.code, ())))),
            )
            for each in (*kept, *own)
        )

    def _with(self, node: OwnNode) -> Shape:
        return replace(self, own={**self.own, node.code: node})

    def _unhooked(self, code: str, prerequisites: Sequence[str]) -> Shape:
        own = {}
        for each, node in self.own.items():
            after = tuple(p for p in node.after if each != code or p not in prerequisites)
            before = tuple(b for b in node.before if b != code or each not in prerequisites)
            own[each] = replace(node, after=after, before=before)
        return replace(self, own=own)


@dataclass(frozen=True)
class Bench:
    """What an edit is checked against."""

    items: tuple[PlanItem, ...]
    catalogue: Catalogue
    final_stage: str
    today: date
    # side says that the editor acts for the company, org is his body.
    side: bool
    org: str


def edited(shape: Shape, edit: PlanEdit, bench: Bench, *, field: str) -> tuple[Shape, PlanEdit]:
    """Return the shape after the edit, and the edit with its code; refuse what cannot or may not be."""
    if edit.kind == ADD:
        edit = replace(edit, code=_next_code(shape))
    items = {item.code: item for item in shape.applied(bench.items)}
    _CHECKS[edit.kind](shape, edit, items, bench, field)
    result = shape.after(edit)
    try:
        network(
            result.applied(bench.items),
            gates=bench.catalogue.start_gates,
            final_stage=bench.final_stage,
        )
    except ValueError as error:
        raise PlanGoesRound(code=edit.code, field=f"{field}.after") from error
    return result, edit


def from_template(
    shape: Shape, nodes: Iterable[OwnNode], items: Sequence[PlanItem]
) -> list[PlanEdit]:
    """Return the edits that put a template's nodes into a plan; what the plan lacks is not linked to."""
    edits: list[PlanEdit] = []
    nodes = tuple(nodes)
    taken = set(shape.own)
    codes: dict[str, str] = {}
    for node in nodes:
        code = _code_after(taken)
        taken.add(code)
        codes[node.code] = code
    here = {item.code for item in items} | set(shape.own)
    done: set[str] = set()
    for node in nodes:
        # Nodes of the template come in its order: a link to a later one is made from its other end.
        known = {own: new for own, new in codes.items() if own in done}
        edits.append(
            PlanEdit(
                ADD,
                name=node.name,
                stage=node.stage,
                days=node.days,
                unit=node.unit,
                carrier=node.carrier,
                after=_linked(node.after, known, here, codes),
                before=_linked(node.before, known, here, codes),
            )
        )
        done.add(node.code)
    return edits


def _linked(
    wanted: Sequence[str], known: Mapping[str, str], here: set[str], codes: Mapping[str, str]
) -> tuple[str, ...]:
    return tuple(
        known.get(code, code)
        for code in wanted
        if code in known or (code in here and code not in codes)
    )


def _node(edit: PlanEdit) -> OwnNode:
    return OwnNode(
        code=edit.code,
        name=edit.name,
        stage=edit.stage,
        days=edit.days,
        unit=edit.unit,
        carrier=edit.carrier,
        after=edit.after,
        before=edit.before,
    )


def _next_code(shape: Shape) -> str:
    return _code_after(shape.own)


def _code_after(codes: Iterable[str]) -> str:
    last = max((int(code.removeprefix("N-")) for code in codes), default=0)
    return f"N-{last + 1:02d}"


# --- what is possible --------------------------------------------------------------------------------

_Items = Mapping[str, PlanItem]


def _check_add(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    if not edit.name.strip():
        raise FieldInvalid(field=f"{field}.name", zh_why="须写明节点名称", en_why="name the node")
    if any(node.name == edit.name for node in shape.own.values()):
        raise FieldInvalid(
            field=f"{field}.name",
            zh_why=f"已有节点「{edit.name}」",
            en_why=f"there is a node {edit.name} already",
        )
    if edit.stage not in bench.catalogue.stages:
        raise FieldInvalid(
            field=f"{field}.stage",
            zh_why=f"阶段应为 {', '.join(bench.catalogue.stages)}",
            en_why=f"a stage is one of {', '.join(bench.catalogue.stages)}",
        )
    _known(edit.after, items, f"{field}.after")
    _known(edit.before, items, f"{field}.before")
    for code in edit.before:
        if items[code].started_on or items[code].done_on:
            raise FieldInvalid(
                field=f"{field}.before",
                zh_why=f"{code} 已在办理或办结",
                en_why=f"{code} is under way or done",
            )


def _check_remove(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    _known([edit.code], items, f"{field}.code")
    if edit.code in shape.own:
        return
    item = items[edit.code]
    if item.started_on or item.done_on:
        raise FieldInvalid(
            field=f"{field}.code",
            zh_why=f"{edit.code} 已在办理或办结, 不能删除",
            en_why=f"{edit.code} is under way or done and stays",
        )
    _lawful(Change("drop", edit.code), items, bench, field)


def _check_restore(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    if edit.code not in shape.removed:
        raise PlanNodeUnknown(code=edit.code, field=f"{field}.code")


def _check_days(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    _known([edit.code], items, f"{field}.code")
    if edit.code not in shape.own and edit.days:
        _lawful(Change("shorten", edit.code, days=edit.days), items, bench, field)


def _check_link(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    _known([edit.code], items, f"{field}.code")
    _named(edit.after, f"{field}.after")
    _known(edit.after, items, f"{field}.after")


def _check_unlink(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    _known([edit.code], items, f"{field}.code")
    _named(edit.after, f"{field}.after")
    for each in edit.after:
        own = shape.own.get(edit.code), shape.own.get(each)
        by_hand = (
            (edit.code, each) in shape.links
            or (own[0] and each in own[0].after)
            or (own[1] and edit.code in own[1].before)
        )
        if by_hand:
            continue
        if edit.code in bench.catalogue.items:
            item = bench.catalogue.items[edit.code]
            if each in item.prerequisites:
                raise PlanEditForbidden(
                    code=edit.code,
                    name=item.name,
                    zh_why=f"依目录以 {each} 为前置, 不能解除",
                    en_why=f"the catalogue has it wait for {each}",
                    article=item.cited_basis,
                    field=f"{field}.after",
                )
        raise PlanNodeUnknown(code=f"{edit.code} ← {each}", field=f"{field}.after")


def _check_done(shape: Shape, edit: PlanEdit, items: _Items, bench: Bench, field: str) -> None:
    node = shape.own.get(edit.code)
    if node is None:
        raise PlanNodeUnknown(code=edit.code, field=f"{field}.code")
    if not (bench.org == node.carrier if node.carrier else bench.side):
        raise NotTheCarrier(code=edit.code, carrier=node.carrier or "项目单位 (the company)")
    if edit.done_on and edit.done_on > bench.today:
        raise FieldInvalid(
            field=f"{field}.done_on", zh_why="不能晚于今天", en_why="must not be in the future"
        )


_CHECKS = {
    ADD: _check_add,
    REMOVE: _check_remove,
    RESTORE: _check_restore,
    DAYS: _check_days,
    LINK: _check_link,
    UNLINK: _check_unlink,
    DONE: _check_done,
    REOPEN: _check_done,
}


def _known(codes: Sequence[str], items: _Items, field: str) -> None:
    for code in codes:
        if code not in items:
            raise PlanNodeUnknown(code=code, field=field)


def _named(codes: Sequence[str], field: str) -> None:
    if not codes:
        raise FieldInvalid(field=field, zh_why="须写明前置节点", en_why="name what it waits for")


def _lawful(change: Change, items: _Items, bench: Bench, field: str) -> None:
    try:
        check(
            change,
            bench.catalogue.item(change.code),
            started=items[change.code].started_on is not None,
            needed=items,
            today=bench.today,
        )
    except WhatIfForbidden as error:
        raise PlanEditForbidden(**error.facts, field=f"{field}.code") from error
