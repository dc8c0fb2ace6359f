"""The gRPC edge on a real database: bind, file, change, photograph, list."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.api import httpbody_pb2
from kaigong.proxy_log.v1 import proxy_log_pb2 as pb
from kaigong.proxy_log.v1 import proxy_log_pb2_grpc as pb_grpc
from PIL import Image

from chassis.db import Database
from chassis.identity import Principal
from chassis.objects import ObjectStore
from proxy_log.api import ProxyLog
from proxy_log.domain import Served
from proxy_log.store import Diary, log_entries, metadata, photos, projects
from support.clocks import at, project_state
from support.desk import person
from support.servicers import Client, serving

TOWN = "321100/321181/321181113"
MAIN, BACKUP = str(UUID(int=101)), str(UUID(int=102))
B1 = replace(person("b1", "B1", region_path=TOWN), account_id=MAIN)
OTHER_B1 = replace(person("b1.backup", "B1", region_path=TOWN), account_id=BACKUP)
B2 = person("b2", "B2", region_path=TOWN)
FAR_B2 = person("b2.jurong", "B2", region_path="321100/321183")
PROJECT = str(UUID(int=7))


class Office:
    def __init__(self, db: Database) -> None:
        self.db, self.now = db, at("2026-10-08 10:00")

    def rows(self, table: sa.Table) -> list[Any]:
        with self.db.read() as connection:
            return list(connection.execute(sa.select(table)))

    def published(self) -> list[dict[str, Any]]:
        return [row.envelope for row in self.rows(metadata.tables["outbox"])]


@pytest.fixture
def office(db: Database) -> Office:
    with db.begin() as tx:
        diary = Diary(tx)
        diary.keep_project(project_state(agents=[]))
        for account_id in (MAIN, BACKUP):
            who = {"account_id": account_id, "version": 1, "name": "帮办", "roles": ["B1"]}
            diary.keep_navigator({**who, "region_path": TOWN, "active": True})
    return Office(db)


@pytest.fixture
def call(office: Office, tmp_path: Path) -> Iterator[Client]:
    servicer = ProxyLog(office.db, lambda: office.now, ObjectStore(tmp_path.as_uri()))
    with serving(
        lambda server: pb_grpc.add_ProxyLogServiceServicer_to_server(servicer, server),
        pb_grpc.ProxyLogServiceStub,
        pb,
        [B1, OTHER_B1, B2, FAR_B2, E1, OTHER_E1, B3, A3, OTHER_A3],
    ) as client:
        yield client


def assign(call: Client, **more: Any) -> Any:
    fields = {"project_id": PROJECT, "main": MAIN, "backups": [BACKUP], **more}
    return call(B2, "AssignAgents", str(uuid4()), **fields)


def file(call: Client, key: str = "") -> Any:
    fields = {"project_id": PROJECT, "kind": 1, "worked_on": "2026-10-08", "work": "到现场走访"}
    return call(B1, "FileLog", key or str(uuid4()), **fields).log


def body(content: bytes) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="image/jpeg", data=content)


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "green").save(out, "JPEG")
    return out.getvalue()


def test_those_assigned_are_told_of_whole_and_a_stale_assignment_is_refused(
    office: Office, call: Client
) -> None:
    assign(call)

    (fact,) = office.published()
    data = fact["data"]
    assert (data["agents"], data["version"]) == ([MAIN, BACKUP], 1)
    assign(call)
    fields = {"project_id": PROJECT, "main": MAIN, "backups": [BACKUP], "expected_version": 1}
    assert call.refused(B2, "AssignAgents", "k", **fields)[:2] == ("ABORTED", "STALE")
    assert call.refused(FAR_B2, "AssignAgents", "k", **fields)[1] == "OUT_OF_SCOPE"


def test_a_log_filed_twice_with_one_key_is_filed_once(office: Office, call: Client) -> None:
    assign(call)

    assert file(call, "k1").log_id == file(call, "k1").log_id

    assert len(office.rows(log_entries)) == 1
    assert len(office.published()) == 3


def test_a_log_is_its_authors_for_a_day(office: Office, call: Client) -> None:
    assign(call)
    log_id = file(call).log_id
    change = {"log_id": log_id, "work": "改过的记录"}

    assert call.refused(OTHER_B1, "ChangeLog", "k0", **change)[1] == "NOT_THE_AUTHOR"
    assert call(B1, "ChangeLog", "k1", **change).log.version == 2
    stale = call.refused(B1, "ChangeLog", "k2", expected_version=1, **change)
    assert stale[1] == "STALE"
    assert call.refused(FAR_B2, "GetLog", log_id=log_id)[1] == "OUT_OF_SCOPE"
    office.now += timedelta(hours=24, seconds=1)
    assert call.refused(B1, "ChangeLog", "k3", **change)[1] == "LOG_FROZEN"


def test_a_photo_comes_back_as_it_went_in_and_a_bad_one_leaves_nothing(
    office: Office, call: Client
) -> None:
    assign(call)
    log_id, content = file(call).log_id, jpeg()

    for bad in (b"%PDF-1.7", content[:-400]):
        refusal = call.refused(B1, "AddPhoto", str(uuid4()), log_id=log_id, file=body(bad))
        assert refusal[1] == "NOT_A_PHOTO"
    assert office.rows(photos) == []
    added = call(B1, "AddPhoto", "k", log_id=log_id, file=body(content)).photo

    read = call(B2, "GetPhoto", log_id=log_id, photo_id=added.photo_id)
    assert (read.content_type, read.data) == ("image/jpeg", content)


def test_pages_hold_each_log_once_though_one_is_filed_between(office: Office, call: Client) -> None:
    assign(call)
    filed = [file(call).log_id for _ in range(5)]

    first = call(B2, "ListLogs", page_size=2)
    office.now += timedelta(minutes=1)
    file(call)
    second = call(B2, "ListLogs", page_size=3, page_token=first.next_page_token)

    assert sorted(each.log_id for each in (*first.logs, *second.logs)) == sorted(filed)
    assert second.next_page_token == ""
    assert len(call(FAR_B2, "ListLogs").logs) == 0


def test_an_older_project_never_overwrites_a_newer_one(office: Office) -> None:
    with office.db.begin() as tx:
        for version, name in ((3, "new"), (2, "old"), (3, "again")):
            Diary(tx).keep_project(project_state(version=version, name=name))

    (row,) = office.rows(projects)
    assert (row.version, row.name) == (3, "new")


# --- ratings 好差评 --------------------------------------------------------------------------------

USCC = "91321181000000027K"
E1 = person("e1.p02", "E1", region_path="", companies=frozenset({USCC}))
OTHER_E1 = person("e1.p01", "E1", region_path="", companies=frozenset({"913211710000000199"}))
B3 = person("b3", "B3")
A3 = person("a3.fagai", "A3", org="321181:发改")
OTHER_A3 = person("a3.zhujian", "A3", org="321181:住建")
CASE = str(UUID(int=11))


def decided(office: Office) -> None:
    with office.db.begin() as tx:
        Diary(tx).keep_served(Served("case", CASE, UUID(PROJECT), "321181:发改"))


def rate(call: Client, score: int = 2, **more: Any) -> Any:
    fields = {"project_id": PROJECT, "subject_type": 1, "subject_id": CASE, "score": score, **more}
    return call(E1, "RateService", str(uuid4()), **fields).rating


def rated(office: Office) -> list[dict[str, Any]]:
    return [each["data"] for each in office.published() if each["type"] == "service_rated.v1"]


def test_a_bad_rating_is_followed_up_and_told_each_time(office: Office, call: Client) -> None:
    decided(office)
    made = rate(call, comment="等了太久")
    waiting = call(B3, "ListRatings", waiting=True).ratings
    office.now += timedelta(hours=3)
    done = call(B3, "ContactRater", rating_id=made.rating_id, finding="已致歉并补办").rating

    assert [each.rating_id for each in waiting] == [made.rating_id]
    assert (done.version, done.finding) == (2, "已致歉并补办")
    assert call(B3, "ListRatings", waiting=True).ratings == []
    first, second = rated(office)
    assert (first["score"], first["org"], first["contacted_at"]) == (2, "321181:发改", None)
    assert second["contacted_at"]


def test_it_is_changed_within_thirty_days_and_another_score_is_followed_up_anew(
    office: Office, call: Client
) -> None:
    decided(office)
    made = rate(call, 1)
    call(B3, "ContactRater", rating_id=made.rating_id, finding="已核实")
    office.now += timedelta(days=30)
    changed = rate(call, 2)
    office.now += timedelta(seconds=1)
    fields: dict[str, Any] = {"subject_type": 1, "subject_id": CASE, "score": 5}

    assert (changed.rating_id, changed.version, changed.finding) == (made.rating_id, 3, "")
    assert call.refused(E1, "RateService", project_id=PROJECT, **fields).reason == "RATING_FIXED"


@pytest.mark.parametrize(
    ("who", "fields", "reason"),
    [
        pytest.param(E1, {"subject_id": str(UUID(int=12))}, "NOT_SERVED", id="not decided"),
        pytest.param(E1, {"subject_type": 3, "subject_id": "b9"}, "NOT_SERVED", id="not bound"),
        pytest.param(OTHER_E1, {}, "OUT_OF_SCOPE", id="another company"),
        pytest.param(B3, {}, "NOT_YOUR_ROLE", id="an official"),
    ],
)
def test_only_who_was_served_rates(
    office: Office, call: Client, who: Principal, fields: dict[str, Any], reason: str
) -> None:
    decided(office)
    asked = {"project_id": PROJECT, "subject_type": 1, "subject_id": CASE, "score": 5, **fields}

    assert call.refused(who, "RateService", **asked).reason == reason


def test_a_navigator_is_rated_and_does_not_follow_it_up_himself(
    office: Office, call: Client
) -> None:
    assign(call)
    made = rate(call, 1, subject_type=3, subject_id=MAIN)
    own = call(B3, "ListRatings").averages

    assert made.org == ""
    assert [(each.agent, each.average, each.count) for each in own] == [(MAIN, "1.0", 1)]
    assert call.refused(B1, "ContactRater", rating_id=made.rating_id, finding="自查").reason == (
        "NOT_YOUR_ROLE"
    )


def test_a_good_rating_needs_no_follow_up_and_a_body_sees_its_own(
    office: Office, call: Client
) -> None:
    decided(office)
    made = rate(call, 4)
    refused = call.refused(B3, "ContactRater", rating_id=made.rating_id, finding="不必")

    assert refused.reason == "NOT_A_BAD_RATING"
    assert len(call(A3, "ListRatings").ratings) == 1
    assert call(OTHER_A3, "ListRatings").ratings == []
    assert len(call(E1, "ListRatings").ratings) == 1
    assert call(OTHER_E1, "ListRatings").ratings == []
