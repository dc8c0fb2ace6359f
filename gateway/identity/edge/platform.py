"""The audit log, signing keys and the movable clock over gRPC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kaigong.identity.v1 import identity_pb2 as pb

from chassis import paging
from chassis.clock import MovableClock, system_clock
from chassis.errors import ClockNotMovable, FieldInvalid
from chassis.rpc import Call, command, query, read_date, to_timestamp
from identity import queries, usecases
from identity.domain import (
    LEAD,
    ClockOffset,
    signing,
)
from identity.edge.answers import tell_key, tell_line
from identity.edge.desk import Desk
from identity.store import ClockStore, KeyStore


class Platform(Desk):
    @query
    def ListAuditLines(
        self, request: pb.ListAuditLinesRequest, call: Call
    ) -> pb.ListAuditLinesResponse:
        page = paging.page(request, width=1)
        rows = queries.list_audit_lines(
            call.tx,
            page,
            account_id=request.account_id,
            subject_id=request.subject_id,
            from_day=read_date("from_day", request.from_day) if request.from_day else None,
            to_day=read_date("to_day", request.to_day) if request.to_day else None,
        )
        given = rows[: page.size]
        call.audit(subject_type="audit", subject_id="", given=len(given))
        return pb.ListAuditLinesResponse(
            lines=[tell_line(row) for row in given],
            next_page_token=paging.token_after(given[-1].id) if len(rows) > page.size else "",
        )

    @query
    def ListSigningKeys(
        self, request: pb.ListSigningKeysRequest, call: Call
    ) -> pb.ListSigningKeysResponse:
        real = system_clock()
        keys = KeyStore(call.tx).all()
        signs = signing(keys, real)
        return pb.ListSigningKeysResponse(
            keys=[tell_key(key, signs) for key in keys if key.is_published(real)]
        )

    @command
    def RotateSigningKey(
        self, request: pb.RotateSigningKeyRequest, call: Call
    ) -> pb.RotateSigningKeyResponse:
        key = usecases.rotate_key(
            KeyStore(call.tx),
            self._make_key,
            real=system_clock(),
            lead=timedelta(seconds=request.lead_seconds) if request.lead_seconds else LEAD,
        )
        call.audit(subject_type="signing_key", subject_id=key.id)
        return pb.RotateSigningKeyResponse(key=tell_key(key, None))

    @command
    def RemoveSigningKey(
        self, request: pb.RemoveSigningKeyRequest, call: Call
    ) -> pb.RemoveSigningKeyResponse:
        usecases.remove_key(KeyStore(call.tx), self._make_key, request.key_id, real=system_clock())
        call.audit(subject_type="signing_key", subject_id=request.key_id)
        return pb.RemoveSigningKeyResponse()

    @query
    def GetClock(self, request: pb.GetClockRequest, call: Call) -> pb.GetClockResponse:
        self._check_movable()
        offset = ClockStore(call.tx).get()
        return pb.GetClockResponse(
            now=to_timestamp(offset.now(system_clock())),
            generation=offset.generation,
            offset_seconds=offset.seconds,
        )

    @command
    def _move_clock(self, request: pb.AdvanceClockRequest, call: Call) -> pb.AdvanceClockResponse:
        to_given = request.WhichOneof("target") == "to"
        real = system_clock()
        offset = usecases.advance_clock(
            ClockStore(call.tx),
            to=_instant(request.to) if to_given else None,
            by=None if to_given else timedelta(seconds=request.seconds),
            who=call.principal.username,
            real=real,
        )
        call.audit(
            subject_type="clock", subject_id=offset.generation, offset_seconds=offset.seconds
        )
        return pb.AdvanceClockResponse(
            now=to_timestamp(offset.now(real)), generation=offset.generation
        )

    def AdvanceClock(
        self, request: pb.AdvanceClockRequest, context: Any
    ) -> pb.AdvanceClockResponse:
        """Move, commit, and wait for everybody: a repeated request waits again, but moves once."""
        self._check_movable()
        moved = self._move_clock(request, context)
        with self.db.read() as connection:
            offset: ClockOffset = ClockStore(connection).get()
        self._spread.to_all(offset, patience=context.time_remaining())
        return moved

    def _check_movable(self) -> None:
        if not isinstance(self.now, MovableClock):
            raise ClockNotMovable


def _instant(stamp: Any) -> datetime:
    try:
        read: datetime = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(
            field="to", zh_why="不是有效的时刻", en_why="is not an instant"
        ) from error
    return read
