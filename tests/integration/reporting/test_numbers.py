"""The network and the month, against numbers counted by hand from the same facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from chassis.calendar import local_day
from chassis.identity import Principal, Scope
from chassis.paging import Page
from reporting import queries
from reporting.domain import GREEN, LIGHTS, RED, YELLOW, Indicator, Month
from reporting.queries import MonthNumbers
from support import newsroom as told
from support.clocks import at, calendar, happening
from support.desk import D4, person
from support.newsroom import DANBEI, JURONG, Newsroom

NOW = at("2026-11-20 10:00")
# Sees every level of its district, as the drill-down of the district's own board.
D1 = person("d1.danyang", "D1")


def network(newsroom: Newsroom, path: str = "321100", year: int = 0) -> dict[str, Any]:
    with newsroom.db.read() as connection:
        return queries.network(connection, path, year=year, today=local_day(NOW), now=NOW)


def listed(newsroom: Newsroom, who: Principal, path: str, light: str = "") -> list[UUID]:
    with newsroom.db.read() as connection:
        rows, total = queries.list_cases(
            connection,
            Scope.of(who),
            Page(200, None),
            path=path,
            light=light,
            year=0,
            today=local_day(NOW),
        )
    assert total == len(rows)
    return [row.id for row in rows]


@contextmanager
def month(newsroom: Newsroom, period: str = "2026-11") -> Iterator[MonthNumbers]:
    with newsroom.db.read() as connection:
        yield MonthNumbers(connection, "321100", Month.read(period), calendar(), NOW)


def of(found: list[Indicator], name: str) -> Indicator:
    return next(each for each in found if each.name == name)


@pytest.fixture
def busy(newsroom: Newsroom) -> Newsroom:
    """Danyang: two projects, open cases green, yellow and red, one decided. Jurong: one project, one green."""
    newsroom.take(
        told.project(planned_start="2026-12-15"),
        told.project(
            project_id=UUID(int=8),
            level="区级",
            stage="S2",
            planned_start="2026-03-02",
            actual_start="2026-03-02",
        ),
        told.project(
            project_id=UUID(int=9), region_path=JURONG, stage="S1", planned_start="2027-01-05"
        ),
        told.project(project_id=UUID(int=10), region_path=JURONG, status="withdrawn"),
        told.fact(
            "annual_list_published.v1",
            "2026-01-08 09:00",
            year=2026,
            project_ids=[str(UUID(int=9))],
        ),
        told.case(
            "case_accepted.v1", "2026-11-18 10:00", case_id=UUID(int=21), accepted="2026-11-18"
        ),
        told.case(
            "case_accepted.v1", "2026-11-09 10:00", case_id=UUID(int=22), accepted="2026-11-09"
        ),
        told.case(
            "case_accepted.v1", "2026-11-02 10:00", case_id=UUID(int=23), accepted="2026-11-02"
        ),
        told.case(
            "case_decided.v1",
            "2026-11-12 10:00",
            case_id=UUID(int=24),
            version=3,
            accepted="2026-11-02",
            status="decided",
            decided=at("2026-11-12 10:00"),
            happenings=[happening("decided", "2026-11-12")],
        ),
        told.case(
            "case_accepted.v1",
            "2026-11-18 10:00",
            case_id=UUID(int=25),
            accepted="2026-11-18",
            region_path=JURONG,
            project_id=str(UUID(int=9)),
        ),
        told.card(31, "yellow", "2026-11-13 00:30"),
        told.card(32, "red", "2026-11-17 00:30"),
        *(
            told.card(34 + place, "yellow", "2026-11-17 00:30", status=off, version=2)
            for place, off in enumerate(("revoked", "waived", "ignored", "merged"))
        ),
        told.card(39, "red", "2026-11-17 00:30", status="waived", version=2),
        told.card(33, "red", "2026-10-17 00:30", status="closed", version=2),
        told.order(
            41,
            "2026-11-17 00:30",
            sign_by=at("2026-11-17 12:00").isoformat(),
            feedback_by=at("2026-11-19 17:30").isoformat(),
        ),
        told.log(51, "2026-11-18 15:00", problem="用地指标未落实"),
        told.log(52, "2026-10-18 15:00"),
        told.moved("2026-11-05 09:00", "S3", "S4"),
        told.moved("2026-10-05 09:00", "S2", "S3"),
    )
    return newsroom


def test_the_network_counts_each_child_region_for_itself(busy: Newsroom) -> None:
    found = network(busy)

    assert found["321181"]["stage"] == {"S4": 1, "S2": 1}
    assert found["321183"]["stage"] == {"S1": 1}
    assert found["321181"]["light"] == {GREEN: 1, YELLOW: 1, RED: 1}
    assert found["321183"]["light"] == {GREEN: 1}
    assert found["321181"]["decided"] == {"decided": 1}
    assert found["321181"]["card"] == {"yellow": 1, "red": 1}
    assert found["321181"]["order"] == {"late": 1}


def test_the_network_of_a_year_holds_its_annual_list_only(busy: Newsroom) -> None:
    found = network(busy, year=2026)

    assert {child: counted["stage"] for child, counted in found.items() if "stage" in counted} == {
        "321183": {"S1": 1}
    }
    assert found["321183"]["light"] == {GREEN: 1}
    assert "light" not in found.get("321181", {})


def test_every_light_of_the_network_opens_onto_as_many_cases(busy: Newsroom) -> None:
    for child, counted in network(busy).items():
        for light in LIGHTS:
            behind = listed(busy, D4, f"321100/{child}", light)
            assert len(behind) == counted.get("light", {}).get(light, 0), (child, light)


def test_a_list_keeps_to_what_the_caller_may_see(busy: Newsroom) -> None:
    assert UUID(int=25) not in listed(busy, D1, "")
    assert len(listed(busy, D1, "")) == 3


def test_the_months_limits_are_those_counted_by_hand(busy: Newsroom) -> None:
    with month(busy) as numbers:
        found = numbers.limits()

    assert of(found, "承诺按时办结率").value == "100.0"
    assert of(found, "本月黄牌").value == "1"
    assert of(found, "本月红牌").value == "1"
    # Decided on 12 November, due by law on 30 November: twelve working days earlier.
    assert of(found, "平均节省工作日").value == "12.0"


def test_the_months_overview_service_and_orders_are_those_counted_by_hand(busy: Newsroom) -> None:
    with month(busy) as numbers:
        overview, service = numbers.overview(), numbers.service()
        assert numbers.moves() == [("S3", "S4", 1)]
        assert [row.problem for row in numbers.problems()] == ["用地指标未落实"]
        assert [row.id for row in numbers.starting_next()] == [UUID(int=7)]

    assert of(overview, "在库项目数").value == "3"
    assert of(overview, "开工率").value == "50.0"
    assert of(service, "走访次数").value == "1"
    # One of three running projects has a log of the last five working days.
    assert of(service, "日志及时率").value == "33.3"
    assert of(service, "工单签收及时率").value == "0.0"


def test_a_case_decided_before_the_measures_is_not_assessed(newsroom: Newsroom) -> None:
    """A26.1: what was imported as history stays out of the indicators."""
    newsroom.take(
        told.case(
            "case_decided.v1",
            "2026-11-12 10:00",
            case_id=UUID(int=24),
            status="decided",
            historical=True,
            decided=at("2026-11-12 10:00"),
            happenings=[happening("decided", "2026-11-12")],
        )
    )

    with month(newsroom) as numbers:
        assert of(numbers.overview(), "本月办结件数").value == "0"


def test_a_region_with_a_longer_code_is_not_below_a_shorter_one(newsroom: Newsroom) -> None:
    newsroom.take(told.project(region_path=f"{DANBEI}9"))

    assert network(newsroom, DANBEI) == {}


def test_a_day_in_december_belongs_to_the_year_that_ends(newsroom: Newsroom) -> None:
    newsroom.take(told.moved("2026-12-31 23:00", "S1", "S2"), told.project())

    with month(newsroom, "2026-12") as december, month(newsroom, "2027-01") as january:
        assert december.moves() == [("S1", "S2", 1)]
        assert january.moves() == []
