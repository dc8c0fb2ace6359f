"""A town that works with its line cut, and a parent that is equal to its children again."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from acceptance.conftest import City, Json
from support import eventually
from support.instance import Instance
from support.network import Child, command, linked, reconciled

TOWN = "321181113"
WINDOW, REVIEWERS = "a1.danyang", ("fagai", "zirangui", "shengtai", "zhujian")


@pytest.fixture(scope="module")
def parent(instance: Instance) -> Instance:
    if os.environ.get("KAIGONG_TEST_INSTANCE"):
        pytest.skip("the ports of a given instance are not known")
    return instance


@pytest.fixture(scope="module")
def town(parent: Instance) -> Iterator[Child]:
    with linked(parent, TOWN, TIER="town") as child:
        yield child


@pytest.fixture
def people() -> Iterator[Callable[[Instance], City]]:
    """Open the public API of an instance; closed when the test ends."""
    with contextlib.ExitStack() as stack:

        def opened(instance: Instance) -> City:
            made = City(instance)
            stack.callback(made.close)
            return made

        yield opened


def in_review(there: City) -> tuple[str, str]:
    """Register a city's project in the town and bring one case under review; return both ids."""
    project_id = str(
        there.register(
            "d4.city",
            managing_region=TOWN,
            attributes={"eia_class": '"form"', "land_type": '"transfer"'},
        )["project_id"]
    )
    there.settled(project_id)
    items = there.get("d1.danyang", f"/v1/projects/{project_id}/items", page_size=200)["items"]
    code = next(each["item_code"] for each in items if each["state"] == "not_started")
    case = there.post(WINDOW, "/v1/cases:submit", project_id=project_id, item_code=code)["case"]
    for department in REVIEWERS:
        accepted = there.person(f"a2.danyang.{department}").post(
            f"/v1/cases/{case['case_id']}:accept", json={}
        )
        if accepted.status_code == 200:
            break
    return project_id, str(case["case_id"])


def both_move(*places: City, days: float) -> None:
    for place in places:
        now = datetime.fromisoformat(place.get("s2.city", "/v1/clock")["now"])
        place.instance.move_clock_to(now + timedelta(days=days))


def cards(place: City, project_id: str) -> list[Json]:
    found = place.get("d4.city", "/v1/cards", project_id=project_id, page_size=100)["cards"]
    return sorted(
        ({name: each[name] for name in ("card_id", "version", "status")} for each in found),
        key=lambda each: str(each["card_id"]),
    )


def test_both_sides_work_while_the_line_is_cut_and_are_equal_again(
    parent: Instance, town: Child, people: Callable[[Instance], City]
) -> None:
    city, there = people(parent), people(town.instance)
    before, _ = in_review(there)
    eventually(lambda: city.get("d4.city", f"/v1/projects/{before}"), timeout=30)

    town.line.cut()
    project_id, case_id = in_review(there)
    mine = city.register("d4.city")
    both_move(there, city, days=30)
    eventually(lambda: _red(there, project_id), timeout=30)
    unseen = city.person("d4.city").get(f"/v1/projects/{project_id}").status_code
    town.line.mend()
    eventually(lambda: city.get("d4.city", f"/v1/cases/{case_id}"), timeout=60)
    said = reconciled(parent)

    assert unseen == 404
    assert "321181113" in said
    assert city.get("d4.city", f"/v1/projects/{mine['project_id']}")
    for each in (before, project_id):
        assert cards(city, each) == cards(there, each)
    assert cards(there, project_id)


def test_a_copy_is_read_and_what_is_done_to_it_is_done_by_its_owner(
    parent: Instance, town: Child, people: Callable[[Instance], City]
) -> None:
    city, there = people(parent), people(town.instance)
    project_id, _ = in_review(there)
    both_move(there, city, days=30)
    red = eventually(lambda: _red(city, project_id), timeout=60)
    one = f"/v1/cards/{red['card_id']}"

    here = city.person("d1.danyang").post(f"{one}:acknowledge", json={})
    city.post("d5.city", f"{one}:waive", reason="企业自身原因, 已核实")

    def settled() -> Json:
        card = city.get("d4.city", one)["card"]
        assert card["directed"]["outcome"] == "done", card
        return dict(card)

    copy = eventually(settled, timeout=60)
    own = there.get("d4.city", one)["card"]

    assert here.status_code in (400, 403)
    assert (red["origin"], copy["status"]) == (TOWN, "CARD_STATUS_WAIVED")
    assert own["status"] == "CARD_STATUS_WAIVED"
    assert own["steps"][-1]["by_name"]
    assert own["origin"] == ""


@pytest.mark.long
def test_the_line_breaks_again_and_again_while_it_drains(
    parent: Instance, town: Child, people: Callable[[Instance], City]
) -> None:
    city, there = people(parent), people(town.instance)
    town.line.cut()
    made = [in_review(there)[0] for _ in range(20)]
    both_move(there, city, days=30)
    for _ in range(12):
        town.line.mend()
        time.sleep(1.5)
        town.line.cut()
    town.line.mend()
    eventually(lambda: city.get("d4.city", f"/v1/projects/{made[-1]}"), timeout=120)
    reconciled(parent)

    for each in made:
        assert cards(city, each) == cards(there, each)


@pytest.mark.long
def test_a_second_instance_in_a_child_s_place_is_refused_and_told(
    parent: Instance, town: Child, people: Callable[[Instance], City]
) -> None:
    city = people(parent)
    known = people(town.instance).register("d4.city", managing_region=TOWN)["project_id"]
    eventually(lambda: city.get("d4.city", f"/v1/projects/{known}"), timeout=60)
    with linked(parent, TOWN, TIER="town") as twin:
        there = people(twin.instance)
        project_id = str(there.register("d4.city", managing_region=TOWN)["project_id"])

        def told() -> bool:
            said = command(twin.instance, "service", "project_registry", "links", "status")
            assert "另一实例" in said.stdout, said.stdout
            return True

        eventually(told, timeout=90)
        assert city.person("d4.city").get(f"/v1/projects/{project_id}").status_code == 404
        # It works by itself all the same.
        assert there.get("d4.city", f"/v1/projects/{project_id}")


def test_a_child_of_another_city_gets_no_address(parent: Instance) -> None:
    unknown = command(parent, "child", "320281")
    itself = command(parent, "child", "321100")

    assert unknown.returncode != 0
    assert "没有代码为 320281 的区划" in unknown.stderr
    assert itself.returncode != 0
    assert "does not lie below" in itself.stderr


@pytest.mark.long
def test_a_full_uplink_holds_back_nothing_else(
    parent: Instance, people: Callable[[Instance], City]
) -> None:
    with linked(parent, "321181100", TIER="town", KAIGONG_UPLINK_BYTES="40000") as child:
        there, city = people(child.instance), people(parent)
        child.line.cut()
        made = [
            str(there.register("d4.city", managing_region="321181100")["project_id"])
            for _ in range(150)
        ]

        def says_so() -> bool:
            said = command(child.instance, "service", "project_registry", "links", "status")
            assert '"up": 0,' not in said.stdout, said.stdout
            return True

        eventually(says_so, timeout=60)
        assert there.get("d4.city", f"/v1/projects/{made[-1]}")
        child.line.mend()
        eventually(lambda: city.get("d4.city", f"/v1/projects/{made[-1]}"), timeout=120)
        reconciled(parent, "--child", "321181100")


@pytest.mark.long
def test_what_a_child_lost_with_an_older_backup_is_named_and_repaired(
    parent: Instance, people: Callable[[Instance], City]
) -> None:
    region = "321181001"
    with linked(parent, region, TIER="town") as child:
        there, city = people(child.instance), people(parent)

        def registered() -> str:
            made = str(there.register("d4.city", managing_region=region)["project_id"])
            eventually(lambda: city.get("d4.city", f"/v1/projects/{made}"), timeout=60)
            return made

        kept = registered()
        for service in ("project_registry", "approval_tracking"):
            _copy_database(child.instance, service, f"{service}_backup")
        lost = eventually(registered, timeout=60)
        for service in ("project_registry", "approval_tracking"):
            _copy_database(child.instance, f"{service}_backup", service)
        eventually(lambda: _serves(there, kept), timeout=90)
        after = eventually(registered, timeout=60)
        said = reconciled(parent, "--child", region, "--seconds", "20")

        assert there.person("d4.city").get(f"/v1/projects/{lost}").status_code == 404
        assert "project_registered.v1" in said
        for each, status in ((kept, 200), (after, 200), (lost, 404)):
            assert city.person("d4.city").get(f"/v1/projects/{each}").status_code == status


def _serves(place: City, project_id: str) -> bool:
    return place.person("d4.city").get(f"/v1/projects/{project_id}").status_code == 200


def _copy_database(instance: Instance, source: str, target: str) -> None:
    """Make `target` what `source` is now, whoever is connected to either."""
    secrets = json.loads((instance.run / "secrets.json").read_text())
    port = urlsplit(instance.base_url).port
    assert port
    url = f"postgresql://postgres:{secrets['postgres']}@127.0.0.1:{port - 60 + 31}/postgres"
    owner = sql.Identifier(source.removesuffix("_backup"))
    with psycopg.connect(url, autocommit=True) as admin:
        closed = sql.SQL("alter database {} with allow_connections {}")
        names = (sql.Identifier(source), sql.Identifier(target))
        admin.execute(closed.format(names[0], sql.SQL("false")))
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [source]
        )
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(names[1]))
        admin.execute(
            sql.SQL("create database {} template {} owner {}").format(names[1], names[0], owner)
        )
        for each in names:
            admin.execute(closed.format(each, sql.SQL("true")))


def _red(place: City, project_id: str) -> Json:
    found = place.get("d4.city", "/v1/cards", project_id=project_id)["cards"]
    red = [each for each in found if each["colour"] == "COLOUR_RED"]
    assert red, found
    return dict(red[0])
