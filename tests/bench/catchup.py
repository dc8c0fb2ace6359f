"""A child's day after an outage: 50,000 facts from its ledgers, up the link, to copies at the parent.

Both ends are virtual hosts of one broker with a real shovel between them. The line is made when the
ledgers are full; the time is from then until the parent's workers have committed every fact, by
the database's own clock. The baseline is the same taking, fact by fact, on a sample.
"""

from __future__ import annotations

import os
import time
import urllib.request
from base64 import b64encode
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from bench.measure import Row, cpu_of
from bench.rollups import _facts as lives_of_cases
from bench.servers import Servers, servers
from chassis import amqp
from chassis.db import Database
from chassis.ids import new_id
from chassis.links.broker import Broker
from chassis.links.ledger import Links
from chassis.links.relay import LinkRelay
from support import services
from support.clocks import case_state
from support.desk import Desk

_PARENT, _CHILD = "321100", "321181"
_CASE_FACTS, _CARD_FACTS, _ORDER_FACTS, _SAMPLE = 40_000, 5_000, 5_000, 1_000
_FACTS = _CASE_FACTS + _CARD_FACTS + _ORDER_FACTS
_UPLINK_BYTES, _PATIENCE = 256 * 1024 * 1024, 300
_TAKEN = """
    select count(*), extract(epoch from max(pg_xact_commit_timestamp(xmin)))
    from origin_facts where kind <> ''
"""


def measure() -> list[Row]:
    with servers() as run, ExitStack() as stack:
        day = _day(run)
        one_by_one = _one_by_one(run, day["approval_tracking"][:_SAMPLE])
        parents = {name: run.databases(name) for name in (*day, "reporting")}
        _declare(run)
        pids = [os.getpid(), *(each.pid for each in run.supervisor.seen().values())]
        for name, url in parents.items():
            settings = {
                "database_url": url,
                "amqp_url": run.amqp,
                "redis_url": run.redis,
                "instance": _PARENT,
                "seal_secret": "a secret of this bench",
            }
            worker = stack.enter_context(services.running(name, "worker", **settings))
            pids += [each.pid for each in worker.supervisor.seen().values()]
        child = _child(run)
        for name, bodies in day.items():
            stack.callback(_relay(run, name, bodies, child).stop)
        with cpu_of(lambda: pids) as spent:
            began = time.time()
            _link(run, child)
            ended = max(_taken(url, wanted) for url, wanted in _wanted(parents))
    rate = _FACTS / (ended - began)
    return [
        Row(
            f"a child's {_FACTS:,} facts after an outage, facts/s",
            f"{one_by_one:,.0f} taken one by one, the database alone",
            f"{rate:,.0f}",
            f"{rate / one_by_one:.1f}",
            "2,000/s",
            f"{spent[0] / _FACTS * 1e6:.0f} µs a fact at both ends",
        )
    ]


# --- the day ----------------------------------------------------------------------------------


def _day(run: Servers) -> dict[str, list[dict[str, Any]]]:
    """Return the facts of a day by the service that tells them: lives of cases, cards, orders."""
    desk = Desk(Database(run.databases("warning_dispatch")))
    desk.load()
    desk.case(case_state())
    desk.sweep("2026-10-22 00:30")
    told = [each.body() for each in desk.published()]
    desk.db.close()
    card = next(each for each in told if each["type"] == "card_issued.v1")
    order = next(each for each in told if each["type"] == "work_order_dispatched.v1")
    return {
        "approval_tracking": [_with_delivery(each) for each in lives_of_cases(_CASE_FACTS)],
        "warning_dispatch": [
            *(_another(card, "card", "card_id", number) for number in range(_CARD_FACTS)),
            *(_another(order, "order", "order_id", number) for number in range(_ORDER_FACTS)),
        ],
    }


def _with_delivery(body: dict[str, Any]) -> dict[str, Any]:
    body["data"]["case"]["clock"].setdefault("delivery_due", "")
    return body


def _another(body: dict[str, Any], name: str, key: str, number: int) -> dict[str, Any]:
    made = new_id()
    state = {**body["data"][name], key: str(made)}
    if name == "card":
        state["subject_id"] = str(made)
    else:
        state |= {"number": f"ZJDB-{_CHILD}-2026-{number:06d}", "card_id": str(new_id())}
    data = {**body["data"], name: state}
    return {**body, "id": str(new_id()), "aggregate_id": str(made), "data": data}


# --- the two ends -----------------------------------------------------------------------------


def _declare(run: Servers) -> None:
    from chassis.worker import subscriptions_of

    amqp.declare_links(run.amqp)
    for name in ("approval_tracking", "warning_dispatch", "reporting"):
        amqp.declare(
            run.amqp,
            publisher=name,
            subscriptions=subscriptions_of(_worker(name)),
            instance=_PARENT,
        )


def _worker(name: str) -> Any:
    from importlib import import_module

    return import_module(f"{name}.worker").Worker


def _child(run: Servers) -> str:
    """Make the child's virtual host with its uplink, and return its address."""
    parts = urlsplit(run.amqp)
    login = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    admin = urlsplit(run.amqp_admin)
    for path, body in (
        ("vhosts/child", b"{}"),
        (
            f"permissions/child/{parts.username}",
            b'{"configure": ".*", "write": ".*", "read": ".*"}',
        ),
    ):
        request = urllib.request.Request(
            f"{admin.scheme}://{admin.hostname}:{admin.port}/api/{path}",
            data=body,
            method="PUT",
            headers={"authorization": f"Basic {login}", "content-type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=20).close()
    address = parts._replace(path="/child").geturl()
    amqp.declare_links(address, uplink_bytes=_UPLINK_BYTES)
    return address


def _relay(run: Servers, name: str, bodies: list[dict[str, Any]], address: str) -> LinkRelay:
    """Fill the child's ledger and let its relay hand on what it holds."""
    database = Database(run.databases(name))
    links = Links(service=name, instance=_CHILD, parent=_PARENT, goes_up=_worker(name).goes_up)
    with database.begin(quietly=True) as tx:
        for start in range(0, len(bodies), 1_000):
            links.record(tx, bodies[start : start + 1_000])
    relay = LinkRelay(database, links, address)
    relay.start()
    return relay


def _link(run: Servers, child: str) -> None:
    above = Broker(amqp_url=run.amqp, admin_url=run.amqp_admin)
    below = Broker(amqp_url=child, admin_url=run.amqp_admin)
    below.join(above.add_child(_CHILD, instance=_PARENT), instance=_CHILD)


def _wanted(parents: dict[str, str]) -> list[tuple[str, int]]:
    warnings = _CARD_FACTS + _ORDER_FACTS
    return [
        (parents["approval_tracking"], _CASE_FACTS),
        (parents["warning_dispatch"], warnings),
    ]


def _taken(url: str, wanted: int) -> float:
    """Wait until so many facts are there, and return when the last was committed."""
    patience = time.monotonic() + _PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < patience:
            row = connection.execute(_TAKEN).fetchone()
            if row and row[0] >= wanted:
                return float(row[1])
            time.sleep(0.2)
    raise SystemExit(f"only {row[0] if row else 0} of {wanted} facts came up")


def _one_by_one(run: Servers, bodies: list[dict[str, Any]]) -> float:
    from approval_tracking.store.copies import CopyStore
    from chassis.clock import system_clock

    database = Database(run.databases("approval_tracking"))
    links = Links(service="approval_tracking", instance=_PARENT, parent="", goes_up=())
    birth = str(UUID(int=1))
    came = [
        {**body, "source": f"{_CHILD}/approval_tracking", "via": _CHILD, "birth": birth}
        for body in bodies
    ]
    began = time.perf_counter()
    for body in came:
        with database.begin(quietly=True) as tx:
            CopyStore(tx).keep(links.take(tx, [body], at=system_clock()).facts)
    seconds = time.perf_counter() - began
    database.close()
    return len(came) / seconds
