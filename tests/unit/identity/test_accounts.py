"""Accounts and for whom they act."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from chassis.errors import DomainError
from identity.domain import Account, MandateState, Place, check_password, today
from identity.domain.roles import DISTRICT

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
USCC, OTHER = "91321181000000027K", "913211710000000199"
DANYANG = Place("321181", "321100/321181", DISTRICT)
M1, M2 = UUID(int=1), UUID(int=2)
SID = UUID(int=9)


def account(*roles: str) -> Account:
    made = Account.open(
        account_id=UUID(int=7),
        username="e.danyang",
        name="示例经办人",
        roles=roles,
        place=DANYANG,
        password_hash="x",
        at=NOON,
    )
    made.events.clear()
    return made


def delegate(who: Account, *, last: date, first: date | None = None, **more: object) -> None:
    who.delegate(
        more.pop("mandate_id", M1),  # type: ignore[arg-type]
        more.pop("uscc", USCC),  # type: ignore[arg-type]
        starts_on=first or today(NOON),
        ends_on=last,
        projects=more.pop("projects", None),  # type: ignore[arg-type]
        by="me",
        at=NOON,
    )


def test_authority_holds_through_its_last_day_in_shanghai_and_no_longer() -> None:
    who = account("E2")
    delegate(who, last=date(2026, 11, 30))

    last_second = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)
    assert who.companies(last_second) == {USCC}
    assert who.companies(last_second + timedelta(seconds=1)) == frozenset()


def test_authority_does_not_hold_before_its_first_day() -> None:
    who = account("E2")
    delegate(who, first=date(2026, 12, 1), last=date(2026, 12, 31))

    assert who.companies(NOON) == frozenset()
    assert who.mandates[M1].state(NOON) is MandateState.FUTURE
    assert who.companies(datetime(2026, 11, 30, 16, 0, tzinfo=UTC)) == {USCC}


def test_an_account_knows_when_its_authority_turns_by_itself() -> None:
    who = account("E2")
    delegate(who, first=date(2026, 12, 1), last=date(2026, 12, 31))

    begins, ends = (
        datetime(2026, 11, 30, 16, 0, tzinfo=UTC),
        datetime(2026, 12, 31, 16, 0, tzinfo=UTC),
    )
    assert who.turns_at(NOON) == begins
    assert who.turns_at(begins) == ends
    assert who.turns_at(ends) is None


def test_revoked_authority_ends_at_once_and_turns_no_more() -> None:
    who = account("E2")
    delegate(who, last=date(2026, 12, 31))

    who.revoke(M1, reason="离职", at=NOON)

    assert who.companies(NOON) == frozenset()
    assert who.turns_at(NOON) is None
    with pytest.raises(DomainError) as refused:
        who.revoke(M1, reason="离职", at=NOON)
    assert refused.value.reason() == "MANDATE_ENDED"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(date(2026, 12, 2), date(2026, 12, 1), id="ends before it starts"),
        pytest.param(date(2026, 11, 1), date(2026, 11, 23), id="ended yesterday"),
        pytest.param(date(2026, 11, 24), date(2036, 11, 24), id="ten years"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused(first: date, last: date) -> None:
    who = account("E2")
    with pytest.raises(DomainError) as refused:
        delegate(who, first=first, last=last)

    assert refused.value.reason() == "MANDATE_PERIOD_INVALID"
    assert who.mandates == {}


def test_only_an_e2_is_a_delegate_and_only_an_e1_a_legal_person() -> None:
    with pytest.raises(DomainError) as delegated:
        delegate(account("E1"), last=date(2026, 12, 31))
    with pytest.raises(DomainError) as bound:
        account("E2").bind(M1, USCC, by="me", at=NOON)

    assert delegated.value.reason() == "DELEGATE_NOT_E2"
    assert bound.value.reason() == "LEGAL_PERSON_NOT_E1"


def test_a_legal_person_is_bound_once_however_often_it_is_said() -> None:
    who = account("E1")
    first = who.bind(M1, USCC, by="me", at=NOON)

    assert who.bind(M2, USCC, by="me", at=NOON) == first
    assert list(who.mandates) == [M1]


def test_whole_companies_and_single_projects_do_not_go_together() -> None:
    who = account("E2")
    delegate(who, last=date(2026, 12, 31), projects=frozenset({"p-1"}))
    with pytest.raises(DomainError) as refused:
        delegate(who, last=date(2026, 12, 31), mandate_id=M2, uscc=OTHER)

    assert refused.value.reason() == "MANDATES_MIXED"


def test_a_token_names_projects_only_for_a_delegate_of_projects() -> None:
    of_company, of_projects = account("E2"), account("E2")
    delegate(of_company, last=date(2026, 12, 31))
    delegate(of_projects, last=date(2026, 12, 31), projects=frozenset({"p-2", "p-1"}))

    assert "projects" not in of_company.claims(session_id=SID, now=NOON)
    assert of_projects.claims(session_id=SID, now=NOON)["projects"] == ["p-1", "p-2"]


def test_what_a_token_says_is_computed_when_it_is_issued() -> None:
    who = account("E2")
    delegate(who, last=date(2026, 11, 24))

    assert who.claims(session_id=SID, now=NOON)["companies"] == [USCC]
    assert who.claims(session_id=SID, now=NOON + timedelta(days=1))["companies"] == []


def test_a_change_tells_the_whole_public_state_with_the_version_it_will_have() -> None:
    who = account("E2")
    who.version = 4
    delegate(who, last=date(2026, 12, 31))

    (told,) = who.events
    assert told.account.version == 5  # type: ignore[attr-defined]
    assert told.account.companies == (USCC,)  # type: ignore[attr-defined]
    assert not hasattr(told.account, "password_hash")  # type: ignore[attr-defined]


def test_a_disabled_account_is_not_disabled_again() -> None:
    who = account("E2")
    who.disable(at=NOON)
    with pytest.raises(DomainError) as refused:
        who.disable(at=NOON)

    assert refused.value.reason() == "ACCOUNT_NOT_ACTIVE"


@pytest.mark.parametrize(
    ("password", "why"),
    [("Kaigong26", "PASSWORD_TOO_SHORT"), ("E.Danyang.Li", "PASSWORD_IS_USERNAME")],
)
def test_a_weak_password_is_refused(password: str, why: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_password(password, "e.danyang.li")

    assert refused.value.reason() == why
    assert refused.value.violations[0].field == "new_password"
