"""A plan becomes a baseline by agreement, and is held against what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from approval_tracking.domain.agreement import (
    DEPARTMENT,
    NoPlanProposed,
    Signature,
    check_agreed,
    party_of,
    sign,
)
from approval_tracking.domain.errors import PlanUnknown
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.projects import PROPOSED, KeptPlan, read_plan
from chassis.errors import FieldInvalid, Stale
from chassis.identity import Principal


@dataclass(frozen=True)
class Deviation:
    """One item: when it was to end by the baseline, when it did or now will, and the days between.

    `days` are working days, positive when later. An item only one of the plans has leaves the
    other's days out.
    """

    code: str
    name: str
    org: str
    baseline_finish: date | None
    expected_finish: date | None
    done_on: date | None
    days: int
    critical: bool


def propose_plan(
    projects: ProjectStore, project_id: UUID, *, reason: str, expected_version: int
) -> KeptPlan:
    """Put the present draft up for signature; from the second baseline on it says why."""
    projects.get(project_id, lock=True)
    draft = projects.plan(project_id)
    _expect(draft, expected_version, project_id)
    if projects.last_baseline(project_id) and not reason:
        raise FieldInvalid(
            field="reason",
            zh_why="变更基线须说明原因",
            en_why="a new baseline says why it replaces the old one",
        )
    return projects.propose_plan(draft, reason=reason)


def sign_plan(
    projects: ProjectStore,
    project_id: UUID,
    *,
    note: str,
    expected_version: int,
    principal: Principal,
    now: datetime,
) -> KeptPlan:
    """Agree for one's company, carrier or department to what is up for signature."""
    projects.get(project_id, lock=True)
    proposed = _proposed(projects, project_id)
    _expect(proposed, expected_version, project_id)
    party = party_of(principal.roles)
    signatures = sign(
        proposed.signatures,
        Signature(
            party=party,
            org=principal.org if party == DEPARTMENT else "",
            account=principal.account_id,
            name=principal.name or principal.username,
            at=now,
            note=note,
        ),
        bodies={node["org"] for node in proposed.content["nodes"]},
    )
    projects.sign_plan(project_id, signatures)
    return _proposed(projects, project_id)


def baseline_plan(
    projects: ProjectStore, project_id: UUID, *, reason: str, expected_version: int, now: datetime
) -> KeptPlan:
    """Freeze what all have signed as the next baseline. `reason` is the approver's own, if any."""
    projects.get(project_id, lock=True)
    proposed = _proposed(projects, project_id)
    _expect(proposed, expected_version, project_id)
    check_agreed(proposed.signatures)
    draft = projects.plan(project_id)
    frozen = read_plan({**proposed.content, "baseline": projects.last_baseline(project_id) + 1})
    kept = projects.put_plan(
        frozen,
        seen=draft.version,
        provisional=proposed.provisional,
        catalogue=proposed.catalogue,
        laid_on=proposed.laid_on,
        at=now,
        reason="; ".join(filter(None, (proposed.reason, reason))),
        signatures=proposed.signatures,
    )
    projects.drop_proposal(project_id)
    return kept


def compare_plan(
    projects: ProjectStore, reference: Reference, project_id: UUID, baseline: int
) -> tuple[KeptPlan, list[Deviation]]:
    """Hold a baseline (0: the newest) against the present plan, which has what is done."""
    number = baseline or projects.last_baseline(project_id)
    if not number:
        raise PlanUnknown(project_id=project_id)
    frozen, present = projects.plan(project_id, number), projects.plan(project_id)
    calendar = reference.calendar_reaching(_last_year(frozen, present))
    was, is_now = _nodes(frozen), _nodes(present)
    deviations = []
    for code in [*was, *(code for code in is_now if code not in was)]:
        then, now = was.get(code), is_now.get(code)
        node = now or then or {}
        planned = _day(then["early_finish"]) if then else None
        expected = _day(now["early_finish"]) if now else None
        days = calendar.working_days_between(planned, expected) if planned and expected else 0
        deviations.append(
            Deviation(
                code=code,
                name=node["item_name"],
                org=node["org"],
                baseline_finish=planned,
                expected_finish=expected,
                done_on=_day(now["done_on"]) if now else None,
                days=days,
                critical=bool(now and now["critical"]),
            )
        )
    return frozen, deviations


def get_plan(
    projects: ProjectStore, project_id: UUID, baseline: int, *, proposed: bool
) -> KeptPlan:
    return _proposed(projects, project_id) if proposed else projects.plan(project_id, baseline)


def _proposed(projects: ProjectStore, project_id: UUID) -> KeptPlan:
    found = projects.find_plan(project_id, PROPOSED)
    if found is None:
        raise NoPlanProposed(project_id=project_id)
    return found


def _expect(plan: KeptPlan, version: int, project_id: UUID) -> None:
    if version and plan.version != version:
        raise Stale(subject=project_id, version=plan.version, expected=version)


def _nodes(plan: KeptPlan) -> dict[str, Mapping[str, Any]]:
    return {node["item_code"]: node for node in plan.content["nodes"]}


def _last_year(*plans: KeptPlan) -> int:
    ends = [node["early_finish"] for plan in plans for node in plan.content["nodes"]]
    return max((date.fromisoformat(end).year for end in ends), default=plans[0].laid_on.year) + 1


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
