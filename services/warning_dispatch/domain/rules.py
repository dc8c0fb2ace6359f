"""The warning rules: which colours each has, its thresholds, and what its cards set going."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chassis.errors import FieldInvalid

YELLOW, RED, RED_STATUTORY = "yellow", "red", "red_statutory"
COLOURS = (YELLOW, RED, RED_STATUTORY)
COLOUR_ZH = {YELLOW: "黄牌", RED: "红牌", RED_STATUTORY: "红牌(法定)"}


@dataclass(frozen=True)
class Level:
    """When a rule turns to a colour, and whether the card sends a work order by itself."""

    colour: str
    condition_zh: str
    condition_en: str
    thresholds: Mapping[str, int | float | str] = field(default_factory=dict)
    dispatches: bool = False

    def whole(self, name: str) -> int:
        return int(self.thresholds[name])

    def number(self, name: str) -> float:
        return float(self.thresholds[name])


@dataclass(frozen=True)
class Rule:
    """One rule in the version that counts."""

    code: str
    version: int
    subject_type: str
    title_zh: str
    title_en: str
    basis: str
    effective_from: str
    levels: tuple[Level, ...]
    active: bool = True

    def level(self, colour: str) -> Level | None:
        return next((level for level in self.levels if level.colour == colour), None)

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Rule:
        return cls(
            code=body["code"],
            version=int(body["version"]),
            subject_type=body["subject"],
            title_zh=body["title_zh"],
            title_en=body["title_en"],
            basis=body.get("basis", ""),
            effective_from=str(body["effective_from"]),
            levels=tuple(
                Level(
                    colour=colour,
                    condition_zh=body["levels"][colour]["condition_zh"],
                    condition_en=body["levels"][colour]["condition_en"],
                    thresholds=dict(body["levels"][colour].get("thresholds") or {}),
                    dispatches=bool(body["levels"][colour].get("dispatches")),
                )
                for colour in COLOURS
                if colour in body["levels"]
            ),
            active=bool(body.get("active", True)),
        )


@dataclass(frozen=True)
class LevelChange:
    """New thresholds for one colour of a rule; those not named stay."""

    colour: str
    thresholds: Mapping[str, float]
    dispatches: bool | None = None


def revise(
    body: Mapping[str, Any],
    changes: Iterable[LevelChange],
    *,
    effective_from: date,
    today: date,
    reason: str,
    by: str,
) -> dict[str, Any]:
    """Return the next version of a rule. What it is about and how it is counted stay as they are."""
    if effective_from < today:
        raise FieldInvalid(
            field="effective_from",
            zh_why="规则不能溯及既往",
            en_why="a rule does not count backwards",
        )
    levels = {colour: dict(level) for colour, level in body["levels"].items()}
    for change in changes:
        level = levels.get(change.colour)
        if level is None:
            raise FieldInvalid(
                field="levels",
                zh_why=f"{body['code']} 没有 {change.colour} 级别",
                en_why=f"{body['code']} has no level {change.colour}",
            )
        known = level.get("thresholds") or {}
        for name, value in change.thresholds.items():
            if name not in known or value <= 0:
                raise FieldInvalid(
                    field="levels",
                    zh_why=f"{name} 不是 {body['code']} 的阈值, 或不是正数",
                    en_why=f"{name} is no threshold of {body['code']}, or not a positive number",
                )
        level["thresholds"] = {**known, **change.thresholds}
        if change.dispatches is not None:
            level["dispatches"] = change.dispatches
    if levels == body["levels"]:
        raise FieldInvalid(
            field="levels",
            zh_why="没有任何阈值变化",
            en_why="no threshold would change",
        )
    return {
        **body,
        "version": int(body["version"]) + 1,
        "effective_from": effective_from.isoformat(),
        "levels": levels,
        "reason": reason,
        "revised_by": by,
    }


@dataclass(frozen=True)
class Limit:
    """A limit of a work order: whole working days, or minutes of office time."""

    working_days: int = 0
    office_minutes: int = 0


@dataclass(frozen=True)
class OrderLimits:
    """How long a body has to sign for an order, to answer and to finish."""

    sign: Limit
    feedback: Limit
    close: Limit


@dataclass(frozen=True)
class RuleBook:
    """All rules that count on one day, and the limits of work orders."""

    rules: Mapping[str, Rule]
    limits: Mapping[str, OrderLimits]
    # edition changes whenever any rule does, so that what was reckoned with another is reckoned anew.
    edition: str
    # objection is how long after its issue a card can be objected to.
    objection: Limit = Limit(working_days=2)

    def of(self, subject_type: str) -> Iterable[Rule]:
        return (rule for rule in self.rules.values() if rule.subject_type == subject_type)

    @classmethod
    def read(cls, bodies: Iterable[Mapping[str, Any]]) -> RuleBook:
        """Read the bodies of one version per code; the code LIMITS holds the orders' limits."""
        rules: dict[str, Rule] = {}
        limits: dict[str, OrderLimits] = {}
        objection = Limit(working_days=2)
        edition = []
        for body in sorted(bodies, key=lambda body: str(body["code"])):
            edition.append(f"{body['code']}v{body['version']}")
            if body["code"] == "LIMITS":
                limits = {colour: _limits(each) for colour, each in body["colours"].items()}
                if "objection" in body:
                    objection = _limit(body["objection"])
                continue
            rule = Rule.read(body)
            if rule.active:
                rules[rule.code] = rule
        return cls(rules=rules, limits=limits, edition=",".join(edition), objection=objection)


def _limits(body: Mapping[str, Mapping[str, int]]) -> OrderLimits:
    return OrderLimits(
        sign=_limit(body["sign"]), feedback=_limit(body["feedback"]), close=_limit(body["close"])
    )


def _limit(body: Mapping[str, int]) -> Limit:
    return Limit(
        working_days=int(body.get("working_days", 0)),
        office_minutes=int(body.get("office_minutes", 0)),
    )
