"""An issue on a case 问题单: raised, answered by the body that leads, closed by who raised it (A12.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.conversation_errors import (
    IssueNotInState,
    NotTheLeadingBody,
    NotYourIssue,
)

OPEN, ANSWERED, CLOSED = "open", "answered", "closed"
_ZH = {OPEN: "待答复", ANSWERED: "已答复", CLOSED: "已销号"}


@dataclass
class CaseIssue:
    """A problem on a case; as an order its status is the work order's."""

    id: UUID
    number: str
    case_id: UUID
    project_id: UUID
    project_name: str
    item_name: str
    # stage is how far the case was when it was raised.
    stage: str
    message_id: UUID | None
    as_order: bool
    lead_org: str
    lead_org_name: str
    text: str
    raised_by: str
    raised_at: datetime
    region_path: str
    level: str
    uscc: str
    agents: tuple[str, ...]
    # org is the body that decides the case.
    org: str
    status: str = OPEN
    measures: str = ""
    note: str = ""
    answered_by: str = ""
    answered_at: datetime | None = None
    closed_by: str = ""
    closed_at: datetime | None = None
    version: int = 1

    def answer(self, measures: str, *, org: str, by: str, at: datetime) -> None:
        self._expect(OPEN, "答复", "answered")
        if org != self.lead_org:
            raise NotTheLeadingBody(org=self.lead_org_name or self.lead_org)
        self.status, self.measures = ANSWERED, measures
        self.answered_by, self.answered_at = by, at

    def close(self, note: str, *, by: str, coordinates: bool, at: datetime) -> None:
        self._expect(ANSWERED, "销号", "closed")
        self._whose(by, coordinates)
        self.status, self.note, self.closed_by, self.closed_at = CLOSED, note, by, at

    def reopen(self, note: str, *, by: str, coordinates: bool) -> None:
        """Have it answered again, since the answer did not solve it."""
        self._expect(ANSWERED, "退回重办", "sent back")
        self._whose(by, coordinates)
        self.status, self.note = OPEN, note

    def _whose(self, by: str, coordinates: bool) -> None:
        if by != self.raised_by and not coordinates:
            raise NotYourIssue

    def _expect(self, status: str, act_zh: str, act: str) -> None:
        if self.as_order or self.status != status:
            raise IssueNotInState(
                number=self.number,
                status=self.status,
                status_zh="已转工单" if self.as_order else _ZH[self.status],
                act_zh=act_zh,
                act=act,
            )
