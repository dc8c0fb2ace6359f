"""Who decides what in which region, as the regions set it from a day on."""

from __future__ import annotations

from datetime import date, datetime

from approval_tracking.domain.bodies import Body
from approval_tracking.domain.errors import RegionNotYours, RegionUnknown
from approval_tracking.store import Reference
from approval_tracking.store.bodies import BodyStore
from chassis import regions
from chassis.errors import FieldInvalid
from chassis.regions import Region


def set_decider(
    store: BodyStore,
    reference: Reference,
    code: str,
    region: str,
    org: str,
    *,
    effective_from: date | None,
    own_region: str,
    any_region: bool,
    by: str,
    today: date,
    now: datetime,
) -> date:
    """Let a body decide an item in one region from a day on. Cases under way stay where they are."""
    item = reference.catalogue_on(today).item(code)
    known = deciding_region(region, own_region=own_region, any_region=any_region)
    starts = starting_on(effective_from, today)
    if org and org.split(":")[0] not in (known.code, known.parent):
        raise FieldInvalid(
            field="org",
            zh_why=f"{org} 不在本地区或其上级",
            en_why=f"{org} lies neither in the region nor in the one above it",
        )
    store.move(item.code, region, org, effective_from=starts, by=by, at=now)
    return starts


def set_body(
    store: BodyStore,
    org: str,
    body: Body,
    *,
    effective_from: date | None,
    own_region: str,
    any_region: bool,
    by: str,
    today: date,
    now: datetime,
) -> date:
    """Say how a body is called and reached from a day on. Earlier cases keep its earlier name."""
    deciding_region(org.split(":")[0], own_region=own_region, any_region=any_region)
    starts = starting_on(effective_from, today)
    store.tell(org, body, effective_from=starts, by=by, at=now)
    return starts


def deciding_regions() -> list[Region]:
    """Return the city and its districts, where bodies decide."""
    return [each for each in regions.all_regions().values() if each.tier in ("city", "district")]


def deciding_region(region: str, *, own_region: str, any_region: bool) -> Region:
    known = regions.find(region)
    if known is None or known.tier not in ("city", "district"):
        raise RegionUnknown(region=region, field="region")
    if region != own_region and not any_region:
        raise RegionNotYours(region=own_region, field="region")
    return known


def starting_on(effective_from: date | None, today: date) -> date:
    starts = effective_from or today
    if starts < today:
        raise FieldInvalid(
            field="effective_from",
            zh_why="不得早于今日: 已办的件保留当时的机关",
            en_why="not before today: what was decided keeps the body of its day",
        )
    return starts
