"""Whether the services agree with one another: what a fault must not leave in disorder."""

from __future__ import annotations

import psycopg

from instance.options import SERVICES
from support import services
from support.instance import Instance
from support.waiting import eventually

_STATE = "select id, concat_ws('/', name, stage, status, pool, region_path) from projects"
# Queries that must answer alike: of who keeps an aggregate, then of who keeps a copy of it.
_COPIES = (
    # The registry's version moves without a word when nothing changed that others are told.
    (("project_registry", _STATE), ("reporting", _STATE)),
    (
        ("approval_tracking", "select id, version from projects"),
        ("proxy_log", "select id, version from projects"),
        ("warning_dispatch", "select id, version from project_copies"),
        ("reporting", "select id, version from projects"),
    ),
    (
        ("approval_tracking", "select id, version from cases"),
        ("warning_dispatch", "select id, version from case_copies"),
        ("reporting", "select id, version from cases"),
    ),
    (
        ("warning_dispatch", "select id, version from cards"),
        ("reporting", "select id, version from cards"),
    ),
    (
        ("warning_dispatch", "select id, version from work_orders"),
        ("reporting", "select id, version from orders"),
    ),
    (
        ("proxy_log", "select id, 1 from logs"),
        ("reporting", "select id, 1 from logs"),
    ),
    # Counters that a doubled event would raise.
    (
        ("proxy_log", "select 'logs', count(*) from logs"),
        (
            "reporting",
            "select 'logs', coalesce(sum(count), 0) from daily where kind in ('visit', 'log')",
        ),
    ),
    (
        ("warning_dispatch", "select colour, count(*) from cards group by 1"),
        (
            "reporting",
            "select substr(kind, 6), sum(count) from daily where kind like 'card_%' group by 1",
        ),
    ),
)


def assert_books_agree(instance: Instance, *, timeout: float = 60) -> None:
    """Every outbox is empty, every copy is at its original's version, nothing was counted twice or parked."""
    urls = instance.database_urls()

    def rows(service: str, query: str) -> set[tuple[str, str]]:
        with psycopg.connect(urls[service]) as connection:
            return {(str(key), str(value)) for key, value in connection.execute(query)}

    def agree() -> bool:
        for service in SERVICES:
            waiting = rows(service, "select 'outbox', count(*) from outbox")
            assert waiting == {("outbox", "0")}, f"{service} has not told everything yet: {waiting}"
        for original, *copies in _COPIES:
            expected = rows(*original)
            for copy in copies:
                assert rows(*copy) == expected, (
                    f"{copy[0]} differs from {original[0]}: {copy[1]}: "
                    f"{sorted(rows(*copy) ^ expected)[:6]}"
                )
        return True

    eventually(agree, timeout=timeout)
    assert {each: _parked(instance, each) for each in SERVICES} == dict.fromkeys(SERVICES, "")


def _parked(instance: Instance, service: str) -> str:
    def setting(name: str) -> str:
        return instance.setting(f"{service}-worker", name)

    return services.run(
        service,
        "parked",
        "list",
        database_url=setting("DATABASE_URL"),
        amqp_url=setting("AMQP_URL"),
    ).strip()
