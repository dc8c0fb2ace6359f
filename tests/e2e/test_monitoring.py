"""A real Prometheus on a running instance: its rules compute, its panels show, a fault is told."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
import pytest

from acceptance.conftest import City
from chassis.calendar import SHANGHAI
from e2e.places import TOWN, both_move, in_review
from instance.options import SERVICES
from monitoring import dashboards, slo
from support import eventually
from support.instance import Instance, running_instance
from support.network import Child, command, linked
from support.prometheus import Prometheus, all_healthy, options_of, watching

PROCESSES = [
    *(f"{each}-{kind}" for each in SERVICES for kind in ("api", "worker")),
    "push",
    "envoy",
]
# Only a child that is refused has it, and none is here; test_links.py makes one.
EMPTY_HERE = {"facts from below that were refused"}


def test_every_rule_is_evaluated_without_error(instance: Instance) -> None:
    if os.environ.get("KAIGONG_TEST_INSTANCE"):
        pytest.skip("the ports of a given instance are not known")
    written = command(instance, "monitoring")
    assert written.returncode == 0, written.stderr
    assert (instance.run / "prometheus.yaml").exists()

    with watching(options_of(instance.run, instance.base_url)) as prometheus:
        assert eventually(lambda: all_healthy(prometheus, PROCESSES), timeout=25, every=0.5)


@dataclass(frozen=True)
class Watched:
    """A city and its town, each with a Prometheus of its own as in production."""

    city: City
    town: Child
    there: City
    above: Prometheus
    below: Prometheus


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    if os.environ.get("KAIGONG_TEST_INSTANCE"):
        pytest.skip("the ports of a given instance are not known")
    with contextlib.ExitStack() as stack:
        parent = stack.enter_context(running_instance(RATE_LIMITS="0"))
        town = stack.enter_context(linked(parent, TOWN, TIER="town"))
        city, there = City(parent), City(town.instance)
        stack.callback(city.close)
        stack.callback(there.close)
        above = stack.enter_context(watching(options_of(parent.run, parent.base_url)))
        environ = {"TIER": "town", "REGION": TOWN}
        below = stack.enter_context(
            watching(options_of(town.instance.run, town.instance.base_url, **environ))
        )
        yield Watched(city, town, there, above, below)


@pytest.fixture(scope="module")
def busy(watched: Watched) -> Watched:
    """Cases at both, then a month in which nobody decides them."""
    for _ in range(3):
        in_review(watched.city)
        in_review(watched.there)
    with watched.city.instance.caller("d4.city") as listener:
        assert listener.get("/v1/cards").status_code == 200
    both_move(watched.city, watched.there, days=45)
    return watched


@pytest.mark.long
def test_both_instances_are_watched_and_every_rule_computes(watched: Watched) -> None:
    packed = ["packed-api", "packed-worker", "push", "envoy"]

    assert eventually(lambda: all_healthy(watched.above, PROCESSES), timeout=60, every=1)
    assert eventually(lambda: all_healthy(watched.below, packed), timeout=60, every=1)


@pytest.mark.long
def test_where_all_is_well_nothing_is_told(watched: Watched) -> None:
    faults = (
        "ProcessDown",
        "ConsumerStopped",
        "OutboxOld",
        "TimerStopped",
        "BrokerAway",
        "LinkCut",
    )

    def quiet() -> bool:
        for each in (watched.above, watched.below):
            assert {name: told for name in faults if (told := each.firing(name))} == {}
        return True

    # The link takes a moment to stand after the start.
    assert eventually(quiet, timeout=60, every=1)


@pytest.mark.long
def test_no_panel_is_without_data_on_a_busy_instance(busy: Watched) -> None:
    def bare() -> list[str]:
        found = []
        for board in dashboards.all_boards(slo.read_all()):
            for panel in board.panels:
                asked = [expr.replace("$process", ".+") for _, expr in panel.lines]
                # What a child alone has is on the town's.
                places = (busy.above, busy.below) if panel.may_be_empty else (busy.above,)
                if not any(all(place.ask(expr) for expr in asked) for place in places):
                    found.append(panel.en)
        return found

    def all_show() -> bool:
        in_review(busy.city)
        left = set(bare()) - EMPTY_HERE
        assert left == set()
        return True

    assert eventually(all_show, timeout=180, every=5)


@pytest.mark.long
def test_a_slow_call_leads_to_its_trace(busy: Watched) -> None:
    def traces() -> list[str]:
        found = busy.above.get(
            "query_exemplars", query="rpc_seconds_bucket", start=0, end=9_999_999_999
        )
        return [each["labels"]["trace_id"] for one in found for each in one["exemplars"]]

    assert len(eventually(traces, timeout=60, every=1)[0]) == 32


@pytest.mark.long
def test_a_months_budget_is_told_from_the_read_model_and_from_prometheus(busy: Watched) -> None:
    def told(month: date) -> str:
        done = command(
            busy.city.instance,
            *("service", "reporting", "budget", "--month", f"{month:%Y-%m}"),
            *("--prometheus", busy.above.url),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # The cases broke their promise where the domain's clock has come to or on the way there; the
    # platform's time is real.
    by_now = [busy.city.today() - timedelta(days=days) for days in (0, 31)]
    real = datetime.now(SHANGHAI).date()

    assert any("cases decided within the promised limit" in told(month) for month in by_now)
    platform = told(real).partition("the platform")[2]
    assert "availability" in platform
    assert "latency" in platform


@pytest.mark.long
def test_what_is_over_its_limit_is_told_by_body(busy: Watched) -> None:
    (first, *_) = eventually(lambda: busy.above.firing("OverdueCases"), timeout=120, every=1)

    assert first["severity"] == "today"
    assert first["name"]
    # The network knows what the alert says: that body has a case past its promise.
    cases = busy.city.get("d4.city", "/v1/network/cases", region="321100", page_size=200)["cases"]
    assert first["of"] in {each["org"] for each in cases}


@pytest.mark.long
def test_a_consumer_that_hangs_is_told_and_is_well_again(busy: Watched) -> None:
    url = busy.city.instance.setting("reporting-worker", "DATABASE_URL")
    quiet = busy.above.firing("ConsumerStopped")
    with psycopg.connect(url) as holder:
        # Its handlers wait for this lock, as for any statement that somebody forgot.
        holder.execute("lock table inbox in access exclusive mode")
        busy.city.register("d4.city")

        told = eventually(
            lambda: busy.above.firing(
                "ConsumerStopped", queue="reporting.project_registry.batch", severity="page"
            ),
            timeout=120,
            every=1,
        )
        holder.rollback()

    assert quiet == []
    assert told
    eventually(lambda: not busy.above.firing("ConsumerStopped"), timeout=120, every=1)


@pytest.mark.long
def test_a_worker_that_stands_still_is_told(busy: Watched) -> None:
    pid = busy.city.instance.pid("proxy_log-worker")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert eventually(
            lambda: busy.above.firing("ProcessDown", process="proxy_log-worker"),
            timeout=60,
            every=1,
        )
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: not busy.above.firing("ProcessDown"), timeout=60, every=1)


@pytest.mark.long
def test_a_link_that_is_cut_is_told_below_and_heals(busy: Watched) -> None:
    eventually(
        lambda: busy.below.value('max(queue_consumers_count{queue="uplink"})') == 1, timeout=60
    )
    assert busy.below.firing("LinkCut") == []

    busy.town.line.cut()
    try:
        told = eventually(lambda: busy.below.firing("LinkCut", region=TOWN), timeout=180, every=1)
    finally:
        busy.town.line.mend()

    assert told[0]["severity"] == "today"
    eventually(lambda: not busy.below.firing("LinkCut"), timeout=180, every=1)
