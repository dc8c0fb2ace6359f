"""Who decides what where: bodies and their names change, what they decided keeps the old ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from approval_tracking.domain.catalogue import Item
from chassis import regions

_PROVINCE, _PROVINCE_NAME = "320000", "江苏省"


@dataclass(frozen=True)
class Body:
    """A deciding body as it is called and reached on a day."""

    name: str
    window: str = ""
    section: str = ""
    head: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Deciders:
    """What is configured on one day; where nothing is, the department of that name decides."""

    # moved has the body per item and region, for what does not lie with its own department there.
    moved: Mapping[tuple[str, str], str] = field(default_factory=dict)
    # told has what is known of a body, by its code.
    told: Mapping[str, Body] = field(default_factory=dict)

    def org(self, item: Item, region_path: str) -> str:
        """Return the code of the body that decides an item for a project."""
        usual = item.decided_by(region_path)
        return self.moved.get((item.code, usual.split(":")[0])) or usual

    def body(self, item: Item, org: str) -> Body:
        """Return what applicants are told of the body that decides this item."""
        told = self.told.get(org)
        if told and told.window:
            return told
        name = self.name(org)
        window = name if item.duty_bearer != "authority" else _one_window(org)
        if told is None:
            return Body(name, window)
        return Body(told.name, window, told.section, told.head, told.phone)

    def name(self, org: str) -> str:
        """Return the body's name on that day; a case keeps the one it was submitted under."""
        if org in self.told:
            return self.told[org].name
        return f"{place_of(org)}{org.partition(':')[2]}"


def _one_window(org: str) -> str:
    return f"{place_of(org)}政务服务中心综合窗口({org.partition(':')[2]})"


def place_of(org: str) -> str:
    """Return the name of the region a body belongs to, whatever the body is called."""
    region = org.partition(":")[0]
    return _PROVINCE_NAME if region == _PROVINCE else regions.name(region)
