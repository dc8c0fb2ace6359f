"""A running identity with the demonstration's accounts."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from kaigong.identity.v1 import identity_pb2 as pb

from chassis.db import Database
from chassis.tokens import Keys, Revocations, Tokens
from support.identity_api import PASSWORD, Address, Client, api
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, REDIRECT_URL, OidcProvider
from support.servers import Databases
from support.services import run


@pytest.fixture(scope="session")
def provider() -> Iterator[OidcProvider]:
    made = OidcProvider()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def identity_database(database: Databases) -> str:
    url = database("identity")
    run("identity", "load-demo", database_url=url)
    return url


@pytest.fixture(scope="session")
def address(identity_database: str, redis_url: str, provider: OidcProvider) -> Iterator[Address]:
    with api(
        database_url=identity_database,
        redis_url=redis_url,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_redirect_url=REDIRECT_URL,
    ) as where:
        yield where


@pytest.fixture
def anybody(address: Address) -> Client:
    return Client(address)


@pytest.fixture
def s2(anybody: Client) -> Client:
    return anybody.signed_in("s2.city")


@pytest.fixture
def someone(s2: Client) -> pb.Account:
    """A new account of 丹阳's 发改, its password already its own."""
    username = f"a2.{uuid4().hex[:12]}"
    account = s2(
        "CreateAccount",
        username=username,
        name="示例审批经办",
        roles=["A2"],
        region="321181",
        org="321181:发改",
        initial_password="for the first day",
    ).account
    Client(s2.address)(
        "SignIn", username=username, password="for the first day", new_password=PASSWORD
    )
    return account  # type: ignore[no-any-return]


@pytest.fixture
def tokens(address: Address, redis_url: str) -> Tokens:
    """What another service checks tokens with."""
    return Tokens(Keys(address.jwks_url), Revocations(redis_url))


@pytest.fixture
def db(identity_database: str) -> Iterator[Database]:
    made = Database(identity_database, application_name="test", pool_size=2)
    yield made
    made.close()
