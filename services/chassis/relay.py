"""What a worker does beside its messages: it moves the outbox, chains the audit, forgets, archives."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

from chassis import audit, logs, metrics
from chassis.amqp import Publisher
from chassis.db import OUTBOX_CHANNEL, Database
from chassis.housekeeping import forget_old
from chassis.outbox import Outbox
from chassis.settings import current

log = logs.get(__name__)


class Relay:
    """Moves the outbox to the broker: woken by NOTIFY, and once a second in case one was missed."""

    def __init__(
        self,
        db: Database,
        publisher: Publisher,
        *,
        service: str = "",
        also: Callable[[sa.Connection, Sequence[dict[str, Any]]], object] = lambda *_: None,
    ) -> None:
        self._db, self._publisher, self._also = db, publisher, also
        self._service = service
        self._rung = threading.Event()
        self._stopping = False
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (("relay", self._run), ("relay-ear", self._listen))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        """Send what is waiting and end."""
        self._stopping = True
        self._rung.set()
        self._threads[0].join(timeout=10)
        self._publisher.close()

    def _listen(self) -> None:
        while not self._stopping:
            try:
                with psycopg.connect(
                    current(self._db.url), autocommit=True, connect_timeout=5
                ) as connection:
                    connection.execute(f"LISTEN {OUTBOX_CHANNEL}")
                    self._rung.set()
                    while not self._stopping:
                        for _ in connection.notifies(timeout=5):
                            self._rung.set()
            except (psycopg.Error, OSError) as error:
                log.warning("relay does not hear", error=str(error))
                time.sleep(1)

    def _run(self) -> None:
        while True:
            self._rung.wait(timeout=1)
            self._rung.clear()
            try:
                while self._once():
                    pass
            except Exception as error:
                # Whatever it is, the rows are still there: try again, and let the alert speak.
                log.warning("relay failed", error=repr(error))
                self._publisher.close()
                time.sleep(0.5)
            if self._stopping:
                return

    def _once(self) -> int:
        with self._db.begin(quietly=True) as tx:
            box = Outbox(tx)
            sent = box.relay(self._publisher.publish_all, also=self._also)
        metrics.relayed.labels(self._service).inc(sent)
        return sent


class Housekeeping:
    """What every worker does on the side: chains audit lines, measures, forgets old keys."""

    def __init__(self, db: Database, *, service: str) -> None:
        self._db, self._service = db, service

    def start(self) -> None:
        threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def _run(self) -> None:
        turn = 0
        while True:
            time.sleep(1)
            try:
                with self._db.begin(quietly=True) as tx:
                    audit.link_lines(tx)
                with self._db.read() as connection:
                    waiting, oldest = Outbox(connection).waiting()
                    unlinked = audit.count_unlinked(connection)
                metrics.outbox_waiting.labels(self._service).set(waiting)
                metrics.outbox_oldest.labels(self._service).set(oldest)
                metrics.audit_unlinked.labels(self._service).set(unlinked)
                if turn % 3600 == 0:
                    with self._db.begin(quietly=True) as tx:
                        forget_old(tx)
                turn += 1
            except Exception as error:
                log.warning("housekeeping failed", error=repr(error))
                time.sleep(4)


# In seconds: after the start, between two runs, and after one that failed.
_FIRST_ARCHIVE, _NEXT_ARCHIVE, _ARCHIVE_AGAIN = 60, 86400, 3600


class Archiving:
    """Once a day old audit lines go to archives, in a process of its own: packing them takes the
    processor for seconds, and a handler would wait for that. It may be killed at any moment.
    """

    def __init__(self, command: Sequence[str], *, first: float = _FIRST_ARCHIVE) -> None:
        self._command, self._first = [sys.executable, "-m", *command], first
        self._child: subprocess.Popen[str] | None = None
        self._stopping = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="archiving", daemon=True).start()

    def stop(self) -> None:
        self._stopping = True
        if self._child and self._child.poll() is None:
            self._child.terminate()

    def _run(self) -> None:
        time.sleep(self._first)
        while not self._stopping:
            self._child = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            said, _ = self._child.communicate()
            if self._stopping:
                return
            if self._child.returncode:
                log.error("audit archive failed", code=self._child.returncode, said=said[-2000:])
            elif said:
                log.info("audit archived", said=said)
            time.sleep(_ARCHIVE_AGAIN if self._child.returncode else _NEXT_ARCHIVE)
