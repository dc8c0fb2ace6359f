"""Tell others of a theme's clock, and how far it is, when something of it moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from approval_tracking.domain.events import ApplicationState
from approval_tracking.domain.themes import Application
from approval_tracking.usecases.applications import Stores, standings_of
from chassis.calendar import local_day
from chassis.events import plain


def tell_themes(stores: Stores, *, most: int, now: datetime) -> int:
    """Tell of up to `most` notes that something moved, once each application; return how many were taken."""
    news = stores.applications.take_news(most=most)
    for application, told in news:
        version = int(told["version"]) if told else 0
        state = _state(stores, application, version=version, now=now)
        if state.ended_on and told and told["ended_on"]:
            state = replace(state, ended_on=date.fromisoformat(told["ended_on"]))
        fresh = plain(replace(state, at=now))
        if told is None or {**fresh, "at": told["at"]} != told:
            stores.applications.tell(replace(state, version=version + 1))
    return len(news)


def _state(
    stores: Stores, application: Application, *, version: int, now: datetime
) -> ApplicationState:
    reference, today = stores.cases.reference, local_day(now)
    theme = reference.themes(application.catalogue)[application.theme]
    standings = standings_of(stores, application)
    clock = application.clock(standings, reference.calendar())
    path = application.region_path.split("/")
    lead = f"{path[min(1, len(path) - 1)]}:{theme.lead_department}"
    return ApplicationState(
        application_id=application.id,
        version=version,
        mode=application.mode,
        theme=application.theme,
        theme_name=application.theme_name,
        project_id=application.project_id,
        lead_org=lead,
        lead_org_name=reference.deciders(today).name(lead),
        region_path=application.region_path,
        level=application.level,
        uscc=application.uscc,
        agents=application.agents,
        status=application.status(standings),
        started_on=clock.started_on,
        statutory_due=clock.statutory_due,
        target_due=clock.target_due,
        extended=application.extension is not None,
        ended_on=None if application.is_open(standings) else today,
        at=now,
        items=application.items,
    )
