"""The warning rules: which colours each has, its thresholds, and what its cards set going."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from chassis import regions
from chassis.errors import FieldInvalid
from warning_dispatch.domain.facts import Bearer

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
    # tells are the roles of the territory that are told, empty for those of the colour.
    tells: tuple[str, ...] = ()
    # feedback_days are the order's working days for feedback, 0 for those of the colour.
    feedback_days: int = 0

    def whole(self, name: str) -> int:
        return int(self.thresholds[name])

    def number(self, name: str) -> float:
        return float(self.thresholds[name])


@dataclass(frozen=True)
class Override:
    """Other thresholds for some items, departments or regions; what is empty means all of them."""

    items: tuple[str, ...]
    departments: tuple[str, ...]
    regions: tuple[str, ...]
    levels: Mapping[str, Mapping[str, Any]]

    def rank(self, bearer: Bearer) -> tuple[int, int] | None:
        """Return how closely it fits, None where it does not: more criteria first, then the smaller region."""
        department = bearer.org.partition(":")[2]
        parts = bearer.region_path.split("/")
        depth = max((parts.index(each) for each in self.regions if each in parts), default=-1)
        fits = (
            (not self.items or bearer.item_code in self.items)
            and (not self.departments or department in self.departments)
            and (not self.regions or depth >= 0)
        )
        given = sum(map(bool, (self.items, self.departments, self.regions)))
        return (given, depth) if fits else None


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
    overrides: tuple[Override, ...] = ()

    def at(self, bearer: Bearer) -> Rule:
        """Return the rule as it counts for this item, department and region."""
        ranked = [
            (rank, place, each)
            for place, each in enumerate(self.overrides)
            if (rank := each.rank(bearer)) is not None
        ]
        if not ranked:
            return self
        own = max(ranked, key=lambda found: found[:2])[2].levels
        return replace(self, levels=tuple(_with(level, own) for level in self.levels))

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
                _level(colour, body["levels"][colour])
                for colour in COLOURS
                if colour in body["levels"]
            ),
            active=bool(body.get("active", True)),
            overrides=tuple(
                Override(
                    items=tuple(each.get("items") or ()),
                    departments=tuple(each.get("departments") or ()),
                    regions=tuple(each.get("regions") or ()),
                    levels=each["levels"],
                )
                for each in body.get("overrides") or ()
            ),
        )


def _level(colour: str, body: Mapping[str, Any]) -> Level:
    return Level(
        colour=colour,
        condition_zh=body["condition_zh"],
        condition_en=body["condition_en"],
        thresholds=dict(body.get("thresholds") or {}),
        dispatches=bool(body.get("dispatches")),
        tells=tuple(body.get("tells") or ()),
        feedback_days=int(body.get("feedback_days") or 0),
    )


def _with(level: Level, own: Mapping[str, Mapping[str, Any]]) -> Level:
    body = own.get(level.colour)
    if body is None:
        return level
    return replace(
        level,
        thresholds={**level.thresholds, **(body.get("thresholds") or {})},
        dispatches=bool(body.get("dispatches", level.dispatches)),
        tells=tuple(body.get("tells") or level.tells),
        feedback_days=int(body.get("feedback_days") or level.feedback_days),
    )


@dataclass(frozen=True)
class LevelChange:
    """New numbers for one colour of a rule; what is not named stays."""

    colour: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    dispatches: bool | None = None
    tells: tuple[str, ...] = ()
    feedback_days: int = 0


@dataclass(frozen=True)
class OverrideChange:
    """Other numbers for some items, departments or regions."""

    items: tuple[str, ...]
    departments: tuple[str, ...]
    regions: tuple[str, ...]
    levels: tuple[LevelChange, ...]


@dataclass(frozen=True)
class Revision:
    """What is to change of a rule. `overrides` None leaves those there are; else they replace them."""

    levels: tuple[LevelChange, ...] = ()
    overrides: tuple[OverrideChange, ...] | None = None
    active: bool | None = None


def revise(
    body: Mapping[str, Any],
    revision: Revision,
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
    for place, change in enumerate(revision.levels):
        fresh = _changed(body, change, field=f"levels[{place}]")
        levels[change.colour].update(fresh)
    made = {**body, "levels": levels}
    if revision.overrides is not None:
        made["overrides"] = [
            _override(body, each, field=f"overrides[{place}]")
            for place, each in enumerate(revision.overrides)
        ]
    if revision.active is not None:
        made["active"] = revision.active
    same = made["levels"] == body["levels"] and made.get("active", True) == body.get("active", True)
    if same and (made.get("overrides") or []) == (body.get("overrides") or []):
        raise FieldInvalid(
            field="levels",
            zh_why="没有任何变化",
            en_why="nothing would change",
        )
    return {
        **made,
        "version": int(body["version"]) + 1,
        "effective_from": effective_from.isoformat(),
        "reason": reason,
        "revised_by": by,
    }


def _override(body: Mapping[str, Any], change: OverrideChange, *, field: str) -> dict[str, Any]:
    if not (change.items or change.departments or change.regions):
        raise FieldInvalid(
            field=field,
            zh_why="须写明事项、部门或区划",
            en_why="it names items, departments or regions",
        )
    for place, code in enumerate(change.regions):
        regions.get(code, field=f"{field}.regions[{place}]")
    return {
        "items": list(change.items),
        "departments": list(change.departments),
        "regions": list(change.regions),
        "levels": {
            each.colour: _changed(body, each, field=f"{field}.levels") for each in change.levels
        },
    }


def _changed(body: Mapping[str, Any], change: LevelChange, *, field: str) -> dict[str, Any]:
    """Return what a change says of one level, with the level's other thresholds."""
    level = body["levels"].get(change.colour)
    if level is None:
        raise FieldInvalid(
            field=field,
            zh_why=f"{body['code']} 没有 {change.colour} 级别",
            en_why=f"{body['code']} has no level {change.colour}",
        )
    known = level.get("thresholds") or {}
    for name, value in change.thresholds.items():
        if name not in known or value <= 0:
            raise FieldInvalid(
                field=field,
                zh_why=f"{name} 不是 {body['code']} 的阈值, 或不是正数",
                en_why=f"{name} is no threshold of {body['code']}, or not a positive number",
            )
    said: dict[str, Any] = {}
    if change.thresholds:
        said["thresholds"] = {**known, **change.thresholds}
    if change.dispatches is not None:
        said["dispatches"] = change.dispatches
    if change.tells:
        said["tells"] = list(change.tells)
    if change.feedback_days:
        said["feedback_days"] = change.feedback_days
    return said


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

    def rule(self, code: str, bearer: Bearer) -> Rule | None:
        """Return a rule as it counts for who bears a subject, None when there is none."""
        found = self.rules.get(code)
        return found.at(bearer) if found else None

    def of(self, subject_type: str, bearer: Bearer) -> Iterable[Rule]:
        return (
            rule.at(bearer) for rule in self.rules.values() if rule.subject_type == subject_type
        )

    def limits_of(self, colour: str, level: Level | None = None) -> OrderLimits:
        """Return the limits of an order: those of its colour, with the rule's own for feedback."""
        limits = self.limits[colour]
        if level is None or not level.feedback_days:
            return limits
        return replace(limits, feedback=Limit(working_days=level.feedback_days))

    def only(self, codes: Collection[str]) -> RuleBook:
        return replace(self, rules={code: self.rules[code] for code in self.rules if code in codes})

    def with_rule(self, body: Mapping[str, Any]) -> RuleBook:
        """Return the book as it would be with this version of a rule."""
        rule = Rule.read(body)
        others = {code: each for code, each in self.rules.items() if code != rule.code}
        return replace(self, rules={**others, rule.code: rule} if rule.active else others)

    @classmethod
    def read(cls, bodies: Iterable[Mapping[str, Any]]) -> RuleBook:
        """Read the bodies, of which the last of a code counts; LIMITS holds the orders' limits."""
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
            rules[rule.code] = rule
        counting = {code: rule for code, rule in rules.items() if rule.active}
        edition_text = ",".join(edition)
        return cls(rules=counting, limits=limits, edition=edition_text, objection=objection)


def _limits(body: Mapping[str, Mapping[str, int]]) -> OrderLimits:
    return OrderLimits(
        sign=_limit(body["sign"]), feedback=_limit(body["feedback"]), close=_limit(body["close"])
    )


def _limit(body: Mapping[str, int]) -> Limit:
    return Limit(
        working_days=int(body.get("working_days", 0)),
        office_minutes=int(body.get("office_minutes", 0)),
    )
