"""The documents 文书 of a case: each tells of one thing that happened, has a number, and can be checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.bodies import place_of
from approval_tracking.domain.clock import ANNULLED, Story
from approval_tracking.domain.document_errors import DocumentNotYetPossible
from approval_tracking.domain.events import Happening

RECEIPT, SUPPLEMENT, ACCEPTANCE = "receipt", "supplement_notice", "acceptance"
REFUSAL, DEFERRAL, PAUSE = "refusal", "deferral", "pause"
EXTENSION, DECISION, DELIVERY = "extension", "decision", "delivery"
AVAILABLE, VALID, SUPERSEDED, VOID = "available", "valid", "superseded", "annulled"


@dataclass(frozen=True)
class Kind:
    """One kind of document: what it is called, in its number too, and which happenings it tells of."""

    code: str
    name: str
    word: str
    happenings: tuple[str, ...]


KINDS = {
    each.code: each
    for each in (
        Kind(RECEIPT, "收件凭证", "收件", ("received",)),
        Kind(SUPPLEMENT, "一次性告知补正通知书", "补正", ("supplement_asked",)),
        Kind(ACCEPTANCE, "受理通知书", "受理", ("accepted", "deemed_accepted")),
        Kind(DEFERRAL, "容缺受理通知书", "容缺", ("deferred",)),
        Kind(REFUSAL, "不予受理决定书", "不受", ("refused",)),
        Kind(PAUSE, "特殊程序停表告知书", "停表", ("paused",)),
        Kind(EXTENSION, "延长办理期限告知书", "延期", ("extended",)),
        Kind(DECISION, "决定书", "决定", ("decided",)),
        Kind(DELIVERY, "送达回证", "送达", ("delivered",)),
    )
}


@dataclass(frozen=True)
class Content:
    """All that a document says; the same content always makes the same file."""

    kind: str
    title: str
    number: str
    org_name: str
    issued_on: date
    addressee: str
    # facts are what stands in its table, label and text.
    facts: tuple[tuple[str, str], ...]
    paragraphs: tuple[str, ...]
    entries: tuple[str, ...]
    basis: tuple[str, ...]
    remedy: str
    # signed_by_recipient leaves room for who received it.
    signed_by_recipient: bool
    code: str
    verify_url: str


@dataclass(frozen=True)
class Issued:
    """A document as it was issued; what it is worth now follows from the case's happenings."""

    id: UUID
    code: str
    case_id: UUID
    project_id: UUID
    kind: str
    name: str
    happening: int
    org: str
    org_name: str
    number: str
    issued_on: date
    issued_at: datetime
    content: Content
    digest: str
    file: bytes


@dataclass(frozen=True)
class Possible:
    """A document that the case's happenings allow."""

    kind: Kind
    happening: Happening


def possible(happenings: Sequence[Happening]) -> Iterator[Possible]:
    """Yield which documents can be had, in the order of what they tell of."""
    for each in Story.of(happenings).told:
        for kind in KINDS.values():
            if each.kind in kind.happenings:
                yield Possible(kind, each)


def pick(happenings: Sequence[Happening], kind: str, number: int, *, case_id: UUID) -> Possible:
    """Return the document of this kind about one happening, the last for 0; refuse what did not happen."""
    for each in reversed(list(possible(happenings))):
        if each.kind.code == kind and number in (0, each.happening.number):
            return each
    raise DocumentNotYetPossible(
        case_id=case_id, kind=kind, name=KINDS[kind].name, field="happening" if number else "kind"
    )


def standing(happenings: Sequence[Happening], number: int) -> tuple[str, int]:
    """Return what a document about this happening is worth now, and the happening in its place, or 0."""
    story = Story.of(happenings)
    if any(each.number == number for each in story.told):
        return VALID, 0
    successors = {
        each.correction.supersedes: each
        for each in story.superseded + story.told
        if each.correction
    }
    while number in successors:
        following = successors[number]
        if following.kind == ANNULLED:
            return VOID, 0
        number = following.number
    return SUPERSEDED, number


def numbered(org: str, kind: Kind, year: int, serial: int) -> str:
    """Return the number 文号: whose, of which kind, of which year, and the how manyth."""
    return f"{place_of(org)}{org.partition(':')[2]}{kind.word}〔{year}〕{serial}号"


def in_words(day: date) -> str:
    """Return a day as documents write it."""
    return f"{day.year}年{day.month}月{day.day}日"
