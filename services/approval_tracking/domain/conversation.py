"""The conversation on a case 三方互动: the company, the authority and the navigator talk where the case is (A03.5).

Nothing that was said is lost: an edit keeps the words before, and what is withdrawn shows as that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from approval_tracking.domain.conversation_errors import (
    AlreadyRaised,
    MessageSettled,
    NotAParticipant,
    NotYourMessage,
    TooManyFiles,
)

COMPANY, DEPARTMENT, WINDOW, NAVIGATOR = "company", "department", "window", "navigator"
SIDES = (COMPANY, DEPARTMENT, WINDOW, NAVIGATOR)
# Own words may be put right for so long; after that others have answered them.
EDITABLE = timedelta(minutes=10)
MOST_FILES = 10


@dataclass(frozen=True)
class MessageFile:
    """A file of a message; its bytes lie in the object store."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    object_key: str


@dataclass
class Message:
    """One message. An internal remark 内部审查意见 is seen by its body alone."""

    id: UUID
    case_id: UUID
    number: int
    side: str
    author: str
    username: str
    author_name: str
    org: str
    text: str
    at: datetime
    internal: bool = False
    mentions: tuple[str, ...] = ()
    files: tuple[MessageFile, ...] = ()
    earlier: tuple[str, ...] = ()
    edited_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_why: str = ""
    issue_id: UUID | None = None

    def edit(self, text: str, *, by: str, at: datetime) -> None:
        self._own(by, at, late=True)
        if text != self.text:
            self.earlier, self.text, self.edited_at = (*self.earlier, self.text), text, at

    def add_file(self, file: MessageFile, *, by: str, at: datetime) -> None:
        self._own(by, at, late=True)
        if len(self.files) >= MOST_FILES:
            raise TooManyFiles(most=MOST_FILES, field="file")
        self.files = (*self.files, file)

    def withdraw(self, reason: str, *, by: str, at: datetime) -> None:
        self._own(by, at, late=False)
        if self.issue_id:
            raise AlreadyRaised(message_id=self.id)
        self.withdrawn_at, self.withdrawn_why = at, reason

    def _own(self, by: str, at: datetime, *, late: bool) -> None:
        if by != self.author:
            raise NotYourMessage(message_id=self.id)
        if self.withdrawn_at or (late and at > self.at + EDITABLE):
            raise MessageSettled(message_id=self.id, minutes=EDITABLE // timedelta(minutes=1))


def check_mentions(mentions: Sequence[str], participants: Collection[str]) -> tuple[str, ...]:
    """Return whom a message mentions: a side, or who is in the conversation."""
    for place, name in enumerate(mentions):
        if name not in SIDES and name not in participants:
            raise NotAParticipant(name=name, field=f"mentions[{place}]")
    return tuple(mentions)
