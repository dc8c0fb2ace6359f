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
from chassis.objects import ObjectStore
from proxy_log.api import ProxyLog
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
        [B1, OTHER_B1, B2, FAR_B2],
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
