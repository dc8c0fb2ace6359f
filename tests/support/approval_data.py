"""The catalogue and the calendar as they are loaded, for tests of the rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from approval_tracking.domain.catalogue import Catalogue, read_catalogue
from approval_tracking.domain.seeds import read_seed_calendar
from chassis.calendar import Calendar, read_calendar
from chassis.events import plain

DATA = Path(__file__).parents[2] / "services/approval_tracking/data"


@cache
def seed(name: str) -> Any:
    return yaml.load((DATA / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def calendar() -> Calendar:
    return read_calendar(plain(read_seed_calendar(seed("calendar.yaml"), version="test")))


@cache
def catalogue() -> Catalogue:
    return read_catalogue(seed("catalog.yaml"), version=1)
