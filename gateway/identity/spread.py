"""The movable clock on its way to every service."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import grpc
from kaigong.operator.v1 import operator_pb2 as pb
from kaigong.operator.v1 import operator_pb2_grpc as pb_grpc

from chassis import client, logs
from chassis.clock_state import set_clock
from chassis.db import Database
from chassis.errors import ClockNotSpread, DomainError
from identity.domain import ClockOffset
from identity.store import ClockStore

log = logs.get(__name__)

_OURSELVES = "identity"
_PATIENCE = 8.0
# Our refusal names who is missing, so it should come before the caller gives up.
_MARGIN = 0.3
_LOOK_EVERY = 2.0
# A service that was set up anew has forgotten: it is told again even if it knew once.
_REMIND_EVERY = 10.0


class Spread:
    """Hands the clock's state to our own processes and to every peer, until all have it."""

    def __init__(self, db: Database, peers: Mapping[str, str]) -> None:
        self._db = db
        others = {name: address for name, address in peers.items() if name != _OURSELVES}
        self._peers = {
            name: pb_grpc.OperatorServiceStub(client.channel(address))
            for name, address in others.items()
        }
        self._hands = ThreadPoolExecutor(2 * len(others) + 2, thread_name_prefix="clock")
        self._told: dict[str, tuple[int, float]] = {}

    def to_all(self, offset: ClockOffset, *, patience: float | None = None) -> None:
        """Return when every process of every service has the state; raises ClockNotSpread.

        `patience` is what is left of the caller's own, in seconds.
        """
        ours = _PATIENCE if patience is None else min(_PATIENCE, max(0.1, patience - _MARGIN))
        waiting = self._tell([_OURSELVES, *self._peers], offset, ours)
        if waiting:
            raise ClockNotSpread(waiting=", ".join(waiting))

    def keep_up(self) -> None:
        """Tell from a thread whoever is behind: a service that was away when the clock moved."""
        threading.Thread(target=self._run, name="clock-spread", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                with self._db.read() as connection:
                    offset = ClockStore(connection).get()
                if offset.generation:
                    behind = [
                        name for name in (_OURSELVES, *self._peers) if self._due(name, offset)
                    ]
                    waiting = self._tell(behind, offset, _PATIENCE)
                    if waiting:
                        log.warning("clock not spread", waiting=waiting)
            except DomainError as error:
                log.warning("clock not spread", error=str(error))
            time.sleep(_LOOK_EVERY)

    def _due(self, name: str, offset: ClockOffset) -> bool:
        generation, at = self._told.get(name, (0, float("-inf")))
        return generation < offset.generation or time.monotonic() - at > _REMIND_EVERY

    def _tell(self, names: list[str], offset: ClockOffset, patience: float) -> list[str]:
        """Tell all at once; return those that did not follow."""
        told = {name: self._hands.submit(self._tell_one, name, offset, patience) for name in names}
        return sorted(name for name, done in told.items() if not done.result())

    def _tell_one(self, name: str, offset: ClockOffset, patience: float) -> bool:
        try:
            if name == _OURSELVES:
                has = set_clock(
                    self._db,
                    generation=offset.generation,
                    offset_seconds=offset.seconds,
                    patience=patience,
                )
            else:
                request = pb.SetClockRequest(
                    generation=offset.generation, offset_seconds=offset.seconds
                )
                peer = self._peers[name]
                has = peer.SetClock(request, timeout=patience, wait_for_ready=True).generation
        except (grpc.RpcError, DomainError) as error:
            log.warning("clock not taken", peer=name, error=str(error))
            return False
        self._told[name] = (has, time.monotonic())
        return bool(has >= offset.generation)
