"""The database of one service: transactions, and the tables every service has."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.errors import DatabaseUnavailable
from chassis.settings import current

OUTBOX_CHANNEL = "outbox"
CLOCK_CHANNEL = "clock"


def new_metadata() -> sa.MetaData:
    """Return metadata with our naming convention and the chassis tables, for a store to add its own."""
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    for table in CHASSIS.sorted_tables:
        table.to_metadata(metadata)
    return metadata


CHASSIS = sa.MetaData()

outbox = sa.Table(
    "outbox",
    CHASSIS,
    sa.Column("position", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("envelope", JSONB, nullable=False),
    sa.Column(
        "queued_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
    ),
)

inbox = sa.Table(
    "inbox",
    CHASSIS,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column(
        "taken_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
    ),
    sa.Index(None, "taken_at"),
)

# A command's answer, kept with the command itself.
idempotency = sa.Table(
    "idempotency",
    CHASSIS,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.LargeBinary),
    sa.Column(
        "taken_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
    ),
    sa.Index(None, "taken_at"),
)

# Lines are written in the command's transaction and chained by the worker: a chain made
# in the transaction would put every command of the service in one queue.
audit = sa.Table(
    "audit",
    CHASSIS,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("subject_type", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("detail", JSONB, nullable=False),
    sa.Column("link", sa.BigInteger),
    sa.Column("hash", sa.LargeBinary),
    sa.Index("ix_audit_unlinked", "id", postgresql_where=sa.text("link is null")),
    sa.Index("uq_audit_link", "link", unique=True),
)

# Lines that left the table for a file of the object store, from link to link; last_hash is that of
# the last. subjects are whom its lines are about: evidence is found without reading every file.
audit_archives = sa.Table(
    "audit_archives",
    CHASSIS,
    sa.Column("first_link", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last_link", sa.BigInteger, nullable=False),
    sa.Column("last_hash", sa.LargeBinary, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("subjects", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_audit_archives_subjects", "subjects", postgresql_using="gin"),
)

clock_state = sa.Table(
    "clock_state",
    CHASSIS,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("offset_seconds", sa.BigInteger, nullable=False),
    sa.CheckConstraint("single", name="one_row"),
)

# One row a living process that follows the clock: a row whose session is gone does not count.
clock_followers = sa.Table(
    "clock_followers",
    CHASSIS,
    sa.Column("session", sa.Text, primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
)

# --- links between instances ---

# The ledger of what goes up: written once, kept, so that it can be compared and sent again.
# kind is empty for what is said about the link itself.
link_facts = sa.Table(
    "link_facts",
    CHASSIS,
    sa.Column("position", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("event_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("aggregate_id", sa.Uuid, nullable=False),
    sa.Column("envelope", JSONB, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_link_facts_unsent", "position", postgresql_where=sa.text("not sent")),
    sa.Index("ix_link_facts_kind_day", "kind", "day"),
    sa.Index(None, "aggregate_id"),
)

# What was taken from below: the inbox of the uplink, and the other side of the child's ledger.
# origin is where it happened, via the child that handed it on.
origin_facts = sa.Table(
    "origin_facts",
    CHASSIS,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("aggregate_id", sa.Uuid, nullable=False),
    sa.Index("ix_origin_facts_via_kind_day", "via", "kind", "day"),
    sa.Index(None, "aggregate_id"),
)

# The services below that this one has heard of, each known by the birth of its database.
link_children = sa.Table(
    "link_children",
    CHASSIS,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("birth", sa.Text, nullable=False),
    sa.Column("refused", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("first_heard", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_heard", sa.DateTime(timezone=True), nullable=False),
)

# What was told to a child to do, and what became of it.
directives = sa.Table(
    "directives",
    CHASSIS,
    sa.Column("position", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Uuid),
    sa.Column("envelope", JSONB, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("settled_at", sa.DateTime(timezone=True)),
    sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    sa.Column("note_zh", sa.Text, nullable=False, server_default=""),
    sa.Column("note_en", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_directives_unsent", "position", postgresql_where=sa.text("not sent")),
    sa.Index("ix_directives_subject_id", "subject_id"),
)

# The birth of this database, the parent's refusal, and what a comparison found, by name.
link_state = sa.Table(
    "link_state",
    CHASSIS,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", JSONB, nullable=False),
)


class Database:
    """One service's own PostgreSQL database. `begin` is the only way to change it."""

    def __init__(self, url: str, *, application_name: str = "kaigong", pool_size: int = 8) -> None:
        self.url = url
        self.engine = _engine(url, application_name, pool_size, pool_reset_on_return="rollback")
        # Its own pool: to put one connection into autocommit and back again with every read
        # costs as much as the read.
        self._reader = _engine(
            url,
            application_name,
            pool_size,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            pool_reset_on_return=None,
        )
        self.on_commit: Callable[[], None] = lambda: None

    @contextmanager
    def begin(self, *, quietly: bool = False) -> Iterator[sa.Connection]:
        """Open the one transaction of a call at the edge: commit at the end, roll back on any error.

        Who knows that the outbox got nothing may commit `quietly`; the relay must, or it wakes
        itself for ever.
        """
        with self._reachable(), self.engine.begin() as connection:
            yield connection
        if not quietly:
            self.on_commit()

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[sa.Connection]:
        """Open a connection for reading: each statement by itself, or all in one snapshot."""
        if not snapshot:
            with self._reachable(), self._reader.connect() as connection:
                yield connection
            return
        with self._reachable(), self.engine.connect() as connection:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with connection.begin():
                yield connection

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """A server that is gone is a refusal to try again, and empties the pool; it is not a bug."""
        try:
            yield
        except sa.exc.TimeoutError as error:
            raise DatabaseUnavailable from error
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated or isinstance(
                error.orig, psycopg.OperationalError | psycopg.InterfaceError
            ):
                raise DatabaseUnavailable from error
            raise

    def close(self) -> None:
        self.engine.dispose()
        self._reader.dispose()


def _engine(url: str, application_name: str, pool_size: int, **how: Any) -> sa.Engine:
    engine = sa.create_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=4,
        pool_timeout=10,
        pool_use_lifo=True,
        # Whole states travel as JSON: the standard library's costs a fifth of a command.
        json_serializer=orjson.dumps,
        json_deserializer=orjson.loads,
        connect_args={
            "application_name": application_name,
            "connect_timeout": 5,
            "options": "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=60s"
            " -c idle_in_transaction_session_timeout=60s",
        },
        **how,
    )
    sa.event.listen(engine, "do_connect", functools.partial(_log_in, url))
    sa.event.listen(engine, "checkout", functools.partial(_refresh, url))
    return engine


# While a password is being changed, address and server may differ for a moment.
_PATIENCE = 10.0


def _log_in(url: str, dialect: Any, record: Any, given: Any, named: dict[str, Any]) -> Any:
    until = time.monotonic() + _PATIENCE
    while True:
        address = current(url)
        told = sa.make_url(address)
        try:
            login = {"user": told.username, "password": told.password}
            made = dialect.connect(*given, **named | login)
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            record.info["address"] = address
            return made


def _refresh(url: str, connection: Any, record: Any, fairy: Any) -> None:
    """Have a connection that was made with an older password made anew before it is used."""
    if record.info["address"] != current(url):
        raise sa.exc.DisconnectionError("the address has changed")


def driver_url(url: str) -> str:
    """Return the SQLAlchemy URL that takes psycopg 3 for a plain `postgresql://` one."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


# In seconds: the shortest time between two rings, and the same while it holds many commits.
_BETWEEN_RINGS, _BETWEEN_RINGS_BUSY = 0.003, 0.01
_BUSY = 2


class OutboxBell:
    """Rings NOTIFY after commits: the first at once, the next not before some milliseconds.

    A ring costs a statement here and a look by the relay there; the more commits there are, the
    more of them one ring is worth.

    NOTIFY inside the transaction would take a lock that PostgreSQL holds until the commit
    has reached the disk, and so put all commits in one queue (group commit is lost).
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._rung = threading.Event()
        self._rings = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="outbox-bell", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        # A count lost between threads does no harm: it is a measure of load.
        self._rings += 1
        self._rung.set()

    def stop(self) -> None:
        self._stopping = True
        self._rung.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        address = ""
        while not self._stopping:
            self._rung.wait()
            self._rung.clear()
            busy, self._rings = self._rings > _BUSY, 0
            try:
                if connection is not None and address != current(self._url):
                    connection.close()
                if connection is None or connection.closed:
                    address = current(self._url)
                    connection = psycopg.connect(address, autocommit=True, connect_timeout=5)
                connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
            except psycopg.Error:
                # The relay looks once a second anyway; the next commit rings again.
                connection = None
            time.sleep(_BETWEEN_RINGS_BUSY if busy else _BETWEEN_RINGS)
