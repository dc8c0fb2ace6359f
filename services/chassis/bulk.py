"""Many rows as one parameter: the server takes a JSON list apart, and one statement does the work.

Rows bound one by one cost more in the driver than in the server: 500 cards of thirty columns are
15,000 parameters.
"""

from __future__ import annotations

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
