"""The demonstration, as it is told, and with every process killed while it is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from demo.play import STEPS, Story
from instance.options import SERVICES
from support import eventually
from support.books import assert_books_agree
from support.callers import caller
from support.instance import Instance

PROCESSES = (
    *("postgres", "rabbitmq", "redis", "envoy", "push"),
    *(f"{service}-{kind}" for service in SERVICES for kind in ("api", "worker")),
)


@pytest.mark.article("A03.9", "A10.1")
def test_the_main_job_goes_from_the_list_to_the_report(instance: Instance) -> None:
    told: list[str] = []

    outcome = Story(instance.base_url, told.append).play()

    assert [line.split(".")[0].strip() for line in told if line[2:3] == "."] == [
        str(step) for step in range(1, STEPS + 1)
    ]
    assert_each_effect_once(instance, outcome)
    assert_books_agree(instance)


def test_the_main_job_survives_the_death_of_each_process_in_turn(instance: Instance) -> None:
    killed: list[str] = []
    over = threading.Event()

    def kill_in_turn() -> None:
        for name in [each for each in instance.names if each != "epmd"]:
            if over.is_set():
                return
            instance.kill_and_heal(name, timeout=90)
            killed.append(name)

    killer = threading.Thread(target=kill_in_turn, name="killer")
    killer.start()
    try:
        outcomes = [Story(instance.base_url, lambda _: None, patience=90).play()]
        while killer.is_alive():
            outcomes.append(Story(instance.base_url, lambda _: None, patience=90).play())
    finally:
        over.set()
        killer.join()
    eventually(instance.all_ready, timeout=60)

    assert set(instance.names) - {"epmd"} == set(killed)
    for outcome in outcomes:
        assert_each_effect_once(instance, outcome)
    assert_books_agree(instance)


@pytest.mark.long
@pytest.mark.parametrize("name", PROCESSES)
def test_the_main_job_survives_a_process_that_dies_at_every_step(
    instance: Instance, name: str
) -> None:
    """kill -9 as each step is told: one demonstration, as many deaths of the same process."""
    deaths = [0]

    def kill(line: str) -> None:
        if line[2:3] != ".":
            return
        eventually(lambda: instance.is_ready(name, other_than=deaths[-1]), timeout=90)
        deaths.append(instance.kill(name))

    outcome = Story(instance.base_url, kill, patience=90).play()

    eventually(lambda: instance.is_ready(name, other_than=deaths[-1]), timeout=90)
    assert len(set(deaths)) == 1 + STEPS
    assert_each_effect_once(instance, outcome)
    assert_books_agree(instance)


def assert_each_effect_once(instance: Instance, outcome: dict[str, Any]) -> None:
    """One case an item, one card a colour of its clock, one work order, one log with one photo.

    A card that was raised while the news was late, and then taken back with its order, is none.
    Another story moves the clock on: a plan whose nodes are late has cards and orders of its own
    by then (W-08), and so has a decision that nobody handed over (W-04).
    """
    with caller(instance.base_url, "d4.city", patience=60) as d4:
        cards = d4.get("/v1/cards", params={"case_id": outcome["case"]}).json()["cards"]
        asked = {"project_id": outcome["project"]}
        cases = d4.get("/v1/cases", params=asked).json()["cases"]
        orders = d4.get("/v1/work-orders", params=asked).json()["orders"]
        logs = d4.get(f"/v1/projects/{outcome['project']}/logs").json()["logs"]
    kept = [
        each for each in cards if each["rule"] == "W-01" and each["status"] != "CARD_STATUS_REVOKED"
    ]
    assert sorted(each["colour"] for each in kept) == ["COLOUR_RED", "COLOUR_YELLOW"]
    assert sorted(each["item_code"] for each in cases) == [*("S2-01", "S2-02", "S2-06", "S2-09")]
    cards_kept = {each["card_id"] for each in kept}
    ours = [each for each in orders if each["card_id"] in cards_kept]
    assert [each["case_id"] for each in ours] == [outcome["case"]]
    assert {each["status"] for each in ours} == {"ORDER_STATUS_CLOSED"}
    assert [len(each["photos"]) for each in logs] == [1]
