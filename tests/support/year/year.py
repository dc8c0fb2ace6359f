"""Play a city's year and hold its cards against a recount."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from support.servers import Databases
from support.year.city import City
from support.year.days import ONE, ZONE, at, works
from support.year.people import SLOTS, People
from support.year.recount import Identity, recount
from warning_dispatch.store.tables import cards, escalations, work_orders

FIRST, LAST = date(2026, 1, 5), date(2026, 12, 31)
# When limits in office hours run out, and a while after; the first is the moment of the date rules.
_SWEEPS = ("00:30", "14:05", "17:35")
_ALL = sorted({*SLOTS, *_SWEEPS, "00:05"})


@dataclass(frozen=True)
class Year:
    """What a year left behind, and what the recount says should be there."""

    expected: dict[Identity, set[datetime]]
    cards: Sequence[sa.Row[Any]]
    orders: Sequence[sa.Row[Any]]
    matters: int
    people: People
    facts: int
    cases: int
    seconds: float

    def story(self) -> str:
        raised = Counter((row.rule, row.colour) for row in self.cards)
        lines = [
            f"{len(self.people.sites)} projects, {self.cases} cases, {self.facts} facts, "
            f"{len(self.cards)} cards, {len(self.orders)} orders, {self.matters} matters "
            f"in {self.seconds:.0f} s",
            *(f"{rule} {colour}: {count}" for (rule, colour), count in sorted(raised.items())),
            f"acts {dict(self.people.done)}",
            f"refused {dict(self.people.refused.most_common(12))}",
        ]
        return "\n".join(lines)


def play(
    databases: Databases, *, seed: int, projects: int, places: Sequence[str], last: date = LAST
) -> Year:
    """Play the year from its first working day to `last`; now and then the sweep is away for days."""
    began = time.monotonic()
    city = City(databases, at(FIRST, "00:01"))
    people = People(city, seed, FIRST, last)
    people.found(projects, places)
    day, back = FIRST, at(FIRST, "00:00")
    while day <= last:
        for clock in _ALL if works(day) else ("00:05",):
            city.now = at(day, clock)
            _tick(city, people, sweeps=clock in _SWEEPS and city.now >= back)
        if people.maybe(0.03):
            # The sweep is away: what it owes then comes late, and nothing else changes.
            back = city.now + timedelta(days=people.chance.randint(1, 3))
        day += ONE
    city.now = at(last + ONE, "00:00")
    _tick(city, people, sweeps=True)
    found = Year(
        expected=recount(city.facts, city.now),
        cards=city.rows("warning_dispatch", cards),
        orders=city.rows("warning_dispatch", work_orders),
        matters=len(city.rows("warning_dispatch", escalations)),
        people=people,
        facts=len(city.facts),
        cases=sum(fact.type == "case_submitted.v1" for fact in city.facts),
        seconds=time.monotonic() - began,
    )
    city.close()
    return found


def _tick(city: City, people: People, *, sweeps: bool) -> None:
    people.act(city.now)
    approval = city.worker("approval_tracking")
    approval.sweep_silence()
    approval.tell_themes()
    carried = city.carry()
    if sweeps:
        city.worker("warning_dispatch").sweep_due()
        carried += city.carry()
    people.answer(carried)


def differences(year: Year) -> list[str]:
    """Name every card that should be there and is not, is there and should not be, or is wrong."""
    there = {
        (row.rule, row.subject_type, str(row.subject_id), row.colour, row.period): row
        for row in year.cards
    }
    wrong = [
        f"missing: {each} {_when(year.expected[each])}"
        for each in sorted(year.expected.keys() - there.keys())
    ]
    wrong += [
        f"should not be: {each} {_card(there[each])}"
        for each in sorted(there.keys() - year.expected.keys())
    ]
    for identity, row in there.items():
        moments = year.expected.get(identity, set())
        if moments and row.due_moment not in moments:
            wrong.append(f"moment: {identity} {_when(moments)} {_card(row)}")
        # A card that was ended by its rule and came again keeps the day on which it first rose.
        if moments and row.issued_at < min(moments):
            wrong.append(f"early: {identity} {_card(row)}")
    return wrong


def _when(moments: set[datetime]) -> str:
    return ", ".join(f"{each.astimezone(ZONE):%m-%d %H:%M}" for each in sorted(moments))


def _card(row: sa.Row[Any]) -> str:
    due, issued = (each.astimezone(ZONE) for each in (row.due_moment, row.issued_at))
    return f"due {due:%m-%d %H:%M} issued {issued:%m-%d %H:%M} {row.status} {row.explanation_zh}"
