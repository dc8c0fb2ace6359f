"""Conversations on cases and their issues as one transaction sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from approval_tracking.domain.conversation import Message, MessageFile
from approval_tracking.domain.conversation_errors import (
    AlreadyRaised,
    IssueUnknown,
    MessageUnknown,
)
from approval_tracking.domain.events import CaseIssueMoved, CaseMentioned, CaseOrderWanted
from approval_tracking.domain.issues import CaseIssue
from approval_tracking.store.tables import (
    case_issues,
    case_messages,
    case_reads,
    cases,
    document_numbers,
)
from chassis.errors import Stale
from chassis.events import Envelope, plain, read_instant
from chassis.identity import Scope, scope_clause
from chassis.outbox import Outbox

_KIND = "case_issue"
_case_id = case_messages.c.case_id == sa.bindparam("of_case", type_=sa.Uuid)
# An internal remark is for its own body, on every path that reads.
_visible = sa.or_(
    sa.not_(case_messages.c.internal),
    sa.and_(
        case_messages.c.org == sa.bindparam("reader_org", type_=sa.Text),
        case_messages.c.org != "",
    ),
)


class ConversationStore:
    """Messages, read marks and issues."""

    def __init__(self, tx: sa.Connection) -> None:
        self._tx = tx
        self._outbox = Outbox(tx)

    # --- messages ---

    def lock(self, case_id: UUID) -> None:
        """Have the messages of a case numbered one after the other."""
        self._tx.execute(
            sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(sa.literal(str(case_id)))))
        )

    def next_number(self, case_id: UUID) -> int:
        last = sa.select(sa.func.max(case_messages.c.number)).where(
            case_messages.c.case_id == case_id
        )
        return (self._tx.scalar(last) or 0) + 1

    def add(self, message: Message) -> None:
        self._tx.execute(case_messages.insert().values(**_row(message)))

    def save(self, message: Message) -> None:
        self._tx.execute(
            case_messages.update()
            .where(case_messages.c.id == message.id)
            .values(
                text=message.text,
                files=plain(message.files),
                earlier=list(message.earlier),
                edited_at=message.edited_at,
                withdrawn_at=message.withdrawn_at,
                withdrawn_why=message.withdrawn_why,
                issue_id=message.issue_id,
            )
        )

    def get(self, message_id: UUID, case_id: UUID, *, org: str, lock: bool = False) -> Message:
        """Return a message of the case that a reader of this body may see."""
        wanted = sa.select(case_messages).where(
            case_messages.c.id == message_id, _case_id, _visible
        )
        row = self._tx.execute(
            wanted.with_for_update() if lock else wanted, {"of_case": case_id, "reader_org": org}
        ).one_or_none()
        if row is None:
            raise MessageUnknown(message_id=message_id, field="message_id")
        return read_message(row)

    def listed(
        self, case_id: UUID, *, org: str, size: int, before: int | None = None
    ) -> list[Message]:
        wanted = sa.select(case_messages).where(_case_id, _visible)
        if before is not None:
            wanted = wanted.where(case_messages.c.number < before)
        rows = self._tx.execute(
            wanted.order_by(case_messages.c.number.desc()).limit(size),
            {"of_case": case_id, "reader_org": org},
        )
        return [read_message(row) for row in rows]

    def participants(self, case_id: UUID, *, org: str) -> list[str]:
        wanted = sa.select(case_messages.c.username).where(_case_id, _visible).distinct()
        names = self._tx.scalars(wanted, {"of_case": case_id, "reader_org": org})
        return sorted(name for name in names if name)

    def accounts(self, case_id: UUID, usernames: Sequence[str]) -> list[str]:
        """Return the accounts behind names that spoke on the case."""
        wanted = (
            sa.select(case_messages.c.author)
            .where(case_messages.c.case_id == case_id, case_messages.c.username.in_(usernames))
            .distinct()
        )
        return sorted(self._tx.scalars(wanted))

    def unread(self, case_id: UUID, account: str, *, org: str) -> int:
        """Return how many messages of others the account has not read."""
        read = (
            sa.select(case_reads.c.number)
            .where(case_reads.c.case_id == case_id, case_reads.c.account == account)
            .scalar_subquery()
        )
        wanted = sa.select(sa.func.count()).where(
            _case_id,
            _visible,
            case_messages.c.author != account,
            case_messages.c.number > sa.func.coalesce(read, 0),
        )
        return int(self._tx.scalar(wanted, {"of_case": case_id, "reader_org": org}) or 0)

    def read(self, case_id: UUID, account: str, number: int) -> None:
        """Mark as read up to a number; a mark never goes back."""
        put = insert(case_reads).values(case_id=case_id, account=account, number=number)
        self._tx.execute(
            put.on_conflict_do_update(
                index_elements=["case_id", "account"],
                set_={"number": sa.func.greatest(case_reads.c.number, put.excluded.number)},
            )
        )

    def mentioning(
        self,
        names: Sequence[str],
        scope: Scope,
        *,
        org: str,
        size: int,
        after: tuple[datetime, UUID] | None = None,
    ) -> Sequence[Any]:
        """Return messages in scope that mention any of the names, the newest first, with their case."""
        wanted = (
            sa.select(case_messages, cases.c.state["item_name"].astext.label("item_name"))
            .add_columns(cases.c.state["project_name"].astext.label("project_name"))
            .join(cases, cases.c.id == case_messages.c.case_id)
            .where(
                case_messages.c.mentions.op("&&")(
                    sa.bindparam("names", type_=ARRAY(sa.Text), value=list(names))
                ),
                _visible,
                scope_clause(cases),
            )
        )
        if after:
            place = sa.tuple_(case_messages.c.at, case_messages.c.id)
            wanted = wanted.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
        return self._tx.execute(
            wanted.order_by(case_messages.c.at.desc(), case_messages.c.id.desc()).limit(size),
            {"reader_org": org, **scope.bind()},
        ).all()

    def mention(self, mentioned: CaseMentioned, *, number: int, at: datetime) -> None:
        self._outbox.append(
            Envelope.seal(mentioned, aggregate_id=mentioned.case_id, version=number, at=at)
        )

    # --- issues ---

    def next_serial(self, region: str, year: int) -> int:
        """Count on, without a gap."""
        put = insert(document_numbers).values(org=region, kind=_KIND, year=year, last=1)
        return int(
            self._tx.execute(
                put.on_conflict_do_update(
                    index_elements=["org", "kind", "year"],
                    set_={"last": document_numbers.c.last + 1},
                ).returning(document_numbers.c.last)
            ).scalar_one()
        )

    def raise_issue(self, issue: CaseIssue, message: Message | None) -> None:
        if message:
            if message.issue_id:
                raise AlreadyRaised(message_id=message.id, field="message_id")
            message.issue_id = issue.id
            self.save(message)
        told = {each.name: getattr(issue, each.name) for each in fields(issue)}
        self._tx.execute(case_issues.insert().values(**{**told, "agents": list(issue.agents)}))
        if not issue.as_order:
            self._tell(issue, by=issue.raised_by, at=issue.raised_at)

    def want_order(self, wanted: CaseOrderWanted, *, at: datetime) -> None:
        self._outbox.append(Envelope.seal(wanted, aggregate_id=wanted.order_id, version=1, at=at))

    def issue(self, issue_id: UUID, *, lock: bool = False) -> CaseIssue:
        wanted = sa.select(case_issues).where(case_issues.c.id == issue_id)
        row = self._tx.execute(wanted.with_for_update() if lock else wanted).one_or_none()
        if row is None:
            raise IssueUnknown(issue_id=issue_id, field="issue_id")
        return read_issue(row)

    def issues(self, ids: Sequence[UUID]) -> dict[UUID, CaseIssue]:
        if not ids:
            return {}
        rows = self._tx.execute(sa.select(case_issues).where(case_issues.c.id.in_(ids)))
        return {row.id: read_issue(row) for row in rows}

    def save_issue(self, issue: CaseIssue, *, by: str, at: datetime) -> None:
        seen, issue.version = issue.version, issue.version + 1
        saved = self._tx.execute(
            case_issues.update()
            .where(case_issues.c.id == issue.id, case_issues.c.version == seen)
            .values(
                version=issue.version,
                status=issue.status,
                measures=issue.measures,
                note=issue.note,
                answered_by=issue.answered_by,
                answered_at=issue.answered_at,
                closed_by=issue.closed_by,
                closed_at=issue.closed_at,
            )
        )
        if saved.rowcount != 1:
            raise Stale(subject=issue.id, version=issue.version, expected=seen)
        self._tell(issue, by=by, at=at)

    def follow_order(self, order: Mapping[str, Any], *, at: datetime) -> None:
        """Show how far the work order is that came of a case; an older fact changes nothing."""
        moved: dict[str, Any] = {
            "number": order["number"],
            "status": order["status"],
            "version": order["version"] + 1,
        }
        if order["status"] == "closed":
            moved["closed_at"] = at
        elif order.get("answered_at"):
            moved["answered_at"] = read_instant(order["answered_at"])
        self._tx.execute(
            case_issues.update()
            .where(
                case_issues.c.id == UUID(order["order_id"]),
                case_issues.c.as_order,
                case_issues.c.version <= order["version"],
            )
            .values(**moved)
        )

    def list_issues(
        self,
        scope: Scope,
        *,
        size: int,
        after: tuple[datetime, UUID] | None = None,
        case_id: UUID | None = None,
        project_id: UUID | None = None,
        lead_org: str = "",
        open_only: bool = False,
        reader_org: str = "",
    ) -> list[CaseIssue]:
        in_scope = sa.or_(
            scope_clause(case_issues),
            sa.and_(
                case_issues.c.lead_org == sa.bindparam("reader_org", type_=sa.Text),
                case_issues.c.lead_org != "",
            ),
        )
        wanted = sa.select(case_issues).where(in_scope)
        if case_id:
            wanted = wanted.where(case_issues.c.case_id == case_id)
        if project_id:
            wanted = wanted.where(case_issues.c.project_id == project_id)
        if lead_org:
            wanted = wanted.where(case_issues.c.lead_org == lead_org)
        if open_only:
            wanted = wanted.where(case_issues.c.status != "closed")
        if after:
            place = sa.tuple_(case_issues.c.raised_at, case_issues.c.id)
            wanted = wanted.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
        rows = self._tx.execute(
            wanted.order_by(case_issues.c.raised_at.desc(), case_issues.c.id.desc()).limit(size),
            {"reader_org": reader_org, **scope.bind()},
        )
        return [read_issue(row) for row in rows]

    def _tell(self, issue: CaseIssue, *, by: str, at: datetime) -> None:
        moved = CaseIssueMoved(
            issue_id=issue.id,
            version=issue.version,
            number=issue.number,
            case_id=issue.case_id,
            message_id=issue.message_id,
            project_id=issue.project_id,
            project_name=issue.project_name,
            item_name=issue.item_name,
            region_path=issue.region_path,
            level=issue.level,
            uscc=issue.uscc,
            agents=issue.agents,
            lead_org=issue.lead_org,
            lead_org_name=issue.lead_org_name,
            text=issue.text,
            status=issue.status,
            by=by,
            measures=issue.measures,
        )
        self._outbox.append(
            Envelope.seal(moved, aggregate_id=issue.id, version=issue.version, at=at)
        )


def read_issue(row: Any) -> CaseIssue:
    told = {each.name: getattr(row, each.name) for each in fields(CaseIssue)}
    return CaseIssue(**{**told, "agents": tuple(row.agents)})


def _row(message: Message) -> dict[str, Any]:
    told = {each.name: getattr(message, each.name) for each in fields(message)}
    return {
        **told,
        "mentions": list(message.mentions),
        "files": plain(message.files),
        "earlier": list(message.earlier),
    }


def read_message(row: Any) -> Message:
    told = {each.name: getattr(row, each.name) for each in fields(Message)}
    return Message(
        **{
            **told,
            "mentions": tuple(row.mentions),
            "earlier": tuple(row.earlier),
            "files": tuple(MessageFile(**{**each, "id": UUID(each["id"])}) for each in row.files),
        }
    )
