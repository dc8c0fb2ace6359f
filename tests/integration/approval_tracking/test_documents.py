"""Documents 文书 of a case: issued once, numbered without a gap, and checked by anybody who holds one."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import docx
import pytest
import sqlalchemy as sa
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.official_documents import qr
from chassis.db import Database
from chassis.identity import Principal
from support.approvals import (
    COMPANY,
    CONFIGURATOR,
    ELSEWHERE,
    HEAD,
    OTHER_HEAD,
    REVIEWER,
    STRANGER,
    WINDOW,
    shanghai,
)
from support.servicers import Client

NOBODY = COMPANY


def fetch(
    call: Client, case: Any, kind: str, who: Principal = COMPANY, happening: int = 0
) -> bytes:
    answer = call(who, "DownloadCaseDocument", case_id=case.case_id, kind=kind, happening=happening)
    return bytes(answer.data)


def text_of(file: bytes) -> str:
    document = docx.Document(io.BytesIO(file))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(each.text for each in document.paragraphs), *cells])


def listed(call: Client, case: Any, who: Principal = COMPANY) -> dict[str, Any]:
    answer = call(who, "ListCaseDocuments", case_id=case.case_id)
    return {each.kind: each for each in answer.documents}


def verified(call: Client, code: str, digest: str = "") -> Any:
    return call(NOBODY, "VerifyDocument", code=code, digest=digest)


@pytest.fixture
def accepted(call: Client, case: Any) -> Any:
    return call(REVIEWER, "AcceptCase", case_id=case.case_id).case


@pytest.fixture
def fresh(db: Database, case: Any) -> Callable[[str], list[str]]:
    """The numbers issued in the body's name for one kind, in the order of their serials."""

    def numbers(kind: str) -> list[str]:
        with db.read() as connection:
            rows = connection.execute(
                sa.text("select number from documents where kind = :kind order by serial"),
                {"kind": kind},
            )
            return [row.number for row in rows]

    return numbers


# --- what can be had ---------------------------------------------------------------------------


def test_a_document_can_be_had_for_each_thing_that_happened_and_for_nothing_else(
    call: Client, case: Any
) -> None:
    assert set(listed(call, case)) == {"receipt"}

    call(REVIEWER, "AcceptCase", case_id=case.case_id)

    assert {kind: each.status for kind, each in listed(call, case).items()} == {
        "receipt": "available",
        "acceptance": "available",
    }
    refused = call.refused(COMPANY, "DownloadCaseDocument", case_id=case.case_id, kind="decision")
    assert (refused.code, refused.reason, refused.fields) == (
        "FAILED_PRECONDITION",
        "DOCUMENT_NOT_YET_POSSIBLE",
        ["kind"],
    )
    wrong = call.refused(
        COMPANY, "DownloadCaseDocument", case_id=case.case_id, kind="receipt", happening=9
    )
    assert (wrong.reason, wrong.fields) == ("DOCUMENT_NOT_YET_POSSIBLE", ["happening"])


def test_who_may_not_see_the_case_gets_none_of_its_documents(call: Client, case: Any) -> None:
    for who in (STRANGER, ELSEWHERE):
        for method in ("ListCaseDocuments", "DownloadCaseDocument"):
            more = {} if method.startswith("List") else {"kind": "receipt"}
            refused = call.refused(who, method, case_id=case.case_id, **more)
            assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "OUT_OF_SCOPE")
    assert fetch(call, case, "receipt", WINDOW)
    missing = call.refused(COMPANY, "DownloadCaseDocument", case_id=str(uuid4()), kind="receipt")
    assert (missing.code, missing.reason) == ("NOT_FOUND", "CASE_UNKNOWN")


# --- what it says ------------------------------------------------------------------------------


def test_a_document_has_number_day_body_basis_seal_and_code(call: Client, accepted: Any) -> None:
    said = text_of(fetch(call, accepted, "acceptance"))
    told = listed(call, accepted)["acceptance"]

    assert told.status == "valid"
    assert re.fullmatch(r"丹阳市发改受理〔2026〕\d+号", told.number)
    assert told.issued_on == "2026-03-02"
    for part in (
        "受理通知书",
        told.number,
        accepted.receipt_number,
        accepted.project_name,
        "2026年3月2日",
        "行政许可法 第三十二条第一款第五项、第二款",
        "(印章位)",
        "陈述权、申辩权",
        told.code,
        told.org_name,
    ):
        assert part in said, part


def test_a_qr_code_on_it_leads_to_its_check(call: Client, case: Any) -> None:
    file = fetch(call, case, "receipt")
    told = listed(call, case)["receipt"]

    assert told.verify_url == f"https://kaigong.example/v1/documents/{told.code}:verify"
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        (picture,) = [name for name in parts.namelist() if name.startswith("word/media/")]
        assert parts.read(picture) == qr(told.verify_url)


def test_a_supplement_notice_lists_all_that_is_missing_and_a_second_only_what_still_is(
    call: Client, case: Any
) -> None:
    one = {"case_id": case.case_id}
    call(REVIEWER, "RequestSupplement", **one, entries=["能评报告缺页", "缺法人签字"])
    first = text_of(fetch(call, case, "supplement_notice"))
    call(COMPANY, "SupplementCase", **one, filled=[1])
    call(REVIEWER, "RequestSupplement", **one, entries=["缺法人签字"])
    second = text_of(fetch(call, case, "supplement_notice"))

    assert "1. 能评报告缺页" in first
    assert "2. 缺法人签字" in first
    assert "能评报告缺页" not in second
    assert "1. 缺法人签字" in second


def test_a_refusal_gives_its_reason_and_the_remedy(call: Client, case: Any) -> None:
    call(REVIEWER, "RefuseCase", case_id=case.case_id, reason="不属于本机关职权")

    said = text_of(fetch(call, case, "refusal"))

    assert "理由: 不属于本机关职权" in said
    assert "六十日内向丹阳市人民政府申请行政复议" in said
    assert "六个月内依法向人民法院提起行政诉讼" in said


def test_a_delivery_names_the_decision_which_gets_its_number_first(
    call: Client, accepted: Any, done: Callable[..., None]
) -> None:
    done("S2-01")
    call(
        OTHER_HEAD,
        "DecideCase",
        case_id=accepted.case_id,
        outcome=pb.DECISION_OUTCOME_REJECTED,
        reason="能耗强度超过标准",
    )
    refused = call.refused(
        COMPANY, "DownloadCaseDocument", case_id=accepted.case_id, kind="delivery"
    )
    call(WINDOW, "DeliverCase", case_id=accepted.case_id)

    said = text_of(fetch(call, accepted, "delivery"))
    decision = listed(call, accepted)["decision"]

    assert refused.reason == "DOCUMENT_NOT_YET_POSSIBLE"
    assert decision.status == "valid"
    assert decision.name.startswith("不予")
    assert decision.number in said
    assert "受送达人" in said
    assert "能耗强度超过标准" in text_of(fetch(call, accepted, "decision"))


# --- once --------------------------------------------------------------------------------------


def test_a_document_is_the_same_bytes_whoever_fetches_it_when(
    call: Client, accepted: Any, watch: Any
) -> None:
    first = fetch(call, accepted, "acceptance")
    watch.now = shanghai("2026-03-20T10:00:00")

    again = fetch(call, accepted, "acceptance", HEAD)
    told = listed(call, accepted)["acceptance"]

    assert again == first
    assert told.digest == hashlib.sha256(first).hexdigest()
    assert told.issued_on == "2026-03-02"


def test_ten_who_ask_at_once_get_one_document(call: Client, case: Any) -> None:
    start = Barrier(10)

    def ask(_: int) -> bytes:
        start.wait()
        return fetch(call, case, "receipt")

    with ThreadPoolExecutor(10) as pool:
        files = set(pool.map(ask, range(10)))

    assert len(files) == 1


def test_numbers_count_on_without_a_gap_and_start_again_with_the_year(
    call: Client,
    new_project: Callable[[], str],
    watch: Any,
    fresh: Callable[[str], list[str]],
) -> None:
    made = []
    for _ in range(4):
        made.append(call(COMPANY, "SubmitCase", project_id=new_project(), item_code="S2-06").case)
    before = len(fresh("receipt"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: fetch(call, each, "receipt"), made))
    watch.now = shanghai("2027-01-04T09:00:00")
    later = call(COMPANY, "SubmitCase", project_id=new_project(), item_code="S2-06").case
    fetch(call, later, "receipt")

    numbers = fresh("receipt")
    serials = [
        int(re.findall(r"〔2026〕(\d+)号", each)[0]) for each in numbers if "〔2026〕" in each
    ]
    assert sorted(serials) == list(range(1, before + 5))
    assert listed(call, later)["receipt"].number == "丹阳市发改收件〔2027〕1号"


def test_the_first_fetch_is_told_and_the_next_ones_are_not(
    call: Client, db: Database, case: Any
) -> None:
    for _ in range(2):
        fetch(call, case, "receipt")

    with db.read() as connection:
        rows = connection.execute(sa.text("select envelope from outbox")).all()
    told = [
        each.envelope["data"]
        for each in rows
        if each.envelope["type"] == "case_document_issued.v1"
        and each.envelope["data"]["case_id"] == case.case_id
    ]
    assert [(each["kind"], each["number"]) for each in told] == [
        ("receipt", listed(call, case)["receipt"].number)
    ]


def test_the_body_is_called_as_on_the_day_of_the_document(
    call: Client, case: Any, watch: Any
) -> None:
    try:
        call(CONFIGURATOR, "SetBody", org="321181:发改", name="丹阳市数据和发展局")
        assert "丹阳市数据和发展局" in text_of(fetch(call, case, "receipt"))
    finally:
        call(CONFIGURATOR, "SetBody", org="321181:发改", name=case.org_name)


# --- checking ----------------------------------------------------------------------------------


def test_anybody_with_the_code_learns_whether_it_counts_and_nothing_confidential(
    call: Client, case: Any
) -> None:
    file = fetch(call, case, "receipt")
    told = listed(call, case)["receipt"]

    plain = verified(call, told.code)
    same = verified(call, told.code, hashlib.sha256(file).hexdigest())
    forged = verified(call, told.code, hashlib.sha256(file + b" ").hexdigest())

    assert (plain.number, plain.status, plain.org_name) == (told.number, "valid", told.org_name)
    assert plain.file == pb.FILE_MATCH_UNSPECIFIED
    assert (same.file, forged.file) == (pb.FILE_MATCH_SAME, pb.FILE_MATCH_DIFFERENT)
    assert case.project_name not in str(plain)
    assert case.uscc not in str(plain)
    unknown = call.refused(NOBODY, "VerifyDocument", code="0" * 32)
    assert (unknown.code, unknown.reason) == ("NOT_FOUND", "DOCUMENT_UNKNOWN")


def test_a_corrected_record_supersedes_its_document_and_the_new_one_says_so(
    call: Client, case: Any, watch: Any
) -> None:
    fetch(call, case, "receipt")
    old = listed(call, case)["receipt"]
    watch.now = shanghai("2026-03-04T09:00:00")
    call(
        HEAD,
        "CorrectRecord",
        case_id=case.case_id,
        number=1,
        happened_on="2026-03-01",
        reason="系统登记迟了一日",
        document="sha256:ab12",
    )

    between = verified(call, old.code)
    new = text_of(fetch(call, case, "receipt"))
    after = verified(call, old.code)

    assert (between.status, between.replaced_by) == ("superseded", "")
    assert (after.status, after.replaced_by) == ("superseded", listed_valid(call, case).number)
    assert f"{old.number}, 自本文书出具之日起失效" in new
    assert "系统登记迟了一日" in new
    assert "2026年3月1日" in new
    assert fetch(call, case, "receipt", happening=old.happening)


def listed_valid(call: Client, case: Any) -> Any:
    answer = call(COMPANY, "ListCaseDocuments", case_id=case.case_id)
    return next(each for each in answer.documents if each.status == "valid")


def test_a_pause_that_never_was_leaves_a_document_that_is_void(
    call: Client, accepted: Any, watch: Any
) -> None:
    one = {"case_id": accepted.case_id}
    procedure = next(each for each in accepted.special_procedures if each.stops_clock)
    call(REVIEWER, "PauseCase", **one, procedure=procedure.name, expected_end="2026-03-20")
    paused = call(HEAD, "DecidePause", **one, approved=True).case
    said = text_of(fetch(call, accepted, "pause"))
    pause = listed(call, accepted)["pause"]
    call(
        OTHER_HEAD,
        "CorrectRecord",
        **one,
        number=pause.happening,
        annul=True,
        reason="误操作",
        document="sha256:ab12",
    )

    assert procedure.name in said
    assert paused.clock.happenings[-1].basis in said
    assert "2026年3月20日" in said
    assert verified(call, pause.code).status == "annulled"
