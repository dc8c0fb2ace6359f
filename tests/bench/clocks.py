"""A new calendar reaches a city's open clocks: ours in batches, against one case after the other.

The calendar that is published closes the offices on one day in December: clocks that run over it move,
are written and told; the others stay, and are only marked. The baseline does what one would write
first: it reads a case, reckons its clock, and writes and tells it in a transaction of its own.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from approval_tracking.domain.events import CalendarDay
from approval_tracking.store import CaseStore, Reference
from approval_tracking.usecases.calendars import follow_calendar, publish_year, read_published
from bench.city import NOW, fill
from bench.measure import Row
from bench.servers import servers
from chassis.calendar import local_day
from chassis.db import Database

_CLOCKS, _NAIVE = 200_000, 1_000
_CLOSED = date(2026, 12, 3)
# As many as the worker takes at once.
_AT_ONCE = 2000


def measure() -> list[Row]:
    with servers() as run:
        database = Database(run.databases("approval_tracking"))
        made = fill(database, _CLOCKS)
        publish(database)
        naive = _one_by_one(database)
        began, done = time.perf_counter(), 0
        while found := _batch(database):
            done += found
        took = time.perf_counter() - began
        with database.read() as connection:
            moved = connection.scalar(sa.text("select count(*) from cases where version > 1")) or 0
        database.close()
    return [
        Row(
            f"clocks followed after a calendar change, of {made:,} open",
            f"{naive:,.0f}/s one by one",
            f"{done / took:,.0f}/s, {moved:,} moved and told",
            f"{done / took / naive:.0f}",
            "20,000/s",
        )
    ]


def publish(database: Database) -> None:
    """Publish this year again, with the offices closed on one more day."""
    with database.begin(quietly=True) as tx:
        reference = Reference(tx)
        current = read_published(reference.published_calendar())
        year = next(each for each in current.years if each.year == _CLOSED.year)
        closed = replace(year, days=(*year.days, CalendarDay(_CLOSED, False, "台风停工")))
        publish_year(reference, closed, expected_version="", now=NOW)


def _one_by_one(database: Database) -> float:
    with database.read() as connection:
        wanted = sa.text("select id from cases limit :most")
        ids = connection.scalars(wanted, {"most": _NAIVE}).all()
    began = time.perf_counter()
    for case_id in ids:
        with database.begin(quietly=True) as tx:
            cases = CaseStore(tx)
            held = cases.hold(case_id, today=local_day(NOW))
            held.case.follow_calendar("calendar_published")
            cases.save(held.case, held.calendar, at=NOW)
    return len(ids) / (time.perf_counter() - began)


def _batch(database: Database) -> int:
    with database.begin(quietly=True) as tx:
        return follow_calendar(CaseStore(tx), most=_AT_ONCE, now=NOW)
