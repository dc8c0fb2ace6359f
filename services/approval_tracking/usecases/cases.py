"""What may be done with a case, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.application_errors import ThroughCombinedNotice
from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import PaperOf
from approval_tracking.domain.catalogue import Item, Limit, read_attribute_texts
from approval_tracking.domain.clock import freeze
from approval_tracking.domain.errors import (
    CaseAlreadyOpen,
    ItemAlreadyDone,
    ItemNotApplicable,
    NotTheDecidingBody,
)
from approval_tracking.domain.themes import AGENT, ONLINE, THEME, Channel
from approval_tracking.domain.trust import DeferralAsked, pledge_for, quick
from approval_tracking.domain.trust_errors import CompanyNotTrusted, PledgeNotSigned
from approval_tracking.store import CaseStore, Project, ProjectItem, ProjectStore
from approval_tracking.store.cases import Held
from approval_tracking.store.pre_reviews import PreReviewStore
from approval_tracking.usecases.admission import actor, applying, check_applicant, hold
from approval_tracking.usecases.data import committed_limit
from approval_tracking.usecases.materials import refuse_known, use
from approval_tracking.usecases.projects import follow_case
from chassis.calendar import local_day
from chassis.identity import Principal

_COMPANY, _WINDOW, _NAVIGATORS = ("E1", "E2"), "A1", ("B1", "B3")
# Only the company's administrator signs for it (roles.md section 5).
_SIGNATORY = "E1"
_OVER = {"withdrawn": "调出", "archived": "办结归档"}


@dataclass(frozen=True)
class PledgeAsked:
    """Who signs the pledge, and the signed paper where it was not signed online."""

    signed_by: str
    document: str = ""


@dataclass(frozen=True)
class Trusting:
    """What an application brings along instead of new papers."""

    pledge: PledgeAsked | None = None
    reviews: PreReviewStore | None = None
    review_id: UUID | None = None
    papers: tuple[PaperOf, ...] = ()
    # materials are papers of the material library, by id.
    materials: tuple[UUID, ...] = ()


# --- receipt ------------------------------------------------------------------------------------------


def submit_case(
    cases: CaseStore,
    projects: ProjectStore,
    project_id: UUID,
    item_code: str,
    *,
    mode: str,
    channel: Channel = Channel(),  # noqa: B008
    trusting: Trusting = Trusting(),
    case_id: UUID,
    principal: Principal,
    now: datetime,
) -> Case:
    """Receive an application, by the company, its mandated navigator, or over the counter."""
    project = projects.get(project_id)
    came_by = applying(principal, project, channel)
    item = free_item(cases, projects, project, item_code)
    case = receive(cases, project, item, mode=mode, case_id=case_id, at=now)
    if trusting.pledge:
        sign_pledge(cases, case, item, trusting.pledge, principal=principal, now=now)
    case.papers = trusting.papers
    if trusting.reviews and trusting.review_id:
        review = trusting.reviews.hold(trusting.review_id)
        case.papers = review.become(case_id, project_id, item_code, trusting.papers)
        case.pre_review_id = str(review.id)
        trusting.reviews.save(review)
    case.papers = use(cases.materials, project, item, case.papers, trusting.materials, now=now)
    take_in(cases, projects, case, came_by, principal=principal, now=now)
    return case


def sign_pledge(
    cases: CaseStore,
    case: Case,
    item: Item,
    asked: PledgeAsked,
    *,
    principal: Principal,
    now: datetime,
) -> None:
    """Let the case rest on a pledge: signed online by the company itself, else on a paper."""
    if not principal.has_role(_SIGNATORY) and not asked.document:
        raise PledgeNotSigned(field="pledge.document")
    check_trusted(cases, case.uscc, field="pledge")
    case.pledge = pledge_for(item, asked.signed_by, asked.document, at=now)
    case.rules = case.rules.promising(quick(case.rules.committed))


def check_trusted(cases: CaseStore, uscc: str, *, field: str) -> None:
    """Refuse a company whose pledge was untrue (time_rules.md section 8)."""
    untrue = cases.distrusted(uscc)
    if untrue:
        raise CompanyNotTrusted(receipt_number=untrue, field=field)


def free_item(cases: CaseStore, projects: ProjectStore, project: Project, item_code: str) -> Item:
    """Return the item, if the project needs it and nobody has applied for it yet."""
    project_id = project.id
    item = cases.reference.catalogue(project.catalogue).item(item_code)
    held = projects.items(project_id).get(item_code, ProjectItem(item_code, applicable=False))
    if not held.applicable:
        raise ItemNotApplicable(
            project_id=project_id, code=item_code, rule=item.applies_when, field="item_code"
        )
    if held.state == "done":
        raise ItemAlreadyDone(
            project_id=project_id, code=item_code, done_on=held.done_on, field="item_code"
        )
    already = cases.find_open(project_id, item_code)
    if already:
        raise CaseAlreadyOpen(
            project_id=project_id, code=item_code, case_id=already, field="item_code"
        )
    return item


def take_in(
    cases: CaseStore,
    projects: ProjectStore,
    case: Case,
    channel: Channel,
    *,
    application_id: str = "",
    principal: Principal,
    now: datetime,
) -> None:
    """Put a new case in the queue, the same for every channel."""
    case.channel, case.authorisation = channel.name, channel.authorisation
    case.caller, case.summary = channel.caller, channel.summary
    case.application_id = application_id
    at_window = channel.name not in (ONLINE, AGENT)
    case.submit(actor(principal), at=now, at_window=at_window)
    cases.add(case, cases.reference.calendar(), at=now)
    follow_case(projects, cases.reference, case, now=now)


def receive(
    cases: CaseStore, project: Project, item: Item, *, mode: str, case_id: UUID, at: datetime
) -> Case:
    """Return a new case under the rules of its day, with its receipt number and deciding body."""
    catalogue = cases.reference.catalogue(project.catalogue)
    attributes = catalogue.read_attributes(read_attribute_texts(project.attributes))
    today = local_day(at)
    deciders = cases.reference.deciders(today)
    org = deciders.org(item, project.region_path)
    city = project.region_path.split("/")[0]
    committed = committed_limit(cases.reference, item, org.split(":")[0], city, today=today)
    return Case(
        id=case_id,
        receipt_number=f"{project.region}-{today:%Y%m%d}-{cases.next_receipt():06d}",
        project_id=project.id,
        project_name=project.name,
        item_code=item.code,
        item_name=item.name,
        stage=item.stage,
        duty_bearer=item.duty_bearer,
        org=org,
        org_name=deciders.name(org),
        region_path=project.region_path,
        level=project.level,
        uscc=project.uscc,
        agents=project.agents,
        mode=mode,
        rules=freeze(item, statutory=item.statutory_for(attributes), committed=committed),
        procedures=item.procedures,
        prerequisites=item.prerequisites,
        catalogue=catalogue.version,
        received_at=at,
    )


def request_supplement(
    cases: CaseStore,
    projects: ProjectStore,
    case_id: UUID,
    entries: Sequence[str],
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    case = held.case
    if not principal.has_role(_WINDOW) and principal.org != case.org:
        raise NotTheDecidingBody(org=case.org)
    if case.application_id and case.mode == THEME and not case.notice:
        raise ThroughCombinedNotice(
            case_id=case_id, application_id=case.application_id, field="case_id"
        )
    refuse_known(cases, projects, case, entries, now=now)
    return ask_supplement(cases, projects, held, entries, principal=principal, now=now)


def ask_supplement(
    cases: CaseStore,
    projects: ProjectStore,
    held: Held,
    entries: Sequence[str],
    *,
    principal: Principal,
    now: datetime,
) -> Case:
    case = held.case
    case.request_supplement(entries, actor(principal), at=now)
    if not case.is_open:
        projects.lock(case.project_id)
    cases.save(case, held.calendar, at=now)
    if not case.is_open:
        follow_case(projects, cases.reference, case, now=now)
    return case


def supplement_case(
    cases: CaseStore,
    case_id: UUID,
    filled: Sequence[int],
    *,
    on: date | None = None,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    check_applicant(
        principal,
        project_id=str(held.case.project_id),
        uscc=held.case.uscc,
        region_path=held.case.region_path,
        agents=held.case.agents,
    )
    held.case.supplement(filled, actor(principal), at=now, on=on)
    cases.save(held.case, held.calendar, at=now)
    return held.case


# --- review -------------------------------------------------------------------------------------------


def accept_case(
    cases: CaseStore,
    case_id: UUID,
    *,
    deferred: Sequence[DeferralAsked] = (),
    undertaking: str = "",
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    """Accept. One read, one write: this is done for every application there is."""
    held = hold(cases, case_id, expected_version, principal, now)
    case, by = held.case, actor(principal)
    case.accept(_promise(held), by, at=now)
    if deferred:
        check_trusted(cases, case.uscc, field="deferred")
        item = cases.reference.catalogue(case.catalogue).item(case.item_code)
        case.defer(
            deferred,
            undertaking,
            by,
            deferrable=item.deferrable_materials,
            calendar=held.calendar,
            at=now,
        )
    cases.save(held.case, held.calendar, at=now)
    return held.case


def deem_accepted(cases: CaseStore, case_id: UUID, *, now: datetime) -> None:
    """Let the law accept a case whose notice period ran out in silence."""
    held = cases.hold(case_id, today=local_day(now))
    held.case.deem_accepted(held.calendar)
    cases.save(held.case, held.calendar, at=now)


def refuse_case(
    cases: CaseStore,
    projects: ProjectStore,
    case_id: UUID,
    reason: str,
    *,
    document: str = "",
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.refuse(reason, actor(principal), at=now, document=document)
    projects.lock(held.case.project_id)
    cases.save(held.case, held.calendar, at=now)
    follow_case(projects, cases.reference, held.case, now=now)
    return held.case


def pause_case(
    cases: CaseStore,
    case_id: UUID,
    procedure: str,
    *,
    starts_on: date | None,
    expected_end: date,
    reason: str,
    document: str = "",
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.ask_pause(
        procedure,
        actor(principal),
        starts_on=starts_on or local_day(now),
        expected_end=expected_end,
        reason=reason,
        calendar=held.calendar,
        at=now,
        document=document,
    )
    cases.save(held.case, held.calendar, at=now)
    return held.case


def decide_pause(
    cases: CaseStore,
    case_id: UUID,
    approved: bool,
    *,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.decide_pause(approved, actor(principal), calendar=held.calendar, at=now)
    cases.save(held.case, held.calendar, at=now)
    return held.case


def resume_case(
    cases: CaseStore,
    case_id: UUID,
    *,
    on: date | None = None,
    document: str = "",
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.resume(actor(principal), at=now, on=on, document=document)
    cases.save(held.case, held.calendar, at=now)
    return held.case


def decide_case(
    cases: CaseStore,
    projects: ProjectStore,
    case_id: UUID,
    outcome: str,
    reason: str,
    *,
    public_reason: str = "",
    document: str = "",
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    case = held.case
    projects.lock(case.project_id)
    case.decide(
        outcome,
        reason,
        actor(principal),
        open_prerequisites=projects.open_among(case.project_id, case.prerequisites),
        calendar=held.calendar,
        at=now,
        public_reason=public_reason,
        document=document,
    )
    cases.save(case, held.calendar, at=now)
    follow_case(projects, cases.reference, case, now=now)
    return case


def deliver_case(
    cases: CaseStore,
    case_id: UUID,
    *,
    on: date | None = None,
    document: str = "",
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> Case:
    held = hold(cases, case_id, expected_version, principal, now)
    held.case.deliver(actor(principal), at=now, on=on, document=document)
    cases.save(held.case, held.calendar, at=now)
    return held.case


def _promise(held: Held) -> Limit:
    # A minimum period is no promise, whatever was promised for the item.
    rules = held.case.rules
    return held.promised if rules.committed.days is not None else rules.committed
