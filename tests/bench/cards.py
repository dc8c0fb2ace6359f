"""The sweep: what it costs to raise 500 cards, at ten thousand watched clocks and at five million.

The clocks are made by the database: their due moments in full number, the copies of cases behind
them up to 200,000, since the sweep reads by key only those that are due. Each sweep raises 500 red
cards with their orders, notifications, facts and the orders' own due moments, and commits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa

from bench.measure import Row
from bench.servers import servers
from chassis.db import Database
from chassis.ids import new_id
from chassis.service import spare_the_collector
from support.clocks import at, case_state, published_calendar
from warning_dispatch import usecases
from warning_dispatch.domain import duties_of_case
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases import Occasion
from warning_dispatch.usecases.occasion import find_yardstick

_FEW, _MANY, _COPIES = 10_000, 5_000_000, 200_000
_DUE, _SWEEPS = 500, 12
_OPEN, _PAGE = 1_000_000, 500
_NOW = at("2026-10-22 00:31")
_MOMENT = at("2026-10-22 00:30")

_WATCH = sa.text(
    """
    insert into dues (subject_type, subject_id, rule, colour, period, due_moment)
    select 'case', md5('clock ' || number)::uuid, 'W-01', 'red', '1',
        case when number <= :due then cast(:moment as timestamptz)
             else cast(:moment as timestamptz) + (1 + number % 200000) * interval '1 minute' end
    from generate_series(1, cast(:clocks as integer)) number
    """
)
_COPY = sa.text(
    """
    insert into case_copies (id, version, project_id, state, reckoned)
    select id, 1, cast(:project as uuid),
        cast(:state as jsonb) || jsonb_build_object('case_id', id), :reckoned
    from (select md5('clock ' || number)::uuid as id
        from generate_series(1, cast(:copies as integer)) number) clock
    """
)
_RESULTS = ("cards", "work_orders", "notifications", "outbox")


def measure() -> list[Row]:
    spare_the_collector()  # as every process of ours does
    with servers() as run:
        few, many = (_watching(run.databases("warning_dispatch"), each) for each in (_FEW, _MANY))
        seconds: dict[str, list[float]] = {"few": [], "many": [], "page": []}
        # In turns, so that a machine that is slower for a while is so for all three.
        for turn in range(_SWEEPS):
            seconds["few"].append(_timed(lambda: _sweep(few)))
            seconds["many"].append(_timed(lambda: _sweep(many)))
            seconds["page"].append(_timed(lambda turn=turn: _recompute(few, turn)))  # type: ignore[misc]
        made = _written(many)
        for each in (few, many):
            each.close()
    at_few, at_many, page = (min(seconds[name]) for name in ("few", "many", "page"))
    recomputed = page * _OPEN / _PAGE
    return [
        Row(
            f"a sweep of {_DUE} due, at {_MANY:,} watched clocks",
            f"{at_few * 1e3:,.0f} ms at {_FEW:,}",
            f"{at_many * 1e3:,.0f} ms",
            f"{at_many / at_few:.2f} times the cost",
            "1.5 times at most",
        ),
        Row(
            f"the same, against recomputing {_OPEN:,} open rows",
            f"{recomputed:,.0f} s ({_PAGE} rows measured, scaled)",
            f"{at_many * 1e3:,.0f} ms",
            f"{recomputed / at_many:,.0f}",
            "1,000 times",
        ),
        Row(
            f"{_DUE} cards with {', '.join(made)}, best of {_SWEEPS}",
            "",
            f"{at_few * 1e3:,.0f} ms",
            "",
            "250 ms",
        ),
    ]


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _sweep(database: Database) -> None:
    with database.begin(quietly=True) as tx:
        raised = usecases.sweep(Ledger(tx), Occasion(_NOW, new_id, "321100"), batch=_DUE)
    if raised != _DUE:
        raise SystemExit(f"{raised} due moments were dealt with, not {_DUE}")


def _written(database: Database) -> list[str]:
    """Say what one sweep wrote."""
    with database.read() as connection:
        counts = {
            name: connection.scalar(sa.text(f"select count(*) from {name}")) or 0
            for name in _RESULTS
        }
    if counts["cards"] != _DUE * _SWEEPS:
        raise SystemExit(f"{counts['cards']} cards")
    return [f"{n // _SWEEPS} {name}" for name, n in counts.items() if name != "cards"]


def _watching(url: str, clocks: int) -> Database:
    """Watch so many clocks; those of the sweeps are due at the same half hour after midnight."""
    database = Database(url)
    state = case_state(case_id=UUID(int=0))
    with database.begin(quietly=True) as tx:
        tx.execute(sa.text("set local statement_timeout = 0"))
        ledger = Ledger(tx)
        usecases.load_rules(ledger)
        usecases.follow_calendar(ledger, published_calendar(), version=1)
        yardstick = find_yardstick(ledger, _NOW)
        assert yardstick
        tx.execute(_WATCH, {"due": _DUE * _SWEEPS, "moment": _MOMENT, "clocks": clocks})
        tx.execute(
            _COPY,
            {
                "project": UUID(state["project_id"]),
                "state": orjson.dumps(state).decode(),
                "reckoned": yardstick.reckoned,
                "copies": min(clocks, _COPIES),
            },
        )
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("set statement_timeout = 0"))
        connection.execute(sa.text("vacuum analyze"))
        connection.execute(sa.text("checkpoint"))
        connection.execute(sa.text("reset statement_timeout"))
    return database


def _recompute(database: Database, page: int) -> None:
    """Read a page of open rows with their cards, derive the colour of each, compare: written first."""
    chosen = sa.text("select id from case_copies order by id offset :skip limit :page")
    with database.read() as connection:
        ledger = Ledger(connection)
        ids = connection.scalars(chosen, {"skip": page * _PAGE, "page": _PAGE}).all()
        yardstick = find_yardstick(ledger, _NOW)
        assert yardstick
        before = _MOMENT - timedelta(minutes=1)
        changed = 0
        present = ledger.cards.of_subjects(Subject("case", each) for each in ids)
        for case in ledger.copies.cases(ids).values():
            duties = duties_of_case(case, yardstick.book, yardstick.calendar)
            now = {duty.colour for duty in duties if duty.holds(_NOW)}
            changed += now != {duty.colour for duty in duties if duty.holds(before)}
    if not changed or len(ids) != _PAGE:
        raise SystemExit(f"recomputing found nothing that changed; {len(present)} cards")
