"""When a key signs and is published; how the clock moves."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import DomainError
from identity.domain import ClockOffset, SigningKey, signing
from identity.tokens import Signer

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def key(name: str, active_from: datetime) -> SigningKey:
    return SigningKey(name, {}, b"", NOON, active_from)


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after() -> None:
    old, new = key("old", NOON), key("new", NOON + 10 * MINUTE)
    old = old.outlive(new)
    both = [old, new]

    assert signing(both, NOON + 9 * MINUTE) == old
    assert new.is_published(NOON)
    assert signing(both, NOON + 10 * MINUTE) == new
    # The last token of the old key was signed a moment before and lives five minutes.
    assert old.is_published(NOON + 15 * MINUTE)
    assert not old.is_published(NOON + 16 * MINUTE)


def test_rotating_twice_does_not_keep_an_old_key_longer() -> None:
    old = key("old", NOON).outlive(key("b", NOON + MINUTE))

    assert old.outlive(key("c", NOON + 60 * MINUTE)) == old


def test_without_a_key_that_has_begun_nothing_signs() -> None:
    assert signing([key("new", NOON + MINUTE)], NOON) is None


def test_a_private_key_opens_only_with_the_secret_that_sealed_it() -> None:
    sealed = Signer("a secret of the instance").make("k", at=NOON, active_from=NOON)

    assert b"PRIVATE" not in sealed.sealed
    with pytest.raises(SystemExit):
        Signer("another secret, as long").sign(sealed, {"sub": "x"}, at=NOON)


def test_while_a_secret_is_changed_the_older_one_opens_too_and_no_longer_once_sealed_again() -> (
    None
):
    old, new = "a secret of the instance", "its successor, as long"
    key = Signer(old).make("k", at=NOON, active_from=NOON)
    both = Signer(f"{new}\n{old}")

    assert both.sign(key, {"sub": "x"}, at=NOON)
    again = both.seal_again(key)
    assert Signer(new).sign(again, {"sub": "x"}, at=NOON)
    with pytest.raises(SystemExit):
        Signer(old).sign(again, {"sub": "x"}, at=NOON)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(SystemExit):
        Signer("short")


def test_the_clock_moves_forward_and_counts_its_moves() -> None:
    moved = ClockOffset().advance(timedelta(days=1), real=NOON).advance(MINUTE, real=NOON)

    assert moved == ClockOffset(2, 86_460)
    assert moved.now(NOON) == NOON + timedelta(days=1, minutes=1)


def test_the_clock_is_never_short_of_its_target() -> None:
    target = NOON + timedelta(seconds=90, microseconds=1)

    assert ClockOffset().advance_to(target, real=NOON).now(NOON) >= target


@pytest.mark.parametrize("target", [NOON, NOON - MINUTE, NOON + timedelta(hours=23)])
def test_the_clock_does_not_move_back(target: datetime) -> None:
    moved = ClockOffset().advance(timedelta(days=1), real=NOON)
    with pytest.raises(DomainError) as refused:
        moved.advance_to(target, real=NOON)

    assert refused.value.reason() == "CLOCK_BACKWARDS"


def test_the_clock_does_not_leave_the_century() -> None:
    with pytest.raises(DomainError) as refused:
        ClockOffset().advance(timedelta(days=40 * 366), real=NOON)

    assert refused.value.reason() == "CLOCK_TOO_FAR"
