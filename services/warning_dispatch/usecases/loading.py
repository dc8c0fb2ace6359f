"""The rules the software comes with, and their later versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from chassis.calendar import local_day
from chassis.errors import Stale
from warning_dispatch.domain import (
    RED,
    ItemsUnknown,
    OrderTemplate,
    Revision,
    Rule,
    TemplateUnknown,
    check_fires,
    revise,
)
from warning_dispatch.store import Ledger
from warning_dispatch.usecases.occasion import Occasion, get_yardstick


def shipped_rules() -> list[dict[str, Any]]:
    """Return the bodies in data/rules.yaml: the rules, and the work orders' limits."""
    text = files("warning_dispatch").joinpath("data/rules.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    return [*data["rules"], data["order_limits"]]


@cache
def order_templates() -> tuple[OrderTemplate, ...]:
    """Return the templates of data/order_templates.yaml, in their order."""
    text = files("warning_dispatch").joinpath("data/order_templates.yaml").read_text("utf-8")
    return tuple(map(OrderTemplate.read, yaml.safe_load(text)["templates"]))


def order_template(code: str) -> OrderTemplate:
    found = next((each for each in order_templates() if each.code == code), None)
    if found is None:
        raise TemplateUnknown(code=code, field="template")
    return found


def load_rules(ledger: Ledger) -> int:
    """Add the versions that are not there yet, and return how many; what an office revised stays."""
    return sum(ledger.copies.add_rule(body) for body in shipped_rules())


def revise_rule(
    ledger: Ledger,
    code: str,
    revision: Revision,
    occasion: Occasion,
    *,
    effective_from: date,
    reason: str,
    by: str,
    expected_version: int,
) -> Rule:
    """Make the next version of a rule, after trying that each of its colours can come at all."""
    newest = ledger.copies.newest_rule(code)
    version = int(newest["version"])
    if expected_version and expected_version != version:
        raise Stale(subject=code, version=version, expected=expected_version)
    body = checked_revision(
        ledger, newest, revision, occasion, effective_from=effective_from, reason=reason, by=by
    )
    if not ledger.copies.add_rule(body):
        raise Stale(subject=code, version=version + 1, expected=version)
    return Rule.read(body)


def checked_revision(
    ledger: Ledger,
    newest: Mapping[str, Any],
    revision: Revision,
    occasion: Occasion,
    *,
    effective_from: date,
    reason: str,
    by: str,
) -> dict[str, Any]:
    """Return the body of the next version, refused where nothing could trigger it."""
    today = local_day(occasion.now)
    body = revise(
        newest, revision, effective_from=effective_from, today=today, reason=reason, by=by
    )
    rule = Rule.read(body)
    wanted = {item for each in rule.overrides for item in each.items}
    unknown = sorted(wanted - ledger.copies.known_items(wanted)) if wanted else ()
    if unknown:
        raise ItemsUnknown(items=", ".join(unknown), field="overrides")
    yardstick = get_yardstick(ledger, occasion.now)
    check_fires(rule, yardstick.book.limits[RED], yardstick.calendar, today)
    return body
