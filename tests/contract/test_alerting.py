"""Alertmanager tells the right people at the right time, and one cause once; until it is filled in, nobody."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.calendar import OfficeHours
from monitoring.slo import HOME
from support.alerting import CONFIG, Labels, config, filled_in, fired

_PEOPLE = {"ops-on-call", "ops", "office"}
_MATCHER = re.compile(r'(\w+)(=~|!=|=)"(.*)"')
# Prometheus tells each alert its instance; Alertmanager needs no help with the name.
_OF_ALL = {"region", "alertname"}


def amtool(*arguments: str) -> str:
    done = subprocess.run(
        ["amtool", *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def receiver(labels: Labels) -> str:
    told = [f"{name}={value}" for name, value in {"region": "321100", **labels}.items()]
    return amtool("config", "routes", "test", f"--config.file={CONFIG}", *told)


@cache
def by_name() -> dict[str, list[Labels]]:
    found: dict[str, list[Labels]] = {}
    for labels, _ in fired():
        found.setdefault(labels["alertname"], []).append(labels)
    return found


def test_the_file_is_one_that_alertmanager_takes() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


def test_it_tells_nobody_until_operations_fill_it_in() -> None:
    said = config()
    routes = [said["route"], *said["route"]["routes"]]

    assert {each["receiver"] for each in routes} == _PEOPLE
    for each in said["receivers"]:
        if each["name"] in _PEOPLE:
            assert each["email_configs"] is None, each
            assert each["webhook_configs"] is None, each


def test_it_is_taken_with_the_examples_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(filled_in())

    assert "SUCCESS" in amtool("check-config", str(path))
    said = {each["name"]: each for each in yaml.safe_load(path.read_text())["receivers"]}
    for name in _PEOPLE:
        (mail,) = said[name]["email_configs"]
        assert mail["to"] != said["forms"]["email_configs"][0]["to"]
        assert "Annotations.runbook" in mail["text"]


def test_no_secret_stands_in_the_file() -> None:
    assert (
        re.findall(r"(?m)^ *\S*(?:password|secret|token|credentials|key): *\S", filled_in()) == []
    )


@pytest.mark.parametrize(
    ("labels", "who"),
    [
        ({"alertname": "ProcessDown", "severity": "page"}, "ops-on-call"),
        ({"alertname": "AvailabilityBurns", "severity": "page"}, "ops-on-call"),
        ({"alertname": "LinkUpBurns", "severity": "page"}, "ops"),
        ({"alertname": "DiskFilling", "severity": "today"}, "ops"),
        ({"alertname": "LatencyBurns", "severity": "week"}, "ops"),
        ({"alertname": "LawBroken", "severity": "today", "of": "321181:发改"}, "office"),
        ({"alertname": "OverdueOrders", "severity": "week", "of": "321181:发改"}, "office"),
        ({"alertname": "SomethingNew"}, "ops"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value,
)
def test_an_alert_goes_to_whom_it_concerns(labels: Labels, who: str) -> None:
    assert receiver(labels) == who


def test_every_alert_of_the_rules_goes_where_its_runbook_says() -> None:
    for labels, words in fired():
        runbook = (HOME / words["runbook"]).read_text("utf-8")
        wakes = runbook.partition("## Wake\n")[2].strip().startswith("Operations on call")
        by_day = "office" if "of" in labels else "ops"
        wanted = "ops-on-call" if labels["severity"] == "page" and wakes else by_day
        assert receiver(labels) == wanted, labels


def test_the_state_s_promises_and_nothing_else_are_of_a_body() -> None:
    files = {path.stem: path.read_text("utf-8") for path in (HOME / "rules").glob("*.yaml")}
    groups = [group for text in files.values() for group in yaml.safe_load(text)["groups"]]
    state = {
        rule["alert"]
        for group in groups
        if group["name"] == "promises"
        for rule in group["rules"]
        if "alert" in rule
    }

    assert {name for name, shown in by_name().items() if "of" in shown[0]} == state


def test_what_wakes_nobody_waits_for_office_hours() -> None:
    hours = {each["name"]: each["time_intervals"] for each in config()["time_intervals"]}
    opens = [
        {"start_time": f"{start:%H:%M}", "end_time": f"{end:%H:%M}"}
        for start, end in OfficeHours().windows
    ]

    assert [each["times"] for each in hours["office-hours"]] == [opens]
    assert {each["location"] for it in hours.values() for each in it} == {"Asia/Shanghai"}
    for route in config()["route"]["routes"]:
        week = any("week" in each for each in route["matchers"])
        at = (
            []
            if route["receiver"] == "ops-on-call"
            else ["weekly-round" if week else "office-hours"]
        )
        assert route.get("active_time_intervals", []) == at, route


# --- inhibition ---------------------------------------------------------------------------------


def matching(matchers: list[str]) -> list[Labels]:
    """Return the alerts of the rules that a side of an inhibit rule speaks of."""
    asked = [parts(each) for each in matchers]
    # The rest (a process, a queue, a timer) narrows what an alert is of, not which one it is.
    which = [each for each in asked if each[0] in {"alertname", "severity"}]
    every = (labels for shown in by_name().values() for labels in shown)
    return [
        labels
        for labels in every
        if all(re.fullmatch(wanted, labels[name]) for name, _, wanted in which)
    ]


def parts(matcher: str) -> tuple[str, str, str]:
    found = _MATCHER.fullmatch(matcher)
    assert found, matcher
    return found[1], found[2], found[3]


RULES = [
    pytest.param(rule, id=" ".join([*rule["source_matchers"], *rule["target_matchers"]]))
    for rule in config()["inhibit_rules"]
]


@pytest.mark.parametrize("rule", RULES)
def test_an_inhibit_rule_speaks_of_alerts_and_labels_that_exist(rule: dict[str, Any]) -> None:
    for side in ("source_matchers", "target_matchers"):
        for matcher in rule[side]:
            name, how, value = parts(matcher)
            assert how in {"=", "=~"}, "a label that is missing would match"
            if name == "alertname":
                assert set(value.split("|")) <= by_name().keys(), matcher
        for labels in matching(rule[side]):
            # Missing on both sides is equal, too: as wide as the region, and not meant.
            assert set(rule["equal"]) - _OF_ALL <= labels.keys() | {"of"}, labels
        assert matching(rule[side]), side
    assert "region" in rule["equal"]


@pytest.mark.parametrize("rule", RULES)
def test_what_wakes_somebody_is_hidden_by_nothing_that_does_not(rule: dict[str, Any]) -> None:
    sources, targets = (
        {receiver(labels) == "ops-on-call" for labels in matching(rule[side])}
        for side in ("source_matchers", "target_matchers")
    )

    assert sources == {True} or True not in targets


def test_nothing_hides_itself_by_way_of_others() -> None:
    hides: dict[str, set[str]] = {}
    for rule in config()["inhibit_rules"]:
        for cause in matching(rule["source_matchers"]):
            others = {each["alertname"] for each in matching(rule["target_matchers"])}
            if "alertname" not in rule["equal"]:
                hides.setdefault(cause["alertname"], set()).update(others)

    def below(name: str, seen: frozenset[str]) -> set[str]:
        assert name not in seen, f"{name} hides itself"
        return {name}.union(*(below(each, seen | {name}) for each in hides.get(name, ())))

    for name in hides:
        below(name, frozenset())


# --- where alerts come from ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.packed.yml"])
def test_prometheus_tells_every_alert_its_instance(name: str) -> None:
    said = yaml.safe_load((HOME.parent / "compose" / name).read_text("utf-8"))

    assert said["global"]["external_labels"] == {"tier": "%TIER%", "region": "%REGION%"}
    assert said["alerting"]["alertmanagers"]
