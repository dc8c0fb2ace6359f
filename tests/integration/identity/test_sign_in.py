"""Signing in, staying signed in, being kept out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from kaigong.access.v1 import access_pb2 as access
from kaigong.identity.v1 import identity_pb2 as pb

from chassis.db import Database
from chassis.db import audit as audit_lines
from chassis.errors import TokenRevoked
from chassis.tokens import Tokens
from identity import usecases
from identity.passwords import Passwords
from identity.store import AccountStore, SessionStore
from support import eventually
from support.identity_api import PASSWORD, Client, Refusal

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def sign_in(anybody: Client, who: pb.Account | str, password: str = PASSWORD) -> pb.Session:
    username = who if isinstance(who, str) else who.username
    return anybody("SignIn", username=username, password=password).session  # type: ignore[no-any-return]


def test_a_token_says_who_somebody_is_to_every_service(anybody: Client) -> None:
    principal = anybody.signed_in("a3.danyang.zhujian").principal()

    assert principal.username == "a3.danyang.zhujian"
    assert principal.roles == {"A3"}
    assert (principal.region, principal.region_path) == ("321181", "321100/321181")
    assert principal.org == "321181:住建"
    assert principal.companies == frozenset()


def test_an_enterprises_token_names_its_company(anybody: Client) -> None:
    principal = anybody.signed_in("e1.p01").principal()

    assert principal.companies == {"913211710000000199"}
    assert principal.projects is None


def test_me_is_my_account_and_what_my_roles_may_do(anybody: Client) -> None:
    me = anybody.signed_in("d1.jurong")("GetMe")
    held = {each.function: set(each.rights) for each in me.permissions}

    assert me.account.username == "d1.jurong"
    assert held[access.FUNCTION_ORDER_DISPATCH] == {access.RIGHT_CREATE, access.RIGHT_CHANGE}
    assert access.FUNCTION_AUDIT_LOG not in held
    assert not me.clock_movable


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(anybody: Client) -> None:
    answers = []
    for username in ("d1.jurong", f"nobody.{uuid4().hex[:8]}"):
        with pytest.raises(Refusal) as refused:
            sign_in(anybody, username, "wrong password")
        answers.append(str(refused.value))

    assert answers[0] == answers[1]
    assert answers[0].startswith("UNAUTHENTICATED SIGN_IN_FAILED")


def test_the_sixth_try_is_locked_out_even_with_the_right_password(
    anybody: Client, someone: pb.Account
) -> None:
    for _ in range(5):
        with pytest.raises(Refusal) as refused:
            sign_in(anybody, someone, "wrong password")
        assert refused.value.reason == "SIGN_IN_FAILED"

    with pytest.raises(Refusal) as locked:
        sign_in(anybody, someone)
    assert (locked.value.code, locked.value.reason) == ("RESOURCE_EXHAUSTED", "SIGN_IN_LOCKED")


def test_a_name_that_nobody_has_is_locked_alike(anybody: Client) -> None:
    nobody = f"nobody.{uuid4().hex[:8]}"
    reasons = []
    for _ in range(6):
        with pytest.raises(Refusal) as refused:
            sign_in(anybody, nobody, "wrong password")
        reasons.append(refused.value.reason)

    assert reasons == ["SIGN_IN_FAILED"] * 5 + ["SIGN_IN_LOCKED"]


def test_a_lock_ends_after_fifteen_minutes(db: Database, someone: pb.Account) -> None:
    passwords = Passwords()

    def attempt(password: str, real: datetime) -> usecases.SignedIn | usecases.Refused:
        with db.begin() as tx:
            return usecases.sign_in(
                AccountStore(tx),
                SessionStore(tx),
                passwords,
                username=someone.username,
                password=password,
                new_password="",
                fresh=usecases.Fresh(uuid4(), uuid4().hex),
                now=real,
                real=real,
            )

    for _ in range(5):
        attempt("wrong password", NOON)

    early, later = NOON + timedelta(minutes=14), NOON + timedelta(minutes=15)
    assert isinstance(attempt(PASSWORD, early), usecases.Refused)
    assert isinstance(attempt(PASSWORD, later), usecases.SignedIn)


def test_a_refresh_gives_a_new_pair_and_keeps_the_session(
    anybody: Client, someone: pb.Account
) -> None:
    first = sign_in(anybody, someone)
    second = anybody("Refresh", refresh_token=first.refresh_token).session

    assert second.refresh_token != first.refresh_token
    sessions = {
        Client(anybody.address, each.access_token).principal().session for each in (first, second)
    }
    assert len(sessions) == 1


def test_a_refresh_token_used_twice_ends_the_whole_session(
    anybody: Client, someone: pb.Account, tokens: Tokens
) -> None:
    first = sign_in(anybody, someone)
    second = anybody("Refresh", refresh_token=first.refresh_token).session

    with pytest.raises(Refusal) as reused:
        anybody("Refresh", refresh_token=first.refresh_token)
    with pytest.raises(Refusal) as newest:
        anybody("Refresh", refresh_token=second.refresh_token)

    assert reused.value.reason == "REFRESH_TOKEN_REUSED"
    assert newest.value.reason == "SESSION_ENDED"
    eventually(lambda: is_revoked(tokens, second.access_token))


def test_a_refresh_token_of_nobody_is_refused(anybody: Client) -> None:
    with pytest.raises(Refusal) as refused:
        anybody("Refresh", refresh_token="guess")

    assert (refused.value.code, refused.value.reason) == (
        "UNAUTHENTICATED",
        "REFRESH_TOKEN_INVALID",
    )


def test_who_signed_out_cannot_refresh(anybody: Client, someone: pb.Account) -> None:
    session = sign_in(anybody, someone)
    Client(anybody.address, session.access_token)("SignOut")

    with pytest.raises(Refusal) as refused:
        anybody("Refresh", refresh_token=session.refresh_token)
    assert refused.value.reason == "SESSION_ENDED"


def test_a_disabled_account_is_out_at_once(
    anybody: Client, s2: Client, someone: pb.Account, tokens: Tokens
) -> None:
    session = sign_in(anybody, someone)
    assert tokens.principal(session.access_token).username == someone.username

    s2("DisableAccount", account_id=someone.account_id, reason="离职")

    with pytest.raises(Refusal) as refreshed:
        anybody("Refresh", refresh_token=session.refresh_token)
    with pytest.raises(Refusal) as signed_in:
        sign_in(anybody, someone)
    with pytest.raises(Refusal) as wrong:
        sign_in(anybody, someone, "wrong password")
    assert refreshed.value.reason == "SESSION_ENDED"
    assert signed_in.value.reason == "ACCOUNT_DISABLED"
    assert wrong.value.reason == "SIGN_IN_FAILED"
    eventually(lambda: is_revoked(tokens, session.access_token))


def test_who_is_enabled_again_signs_in_again(
    anybody: Client, s2: Client, someone: pb.Account, tokens: Tokens
) -> None:
    s2("DisableAccount", account_id=someone.account_id, reason="休假")
    s2("EnableAccount", account_id=someone.account_id)

    session = sign_in(anybody, someone)
    assert tokens.principal(session.access_token).username == someone.username


def test_a_reset_password_must_be_changed_at_the_next_sign_in(
    anybody: Client, s2: Client, someone: pb.Account
) -> None:
    old = sign_in(anybody, someone)
    s2("ResetPassword", account_id=someone.account_id, new_password="from the office")

    reasons = []
    for fields in (
        {"password": PASSWORD},
        {"password": "from the office"},
        {"password": "from the office", "new_password": "short"},
        {"password": "from the office", "new_password": "from the office"},
    ):
        with pytest.raises(Refusal) as refused:
            anybody("SignIn", username=someone.username, **fields)
        reasons.append(refused.value.reason)
    assert reasons == [
        "SIGN_IN_FAILED",
        "PASSWORD_CHANGE_REQUIRED",
        "PASSWORD_TOO_SHORT",
        "PASSWORD_UNCHANGED",
    ]

    with pytest.raises(Refusal) as refreshed:
        anybody("Refresh", refresh_token=old.refresh_token)
    assert refreshed.value.reason == "SESSION_ENDED"
    anybody(
        "SignIn",
        username=someone.username,
        password="from the office",
        new_password="a password of my own",
    )
    assert sign_in(anybody, someone, "a password of my own").access_token


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(
    anybody: Client, someone: pb.Account
) -> None:
    here, elsewhere = sign_in(anybody, someone), sign_in(anybody, someone)

    Client(anybody.address, here.access_token)(
        "ChangePassword", old_password=PASSWORD, new_password="another password"
    )

    assert anybody("Refresh", refresh_token=here.refresh_token).session.access_token
    with pytest.raises(Refusal) as refused:
        anybody("Refresh", refresh_token=elsewhere.refresh_token)
    assert refused.value.reason == "SESSION_ENDED"


def test_a_wrong_old_password_changes_nothing(anybody: Client, someone: pb.Account) -> None:
    with pytest.raises(Refusal) as refused:
        anybody.signed_in(someone.username)(
            "ChangePassword", old_password="wrong password", new_password="another password"
        )

    assert (refused.value.reason, refused.value.fields) == ("OLD_PASSWORD_WRONG", ["old_password"])
    assert sign_in(anybody, someone).access_token


def test_guessing_ones_old_password_is_stopped_and_locks_nobody_out(
    anybody: Client, someone: pb.Account
) -> None:
    thief, reasons = anybody.signed_in(someone.username), []
    for _ in range(6):
        with pytest.raises(Refusal) as refused:
            thief("ChangePassword", old_password="a wild guess", new_password="another password")
        reasons.append(refused.value.reason)

    assert reasons == ["OLD_PASSWORD_WRONG"] * 5 + ["SIGN_IN_LOCKED"]
    assert sign_in(anybody, someone).access_token


def test_a_refused_sign_in_leaves_an_audit_line_without_the_password(
    anybody: Client, someone: pb.Account, db: Database
) -> None:
    with pytest.raises(Refusal):
        sign_in(anybody, someone, "wrong password")

    with db.read() as connection:
        line = connection.execute(
            sa.select(audit_lines)
            .where(audit_lines.c.subject_id == someone.account_id)
            .order_by(audit_lines.c.id.desc())
            .limit(1)
        ).one()
    assert line.method == "/kaigong.identity.v1.IdentityService/SignIn"
    assert line.detail == {"refused": "SIGN_IN_FAILED", "username": someone.username}


def is_revoked(tokens: Tokens, token: str) -> bool:
    try:
        tokens.principal(token)
    except TokenRevoked:
        return True
    return False
