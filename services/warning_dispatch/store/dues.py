"""When each card falls due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from chassis.bulk import insert_all, rows_of
from warning_dispatch.store.tables import dues

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Subject:
    """What a card is about: a case, a project, a work order, or a project's log."""

    type: str
    id: UUID


@dataclass(frozen=True)
class Due:
    """One card that is to be raised at its moment."""

    subject: Subject
    rule: str
    colour: str
    period: str
    due_moment: datetime

    @property
    def key(self) -> Key:
        return self.rule, self.colour, self.period


_in_order = (dues.c.due_moment, dues.c.subject_type, dues.c.subject_id, dues.c.rule, dues.c.colour)
_earliest = (
    sa.select(dues)
    .where(dues.c.due_moment <= sa.bindparam("until"))
    .order_by(*_in_order)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_all_of_subjects = (
    sa.select(dues)
    .where(
        # The primary key begins with the type.
        dues.c.subject_type == sa.func.any(sa.bindparam("types", type_=sa.ARRAY(sa.Text))),
        dues.c.subject_id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
    )
    .order_by(*_in_order)
    .with_for_update()
)
_names = dues.primary_key.columns.keys()
_gone = rows_of(dues, *_names)
_delete = dues.delete().where(*(dues.c[name] == _gone.c[name] for name in _names))
_made = insert_all(dues, *dues.c.keys())
_put = _made.on_conflict_do_update(
    index_elements=list(dues.primary_key.columns),
    set_={"due_moment": _made.excluded.due_moment},
)


class DueTable:
    """The due table as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def claim(self, *, until: datetime, batch: int) -> list[Due]:
        """Lock and return the earliest that are due; another sweep passes over them.

        They stay in the table until `drop`, in the same transaction as their cards: a process
        that dies in between loses nothing.
        """
        rows = self._tx.execute(_earliest, {"until": until, "batch": batch})
        return [_due(row) for row in rows]

    def lock(self, subjects: Iterable[Subject]) -> list[Due]:
        """Lock and return every due moment of these subjects, in order, waiting for a sweep that has one.

        Whoever changes a subject locks here before its order and its cards, as the sweep does.
        """
        wanted = set(subjects)
        types = list({subject.type for subject in wanted})
        ids = [subject.id for subject in wanted]
        rows = self._tx.execute(_all_of_subjects, {"types": types, "ids": ids})
        return [due for due in map(_due, rows) if due.subject in wanted]

    def drop(self, *gone: Due) -> None:
        if gone:
            self._tx.execute(_delete, {"rows": [_row(due) for due in gone]})

    def put(self, *wanted: Due) -> None:
        if wanted:
            self._tx.execute(_put, {"rows": [_row(due) for due in wanted]})

    def replace(self, present: Iterable[Due], wanted: Iterable[Due]) -> None:
        """Make `wanted` of what `lock` returned: moved ones move, others vanish."""
        before = {(due.subject, *due.key): due for due in present}
        after = {(due.subject, *due.key): due for due in wanted}
        self.drop(*(due for identity, due in before.items() if identity not in after))
        self.put(*(due for identity, due in after.items() if before.get(identity) != due))


def _due(row: sa.Row[tuple[object, ...]]) -> Due:
    subject = Subject(row.subject_type, row.subject_id)
    return Due(subject, row.rule, row.colour, row.period, row.due_moment)


def _row(due: Due) -> dict[str, object]:
    return {
        "subject_type": due.subject.type,
        "subject_id": due.subject.id,
        "rule": due.rule,
        "colour": due.colour,
        "period": due.period,
        "due_moment": due.due_moment,
    }
