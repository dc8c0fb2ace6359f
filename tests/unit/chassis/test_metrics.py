"""What is measured, and what a measurement costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics import exposition

from chassis import metrics, trace
from chassis.ids import new_id


def shown(registry: CollectorRegistry) -> str:
    return bytes(exposition.generate_latest(registry)).decode()  # type: ignore[no-untyped-call]


def test_a_fact_tells_its_age_by_its_id() -> None:
    fact = new_id()
    written = (fact.int >> 80) / 1000

    assert metrics.age_of_fact(str(fact), written + 2.5) == pytest.approx(2.5)


@pytest.mark.parametrize("fact_id", ["", "no id", "00000000-0000-0000-0000-000000000001"])
def test_what_has_no_time_in_its_id_has_no_age(fact_id: str) -> None:
    assert metrics.age_of_fact(fact_id) is None


def test_a_clock_that_runs_ahead_makes_no_negative_age() -> None:
    fact = new_id()

    assert metrics.age_of_fact(str(fact), 0) == 0


def test_a_slow_call_shows_its_trace_and_a_quick_one_does_not() -> None:
    registry = CollectorRegistry()
    seconds = Histogram("call_seconds", "-", registry=registry)
    with trace.follow("call", traceparent="", request_id=""):
        trace_id = trace.current().trace_id
        seconds.observe(0.01, metrics.exemplar(0.01))
        quick = shown(registry)
        seconds.observe(0.3, metrics.exemplar(0.3))

    assert trace_id not in quick
    assert f'trace_id="{trace_id}"' in shown(registry)


def test_a_folder_of_files_has_an_end_and_a_bucket_has_none(tmp_path: Path) -> None:
    metrics.store_free.clear()
    metrics.watch_disk("toy", tmp_path.as_uri())
    metrics.watch_disk("toy-in-a-bucket", "s3://bucket/toy")

    [free] = [each for family in metrics.store_free.collect() for each in family.samples]
    assert free.labels == {"service": "toy"}
    assert free.value > 0


def test_a_folder_that_is_gone_breaks_no_scrape(tmp_path: Path) -> None:
    metrics.store_size.clear()
    metrics.watch_disk("toy", (tmp_path / "gone").as_uri())

    [size] = [each for family in metrics.store_size.collect() for each in family.samples]
    assert size.value != size.value
