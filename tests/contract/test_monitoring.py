"""Monitoring says what is true: rules follow from objectives, metrics exist, alerts have runbooks."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring import dashboards, generate, scrape, slo
from monitoring.slo import HOME, ObjectiveError
from reporting import budget, promises
from support.promql import metrics_in

RULES = sorted((HOME / "rules").glob("*.yaml"))
TESTS = sorted((HOME / "tests").glob("*.yaml"))
SEVERITIES = {"page", "today", "week"}

# What other programs export; everything else is ours and must be in a registry.
OTHERS = {
    "up",
    "prometheus_rule_evaluation_failures_total",
    *(f"envoy_cluster_upstream_rq_time_{part}" for part in ("bucket", "count", "sum")),
    "envoy_http_downstream_rq_xx",
}


def all_rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def alerts() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in all_rules():
        if "alert" in rule:
            found.setdefault(rule["alert"], []).append(rule)
    return found


@cache
def exported() -> frozenset[str]:
    """Return every name that a process of ours can show, from the registries in code."""
    # Importing is what registers a metric.
    from prometheus_client import REGISTRY

    import chassis.metrics  # noqa: F401
    import push.hub  # noqa: F401
    import warning_dispatch.usecases.raising  # noqa: F401

    names = set()
    for names_of in REGISTRY._collector_to_names.values():
        names |= set(names_of)
    return frozenset(names)


def test_what_is_generated_follows_from_the_objectives() -> None:
    assert generate.stale() == [], "`make monitoring-files` and commit"


def test_both_kinds_of_service_level_have_objectives() -> None:
    kinds = {each.name: each.kind for each in slo.read_all()}

    assert {"cases-in-time", "cases-within-the-law", "cards-answered-in-time"} <= kinds.keys()
    assert {"availability", "latency", "facts-arrive", "facts-leave"} <= kinds.keys()
    assert {"cards-on-time", "link-lag", "link-up"} <= kinds.keys()
    assert set(kinds.values()) == set(slo.KINDS)


def test_the_report_of_a_month_holds_the_state_to_the_same_objectives() -> None:
    said = {each.promise: each.objective for each in slo.read_all() if each.kind == "promise"}

    assert said == budget.OBJECTIVES
    assert said.keys() == promises.TITLES.keys()


@pytest.mark.parametrize(
    "change",
    [{"objective": 1.0}, {"window": "7d"}, {"kind": "hope"}, {"colour": "red"}, {"name": "other"}],
    ids=lambda change: next(iter(change)),
)
def test_an_objective_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    said = yaml.safe_load((HOME / "slo" / "availability.yaml").read_text("utf-8"))
    (tmp_path / "availability.yaml").write_text(yaml.safe_dump({**said, **change}))

    with pytest.raises(ObjectiveError):
        slo.read_all(tmp_path)


def test_every_alert_has_a_severity_words_in_both_languages_and_a_runbook() -> None:
    for name, rules in alerts().items():
        for rule in rules:
            assert rule["labels"]["severity"] in SEVERITIES, name
            assert re.search("[\u4e00-\u9fff]", rule["annotations"]["summary"]), name
            assert rule["annotations"]["summary_en"].isascii(), name
            runbook = HOME / rule["annotations"]["runbook"]
            assert runbook.name == re.sub("(?<!^)([A-Z])", r"-\1", name).lower() + ".md"
            assert runbook.is_file(), runbook.name


def test_every_runbook_is_an_alerts_and_says_the_four_things() -> None:
    named = {rule["annotations"]["runbook"] for rules in alerts().values() for rule in rules}

    for path in (HOME / "runbooks").glob("*.md"):
        assert f"runbooks/{path.name}" in named, f"{path.name} belongs to no alert"
        headings = re.findall(r"^## (.+)$", path.read_text("utf-8"), re.MULTILINE)
        assert headings == ["What it means for people", "Look at", "Do", "Wake"], path.name


def test_one_alert_tells_one_thing_once_for_each_severity() -> None:
    for name, rules in alerts().items():
        severities = [rule["labels"]["severity"] for rule in rules]
        assert len(severities) == len(set(severities)), name


def test_every_metric_in_a_rule_or_a_panel_is_exported_or_recorded() -> None:
    recorded = {rule["record"] for rule in all_rules() if "record" in rule}
    known = exported() | recorded | OTHERS
    used = {
        (str(rule.get("alert") or rule.get("record")), name)
        for rule in all_rules()
        for name in metrics_in(rule["expr"])
    }
    used |= {
        (panel.en, name)
        for board in dashboards.all_boards(slo.read_all())
        for panel in board.panels
        for _, expr in panel.lines
        for name in metrics_in(expr)
    }

    assert {(where, name) for where, name in used if name not in known} == set()
    assert OTHERS - {name for _, name in used} <= {"envoy_cluster_upstream_rq_time_sum"}


def test_panels_have_both_names_and_lie_beside_each_other() -> None:
    for path in (HOME / "dashboards").glob("*.json"):
        board = json.loads(path.read_text("utf-8"))
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            zh, _, en = panel["title"].partition(" · ")
            assert zh, panel["title"]
            assert en, panel["title"]
            place = panel["gridPos"]
            cells = {(x, place["y"]) for x in range(place["x"], place["x"] + place["w"])}
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells


def test_rules_are_tested_by_promtool() -> None:
    for arguments in (
        ["check", "rules", *map(str, RULES)],
        ["test", "rules", *map(str, TESTS)],
    ):
        done = subprocess.run(
            ["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def _cases(key: str) -> Iterable[dict[str, Any]]:
    for path in TESTS:
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            yield from test.get(key, [])


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    fires = {
        (case["alertname"], one["exp_labels"]["severity"])
        for case in _cases("alert_rule_test")
        for one in case["exp_alerts"]
    }
    quiet = {case["alertname"] for case in _cases("alert_rule_test") if not case["exp_alerts"]}

    wanted = {(name, rule["labels"]["severity"]) for name, it in alerts().items() for rule in it}
    assert wanted - fires == set()
    assert alerts().keys() - quiet == set()


def test_every_recorded_number_is_computed_in_a_test() -> None:
    recorded = {(rule["record"], rule["labels"]["slo"]) for rule in all_rules() if "record" in rule}
    asked = " ".join(case["expr"] for case in _cases("promql_expr_test"))

    assert {(name, of) for name, of in recorded if f'{name}{{slo="{of}"' not in asked} == set()


def test_the_configuration_for_an_instance_names_every_process(tmp_path: Path) -> None:
    from instance.options import SERVICES, Options

    options = Options.read({"KAIGONG_RUN": str(tmp_path), "TIER": "city"})
    path = tmp_path / "prometheus.yaml"
    path.write_text(scrape.config(options))
    said = yaml.safe_load(path.read_text())
    jobs = {each["job_name"]: each["static_configs"] for each in said["scrape_configs"]}
    processes = {each["labels"]["process"] for each in jobs["kaigong"]}

    assert processes == {"push", *(f"{s}-{k}" for s in SERVICES for k in ("api", "worker"))}
    assert [each["labels"]["process"] for each in jobs["envoy"]] == ["envoy"]
    done = subprocess.run(
        ["promtool", "check", "config", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
