"""Keys change under way; the clock moves for everybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import httpx
import jwt
import pytest
from google.protobuf import timestamp_pb2
from kaigong.operator.v1 import operator_pb2, operator_pb2_grpc

from chassis.errors import TokenInvalid
from chassis.tokens import Keys, Tokens
from instance.ports import free_block
from support import eventually
from support.identity_api import Address, Client, Refusal, api
from support.servers import Databases
from support.services import run


def key_of(client: Client) -> str:
    return str(jwt.get_unverified_header(client.token)["kid"])


def known(address: Address, username: str = "s2.city") -> Client:
    """Sign in, and wait until the process knows the key that signed: it looks every other second."""

    def admitted() -> Client | None:
        client = Client(address).signed_in(username)
        try:
            client("GetMe")
        except Refusal:
            return None
        return client

    found = eventually(admitted)
    assert found is not None
    return found


def fresh_verifier(address: Address) -> Tokens:
    """A service that has just read the published keys."""
    return Tokens(Keys(address.jwks_url))


@pytest.fixture(scope="module")
def own(database: Databases, redis_url: str) -> Iterator[tuple[Address, str]]:
    """An identity of this module's own, whose keys may be changed, and its database."""
    url = database("identity")
    run("identity", "load-demo", database_url=url)
    with api(database_url=url, redis_url=redis_url) as address:
        yield address, url


def test_after_a_rotation_old_tokens_verify_and_new_ones_have_the_new_key(
    own: tuple[Address, str],
) -> None:
    address, _ = own
    s2 = Client(address).signed_in("s2.city")
    new = s2("RotateSigningKey", lead_seconds=1).key

    assert key_of(Client(address).signed_in("s2.city")) == key_of(s2)
    published = httpx.get(address.jwks_url).json()["keys"]
    assert {new.key_id, key_of(s2)} <= {key["kid"] for key in published}
    assert all("d" not in key for key in published)

    eventually(lambda: key_of(Client(address).signed_in("s2.city")) == new.key_id)
    verifier = fresh_verifier(address)
    assert verifier.principal(s2.token).username == "s2.city"
    assert verifier.principal(Client(address).signed_in("s2.city").token).username == "s2.city"


def test_a_removed_key_verifies_nothing_and_another_signs_at_once(
    own: tuple[Address, str],
) -> None:
    address, _ = own
    before = known(address)

    before("RemoveSigningKey", key_id=key_of(before))

    with pytest.raises(TokenInvalid):
        fresh_verifier(address).principal(before.token)
    after = Client(address).signed_in("s2.city")
    assert key_of(after) != key_of(before)
    assert fresh_verifier(address).principal(after.token).username == "s2.city"


def test_the_command_rotates_too(own: tuple[Address, str]) -> None:
    address, url = own
    said = run(
        "identity",
        "rotate-keys",
        "--lead-seconds",
        "0",
        database_url=url,
        key_secret="the secret of this test instance",
    )

    assert key_of(Client(address).signed_in("s2.city")) in said


def test_keys_are_for_the_operator(own: tuple[Address, str]) -> None:
    for username in ("d4.city", "s1.city"):
        with pytest.raises(Refusal) as refused:
            known(own[0], username)("RotateSigningKey")
        assert refused.value.reason == "NOT_YOUR_ROLE"


def test_a_clock_that_is_not_movable_is_refused(own: tuple[Address, str]) -> None:
    s2 = known(own[0])

    for rpc, fields in (("GetClock", {}), ("AdvanceClock", {"seconds": 60})):
        with pytest.raises(Refusal) as refused:
            s2(rpc, **fields)
        assert (refused.value.code, refused.value.reason) == (
            "FAILED_PRECONDITION",
            "CLOCK_NOT_MOVABLE",
        )


@pytest.fixture(scope="module")
def movable(database: Databases, redis_url: str) -> Iterator[tuple[Address, Address]]:
    """Identity with a movable clock, and a peer: any api process answers SetClock."""
    url, peer_url = database("identity"), database("identity")
    run("identity", "load-demo", database_url=url)
    with (
        api(database_url=peer_url, redis_url=redis_url, movable_clock="1") as peer,
        api(
            database_url=url,
            redis_url=redis_url,
            movable_clock="1",
            peers=f"identity=127.0.0.1:1,reporting={peer.grpc}",
        ) as address,
    ):
        yield address, peer


def generation_at(peer: Address) -> int:
    """Ask a peer for its generation without moving it."""
    with grpc.insecure_channel(peer.grpc) as channel:
        stub = operator_pb2_grpc.OperatorServiceStub(channel)
        return int(stub.SetClock(operator_pb2.SetClockRequest(), timeout=10).generation)


def now_of(client: Client) -> datetime:
    return client("GetMe").now.ToDatetime(tzinfo=UTC)  # type: ignore[no-any-return]


def test_the_clock_moves_for_every_process_before_the_answer(
    movable: tuple[Address, Address],
) -> None:
    address, peer = movable
    s2 = Client(address).signed_in("s2.city")
    before = now_of(s2)

    moved = s2("AdvanceClock", seconds=86_400)

    assert generation_at(peer) == moved.generation
    assert now_of(s2) - before >= timedelta(days=1)
    assert s2("GetClock").offset_seconds >= 86_400
    # Tokens keep real time: the one from before still holds, and a new one is not of tomorrow.
    assert (
        jwt.decode(Client(address).signed_in("s2.city").token, options={"verify_signature": False})[
            "exp"
        ]
        < time.time() + 400
    )


def test_the_clock_moves_to_an_instant_and_never_back(movable: tuple[Address, Address]) -> None:
    s2 = Client(movable[0]).signed_in("s2.city")
    target = timestamp_pb2.Timestamp()
    target.FromDatetime((now_of(s2) + timedelta(days=3)).replace(tzinfo=None))

    s2("AdvanceClock", to=target)

    assert now_of(s2) >= target.ToDatetime(tzinfo=UTC)
    with pytest.raises(Refusal) as refused:
        s2("AdvanceClock", to=target)
    assert refused.value.reason == "CLOCK_BACKWARDS"


def test_a_move_that_is_repeated_with_its_key_moves_once(movable: tuple[Address, Address]) -> None:
    s2, key = Client(movable[0]).signed_in("s2.city"), uuid4().hex

    first = s2("AdvanceClock", key=key, seconds=60)
    again = s2("AdvanceClock", key=key, seconds=60)

    assert again == first
    assert s2("GetClock").generation == first.generation


@pytest.mark.parametrize("username", ["d4.city", "d1.danyang", "s1.city", "s3.city"])
def test_only_the_operator_moves_the_clock(movable: tuple[Address, Address], username: str) -> None:
    with pytest.raises(Refusal) as refused:
        Client(movable[0]).signed_in(username)("AdvanceClock", seconds=60)

    assert refused.value.reason == "NOT_YOUR_ROLE"


def test_a_service_that_was_away_is_told_when_it_is_back(
    database: Databases, redis_url: str
) -> None:
    """The move is refused as not spread, but it stands, and who returns follows."""
    url, peer_url = database("identity"), database("identity")
    run("identity", "load-demo", database_url=url)
    away = f"127.0.0.1:{free_block(1)}"
    settings = {"redis_url": redis_url, "movable_clock": "1"}
    with api(database_url=url, peers=f"reporting={away}", **settings) as address:
        s2 = Client(address).signed_in("s2.city")
        with pytest.raises(Refusal) as refused:
            s2("AdvanceClock", seconds=3600, timeout=1.5)
        assert (refused.value.code, refused.value.reason) == ("UNAVAILABLE", "CLOCK_NOT_SPREAD")
        assert refused.value.metadata == {"waiting": "reporting"}

        with api(database_url=peer_url, grpc_listen=away, **settings) as peer:
            eventually(lambda: generation_at(peer) == 1, timeout=15)
