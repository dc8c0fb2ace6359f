"""Applying for several items at once: a theme, or the whole process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from approval_tracking.domain.application_errors import (
    ApplicationOpen,
    ItemLocked,
    NotADecidingBody,
    NothingToApplyFor,
    ThemeNotApplicable,
    ThemeUnknown,
)
from approval_tracking.domain.catalogue import Catalogue, read_attribute_texts
from approval_tracking.domain.errors import CaseAlreadyOpen, ItemAlreadyDone, NotTheDecidingBody
from approval_tracking.domain.themes import (
    THEME,
    WHOLE,
    Application,
    Channel,
    Standing,
    Theme,
    ThemeClock,
    check_form,
    check_papers,
    waiting,
)
from approval_tracking.store import CaseStore, Project, ProjectItem, ProjectStore, Reference
from approval_tracking.store.applications import ApplicationStore, CaseRow
from approval_tracking.usecases.admission import applying, hold
from approval_tracking.usecases.cases import ask_supplement, receive, take_in
from approval_tracking.usecases.materials import refuse_known, use
from chassis.errors import FieldInvalid, Stale
from chassis.identity import Principal, Scope


@dataclass(frozen=True)
class Stores:
    """What a use case here reads and writes, in one transaction."""

    applications: ApplicationStore
    cases: CaseStore
    projects: ProjectStore


@dataclass(frozen=True)
class Line:
    """One item of an application as it stands now."""

    code: str
    name: str
    state: str
    case: Mapping[str, Any] | None = None
    waits_for: tuple[str, ...] = ()
    reason: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Overview:
    application: Application
    lines: tuple[Line, ...]
    clock: ThemeClock
    decided: int
    status: str


@dataclass(frozen=True)
class FittingTheme:
    theme: Theme
    items: tuple[str, ...]
    set_aside: tuple[str, ...]


# --- reads --------------------------------------------------------------------------------------------


def fitting_themes(
    projects: ProjectStore, reference: Reference, project_id: UUID
) -> list[FittingTheme]:
    """Return the themes whose rule holds for the project and that have an item for it."""
    project = projects.get(project_id)
    catalogue = reference.catalogue(project.catalogue)
    attributes = catalogue.read_attributes(read_attribute_texts(project.attributes))
    needed = _needed(projects.items(project_id))
    found = []
    for theme in reference.themes(project.catalogue).values():
        items = tuple(code for code in theme.items if code in needed)
        if items and theme.applies(attributes):
            aside = tuple(code for code in theme.items if code not in needed)
            found.append(FittingTheme(theme, items, aside))
    return found


def overview(stores: Stores, application: Application) -> Overview:
    """Return where each item stands, what locks it, and the theme's own clock."""
    catalogue = stores.cases.reference.catalogue(application.catalogue)
    held = stores.projects.items(application.project_id)
    states = stores.applications.states(application.cases.values())
    locked = _locked(application.mode, application.items, catalogue, held)
    theme = stores.cases.reference.themes(application.catalogue).get(application.theme)
    codes = list(application.items)
    if theme:
        codes += [code for code in theme.items if code in _needed(held) and code not in codes]
    lines = tuple(
        _line(code, application, catalogue, held.get(code), states, locked.get(code, ()))
        for code in codes
    )
    standings = _standings(application, catalogue, states, held)
    return Overview(
        application=application,
        lines=lines,
        clock=application.clock(standings, stores.cases.reference.calendar()),
        decided=application.decided(standings),
        status=application.status(standings),
    )


def get_application(stores: Stores, application_id: UUID, principal: Principal) -> Overview:
    return overview(stores, stores.applications.get(application_id, Scope.of(principal)))


def standings_of(stores: Stores, application: Application) -> dict[str, Standing]:
    """Return where each item of an application stands, for its clock."""
    return _standings(
        application,
        stores.cases.reference.catalogue(application.catalogue),
        stores.applications.states(application.cases.values()),
        stores.projects.items(application.project_id),
    )


# --- applying -----------------------------------------------------------------------------------------


def apply_for_theme(
    stores: Stores,
    project_id: UUID,
    code: str,
    *,
    form: Mapping[str, str],
    papers: Sequence[tuple[str, str]],
    channel: Channel,
    new_id: Callable[[], UUID],
    principal: Principal,
    now: datetime,
) -> Application:
    """Make the application and a case for each item that may begin, all or nothing."""
    project = stores.projects.get(project_id, lock=True)
    channel = applying(principal, project, channel)
    reference = stores.cases.reference
    theme = reference.themes(project.catalogue).get(code)
    if theme is None:
        raise ThemeUnknown(theme=code, field="theme")
    catalogue = reference.catalogue(project.catalogue)
    attributes = catalogue.read_attributes(read_attribute_texts(project.attributes))
    held = stores.projects.items(project_id)
    needed = _needed(held)
    if not theme.applies(attributes) or not needed & set(theme.items):
        raise ThemeNotApplicable(
            project_id=project_id, theme=code, rule=theme.applies_rule, field="theme"
        )
    check_form(form, theme.joint_form)
    check_papers(papers)
    for earlier in stores.applications.of_project(project_id, THEME, code):
        states = stores.applications.states(earlier.cases.values())
        if earlier.is_open(_standings(earlier, catalogue, states, held)):
            raise ApplicationOpen(project_id=project_id, application_id=earlier.id, field="theme")
    free = [
        item
        for item in theme.items
        if item in needed
        and held[item].state != "done"
        and not stores.cases.find_open(project_id, item)
    ]
    locked = _locked(THEME, free, catalogue, held)
    ready = [item for item in free if item not in locked]
    if not ready:
        waits = "; ".join(f"{item} ← {', '.join(codes)}" for item, codes in locked.items())
        raise NothingToApplyFor(
            theme=code,
            why_zh=f"前置事项未办结 {waits}" if waits else "均已办结或在办",
            why_en=f"prerequisites are open: {waits}" if waits else "all is done or under way",
            field="theme",
        )
    application = _application(
        project, THEME, theme, form, papers, channel, tuple(free), new_id(), principal, now
    )
    _open_cases(stores, application, project, ready, new_id=new_id, principal=principal, now=now)
    stores.applications.add(application)
    return application


def apply_for_whole(
    stores: Stores,
    project_id: UUID,
    *,
    form: Mapping[str, str],
    papers: Sequence[tuple[str, str]],
    channel: Channel,
    new_id: Callable[[], UUID],
    principal: Principal,
    now: datetime,
) -> Application:
    """Open the application for all that the project needs; its cases follow as they unlock."""
    project = stores.projects.get(project_id, lock=True)
    channel = applying(principal, project, channel)
    catalogue = stores.cases.reference.catalogue(project.catalogue)
    check_form(form, catalogue.attributes)
    check_papers(papers)
    for earlier in stores.applications.of_project(project_id, WHOLE, ""):
        raise ApplicationOpen(project_id=project_id, application_id=earlier.id, field="project_id")
    needed = _needed(stores.projects.items(project_id))
    items = tuple(code for code in catalogue.items if code in needed)
    application = _application(
        project, WHOLE, None, form, papers, channel, items, new_id(), principal, now
    )
    stores.applications.add(application)
    return application


def apply_next(
    stores: Stores,
    application_id: UUID,
    codes: Sequence[str],
    *,
    expected_version: int,
    new_id: Callable[[], UUID],
    principal: Principal,
    now: datetime,
) -> Application:
    """Make cases for further items, from the papers that are there already."""
    application, project = _hold(stores, application_id, expected_version, principal)
    channel = applying(principal, project, Channel())
    catalogue = stores.cases.reference.catalogue(application.catalogue)
    held = stores.projects.items(project.id)
    wanted = list(dict.fromkeys(codes))
    for code in wanted:
        if code not in application.items:
            raise FieldInvalid(
                field="item_codes",
                zh_why=f"本次申报不含事项 {code}",
                en_why=f"{code} is not in this application",
            )
        item = held.get(code)
        if item and item.state == "done":
            raise ItemAlreadyDone(
                project_id=project.id, code=code, done_on=item.done_on, field="item_codes"
            )
        already = stores.cases.find_open(project.id, code)
        if already:
            raise CaseAlreadyOpen(
                project_id=project.id, code=code, case_id=already, field="item_codes"
            )
    locked = _locked(application.mode, application.items, catalogue, held)
    for code in wanted:
        if code in locked:
            raise ItemLocked(code=code, codes=", ".join(locked[code]), field="item_codes")
    _open_cases(
        stores,
        application,
        project,
        wanted,
        channel=channel,
        new_id=new_id,
        principal=principal,
        now=now,
    )
    stores.applications.save(application)
    return application


# --- while it is under way ----------------------------------------------------------------------------


def propose_corrections(
    stores: Stores,
    application_id: UUID,
    code: str,
    entries: Sequence[str],
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Application:
    """Let a department say what its case lacks; the window sends it with the others'."""
    application, _ = _hold(stores, application_id, expected_version, principal)
    application.propose(code, entries)
    case = hold(stores.cases, application.cases[code], 0, principal, now).case
    if principal.org != case.org:
        raise NotTheDecidingBody(org=case.org)
    refuse_known(stores.cases, stores.projects, case, entries, now=now)
    stores.applications.save(application)
    return application


def ask_corrections(
    stores: Stores,
    application_id: UUID,
    corrections: Iterable[tuple[str, Sequence[str]]],
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Application:
    """Send one notice for every department's case, or none at all."""
    application, _ = _hold(stores, application_id, expected_version, principal)
    asked: dict[str, list[str]] = {}
    for code, entries in corrections:
        asked.setdefault(code, []).extend(entries)
    if not asked:
        asked = _gathered(stores, application)
    found = application.give_notice(asked, by=principal.account_id, at=now)
    for case_id, entries in found.items():
        held = hold(stores.cases, case_id, 0, principal, now)
        refuse_known(stores.cases, stores.projects, held.case, entries, now=now)
        ask_supplement(stores.cases, stores.projects, held, entries, principal=principal, now=now)
    stores.applications.save(application)
    return application


def extend_application(
    stores: Stores,
    application_id: UUID,
    days: int,
    reason: str,
    *,
    document: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Application:
    application, _ = _hold(stores, application_id, expected_version, principal)
    states = stores.applications.states(application.cases.values())
    if principal.org not in {row.state["org"] for row in states.values()}:
        raise NotADecidingBody
    catalogue = stores.cases.reference.catalogue(application.catalogue)
    application.extend(
        days,
        reason,
        document=document,
        standings=_standings(
            application, catalogue, states, stores.projects.items(application.project_id)
        ),
        calendar=stores.cases.reference.calendar(),
        by=principal.account_id,
        at=now,
    )
    stores.applications.save(application)
    return application


def _gathered(stores: Stores, application: Application) -> dict[str, list[str]]:
    """Return what the departments proposed for the cases that may still be asked."""
    states = stores.applications.states(application.cases.values())
    gathered = {
        code: list(entries)
        for code, entries in application.proposed.items()
        if states[application.cases[code]].state["status"] == "received"
    }
    if not gathered:
        raise FieldInvalid(
            field="corrections",
            zh_why="各部门没有待告知的补正意见",
            en_why="no department has proposed anything to ask for",
        )
    return gathered


# --- how ------------------------------------------------------------------------------------------------


def _hold(
    stores: Stores, application_id: UUID, expected_version: int, principal: Principal
) -> tuple[Application, Project]:
    """Return the application with its project, which is locked first as every command does."""
    scope = Scope.of(principal)
    project_id = stores.applications.get(application_id, scope).project_id
    project = stores.projects.get(project_id, lock=True)
    application = stores.applications.get(application_id, scope, lock=True)
    if expected_version and application.version != expected_version:
        raise Stale(subject=application_id, version=application.version, expected=expected_version)
    return application, project


def _application(
    project: Project,
    mode: str,
    theme: Theme | None,
    form: Mapping[str, str],
    papers: Sequence[tuple[str, str]],
    channel: Channel,
    items: tuple[str, ...],
    application_id: UUID,
    principal: Principal,
    now: datetime,
) -> Application:
    return Application(
        id=application_id,
        project_id=project.id,
        mode=mode,
        theme=theme.code if theme else "",
        theme_name=theme.name if theme else "",
        target_working_days=theme.target_working_days if theme else 0,
        channel=channel,
        form=dict(form),
        papers=tuple(papers),
        items=items,
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        catalogue=project.catalogue,
        applied_by=principal.account_id,
        applied_at=now,
    )


def _open_cases(
    stores: Stores,
    application: Application,
    project: Project,
    codes: Sequence[str],
    *,
    channel: Channel | None = None,
    new_id: Callable[[], UUID],
    principal: Principal,
    now: datetime,
) -> None:
    catalogue = stores.cases.reference.catalogue(project.catalogue)
    for code in codes:
        case = receive(
            stores.cases,
            project,
            catalogue.item(code),
            mode=application.mode,
            case_id=new_id(),
            at=now,
        )
        case.papers = use(stores.cases.materials, project, catalogue.item(code), (), now=now)
        take_in(
            stores.cases,
            stores.projects,
            case,
            channel or application.channel,
            application_id=str(application.id),
            principal=principal,
            now=now,
        )
        application.cases[code] = case.id


def _needed(held: Mapping[str, ProjectItem]) -> set[str]:
    return {code for code, item in held.items() if item.applicable}


def _locked(
    mode: str, codes: Iterable[str], catalogue: Catalogue, held: Mapping[str, ProjectItem]
) -> dict[str, tuple[str, ...]]:
    done = [code for code, item in held.items() if item.state == "done"]
    return waiting(
        {code: catalogue.item(code).prerequisites for code in codes},
        done=done,
        needed=_needed(held),
        within=mode == THEME,
    )


def _standings(
    application: Application,
    catalogue: Catalogue,
    states: Mapping[UUID, CaseRow],
    held: Mapping[str, ProjectItem],
) -> dict[str, Standing]:
    found = {
        code: Standing("done", None, counts=False)
        for code in application.items
        if code in held and held[code].state == "done"
    }
    for code, case_id in application.cases.items():
        state = states[case_id].state
        started = state["clock"].get("started_on")
        found[code] = Standing(
            status=state["status"],
            started_on=date.fromisoformat(started) if started else None,
            counts=catalogue.item(code).limit_kind != "minimum",
            pauses=states[case_id].pauses if started else (),
        )
    return found


def _line(
    code: str,
    application: Application,
    catalogue: Catalogue,
    held: ProjectItem | None,
    states: Mapping[UUID, CaseRow],
    waits_for: tuple[str, ...],
) -> Line:
    name = catalogue.item(code).name
    if code in application.cases:
        state = states[application.cases[code]].state
        return Line(code, name, state["status"], state)
    if held and held.state == "done":
        return Line(
            code, name, "done", reason=(f"已于 {held.done_on} 办结", f"done on {held.done_on}")
        )
    if held and held.state == "in_progress":
        return Line(
            code,
            name,
            "elsewhere",
            reason=("另有在办件", "a case of another application is under way"),
        )
    if waits_for:
        listed = ", ".join(waits_for)
        reason = (f"前置事项尚未办结: {listed}", f"it waits for its prerequisites: {listed}")
        return Line(code, name, "locked", waits_for=waits_for, reason=reason)
    return Line(code, name, "ready")
