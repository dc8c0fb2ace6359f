"""The item catalogue: what each approval is, for whom it applies, and who decides it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from approval_tracking.domain.catalogue_checks import read_attribute
from approval_tracking.domain.errors import ItemUnknown
from approval_tracking.domain.rules import (
    Attribute,
    Attributes,
    Rule,
    holds,
    read_rule,
)

_DISTRICT, _CITY = "县区", "市"
# Where a basis was looked up is for editors of the catalogue, not for applicants.
_SOURCE = re.compile(r"\((?:verified|from knowledge): ?(?:github:\S+ )?| — 网上转载[^)]*")


@dataclass(frozen=True)
class Limit:
    """A period in working or calendar days. Half a day is a real promise; `days` None is no limit."""

    days: Decimal | None
    unit: str = ""

    @classmethod
    def of(cls, days: object, unit: object) -> Limit:
        return cls(None) if days is None else cls(Decimal(str(days)), str(unit))


@dataclass(frozen=True)
class SpecialProcedure:
    """A step inside a case. Its time counts unless article 45 or a rule of its own says otherwise."""

    name: str
    max_days: int | None
    unit: str
    counts: bool
    basis: str
    article45: str = ""
    special_basis: str = ""
    minimum_period: bool = False

    @property
    def stops_clock(self) -> bool:
        return not self.counts and not self.minimum_period and bool(self.legal_basis)

    @property
    def legal_basis(self) -> str:
        """Return why its time is left out; empty when nothing allows it."""
        if self.special_basis:
            return self.special_basis
        return f"行政许可法 第四十五条 ({self.article45})" if self.article45 else ""


@dataclass(frozen=True)
class NoticeRule:
    days: int
    unit: str
    on_expiry: str
    supplement_effect: str = "restart"
    basis: str = ""


@dataclass(frozen=True)
class Fee:
    """What an applicant pays for an item. A permit without one costs nothing by law."""

    name: str
    basis: str


@dataclass(frozen=True)
class Variant:
    """A statutory limit for projects with certain attributes; the first that holds counts."""

    rule: str
    limit: Limit
    note: str = ""


@dataclass(frozen=True)
class Item:
    """One approval of the catalogue."""

    code: str
    name: str
    name_en: str
    stage: str
    department: str
    tiers: tuple[str, ...]
    kind: str
    duty_bearer: str
    clock_start: str
    limit_kind: str
    statutory: Limit
    committed: Limit
    extension_days: int
    legal_basis: str
    notice_rule: NoticeRule | None
    prerequisites: tuple[str, ...]
    parallel_group: str
    applies_when: str
    applies_rule: str
    procedures: tuple[SpecialProcedure, ...] = ()
    variants: tuple[Variant, ...] = ()
    core_materials: tuple[str, ...] = ()
    deferrable_materials: tuple[str, ...] = ()
    fees: tuple[Fee, ...] = ()
    # sample_forms 样表 say how to fill in a form, and where the sample lies.
    sample_forms: tuple[str, ...] = ()
    commitment_allowed: bool = False
    result_document: str = ""
    note: str = ""

    def applies(self, attributes: Attributes) -> bool:
        return holds(self.applies_rule, attributes)

    def statutory_for(self, attributes: Attributes) -> Limit:
        """Return the law's limit for this project; none where the limit is no maximum."""
        if self.limit_kind != "maximum":
            return Limit(None)
        for variant in self.variants:
            if holds(variant.rule, attributes):
                return variant.limit
        return self.statutory

    def procedure(self, name: str) -> SpecialProcedure | None:
        return next((each for each in self.procedures if each.name == name), None)

    @property
    def cited_basis(self) -> str:
        """Return the legal basis without the marks of where it was looked up."""
        text, depth, kept = _SOURCE.sub("", self.legal_basis), 0, []
        for letter in text:
            depth += letter == "("
            if letter == ")":
                if depth == 0:
                    continue
                depth -= 1
            kept.append(letter)
        return "".join(kept).replace("; )", "; ").strip(" ;")

    def decided_by(self, region_path: str) -> str:
        """Return the code of the body that decides: the district where it may, else city or province."""
        regions = region_path.split("/")
        city = regions[0]
        if _DISTRICT in self.tiers:
            region = regions[1] if len(regions) > 1 else city
        elif _CITY in self.tiers:
            region = city
        else:
            region = f"{city[:2]}0000"
        return f"{region}:{self.department}"


@dataclass(frozen=True)
class Catalogue:
    """One version of the catalogue. Cases and plans keep the version they were made with."""

    version: int
    items: Mapping[str, Item]
    attributes: Mapping[str, Attribute]
    stages: Mapping[str, str]
    # start_gates must be done before work may start (M4).
    start_gates: tuple[str, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def item(self, code: str) -> Item:
        try:
            return self.items[code]
        except KeyError:
            raise ItemUnknown(code=code) from None

    def read_attributes(self, given: Mapping[str, object]) -> Attributes:
        """Return every attribute that rules may ask for; those not given have their defaults."""
        return {
            name: attribute.read(given[name])
            if name in given
            else attribute.read(attribute.default)
            for name, attribute in self.attributes.items()
        }

    def pick(self, attributes: Attributes) -> tuple[Item, ...]:
        """Return what a project with these attributes needs, in the catalogue's order."""
        return tuple(item for item in self.items.values() if item.applies(attributes))

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """Return each item's rule as a tree that can say why it holds."""
        return {
            code: read_rule(item.applies_rule, self.attributes) for code, item in self.items.items()
        }

    @cached_property
    def order(self) -> Mapping[str, int]:
        return {code: place for place, code in enumerate(self.items)}


def read_attribute_texts(texts: Mapping[str, str]) -> dict[str, object]:
    """Read a project's attributes, each of which travels as JSON text."""
    read: dict[str, object] = {}
    for name, text in texts.items():
        try:
            read[name] = json.loads(text)
        except json.JSONDecodeError:
            read[name] = text
    return read


# --- Reading --------------------------------------------------------------------------------------


def read_catalogue(content: Mapping[str, Any], *, version: int) -> Catalogue:
    """Build a catalogue from data that `catalogue_checks.check` has found no fault with."""
    attributes = {each["name"]: read_attribute(each) for each in content["project_attributes"]}
    items = {each["code"]: _item(each) for each in content["items"]}
    gates: list[str] = next(
        (each["gate_items"] for each in content["milestones"] if each["code"] == "M4"), []
    )
    return Catalogue(
        version=version,
        items=items,
        attributes=attributes,
        stages={stage["code"]: stage["name"] for stage in content["stages"]},
        start_gates=tuple(gates),
        content=content,
    )


def _item(data: Mapping[str, Any]) -> Item:
    rule, committed = data["notice_rule"], data["committed_limit_days"]
    return Item(
        code=data["code"],
        name=data["name"],
        name_en=data["name_en"],
        stage=data["stage"],
        department=data["department"],
        tiers=tuple(data["level"]),
        kind=data["kind"],
        duty_bearer=data["duty_bearer"],
        clock_start=data["clock_start"],
        limit_kind=data["limit_kind"],
        statutory=Limit.of(data["statutory_limit_days"], data["statutory_unit"]),
        committed=Limit.of(committed, data["committed_unit"]),
        extension_days=data["extension_days"] or 0,
        legal_basis=data["legal_basis"],
        notice_rule=rule
        and NoticeRule(
            days=rule["days"],
            unit=rule["unit"],
            on_expiry=rule["on_expiry"],
            supplement_effect=rule.get("supplement_effect", "restart"),
            basis=rule.get("basis", ""),
        ),
        prerequisites=tuple(data["prerequisites"]),
        parallel_group=data["parallel_group"] or "",
        applies_when=data["applicability"]["rule"],
        applies_rule=data["applicability"]["expr"],
        procedures=tuple(
            SpecialProcedure(
                name=each["name"],
                max_days=each["max_days"],
                unit=each["unit"] or "",
                counts=each["counts_toward_limit"] is not False,
                basis=each["basis"] or "",
                article45=each["article45"] or "",
                special_basis=each["special_basis"] or "",
                minimum_period=each.get("kind") == "minimum_period",
            )
            for each in data["special_procedures"]
        ),
        variants=tuple(
            Variant(
                rule=each["expr"],
                limit=Limit.of(each["days"], each["unit"]),
                note=each.get("note", ""),
            )
            for each in data.get("limit_variants", ())
        ),
        core_materials=tuple(data["core_materials"]),
        deferrable_materials=tuple(data["deferrable_materials"]),
        fees=tuple(Fee(each["name"], each["basis"]) for each in data.get("fees", ())),
        sample_forms=tuple(data.get("sample_forms", ())),
        commitment_allowed=bool(data["commitment_allowed"]),
        result_document=data["result_document"] or "",
        note=data.get("note", ""),
    )
