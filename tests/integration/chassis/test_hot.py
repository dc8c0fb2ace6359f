"""A statement on the driver's own cursor: the same rows, the same transaction, the same errors."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.db import Database
from chassis.errors import DatabaseUnavailable
from chassis.hot import HotStatement
from support.servers import Databases

_typed = sa.select(
    sa.bindparam("said", type_=JSONB).label("said"),
    sa.bindparam("at", type_=sa.DateTime(timezone=True)).label("at"),
    sa.literal("constant").label("constant"),
)


@pytest.fixture
def db(database: Databases) -> Iterator[Database]:
    made = Database(database("toy"))
    with made.begin() as tx:
        tx.execute(sa.text("create table notes (id int primary key, text text not null)"))
    yield made
    made.close()


_write = sa.text("insert into notes (id, text) values (:id, :text) returning id").bindparams(
    sa.bindparam("id", type_=sa.Integer()), sa.bindparam("text", type_=sa.Text())
)
_find = sa.text("select text from notes where id = :id").bindparams(
    sa.bindparam("id", type_=sa.Integer())
)


def test_it_gives_what_sqlalchemy_gives(db: Database) -> None:
    given = {"said": {"天": ["1", None, 2.5]}, "at": None}
    with db.read() as connection:
        theirs = connection.execute(_typed, given).one()
        for _ in range(2):
            ours = HotStatement(_typed).one_or_none(connection, given)
            assert (ours.said, ours.at, ours.constant) == tuple(theirs)


def test_no_row_is_none(db: Database) -> None:
    with db.read() as connection:
        assert HotStatement(_find).one_or_none(connection, {"id": 1}) is None


def test_it_belongs_to_the_transaction(db: Database) -> None:
    hot = HotStatement(_write)
    with db.engine.connect() as tx:
        hot.one_or_none(tx, {"id": 1, "text": "gone"})
        tx.rollback()
    with db.begin() as tx:
        hot.one_or_none(tx, {"id": 2, "text": "stays"})
    with db.read() as connection:
        assert list(connection.scalars(sa.text("select id from notes"))) == [2]


def test_its_errors_are_sqlalchemys(db: Database) -> None:
    hot = HotStatement(_write)
    with db.begin() as tx:
        hot.one_or_none(tx, {"id": 1, "text": "once"})
    with db.engine.connect() as tx, pytest.raises(sa.exc.IntegrityError) as refused:
        hot.one_or_none(tx, {"id": 1, "text": "twice"})
    assert isinstance(refused.value.orig, psycopg.errors.UniqueViolation)


def test_a_server_that_is_gone_empties_the_pool(db: Database) -> None:
    """All sessions end at once, as when the server restarts: one call is refused, the next works."""
    hot = HotStatement(_find)
    with db.begin() as first, db.begin() as second:
        for tx in (first, second):
            hot.one_or_none(tx, {"id": 1})
    with psycopg.connect(db.url, autocommit=True) as killer:
        killer.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    with pytest.raises(DatabaseUnavailable), db.begin() as tx:
        hot.one_or_none(tx, {"id": 1})
    for _ in range(3):
        with db.begin() as tx:
            assert hot.one_or_none(tx, {"id": 1}) is None
