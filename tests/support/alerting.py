"""Alertmanager's configuration as it is deployed, and as it is once operations have filled it in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from monitoring.slo import HOME

Labels = dict[str, str]

CONFIG = HOME / "alertmanager.yml"


def filled_in() -> str:
    """Return the configuration with its examples of addresses made real."""
    return re.sub(r"^( +)# (- \{<<: .+)$", r"\1\2", CONFIG.read_text("utf-8"), flags=re.MULTILINE)


def fired() -> Iterator[tuple[Labels, Labels]]:
    """Yield labels and annotations of every alert that promtool is shown to fire.

    `test_monitoring.py` sees to it that every alert is among them with each of its severities.
    """
    for path in sorted((HOME / "tests").glob("*.yaml")):
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for case in test.get("alert_rule_test", []):
                for one in case["exp_alerts"]:
                    yield (
                        {"alertname": case["alertname"], **one["exp_labels"]},
                        one["exp_annotations"],
                    )


def config() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    return read
