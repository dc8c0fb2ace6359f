"""The electronic material library: put in once, used again, signed, and archived with its case."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import grpc
import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.materials import lapses_unless_started
from chassis import audit, retention
from chassis.audit_archive import Chain
from chassis.db import Database, outbox
from support.approvals import (
    COMPANY,
    ECO_REVIEWER,
    ELSEWHERE,
    HEAD,
    NAVIGATOR,
    OBJECTS,
    REVIEWER,
    STRANGER,
    WINDOW,
    shanghai,
)
from support.servicers import Client

ITEM, PAPER, RESULT = "S2-06", "节能报告", "节能审查意见"
APPROVED: dict[str, Any] = {"outcome": pb.DECISION_OUTCOME_APPROVED, "reason": "符合规定"}


def pdf(text: str = "") -> bytes:
    return b"%PDF-1.7\n" + (text or uuid4().hex).encode()


def put(
    call: Client, project_id: str, who: Any = COMPANY, content: bytes = b"", **more: Any
) -> Any:
    file = httpbody_pb2.HttpBody(content_type="application/pdf", data=content or pdf())
    fields: dict[str, Any] = {"title": PAPER, "file_name": "报告.pdf", **more}
    return call(who, "AddMaterial", project_id=project_id, file=file, **fields).material


def on_file(call: Client, project_id: str, who: Any = COMPANY, **more: Any) -> list[Any]:
    return list(call(who, "ListMaterials", project_id=project_id, **more).materials)


def submit(call: Client, project_id: str, **more: Any) -> Any:
    return call(COMPANY, "SubmitCase", project_id=project_id, item_code=ITEM, **more).case


def decide(call: Client, case_id: str) -> Any:
    call(REVIEWER, "AcceptCase", case_id=case_id)
    return call(HEAD, "DecideCase", case_id=case_id, **APPROVED).case


@pytest.fixture
def approvable(project_id: str, done: Callable[..., None]) -> str:
    """A project whose energy review waits for nothing else."""
    done("S2-01")
    return project_id


# --- versions ----------------------------------------------------------------------------------------


def test_a_second_version_replaces_the_first_which_stays_readable(
    call: Client, project_id: str
) -> None:
    first = put(call, project_id, content=pdf("一"))
    second = put(call, project_id, content=pdf("二"), title="节能报告(修改稿)")

    assert (first.version, second.version) == (1, 2)
    assert [each.material_id for each in on_file(call, project_id, title=PAPER)] == [
        second.material_id
    ]
    both = on_file(call, project_id, title=PAPER, history=True)
    assert [(each.version, each.standing) for each in both] == [
        (1, pb.MATERIAL_STANDING_REPLACED),
        (2, pb.MATERIAL_STANDING_IN_FORCE),
    ]
    old = call(COMPANY, "DownloadMaterial", project_id=project_id, material_id=first.material_id)
    assert old.data == pdf("一")
    assert hashlib.sha256(old.data).hexdigest() == first.sha256


def test_the_same_bytes_again_are_refused_and_make_no_version(
    call: Client, project_id: str
) -> None:
    put(call, project_id, content=pdf("一"))

    with pytest.raises(grpc.RpcError) as caught:
        put(call, project_id, content=pdf("一"))

    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert len(on_file(call, project_id, title=PAPER, history=True)) == 1


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"MZ not a paper", "INVALID_ARGUMENT", "NOT_A_MATERIAL"),
        (b"%PDF-" + b"x" * (10 * 1024 * 1024), "RESOURCE_EXHAUSTED", "MATERIAL_TOO_LARGE"),
    ],
)
def test_what_is_no_paper_or_too_large_is_refused(
    call: Client, project_id: str, content: bytes, code: str, reason: str
) -> None:
    file = httpbody_pb2.HttpBody(content_type="application/pdf", data=content)

    refusal = call.refused(COMPANY, "AddMaterial", project_id=project_id, file=file, title=PAPER)

    assert refusal == (code, reason, ["file"])
    assert on_file(call, project_id, title=PAPER, history=True) == []


def test_a_company_wide_paper_serves_the_companys_other_projects_and_nobody_elses(
    call: Client, project_id: str, new_project: Callable[[], str]
) -> None:
    shared = put(call, project_id, company_wide=True, title="公司章程")
    own = put(call, project_id, title="场地照片")
    other = new_project()

    titles = {each.title for each in on_file(call, other)}
    assert "公司章程" in titles
    assert "场地照片" not in titles
    refusal = call.refused(
        COMPANY, "DownloadMaterial", project_id=other, material_id=own.material_id
    )
    assert refusal.reason == "MATERIAL_UNKNOWN"
    assert call(COMPANY, "DownloadMaterial", project_id=other, material_id=shared.material_id).data
    assert call.refused(STRANGER, "ListMaterials", project_id=project_id).reason == "OUT_OF_SCOPE"


def test_a_list_is_paged_without_losing_or_repeating(call: Client, project_id: str) -> None:
    for number in range(5):
        put(call, project_id, title=f"图纸{number}")
    seen: list[str] = []
    token = ""
    while True:
        page = call(
            COMPANY, "ListMaterials", project_id=project_id, page_size=2, page_token=token,
            title="图纸",
        )  # fmt: skip
        seen += [each.title for each in page.materials]
        token = page.next_page_token
        if not token:
            break

    assert seen == [f"图纸{number}" for number in range(5)]


# --- who may -----------------------------------------------------------------------------------------


def test_the_source_follows_from_who_puts_it_in(call: Client, project_id: str) -> None:
    sources = [
        put(call, project_id, who, title=f"图纸{who.username}").source
        for who in (COMPANY, WINDOW, NAVIGATOR)
    ]

    assert sources == [
        pb.MATERIAL_SOURCE_COMPANY,
        pb.MATERIAL_SOURCE_WINDOW,
        pb.MATERIAL_SOURCE_AGENT,
    ]


def test_a_navigator_withdraws_his_own_papers_and_not_the_companys(
    call: Client, project_id: str
) -> None:
    own = put(call, project_id, NAVIGATOR, title="现场照片")
    theirs = put(call, project_id)

    def withdraw(who: Any, material: Any) -> dict[str, Any]:
        return {
            "who": who,
            "method": "WithdrawMaterial",
            "project_id": project_id,
            "material_id": material.material_id,
            "reason": "有误",
        }

    gone = call(**withdraw(NAVIGATOR, own)).material
    assert gone.standing == pb.MATERIAL_STANDING_WITHDRAWN
    assert (gone.ended_by, gone.ended_why) == ("navigator", "有误")
    assert call.refused(**withdraw(NAVIGATOR, theirs)).reason == "NOT_YOUR_MATERIAL"
    assert call.refused(**withdraw(NAVIGATOR, own)).reason == "MATERIAL_NOT_IN_FORCE"
    assert [each.material_id for each in on_file(call, project_id, title=PAPER)] == [
        theirs.material_id
    ]


def test_a_department_reads_papers_only_of_projects_that_it_has_a_case_of(
    call: Client, project_id: str
) -> None:
    put(call, project_id)

    assert call.refused(REVIEWER, "ListMaterials", project_id=project_id).reason == "OUT_OF_SCOPE"
    submit(call, project_id)
    assert on_file(call, project_id, REVIEWER)
    refusal = call.refused(ECO_REVIEWER, "ListMaterials", project_id=project_id)
    assert refusal.reason == "OUT_OF_SCOPE"
    assert call.refused(ELSEWHERE, "ListMaterials", project_id=project_id).reason == "OUT_OF_SCOPE"


# --- used again --------------------------------------------------------------------------------------


def test_what_is_on_file_comes_along_with_the_application_and_shows_in_the_guide(
    call: Client, project_id: str
) -> None:
    material = put(call, project_id)

    guide = call(COMPANY, "GetProjectGuide", project_id=project_id)
    (paper,) = [each for each in guide.papers if each.name == PAPER]
    case = submit(call, project_id)

    assert paper.on_file.material_id == material.material_id
    (used,) = case.papers
    assert (used.title, used.material_id, used.version, used.sha256) == (
        PAPER,
        material.material_id,
        1,
        material.sha256,
    )


def test_a_paper_handed_in_now_goes_before_the_one_on_file(call: Client, project_id: str) -> None:
    put(call, project_id)

    case = submit(call, project_id, papers=[pb.PaperDigest(title=PAPER, sha256="ab" * 32)])

    assert [(each.sha256, each.material_id) for each in case.papers] == [("ab" * 32, "")]


def test_papers_that_cannot_be_used_are_refused_by_their_place(
    call: Client, project_id: str, new_project: Callable[[], str], watch: Any
) -> None:
    good = put(call, project_id, title="附图")
    foreign = put(call, new_project())
    ended = put(call, project_id, title="委托书", valid_until="2026-03-02")
    watch.now = shanghai("2026-03-03T09:00:00")

    def refused(*ids: str) -> Any:
        return call.refused(
            COMPANY, "SubmitCase", project_id=project_id, item_code=ITEM, material_ids=ids
        )

    assert refused(good.material_id, foreign.material_id)[1:] == (
        "MATERIAL_OF_ANOTHER",
        ["material_ids[1]"],
    )
    assert refused(ended.material_id)[1:] == ("MATERIAL_NOT_IN_FORCE", ["material_ids[0]"])
    assert refused(str(uuid4())).reason == "MATERIAL_OF_ANOTHER"
    case = submit(call, project_id, material_ids=[good.material_id])
    assert [each.title for each in case.papers] == ["附图"]


def test_a_department_may_not_ask_for_what_is_on_file(call: Client, project_id: str) -> None:
    put(call, project_id)
    case = submit(call, project_id)
    again, wrong = "请补充提交节能报告", "节能报告未计算空压站用能, 请更正"

    refusal = call.refused(
        REVIEWER, "RequestSupplement", case_id=case.case_id, entries=[wrong, again]
    )
    asked = call(REVIEWER, "RequestSupplement", case_id=case.case_id, entries=[wrong]).case

    assert refusal == ("FAILED_PRECONDITION", "PAPER_ON_FILE", ["entries[1]"])
    assert [each.text for each in asked.notice] == [wrong]


def test_a_department_may_not_ask_for_the_result_of_an_item_that_is_done(
    call: Client, project_id: str, done: Callable[..., None]
) -> None:
    done("S2-02")
    case = submit(call, project_id)

    refusal = call.refused(
        REVIEWER, "RequestSupplement", case_id=case.case_id, entries=["江苏省投资项目备案证复印件"]
    )

    assert refusal == ("FAILED_PRECONDITION", "PAPER_ON_FILE", ["entries[0]"])


# --- licences ----------------------------------------------------------------------------------------


def test_an_approval_yields_a_licence_that_ends_with_it(call: Client, approvable: str) -> None:
    case = submit(call, approvable)
    decide(call, case.case_id)

    (licence,) = on_file(call, approvable, title=RESULT)
    assert licence.source == pb.MATERIAL_SOURCE_LICENCE
    assert (licence.case_id, licence.issuer) == (case.case_id, case.org_name)
    assert "决定" in licence.number
    file = call(
        COMPANY, "DownloadMaterial", project_id=approvable, material_id=licence.material_id
    ).data
    issued = call(COMPANY, "DownloadCaseDocument", case_id=case.case_id, kind="decision").data
    assert file == issued
    assert hashlib.sha256(file).hexdigest() == licence.sha256
    verify(call, licence.signatures[0])
    assert licence.signatures[0].on_behalf_of == case.org

    refusal = call.refused(
        COMPANY, "WithdrawMaterial", project_id=approvable, material_id=licence.material_id,
        reason="x",
    )  # fmt: skip
    assert refusal.reason == "LICENCE_NOT_WITHDRAWN"


def test_a_licence_is_told_and_a_building_permit_lapses_unless_work_begins(
    call: Client, approvable: str, db: Database
) -> None:
    case = submit(call, approvable)
    decide(call, case.case_id)
    (licence,) = on_file(call, approvable, title=RESULT)
    with db.read() as connection:
        envelopes = connection.scalars(sa.select(outbox.c.envelope)).all()
    told = [
        each["data"]
        for each in envelopes
        if each["type"] == "licence_changed.v1"
        and each["data"]["licence_id"] == licence.material_id
    ]

    assert [(each["version"], each["state"]) for each in told] == [(1, "in_force")]
    assert (told[0]["number"], told[0]["case_id"]) == (licence.number, case.case_id)
    assert (told[0]["valid_until"], told[0]["until_start"]) == (None, False)
    day = date(2026, 11, 30)
    assert lapses_unless_started("建筑工程施工许可证", day) == date(2027, 2, 28)
    assert lapses_unless_started("排污许可证", day) is None


def test_a_rejection_yields_no_licence(call: Client, project_id: str) -> None:
    case = submit(call, project_id)
    call(REVIEWER, "AcceptCase", case_id=case.case_id)
    call(
        HEAD, "DecideCase", case_id=case.case_id, outcome=pb.DECISION_OUTCOME_REJECTED,
        reason="不符合条件",
    )  # fmt: skip

    assert on_file(call, project_id, title=RESULT, history=True) == []


# --- signatures --------------------------------------------------------------------------------------


def verify(call: Client, signature: Any) -> dict[str, Any]:
    """Check a signature with nothing but the published key."""
    keys = {each.key_id: each for each in call(COMPANY, "ListSealKeys").keys}
    public = load_pem_public_key(keys[signature.key_id].public_key.encode())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(signature.signature), signature.statement.encode())
    told: dict[str, Any] = json.loads(signature.statement)
    return told


def test_a_signature_names_what_was_signed_and_can_be_checked_without_us(
    call: Client, project_id: str
) -> None:
    material = put(call, project_id)
    one = {"project_id": project_id, "material_id": material.material_id}

    signed = call(COMPANY, "SignMaterial", **one, sha256=material.sha256).material

    (signature,) = signed.signatures
    told = verify(call, signature)
    assert (told["sha256"], told["signed_by"], told["on_behalf_of"]) == (
        material.sha256,
        "company",
        material.uscc,
    )
    signature.statement = signature.statement.replace(material.sha256, "0" * 64)
    with pytest.raises(InvalidSignature):
        verify(call, signature)
    assert call.refused(COMPANY, "SignMaterial", **one, sha256=material.sha256).reason == (
        "ALREADY_SIGNED"
    )
    other = put(call, project_id, title="附图")
    one["material_id"] = other.material_id
    assert call.refused(COMPANY, "SignMaterial", **one, sha256="0" * 64).reason == (
        "OTHER_CONTENT_SIGNED"
    )
    assert call.refused(NAVIGATOR, "SignMaterial", **one, sha256=other.sha256).reason == (
        "NOT_THE_SIGNATORY"
    )


# --- archives ----------------------------------------------------------------------------------------


def fetch(call: Client, case_id: str) -> bytes:
    return bytes(call(COMPANY, "DownloadCaseArchive", case_id=case_id).data)


def test_a_finished_case_has_an_archive_of_the_same_bytes_each_time(
    call: Client, approvable: str
) -> None:
    material = put(call, approvable, content=pdf("报告"))
    call(
        COMPANY, "SignMaterial", project_id=approvable, material_id=material.material_id,
        sha256=material.sha256,
    )  # fmt: skip
    case = submit(call, approvable)
    refusal = call.refused(COMPANY, "DownloadCaseArchive", case_id=case.case_id)
    decide(call, case.case_id)
    call(WINDOW, "DeliverCase", case_id=case.case_id)

    archive = fetch(call, case.case_id)

    assert refusal == ("FAILED_PRECONDITION", "CASE_NOT_FINISHED", [])
    assert fetch(call, case.case_id) == archive
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert {each["name"]: each["sha256"] for each in manifest["files"]} == {
        name: hashlib.sha256(file).hexdigest()
        for name, file in files.items()
        if not name.startswith("manifest.")
    }
    (paper,) = [file for name, file in files.items() if name.startswith("materials/")]
    assert paper == pdf("报告")
    assert sum(name.startswith("documents/") for name in files) == 4
    assert "受理" in files["clock.txt"].decode()
    assert manifest["signatures"][0]["signed_by"] == "company"
    sealed = json.loads(files["manifest.sig"])
    keys = {each.key_id: each for each in call(COMPANY, "ListSealKeys").keys}
    public = load_pem_public_key(keys[sealed["key_id"]].public_key.encode())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(sealed["signature"]), files["manifest.json"])


def test_evidence_of_a_case_is_the_same_when_its_audit_lines_lie_in_an_archive(
    call: Client, project_id: str, db: Database
) -> None:
    case = submit(call, project_id)
    call(COMPANY, "WithdrawCase", case_id=case.case_id, reason="不办了")
    with db.begin() as tx:
        audit.link_lines(tx, batch=10_000)
    first = call(HEAD, "GetCaseEvidence", case_id=case.case_id).data
    with db.begin() as tx:
        audit.link_lines(tx)
    with db.begin() as tx:
        made = retention.archive_lines(
            *(tx, OBJECTS, Chain("321100", "approval_tracking")),
            before=datetime.max.replace(tzinfo=UTC),
            at=datetime.now(UTC),
        )

    assert made
    assert call(HEAD, "GetCaseEvidence", case_id=case.case_id).data == first
    with zipfile.ZipFile(io.BytesIO(first)) as pack:
        lines = [json.loads(each) for each in pack.read("audit.jsonl").splitlines()]
    methods = [each["method"].rpartition("/")[2] for each in lines if "method" in each]
    assert methods == ["SubmitCase", "WithdrawCase"]


def test_an_archive_is_for_those_who_see_the_case(call: Client, project_id: str) -> None:
    case = submit(call, project_id)
    call(COMPANY, "WithdrawCase", case_id=case.case_id, reason="不办了")

    assert fetch(call, case.case_id)
    refusal = call.refused(STRANGER, "DownloadCaseArchive", case_id=case.case_id)
    assert refusal.reason == "OUT_OF_SCOPE"
