"""The rules the software comes with."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from warning_dispatch.store import Ledger


def shipped_rules() -> list[dict[str, Any]]:
    """Return the bodies in data/rules.yaml: the rules, and the work orders' limits."""
    text = files("warning_dispatch").joinpath("data/rules.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    return [*data["rules"], data["order_limits"]]


def load_rules(ledger: Ledger) -> int:
    """Add the versions that are not there yet, and return how many; what an office revised stays."""
    return sum(ledger.copies.add_rule(body) for body in shipped_rules())
