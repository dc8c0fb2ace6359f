"""What approvals, assignments and accounts change here, late and out of order included."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from kaigong.project_registry.v1 import project_registry_pb2 as pb

from chassis.clock import Clock
from chassis.db import Database
from chassis.events import Envelope
from chassis.ids import new_id
from project_registry.__main__ import SERVICE
from project_registry.store import Registry
from project_registry.usecases import following, loading
from support.registry import CITY, DANYANG, NAVIGATOR, NOON, Client

NOW: Clock = lambda: NOON  # noqa: E731


def progress(project_id: str, version: int, **states: str) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "version": version,
        "items": [
            {
                "item_code": code.replace("_", "-"),
                "stage": code[:2],
                "state": state,
                "done_on": "2026-11-20" if state == "done" else "",
            }
            for code, state in states.items()
        ],
    }


def progressed(call: Client, data: dict[str, Any]) -> None:
    with call.db.begin() as tx:
        following.follow_progress(Registry(tx), data, now=NOON)


@pytest.mark.article("A10.4")
def test_progress_moves_stage_and_pool_and_is_published(call: Client) -> None:
    project_id = call.register(CITY)
    progressed(call, progress(project_id, 1, S2_02="done", S3_05="in_progress"))

    project = call(CITY, "GetProject", project_id=project_id).project
    assert (project.stage, project.pool, project.version) == ("S3", pb.POOL_FILED, 2)
    changed, moved = call.facts()[1:]
    assert (changed[0], changed[1]["changed"]) == ("project_changed.v1", ["stage", "pool"])
    assert moved == (
        "project_stage_changed.v1",
        {"project_id": project_id, "from_stage": "S1", "to_stage": "S3", "on": "2026-11-23"},
    )
    line = call(CITY, "GetProjectHistory", project_id=project_id, field="stage").changes[0]
    assert (line.by, line.source, line.old, line.new) == ("", "progress", "S1", "S3")


def test_late_or_repeated_progress_changes_nothing(call: Client) -> None:
    project_id = call.register(CITY)
    newer = progress(project_id, 2, S3_05="in_progress")
    progressed(call, newer)
    progressed(call, progress(project_id, 1, S2_02="in_progress"))
    progressed(call, newer)

    assert call(CITY, "GetProject", project_id=project_id).project.stage == "S3"
    assert len(call.facts()) == 3


def test_progress_that_nobody_can_see_leaves_the_version(call: Client) -> None:
    project_id = call.register(CITY)
    progressed(call, progress(project_id, 1, S1_01="in_progress"))
    progressed(call, progress(project_id, 2, S1_01="done", S1_02="in_progress"))

    assert call(CITY, "GetProject", project_id=project_id).project.version == 1
    assert len(call.facts()) == 1


def test_when_everything_is_decided_the_project_is_done_and_produces(call: Client) -> None:
    project_id = call.register(CITY)
    progressed(call, progress(project_id, 1, S2_02="done", S6_08="done", S6_17="done"))

    project = call(CITY, "GetProject", project_id=project_id).project
    assert (project.stage, project.status, project.pool) == (
        "DONE",
        pb.PROJECT_STATUS_DONE,
        pb.POOL_PRODUCING,
    )
    shares = call(CITY, "ListPools")
    assert (shares.filed_of_signed, shares.producing_of_started) == ("1.0000", "1.0000")


def test_an_assigned_navigator_sees_his_project(call: Client) -> None:
    project_id = call.register(CITY)
    data = {
        "project_id": project_id,
        "version": 1,
        "agents": [NAVIGATOR.account_id],
        "agent_names": ["张三"],
        "assigned_by": DANYANG.account_id,
    }
    with call.db.begin() as tx:
        following.follow_assignment(Registry(tx), data, now=NOON)

    project = call(NAVIGATOR, "GetProject", project_id=project_id).project
    assert list(project.agent_names) == ["张三"]
    assert call.facts()[-1][1]["project"]["agents"] == [NAVIGATOR.account_id]
    line = call(CITY, "GetProjectHistory", project_id=project_id, field="agents").changes[0]
    assert (line.by, line.source) == (DANYANG.account_id, "assignment")


def account(version: int, **changed: Any) -> dict[str, Any]:
    return {
        "account_id": "00000000-0000-0000-0000-00000000000a",
        "version": version,
        "username": "b1.yunyang",
        "name": "赵六",
        "roles": ["B1"],
        "region": "321181001",
        "region_path": "321100/321181/321181001",
        "org": "",
        "companies": [],
        "active": True,
        **changed,
    }


def test_the_roster_follows_the_accounts_of_navigators(call: Client) -> None:
    def follow(data: dict[str, Any]) -> list[str]:
        with call.db.begin() as tx:
            following.follow_account(Registry(tx), data)
        return [each.name for each in call(DANYANG, "ListAgents", q="b1.yunyang").agents]

    assert follow(account(1)) == ["赵六"]
    assert follow(account(3, name="赵七")) == ["赵七"]
    assert follow(account(2)) == ["赵七"]
    assert follow(account(4, active=False)) == []
    assert [each.active for each in call(DANYANG, "ListAgents", q="赵", all=True).agents] == [False]
    assert follow(account(5, roles=["A2"])) == []


def test_an_account_that_navigates_nowhere_is_not_on_the_roster(call: Client) -> None:
    with call.db.begin() as tx:
        following.follow_account(Registry(tx), account(1, roles=["D1"]))

    assert len(call(DANYANG, "ListAgents", q="b1.yunyang", all=True).agents) == 0


def test_each_fact_is_followed_once(call: Client) -> None:
    project_id = call.register(CITY)
    worker = SERVICE.worker()()
    worker.db, worker.now = call.db, NOW
    data = progress(project_id, 1, S3_05="in_progress")
    body = Envelope(new_id(), "project_progressed.v1", "", UUID(project_id), 1, NOON, data).body()

    worker.on_project_progressed(body)
    worker.on_project_progressed(body)

    assert len(call.facts()) == 3


# --- the demonstration ------------------------------------------------------------------------------


def load(db: Database) -> int:
    new = 0
    for said in loading.demo_projects():
        with db.begin() as tx:
            new += loading.load_demo_project(Registry(tx), said, now=NOON)
    return new


@pytest.mark.article("A26.1")
def test_the_demonstration_is_loaded_once_through_the_use_cases(call: Client) -> None:
    assert (load(call.db), load(call.db)) == (12, 0)

    first = call(CITY, "GetProject", project_id=str(loading.demo_id("project", "P01"))).project
    assert first.details.name == "示例高性能复合材料项目"
    assert list(first.agents) == [str(loading.demo_id("account", "b1.xinqu"))]
    kinds = [kind for kind, _ in call.facts()]
    assert kinds.count("project_registered.v1") == 12
    assert kinds.count("past_decisions_recorded.v1") == 12
    with call.db.read() as connection:
        past = connection.scalar(sa.text("select count(*) from projects where past <> '{}'"))
    assert past == 12


def test_a_project_keeps_its_fields_through_the_database(call: Client) -> None:
    load(call.db)
    with call.db.begin() as tx:
        registry = Registry(tx)
        stored = registry.projects.get(loading.demo_id("project", "P05"))
        registry.projects.save(stored, at=NOON)
        again = registry.projects.get(stored.id)

    assert again == stored
    assert (again.details.admin_region, again.region_path) == (
        "321111",
        "321100/321172/Z321172-01",
    )


@pytest.mark.article("A10.5")
def test_a_finished_project_is_archived_and_one_with_an_open_item_is_not(call: Client) -> None:
    project_id = call.register(CITY)
    one = {"project_id": project_id, "reason": "不动产首次登记完成"}
    progressed(call, progress(project_id, 1, S2_02="done", S6_17="in_progress"))
    early = call.refused(CITY, "ArchiveProject", **one)
    progressed(call, progress(project_id, 2, S2_02="done", S6_17="done"))
    elsewhere = call.refused(DANYANG, "ArchiveProject", **one)
    archived = call(CITY, "ArchiveProject", **one).project

    assert early[:2] == ("FAILED_PRECONDITION", "PROJECT_NOT_FINISHED")
    assert elsewhere[1] == "LEVEL_NOT_YOURS"
    assert archived.status == pb.PROJECT_STATUS_ARCHIVED
    name, data = call.facts()[-1]
    assert (name, data["project"]["status"]) == ("project_changed.v1", "archived")
    assert call.refused(CITY, "ArchiveProject", **one)[1] == "PROJECT_ARCHIVED"
    start = call.refused(CITY, "SetActualStart", project_id=project_id, on="2026-09-28")
    assert start[1] == "PROJECT_ARCHIVED"
    line = call(CITY, "GetProjectHistory", project_id=project_id, field="archived_reason")
    assert line.changes[0].new == one["reason"]
