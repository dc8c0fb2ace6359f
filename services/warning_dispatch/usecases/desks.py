"""What waits for the caller, gathered from what the service keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from warning_dispatch.domain import district_of
from warning_dispatch.domain.desks import PARTS, Part, side_of
from warning_dispatch.domain.people import Vacancy
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.callers import Caller
from warning_dispatch.usecases.people import find_vacancies

# The figures of self-assessment look back over a quarter.
_LOOKS_BACK = timedelta(days=90)


@dataclass(frozen=True)
class Heap:
    """A part of the desk: how many things wait, and the first few of them."""

    part: Part
    count: int
    rows: tuple[sa.Row[Any], ...] = ()
    vacancies: tuple[Vacancy, ...] = ()


@dataclass(frozen=True)
class Board:
    """The figures of the caller's territory."""

    by_stage: Mapping[str, int]
    by_pool: Mapping[str, int]
    by_colour: Mapping[str, int]
    logs_overdue: int
    matters_overdue: int
    answered_in_time: int
    answered: int


@dataclass(frozen=True)
class Desk:
    side: str
    heaps: tuple[Heap, ...]
    board: Board


def read_desk(ledger: Ledger, caller: Caller, now: datetime) -> Desk:
    side, scope, desks = side_of(caller.principal.roles), caller.scope, ledger.desks
    here = caller.principal.region_path
    centre = f"{district_of(here).rpartition('/')[2]}:政务服务"
    heaps = []
    for part in PARTS[side]:
        if part.key == "vacancies":
            vacant = find_vacancies(ledger, here)
            heaps.append(Heap(part, len(vacant), vacancies=tuple(vacant[:5])))
        else:
            rows, count = desks.waiting(part.key, scope, centre=centre, now=now)
            heaps.append(Heap(part, count, rows=tuple(rows)))
    in_time, answered = desks.answered_in_time(scope, now - _LOOKS_BACK)
    board = Board(
        by_stage=desks.projects_by("stage", scope),
        by_pool=desks.projects_by("pool", scope),
        by_colour=desks.cards_by_colour(scope),
        logs_overdue=desks.logs_overdue(scope),
        matters_overdue=desks.matters_overdue(scope, now),
        answered_in_time=in_time,
        answered=answered,
    )
    return Desk(side, tuple(heaps), board)
