"""The demonstration, as it is told, and with every process killed while it is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from demo.play import Story
from support import eventually
from support.instance import Instance

_SERVERS = ("postgres", "rabbitmq", "redis", "envoy", "push")


@pytest.mark.article("A03.9", "A10.1")
def test_the_main_job_goes_from_the_list_to_the_report(instance: Instance) -> None:
    told: list[str] = []

    outcome = Story(instance.base_url, told.append).play()

    assert len(told) == 9
    assert_each_effect_once(instance, outcome)


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

    assert set(_SERVERS) <= set(killed)
    for outcome in outcomes:
        assert_each_effect_once(instance, outcome)


def assert_each_effect_once(instance: Instance, outcome: dict[str, Any]) -> None:
    """One case an item, one card a colour, one work order, one log with one photo."""
    with instance.caller("d4.city") as d4:
        cards = d4.get("/v1/cards", params={"case_id": outcome["case"]}).json()["cards"]
        asked = {"project_id": outcome["project"]}
        cases = d4.get("/v1/cases", params=asked).json()["cases"]
        orders = d4.get("/v1/work-orders", params=asked).json()["orders"]
        logs = d4.get(f"/v1/projects/{outcome['project']}/logs").json()["logs"]
    assert sorted(each["colour"] for each in cards) == ["COLOUR_RED", "COLOUR_YELLOW"]
    assert sorted(each["item_code"] for each in cases) == ["S2-01", "S2-09"]
    assert [each["case_id"] for each in orders] == [outcome["case"]]
    assert [len(each["photos"]) for each in logs] == [1]
