"""Facts survive their way through JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from chassis.events import Envelope, Event, event_type

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    day: date
    amount: Decimal


@dataclass(frozen=True)
class CaseAccepted(Event):
    case_id: UUID
    at: datetime
    lines: tuple[Line, ...]
    attributes: dict[str, str]
    reason: str | None = None


def test_a_type_is_the_class_name_with_its_version() -> None:
    assert event_type(CaseAccepted) == "case_accepted.v1"


def test_an_envelope_is_the_same_after_its_way_through_the_broker() -> None:
    fact = CaseAccepted(UUID(int=1), NOON, (Line(date(2026, 2, 14), Decimal("1.50")),), {"a": "1"})
    sealed = Envelope.seal(fact, aggregate_id=UUID(int=1), version=3, at=NOON)

    assert Envelope.open(json.loads(json.dumps(sealed.body()))) == sealed
    assert sealed.data == {
        "case_id": str(UUID(int=1)),
        "at": "2026-11-24T04:00:00.000000Z",
        "lines": [{"day": "2026-02-14", "amount": "1.50"}],
        "attributes": {"a": "1"},
        "reason": None,
    }


@pytest.mark.parametrize("body", [{}, {"id": "x"}, [], {"id": None, "type": 1}])
def test_what_is_not_an_envelope_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Envelope.open(body)
