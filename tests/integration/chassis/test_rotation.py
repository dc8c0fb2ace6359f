"""A password that changes while a process runs: it goes on, whichever of server and file is first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from chassis.db import Database
from chassis.settings import surroundings

ROLE = "kaigong_turning"


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create role {ROLE} login password 'first'")
        connection.execute(f"grant connect on database postgres to {ROLE}")
        yield connection
        connection.execute(f"drop owned by {ROLE}; drop role {ROLE}")


@pytest.fixture
def file(postgres_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "database_url"
    path.write_text(_address(postgres_url, "first"))
    return path


@pytest.fixture
def db(admin: psycopg.Connection, file: Path) -> Iterator[Database]:
    url = surroundings({"KAIGONG_DATABASE_URL_FILE": str(file)})["KAIGONG_DATABASE_URL"]
    made = Database(url, pool_size=2)
    yield made
    made.close()


def test_a_connection_of_the_older_password_is_replaced_before_it_is_used(
    admin: psycopg.Connection, db: Database, file: Path, postgres_url: str
) -> None:
    first = _session(db)
    assert _session(db) == first

    admin.execute(f"alter role {ROLE} password 'second'")
    file.write_text(_address(postgres_url, "second"))
    admin.execute("select pg_terminate_backend(%s)", [first])

    second = _session(db)
    assert second not in (first, 0)
    assert _session(db) == second


def test_who_connects_before_the_server_knows_the_new_password_tries_again(
    admin: psycopg.Connection, db: Database, file: Path, postgres_url: str
) -> None:
    def change() -> None:
        time.sleep(0.5)
        admin.execute(f"alter role {ROLE} password 'second'")

    file.write_text(_address(postgres_url, "second"))
    changing = threading.Thread(target=change)
    changing.start()

    assert _session(db)
    changing.join()


def _session(db: Database) -> int:
    with db.begin(quietly=True) as tx:
        return int(tx.execute(sa.text("select pg_backend_pid()")).scalar_one())


def _address(postgres_url: str, password: str) -> str:
    login = sa.make_url(postgres_url).set(username=ROLE, password=password)
    return login.render_as_string(hide_password=False)
