"""The tables of warning_dispatch."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.db import new_metadata

metadata = new_metadata()

_instant = sa.DateTime(timezone=True)
_texts = ARRAY(sa.Text)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


# --- what was given: rules as data, and copies of what others published -----------------------

warning_rules = sa.Table(
    "warning_rules",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("body", JSONB, nullable=False),
)

calendar_copy = sa.Table(
    "calendar_copy",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("body", JSONB, nullable=False),
    sa.CheckConstraint("single", name="one_row"),
)

# reckoned names the calendar and the rules with which a subject's due moments were derived.
case_copies = sa.Table(
    "case_copies",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid),
    sa.Column("state", JSONB, nullable=False),
    sa.Column("reckoned", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "reckoned"),
)

project_copies = sa.Table(
    "project_copies",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", JSONB, nullable=False),
    # active_since is when the project was first seen under way: its log counts from there.
    sa.Column("active_since", _instant),
    sa.Column("reckoned", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "reckoned"),
)

# Projects of instances below, to know where an order about one is to go; they have no clock here.
projects_below = sa.Table(
    "projects_below",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("state", JSONB, nullable=False),
)

# Kept apart from the project, since a log entry may arrive before it; the latest one wins.
project_logs = sa.Table(
    "project_logs",
    metadata,
    sa.Column("project_id", sa.Uuid, primary_key=True),
    sa.Column("last_filed_at", _instant, nullable=False),
    sa.Column("last_visited_at", _instant),
)

# Plans, themes, licences, ratings and reports of investment, as the rules read them: by kind and id.
watched = sa.Table(
    "watched",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid),
    sa.Column("state", JSONB, nullable=False),
    sa.Column("reckoned", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "project_id"),
    sa.Index(None, "reckoned"),
)

# --- what falls due ---------------------------------------------------------------------------

# One row per card that is still to be raised. A row is deleted when its card is raised, so the
# whole table is what a partial index would hold, and the sweep costs the same at any size.
dues = sa.Table(
    "dues",
    metadata,
    sa.Column("subject_type", sa.Text, primary_key=True),
    sa.Column("subject_id", sa.Uuid, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("colour", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("due_moment", _instant, nullable=False),
    # As the sweep takes them: tens of thousands of clocks share the half hour after midnight.
    sa.Index("ix_dues_in_order", "due_moment", "subject_type", "subject_id", "rule", "colour"),
)

# --- what is owned ----------------------------------------------------------------------------

cards = sa.Table(
    "cards",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("rule"),
    sa.Column("rule_version", sa.Integer, nullable=False),
    _text("colour"),
    _text("subject_type"),
    sa.Column("subject_id", sa.Uuid, nullable=False),
    _text("period"),
    _text("status"),
    sa.Column("project_id", sa.Uuid),
    _text("project_name"),
    _text("item_code"),
    _text("item_name"),
    _text("org"),
    _text("org_name"),
    _text("region_path"),
    _text("level"),
    # uscc is set where the enterprise itself is responsible: only such cards are for its eyes.
    _text("uscc"),
    _text("project_uscc"),
    sa.Column("agents", _texts, nullable=False),
    _text("duty_bearer"),
    sa.Column("due_moment", _instant, nullable=False),
    sa.Column("issued_at", _instant, nullable=False),
    sa.Column("closed_at", _instant),
    sa.Column("explanation_zh", _texts, nullable=False),
    sa.Column("explanation_en", _texts, nullable=False),
    _text("statement"),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column("merged_into", sa.Uuid),
    sa.Column("objection", JSONB(none_as_null=True)),
    sa.Column("steps", JSONB, nullable=False),
    # origin is the instance below that owns the card; here is a copy then.
    sa.Column("origin", sa.Text, nullable=False, server_default=""),
    # The identity. The rule's version is no part of it: a new rule does not raise old cards again.
    sa.UniqueConstraint(
        "rule", "subject_type", "subject_id", "colour", "period", name="uq_cards_identity"
    ),
    sa.CheckConstraint("colour in ('yellow', 'red', 'red_statutory')", name="colour_known"),
    sa.CheckConstraint(
        "status in ('open', 'acknowledged', 'rectifying', 'rectified', 'closed', 'waived', 'revoked',"
        " 'ignored', 'merged')",
        name="status_known",
    ),
    sa.Index(None, "subject_type", "subject_id"),
    sa.Index(None, "project_id"),
    sa.Index(None, "due_moment", "id"),
    sa.Index(None, "org", "due_moment"),
    # What is live is little beside what is over: the desks read no more than that.
    sa.Index(
        "ix_cards_live",
        *("status", "due_moment"),
        postgresql_where=sa.text(
            "status not in ('closed', 'waived', 'revoked', 'ignored', 'merged')"
        ),
    ),
    # What waits for a reviewer, and what nobody sorted yet: few of many.
    sa.Index(
        "ix_cards_objected", "due_moment", "id", postgresql_where=sa.text("objection is not null")
    ),
    sa.Index(
        "ix_cards_unsorted",
        "due_moment",
        "id",
        postgresql_where=sa.text(
            "cause = '' and status in ('open', 'acknowledged', 'rectifying', 'rectified')"
        ),
    ),
)

order_numbers = sa.Table(
    "order_numbers",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
)

work_orders = sa.Table(
    "work_orders",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    _text("source"),
    _text("colour"),
    _text("status"),
    sa.Column("card_id", sa.Uuid),
    sa.Column("case_id", sa.Uuid),
    sa.Column("project_id", sa.Uuid),
    _text("project_name"),
    _text("item_code"),
    _text("item_name"),
    _text("subject"),
    _text("requirement"),
    _text("lead_org"),
    _text("lead_org_name"),
    sa.Column("co_orgs", _texts, nullable=False),
    _text("handler"),
    _text("region_path"),
    _text("level"),
    _text("uscc"),
    _text("project_uscc"),
    sa.Column("agents", _texts, nullable=False),
    _text("duty_bearer"),
    _text("dispatched_by"),
    sa.Column("issued_at", _instant, nullable=False),
    sa.Column("sign_by", _instant, nullable=False),
    sa.Column("feedback_by", _instant, nullable=False),
    sa.Column("close_by", _instant, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("round_began", _instant, nullable=False),
    sa.Column("signed_at", _instant),
    sa.Column("answered_at", _instant),
    sa.Column("closed_at", _instant),
    sa.Column("reworks", sa.Integer, nullable=False),
    sa.Column("escalated", sa.Boolean, nullable=False),
    _text("returned_to"),
    _text("statement"),
    sa.Column("feedback", JSONB(none_as_null=True)),
    sa.Column("parts", JSONB, nullable=False, server_default="[]"),
    sa.Column("urges", sa.Integer, nullable=False, server_default="0"),
    sa.Column("supervised", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column("merged_into", sa.Uuid),
    sa.Column("extension", JSONB(none_as_null=True)),
    sa.Column("steps", JSONB, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, server_default=""),
    sa.Column("reckoned", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint(
        "status in ('issued', 'signed', 'handling', 'feedback', 'checking', 'rework', 'closed', 'returned')",
        name="status_known",
    ),
    sa.Index(None, "card_id"),
    sa.Index(None, "project_id"),
    sa.Index(None, "issued_at", "id"),
    sa.Index(None, "lead_org", "issued_at"),
    sa.Index(
        "ix_work_orders_open",
        "reckoned",
        postgresql_where=sa.text("status <> 'closed' and origin = ''"),
    ),
    sa.Index(
        "ix_work_orders_closing",
        *("status", "close_by"),
        postgresql_where=sa.text("status <> 'closed'"),
    ),
    sa.Index(
        "ix_work_orders_merged", "merged_into", postgresql_where=sa.text("merged_into is not null")
    ),
    sa.Index(None, "answered_at"),
    # What is under way, as the summaries count it: few of many.
    sa.Index(
        "ix_work_orders_counted",
        "region_path",
        "lead_org",
        "handler",
        postgresql_where=sa.text("status <> 'closed'"),
    ),
    # A card has one order under way at a time.
    sa.Index(
        "uq_work_orders_card_under_way",
        "card_id",
        unique=True,
        postgresql_where=sa.text("status <> 'closed' and card_id is not null"),
    ),
)

# A matter on the ladder of linkage 三级联动. state is its whole public state; the rest is what it
# is looked for by. Only the instance that is its holder changes it.
escalations = sa.Table(
    "escalations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    _text("holder"),
    _text("rung"),
    _text("status"),
    sa.Column("project_id", sa.Uuid),
    _text("region_path"),
    sa.Column("case_id", sa.Uuid),
    # The library of problems 问题库: class, the body that leads, the next measure that falls due.
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column("leads", sa.Text, nullable=False, server_default=""),
    sa.Column("measure_due", sa.Date),
    # level is that of the project, or the city's once the matter was reported there.
    _text("level"),
    _text("uscc"),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("opened_at", _instant, nullable=False),
    sa.Column("due_at", _instant, nullable=False),
    sa.Column("state", JSONB, nullable=False),
    sa.Index(None, "opened_at", "id"),
    sa.Index(None, "project_id"),
    sa.Index(None, "case_id"),
    sa.Index(None, "cause", "opened_at"),
    sa.Index(None, "leads", "opened_at"),
    sa.Index(
        "ix_escalations_open",
        "due_at",
        postgresql_where=sa.text("status not in ('closed', 'merged')"),
    ),
    sa.Index(
        "ix_escalations_order",
        sa.text("(state->>'order_id')"),
        postgresql_where=sa.text("status not in ('closed', 'merged')"),
    ),
    sa.Index(
        "ix_escalations_orders",
        sa.text("(state->'orders')"),
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'instructed'"),
    ),
)

# Who is in charge in a region 分管领导, and who belongs to its team 专班; a line is ended, never changed.
leaders = sa.Table(
    "leaders",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _text("region"),
    _text("region_path"),
    # kind is leader, team, contact_a or contact_b; body is the department of a contact.
    _text("kind"),
    _text("body"),
    _text("account"),
    _text("name"),
    _text("duty"),
    _text("phone"),
    sa.Column("registered_at", _instant, nullable=False),
    _text("registered_by"),
    sa.Column("registered_by_name", sa.Text, nullable=False, server_default=""),
    sa.Column("ended_at", _instant),
    _text("ended_by"),
    sa.Column("ended_by_name", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "region", "kind", postgresql_where=sa.text("ended_at is null")),
    # One leader of a region, one A and one B of a body at a time.
    sa.Index(
        "uq_leaders_one",
        *("region", "kind", "body"),
        unique=True,
        postgresql_where=sa.text("ended_at is null and kind <> 'team'"),
    ),
    sa.Index("ix_leaders_body", "body", postgresql_where=sa.text("ended_at is null")),
)

# 代签授权: a leader lets somebody sign for him, from a day to a day, on record.
signing_authorisations = sa.Table(
    "signing_authorisations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _text("leader"),
    _text("leader_name"),
    _text("deputy"),
    _text("deputy_name"),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date, nullable=False),
    _text("reason"),
    sa.Column("registered_at", _instant, nullable=False),
    sa.Column("withdrawn_at", _instant),
    sa.Index(None, "leader", "deputy"),
)

# 推办: somebody of the team goes there; what was agreed is on record.
pushes = sa.Table(
    "pushes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    sa.Column("project_id", sa.Uuid, index=True),
    sa.Column("case_id", sa.Uuid),
    sa.Column("order_id", sa.Uuid, index=True),
    sa.Column("escalation_id", sa.Uuid, index=True),
    *map(_text, ("project_name", "region_path", "level", "subject", "place", "people")),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("bodies", _texts, nullable=False),
    sa.Column("planned_at", _instant, nullable=False),
    _text("status"),
    sa.Column("went_on", sa.Date),
    _text("outcome"),
    _text("agreed"),
    sa.Column("orders", _texts, nullable=False),
    sa.Column("steps", JSONB, nullable=False),
    sa.Index(None, "planned_at", "id"),
    sa.Index("ix_pushes_planned", "planned_at", postgresql_where=sa.text("status = 'planned'")),
)

# Joint reviews 联审会办 as approval_tracking tells of them, for the desks.
joint_meetings = sa.Table(
    "joint_meetings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("project_id", sa.Uuid, nullable=False),
    *map(_text, ("project_name", "region_path", "level", "subject", "place")),
    sa.Column("agents", _texts, nullable=False),
    sa.Column("orgs", _texts, nullable=False),
    sa.Column("meets_at", _instant, nullable=False),
    # status is convened, concluded or cancelled.
    _text("status"),
    sa.Index(
        "ix_joint_meetings_convened",
        "meets_at",
        postgresql_where=sa.text("status = 'convened'"),
    ),
)

# --- who was told -----------------------------------------------------------------------------

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _text("kind"),
    _text("title_zh"),
    _text("title_en"),
    _text("body_zh"),
    _text("body_en"),
    _text("colour"),
    sa.Column("card_id", sa.Uuid),
    sa.Column("order_id", sa.Uuid),
    sa.Column("project_id", sa.Uuid),
    _text("region_path"),
    _text("level"),
    sa.Column("accounts", _texts, nullable=False),
    sa.Column("orgs", _texts, nullable=False),
    _text("uscc"),
    sa.Column("roles", _texts, nullable=False),
    sa.Column("at", _instant, nullable=False),
    # sent is whether the channels have it; the row is the truth, what they carry may be lost.
    sa.Column("sent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(None, "at", "id"),
    sa.Index("ix_notifications_unsent", "id", postgresql_where=sa.text("not sent")),
)

# The accounts as identity tells of them, to know whom a role or a body means.
people = sa.Table(
    "people",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    _text("username"),
    _text("name"),
    sa.Column("roles", _texts, nullable=False),
    _text("region_path"),
    _text("org"),
    sa.Column("companies", _texts, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Index(None, "username"),
)

# What a person wants to be told outside the platform; addresses are by the instance's channels.
preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("addresses", JSONB, nullable=False),
    _text("from_colour"),
    _text("quiet_from"),
    _text("quiet_to"),
    sa.Column("digest", sa.Boolean, nullable=False),
    _text("deputy"),
    sa.Column("away_from", sa.Date),
    sa.Column("away_to", sa.Date),
)

# status is waiting, sent or given_up. The record stays.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("notification_id", sa.Uuid, sa.ForeignKey("notifications.id"), nullable=False),
    _text("account"),
    _text("channel"),
    _text("address"),
    _text("status"),
    sa.Column("digest", sa.Boolean, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", _instant, nullable=False),
    sa.Column("queued_at", _instant, nullable=False),
    sa.Column("sent_at", _instant),
    _text("error"),
    sa.UniqueConstraint(
        "notification_id", "channel", "address", name="uq_deliveries_notification_id"
    ),
    sa.Index("ix_deliveries_waiting", "next_at", postgresql_where=sa.text("status = 'waiting'")),
    sa.Index(None, "account", "queued_at"),
)

notification_reads = sa.Table(
    "notification_reads",
    metadata,
    sa.Column("notification_id", sa.Uuid, sa.ForeignKey("notifications.id"), primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("read_at", _instant, nullable=False),
)

# --- audit chains of others, as we saw them, and ours, as others did ------------------------------

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("link", sa.BigInteger, primary_key=True),
    sa.Column("witness", sa.Text, primary_key=True),
    _text("hash"),
    # Times are kept as they were signed, letter by letter.
    _text("at"),
    _text("witnessed_at"),
    _text("key_id"),
    _text("public_key"),
    _text("signature"),
)

seal_keys = sa.Table(
    "seal_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("public_key"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _instant, nullable=False),
)
