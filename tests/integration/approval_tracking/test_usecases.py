"""The life of a case, its project's list and its plan, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from approval_tracking import queries
from approval_tracking.domain.case import Case
from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.errors import (
    CaseAlreadyOpen,
    CaseNotOpen,
    CommitmentTooLong,
    DutiesNotSeparated,
    ItemNotApplicable,
    MandateMissing,
    NewSupplementEntry,
    NotTheDecidingBody,
    PauseWithoutBasis,
    PrerequisiteOpen,
    RegionNotYours,
)
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.store.projects import PastDecision
from approval_tracking.usecases import cases as acts
from approval_tracking.usecases import demo
from approval_tracking.usecases import projects as project_acts
from approval_tracking.usecases.data import load_data, read_data, set_commitment
from chassis.errors import FieldInvalid, OutOfScope, Stale
from chassis.events import read_instant
from chassis.identity import Principal, Scope
from support.approvals import (
    COMPANY,
    ELSEWHERE,
    HEAD,
    MONDAY,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    WINDOW,
    person,
    project_state,
    shanghai,
)

Arrived = Callable[..., UUID]
ENERGY = "S2-06"


@pytest.fixture
def submitted(cases: CaseStore, projects: ProjectStore, arrived: Arrived) -> Case:
    return submit(cases, projects, arrived())


def submit(
    cases: CaseStore,
    projects: ProjectStore,
    project_id: UUID,
    item: str = ENERGY,
    by: Principal = COMPANY,
) -> Case:
    return acts.submit_case(
        cases,
        projects,
        project_id,
        item,
        mode="single",
        case_id=uuid4(),
        principal=by,
        now=MONDAY,
    )


def done(projects: ProjectStore, cases: CaseStore, project_id: UUID, *codes: str) -> None:
    decisions = [PastDecision(code, date(2026, 2, 3), date(2026, 2, 4)) for code in codes]
    project_acts.record_past_decisions(projects, cases.reference, project_id, decisions, now=MONDAY)


def test_a_case_goes_from_receipt_to_delivery(
    cases: CaseStore, projects: ProjectStore, arrived: Arrived, told: Callable[[], list[str]]
) -> None:
    project_id = arrived()
    done(projects, cases, project_id, "S2-01")
    case_id = submit(cases, projects, project_id).id
    now = MONDAY + timedelta(days=1)

    accepted = acts.accept_case(cases, case_id, expected_version=1, principal=REVIEWER, now=now)
    asked = acts.pause_case(
        cases,
        case_id,
        "节能评审(委托)",
        starts_on=None,
        expected_end=date(2026, 3, 20),
        reason="",
        expected_version=2,
        principal=REVIEWER,
        now=now + timedelta(days=1),
    )
    paused = acts.decide_pause(
        cases, case_id, True, expected_version=3, principal=HEAD, now=now + timedelta(days=1)
    )
    statuses = [accepted.status, asked.status, paused.status]
    resumed = acts.resume_case(
        cases, case_id, expected_version=4, principal=REVIEWER, now=now + timedelta(days=7)
    )
    decided = acts.decide_case(
        cases,
        projects,
        case_id,
        "approved",
        "",
        expected_version=5,
        principal=HEAD,
        now=now + timedelta(days=8),
    )
    delivered = acts.deliver_case(
        cases, case_id, expected_version=6, principal=WINDOW, now=now + timedelta(days=9)
    )

    assert statuses == ["in_review", "in_review", "suspended"]
    assert (resumed.status, decided.status, delivered.status) == (
        "in_review",
        "decided",
        "delivered",
    )
    assert projects.items(project_id)[ENERGY].done_on == date(2026, 3, 11)
    assert told()[-4:] == [
        "case_decided.v1",
        "project_progressed.v1",
        "case_clock_changed.v1",
        "case_delivered.v1",
    ]


def test_a_case_read_back_has_the_clock_it_was_written_with(
    cases: CaseStore, submitted: Case, tx: sa.Connection
) -> None:
    acts.accept_case(cases, submitted.id, expected_version=0, principal=REVIEWER, now=MONDAY)

    row = queries.find_case(tx, submitted.id, Scope.of(COMPANY))
    held = cases.hold(submitted.id, today=MONDAY.date())

    assert row.state["clock"]["committed_due"] == "2026-03-09"
    assert row.state["clock"]["statutory_due"] == "2026-03-30"
    assert row.state["clock"]["yellow_on"] == "2026-03-06"
    assert held.case.clock(held.calendar).committed_due == date(2026, 3, 9)
    assert row.record["receipt_number"].startswith("321181-20260302-")


def test_a_second_application_for_the_same_item_is_refused(
    cases: CaseStore, projects: ProjectStore, submitted: Case
) -> None:
    with pytest.raises(CaseAlreadyOpen, match=str(submitted.id)):
        submit(cases, projects, submitted.project_id)


def test_an_item_the_project_does_not_need_is_refused(
    cases: CaseStore, projects: ProjectStore, arrived: Arrived
) -> None:
    with pytest.raises(ItemNotApplicable, match="S2-14"):
        submit(cases, projects, arrived(), "S2-14")


@pytest.mark.parametrize(
    ("by", "refusal"),
    [
        pytest.param(STRANGER, OutOfScope, id="another company"),
        pytest.param(
            person("A1", "w", region_path="321100/321183"), OutOfScope, id="another window"
        ),
        pytest.param(person("B3", "b3"), MandateMissing, id="a navigator not bound to it"),
    ],
)
def test_only_the_company_its_navigator_and_the_window_apply(
    cases: CaseStore,
    projects: ProjectStore,
    arrived: Arrived,
    by: Principal,
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        submit(cases, projects, arrived(), by=by)


@pytest.mark.parametrize("by", [COMPANY, WINDOW, NAVIGATOR], ids=lambda p: p.username)
def test_the_company_its_navigator_or_the_window_may_apply(
    cases: CaseStore, projects: ProjectStore, arrived: Arrived, by: Principal
) -> None:
    assert submit(cases, projects, arrived(), by=by).status == "received"


def test_another_body_sees_no_case_and_accepts_none(
    cases: CaseStore, submitted: Case, tx: sa.Connection
) -> None:
    with pytest.raises(OutOfScope):
        acts.accept_case(cases, submitted.id, expected_version=0, principal=ELSEWHERE, now=MONDAY)
    with pytest.raises(OutOfScope):
        queries.find_case(tx, submitted.id, Scope.of(ELSEWHERE))
    dispatcher = person("D1", "d1")
    assert queries.find_case(tx, submitted.id, Scope.of(dispatcher)).state["status"] == "received"
    with pytest.raises(NotTheDecidingBody):
        acts.accept_case(cases, submitted.id, expected_version=0, principal=WINDOW, now=MONDAY)


def test_a_stale_version_changes_nothing(cases: CaseStore, submitted: Case) -> None:
    with pytest.raises(Stale):
        acts.accept_case(cases, submitted.id, expected_version=7, principal=REVIEWER, now=MONDAY)

    assert cases.hold(submitted.id, today=MONDAY.date()).case.version == 1


def test_who_reviewed_does_not_decide(
    cases: CaseStore, projects: ProjectStore, submitted: Case
) -> None:
    acts.accept_case(cases, submitted.id, expected_version=0, principal=REVIEWER, now=MONDAY)

    with pytest.raises(DutiesNotSeparated):
        acts.decide_case(
            cases,
            projects,
            submitted.id,
            "approved",
            "",
            expected_version=0,
            principal=person("A3", "reviewer", org="321181:发改"),
            now=MONDAY,
        )


def test_nothing_is_approved_before_its_prerequisites(
    cases: CaseStore, projects: ProjectStore, submitted: Case
) -> None:
    acts.accept_case(cases, submitted.id, expected_version=0, principal=REVIEWER, now=MONDAY)

    with pytest.raises(PrerequisiteOpen, match="S2-01"):
        acts.decide_case(
            cases,
            projects,
            submitted.id,
            "approved",
            "",
            expected_version=0,
            principal=HEAD,
            now=MONDAY,
        )


def test_a_rejection_says_why_and_frees_the_item(
    cases: CaseStore, projects: ProjectStore, submitted: Case
) -> None:
    acts.accept_case(cases, submitted.id, expected_version=0, principal=REVIEWER, now=MONDAY)

    def reject(reason: str) -> Case:
        return acts.decide_case(
            cases,
            projects,
            submitted.id,
            "rejected",
            reason,
            expected_version=0,
            principal=HEAD,
            now=MONDAY,
        )

    with pytest.raises(FieldInvalid, match="reason"):
        reject("")
    assert reject("能耗超出控制目标").outcome == "rejected"
    assert projects.items(submitted.project_id)[ENERGY].state == "not_started"
    assert submit(cases, projects, submitted.project_id).status == "received"


def test_a_second_notice_only_repeats_the_first(
    cases: CaseStore, projects: ProjectStore, submitted: Case
) -> None:
    def ask(*entries: str) -> Case:
        return acts.request_supplement(
            cases,
            projects,
            submitted.id,
            entries,
            expected_version=0,
            principal=WINDOW,
            now=MONDAY,
        )

    assert ask("节能报告", "企业承诺").status == "supplementing"
    later = MONDAY + timedelta(days=3)
    acts.supplement_case(cases, submitted.id, [1], expected_version=0, principal=COMPANY, now=later)
    with pytest.raises(NewSupplementEntry, match="节能报告"):
        ask("节能报告")
    with pytest.raises(NewSupplementEntry, match="新要求"):
        ask("企业承诺", "新要求")
    assert ask("企业承诺").status == "supplementing"


def test_a_pause_without_a_basis_in_law_is_refused(cases: CaseStore, submitted: Case) -> None:
    acts.accept_case(cases, submitted.id, expected_version=0, principal=REVIEWER, now=MONDAY)

    with pytest.raises(PauseWithoutBasis):
        acts.pause_case(
            cases,
            submitted.id,
            "征求意见",
            starts_on=None,
            expected_end=date(2026, 3, 20),
            reason="",
            expected_version=0,
            principal=REVIEWER,
            now=MONDAY,
        )


def test_silence_becomes_acceptance_as_of_the_receipt(cases: CaseStore, submitted: Case) -> None:
    due = shanghai("2026-03-10T00:00:00")
    assert cases.due_for_acceptance(due - timedelta(seconds=1), most=10) == []
    later = due + timedelta(days=20)

    assert cases.due_for_acceptance(later, most=10) == [submitted.id]
    acts.deem_accepted(cases, submitted.id, now=later)

    held = cases.hold(submitted.id, today=later.date())
    clock = held.case.clock(held.calendar)
    assert (clock.started_on, clock.happenings[-1].at) == (MONDAY.date(), due)
    assert cases.due_for_acceptance(later, most=10) == []
    with pytest.raises(CaseNotOpen):
        acts.deem_accepted(cases, submitted.id, now=later)


@pytest.mark.article("A02.3")
def test_a_districts_promise_binds_that_district_from_its_day_on(
    cases: CaseStore, projects: ProjectStore, arrived: Arrived
) -> None:
    def promise(days: str, region: str = "321181") -> None:
        set_commitment(
            cases.reference,
            ENERGY,
            region,
            Limit(Decimal(days), "working"),
            effective_from=None,
            own_region="321181",
            any_region=False,
            by="d1",
            today=MONDAY.date(),
            now=MONDAY,
        )

    def accepted_due(region_path: str, org: str) -> date | None:
        project_id = arrived(region_path=region_path)
        window = person("A1", "w", region_path=region_path)
        case = submit(cases, projects, project_id, by=window)
        reviewer = person("A2", "r", region_path=region_path, org=org)
        acts.accept_case(cases, case.id, expected_version=0, principal=reviewer, now=MONDAY)
        held = cases.hold(case.id, today=MONDAY.date())
        return held.case.clock(held.calendar).committed_due

    running = submit(cases, projects, arrived())
    acts.accept_case(cases, running.id, expected_version=0, principal=REVIEWER, now=MONDAY)
    with pytest.raises(CommitmentTooLong):
        promise("6")
    with pytest.raises(RegionNotYours):
        promise("3", region="321183")
    promise("3")

    assert accepted_due("321100/321181", "321181:发改") == date(2026, 3, 5)
    assert accepted_due("321100/321183", "321183:发改") == date(2026, 3, 9)
    held = cases.hold(running.id, today=MONDAY.date())
    assert held.case.clock(held.calendar).committed_due == date(2026, 3, 9)


def test_a_changed_attribute_changes_the_list_at_once(
    cases: CaseStore, projects: ProjectStore, told: Callable[[], list[str]]
) -> None:
    state = project_state()
    project_id = UUID(state["project_id"])
    project_acts.take_project(projects, cases, state, now=MONDAY)
    before = {code for code, item in projects.items(project_id).items() if item.applicable}
    newer = {**state, "version": 2, "attributes": {"eia_class": '"report"'}}

    project_acts.take_project(projects, cases, newer, now=MONDAY)
    older = project_acts.take_project(projects, cases, state, now=MONDAY)

    after = {code for code, item in projects.items(project_id).items() if item.applicable}
    assert "S2-09" in before
    assert "S2-08" in after
    assert "S2-09" not in after
    assert older is None
    assert told().count("project_progressed.v1") == 2


def test_a_plan_that_did_not_move_is_not_told_again(
    cases: CaseStore, projects: ProjectStore, arrived: Arrived, told: Callable[[], list[str]]
) -> None:
    project_id = arrived()

    first = projects.plan(project_id)
    again = project_acts.lay_plan(projects, cases.reference, project_id, now=MONDAY)

    assert (first.version, again.version) == (1, 1)
    assert told().count("plan_baselined.v1") == 1
    assert first.content["critical_path"]


def test_past_decisions_may_come_before_their_project(
    cases: CaseStore, projects: ProjectStore
) -> None:
    state = project_state()
    project_id = UUID(state["project_id"])
    done(projects, cases, project_id, "S2-01", "S2-02")

    project_acts.take_project(projects, cases, state, now=MONDAY)

    items = projects.items(project_id)
    assert (items["S2-02"].state, items["S2-02"].historical) == ("done", True)
    assert projects.plan(project_id).content["nodes"][0]["done_on"] == "2026-02-04"


def test_open_cases_follow_their_project(cases: CaseStore, projects: ProjectStore) -> None:
    state = project_state()
    project_acts.take_project(projects, cases, state, now=MONDAY)
    case = submit(cases, projects, UUID(state["project_id"]))

    newer = {**state, "version": 2, "agents": ["somebody"]}
    project_acts.take_project(projects, cases, newer, now=MONDAY)

    held = cases.hold(case.id, today=MONDAY.date())
    assert (held.case.agents, held.case.version) == (("somebody",), 2)


def test_loading_the_data_again_changes_nothing(cases: CaseStore) -> None:
    assert load_data(cases.reference, now=MONDAY) == []


def test_the_demonstrations_cases_are_played_once_their_project_arrives(
    cases: CaseStore, projects: ProjectStore, tx: sa.Connection, arrived: Arrived
) -> None:
    now = shanghai("2026-11-24T09:00:00")
    wanted = read_data("demo_cases.yaml")["projects"]
    assert demo.load_demo(projects, cases, now=now) == (0, len(wanted))
    name = "示例高性能复合材料项目"
    project_id = arrived(
        now,
        name=name,
        region_path="321100/321171/321171002",
        attributes={"is_special_fire_project": "true", "has_civil_building": "true"},
    )
    project = projects.get(project_id)

    demo.play_waiting(projects, cases, project, now=now)
    demo.play_waiting(projects, cases, project, now=now)
    again = demo.load_demo(projects, cases, now=now)

    rows = tx.execute(sa.text("select item_code, status, state from cases")).all()
    assert {row.item_code: row.status for row in rows} == {
        "S4-02": "in_review",
        "S5-01": "in_review",
        "S4-11": "in_review",
    }
    received: list[Any] = [read_instant(row.state["received_at"]) for row in rows]
    assert max(received) < now
    assert again == (1, len(wanted) - 1)
