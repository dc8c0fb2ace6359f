"""A card: raised once by a rule, then followed until somebody has checked that it was mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.errors import (
    CardFinished,
    CardNotOpen,
    CardNotRectified,
    StatementMissing,
    StatutoryCardNotWaivable,
)
from warning_dispatch.domain.events import CardChanged, CardCleared, CardIssued, CardState
from warning_dispatch.domain.facts import Bearer
from warning_dispatch.domain.objections import RAISED, TURNED_DOWN, UPHELD, Objection
from warning_dispatch.domain.rules import COLOUR_ZH, COLOURS, RED_STATUTORY, YELLOW
from warning_dispatch.domain.steps import SYSTEM, Actor, Step
from warning_dispatch.domain.triage_errors import (
    MergedIntoLesser,
    MergedWithItself,
    NoObjection,
    ObjectionMade,
    ObjectionTooLate,
    OnlyYellowIgnored,
    OtherProject,
)

LIVE = frozenset({"open", "acknowledged", "rectifying"})
UNFINISHED = LIVE | {"rectified"}
# What somebody took off the table needs no answer any more, and nothing is ordered for it again.
TAKEN_OFF = frozenset({"waived", "revoked", "ignored", "merged"})
FINISHED = TAKEN_OFF | {"closed"}

STATUS_ZH = {
    "open": "待签收",
    "acknowledged": "已签收",
    "rectifying": "整改中",
    "rectified": "已整改",
    "closed": "已销牌",
    "waived": "已豁免",
    "revoked": "已撤销",
    "ignored": "已忽略",
    "merged": "已合并",
}


def card_status_zh(status: str) -> str:
    return STATUS_ZH[status]


def shows(status: str, colour: str) -> str:
    """Return the colour to paint: yellow once mended, whatever it was; none when finished."""
    if status in FINISHED:
        return ""
    return YELLOW if status == "rectified" else colour


@dataclass(frozen=True)
class Identity:
    """What makes a card the same card: raised once, whatever crashes and however the rule is revised."""

    rule: str
    subject_type: str
    subject_id: UUID
    colour: str
    period: str


@dataclass
class Card:
    """One yellow or red card. It is never deleted and never turns green again."""

    id: UUID
    identity: Identity
    rule_version: int
    bearer: Bearer
    due_moment: datetime
    issued_at: datetime
    explanation_zh: tuple[str, ...]
    explanation_en: tuple[str, ...]
    status: str = "open"
    closed_at: datetime | None = None
    statement: str = ""
    # cause is what the dispatcher found to be behind it 分类, empty until he did.
    cause: str = ""
    merged_into: UUID | None = None
    objection: Objection | None = None
    steps: list[Step] = field(default_factory=list)
    version: int = 0
    events: list[CardIssued | CardChanged | CardCleared] = field(
        default_factory=list, compare=False
    )

    @classmethod
    def issue(
        cls,
        card_id: UUID,
        duty: Duty,
        *,
        subject_type: str,
        subject_id: UUID,
        bearer: Bearer,
        at: datetime,
    ) -> Card:
        card = cls(
            id=card_id,
            identity=Identity(duty.rule, subject_type, subject_id, duty.colour, duty.period),
            rule_version=duty.rule_version,
            bearer=bearer,
            due_moment=duty.due_moment,
            issued_at=at,
            explanation_zh=duty.zh,
            explanation_en=duty.en,
        )
        card._step("open", SYSTEM, at, "", event=CardIssued)
        return card

    @property
    def colour(self) -> str:
        return self.identity.colour

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    @property
    def shows(self) -> str:
        return shows(self.status, self.colour)

    def acknowledge(self, by: Actor, *, at: datetime) -> None:
        if self.status != "open":
            raise CardNotOpen(card_id=self.id, status=self.status, status_zh=STATUS_ZH[self.status])
        self._step("acknowledged", by, at, "")

    def answered(self, by: Actor, *, at: datetime) -> None:
        """An order for it was answered: somebody is at work on it."""
        if self.status in ("open", "acknowledged"):
            self._step("rectifying", by, at, "")

    @property
    def was_ended_by_rule(self) -> bool:
        """Say whether it ended because its rule does not hold, and not because somebody decided so."""
        if self.status not in ("rectified", "closed", "revoked"):
            return False
        return not next(step for step in reversed(self.steps) if step.step == self.status).by

    def rectify(self, *, at: datetime, why: str, by: Actor = SYSTEM) -> None:
        """The rule no longer holds: a yellow card is over, a red one waits to be checked.

        Nothing happens to a card that is not live.
        """
        if self.is_live and self.colour == YELLOW:
            self._finish("closed", by, at, why)
        elif self.is_live:
            self._step("rectified", by, at, why)

    def reopen(self, duty: Duty, *, at: datetime) -> None:
        """The rule holds again in the same period: the same card, not a second one."""
        if self.was_ended_by_rule:
            self.due_moment, self.closed_at = duty.due_moment, None
            self.explanation_zh, self.explanation_en = duty.zh, duty.en
            self._step("open", SYSTEM, at, "reopened")

    def waive(self, by: Actor, *, reason: str, at: datetime) -> None:
        self._refuse_finished()
        if self.colour == RED_STATUTORY:
            raise StatutoryCardNotWaivable(card_id=self.id)
        self._finish("waived", by, at, reason)

    def revoke(self, by: Actor, *, reason: str, at: datetime) -> None:
        self._refuse_finished()
        self._finish("revoked", by, at, reason)

    def close(self, by: Actor, *, note: str, statement: str, at: datetime) -> None:
        if self.is_finished:
            raise self._finished()
        if self.status != "rectified":
            raise CardNotRectified(
                card_id=self.id, status=self.status, status_zh=STATUS_ZH[self.status]
            )
        if self.colour == RED_STATUTORY and not (statement or self.statement).strip():
            raise StatementMissing(field="statement")
        self.statement = statement or self.statement
        self._finish("closed", by, at, note)

    def object_to(
        self, by: Actor, *, reason: str, evidence: str, until: datetime, at: datetime
    ) -> None:
        """申辩: the responsible body says why it ought not to have this card."""
        self._refuse_finished()
        if self.objection:
            raise ObjectionMade(card_id=self.id)
        if at > until:
            raise ObjectionTooLate(card_id=self.id, until=until.isoformat())
        self.objection = Objection(reason, evidence, at, by.account, by.name)
        self._note("objected", by, at, reason)

    def turn_down(self, by: Actor, *, reason: str, at: datetime) -> None:
        self.objection = self._objection().decided(TURNED_DOWN, by, reason=reason, at=at)
        self._note("objection_turned_down", by, at, reason)

    def uphold(self, by: Actor, *, waive: bool, reason: str, at: datetime) -> None:
        """The body was right: the card is excused or taken back, as the reviewer chooses."""
        upheld = self._objection().decided(UPHELD, by, reason=reason, at=at)
        self._refuse_finished()
        if waive and self.colour == RED_STATUTORY:
            raise StatutoryCardNotWaivable(card_id=self.id)
        self.objection = upheld
        self._note("objection_upheld", by, at, reason)
        self._finish("waived" if waive else "revoked", by, at, reason)

    def sort(self, by: Actor, *, cause: str, note: str, at: datetime) -> None:
        """分类: say what is behind it; again, and the newer word stands."""
        self._refuse_finished()
        self.cause = cause
        self._note("sorted", by, at, f"{cause}: {note}" if note else cause)

    def ignore(self, by: Actor, *, reason: str, at: datetime) -> None:
        self._refuse_finished()
        if self.colour != YELLOW:
            raise OnlyYellowIgnored(card_id=self.id)
        self._finish("ignored", by, at, reason)

    def merge(self, by: Actor, *, into: Card, note: str, at: datetime) -> None:
        """A duplicate is dealt with where the other one is; both stay on record."""
        if into.id == self.id:
            raise MergedWithItself(field="into")
        self._refuse_finished()
        if into.is_finished:
            raise into._finished()
        if into.bearer.project_id != self.bearer.project_id:
            raise OtherProject(field="into")
        if COLOURS.index(into.colour) < COLOURS.index(self.colour):
            raise MergedIntoLesser(
                colour=self.colour,
                into=into.colour,
                colour_zh=COLOUR_ZH[self.colour],
                into_zh=COLOUR_ZH[into.colour],
            )
        self.merged_into = into.id
        self._finish("merged", by, at, f"{note} → {into.id}")
        into._note("took_over", by, at, str(self.id))

    @property
    def opened_at(self) -> datetime:
        """Return when it was issued, or last opened again."""
        return next(step.at for step in reversed(self.steps) if step.step == "open")

    def state(self) -> CardState:
        bearer, identity = self.bearer, self.identity
        return CardState(
            card_id=self.id,
            version=self.version,
            rule=identity.rule,
            rule_version=self.rule_version,
            colour=identity.colour,
            subject_type=identity.subject_type,
            subject_id=identity.subject_id,
            period=identity.period,
            project_id=str(bearer.project_id or ""),
            project_name=bearer.project_name,
            item_code=bearer.item_code,
            item_name=bearer.item_name,
            org=bearer.org,
            org_name=bearer.org_name,
            region_path=bearer.region_path,
            level=bearer.level,
            uscc=bearer.uscc,
            agents=bearer.agents,
            duty_bearer=bearer.duty_bearer,
            status=self.status,
            due_moment=self.due_moment,
            issued_at=self.issued_at,
            closed_at=self.closed_at,
            explanation=tuple(
                f"{zh} | {en}"
                for zh, en in zip(self.explanation_zh, self.explanation_en, strict=True)
            ),
            shows=self.shows,
            statement=self.statement,
            steps=tuple(self.steps),
            cause=self.cause,
            merged_into=str(self.merged_into or ""),
            objection=self.objection,
        )

    def _refuse_finished(self) -> None:
        """Refuse what somebody decided on; a yellow card that its rule closed still counts, and can be excused."""
        if self.is_finished and not (self.status == "closed" and self.was_ended_by_rule):
            raise self._finished()

    def _finished(self) -> CardFinished:
        return CardFinished(card_id=self.id, status=self.status, status_zh=STATUS_ZH[self.status])

    def _objection(self) -> Objection:
        if self.objection is None or self.objection.status != RAISED:
            raise NoObjection(card_id=self.id)
        return self.objection

    def _note(self, step: str, by: Actor, at: datetime, note: str) -> None:
        """Put on record what leaves the status as it is."""
        self.version += 1
        self.steps.append(Step(step, at, by.account, by.name, note))
        self.events.append(CardChanged(self.state()))

    def _finish(self, status: str, by: Actor, at: datetime, note: str) -> None:
        self.closed_at = at
        self._step(status, by, at, note, event=CardCleared)

    def _step(
        self,
        status: str,
        by: Actor,
        at: datetime,
        note: str,
        *,
        event: type[CardIssued | CardChanged | CardCleared] = CardChanged,
    ) -> None:
        self.status = status
        self.version += 1
        self.steps.append(Step(status, at, by.account, by.name, note))
        self.events.append(event(self.state()))
