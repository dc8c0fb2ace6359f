"""The tables of approval_tracking."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.db import new_metadata

metadata = new_metadata()

_instant = sa.DateTime(timezone=True)
_texts = ARRAY(sa.Text)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


# --- data that has versions: a new row only when the content differs, none is ever changed -------

catalogues = sa.Table(
    "catalogues",
    metadata,
    sa.Column("version", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("themes", JSONB, nullable=False),
    sa.Column("loaded_at", _instant, nullable=False),
    # A version is in force from this day until one with a later day, or a higher number, is.
    sa.Column("effective_from", sa.Date, nullable=False, server_default="2000-01-01"),
)

catalogue_drafts = sa.Table(
    "catalogue_drafts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("state"),
    sa.Column("based_on", sa.Integer, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("themes", JSONB, nullable=False),
    _text("note"),
    _text("drafted_by"),
    sa.Column("drafted_at", _instant, nullable=False),
    _text("reviewed_by"),
    sa.Column("reviewed_at", _instant),
    _text("reason"),
    _text("published_by"),
    sa.Column("published_at", _instant),
    sa.Column("effective_from", sa.Date),
    sa.Column("published_as", sa.Integer, nullable=False),
)

calendars = sa.Table(
    "calendars",
    metadata,
    sa.Column("version", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    # published is the data of calendar_published.v1.
    sa.Column("published", JSONB, nullable=False),
    sa.Column("loaded_at", _instant, nullable=False),
)

commitments = sa.Table(
    "commitments",
    metadata,
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    sa.Column("days", sa.Numeric(4, 1), nullable=False),
    _text("unit"),
    _text("set_by"),
    sa.Column("set_at", _instant, nullable=False),
)

# A body is called and reached so from this day on.
bodies = sa.Table(
    "bodies",
    metadata,
    sa.Column("org", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    _text("name"),
    _text("window"),
    _text("section"),
    _text("head"),
    _text("phone"),
    _text("set_by"),
    sa.Column("set_at", _instant, nullable=False),
)

# Where an item does not lie with its own department; an empty org gives it back.
deciders = sa.Table(
    "deciders",
    metadata,
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    _text("org"),
    _text("set_by"),
    sa.Column("set_at", _instant, nullable=False),
)

# --- projects, as the registry says they are ------------------------------------------------------

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("name"),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    # state is the registry's ProjectState.
    sa.Column("state", JSONB, nullable=False),
    # progress numbers this service's own facts about the project.
    sa.Column("progress", sa.Integer, nullable=False, server_default="0"),
    sa.Column("catalogue", sa.Integer, nullable=False, server_default="0"),
    # plan_laid_on empty asks the worker to lay the plan anew.
    sa.Column("plan_laid_on", sa.Date),
    sa.Index(None, "plan_laid_on"),
    sa.Index(None, "name"),
)

project_items = sa.Table(
    "project_items",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("applicable", sa.Boolean, nullable=False),
    # state is not_started, in_progress or done.
    _text("state"),
    sa.Column("started_on", sa.Date),
    sa.Column("done_on", sa.Date),
    sa.Column("historical", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("case_id", sa.Uuid),
)

past_decisions = sa.Table(
    "past_decisions",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("item_code", sa.Text, primary_key=True),
    sa.Column("accepted_on", sa.Date),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Index(None, "item_code", "decided_on"),
)

# How long each decided case took, written when it is decided: a forecast reads nothing else.
durations = sa.Table(
    "durations",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    _text("item_code"),
    _text("org"),
    sa.Column("started_on", sa.Date, nullable=False),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Index(None, "item_code", "decided_on"),
)

# baseline 0 is the draft, which is replaced, -1 what has been put up for signature; V1 and later
# stay as they were frozen.
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("baseline", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column("catalogue", sa.Integer, nullable=False),
    sa.Column("laid_on", sa.Date, nullable=False),
    _text("reason"),
    # signatures are who agreed to it: party, org, account, name, at, note.
    sa.Column("signatures", JSONB, nullable=False, server_default="[]"),
)

# What a demonstration project has under way, until the project itself arrives.
demo_waiting = sa.Table(
    "demo_waiting",
    metadata,
    sa.Column("project_name", sa.Text, primary_key=True),
    sa.Column("content", JSONB, nullable=False),
)

# --- cases -------------------------------------------------------------------------------------------

receipts = sa.Sequence("receipt_numbers", metadata=metadata)

OPEN_CASE = sa.text("status in ('received', 'supplementing', 'in_review', 'suspended')")

# A clock still runs for these, if only the one for handing over.
RUNNING_CASE = sa.text(
    "status in ('received', 'supplementing', 'in_review', 'suspended', 'decided')"
)

# A body's work: what goes first, then by the day, then what waits for somebody else.
WORK_ORDER = (
    sa.text("org"),
    sa.text("(not green)"),
    sa.text("(coalesce(act_by, 'infinity'::date))"),
    sa.text("id"),
)

# A wide row: one read answers for a case, one write changes it.
cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("item_code"),
    _text("status"),
    _text("org"),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("received_at", _instant, nullable=False),
    # due_on is the tighter due date while the case is undecided.
    sa.Column("due_on", sa.Date),
    # deemed_at is when silence becomes acceptance.
    sa.Column("deemed_at", _instant),
    # calendar_version is the calendar by which its clock was last reckoned.
    sa.Column("calendar_version", sa.Text, nullable=False, server_default=""),
    # green puts it first in every queue.
    sa.Column("green", sa.Boolean, nullable=False, server_default=sa.false()),
    # act_by is the last day for what its body does next; none while it is not its turn.
    sa.Column("act_by", sa.Date),
    # state is the public CaseState; record is what only this service needs to know.
    sa.Column("state", JSONB, nullable=False),
    sa.Column("record", JSONB, nullable=False),
    sa.Index("uq_cases_open", "project_id", "item_code", unique=True, postgresql_where=OPEN_CASE),
    sa.Index("ix_cases_deemed_at", "deemed_at", postgresql_where=sa.text("deemed_at is not null")),
    sa.Index("ix_cases_revoked", "uscc", postgresql_where=sa.text("status = 'revoked'")),
    sa.Index("ix_cases_calendar_version", "calendar_version", postgresql_where=RUNNING_CASE),
    sa.Index(None, "received_at", "id"),
    sa.Index(None, "org", "received_at"),
    sa.Index(None, "due_on"),
    sa.Index(None, "project_id", "received_at", "id"),
    sa.Index("ix_cases_work", *WORK_ORDER, postgresql_where=RUNNING_CASE),
    sa.Index(
        "ix_cases_counts",
        *("region_path", "org", "item_code", "status", "act_by"),
        postgresql_where=RUNNING_CASE,
    ),
)

# --- joint reviews -----------------------------------------------------------------------------------

joint_reviews = sa.Table(
    "joint_reviews",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    # bodies are those invited: their people see it wherever they are.
    sa.Column("bodies", _texts, nullable=False),
    sa.Column("case_ids", ARRAY(sa.Uuid), nullable=False),
    _text("status"),
    sa.Column("convened_at", _instant, nullable=False),
    # chase_on is the earliest last day of a body that is to be reminded when it passes.
    sa.Column("chase_on", sa.Date),
    sa.Column("state", JSONB, nullable=False),
    sa.Index(
        "ix_joint_reviews_chase_on", "chase_on", postgresql_where=sa.text("chase_on is not null")
    ),
    sa.Index(None, "project_id", "convened_at"),
    sa.Index(None, "convened_at", "id"),
    sa.Index(None, "case_ids", postgresql_using="gin"),
)

# --- applications ------------------------------------------------------------------------------------

# A theme or the whole process, applied for at once; record is all but what is looked for.
applications = sa.Table(
    "applications",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("mode"),
    _text("theme"),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("applied_at", _instant, nullable=False),
    sa.Column("record", JSONB, nullable=False),
    sa.Index("ix_applications_project_id", "project_id", "mode", "theme"),
    sa.Index("ix_applications_applied_at", "applied_at", "id"),
)

# --- pre-reviews -------------------------------------------------------------------------------------

ASKED_PRE_REVIEW = sa.text("status = 'asked'")

pre_reviews = sa.Table(
    "pre_reviews",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("item_code"),
    _text("status"),
    _text("org"),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("asked_at", _instant, nullable=False),
    # state is what is told of it; its other columns are what it is looked for by.
    sa.Column("state", JSONB, nullable=False),
    sa.Index(
        "uq_pre_reviews_asked",
        "project_id",
        "item_code",
        unique=True,
        postgresql_where=ASKED_PRE_REVIEW,
    ),
    sa.Index("ix_pre_reviews_project_id", "project_id", "asked_at"),
    sa.Index("ix_pre_reviews_org", "org", "asked_at"),
    sa.Index("ix_pre_reviews_asked_at", "asked_at", "id"),
)


# --- documents ---------------------------------------------------------------------------------------

# The last number given per body, kind and year; the row is locked until the document is there.
document_numbers = sa.Table(
    "document_numbers",
    metadata,
    sa.Column("org", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
)

# A document is issued once and never changes; what it is worth follows from its case.
documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("kind"),
    _text("name"),
    # happening numbers what it tells of in the case's clock.
    sa.Column("happening", sa.Integer, nullable=False),
    _text("org"),
    _text("org_name"),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("serial", sa.Integer, nullable=False),
    _text("number"),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("issued_at", _instant, nullable=False),
    # content is what the file was made from; the file is kept, since a later release may lay it
    # out in another way.
    sa.Column("content", JSONB, nullable=False),
    _text("digest"),
    sa.Column("file", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("case_id", "kind", "happening"),
    sa.UniqueConstraint("org", "kind", "year", "serial"),
)

# A one-off notice as it was given, with its receipt by the company and the link that shares it.
guide_notices = sa.Table(
    "guide_notices",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("given_at", _instant, nullable=False),
    # content is what was told; state is who was told, who signed and until when it is shared.
    sa.Column("content", JSONB, nullable=False),
    sa.Column("state", JSONB, nullable=False),
    _text("digest"),
    sa.Column("file", sa.LargeBinary, nullable=False),
    sa.Column("share_code", sa.Text, unique=True),
    sa.UniqueConstraint("project_id", "number"),
)

# --- material library --------------------------------------------------------------------------------

# One version of a paper; the bytes of a licence are those of its document.
materials = sa.Table(
    "materials",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _text("holder"),
    _text("key"),
    _text("title"),
    sa.Column("version", sa.Integer, nullable=False),
    _text("source"),
    _text("state"),
    _text("uscc"),
    sa.Column("project_id", sa.Uuid, nullable=False),
    sa.Column("company_wide", sa.Boolean, nullable=False),
    _text("file_name"),
    _text("media_type"),
    sa.Column("size", sa.Integer, nullable=False),
    _text("sha256"),
    _text("object_key"),
    sa.Column("valid_until", sa.Date),
    _text("put_in_by"),
    sa.Column("put_in_at", _instant, nullable=False),
    _text("number"),
    _text("issuer"),
    sa.Column("case_id", sa.Uuid),
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("documents.id")),
    _text("ended_by"),
    _text("ended_why"),
    sa.Column("signatures", JSONB, nullable=False),
    sa.Index(
        "uq_materials_version",
        "holder",
        "key",
        sa.text("(source = 'licence')"),
        "version",
        unique=True,
    ),
    sa.Index("ix_materials_case_id", "case_id"),
)

seal_keys = sa.Table(
    "seal_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("public_key"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _instant, nullable=False),
)

# The archive of a finished case, one per state that it was in.
case_archives = sa.Table(
    "case_archives",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    _text("digest"),
    _text("object_key"),
    _text("made_by"),
    sa.Column("made_at", _instant, nullable=False),
)

# --- agencies ----------------------------------------------------------------------------------------

# removed_why is empty for those that are shown.
intermediaries = sa.Table(
    "intermediaries",
    metadata,
    sa.Column("uscc", sa.Text, primary_key=True),
    _text("name"),
    sa.Column("services", _texts, nullable=False),
    _text("address"),
    _text("phone"),
    _text("set_by"),
    sa.Column("set_at", _instant, nullable=False),
    _text("removed_why"),
)

# --- plans of one's own -----------------------------------------------------------------------------

# Every edit of a project's plan, in order; together they are its shape.
plan_edits = sa.Table(
    "plan_edits",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("edit", JSONB, nullable=False),
    _text("reason"),
    _text("made_by"),
    sa.Column("made_at", _instant, nullable=False),
)

plan_templates = sa.Table(
    "plan_templates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _text("region"),
    _text("name"),
    sa.Column("nodes", JSONB, nullable=False),
    _text("made_by"),
    sa.Column("made_at", _instant, nullable=False),
    sa.UniqueConstraint("region", "name"),
)

# What was last told of a plan's nodes; `day` is the day it was told for.
plan_reminders = sa.Table(
    "plan_reminders",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, nullable=False),
)

# --- services ----------------------------------------------------------------------------------------

# What a region offers from a day on; `off` takes it off the menu.
service_offers = sa.Table(
    "service_offers",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    _text("name"),
    _text("name_en"),
    _text("content"),
    sa.Column("promised_days", sa.Integer, nullable=False),
    sa.Column("off", sa.Boolean, nullable=False),
    _text("set_by"),
    sa.Column("set_at", _instant, nullable=False),
)

IN_FORCE_AGREEMENT = sa.text("status = 'in_force'")

service_agreements = sa.Table(
    "service_agreements",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("status"),
    _text("number"),
    sa.Column("proposed_at", _instant, nullable=False),
    sa.Column("state", JSONB, nullable=False),
    sa.Column("file", sa.LargeBinary),
    sa.Index("ix_service_agreements_project_id", "project_id", "proposed_at"),
    sa.Index(
        "uq_service_agreements_in_force",
        "project_id",
        unique=True,
        postgresql_where=IN_FORCE_AGREEMENT,
    ),
)

# --- conversations -----------------------------------------------------------------------------------

# A message of a case; `mentions` are user names and sides.
case_messages = sa.Table(
    "case_messages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    _text("side"),
    _text("author"),
    _text("username"),
    _text("author_name"),
    _text("org"),
    _text("text"),
    sa.Column("at", _instant, nullable=False),
    sa.Column("internal", sa.Boolean, nullable=False),
    sa.Column("mentions", _texts, nullable=False),
    sa.Column("files", JSONB, nullable=False),
    sa.Column("earlier", _texts, nullable=False),
    sa.Column("edited_at", _instant),
    sa.Column("withdrawn_at", _instant),
    _text("withdrawn_why"),
    sa.Column("issue_id", sa.Uuid),
    sa.UniqueConstraint("case_id", "number"),
    sa.Index("ix_case_messages_mentions", "mentions", postgresql_using="gin"),
)

# How far each account has read.
case_reads = sa.Table(
    "case_reads",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)

case_issues = sa.Table(
    "case_issues",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("number"),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    _text("project_name"),
    _text("item_name"),
    _text("stage"),
    sa.Column("message_id", sa.Uuid),
    sa.Column("as_order", sa.Boolean, nullable=False),
    _text("lead_org"),
    _text("lead_org_name"),
    _text("text"),
    _text("raised_by"),
    sa.Column("raised_at", _instant, nullable=False),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    _text("org"),
    _text("status"),
    _text("measures"),
    _text("note"),
    _text("answered_by"),
    sa.Column("answered_at", _instant),
    _text("closed_by"),
    sa.Column("closed_at", _instant),
    sa.Index("ix_case_issues_case_id", "case_id"),
    sa.Index("ix_case_issues_project_id", "project_id", "raised_at"),
    sa.Index("ix_case_issues_lead_org", "lead_org", "raised_at"),
    sa.Index("ix_case_issues_raised_at", "raised_at", "id"),
)
