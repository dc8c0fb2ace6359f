"""The one-off notice 一次性告知: kept as it was given, signed for by the company, shared without its secrets."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import docx
import grpc
import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.usecases.projects import take_project
from chassis.db import Database
from support.approvals import (
    COMPANY,
    ELSEWHERE,
    MONDAY,
    NAVIGATOR,
    REVIEWER,
    STRANGER,
    USCC,
    WINDOW,
    project_state,
    shanghai,
)
from support.servicers import Client


@pytest.fixture
def given(call: Client, project_id: str) -> Any:
    return call(WINDOW, "GiveGuideNotice", project_id=project_id, told_to="张三").notice


@pytest.fixture
def change(db: Database, project_id: str) -> Callable[..., None]:
    """Let the registry tell other attributes of the project."""
    version = iter(range(2, 10))

    def told(**attributes: Any) -> None:
        state = project_state(
            project_id=project_id,
            version=next(version),
            attributes={name: json.dumps(value) for name, value in attributes.items()},
        )
        with db.begin() as tx:
            take_project(ProjectStore(tx), CaseStore(tx), state, now=MONDAY)

    return told


def download(call: Client, notice: Any, who: Any = COMPANY) -> bytes:
    return bytes(call(who, "DownloadGuideNotice", notice_id=notice.notice_id).data)


def text_of(file: bytes) -> str:
    document = docx.Document(io.BytesIO(file))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(each.text for each in document.paragraphs), *cells])


def sign(call: Client, notice: Any, who: Any = COMPANY, **more: Any) -> Any:
    return call(who, "SignGuideNotice", notice_id=notice.notice_id, name="张三", **more).notice


# --- giving ------------------------------------------------------------------------------------


def test_a_notice_is_kept_with_what_was_told_to_whom_and_when(
    call: Client, given: Any, project_id: str
) -> None:
    file = download(call, given)
    (listed,) = call(COMPANY, "ListGuideNotices", project_id=project_id).notices

    assert (listed.number, listed.told_to, listed.given_by) == (1, "张三", "window")
    assert listed.company == USCC
    assert listed.given_at.ToDatetime().isoformat() == "2026-03-02T01:30:00"
    assert listed.digest == given.digest == hashlib.sha256(file).hexdigest()
    assert listed.items > 0
    said = text_of(file)
    for part in ("第 1 号", "张三", "办理条件", "可容缺后补", "收费", "依据", "签收", "印章位"):
        assert part in said, part


def test_where_the_catalogue_has_no_sample_form_the_notice_says_so(
    call: Client, given: Any
) -> None:
    assert "目录未提供样表" in text_of(download(call, given))


def test_a_given_notice_stays_the_same_bytes_when_the_guide_changes(
    call: Client, given: Any, change: Callable[..., None], watch: Any
) -> None:
    before = download(call, given)
    change(annual_energy_tce=2400, is_new_enterprise=True)
    watch.now = shanghai("2026-05-06T10:00:00")

    assert download(call, given) == before


def test_the_same_guide_is_not_told_twice(call: Client, given: Any, project_id: str) -> None:
    refused = call.refused(WINDOW, "GiveGuideNotice", project_id=project_id)

    assert (refused.code, refused.reason, refused.fields) == (
        "ALREADY_EXISTS",
        "NOTICE_UNCHANGED",
        ["project_id"],
    )


def test_two_windows_that_tell_at_once_give_one_notice(call: Client, project_id: str) -> None:
    start = Barrier(4)

    def give(_: int) -> str:
        start.wait()
        try:
            call(WINDOW, "GiveGuideNotice", project_id=project_id)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "given"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(give, range(4)))

    assert said == ["ALREADY_EXISTS"] * 3 + ["given"]
    assert len(call(COMPANY, "ListGuideNotices", project_id=project_id).notices) == 1


def test_only_the_window_gives_a_notice_and_only_who_sees_the_project_reads_it(
    call: Client, given: Any, project_id: str
) -> None:
    for who in (COMPANY, REVIEWER):
        refused = call.refused(who, "GiveGuideNotice", project_id=project_id)
        assert refused.reason == "NOT_YOUR_ROLE"
    for who in (STRANGER, ELSEWHERE):
        assert call.refused(who, "ListGuideNotices", project_id=project_id).reason == "OUT_OF_SCOPE"
        assert (
            call.refused(who, "DownloadGuideNotice", notice_id=given.notice_id).reason
            == "OUT_OF_SCOPE"
        )
    missing = call.refused(COMPANY, "DownloadGuideNotice", notice_id=str(uuid4()))
    assert (missing.code, missing.reason) == ("NOT_FOUND", "NOTICE_UNKNOWN")


# --- signing -----------------------------------------------------------------------------------


def test_the_company_signs_for_what_it_was_told(call: Client, db: Database, given: Any) -> None:
    signed = sign(call, given, expected_version=given.version)

    assert (signed.signed_name, signed.signed_by) == ("张三", "company")
    assert signed.signed_at.ToDatetime().isoformat() == "2026-03-02T01:30:00"
    with db.read() as connection:
        rows = connection.execute(sa.text("select envelope from outbox order by position")).all()
    told = [
        each.envelope["type"]
        for each in rows
        if each.envelope["data"].get("notice_id") == given.notice_id
    ]
    assert told == ["guide_notice_given.v1", "guide_notice_signed.v1"]
    again = call.refused(COMPANY, "SignGuideNotice", notice_id=given.notice_id, name="李四")
    assert (again.code, again.reason) == ("ALREADY_EXISTS", "NOTICE_ALREADY_SIGNED")


def test_nobody_signs_for_the_company_but_the_window_records_its_paper(
    call: Client, given: Any
) -> None:
    one = {"notice_id": given.notice_id, "name": "张三"}

    assert call.refused(NAVIGATOR, "SignGuideNotice", **one).reason == "NOT_THE_RECIPIENT"
    assert call.refused(WINDOW, "SignGuideNotice", **one).reason == "NOT_THE_RECIPIENT"
    assert call.refused(STRANGER, "SignGuideNotice", **one).reason == "OUT_OF_SCOPE"
    stale = call.refused(COMPANY, "SignGuideNotice", **one, expected_version=7)
    assert stale.reason == "STALE"

    signed = sign(call, given, WINDOW, document="sha256:ab12")
    assert (signed.signed_by, signed.signed_document) == ("window", "sha256:ab12")


def test_a_later_notice_says_what_changed_against_the_one_signed_for(
    call: Client, given: Any, project_id: str, change: Callable[..., None]
) -> None:
    sign(call, given)
    change(annual_energy_tce=2400, land_type="transfer", eia_class="report")
    second = call(WINDOW, "GiveGuideNotice", project_id=project_id).notice
    change(annual_energy_tce=10, land_type="transfer", eia_class="report")
    third = call(WINDOW, "GiveGuideNotice", project_id=project_id).notice

    assert (second.number, second.changed_since) == (2, 1)
    assert any(
        (each.kind, each.subject[:5]) == ("item_added", "S2-08") for each in second.changes
    ), second.changes
    # Nobody signed for the second, so the third still compares with the first.
    assert (third.number, third.changed_since) == (3, 1)
    assert "item_dropped" in {each.kind for each in third.changes}
    said = text_of(download(call, second))
    assert "与已签收的第 1 号告知相比" in said
    assert "新增事项" in said
    old = call.refused(COMPANY, "SignGuideNotice", notice_id=second.notice_id, name="张三")
    assert (old.code, old.reason) == ("FAILED_PRECONDITION", "NOTICE_REPLACED")
    listed = call(COMPANY, "ListGuideNotices", project_id=project_id, page_size=2)
    rest = call(
        COMPANY,
        "ListGuideNotices",
        project_id=project_id,
        page_size=2,
        page_token=listed.next_page_token,
    )
    assert [each.number for each in [*listed.notices, *rest.notices]] == [3, 2, 1]


# --- sharing -----------------------------------------------------------------------------------


def test_a_link_shows_anybody_the_guide_and_nothing_of_the_project(
    call: Client, db: Database, given: Any, project_id: str
) -> None:
    made = call(COMPANY, "ShareGuideNotice", notice_id=given.notice_id, days=30)

    assert made.url == f"https://kaigong.example/v1/shared-guides/{made.code}"
    assert made.qr.startswith(b"\x89PNG")
    assert made.notice.shared_until == "2026-04-01"
    shared = call(STRANGER, "ReadSharedGuide", code=made.code)
    assert len(shared.items) == given.items
    assert (shared.given_on, shared.superseded) == ("2026-03-02", False)
    item = next(each for each in shared.items if each.code == "S2-06")
    assert item.basis
    assert item.papers
    assert item.window
    assert not item.sample_forms
    with db.read() as connection:
        project = ProjectStore(connection).get(UUID(project_id))
    secret = {project.name, project.uscc, project_id, "2400"}
    assert not [each for each in secret if each in str(shared)]


def test_a_link_ends_on_its_day_and_at_once_when_it_is_replaced_or_taken_back(
    call: Client, given: Any, watch: Any
) -> None:
    one = {"notice_id": given.notice_id}
    first = call(COMPANY, "ShareGuideNotice", **one, days=7).code
    second = call(COMPANY, "ShareGuideNotice", **one, days=7).code

    assert call.refused(COMPANY, "ReadSharedGuide", code=first).reason == "SHARED_GUIDE_UNKNOWN"
    watch.now = shanghai("2026-03-09T23:00:00")
    assert call(COMPANY, "ReadSharedGuide", code=second).items
    watch.now = shanghai("2026-03-10T00:10:00")
    late = call.refused(COMPANY, "ReadSharedGuide", code=second)
    assert (late.code, late.reason) == ("FAILED_PRECONDITION", "SHARED_GUIDE_EXPIRED")

    third = call(COMPANY, "ShareGuideNotice", **one, days=7).code
    ended = call(COMPANY, "ShareGuideNotice", **one)
    assert (ended.code, ended.url, ended.qr, ended.notice.shared_until) == ("", "", b"", "")
    assert call.refused(COMPANY, "ReadSharedGuide", code=third).reason == "SHARED_GUIDE_UNKNOWN"


def test_a_shared_guide_says_when_a_later_one_was_given(
    call: Client, given: Any, project_id: str, change: Callable[..., None]
) -> None:
    code = call(COMPANY, "ShareGuideNotice", notice_id=given.notice_id, days=7).code
    change(annual_energy_tce=10)
    call(WINDOW, "GiveGuideNotice", project_id=project_id)

    assert call(COMPANY, "ReadSharedGuide", code=code).superseded


def test_the_code_of_a_link_is_in_no_answer_but_the_one_that_made_it(
    call: Client, given: Any, project_id: str
) -> None:
    made = call(COMPANY, "ShareGuideNotice", notice_id=given.notice_id, days=7)
    listed = call(REVIEWER, "ListGuideNotices", project_id=project_id)

    assert made.code not in str(listed)
    assert made.code not in str(made.notice)
    assert isinstance(listed, pb.ListGuideNoticesResponse)
