"""The tables, by what they are about."""

from approval_tracking.store.tables.base import metadata
from approval_tracking.store.tables.cases import (
    ASKED_PRE_REVIEW,
    OPEN_CASE,
    RUNNING_CASE,
    WORK_ORDER,
    applications,
    cases,
    joint_reviews,
    pre_reviews,
    receipts,
)
from approval_tracking.store.tables.data import (
    bodies,
    calendars,
    catalogue_drafts,
    catalogues,
    commitments,
    deciders,
)
from approval_tracking.store.tables.papers import (
    case_archives,
    document_numbers,
    documents,
    guide_notices,
    intermediaries,
    materials,
    seal_keys,
)
from approval_tracking.store.tables.planning import (
    IN_FORCE_AGREEMENT,
    plan_edits,
    plan_reminders,
    plan_templates,
    service_agreements,
    service_offers,
)
from approval_tracking.store.tables.projects import (
    demo_waiting,
    durations,
    past_decisions,
    plans,
    project_items,
    projects,
)
from approval_tracking.store.tables.talk import (
    case_issues,
    case_messages,
    case_reads,
)

__all__ = [
    "ASKED_PRE_REVIEW",
    "IN_FORCE_AGREEMENT",
    "OPEN_CASE",
    "RUNNING_CASE",
    "WORK_ORDER",
    "applications",
    "bodies",
    "calendars",
    "case_archives",
    "case_issues",
    "case_messages",
    "case_reads",
    "cases",
    "catalogue_drafts",
    "catalogues",
    "commitments",
    "deciders",
    "demo_waiting",
    "document_numbers",
    "documents",
    "durations",
    "guide_notices",
    "intermediaries",
    "joint_reviews",
    "materials",
    "metadata",
    "past_decisions",
    "plan_edits",
    "plan_reminders",
    "plan_templates",
    "plans",
    "pre_reviews",
    "project_items",
    "projects",
    "receipts",
    "seal_keys",
    "service_agreements",
    "service_offers",
]
