"""Lock-out, and the family of refresh tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chassis.errors import DomainError
from identity.domain import Attempts, RefreshToken, Session

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SID = UUID(int=1)


def failed(times: int, *, every: timedelta = MINUTE, start: datetime = NOON) -> Attempts:
    attempts = Attempts("somebody")
    for n in range(times):
        attempts = attempts.fail(start + n * every)
    return attempts


def test_the_fifth_failure_locks_for_fifteen_minutes() -> None:
    attempts = failed(5)
    locked_at = NOON + 4 * MINUTE

    with pytest.raises(DomainError) as refused:
        attempts.check(locked_at + 14 * MINUTE)
    assert refused.value.reason() == "SIGN_IN_LOCKED"
    assert refused.value.facts == {"minutes": "1"}
    attempts.check(locked_at + 15 * MINUTE)


def test_four_failures_do_not_lock() -> None:
    failed(4).check(NOON + 4 * MINUTE)


def test_failures_older_than_fifteen_minutes_do_not_count() -> None:
    slow = failed(20, every=4 * MINUTE)

    slow.check(NOON + 80 * MINUTE)
    assert len(slow.failures) == 4


def test_after_a_lock_counting_begins_anew() -> None:
    again = failed(5).fail(NOON + 30 * MINUTE)

    again.check(NOON + 30 * MINUTE)
    assert len(again.failures) == 1


def session() -> Session:
    return Session(id=SID, account_id=UUID(int=2), method="password", created_at=NOON)


def token(**more: datetime) -> RefreshToken:
    return RefreshToken(b"digest", SID, **{"expires_at": NOON + timedelta(hours=12), **more})


def test_a_fresh_token_is_good_once() -> None:
    assert session().refuse(token(), at=NOON + MINUTE) is None


def test_a_token_that_comes_a_second_time_ends_its_whole_family() -> None:
    family = session()

    refusal = family.refuse(token(used_at=NOON), at=NOON + MINUTE)

    assert refusal is not None
    assert refusal.reason() == "REFRESH_TOKEN_REUSED"
    assert not family.is_open(NOON + MINUTE)
    newest = family.refuse(token(), at=NOON + 2 * MINUTE)
    assert newest is not None
    assert newest.reason() == "SESSION_ENDED"


@pytest.mark.parametrize(
    ("after", "why"),
    [
        pytest.param(timedelta(hours=12), "REFRESH_TOKEN_INVALID", id="the token is too old"),
        pytest.param(timedelta(days=7), "SESSION_ENDED", id="the session is too old"),
    ],
)
def test_nothing_is_refreshed_for_ever(after: timedelta, why: str) -> None:
    refusal = session().refuse(token(), at=NOON + after)

    assert refusal is not None
    assert refusal.reason() == why


def test_a_refresh_token_never_outlives_its_session() -> None:
    family = session()

    assert family.refresh_until(NOON + timedelta(days=6, hours=23)) == family.expires_at
