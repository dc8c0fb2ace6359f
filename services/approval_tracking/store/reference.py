"""The catalogue, the calendar and the promises. A version never changes, so it is read once a process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from approval_tracking.domain.bodies import Deciders
from approval_tracking.domain.calendars import changed_days
from approval_tracking.domain.catalogue import Catalogue, Limit, read_catalogue
from approval_tracking.domain.errors import CalendarMissing, CatalogueMissing
from approval_tracking.domain.events import CalendarPublished
from approval_tracking.domain.themes import Theme, read_themes
from approval_tracking.store.bodies import BodyStore
from approval_tracking.store.tables import calendars, catalogues, commitments
from chassis.calendar import Calendar, read_calendar
from chassis.events import Envelope, plain
from chassis.outbox import Outbox

# The calendar is one aggregate of the whole service.
CALENDAR_ID = UUID("6b616967-6f6e-5000-8000-63616c656e64")

# A process may know more databases than one, as tests do.
_catalogues: dict[tuple[sa.Engine, int], Catalogue] = {}
_themes: dict[tuple[sa.Engine, int], dict[str, Theme]] = {}
_calendars: dict[int, tuple[Calendar, Mapping[str, Any]]] = {}
_longer: dict[tuple[int, int], Calendar] = {}
_changed: dict[tuple[str, str], list[tuple[date, date]]] = {}

IN_FORCE = (
    sa.select(catalogues.c.version)
    .where(catalogues.c.effective_from <= sa.bindparam("day", type_=sa.Date))
    .order_by(catalogues.c.effective_from.desc(), catalogues.c.version.desc())
    .limit(1)
)
_newest_calendar = sa.select(sa.func.max(calendars.c.version))
_calendar_names = sa.select(calendars.c.digest).order_by(calendars.c.version.desc())
_calendar_called = sa.select(calendars.c.version).where(
    calendars.c.digest == sa.bindparam("name", type_=sa.Text)
)
_lock_calendars = sa.text("lock table calendars in share row exclusive mode")
_ASSUMED_YEARS = 2
_content = sa.select(catalogues.c.content).where(catalogues.c.version == sa.bindparam("wanted"))
_theme_content = sa.select(catalogues.c.themes).where(
    catalogues.c.version == sa.bindparam("wanted")
)
_published = sa.select(calendars.c.published).where(calendars.c.version == sa.bindparam("wanted"))
_promises = (
    sa.select(commitments)
    .where(
        commitments.c.region == sa.func.any(sa.bindparam("regions", type_=sa.ARRAY(sa.Text))),
        commitments.c.effective_from <= sa.bindparam("today", type_=sa.Date),
    )
    .order_by(commitments.c.effective_from)
)


class Reference:
    """Catalogue, calendar and promises as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    # --- the catalogue ---------------------------------------------------------------------

    def catalogue(self, version: int) -> Catalogue:
        """Return this version of the catalogue, which a project or a case began with."""
        key = (self._tx.engine, version)
        if key not in _catalogues:
            content = self._tx.scalar(_content, {"wanted": version})
            if content is None:
                raise CatalogueMissing
            _catalogues[key] = read_catalogue(content, version=version)
        return _catalogues[key]

    def themes(self, version: int) -> Mapping[str, Theme]:
        """Return the themes of this version of the catalogue, by code."""
        key = (self._tx.engine, version)
        if key not in _themes:
            content = self._tx.scalar(_theme_content, {"wanted": version})
            if content is None:
                raise CatalogueMissing
            _themes[key] = read_themes(content)
        return _themes[key]

    def catalogue_on(self, day: date) -> Catalogue:
        """Return the catalogue in force on a day."""
        return self.catalogue(self.version_on(day))

    def version_on(self, day: date) -> int:
        """Return the number of the catalogue in force on a day; 0 when none is."""
        return self._tx.scalar(IN_FORCE, {"day": day}) or 0

    def add_catalogue(self, content: Mapping[str, Any], themes: Any, *, at: datetime) -> bool:
        """Keep a checked catalogue as a new version unless it is the newest already; say whether."""
        digest = _digest([content, themes])
        return self._add(catalogues, digest, at=at, content=content, themes=themes)

    # --- the calendar ------------------------------------------------------------------------

    def calendar(self, version: int = 0) -> Calendar:
        """Return this version of the calendar, the newest for 0."""
        return self._calendar(version)[0]

    def published_calendar(self, *, locked: bool = False) -> Mapping[str, Any]:
        """Return the newest calendar; locked, nobody else publishes one until the transaction ends."""
        if locked:
            self._tx.execute(_lock_calendars)
        return self._calendar(0)[1]

    def calendar_names(self) -> list[str]:
        """Return what every calendar is called, and the name of none."""
        return ["", *self._tx.scalars(_calendar_names)]

    def changed_since(self, older: str, newest: Calendar) -> list[tuple[date, date]]:
        """Return the runs of days that another calendar told otherwise: all, for one not known."""
        if (older, newest.version) not in _changed:
            version = self._tx.scalar(_calendar_called, {"name": older})
            _changed[older, newest.version] = (
                changed_days(self.calendar(version), newest)
                if version
                else [(newest.first_day, newest.last_day)]
            )
        return _changed[older, newest.version]

    def calendar_reaching(self, year: int) -> Calendar:
        """Return the newest calendar with plain weekdays for the unknown years, for plans."""
        version = self._tx.scalar(_newest_calendar) or 0
        if (version, year) not in _longer:
            _longer[version, year] = self.calendar(version).assuming_weekdays_until(year)
        return _longer[version, year]

    def add_calendar(self, calendar: CalendarPublished, *, at: datetime) -> bool:
        """Keep and publish the calendar unless it is the newest already; say whether."""
        read_calendar(plain(calendar))
        published = plain(calendar)
        if not self._add(calendars, calendar.version, at=at, published=published):
            return False
        version = self._tx.scalar(_newest_calendar)
        Outbox(self._tx).append(
            Envelope.seal(calendar, aggregate_id=CALENDAR_ID, version=version or 1, at=at)
        )
        return True

    # --- who decides ---------------------------------------------------------------------------

    def deciders(self, day: date) -> Deciders:
        """Return who decides what on a day."""
        return BodyStore(self._tx).deciders(day)

    # --- promises ------------------------------------------------------------------------------

    def promises(self, regions: Iterable[str], *, today: date) -> dict[tuple[str, str], Limit]:
        """Return what is in force per (region, item)."""
        rows = self._tx.execute(_promises, {"regions": list(regions), "today": today})
        return {(row.region, row.item_code): Limit(row.days, row.unit) for row in rows}

    def promise(
        self, code: str, region: str, limit: Limit, *, effective_from: date, by: str, at: datetime
    ) -> None:
        values = {"days": limit.days, "unit": limit.unit, "set_by": by, "set_at": at}
        key = {"item_code": code, "region": region, "effective_from": effective_from}
        self._tx.execute(
            insert(commitments)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=list(key), set_=values)
        )

    # --- versions --------------------------------------------------------------------------------

    def _calendar(self, version: int) -> tuple[Calendar, Mapping[str, Any]]:
        wanted = version or self._tx.scalar(_newest_calendar)
        if not wanted:
            raise CalendarMissing
        if wanted not in _calendars:
            published = self._tx.scalar(_published, {"wanted": wanted})
            if published is None:
                raise CalendarMissing
            calendar = read_calendar(published)
            # A limit may reach past the last notice: such a day is provisional, not unknown.
            reaching = calendar.last_day.year + _ASSUMED_YEARS
            _calendars[wanted] = (calendar.assuming_weekdays_until(reaching), published)
        return _calendars[wanted]

    def _add(self, table: sa.Table, digest: str, *, at: datetime, **content: Any) -> bool:
        newest = self._tx.scalar(
            sa.select(table.c.digest).order_by(table.c.version.desc()).limit(1)
        )
        if newest == digest:
            return False
        added = self._tx.execute(
            insert(table)
            .values(digest=digest, loaded_at=at, **content)
            .on_conflict_do_nothing(index_elements=["digest"])
            .returning(table.c.version)
        ).first()
        return added is not None


def digest_of(content: Any) -> str:
    """Return a short name for exactly this content."""
    return _digest(content)[:16]


def _digest(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
