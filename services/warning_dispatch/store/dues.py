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
# A row's place, which is faster than its key in a table of millions.
_place: sa.ColumnElement[object] = sa.literal_column("dues.ctid")
_earliest = (
    sa.select(_place)
    .select_from(dues)
    .where(dues.c.due_moment <= sa.bindparam("until"))
    .order_by(*_in_order)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_take = (
    dues.delete()
    .where(_place == sa.func.any(sa.func.array(_earliest.scalar_subquery())))
    .returning(*dues.c)
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

    def take(self, *, until: datetime, batch: int) -> list[Due]:
        """Remove and return the earliest that are due; another sweep passes over them.

        They go in the same transaction as their cards come: a process that dies in between
        loses nothing.
        """
        taken = map(_due, self._tx.execute(_take, {"until": until, "batch": batch}))
        return sorted(
            taken,
            key=lambda due: (due.due_moment, due.subject.type, due.subject.id.int, due.key),
        )

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

    def add(self, *new: Due) -> None:
        """Put moments of subjects that nobody has seen yet."""
        if new:
            self._tx.execute(_made, {"rows": [_row(due) for due in new]})

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
