"""The annual list: from the file to the library, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from chassis.calendar import local_day
from project_registry.domain.columns import propose, settle_mapping
from project_registry.domain.details import CITY_LEVELS, DISTRICT_LEVEL
from project_registry.domain.errors import (
    ListCommitted,
    ListHasErrors,
    ListNotPreviewed,
    PreviewStale,
)
from project_registry.domain.events import AnnualListPublished
from project_registry.domain.lists import (
    CHANGED,
    MISSING,
    NEW,
    UNCHANGED,
    Assessment,
    Difference,
    Registered,
    assess,
    year_of,
)
from project_registry.domain.projects import Actor, Project
from project_registry.domain.rows import Reader, Sheet
from project_registry.store import Registry, StoredList
from project_registry.store.lists import COMMITTED, PREVIEWED, UPLOADED
from project_registry.usecases.projects import Caller

NewId = Callable[[], UUID]


def upload_list(
    registry: Registry,
    list_id: UUID,
    sheet: Sheet,
    caller: Caller,
    *,
    file_name: str,
    now: datetime,
) -> StoredList:
    mapping = {heading: column for heading, (column, _) in propose(sheet.headings).items()}
    stored = StoredList(
        id=list_id,
        file_name=file_name,
        sheet=sheet,
        mapping=mapping,
        region_path=caller.desk.region_path,
        level=CITY_LEVELS[1] if caller.desk.is_city else DISTRICT_LEVEL,
        uploaded_by=caller.actor.account,
        uploaded_by_name=caller.actor.name,
        uploaded_at=now,
    )
    registry.lists.add(stored)
    return stored


def preview_list(
    registry: Registry, list_id: UUID, wishes: Mapping[str, str], caller: Caller, *, now: datetime
) -> tuple[StoredList, Assessment]:
    """Say what a commit would do. The mapping, settled here, is the commit's."""
    stored = _own(registry, list_id, caller)
    stored.mapping = settle_mapping(stored.sheet.headings, stored.mapping, wishes)
    found = _assess(registry, stored, caller)
    _note(stored, found)
    stored.status, stored.token = PREVIEWED, found.token
    registry.lists.save(stored, at=now)
    return stored, found


def commit_list(
    registry: Registry,
    list_id: UUID,
    token: str,
    caller: Caller,
    *,
    new_id: NewId,
    now: datetime,
) -> StoredList:
    """Register and change what the preview showed, or nothing.

    The list is assessed again under the lock of names: what differs from the preview is stale.
    """
    stored = _own(registry, list_id, caller)
    if stored.status == UPLOADED:
        raise ListNotPreviewed(list_id=list_id)
    if stored.errors:
        raise ListHasErrors(count=stored.errors)
    registry.projects.lock_names()
    found = _assess(registry, stored, caller, lock=True)
    if token != stored.token or token != found.token or found.errors:
        raise PreviewStale(list_id=list_id, field="preview_token")
    actor = Actor(caller.actor.account, caller.actor.name, "annual_list", stored.file_name)
    listed = _apply(registry, found, actor, new_id=new_id, now=now)
    last = registry.lists.last_members(found.year, found.levels, stored.region_path)
    same = sorted(id for ids in last.values() for id in ids) == sorted(each.id for each in listed)
    _note(stored, found)
    stored.status, stored.committed_at = COMMITTED, now
    registry.lists.put_projects(stored.id, [(each.id, each.details.level) for each in listed])
    if stored.added or stored.changed or not same:
        stored.events.append(
            AnnualListPublished(
                stored.id,
                stored.year,
                stored.added,
                stored.changed,
                stored.unchanged,
                tuple(each.id for each in listed),
            )
        )
    registry.lists.save(stored, at=now)
    return stored


def _own(registry: Registry, list_id: UUID, caller: Caller) -> StoredList:
    stored = registry.lists.get(list_id)
    caller.scope.check(region_path=stored.region_path, level=stored.level)
    if stored.status == COMMITTED:
        raise ListCommitted(list_id=list_id)
    return stored


def _assess(
    registry: Registry, stored: StoredList, caller: Caller, *, lock: bool = False
) -> Assessment:
    reader = Reader(stored.sheet, stored.mapping, registry.reference.roster())
    reader.missing_columns()
    said = reader.read()
    year = year_of(said)
    last = registry.lists.last_members(year, (*CITY_LEVELS, DISTRICT_LEVEL), stored.region_path)
    known = registry.projects.by_ids(id for ids in last.values() for id in ids)
    registered = Registered(
        by_code=registry.projects.by_codes((each.code for each in said), lock=lock),
        by_name=registry.projects.by_names([year], {each.named[2] for each in said}, lock=lock),
        last={level: [known[id] for id in ids] for level, ids in last.items()},
    )
    return assess(reader, said, registered, caller.desk)


def _note(stored: StoredList, found: Assessment) -> None:
    stored.year, stored.errors = found.year, len(found.errors)
    stored.added, stored.changed = found.count(NEW), found.count(CHANGED)
    stored.unchanged, stored.missing = found.count(UNCHANGED), found.count(MISSING)


def _apply(
    registry: Registry, found: Assessment, actor: Actor, *, new_id: NewId, now: datetime
) -> list[Project]:
    """Return the projects of the list in its order."""
    scheme = registry.reference.scheme()
    listed, added = [], []
    for each in found.differences:
        if each.kind == NEW:
            project = _new(each, new_id(), scheme)
            project.register(actor)
            added.append(project)
        elif each.kind != MISSING and each.project is not None and each.details is not None:
            project = each.project
            if each.kind == CHANGED:
                agents = each.agents
                project.amend(
                    each.details,
                    actor,
                    today=local_day(now),
                    agents=None if agents is None else tuple(one.account_id for one in agents),
                    agent_names=() if agents is None else tuple(one.name for one in agents),
                )
                registry.projects.save(project, at=now)
        else:
            continue
        listed.append(project)
    registry.projects.add(*added, at=now)
    return listed


def _new(difference: Difference, project_id: UUID, scheme: str) -> Project:
    assert difference.details is not None
    agents = difference.agents or ()
    return Project(
        project_id,
        difference.details,
        scheme,
        agents=tuple(one.account_id for one in agents),
        agent_names=tuple(one.name for one in agents),
    )
