"""The unified sign-on, against a small provider of our own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from kaigong.identity.v1 import identity_pb2 as pb

from support.identity_api import Client, Refusal
from support.oidc_provider import OidcProvider


@pytest.fixture(autouse=True)
def _honest(provider: OidcProvider) -> Iterator[None]:
    yield
    provider.spoil, provider.sign_with = {}, None


@pytest.fixture
def linked(s2: Client, someone: pb.Account) -> str:
    """The subject that is linked to `someone`."""
    subject = f"person-{uuid4().hex[:8]}"
    s2("LinkOidc", account_id=someone.account_id, subject=subject)
    return subject


def come_back(anybody: Client, provider: OidcProvider, subject: str) -> dict[str, str]:
    started = anybody("StartOidcSignIn")
    handed = provider.sign_in(started.redirect_url, subject)
    assert handed["state"] == started.state
    return handed


def refused(anybody: Client, handed: dict[str, str]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        anybody("FinishOidcSignIn", **handed)
    return refusal.value


def test_a_linked_person_is_signed_in(
    anybody: Client, provider: OidcProvider, linked: str, someone: pb.Account
) -> None:
    session = anybody("FinishOidcSignIn", **come_back(anybody, provider, linked)).session

    principal = Client(anybody.address, session.access_token).principal()
    assert principal.account_id == someone.account_id
    assert anybody("Refresh", refresh_token=session.refresh_token).session.access_token


def test_a_person_whom_nobody_linked_is_not(anybody: Client, provider: OidcProvider) -> None:
    refusal = refused(anybody, come_back(anybody, provider, "a stranger"))

    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "OIDC_NOT_LINKED")


def test_a_disabled_account_stays_out_by_this_door_too(
    anybody: Client, s2: Client, provider: OidcProvider, linked: str, someone: pb.Account
) -> None:
    s2("DisableAccount", account_id=someone.account_id, reason="离职")

    assert refused(anybody, come_back(anybody, provider, linked)).reason == "ACCOUNT_DISABLED"


def test_a_code_works_once(anybody: Client, provider: OidcProvider, linked: str) -> None:
    handed = come_back(anybody, provider, linked)
    anybody("FinishOidcSignIn", **handed)

    assert refused(anybody, handed).reason == "OIDC_REFUSED"


def test_a_code_does_not_work_with_the_state_of_another_start(
    anybody: Client, provider: OidcProvider, linked: str
) -> None:
    """The other state holds another code verifier, so the provider refuses."""
    handed = come_back(anybody, provider, linked)
    handed["state"] = anybody("StartOidcSignIn").state

    assert refused(anybody, handed).reason == "OIDC_REFUSED"


@pytest.mark.parametrize("state", ["made up", "gAAAAABmade-up", "状态"])
def test_a_state_that_is_not_ours_is_refused(
    anybody: Client, provider: OidcProvider, linked: str, state: str
) -> None:
    handed = come_back(anybody, provider, linked)
    handed["state"] = state

    refusal = refused(anybody, handed)
    assert (refusal.reason, refusal.fields) == ("OIDC_STATE_INVALID", ["state"])


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"nonce": "another"}, id="another nonce"),
        pytest.param({"aud": "another client"}, id="for another client"),
        pytest.param({"iss": "http://elsewhere"}, id="from another issuer"),
        pytest.param({"exp": int(time.time()) - 3600}, id="expired"),
        pytest.param({"azp": "another client"}, id="authorised for another"),
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    anybody: Client, provider: OidcProvider, linked: str, spoil: dict[str, Any]
) -> None:
    handed = come_back(anybody, provider, linked)
    provider.spoil = spoil

    refusal = refused(anybody, handed)
    assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "OIDC_REFUSED")


def test_an_id_token_signed_by_somebody_else_is_refused(
    anybody: Client, provider: OidcProvider, linked: str
) -> None:
    handed = come_back(anybody, provider, linked)
    provider.sign_with = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    assert refused(anybody, handed).reason == "OIDC_REFUSED"


def test_one_person_is_linked_to_one_account(s2: Client, linked: str) -> None:
    other = s2("ListAccounts", search="x2.gongdian").accounts[0]

    with pytest.raises(Refusal) as refusal:
        s2("LinkOidc", account_id=other.account_id, subject=linked)
    assert refusal.value.reason == "OIDC_SUBJECT_TAKEN"


def test_a_link_that_was_taken_away_signs_nobody_in(
    anybody: Client, s2: Client, provider: OidcProvider, linked: str, someone: pb.Account
) -> None:
    s2("LinkOidc", account_id=someone.account_id, subject="")

    assert refused(anybody, come_back(anybody, provider, linked)).reason == "OIDC_NOT_LINKED"
