"""A project's guide, as its own catalogue and its region's promises make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from approval_tracking.domain.catalogue import Limit, read_attribute_texts
from approval_tracking.domain.guidance import Comparison, Guidance, compare, guide, read_changes
from approval_tracking.store import Project, ProjectStore, Reference


@dataclass(frozen=True)
class Desk:
    """Who decides an item for a project, where its papers go, and within which limits."""

    org: str
    org_name: str
    window: str
    statutory: Limit
    committed: Limit


@dataclass(frozen=True)
class ProjectGuide:
    project: Project
    guidance: Guidance
    desks: Mapping[str, Desk]


def guide_project(
    projects: ProjectStore, reference: Reference, project_id: UUID, *, today: date
) -> ProjectGuide:
    """Return the project's guide, with the promises in force today where each item is decided."""
    project = projects.get(project_id)
    catalogue = reference.catalogue(project.catalogue)
    guidance = guide(catalogue, read_attribute_texts(project.attributes))
    city = project.region_path.split("/")[0]
    promises = reference.promises({city, project.region}, today=today)
    deciders = reference.deciders(today)
    desks = {}
    for item in guidance.applicable:
        org = deciders.org(item, project.region_path)
        body = deciders.body(item, org)
        promised = promises.get((org.split(":")[0], item.code)) or promises.get((city, item.code))
        desks[item.code] = Desk(
            org=org,
            org_name=body.name,
            window=body.window,
            statutory=item.statutory_for(guidance.attributes),
            committed=promised or item.committed,
        )
    return ProjectGuide(project, guidance, desks)


def compare_guides(
    projects: ProjectStore, reference: Reference, project_id: UUID, changes: str
) -> Comparison:
    project = projects.get(project_id)
    catalogue = reference.catalogue(project.catalogue)
    return compare(
        catalogue,
        read_attribute_texts(project.attributes),
        read_changes(catalogue, changes, field="changes"),
    )
