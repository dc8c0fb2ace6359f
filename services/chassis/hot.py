"""The few statements that run with every request, on the driver's own cursor.

SQLAlchemy's way to the driver and back costs as much again as the driver (60 of 130 µs a statement,
tests/bench/README.md). Here it compiles a statement once; SQL, types of what is bound, transaction
and errors stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import make_dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

_Bind = Callable[[Any], Any] | None


class HotStatement:
    """A statement that gives at most one row, whose values come as the driver reads them."""

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._sql = ""
        self._constants: dict[str, Any] = {}
        self._binds: tuple[tuple[str, _Bind], ...] = ()
        self._row: Callable[..., Any] | None = None

    def one_or_none(self, tx: sa.Connection, given: Mapping[str, Any]) -> Any:
        """Run it in the transaction of `tx`; return the row with its columns as attributes, or None."""
        if not self._sql:
            self._compile(tx.dialect)
        bound = self._constants.copy()
        for name, bind in self._binds:
            value = given[name]
            bound[name] = bind(value) if bind else value
        connection: Any = tx.connection.dbapi_connection
        cursor = connection.cursor()
        try:
            cursor.execute(self._sql, bound)
            row = cursor.fetchone()
        except psycopg.Error as error:
            raise self._as_of(tx, connection, error) from error
        if row is None:
            return None
        if self._row is None:
            self._row = make_dataclass("Row", [column.name for column in cursor.description])
        return self._row(*row)

    def _compile(self, dialect: sa.Dialect) -> None:
        compiled: Any = self._statement.compile(dialect=dialect)
        binds, constants = list[tuple[str, _Bind]](), dict[str, Any]()
        for name, bound in compiled.binds.items():
            bind = bound.type.dialect_impl(dialect).bind_processor(dialect)
            if bound.required:
                binds.append((name, bind))
            else:
                constants[name] = bind(bound.value) if bind else bound.value
        self._binds, self._constants = tuple(binds), constants
        # Last, since it says to other threads that the rest is there.
        self._sql = compiled.string

    def _as_of(self, tx: sa.Connection, connection: Any, error: psycopg.Error) -> Exception:
        """Return what SQLAlchemy would have raised; a server that is gone empties the pool."""
        gone = connection.closed
        if gone:
            tx.invalidate()
            tx.engine.dispose()
        raised: Exception = sa.exc.DBAPIError.instance(
            self._sql,
            None,
            error,
            psycopg.Error,
            connection_invalidated=gone,
            dialect=tx.dialect,
        )
        return raised
