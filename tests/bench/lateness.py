"""How late a card is: 200 a second fall due, spread over a minute, and a real worker raises them.

What falls due is to the instant (W-03: a notice that was not given in time). Late is from the due
moment to the commit of the card, by the database's own clock.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa

from bench.measure import Row, cpu_of
from bench.servers import servers
from chassis import amqp
from chassis.db import Database
from support import services
from support.clocks import case_state, happening, published_calendar
from warning_dispatch import usecases
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.occasion import find_yardstick

_RATE, _SECONDS, _PATIENCE = 200, 60, 120
_BEGINS_AFTER = timedelta(seconds=15)

_FILL = sa.text(
    """
    with clocks as (
        select gen_random_uuid() as id,
            cast(:first as timestamptz) + number * interval '1 second' / :rate as moment
        from generate_series(0, cast(:count as integer) - 1) number
    ), copied as (
        insert into case_copies (id, version, project_id, state, reckoned)
        select id, 1, cast(:project as uuid), jsonb_set(
            cast(:state as jsonb) || jsonb_build_object('case_id', id),
            '{clock,happenings,1,at}', to_jsonb(moment)), :reckoned
        from clocks
    )
    insert into dues (subject_type, subject_id, rule, colour, period, due_moment)
    select 'case', id, 'W-03', 'red', '1', moment from clocks
    """
)
_LATE = sa.text(
    """
    select count(*), percentile_disc(array[0.5, 0.99]) within group (order by late) from (
        select extract(epoch from pg_xact_commit_timestamp(xmin) - due_moment) as late
        from cards where rule = 'W-03'
    ) each
    """
)


def measure() -> list[Row]:
    with servers() as run:
        from chassis.worker import subscriptions_of
        from warning_dispatch.worker import Worker

        amqp.declare(run.amqp, publisher="warning_dispatch", subscriptions=subscriptions_of(Worker))
        url = run.databases("warning_dispatch")
        database = Database(url)
        settings = {
            "database_url": url,
            "amqp_url": run.amqp,
            "redis_url": run.redis,
            "seal_secret": "a secret of this bench",
        }
        with services.running("warning_dispatch", "worker", **settings) as worker:
            pids = [seen.pid for seen in worker.supervisor.seen().values()]
            _fill(database)
            with cpu_of(lambda: [os.getpid(), *pids]) as spent:
                late = _all_raised(database)
        database.close()
    p50, p99 = (float(each) for each in late)
    return [
        Row(
            f"lateness of a card at {_RATE}/s",
            "",
            f"p50 {p50 * 1e3:,.0f} ms, p99 {p99 * 1e3:,.0f} ms",
            "",
            "p99 1,000 ms",
            f"{spent[0] / (_RATE * _SECONDS) * 1e3:.1f} ms a card in the worker",
        )
    ]


def _fill(database: Database) -> None:
    now = datetime.now(UTC)
    today = now.date().isoformat()
    happenings = [happening("received", today), happening("deemed_accepted", today)]
    state = case_state(happenings=happenings)
    # Nothing else of these clocks falls due: their limits are not known.
    blank = {"committed_due": "", "statutory_due": "", "notice_due": "", "yellow_on": ""}
    state["clock"] |= {**blank, "committed_days": 0}
    with database.begin(quietly=True) as tx:
        ledger = Ledger(tx)
        usecases.load_rules(ledger)
        usecases.follow_calendar(ledger, published_calendar(), version=1)
        yardstick = find_yardstick(ledger, now)
        assert yardstick
        tx.execute(
            _FILL,
            {
                "first": now + _BEGINS_AFTER,
                "rate": _RATE,
                "count": _RATE * _SECONDS,
                "project": UUID(state["project_id"]),
                "state": orjson.dumps(state).decode(),
                "reckoned": yardstick.reckoned,
            },
        )


def _all_raised(database: Database) -> list[float]:
    """Wait until every card is there; return how late half and all but one in a hundred were."""
    patience = time.monotonic() + _SECONDS + _PATIENCE
    while time.monotonic() < patience:
        with database.read() as connection:
            count, late = connection.execute(_LATE).one()
        if count == _RATE * _SECONDS:
            return list(late)
        time.sleep(1)
    raise SystemExit(f"only {count} cards were raised")
