"""Bodies, the navigators' roster, and what an administrator chose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from project_registry.domain.reference import items
from project_registry.domain.roster import Organisation
from project_registry.domain.rows import Agent
from project_registry.store.tables import agents, choices, organisations

_SCHEME = "stage_scheme"


class ReferenceStore:
    """Reference data as one transaction sees it."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def scheme(self) -> str:
        chosen = sa.select(choices.c.value).where(choices.c.name == _SCHEME)
        return self._tx.scalar(chosen) or items().default_scheme

    def choose_scheme(self, scheme: str) -> None:
        made = insert(choices).values(name=_SCHEME, value=scheme)
        self._tx.execute(
            made.on_conflict_do_update(index_elements=["name"], set_={"value": scheme})
        )

    def put_organisations(self, each: Iterable[Organisation]) -> int:
        """Add bodies and names that are not there yet, and close names that have ended."""
        rows = [asdict(one) for one in each]
        made = insert(organisations)
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=["org", "valid_from"],
                set_={"name": made.excluded.name, "valid_to": made.excluded.valid_to},
            ),
            rows,
        )
        return len(rows)

    def roster(self) -> list[Agent]:
        rows = self._tx.execute(
            sa.select(agents.c.account_id, agents.c.name, agents.c.username, agents.c.region_path)
            .where(agents.c.active)
            .order_by(agents.c.account_id)
        )
        return [Agent(*row) for row in rows]

    def names_of(self, account_ids: Iterable[str]) -> dict[str, str]:
        wanted = sorted(set(account_ids))
        rows = self._tx.execute(
            sa.select(agents.c.account_id, agents.c.name).where(agents.c.account_id.in_(wanted))
        )
        return {row.account_id: row.name for row in rows}

    def put_agent(self, *, version: int, **values: Any) -> None:
        """Take an agent's account as it is; an older version never overwrites a newer one."""
        made = insert(agents).values(version=version, **values)
        self._tx.execute(
            made.on_conflict_do_update(
                index_elements=["account_id"],
                set_={name: made.excluded[name] for name in ("version", *values)},
                where=made.excluded.version > agents.c.version,
            )
        )
