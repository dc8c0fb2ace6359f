"""Many rows as one parameter: the server takes a JSON list apart, and one statement does the work.

Rows bound one by one cost more in the driver than in the server: 500 cards of thirty columns are
15,000 parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, Insert, insert


def rows_of(table: sa.Table, *names: str) -> sa.TableValuedAlias:
    """Return the list bound as `rows` as a table with these columns, typed as those of `table`."""
    columns = [sa.column(name, table.c[name].type) for name in names]
    bound = sa.func.json_to_recordset(sa.bindparam("rows", type_=JSON()))
    return bound.table_valued(*columns).render_derived(name="given", with_types=True)


def insert_all(table: sa.Table, *names: str) -> Insert:
    """Return the statement that inserts the list bound as `rows`, in its order."""
    given = rows_of(table, *names)
    return insert(table).from_select(names, sa.select(given), include_defaults=False)


def keep_copies(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or renew the copies of what others own: an older version never overwrites a newer one.

    The rows have the same columns, `id`, `version` and `origin` among them; a copy stays with the
    origin that it first came from.
    """
    newest: dict[Any, Mapping[str, Any]] = {}
    for row in rows:
        if row["id"] not in newest or newest[row["id"]]["version"] < row["version"]:
            newest[row["id"]] = row
    if newest:
        keep = _keep(table, tuple(rows[0]))
        tx.execute(keep, {"rows": [newest[each] for each in sorted(newest)]})


@cache
def _keep(table: sa.Table, names: tuple[str, ...]) -> Insert:
    made = insert_all(table, *names)
    return made.on_conflict_do_update(
        index_elements=["id"],
        set_={name: made.excluded[name] for name in names if name not in ("id", "origin")},
        where=(made.excluded.version > table.c.version) & (table.c.origin == made.excluded.origin),
    )
