"""Who talks on a case, whom a message tells, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approval_tracking.domain.case import Case
from approval_tracking.domain.conversation import (
    COMPANY,
    DEPARTMENT,
    NAVIGATOR,
    WINDOW,
    Message,
    MessageFile,
    check_mentions,
)
from approval_tracking.domain.conversation_errors import (
    IssueTextMissing,
    NotADispatcher,
    NotInTheConversation,
)
from approval_tracking.domain.events import CaseMentioned, CaseOrderWanted
from approval_tracking.domain.issues import CaseIssue
from approval_tracking.store import CaseStore
from approval_tracking.store.conversations import ConversationStore
from approval_tracking.usecases.admission import hold
from approval_tracking.usecases.joint_reviews import bodies_of
from chassis.calendar import local_day
from chassis.errors import FieldInvalid, OutOfScope
from chassis.identity import Function, Principal, Right, Scope

_COMPANY, _WINDOW, _NAVIGATORS = ("E1", "E2"), "A1", ("B1", "B3")
_OF_THE_BODY = ("A2", "A3")
_EXCERPT = 80


@dataclass(frozen=True)
class Wanted:
    """An issue, or a work order, as it is asked for; what is empty follows from case and message."""

    text: str
    lead_org: str
    as_order: bool


def side_of(case: Case, principal: Principal) -> str:
    """Return on which side of the case somebody is, empty for who only looks on."""
    if principal.has_role(*_COMPANY) and case.uscc and case.uscc in principal.companies:
        return COMPANY
    if principal.has_role(*_OF_THE_BODY) and principal.org == case.org:
        return DEPARTMENT
    if principal.has_role(_WINDOW):
        return WINDOW
    if principal.has_role(*_NAVIGATORS) and principal.account_id in case.agents:
        return NAVIGATOR
    return ""


def post(
    talk: ConversationStore,
    cases: CaseStore,
    case_id: UUID,
    text: str,
    mentions: Sequence[str],
    *,
    internal: bool,
    message_id: UUID,
    principal: Principal,
    now: datetime,
) -> Message:
    case = hold(cases, case_id, 0, principal, now).case
    side = side_of(case, principal)
    if not side:
        raise NotInTheConversation
    if internal and side != DEPARTMENT:
        raise FieldInvalid(
            field="internal",
            zh_why="只有办理机关可以记录内部审查意见",
            en_why="only the deciding body has internal remarks",
        )
    talk.lock(case_id)
    message = Message(
        id=message_id,
        case_id=case_id,
        number=talk.next_number(case_id),
        side=side,
        author=principal.account_id,
        username=principal.username,
        author_name=principal.name or principal.username,
        org=principal.org,
        text=text,
        at=now,
        internal=internal,
        mentions=check_mentions(mentions, talk.participants(case_id, org=principal.org)),
    )
    talk.add(message)
    talk.read(case_id, principal.account_id, message.number)
    if message.mentions:
        _mention(talk, case, message)
    return message


def add_file(
    talk: ConversationStore,
    cases: CaseStore,
    case_id: UUID,
    message_id: UUID,
    file: MessageFile,
    *,
    principal: Principal,
    now: datetime,
) -> Message:
    message = _own(talk, cases, case_id, message_id, principal, now)
    message.add_file(file, by=principal.account_id, at=now)
    talk.save(message)
    return message


def edit(
    talk: ConversationStore,
    cases: CaseStore,
    case_id: UUID,
    message_id: UUID,
    text: str,
    *,
    principal: Principal,
    now: datetime,
) -> Message:
    message = _own(talk, cases, case_id, message_id, principal, now)
    message.edit(text, by=principal.account_id, at=now)
    talk.save(message)
    return message


def withdraw(
    talk: ConversationStore,
    cases: CaseStore,
    case_id: UUID,
    message_id: UUID,
    reason: str,
    *,
    principal: Principal,
    now: datetime,
) -> Message:
    message = _own(talk, cases, case_id, message_id, principal, now)
    message.withdraw(reason, by=principal.account_id, at=now)
    talk.save(message)
    return message


def names_of(principal: Principal) -> list[str]:
    """Return by what somebody is mentioned: by name, and as the side that he is on."""
    names = [principal.username]
    for side, roles in (
        (COMPANY, _COMPANY),
        (DEPARTMENT, _OF_THE_BODY),
        (WINDOW, (_WINDOW,)),
        (NAVIGATOR, _NAVIGATORS),
    ):
        if principal.has_role(*roles):
            names.append(side)
    return names


# --- issues ------------------------------------------------------------------------------------------


def raise_issue(
    talk: ConversationStore,
    cases: CaseStore,
    case_id: UUID,
    message_id: UUID | None,
    wanted: Wanted,
    *,
    issue_id: UUID,
    principal: Principal,
    now: datetime,
) -> CaseIssue:
    """Raise an issue on the case, of a message or directly; as an order it goes to warning_dispatch."""
    if wanted.as_order and not principal.holds(
        Function.FUNCTION_ORDER_DISPATCH, Right.RIGHT_CREATE
    ):
        raise NotADispatcher
    case = hold(cases, case_id, 0, principal, now).case
    message = talk.get(message_id, case_id, org=principal.org, lock=True) if message_id else None
    text = wanted.text or (message.text if message else "")
    if not text:
        raise IssueTextMissing(field="text")
    today = local_day(now)
    deciders, bodies = bodies_of(cases.reference, today)
    lead = wanted.lead_org or case.org
    bodies.check(lead, field="lead_org")
    district = case.region_path.split("/")[:2][-1]
    number = ""
    if not wanted.as_order:
        number = f"WT-{district}-{today.year}-{talk.next_serial(district, today.year):05d}"
    issue = CaseIssue(
        id=issue_id,
        number=number,
        case_id=case.id,
        project_id=case.project_id,
        project_name=case.project_name,
        item_name=case.item_name,
        stage=case.status,
        message_id=message.id if message else None,
        as_order=wanted.as_order,
        lead_org=lead,
        lead_org_name=deciders.name(lead),
        text=text,
        raised_by=principal.account_id,
        raised_at=now,
        region_path=case.region_path,
        level=case.level,
        uscc=case.uscc,
        agents=case.agents,
        org=case.org,
        # The order's own versions count from its first fact on.
        version=0 if wanted.as_order else 1,
    )
    talk.raise_issue(issue, message)
    if wanted.as_order:
        talk.want_order(
            CaseOrderWanted(
                order_id=issue.id,
                case_id=case.id,
                message_id=issue.message_id,
                project_id=case.project_id,
                lead_org=lead,
                lead_org_name=issue.lead_org_name,
                subject=f"{case.item_name} 办件问题",
                requirement=text,
                by=principal.account_id,
                by_name=principal.name or principal.username,
            ),
            at=now,
        )
    return issue


def answer_issue(
    talk: ConversationStore,
    issue_id: UUID,
    measures: str,
    *,
    principal: Principal,
    now: datetime,
) -> CaseIssue:
    issue = _issue(talk, issue_id, principal)
    issue.answer(measures, org=principal.org, by=principal.account_id, at=now)
    talk.save_issue(issue, by=principal.account_id, at=now)
    return issue


def close_issue(
    talk: ConversationStore,
    issue_id: UUID,
    note: str,
    *,
    reopen: bool,
    principal: Principal,
    now: datetime,
) -> CaseIssue:
    issue = _issue(talk, issue_id, principal)
    by = principal.account_id
    coordinates = principal.holds(Function.FUNCTION_COORDINATION, Right.RIGHT_APPROVE)
    if reopen:
        issue.reopen(note, by=by, coordinates=coordinates)
    else:
        issue.close(note, by=by, coordinates=coordinates, at=now)
    talk.save_issue(issue, by=by, at=now)
    return issue


def _issue(talk: ConversationStore, issue_id: UUID, principal: Principal) -> CaseIssue:
    issue, scope = talk.issue(issue_id, lock=True), Scope.of(principal)
    leads = bool(principal.org) and principal.org == issue.lead_org
    if not leads and not scope.admits(
        region_path=issue.region_path,
        level=issue.level,
        uscc=issue.uscc,
        agents=issue.agents,
        org=issue.org,
        project_id=str(issue.project_id),
    ):
        raise OutOfScope
    return issue


def _own(
    talk: ConversationStore,
    cases: CaseStore,
    case_id: UUID,
    message_id: UUID,
    principal: Principal,
    now: datetime,
) -> Message:
    hold(cases, case_id, 0, principal, now)
    return talk.get(message_id, case_id, org=principal.org, lock=True)


def _mention(talk: ConversationStore, case: Case, message: Message) -> None:
    named = set(message.mentions)
    inside = message.internal
    accounts = talk.accounts(case.id, [*named])
    talk.mention(
        CaseMentioned(
            message_id=message.id,
            case_id=case.id,
            project_id=case.project_id,
            project_name=case.project_name,
            item_name=case.item_name,
            region_path=case.region_path,
            level=case.level,
            author_name=message.author_name,
            text=message.text[:_EXCERPT],
            # Of an internal remark nobody outside the body hears, whoever is named.
            accounts=() if inside else (*accounts, *(case.agents if NAVIGATOR in named else ())),
            orgs=(case.org,) if DEPARTMENT in named or inside else (),
            uscc=case.uscc if COMPANY in named and not inside else "",
            roles=(_WINDOW,) if WINDOW in named and not inside else (),
        ),
        number=message.number,
        at=message.at,
    )
