"""A catalogue's way into force. What has a fault is refused when it comes and when it would go out."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from approval_tracking.catalogue_files import CatalogueFile
from approval_tracking.domain.catalogue_checks import check
from approval_tracking.domain.catalogue_versions import Draft
from approval_tracking.domain.errors import CatalogueUnchanged
from approval_tracking.store.catalogues import CatalogueStore
from approval_tracking.usecases.data import refuse_faults
from chassis.errors import Stale


def draft_catalogue(
    catalogues: CatalogueStore,
    draft_id: UUID,
    file: CatalogueFile,
    *,
    note: str,
    by: str,
    today: date,
    now: datetime,
) -> Draft:
    """Keep a file as a draft that differs from the version in force."""
    refuse_faults([file.placed(fault) for fault in check(file.content, file.themes)])
    based_on = catalogues.in_force(today)
    if based_on and catalogues.content(based_on) == (file.content, file.themes):
        raise CatalogueUnchanged(version=based_on)
    draft = Draft(
        id=draft_id,
        based_on=based_on,
        content=file.content,
        themes=file.themes,
        note=note,
        drafted_by=by,
        drafted_at=now,
    )
    catalogues.add(draft)
    return draft


def review_catalogue(
    catalogues: CatalogueStore,
    draft_id: UUID,
    *,
    approved: bool,
    reason: str,
    expected_version: int,
    by: str,
    now: datetime,
) -> Draft:
    draft = _hold(catalogues, draft_id, expected_version)
    seen = draft.version
    draft.review(approved=approved, reason=reason, by=by, at=now)
    catalogues.save(draft, seen=seen)
    return draft


def publish_catalogue(
    catalogues: CatalogueStore,
    draft_id: UUID,
    *,
    effective_from: date | None,
    expected_version: int,
    by: str,
    today: date,
    now: datetime,
) -> Draft:
    """Publish a reviewed draft as the next version, in force from a day on.

    It is checked anew, since what is checked may have become stricter. A draft made from another
    version than the one in force is stale: it would silently take back what came between.
    """
    draft = _hold(catalogues, draft_id, expected_version)
    seen = draft.version
    draft.publish(effective_from=effective_from or today, today=today, by=by, at=now)
    refuse_faults(check(draft.content, draft.themes))
    present = catalogues.in_force(today)
    if draft.based_on != present:
        raise Stale(subject="catalogue", version=present, expected=draft.based_on)
    draft.published_as = catalogues.publish(draft, at=now)
    catalogues.save(draft, seen=seen)
    return draft


def _hold(catalogues: CatalogueStore, draft_id: UUID, expected_version: int) -> Draft:
    draft = catalogues.get(draft_id, lock=True)
    if expected_version and draft.version != expected_version:
        raise Stale(subject=draft_id, version=draft.version, expected=expected_version)
    return draft
