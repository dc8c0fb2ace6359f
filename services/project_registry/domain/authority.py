"""Who manages which projects: the level decides (articles 9 and 10)."""

from __future__ import annotations

from dataclasses import dataclass

from chassis import regions
from chassis.errors import OutOfScope
from project_registry.domain.details import CITY_LEVELS, DISTRICT_LEVEL, Details
from project_registry.domain.errors import (
    EnterpriseMayOnlyApply,
    EntryNotYours,
    LevelNotYours,
    ReasonMissing,
)

# Changing one of these is an adjustment of the library 调整: it needs a reason and the right to it.
ENTRY_FIELDS = ("name", "code", "year", "level", "category", "managing_region", "uscc")
# These come with the first approvals: filling them in adjusts nothing.
_FILLED_IN_LATER = ("code", "uscc")


@dataclass(frozen=True)
class Desk:
    """Where the caller sits: his territory and roles."""

    region_path: str
    roles: frozenset[str]
    # adjusts says whether his roles hold the right to adjust the library.
    adjusts: bool = False

    @property
    def is_city(self) -> bool:
        return "/" not in self.region_path

    def may_enter(self, level: str, region_path: str) -> None:
        """Refuse to enter a project whose level or territory is another's."""
        if self.roles <= {"E1", "E2"}:
            raise EnterpriseMayOnlyApply(field="details.level")
        if not self.manages(level):
            raise LevelNotYours(level=level, field="details.level")
        if not regions.within(region_path, self.region_path):
            raise OutOfScope(field="details.managing_region")

    def may_change(self, level: str) -> None:
        """Refuse the city a district's project; what else he may touch the row scope has said."""
        if level == DISTRICT_LEVEL and self.region_path and self.is_city:
            raise LevelNotYours(level=level)

    def may_adjust(self, old: Details, new: Details, reason: str) -> None:
        """Refuse an adjustment of the library that is not his, or that has no reason."""
        fields = [
            name
            for name in ENTRY_FIELDS
            if getattr(old, name) != getattr(new, name)
            and (getattr(old, name) or name not in _FILLED_IN_LATER)
        ]
        if not fields:
            return
        said = ", ".join(fields)
        if not self.adjusts or not self.manages(old.level):
            raise EntryNotYours(fields=said, field="fields")
        if not self.manages(new.level) and new.level != old.level and "D4" not in self.roles:
            raise LevelNotYours(level=new.level, field="details.level")
        if not regions.within(regions.path_of(new.managing_region), self.region_path):
            raise OutOfScope(field="details.managing_region")
        if not reason.strip():
            raise ReasonMissing(fields=said, field="reason")

    def may_withdraw(self, level: str) -> None:
        leads = {"D4", "D5"} if level in CITY_LEVELS else {"D1"}
        if not self.roles & leads or self.is_city != (level in CITY_LEVELS):
            raise LevelNotYours(level=level)

    def manages(self, level: str) -> bool:
        """Say whether projects of this level are registered at this desk."""
        if level in CITY_LEVELS:
            return "D4" in self.roles and self.is_city
        return bool(self.region_path) and not self.is_city
