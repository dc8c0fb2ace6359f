"""How long items took before, by the body that decided them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from approval_tracking.domain.case import Case
from approval_tracking.store.tables import durations
from chassis.calendar import local_day

# The newest of each item are enough: a forecast is about how the bodies work now.
_NEWEST = 300
_put = insert(durations)
_put = _put.on_conflict_do_update(
    index_elements=["case_id"],
    set_={name: _put.excluded[name] for name in ("org", "started_on", "decided_on")},
)
_drop = durations.delete().where(durations.c.case_id == sa.bindparam("id"))
_recent = sa.text(
    """
    select recent.* from unnest(:codes) as wanted (code), lateral (
        (select item_code, org, started_on, decided_on from durations
         where item_code = wanted.code and decided_on between :since and :until
         order by decided_on desc limit :newest)
        union all
        (select item_code, '', accepted_on, decided_on from past_decisions
         where item_code = wanted.code and decided_on between :since and :until
           and accepted_on is not null
         order by decided_on desc limit :newest)
    ) as recent
    """
).bindparams(sa.bindparam("codes", type_=ARRAY(sa.Text)), newest=_NEWEST)


@dataclass(frozen=True)
class Duration:
    """One decision: who took from when till when. What was decided before Kaigong has no body."""

    code: str
    org: str
    started_on: date
    decided_on: date


class Durations:
    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def follow(self, case: Case) -> None:
        """Keep how long the case took; a decision that was annulled no longer counts."""
        ended = case.story.ended
        if ended is None or ended.kind != "decided":
            self._tx.execute(_drop, {"id": case.id})
            return
        row = {
            "case_id": case.id,
            "item_code": case.item_code,
            "org": case.org,
            "started_on": local_day(case.received_at),
            "decided_on": ended.on,
        }
        self._tx.execute(_put, row)

    def recent(self, codes: Sequence[str], *, since: date, until: date) -> list[Duration]:
        """Return the newest decisions of each item within (and at) these days."""
        given = {"codes": list(codes), "since": since, "until": until}
        return [
            Duration(row.item_code, row.org, row.started_on, row.decided_on)
            for row in self._tx.execute(_recent, given)
        ]
