"""A town that works with its line cut, and a parent that is equal to its children again."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from acceptance.conftest import City, Json
from e2e.places import TOWN, assert_settled, both_move, in_review, kept, red_card
from support import eventually
from support.instance import Instance, running_instance
from support.network import Child, command, linked, reconciled

RETIRED = "321181105"


@pytest.fixture(scope="module")
def parent() -> Iterator[Instance]:
    """A city of its own: copies of a child and a moved clock are in nobody's way."""
    if os.environ.get("KAIGONG_TEST_INSTANCE"):
        pytest.skip("the ports of a given instance are not known")
    with running_instance() as city:
        yield city


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
    eventually(lambda: red_card(there, project_id), timeout=30)
    unseen = city.person("d4.city").get(f"/v1/projects/{project_id}").status_code
    town.line.mend()
    eventually(lambda: city.get("d4.city", f"/v1/cases/{case_id}"), timeout=60)

    assert unseen == 404
    assert city.get("d4.city", f"/v1/projects/{mine['project_id']}")
    assert_settled(city, there, TOWN, before, project_id)
    assert kept(there, project_id)


def test_a_copy_is_read_and_what_is_done_to_it_is_done_by_its_owner(
    parent: Instance, town: Child, people: Callable[[Instance], City]
) -> None:
    city, there = people(parent), people(town.instance)
    project_id, _ = in_review(there)
    both_move(there, city, days=30)
    red = eventually(lambda: red_card(city, project_id), timeout=60)
    one = f"/v1/cards/{red['card_id']}"

    here = city.person("d1.danyang").post(f"{one}:acknowledge", json={})
    city.post("d5.city", f"{one}:waive", reason="企业自身原因, 已核实")

    def settled() -> Json:
        card = city.get("d4.city", one)["card"]
        assert card["directed"]["outcome"] == "done", card
        # What was done and that it was done are two facts: either may come first.
        assert card["status"] == "CARD_STATUS_WAIVED", card
        return dict(card)

    copy = eventually(settled, timeout=60)
    given = city.post(
        "d4.city",
        "/v1/work-orders:dispatch",
        project_id=project_id,
        source="ORDER_SOURCE_INSPECTION",
        requirement="巡察发现进度滞后, 请说明",
    )["order"]
    ordered = eventually(
        lambda: there.get("b3.danyang", f"/v1/work-orders/{given['order_id']}")["order"], timeout=60
    )
    own = there.get("d4.city", one)["card"]

    assert here.status_code in (400, 403)
    assert (red["origin"], copy["status"]) == (TOWN, "CARD_STATUS_WAIVED")
    assert own["status"] == "CARD_STATUS_WAIVED"
    assert own["steps"][-1]["by_name"]
    assert own["origin"] == ""
    assert (ordered["number"], ordered["project_id"]) == (given["number"], project_id)


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
    eventually(lambda: city.get("d4.city", f"/v1/projects/{made[-1]}"), timeout=300)

    assert_settled(city, there, TOWN, *made)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_brokers_and_workers_of_both_ends_are_killed_while_the_line_drains(
    parent: Instance, town: Child, people: Callable[[Instance], City]
) -> None:
    city, there = people(parent), people(town.instance)
    town.line.cut()
    made = [in_review(there)[0] for _ in range(12)]
    both_move(there, city, days=30)
    eventually(lambda: red_card(there, made[-1]), timeout=120)
    town.line.mend()
    for _ in range(2):
        for instance in (town.instance, parent):
            for name in instance.names:
                if name == "rabbitmq" or name.endswith("worker"):
                    instance.kill_and_heal(name, timeout=180)
    eventually(lambda: city.get("d4.city", f"/v1/projects/{made[-1]}"), timeout=300)

    assert_settled(city, there, TOWN, *made, timeout=300)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("ahead", ["town", "parent"])
def test_clocks_that_are_minutes_apart_lose_and_double_nothing(
    parent: Instance, town: Child, people: Callable[[Instance], City], ahead: str
) -> None:
    """An order goes down, its answer comes up, a card is waived above, all against the clock."""
    city, there = people(parent), people(town.instance)
    first, other = (there, city) if ahead == "town" else (city, there)
    first.instance.move_clock_to(other.now() + timedelta(minutes=40))
    project_id, _ = in_review(there)
    both_move(there, city, days=30)
    red = eventually(lambda: red_card(city, project_id), timeout=180)
    given = city.post(
        "d4.city",
        "/v1/work-orders:dispatch",
        card_id=eventually(lambda: _without_order(city, project_id), timeout=180),
        lead_org="321181:政务服务",
        subject="督促办理",
        requirement="请于本周内办结并反馈",
    )["order"]
    work = f"/v1/work-orders/{given['order_id']}"
    eventually(lambda: there.get("b3.danyang", work)["order"], timeout=180)
    there.post("b3.danyang", f"{work}:sign")
    there.post(
        "b3.danyang",
        f"{work}:feedback",
        cause="CAUSE_DEPARTMENT",
        measures="加派人员, 当日办结",
        completion_date=str(there.today()),
        evidence="批复文件已送达企业",
        signer_name="示例负责人",
    )
    eventually(lambda: _status(city, work) == "ORDER_STATUS_CHECKING", timeout=180)
    city.post("d4.city", f"{work}:check", passed=True, note="属实")
    one = f"/v1/cards/{red['card_id']}"
    city.post("d5.city", f"{one}:waive", reason="企业自身原因, 已核实")
    eventually(lambda: _status(city, work) == "ORDER_STATUS_CLOSED", timeout=180)
    eventually(
        lambda: there.get("d4.city", one)["card"]["status"] == "CARD_STATUS_WAIVED", timeout=180
    )

    assert_settled(city, there, TOWN, project_id)


def _without_order(place: City, project_id: str) -> str:
    found = place.get("d4.city", "/v1/cards", project_id=project_id)["cards"]
    yellow = [str(each["card_id"]) for each in found if each["colour"] == "COLOUR_YELLOW"]
    assert yellow, found
    return yellow[0]


def _status(place: City, work: str) -> str:
    return str(place.get("d4.city", work)["order"]["status"])


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


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_child_that_is_retired_makes_room_for_another(
    parent: Instance, people: Callable[[Instance], City]
) -> None:
    city = people(parent)

    def arrives(project_id: str) -> None:
        eventually(lambda: city.get("d4.city", f"/v1/projects/{project_id}"), timeout=90)

    with linked(parent, RETIRED, TIER="town") as old:
        there = people(old.instance)
        kept = str(there.register("d4.city", managing_region=RETIRED)["project_id"])
        arrives(kept)
        assert command(parent, "retire", RETIRED).returncode == 0
        lost = str(there.register("d4.city", managing_region=RETIRED)["project_id"])
    with linked(parent, RETIRED, TIER="town") as new:
        made = people(new.instance).register("d4.city", managing_region=RETIRED)["project_id"]
        arrives(str(made))

    # What the retired one told stays to be read; what it did afterwards is its own.
    assert city.get("d4.city", f"/v1/projects/{kept}")
    assert city.person("d4.city").get(f"/v1/projects/{lost}").status_code == 404


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

        eventually(says_so, timeout=120)
        eventually(lambda: _waiting_count(child.instance) > 0, timeout=60)
        assert there.get("d4.city", f"/v1/projects/{made[-1]}")
        child.line.mend()
        eventually(lambda: city.get("d4.city", f"/v1/projects/{made[-1]}"), timeout=300)
        assert_settled(city, there, "321181100", made[0], made[-1])
        eventually(lambda: _waiting_count(child.instance) == 0, timeout=60)


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

        known = registered()
        for service in ("project_registry", "approval_tracking"):
            _copy_database(child.instance, service, f"{service}_backup")
        lost = eventually(registered, timeout=60)
        for service in ("project_registry", "approval_tracking"):
            _copy_database(child.instance, f"{service}_backup", service)
        eventually(lambda: _serves(there, known), timeout=90)
        after = eventually(registered, timeout=60)
        said = reconciled(parent, "--child", region, "--seconds", "20")

        assert there.person("d4.city").get(f"/v1/projects/{lost}").status_code == 404
        assert "project_registered.v1" in said
        for each, status in ((known, 200), (after, 200), (lost, 404)):
            assert city.person("d4.city").get(f"/v1/projects/{each}").status_code == status


def _waiting_count(child: Instance) -> float:
    """What the metric says that waits for the uplink, all services together."""
    said = httpx.get(f"http://{child.setting('packed-worker', 'METRICS_LISTEN')}/metrics").text
    lines = [line for line in said.splitlines() if line.startswith("uplink_waiting_count{")]
    assert lines, "the metric is not there"
    return sum(float(line.rpartition(" ")[2]) for line in lines)


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
