"""The edge of every api process: who may call, what is refused and how, and once per key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2_grpc as pb_grpc

from chassis import db, rpc
from chassis.clock import system_clock
from chassis.errors import FailedPrecondition, Stale
from chassis.tokens import Keys, Revocations, Tokens
from instance.ports import free_block
from support.servers import Databases
from support.tokens import Issuer, issuer
from toy.store import effects

CARD = "01a20b2f-cc01-7210-b763-f5e9670f1bbb"
__all__ = ["error_details_pb2"]  # imported so that details can be read by name


class AlreadyDone(FailedPrecondition):
    zh = "已完成"
    en = "it is done"


class Servicer(pb_grpc.WarningDispatchServiceServicer):
    """Two methods of a real contract over the toy's tables."""

    def __init__(self, database: db.Database) -> None:
        self.db, self.now = database, system_clock
        self.gate = threading.Event()
        self.gate.set()
        # How many calls to come lose a race; and whether all others are refused.
        self.races = 0
        self.done = False

    @rpc.query
    def GetCard(self, request: pb.GetCardRequest, call: rpc.Call) -> pb.GetCardResponse:
        raise ZeroDivisionError("a bug")

    @rpc.command
    def AcknowledgeCard(
        self, request: pb.AcknowledgeCardRequest, call: rpc.Call
    ) -> pb.AcknowledgeCardResponse:
        call.tx.execute(effects.insert(), {"handler": "rpc", "event_id": request.card_id})
        call.audit(subject_type="card", subject_id=request.card_id)
        self.gate.wait(5)
        if self.races:
            self.races -= 1
            raise Stale(subject="the card", version=2, expected=1)
        if request.expected_version == 7 or self.done:
            raise AlreadyDone
        return pb.AcknowledgeCardResponse(card=pb.Card(card_id=str(call.new_id())))


@dataclass
class Edge:
    """A running server with a caller that reads refusals."""

    stub: pb_grpc.WarningDispatchServiceStub
    issuer: Issuer
    database: db.Database
    servicer: Servicer
    revocations: Revocations

    def call(self, method: str, request: Any, token: str = "", key: str = "") -> Any:
        """Return the answer, or (code, reason, fields) of the refusal."""
        metadata = [("authorization", f"Bearer {token}")] if token else []
        metadata += [("idempotency-key", key)] if key else []
        try:
            return getattr(self.stub, method)(request, metadata=metadata, timeout=10)
        except grpc.RpcError as error:
            trailing: Any = error.trailing_metadata()
            raw = dict(trailing)["grpc-status-details-bin"]
            status = json_format.MessageToDict(status_pb2.Status.FromString(raw))
            fields = [
                violation["field"]
                for detail in status["details"]
                for violation in detail.get("fieldViolations", [])
            ]
            return error.code().name, status["details"][0]["reason"], fields

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


@pytest.fixture
def edge(database: Databases) -> Iterator[Edge]:
    toy = db.Database(database("toy"))
    servicer = Servicer(toy)  # type: ignore[abstract]  # two methods are enough here
    revocations = Revocations("")
    listen = f"127.0.0.1:{free_block(1)}"
    with issuer() as signs, grpc.insecure_channel(listen) as channel:
        stop = rpc.serve(
            listen,
            [lambda server: pb_grpc.add_WarningDispatchServiceServicer_to_server(servicer, server)],
            tokens=Tokens(Keys(signs.jwks_url), revocations),
            db=toy,
        )
        yield Edge(pb_grpc.WarningDispatchServiceStub(channel), signs, toy, servicer, revocations)
        stop(0)
    toy.close()


def acknowledge(version: int = 0) -> pb.AcknowledgeCardRequest:
    return pb.AcknowledgeCardRequest(card_id=CARD, expected_version=version)


def test_without_a_token_nobody_is_let_in(edge: Edge) -> None:
    assert edge.call("GetCard", pb.GetCardRequest(card_id=CARD)) == (
        "UNAUTHENTICATED",
        "TOKEN_MISSING",
        [],
    )


@pytest.mark.parametrize(
    "spoil", [lambda t: t + "x", lambda t: "x", lambda t: t.rpartition(".")[0]]
)
def test_a_token_that_identity_did_not_sign_is_refused(edge: Edge, spoil: Any) -> None:
    token = spoil(edge.issuer.token("D4"))

    assert edge.call("GetCard", pb.GetCardRequest(card_id=CARD), token)[1] == "TOKEN_INVALID"


def test_a_token_past_its_end_is_refused(edge: Edge) -> None:
    token = edge.issuer.token("D4", seconds=-1)

    assert edge.call("GetCard", pb.GetCardRequest(card_id=CARD), token)[1] == "TOKEN_INVALID"


def test_a_revoked_account_is_out_at_once(edge: Edge) -> None:
    token = edge.issuer.token("A4")
    edge.call("AcknowledgeCard", acknowledge(), token)

    edge.revocations.add("00000000-0000-0000-0000-000000000001", not_before=2e10)

    assert edge.call("AcknowledgeCard", acknowledge(), token)[1] == "TOKEN_REVOKED"


def test_a_role_without_the_right_is_refused_and_nothing_changes(edge: Edge) -> None:
    refused = edge.call("AcknowledgeCard", acknowledge(), edge.issuer.token("K1"))

    assert refused == ("PERMISSION_DENIED", "NOT_YOUR_ROLE", [])
    assert edge.count(effects) == 0


def test_a_bad_field_is_named(edge: Edge) -> None:
    refused = edge.call("GetCard", pb.GetCardRequest(card_id="x"), edge.issuer.token("D4"))

    assert refused == ("INVALID_ARGUMENT", "FIELDS_INVALID", ["card_id"])


def test_a_bug_says_internal_and_nothing_of_itself(edge: Edge) -> None:
    assert edge.call("GetCard", pb.GetCardRequest(card_id=CARD), edge.issuer.token("D4")) == (
        "INTERNAL",
        "INTERNAL",
        [],
    )


def test_a_key_sent_twice_acts_once_and_answers_alike(edge: Edge) -> None:
    token = edge.issuer.token("A4")

    first = edge.call("AcknowledgeCard", acknowledge(), token, key="k")
    again = edge.call("AcknowledgeCard", acknowledge(), token, key="k")

    assert first == again
    assert (edge.count(effects), edge.count(db.audit)) == (1, 1)


def test_two_at_once_with_one_key_act_once(edge: Edge) -> None:
    token = edge.issuer.token("A4")
    edge.servicer.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(edge.call, "AcknowledgeCard", acknowledge(), token, "k") for _ in range(2)
        ]
        threading.Timer(0.3, edge.servicer.gate.set).start()
        first, second = (each.result() for each in both)

    assert first == second
    assert edge.count(effects) == 1


def test_a_key_used_for_something_else_is_refused(edge: Edge) -> None:
    token = edge.issuer.token("A4")
    edge.call("AcknowledgeCard", acknowledge(), token, key="k")

    refused = edge.call("AcknowledgeCard", acknowledge(version=1), token, key="k")

    assert refused[:2] == ("ABORTED", "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize(
    ("races", "named", "outcome"),
    [(1, 0, ""), (3, 0, ""), (4, 0, "STALE"), (1, 2, "STALE")],
)
def test_a_lost_race_is_run_again_unless_the_caller_named_the_version_he_had_read(
    edge: Edge, races: int, named: int, outcome: str
) -> None:
    edge.servicer.races = races

    answer = edge.call("AcknowledgeCard", acknowledge(named), edge.issuer.token("A4"), key="k")

    assert (answer[1] if isinstance(answer, tuple) else "") == outcome
    kept = 0 if outcome else 1
    assert (edge.count(effects), edge.count(db.audit)) == (kept, kept)


def test_a_key_sent_again_is_answered_as_before_though_its_work_would_be_refused_now(
    edge: Edge,
) -> None:
    token = edge.issuer.token("A4")
    first = edge.call("AcknowledgeCard", acknowledge(), token, key="k")
    edge.servicer.done = True

    assert edge.call("AcknowledgeCard", acknowledge(), token, key="k") == first
    assert edge.call("AcknowledgeCard", acknowledge(), token, key="other")[1] == "ALREADY_DONE"
    assert (edge.count(effects), edge.count(db.audit)) == (1, 1)


def test_what_somebody_tries_beyond_his_rights_is_audited(edge: Edge) -> None:
    refused = edge.call("AcknowledgeCard", acknowledge(), edge.issuer.token("S3"), key="k")

    assert refused[:2] == ("PERMISSION_DENIED", "NOT_YOUR_ROLE")
    with edge.database.read() as connection:
        (line,) = connection.execute(sa.select(db.audit))
    assert (line.username, line.detail) == ("test", {"refused": "NOT_YOUR_ROLE"})
    assert line.method.endswith("/AcknowledgeCard")


def test_another_callers_key_is_another_key(edge: Edge) -> None:
    for sub in ("1", "2"):
        edge.call("AcknowledgeCard", acknowledge(), edge.issuer.token("A4", sub=sub), key="k")

    assert edge.count(effects) == 2


def test_a_refused_command_leaves_nothing_and_its_key_free(edge: Edge) -> None:
    token = edge.issuer.token("A4")

    refused = edge.call("AcknowledgeCard", acknowledge(version=7), token, key="k")

    assert refused[:2] == ("FAILED_PRECONDITION", "ALREADY_DONE")
    assert (edge.count(effects), edge.count(db.audit), edge.count(db.idempotency)) == (0, 0, 0)


def test_a_call_whose_time_is_up_is_not_begun(edge: Edge) -> None:
    signed_in = (("authorization", f"Bearer {edge.issuer.token('A4')}"), ("idempotency-key", "k"))
    with pytest.raises(grpc.RpcError) as late:
        edge.stub.AcknowledgeCard(acknowledge(), metadata=signed_in, timeout=0.0001)

    error: Any = late.value
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert edge.count(effects) == 0
