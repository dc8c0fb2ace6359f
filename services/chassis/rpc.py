"""The gRPC edge: a server with one interceptor, and the two decorators of a servicer's methods.

Law 4 (one call, one transaction, begun by the edge) is kept by `@command` and `@query`: they
are the edge's visible mark, and nothing below them begins or commits.
"""

from __future__ import annotations

import functools
import hashlib
import os
import time
from collections.abc import Callable, Iterable
from concurrent import futures
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar, overload
from uuid import UUID

import grpc
import protovalidate
import sqlalchemy as sa
from google.protobuf import descriptor_pool, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from kaigong.access.v1 import access_pb2 as access
from prometheus_client import Histogram
from psycopg.errors import DeadlockDetected
from sqlalchemy.dialects.postgresql import insert

from chassis import db as tables
from chassis import ids, logs, metrics, rpc_tls, tls, trace
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import (
    DeadlineExceeded,
    DomainError,
    FieldInvalid,
    FieldsInvalid,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    NotYourRole,
    Stale,
    Status,
    TokenMissing,
)
from chassis.hot import HotStatement
from chassis.identity import OPERATOR_ROLE, Principal, Scope
from chassis.tokens import Tokens
from chassis.violations import describe, unstorable

log = logs.get(__name__)

ERROR_DOMAIN = "kaigong"
_NOBODY = Principal("")
_CODES = {
    status: code for status in Status for code in grpc.StatusCode if code.value[0] == status.value
}
# Our own refusal should reach the caller before his patience ends.
_DEADLINE_MARGIN = 0.02
# How often a command that lost a race begins again before its caller is told.
_RACES = 3
_MOST_BYTES = 16 * 1024 * 1024


# --- What a method is given -----------------------------------------------------------------


@dataclass
class Call:
    """One call at the edge: who asks, in which transaction, and what time it is for the domain."""

    tx: sa.Connection
    principal: Principal
    now: datetime
    method: str
    context: grpc.ServicerContext
    _audit: dict[str, Any] = field(default_factory=dict)
    _after_commit: list[Callable[[], None]] = field(default_factory=list)

    @functools.cached_property
    def scope(self) -> Scope:
        return Scope.of(self.principal)

    def new_id(self) -> UUID:
        return ids.new_id()

    def audit(self, *, subject_type: str, subject_id: object, **detail: Any) -> None:
        """Say what the audit line of this call is about."""
        self._audit = {
            "subject_type": subject_type,
            "subject_id": str(subject_id),
            "detail": {**self._audit.get("detail", {}), **detail},
        }

    def after_commit(self, act: Callable[[], None]) -> None:
        self._after_commit.append(act)

    def header(self, name: str, value: str) -> None:
        """Set a response header (the gateway hands initial metadata on)."""
        self.context.send_initial_metadata(((name.lower(), value),))


class _Servicer(Protocol):
    db: Database
    now: Clock


S = TypeVar("S", bound=_Servicer)
Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)
Method = Callable[[S, Request, Call], Answer]
Wrapped = Callable[[S, Request, grpc.ServicerContext], Answer]

_audit_line = tables.audit.insert().values(
    {
        name: sa.bindparam(name)
        for name in ("account", "username", "subject_type", "subject_id", "request_id", "detail")
    }
    | {"method": sa.bindparam("audited")}
)
_keyed = ("caller", "method", "key", "digest", "answer")
# The key with its answer and the audit line in one statement: this is the end of every command.
_finish = HotStatement(
    insert(tables.idempotency)
    .values({name: sa.bindparam(f"b_{name}") for name in _keyed})
    .on_conflict_do_nothing()
    .returning(tables.idempotency.c.key)
    .add_cte(_audit_line.cte("line"))
)
_kept = sa.select(tables.idempotency.c.digest, tables.idempotency.c.answer).where(
    tables.idempotency.c.caller == sa.bindparam("b_caller"),
    tables.idempotency.c.method == sa.bindparam("b_method"),
    tables.idempotency.c.key == sa.bindparam("b_key"),
)


class _Repeated(Exception):
    """Undoes what a key that was used before has done again."""


def command(method: Method[S, Request, Answer]) -> Wrapped[S, Request, Answer]:
    """Run the method in the call's one transaction, once per Idempotency-Key, with an audit line.

    The key, the answer and the audit line are rows of the same transaction as the change, written
    last. A key sent twice does its work again, finds its row, undoes the work and gives the stored
    answer; while the first is under way the second waits for it at that row. A race that the
    caller cannot know of (he named no `expected_version`) is run again.
    """

    def once(self: S, request: Request, context: grpc.ServicerContext) -> Answer:
        here = _here.get()
        with self.db.begin() as tx:
            call = Call(tx, here.principal, self.now(), here.method, context)
            answer = method(self, request, call)
            line = _line(call)
            if not here.idempotency_key:
                tx.execute(_audit_line, line)
            else:
                told = {"b_digest": _digest(request), "b_answer": answer.SerializeToString()}
                if _finish.one_or_none(tx, {**line, **_key(here), **told}) is None:
                    raise _Repeated
        for act in call._after_commit:
            act()
        return answer

    def kept(self: S, request: Request) -> Answer | None:
        here = _here.get()
        if not here.idempotency_key:
            return None
        with self.db.read() as connection:
            row = connection.execute(_kept, _key(here)).one_or_none()
        if row is None:
            return None
        if row.digest != _digest(request):
            raise IdempotencyKeyReused
        return _answer_type(here.method).FromString(row.answer)  # type: ignore[return-value]

    @functools.wraps(method)
    def run(self: S, request: Request, context: grpc.ServicerContext) -> Answer:
        for turns_left in reversed(range(_RACES + 1)):
            try:
                return once(self, request, context)
            except (DomainError, _Repeated) as error:
                # What was done before may be what refuses it now.
                answer = kept(self, request)
                if answer is not None:
                    return answer
                lost = isinstance(error, Stale) and not getattr(request, "expected_version", 0)
                # Who named the version he had read is told; for the others the later state will do.
                if not turns_left or not (lost or isinstance(error, _Repeated)):
                    raise
            except sa.exc.OperationalError as refused:
                if not turns_left or not isinstance(refused.orig, DeadlockDetected):
                    raise
        raise AssertionError("the last turn returns or raises")

    run.kaigong_edge = "command"  # type: ignore[attr-defined]
    return run


def _key(here: _Here) -> dict[str, str]:
    return {
        "b_caller": here.principal.account_id,
        "b_method": here.method,
        "b_key": here.idempotency_key,
    }


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


@overload
def query(method: Method[S, Request, Answer]) -> Wrapped[S, Request, Answer]: ...


@overload
def query(
    *, transaction: bool
) -> Callable[[Method[S, Request, Answer]], Wrapped[S, Request, Answer]]: ...


def query(method: Method[S, Request, Answer] | None = None, *, transaction: bool = False) -> Any:
    """Run the method on a reading connection; `transaction=True` gives one snapshot to several statements."""

    def wrap(method: Method[S, Request, Answer]) -> Wrapped[S, Request, Answer]:
        @functools.wraps(method)
        def run(self: S, request: Request, context: grpc.ServicerContext) -> Answer:
            here = _here.get()
            with self.db.read(snapshot=transaction) as connection:
                call = Call(connection, here.principal, self.now(), here.method, context)
                answer = method(self, request, call)
            if _rule(here.method).reads_personal_data or call._audit:
                with self.db.begin() as tx:
                    tx.execute(_audit_line, _line(call))
            return answer

        run.kaigong_edge = "query"  # type: ignore[attr-defined]
        return run

    return wrap if method is None else wrap(method)


def _line(call: Call) -> dict[str, Any]:
    said = call._audit
    return _audited(
        call.principal,
        call.method,
        said.get("subject_type", ""),
        said.get("subject_id", ""),
        said.get("detail", {}),
    )


def _audited(
    principal: Principal, method: str, subject_type: str, subject_id: str, detail: dict[str, Any]
) -> dict[str, Any]:
    return {
        "account": principal.account_id,
        "username": principal.username,
        "audited": method,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "request_id": trace.current().request_id,
        "detail": detail,
    }


# --- The interceptor ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Here:
    method: str = ""
    principal: Principal = _NOBODY
    token: str = ""
    idempotency_key: str = ""
    deadline: float = float("inf")


_NOWHERE = _Here()
_here: ContextVar[_Here] = ContextVar("here", default=_NOWHERE)


def outgoing() -> tuple[list[tuple[str, str]], float]:
    """Return the metadata and the seconds that a call to a peer inherits from the present call."""
    here, where = _here.get(), trace.current()
    pairs = [("traceparent", where.traceparent), ("x-request-id", where.request_id)]
    if here.token:
        pairs.append(("authorization", f"Bearer {here.token}"))
    return [pair for pair in pairs if pair[1]], here.deadline - time.monotonic()


def current_method() -> str:
    """Return the rpc that this thread answers, empty outside of one."""
    return _here.get().method


@functools.cache
def _descriptor(method: str) -> Any:
    return descriptor_pool.Default().FindMethodByName(method.lstrip("/").replace("/", "."))


@functools.cache
def _rule(method: str) -> access.Access:
    rule: access.Access = _descriptor(method).GetOptions().Extensions[access.access]
    return rule


def _answer_type(method: str) -> type[Message]:
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_descriptor(method).output_type)


class Edge(grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Around every method: trace, metrics, errors, deadline, identity, access, validation."""

    def __init__(self, tokens: Tokens, db: Database | None = None) -> None:
        self._tokens, self._db = tokens, db
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any] | None] = {}

    def intercept_service(
        self, continuation: Any, details: Any
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = details.method
        if method not in self._wrapped:
            handler = continuation(details)
            ours = handler is not None and method.startswith("/kaigong.")
            self._wrapped[method] = self._around(handler, method) if ours else handler
        return self._wrapped[method]

    def _around(self, handler: Any, method: str) -> grpc.RpcMethodHandler[Any, Any]:
        inner = handler.unary_unary
        # A code gets its series when it is first answered: few methods ever answer with all of them.
        seconds: dict[grpc.StatusCode, Histogram] = {}
        rule = _rule(method)

        def run(request: Message, context: grpc.ServicerContext) -> Any:
            began = time.perf_counter()
            metadata: dict[str, Any] = dict(context.invocation_metadata())
            code = grpc.StatusCode.OK
            principal = _NOBODY
            traceparent = metadata.get("traceparent", "")
            with trace.follow(
                method,
                traceparent=traceparent,
                request_id=metadata.get("x-request-id", ""),
            ):
                try:
                    principal = self._caller(rule, metadata)
                    here = _enter(method, rule, principal, request, context, metadata)
                    reset = _here.set(here)
                    try:
                        return inner(request, context)
                    finally:
                        _here.reset(reset)
                except DomainError as error:
                    code = _CODES[error.status]
                    if error.status is Status.PERMISSION_DENIED:
                        self._record(method, principal, error)
                    _refuse(context, code, error)
                except Exception:
                    code = grpc.StatusCode.INTERNAL
                    log.exception("rpc failed", method=method)
                    _refuse(context, code, DomainError())
                finally:
                    if code not in seconds:
                        seconds[code] = metrics.rpc_seconds.labels(method, code.name)
                    took = time.perf_counter() - began
                    seconds[code].observe(took, metrics.exemplar(took))

        return grpc.unary_unary_rpc_method_handler(
            run, handler.request_deserializer, handler.response_serializer
        )

    def _caller(self, rule: access.Access, metadata: dict[str, Any]) -> Principal:
        scheme, _, token = metadata.get("authorization", "").partition(" ")
        if token and scheme.lower() == "bearer" and rule.audience != access.AUDIENCE_PUBLIC:
            return self._tokens.principal(token)
        return _NOBODY

    def _record(self, method: str, principal: Principal, error: DomainError) -> None:
        """Leave an audit line of what somebody tried beyond his rights (R8), apart from the call's transaction."""
        if self._db is None:
            return
        line = _audited(principal, method, "", "", {"refused": error.reason()})
        try:
            with self._db.begin() as tx:
                tx.execute(_audit_line, line)
        except sa.exc.SQLAlchemyError:
            log.exception("refusal not audited", **line)


def _enter(
    method: str,
    rule: access.Access,
    principal: Principal,
    request: Message,
    context: grpc.ServicerContext,
    metadata: dict[str, Any],
) -> _Here:
    left = context.time_remaining()
    if left is not None and left < _DEADLINE_MARGIN:
        raise DeadlineExceeded
    _admit(method, rule, principal)
    violations = [describe(each) for each in protovalidate.collect_violations(request)]
    violations += unstorable(request)
    if violations:
        raise FieldsInvalid(violations)
    key = metadata.get("idempotency-key", "")
    if key and (len(key) > 128 or not key.isprintable()):
        raise IdempotencyKeyInvalid(field="Idempotency-Key")
    return _Here(
        method=method,
        principal=principal,
        token=metadata.get("authorization", "").partition(" ")[2] if principal.account_id else "",
        # Without a caller there is nobody to whom a key could belong.
        idempotency_key=key if principal.account_id else "",
        deadline=time.monotonic() + left if left is not None else float("inf"),
    )


def _admit(method: str, rule: access.Access, principal: Principal) -> None:
    if rule.audience in (access.AUDIENCE_PUBLIC, access.AUDIENCE_PEER):
        return
    if not principal.account_id:
        raise TokenMissing
    if rule.audience == access.AUDIENCE_SELF:
        return
    if rule.audience == access.AUDIENCE_OPERATOR and principal.has_role(OPERATOR_ROLE):
        return
    if any(principal.holds(grant.function, grant.right) for grant in rule.grants):
        return
    raise NotYourRole(method=method.rpartition("/")[2])


def _refuse(context: grpc.ServicerContext, code: grpc.StatusCode, error: DomainError) -> None:
    context.set_trailing_metadata(
        (("grpc-status-details-bin", to_status(error).SerializeToString()),)
    )
    context.abort(code, error.message_en)


def to_status(error: DomainError) -> status_pb2.Status:
    """Return the one shape in which every error leaves: reason first, then fields, then both languages."""
    status = status_pb2.Status(code=error.status.value, message=error.message_en)
    info = error_details_pb2.ErrorInfo(
        reason=error.reason() if type(error) is not DomainError else "INTERNAL",
        domain=ERROR_DOMAIN,
        metadata=error.facts,
    )
    status.details.add().Pack(info)
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations:
            bad.field_violations.add(
                field=violation.field,
                description=f"{violation.zh} | {violation.en}",
                reason=violation.reason,
            )
        status.details.add().Pack(bad)
    for locale, text in (("zh-CN", error.message_zh), ("en", error.message_en)):
        status.details.add().Pack(error_details_pb2.LocalizedMessage(locale=locale, message=text))
    return status


# --- The server -----------------------------------------------------------------------------


def serve(
    listen: str,
    add: Iterable[Callable[[grpc.Server], None]],
    *,
    tokens: Tokens,
    db: Database | None = None,
    threads: int = 8,
    cpu: int = -1,
) -> Callable[[float], None]:
    """Start a server; return what drains it: it refuses new calls and lets those in flight finish.

    With `db`, what callers try beyond their rights is audited there.
    One process per core, few threads: threads that hand the interpreter lock from core to core
    cost more than they bring.
    """
    if cpu >= 0:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[cpu % len(cores)]})
    server = grpc.server(
        futures.ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
        interceptors=[Edge(tokens, db)],
        options=[
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", _MOST_BYTES),
            ("grpc.so_reuseport", 0),
        ],
    )
    state = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    for each in add:
        each(server)
    if _bind(server, listen) == 0:
        raise SystemExit(f"地址已被占用 the address is taken: {listen}")
    server.start()
    state.set("", health_pb2.HealthCheckResponse.SERVING)

    def drain(grace: float = 20) -> None:
        state.enter_graceful_shutdown()
        server.stop(grace).wait()

    return drain


def _bind(server: grpc.Server, listen: str) -> int:
    """Listen there, for whoever shows a certificate if we have one; return the port, or 0."""
    if own := tls.own():
        return server.add_secure_port(listen, rpc_tls.for_server(own))
    return server.add_insecure_port(listen)


# --- Reading and writing fields --------------------------------------------------------------


def read_uuid(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise FieldInvalid(field=name, zh_why="应为 UUID", en_why="must be a UUID") from error


def read_date(name: str, text: str) -> date:
    """Read `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FieldInvalid(
            field=name,
            zh_why="应为存在的日期 (YYYY-MM-DD)",
            en_why="must be a day that exists, YYYY-MM-DD",
        ) from error


def to_timestamp(at: datetime | None) -> timestamp_pb2.Timestamp | None:
    if at is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(at.astimezone(UTC).replace(tzinfo=None))
    return stamp
