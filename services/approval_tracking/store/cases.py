"""Cases: one row each, read and written whole, with their facts in the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import Entry, ExtensionAsked, PaperOf, PauseAsked
from approval_tracking.domain.catalogue import Limit, SpecialProcedure
from approval_tracking.domain.clock import Rules
from approval_tracking.domain.errors import CaseAlreadyOpen, CaseUnknown
from approval_tracking.domain.events import (
    CaseClockChanged,
    Correction,
    Deferral,
    Happening,
    Pledge,
)
from approval_tracking.domain.themes import THEME
from approval_tracking.store.intermediaries import IntermediaryStore
from approval_tracking.store.materials import MaterialStore
from approval_tracking.store.reference import Reference
from approval_tracking.store.tables import (
    OPEN_CASE,
    RUNNING_CASE,
    application_news,
    applications,
    cases,
    commitments,
    receipts,
)
from chassis.calendar import Calendar
from chassis.errors import HeldElsewhere, Stale
from chassis.events import Envelope, plain, read_instant
from chassis.hot import HotStatement
from chassis.inbox import Inbox
from chassis.outbox import Outbox

_SCALARS = (
    "project_name",
    "item_code",
    "item_name",
    "stage",
    "outcome",
    "org",
    "org_name",
    "region_path",
    "level",
    "uscc",
    "duty_bearer",
    "mode",
    "historical",
)
_RECORDED = (
    "receipt_number",
    "catalogue",
    "reason",
    "received_by",
    "reviewed_by",
    "decided_by",
    "public_reason",
    "channel",
    "caller",
    "summary",
    "authorisation",
    "application_id",
    "undertaking",
    "pre_review_id",
)

_PLEDGE_DAYS = ("signed_on", "check_due", "checked_on", "put_right_by")

# The promise in force today where the case is decided, else the city's.
_region = sa.func.split_part(cases.c.org, ":", 1)
_promised = (
    sa.select(
        sa.func.jsonb_build_object(
            "days", sa.cast(commitments.c.days, sa.Text), "unit", commitments.c.unit
        )
    )
    .where(
        commitments.c.item_code == cases.c.item_code,
        commitments.c.region.in_([_region, sa.func.split_part(cases.c.region_path, "/", 1)]),
        commitments.c.effective_from <= sa.bindparam("today", type_=sa.Date),
    )
    .order_by((commitments.c.region == _region).desc(), commitments.c.effective_from.desc())
    .limit(1)
    .scalar_subquery()
)
# The newest calendar's number comes with the row, so that a command reads once.
_newest_calendar = sa.text("(select max(version) from calendars) as calendar_version")
_get = HotStatement(
    sa.select(
        cases.c.id,
        cases.c.version,
        cases.c.state,
        cases.c.record,
        cases.c.origin,
        _promised.label("promised"),
        _newest_calendar,
    ).where(cases.c.id == sa.bindparam("case_id", type_=sa.Uuid))
)
_find_open = sa.select(cases.c.id).where(
    cases.c.project_id == sa.bindparam("project_id", type_=sa.Uuid),
    cases.c.item_code == sa.bindparam("item_code", type_=sa.Text),
    OPEN_CASE,
)
_open_of = sa.select(cases.c.id).where(
    cases.c.project_id == sa.bindparam("project_id", type_=sa.Uuid), OPEN_CASE
)
# A company whose pledge was untrue, until that approval's revocation is itself set aside.
_distrusted = (
    sa.select(cases.c.record["receipt_number"].astext)
    .where(
        cases.c.uscc == sa.bindparam("uscc", type_=sa.Text),
        cases.c.status == sa.literal_column("'revoked'"),
    )
    .limit(1)
)
_due = (
    sa.select(cases.c.id)
    .where(cases.c.deemed_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(cases.c.deemed_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)


_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "status": sa.Text(),
    "org": sa.Text(),
    "region_path": sa.Text(),
    "level": sa.Text(),
    "uscc": sa.Text(),
    "agents": ARRAY(sa.Text),
    "received_at": sa.DateTime(timezone=True),
    "due_on": sa.Date(),
    "deemed_at": sa.DateTime(timezone=True),
    "calendar_version": sa.Text(),
    "green": sa.Boolean(),
    "act_by": sa.Date(),
    "state": JSONB(),
    "record": JSONB(),
}
_KEYS: dict[str, sa.types.TypeEngine[Any]] = {
    "id": sa.Uuid(),
    "version": sa.Integer(),
    "project_id": sa.Uuid(),
    "item_code": sa.Text(),
}


def _typed(statement: str, *names: str) -> sa.TextClause:
    kinds = {**_COLUMNS, **_KEYS, "seen": sa.Integer(), "envelopes": JSONB()}
    return sa.text(statement).bindparams(*(sa.bindparam(name, type_=kinds[name]) for name in names))


# One statement changes the row and tells of it: the facts go out only if the version was the one seen.
_TELL = """
, told as (
    insert into outbox (envelope)
    select fact.value
    from saved, jsonb_array_elements(:envelopes) with ordinality as fact (value, place)
    order by fact.place
)
select count(*) as cases from saved
"""
_save = HotStatement(
    _typed(
        f"""
with saved as (
    update cases set version = :version, {", ".join(f"{name} = :{name}" for name in _COLUMNS)}
    where id = :id and version = :seen
    returning id
)
{_TELL}
""",
        *_COLUMNS,
        "id",
        "version",
        "seen",
        "envelopes",
    )
)
_add = _typed(
    f"""
with saved as (
    insert into cases ({", ".join([*_KEYS, *_COLUMNS])})
    values ({", ".join(f":{name}" for name in [*_KEYS, *_COLUMNS])})
    on conflict (project_id, item_code) where {OPEN_CASE.text} and origin = '' do nothing
    returning id
)
{_TELL}
""",
    *_KEYS,
    *_COLUMNS,
    "envelopes",
)


# What a clock says rests on the days from its first happening to the latest that it names.
_MEETS = """
    exists (
        select 1 from unnest(cast(:firsts as text[]), cast(:lasts as text[])) as run (first, last)
        where run.last >= clock->'happenings'->0->>'on'
          and run.first <= greatest(
            clock->>'statutory_due', clock->>'committed_due', clock->>'notice_due',
            clock->>'yellow_on', clock->>'delivery_due', clock->'happenings'->-1->>'on')
    )
"""
# One pass: clocks that a changed day does not meet are marked, those that it meets returned.
_meet = sa.text(
    f"""
with batch as materialized (
    select id, state->'clock' as clock from cases
    where {RUNNING_CASE.text} and calendar_version = :older
    limit :most
    for update skip locked
), met as materialized (
    select id, clock from batch where {_MEETS}
), marked as (
    update cases set calendar_version = :known from batch
    where cases.id = batch.id and not exists (select 1 from met where met.id = batch.id)
)
select (select count(*) from batch) as found, met.id, met.clock, cases.record->>'rules' as rules
from (select 1) as one left join (met join cases using (id)) on true
"""
)
_older_names = sa.text(
    f"""
select name from unnest(cast(:names as text[])) as name
where exists (select 1 from cases where {RUNNING_CASE.text} and calendar_version = name)
"""
)
_mark = (
    cases.update()
    .where(cases.c.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(sa.Uuid))))
    .values(calendar_version=sa.bindparam("known", type_=sa.Text))
)
# For rows that this transaction has locked: many at once, each with its fact. The database puts the
# new dates into what it holds, so that a case is not built anew for a day that moved.
_move = sa.text(
    f"""
with changed as (
    select * from jsonb_to_recordset(:rows) as each (
        id uuid, dates jsonb, due_on date, deemed_at timestamptz, envelope jsonb, place integer
    )
), saved as (
    update cases set
        version = cases.version + 1,
        due_on = case when {OPEN_CASE.text} then changed.due_on end,
        deemed_at = changed.deemed_at,
        act_by = case status
            when 'received' then (changed.dates->>'notice_due')::date
            when 'in_review' then changed.due_on
            when 'decided' then (changed.dates->>'delivery_due')::date
        end,
        calendar_version = :known,
        state = cases.state || jsonb_build_object(
            'version', cases.version + 1,
            'clock', (cases.state->'clock')
                || (changed.dates - 'happenings' - 'superseded'))
    from changed where cases.id = changed.id
    returning cases.version, cases.state, changed.envelope, changed.place
)
insert into outbox (envelope)
select envelope || jsonb_build_object(
    'version', version, 'data', jsonb_build_object('case', state, 'cause', cast(:cause as text)))
from saved order by place
"""
).bindparams(sa.bindparam("rows", type_=JSONB()))


@dataclass(frozen=True)
class Clock:
    """What a clock is rebuilt from, and what it last said. `rules` is JSON."""

    case_id: UUID
    rules: str
    told: dict[str, Any]


@dataclass(frozen=True)
class Says:
    """What a clock says by a calendar, as JSON, with the columns that follow from it."""

    dates: dict[str, Any]
    due_on: str | None
    deemed_at: str | None


@dataclass(frozen=True)
class Met:
    """How many clocks were looked at, and those of them that a new calendar may move."""

    found: int
    clocks: list[Clock]


@dataclass(frozen=True)
class Held:
    """A case with what a command on it needs to know, from the same read."""

    case: Case
    calendar: Calendar
    # promised is the limit in force today at the deciding body.
    promised: Limit

    def expect(self, version: int) -> None:
        """Raise Stale for another version than the caller read; 0 does not check."""
        if version and self.case.version != version:
            raise Stale(subject=self.case.id, version=self.case.version, expected=version)


_note = application_news.insert()
_note_all = application_news.insert().from_select(
    ["application_id"], sa.select(applications.c.id).where(applications.c.mode == THEME)
)


class CaseStore:
    """The cases as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self.outbox = Outbox(tx)
        self.inbox = Inbox(tx)
        self.reference = Reference(tx)
        self.materials = MaterialStore(tx)
        self.agencies = IntermediaryStore(tx)

    def hold(self, case_id: UUID, *, today: date) -> Held:
        """Return the case, its calendar and today's promise."""
        row = _get.one_or_none(self._tx, {"case_id": case_id, "today": today})
        if row is None:
            raise CaseUnknown(case_id=case_id)
        if row.origin:
            raise HeldElsewhere(subject=case_id, origin=row.origin)
        case = _case(row)
        promised = _limit(row.promised) if row.promised else case.rules.committed
        return Held(case, self.reference.calendar(row.calendar_version or 0), promised)

    def find_open(self, project_id: UUID, item_code: str) -> UUID | None:
        return self._tx.scalar(_find_open, {"project_id": project_id, "item_code": item_code})

    def distrusted(self, uscc: str) -> str | None:
        """Return the receipt number of an approval of this company that was revoked, if any."""
        return self._tx.scalar(_distrusted, {"uscc": uscc}) if uscc else None

    def open_of(self, project_id: UUID) -> list[UUID]:
        return list(self._tx.scalars(_open_of, {"project_id": project_id}))

    def next_receipt(self) -> int:
        return int(self._tx.execute(sa.select(receipts.next_value())).scalar_one())

    def due_for_acceptance(self, now: datetime, *, most: int) -> list[UUID]:
        """Return the cases on which the law acts now, in the order of their due moments, locked."""
        return list(self._tx.scalars(_due, {"now": now, "most": most}))

    def older_calendars(self, newest: Calendar) -> list[str]:
        """Return the names of other calendars by which a running clock still stands."""
        names = [each for each in self.reference.calendar_names() if each != newest.version]
        return list(self._tx.scalars(_older_names, {"names": names}))

    def meet(self, older: str, newest: Calendar, *, most: int) -> Met:
        """Take up to `most` running clocks of an older calendar, locked.

        Those that no changed day can move are marked at once, the others returned.
        """
        runs = self.reference.changed_since(older, newest)
        rows = self._tx.execute(
            _meet,
            {
                "older": older,
                "known": newest.version,
                "most": most,
                "firsts": [str(first) for first, _ in runs],
                "lasts": [str(last) for _, last in runs],
            },
        ).all()
        clocks = [Clock(row.id, row.rules, row.clock) for row in rows if row.id]
        return Met(rows[0].found, clocks)

    def mark_calendar(self, case_ids: Sequence[UUID], calendar: Calendar) -> None:
        """Note that this calendar leaves these clocks as they are."""
        if case_ids:
            self._tx.execute(_mark, {"ids": list(case_ids), "known": calendar.version})

    def move_clocks(
        self, moved: Sequence[tuple[UUID, Says]], calendar: Calendar, *, cause: str, at: datetime
    ) -> None:
        """Write and tell what a calendar makes of these cases, which the caller has locked."""
        if not moved:
            return
        rows = []
        for place, (case_id, says) in enumerate(moved):
            fact = Envelope.blank(CaseClockChanged, aggregate_id=case_id, at=at)
            rows.append(
                {
                    "id": str(case_id),
                    "dates": says.dates,
                    "due_on": says.due_on,
                    "deemed_at": says.deemed_at,
                    "envelope": fact.body(),
                    "place": place,
                }
            )
        self._tx.execute(_move, {"rows": rows, "known": calendar.version, "cause": cause})
        self._tx.execute(_note_all)

    def add(self, case: Case, calendar: Calendar, *, at: datetime) -> None:
        case.version = 1
        row = _row(case, calendar, at=at)
        keys = {"version": 1, "project_id": case.project_id, "item_code": case.item_code}
        if self._tx.execute(_add, {**row, **keys}).scalar_one() != 1:
            raise CaseAlreadyOpen(
                project_id=case.project_id,
                code=case.item_code,
                case_id=self.find_open(case.project_id, case.item_code) or "",
            )
        case.told.clear()
        case.written = row
        self._note_theme(case)

    def save(self, case: Case, calendar: Calendar, *, at: datetime) -> None:
        seen, case.version = case.version, case.version + 1
        row = _row(case, calendar, at=at)
        saved = _save.one_or_none(self._tx, {**row, "version": case.version, "seen": seen})
        if saved.cases != 1:
            raise Stale(subject=case.id, version=case.version, expected=seen)
        case.told.clear()
        case.written = row
        self._note_theme(case)

    def _note_theme(self, case: Case) -> None:
        """A theme's clock follows its cases: note that something of it moved."""
        if case.mode == THEME and case.application_id:
            self._tx.execute(_note, {"application_id": UUID(case.application_id)})


def _row(case: Case, calendar: Calendar, *, at: datetime) -> dict[str, Any]:
    state = case.state(calendar)
    dues = [due for due in (state.clock.committed_due, state.clock.statutory_due) if due]
    told = plain(state)
    envelopes = [
        Envelope.seal(
            event, aggregate_id=case.id, version=case.version, at=at, known={"case": told}
        ).body()
        for event in case.events(state)
    ]
    return {
        "id": case.id,
        "status": state.status,
        "org": case.org,
        "region_path": case.region_path,
        "level": case.level,
        "uscc": case.uscc,
        "agents": list(case.agents),
        "received_at": case.received_at,
        "due_on": min(dues) if dues and case.is_open else None,
        "deemed_at": case.deemed_at(calendar),
        "calendar_version": calendar.version,
        "green": case.green,
        "act_by": case.act_by(state.clock),
        "state": told,
        "record": plain(
            {
                **{name: getattr(case, name) for name in _RECORDED},
                "rules": case.rules,
                "procedures": case.procedures,
                "prerequisites": case.prerequisites,
                "notice": case.notice,
                "pause_asked": case.pause_asked,
                "extension_asked": case.extension_asked,
                "remedy": case.remedy,
                "papers": case.papers,
            }
        ),
        "envelopes": envelopes,
    }


def _case(row: Any) -> Case:
    state, record = row.state, row.record
    return Case(
        id=row.id,
        version=row.version,
        project_id=UUID(state["project_id"]),
        agents=tuple(state["agents"]),
        received_at=read_instant(state["received_at"]),
        happenings=_happenings(state["clock"]),
        rules=read_rules(record["rules"]),
        procedures=tuple(SpecialProcedure(**each) for each in record["procedures"]),
        prerequisites=tuple(record["prerequisites"]),
        notice=tuple(Entry(**each) for each in record["notice"]),
        pause_asked=_pause_asked(record["pause_asked"]),
        extension_asked=_extension_asked(record.get("extension_asked")),
        deferrals=tuple(_deferral(each) for each in state.get("deferrals") or ()),
        pledge=_pledge(state.get("pledge")),
        green=bool(state.get("green")),
        papers=tuple(PaperOf(**each) for each in record.get("papers") or ()),
        **{name: state[name] for name in _SCALARS},
        # A case written by an older release lacks the newer ones.
        **{name: record.get(name, "") for name in _RECORDED},
    )


def read_clock(state: dict[str, Any], record: dict[str, Any]) -> tuple[list[Happening], Rules]:
    """Return what a clock is rebuilt from."""
    return _happenings(state["clock"]), read_rules(record["rules"])


def _happenings(clock: dict[str, Any]) -> list[Happening]:
    """Return all that was recorded, in the order of recording; older releases did not number."""
    told = [*clock["happenings"], *clock.get("superseded", ())]
    return sorted(_read_happenings(told), key=lambda each: each.number)


def _read_happenings(told: Sequence[dict[str, Any]]) -> list[Happening]:
    return [
        Happening(
            kind=each["kind"],
            on=date.fromisoformat(each["on"]),
            at=read_instant(each["at"]),
            by=each["by"],
            reason=each["reason"],
            basis=each["basis"],
            expected_end=date.fromisoformat(each["expected_end"]) if each["expected_end"] else None,
            days=each["days"],
            document=each.get("document", ""),
            number=each.get("number") or place,
            correction=_correction(each.get("correction")),
        )
        for place, each in enumerate(told, start=1)
    ]


def _correction(data: dict[str, Any] | None) -> Correction | None:
    return Correction(**{**data, "at": read_instant(data["at"])}) if data else None


def _extension_asked(data: dict[str, Any] | None) -> ExtensionAsked | None:
    return ExtensionAsked(**data) if data else None


def _deferral(data: dict[str, Any]) -> Deferral:
    days = {name: _day(data[name]) for name in ("due_on", "supplied_on")}
    return Deferral(**{**data, **days})


def _pledge(data: dict[str, Any] | None) -> Pledge | None:
    if data is None:
        return None
    days = {name: _day(data[name]) for name in _PLEDGE_DAYS}
    return Pledge(**{**data, **days})


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _limit(data: dict[str, Any]) -> Limit:
    return Limit(None if data["days"] is None else Decimal(data["days"]), data["unit"])


def read_rules(data: dict[str, Any]) -> Rules:
    return Rules(
        **{
            **data,
            "statutory": _limit(data["statutory"]),
            "committed": _limit(data["committed"]),
        }
    )


def _pause_asked(data: dict[str, Any] | None) -> PauseAsked | None:
    if data is None:
        return None
    days = {name: date.fromisoformat(data[name]) for name in ("starts_on", "expected_end")}
    return PauseAsked(**{**data, **days})
