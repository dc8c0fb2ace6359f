"""Applications, and where their cases stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from approval_tracking.domain.application_errors import ApplicationUnknown
from approval_tracking.domain.clock import Story, pauses_of
from approval_tracking.domain.events import ApplicationChanged, ApplicationState
from approval_tracking.domain.themes import THEME, Application, Channel, Extension
from approval_tracking.store.cases import read_clock
from approval_tracking.store.tables import application_news, applications, cases
from chassis.calendar import Pause
from chassis.errors import OutOfScope, Stale
from chassis.events import Envelope, plain, read_instant
from chassis.identity import Scope, scope_clause
from chassis.outbox import Outbox

_KEPT = (
    "theme_name",
    "target_working_days",
    "form",
    "catalogue",
    "applied_by",
    "notice_sent_by",
)
_states = sa.select(cases.c.id, cases.c.state, cases.c.record).where(
    cases.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
)


@dataclass(frozen=True)
class CaseRow:
    """A case as it was written: its public state, and what only this service knows."""

    state: Mapping[str, Any]
    record: Mapping[str, Any]

    @property
    def pauses(self) -> tuple[Pause, ...] | None:
        """Return when its clock stood still; None while it does."""
        happenings, rules = read_clock(dict(self.state), dict(self.record))
        found = pauses_of(Story.of(happenings), rules)
        return None if found is None else tuple(found)


class ApplicationStore:
    """The applications as one transaction sees them."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx

    def get(self, application_id: UUID, scope: Scope, *, lock: bool = False) -> Application:
        """Return an application within the caller's scope."""
        statement = sa.select(applications, scope_clause(applications).label("in_scope"))
        statement = statement.where(applications.c.id == application_id)
        if lock:
            statement = statement.with_for_update()
        row = self._tx.execute(statement, scope.bind()).one_or_none()
        if row is None:
            raise ApplicationUnknown(application_id=application_id)
        if not row.in_scope:
            raise OutOfScope
        return _application(row)

    def of_project(self, project_id: UUID, mode: str, theme: str) -> list[Application]:
        statement = sa.select(applications).where(
            applications.c.project_id == project_id,
            applications.c.mode == mode,
            applications.c.theme == theme,
        )
        return [_application(row) for row in self._tx.execute(statement)]

    def listed(
        self,
        scope: Scope,
        *,
        size: int,
        after: tuple[datetime, UUID] | None,
        project_id: UUID | None,
    ) -> list[Application]:
        """Return up to `size` applications in scope, the newest first."""
        statement = sa.select(applications).where(scope_clause(applications))
        if project_id:
            statement = statement.where(applications.c.project_id == project_id)
        if after:
            statement = statement.where(
                sa.tuple_(applications.c.applied_at, applications.c.id)
                < sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
            )
        order = (applications.c.applied_at.desc(), applications.c.id.desc())
        rows = self._tx.execute(statement.order_by(*order).limit(size), scope.bind())
        return [_application(row) for row in rows]

    def states(self, case_ids: Iterable[UUID]) -> dict[UUID, CaseRow]:
        """Return what is known of each of these cases."""
        rows = self._tx.execute(_states, {"ids": list(case_ids)})
        return {row.id: CaseRow(row.state, row.record) for row in rows}

    def add(self, application: Application) -> None:
        application.version = 1
        self._tx.execute(applications.insert().values(id=application.id, **_row(application)))
        self._note(application)

    def save(self, application: Application) -> None:
        seen, application.version = application.version, application.version + 1
        saved = self._tx.execute(
            applications.update()
            .where(applications.c.id == application.id, applications.c.version == seen)
            .values(**_row(application))
        )
        if saved.rowcount != 1:
            raise Stale(subject=application.id, version=application.version, expected=seen)
        self._note(application)

    # --- what others are told of themes

    def take_news(self, *, most: int) -> list[tuple[Application, Mapping[str, Any] | None]]:
        """Take applications of which something moved, each with what was last told of it."""
        oldest = (
            sa.select(application_news.c.position)
            .order_by(application_news.c.position)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        taken = self._tx.scalars(
            application_news.delete()
            .where(application_news.c.position.in_(oldest))
            .returning(application_news.c.application_id)
        )
        ids = sorted(set(taken))
        chosen = sa.select(applications).where(applications.c.id.in_(ids))
        rows = self._tx.execute(chosen.order_by(applications.c.id).with_for_update())
        return [(_application(row), row.told) for row in rows]

    def tell(self, state: ApplicationState) -> None:
        """Keep what is told, and tell it."""
        told = plain(state)
        mine = applications.c.id == state.application_id
        self._tx.execute(applications.update().where(mine).values(told=told))
        Outbox(self._tx).append(
            Envelope.seal(
                ApplicationChanged(state),
                aggregate_id=state.application_id,
                version=state.version,
                at=state.at,
            )
        )

    def _note(self, application: Application) -> None:
        if application.mode == THEME:
            self._tx.execute(application_news.insert(), {"application_id": application.id})


def _row(application: Application) -> dict[str, Any]:
    record = {
        **{name: getattr(application, name) for name in _KEPT},
        "channel": application.channel,
        "papers": [list(paper) for paper in application.papers],
        "items": application.items,
        "cases": {code: str(case_id) for code, case_id in application.cases.items()},
        "notice": {str(key): list(texts) for key, texts in application.notice.items()},
        "notice_sent_at": application.notice_sent_at,
        "proposed": {code: list(texts) for code, texts in application.proposed.items()},
        "extension": application.extension,
    }
    return {
        "version": application.version,
        "project_id": application.project_id,
        "mode": application.mode,
        "theme": application.theme,
        "region_path": application.region_path,
        "level": application.level,
        "uscc": application.uscc,
        "agents": list(application.agents),
        "applied_at": application.applied_at,
        "record": plain(record),
    }


def _application(row: Any) -> Application:
    record = row.record
    sent_at, longer = record["notice_sent_at"], record["extension"]
    return Application(
        id=row.id,
        version=row.version,
        project_id=row.project_id,
        mode=row.mode,
        theme=row.theme,
        region_path=row.region_path,
        level=row.level,
        uscc=row.uscc,
        agents=tuple(row.agents),
        applied_at=row.applied_at,
        channel=Channel(**record["channel"]),
        papers=_papers(record["papers"]),
        items=tuple(record["items"]),
        cases={code: UUID(case_id) for code, case_id in record["cases"].items()},
        notice={UUID(key): tuple(texts) for key, texts in record["notice"].items()},
        proposed={code: tuple(texts) for code, texts in record["proposed"].items()},
        notice_sent_at=read_instant(sent_at) if sent_at else None,
        extension=Extension(**{**longer, "at": read_instant(longer["at"])}) if longer else None,
        **{name: record[name] for name in _KEPT},
    )


def _papers(told: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, document) for name, document in told)
