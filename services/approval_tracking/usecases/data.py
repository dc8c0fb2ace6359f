"""Loads the catalogue and the calendar from the package's data, and sets regional promises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from approval_tracking.domain.catalogue import Item, Limit
from approval_tracking.domain.catalogue_checks import check
from approval_tracking.domain.catalogue_shape import Fault
from approval_tracking.domain.clock import whole_days
from approval_tracking.domain.errors import (
    CommitmentNotPossible,
    CommitmentTooLong,
    RegionNotYours,
    RegionUnknown,
)
from approval_tracking.domain.seeds import read_seed_calendar
from approval_tracking.store import Reference
from approval_tracking.store.reference import digest_of
from chassis import regions
from chassis.calendar import Calendar
from chassis.errors import FieldInvalid, FieldsInvalid, FieldViolation

# An answer names so many faults at once.
_MOST_FAULTS = 20

# Regions that make promises of their own; a town follows its district.
_PROMISING = ("city", "district")


@cache
def read_data(name: str) -> Any:
    text = files("approval_tracking").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def load_data(reference: Reference, *, now: datetime) -> list[str]:
    """Load the catalogue and the calendar; return which of them were new. Safe to run again."""
    content = read_data("calendar.yaml")
    years = content["years"]
    version = f"{years[0]['year']}-{years[-1]['year']}.{digest_of(content)}"
    loaded = []
    if reference.add_calendar(read_seed_calendar(content, version=version), at=now):
        loaded.append("calendar")
    catalogue, themes = read_data("catalog.yaml"), read_data("themes.yaml")["themes"]
    refuse_faults(check(catalogue, themes))
    if reference.add_catalogue(catalogue, themes, at=now):
        loaded.append("catalogue")
    return loaded


def refuse_faults(faults: Sequence[Fault]) -> None:
    """Refuse a catalogue with everything that is wrong with it, as far as an answer can hold it."""
    if faults:
        raise FieldsInvalid(
            [FieldViolation(each.path, each.zh, each.en) for each in faults[:_MOST_FAULTS]]
        )


def set_commitment(
    reference: Reference,
    code: str,
    region: str,
    limit: Limit,
    *,
    effective_from: date | None,
    own_region: str,
    any_region: bool,
    by: str,
    today: date,
    now: datetime,
) -> date:
    """Promise a limit for one region from a day on; return that day. Cases under way keep theirs."""
    item = reference.catalogue_on(today).item(code)
    known = regions.find(region)
    if known is None or known.tier not in _PROMISING:
        raise RegionUnknown(region=region, field="region")
    if region != own_region and not any_region:
        raise RegionNotYours(region=own_region, field="region")
    starts = effective_from or today
    if starts < today:
        raise FieldInvalid(
            field="effective_from",
            zh_why="不得早于今日: 在办件保持受理时的时限",
            en_why="not before today: cases under way keep the limit they were accepted with",
        )
    if item.limit_kind == "minimum":
        raise CommitmentNotPossible(code=code, field="code")
    calendar = reference.calendar()
    city = known.code if known.tier == "city" else known.parent
    for whose_zh, whose_en, bound in _bounds(reference, item, city, region, starts):
        if _is_longer(limit, bound, starts, calendar):
            told = f"{bound.days} {bound.unit}"
            raise CommitmentTooLong(
                region=region,
                code=code,
                whose_zh=whose_zh,
                whose_en=whose_en,
                limit=told,
                field="days",
            )
    reference.promise(code, region, limit, effective_from=starts, by=by, at=now)
    return starts


def committed_limit(
    reference: Reference, item: Item, region: str, city: str, *, today: date
) -> Limit:
    """Return the promise in force: the region's, else the city's, else the catalogue's."""
    promises = reference.promises([region, city], today=today)
    return promises.get((region, item.code)) or promises.get((city, item.code)) or item.committed


def _bounds(
    reference: Reference, item: Item, city: str, region: str, today: date
) -> list[tuple[str, str, Limit]]:
    bounds = []
    if region != city:
        whole_city = committed_limit(reference, item, city, city, today=today)
        bounds.append(("全市承诺", "the city's promise", whole_city))
    if item.limit_kind == "maximum":
        bounds += [("法定时限", "the law's limit", each.limit) for each in item.variants]
        bounds.append(("法定时限", "the law's limit", item.statutory))
    return [bound for bound in bounds if bound[2].days is not None]


def _is_longer(limit: Limit, bound: Limit, day: date, calendar: Calendar) -> bool:
    """Compare two limits by days in the same unit, else by the dates on which they would be due."""
    if limit.days is None or bound.days is None:
        return False
    if limit.unit == bound.unit:
        return limit.days > bound.days
    mine, theirs = (
        calendar.due(day, max(whole_days(each), 1), each.unit) for each in (limit, bound)
    )
    return mine > theirs
