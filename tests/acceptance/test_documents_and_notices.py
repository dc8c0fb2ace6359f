"""Articles 11 and 12: the one-off notice kept, signed for and shared; documents numbered and checked."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import docx
import httpx
import pytest

from acceptance.conftest import City, Json, refused
from support import eventually

COMPANY, WINDOW, REVIEWER, HEAD = "e1.p02", "a1.danyang", "a2.danyang.fagai", "a3.danyang.fagai"
ITEM = "S2-06"
PAUSE = "节能评审(委托)"


@pytest.fixture
def project(city: City) -> Json:
    made = city.register("d4.city", attributes={"annual_energy_tce": "2400"})
    return city.settled(made["project_id"])


def submitted(city: City, project: Json, code: str) -> Json:
    answer = city.post(WINDOW, "/v1/cases:submit", project_id=project["project_id"], item_code=code)
    return dict(answer["case"])


def decided(city: City, case: Json, outcome: str, reason: str = "符合规定") -> None:
    city.post(
        HEAD,
        f"/v1/cases/{case['case_id']}:decide",
        outcome=f"DECISION_OUTCOME_{outcome}",
        reason=reason,
    )


def fetched(city: City, who: str, path: str) -> bytes:
    answer = city.person(who).get(path)
    assert answer.status_code == 200, answer.text
    return answer.content


def text_of(file: bytes) -> str:
    document = docx.Document(io.BytesIO(file))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(each.text for each in document.paragraphs), *cells])


def anybody(city: City, path: str, **query: str) -> httpx.Response:
    return httpx.get(f"{city.instance.base_url}{path}", params=query)


def issue_all(city: City, case: Json) -> dict[str, tuple[Json, bytes]]:
    """Fetch every document that the case allows, and return each with what the list says of it."""
    one = f"/v1/cases/{case['case_id']}/documents"
    files = {
        each["kind"]: fetched(city, WINDOW, f"{one}/{each['kind']}")
        for each in city.get(WINDOW, one)["documents"]
    }
    told = {each["kind"]: each for each in city.get(WINDOW, one)["documents"]}
    return {kind: (told[kind], file) for kind, file in files.items()}


@pytest.fixture
def finished(city: City, project: Json) -> list[Json]:
    """Cases that between them saw everything that a document tells of, but deferral."""
    code = submitted(city, project, "S2-01")
    city.post(REVIEWER, f"/v1/cases/{code['case_id']}:accept")
    decided(city, code, "APPROVED")

    refusal = submitted(city, project, ITEM)
    city.post(REVIEWER, f"/v1/cases/{refusal['case_id']}:refuse", reason="申请材料不属于本事项")

    long = submitted(city, project, ITEM)
    one = f"/v1/cases/{long['case_id']}"
    city.post(REVIEWER, f"{one}:requestSupplement", entries=["能评报告缺页"])
    city.post(WINDOW, f"{one}:supplement")
    city.post(REVIEWER, f"{one}:accept")
    today = str(city.today())
    city.post(REVIEWER, f"{one}:pause", procedure=PAUSE, expected_end=today)
    city.post(HEAD, f"{one}:decidePause", approved=True)
    city.post(REVIEWER, f"{one}:resume")
    city.post(REVIEWER, f"{one}:extend", days=5, reason="情况复杂")
    city.post(HEAD, f"{one}:decideExtension", approved=True)
    decided(city, long, "REJECTED", "能耗强度超过标准")
    city.post(WINDOW, f"{one}:deliver")
    return [refusal, long]


@pytest.mark.article("A12.6")
def test_each_document_has_its_number_day_basis_seal_and_is_checked_by_its_code(
    city: City, finished: list[Json]
) -> None:
    issued: dict[str, tuple[Json, bytes]] = {}
    for case in finished:
        issued |= issue_all(city, case)

    assert set(issued) == {
        *("receipt", "refusal", "supplement_notice", "acceptance", "pause", "extension"),
        *("decision", "delivery"),
    }
    for told, file in issued.values():
        said = text_of(file)
        for part in (told["number"], told["org_name"], "(印章位)", "依据: ", told["code"]):
            assert part in said, (told["name"], part)
        digest = hashlib.sha256(file).hexdigest()
        check = anybody(city, f"/v1/documents/{told['code']}:verify", digest=digest).json()
        assert (check["status"], check["file"]) == ("valid", "FILE_MATCH_SAME")
        assert check["number"] == told["number"]
        assert told["verify_url"].endswith(f"/v1/documents/{told['code']}:verify")
    for kind in ("refusal", "decision"):
        assert "申请行政复议" in text_of(issued[kind][1])
    assert issued["decision"][0]["number"] in text_of(issued["delivery"][1])

    forged = issued["decision"][1] + b" "
    code = issued["decision"][0]["code"]
    check = anybody(
        city, f"/v1/documents/{code}:verify", digest=hashlib.sha256(forged).hexdigest()
    ).json()
    assert check["file"] == "FILE_MATCH_DIFFERENT"
    assert refused(anybody(city, f"/v1/documents/{'0' * 32}:verify"))[:2] == (
        404,
        "DOCUMENT_UNKNOWN",
    )


@pytest.mark.article("A12.6")
def test_a_document_fetched_again_is_the_same_file(city: City, finished: list[Json]) -> None:
    path = f"/v1/cases/{finished[1]['case_id']}/documents/acceptance"

    assert fetched(city, WINDOW, path) == fetched(city, REVIEWER, path)


@pytest.mark.article("A11.7")
def test_a_one_off_notice_is_kept_signed_for_and_shared_without_the_projects_secrets(
    city: City, project: Json
) -> None:
    project_id = project["project_id"]
    one = f"/v1/projects/{project_id}"
    first: Any = city.post(WINDOW, f"{one}/notices", told_to="王工")["notice"]
    file = fetched(city, WINDOW, f"/v1/notices/{first['notice_id']}:download")
    said = text_of(file)
    for part in ("办理条件", "可容缺后补", "依据", "时限", "收费", "样表", "目录未提供样表"):
        assert part in said, part
    assert hashlib.sha256(file).hexdigest() == first["digest"]

    signed = city.post(COMPANY, f"/v1/notices/{first['notice_id']}:sign", name="王工")["notice"]
    assert (signed["signed_name"], bool(signed["signed_at"])) == ("王工", True)

    shared = city.post(WINDOW, f"/v1/notices/{first['notice_id']}:share", days=7)
    assert shared["qr"]
    public = anybody(city, f"/v1/shared-guides/{shared['code']}")
    assert public.status_code == 200, public.text
    assert len(public.json()["items"]) == first["items"]
    for secret in (project["details"]["name"], project_id, "2400"):
        assert secret not in public.text

    again = city.person(WINDOW).post(f"{one}/notices", json={})
    assert refused(again)[:2] == (409, "NOTICE_UNCHANGED")

    changed = city.person("d4.city").patch(
        one,
        json={
            "details": {"attributes": {"annual_energy_tce": "10"}},
            "fields": ["attributes.annual_energy_tce"],
        },
    )
    assert changed.status_code == 200, changed.text

    def told_anew() -> Json:
        return dict(city.post(WINDOW, f"{one}/notices", told_to="王工")["notice"])

    second = eventually(told_anew)
    assert (second["number"], second["changed_since"]) == (2, 1)
    dropped = [each["subject"] for each in second["changes"] if each["kind"] == "item_dropped"]
    assert [each for each in dropped if each.startswith(ITEM)]
    assert "与已签收的第 1 号告知相比" in text_of(
        fetched(city, COMPANY, f"/v1/notices/{second['notice_id']}:download")
    )
    assert anybody(city, f"/v1/shared-guides/{shared['code']}").json()["superseded"]
