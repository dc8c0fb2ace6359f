"""A12.7 and the law of papers: put in once, used again, signed, archived, and no agency named."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from acceptance.conftest import City, Json, refused, said
from acceptance.test_before_and_on_trust import COMPANY, HEAD, REVIEWER, WINDOW, approval, ready

ITEM, PAPER, RESULT = "S2-09", "环境影响报告表", "环评批复"
FORM = {"content-type": "application/pdf"}


@pytest.fixture
def project_id(city: City) -> str:
    return ready(city)


def put(city: City, project_id: str, who: str, text: str, **query: Any) -> Json:
    answer = city.person(who).post(
        f"/v1/projects/{project_id}/materials",
        params={"title": PAPER, "file_name": "报告表.pdf", **query},
        content=b"%PDF-1.7\n" + text.encode(),
        headers=FORM,
    )
    return dict(said(answer)["material"])


def listed(city: City, project_id: str, who: str = COMPANY, **query: Any) -> list[Json]:
    return list(city.get(who, f"/v1/projects/{project_id}/materials", **query)["materials"])


def submitted(city: City, project_id: str, **more: Any) -> Json:
    wanted = {"project_id": project_id, "item_code": ITEM, **more}
    return dict(city.post(WINDOW, "/v1/cases:submit", **wanted)["case"])


@pytest.mark.article("A12.7", "X3")
def test_a_paper_is_handed_in_once_and_not_asked_for_again(city: City, project_id: str) -> None:
    first = put(city, project_id, COMPANY, "一稿")
    second = put(city, project_id, COMPANY, "二稿")
    titles = [(each["title"], each["version"]) for each in listed(city, project_id, title=PAPER)]
    guide = city.get(COMPANY, f"/v1/projects/{project_id}/guide")
    on_file = {each["name"]: each.get("on_file") for each in guide["papers"]}

    assert (first["version"], second["version"]) == (1, 2)
    assert titles == [(PAPER, 2)]
    assert on_file[PAPER]["material_id"] == second["material_id"]

    case = submitted(city, project_id)
    used = {each["title"]: each for each in case["papers"]}
    assert used[PAPER]["material_id"] == second["material_id"]
    # The code of the project is the result of another approval here: nobody hands it in.
    assert used["项目代码"]["version"] == 1

    one = f"/v1/cases/{case['case_id']}:requestSupplement"
    again = city.person(REVIEWER).post(one, json={"entries": ["请补交环境影响报告表"]})
    code_again = city.person(REVIEWER).post(one, json={"entries": ["缺少项目代码"]})
    wrong = city.post(REVIEWER, one, entries=["环境影响报告表缺少噪声预测章节"])["case"]

    assert refused(again)[1:] == ("PAPER_ON_FILE", ["entries[0]"])
    assert refused(code_again)[1:] == ("PAPER_ON_FILE", ["entries[0]"])
    assert wrong["status"] == "supplementing"


@pytest.mark.article("A12.7")
def test_what_a_company_put_in_is_not_the_navigators_to_withdraw(
    city: City, project_id: str
) -> None:
    material = put(city, project_id, COMPANY, "稿")
    expired = city.person(COMPANY).post(
        f"/v1/projects/{project_id}/materials",
        params={"title": "检测报告", "valid_until": "2020-01-01"},
        content=b"%PDF-1.7",
        headers=FORM,
    )
    no_paper = city.person(COMPANY).post(
        f"/v1/projects/{project_id}/materials",
        params={"title": "检测报告"},
        content=b"MZ",
        headers=FORM,
    )
    one = f"/v1/projects/{project_id}/materials/{material['material_id']}"
    stranger = city.person("e1.p01").get(f"{one}:download")
    withdrawn = city.post(COMPANY, f"{one}:withdraw", reason="上传有误")["material"]

    assert refused(expired)[2] == ["valid_until"]
    assert refused(no_paper)[1:] == ("NOT_A_MATERIAL", ["file"])
    assert refused(stranger)[0] == 403
    assert withdrawn["standing"] == "MATERIAL_STANDING_WITHDRAWN"


@pytest.mark.article("X2", "A12.7")
def test_signatures_licences_and_archives_can_be_checked_without_the_platform(
    city: City, project_id: str
) -> None:
    material = put(city, project_id, COMPANY, "签署稿")
    one = f"/v1/projects/{project_id}/materials/{material['material_id']}"
    signed = city.post(COMPANY, f"{one}:sign", sha256=material["sha256"])["material"]
    case = submitted(city, project_id)
    mine = f"/v1/cases/{case['case_id']}"
    city.post(REVIEWER, f"{mine}:accept")
    city.post(HEAD, f"{mine}:decide", **approval())
    early = city.person(COMPANY).get(f"{mine}:archive")
    city.post(WINDOW, f"{mine}:deliver")
    (licence,) = listed(city, project_id, title=RESULT)
    file = city.person(COMPANY).get(
        f"/v1/projects/{project_id}/materials/{licence['material_id']}:download"
    )
    archive = city.person(COMPANY).get(f"{mine}:archive")

    assert refused(early)[1] == "CASE_NOT_FINISHED"
    assert licence["source"] == "MATERIAL_SOURCE_LICENCE"
    assert hashlib.sha256(file.content).hexdigest() == licence["sha256"]
    for signature, digest in (
        (signed["signatures"][0], material["sha256"]),
        (licence["signatures"][0], licence["sha256"]),
    ):
        check(city, signature["key_id"], signature["signature"], signature["statement"].encode())
        assert json.loads(signature["statement"])["sha256"] == digest
    assert archive.content == city.person(COMPANY).get(f"{mine}:archive").content
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    manifest, seal = json.loads(files["manifest.json"]), json.loads(files["manifest.sig"])
    check(city, seal["key_id"], seal["signature"], files["manifest.json"])
    for each in manifest["files"]:
        assert hashlib.sha256(files[each["name"]]).hexdigest() == each["sha256"]
    assert any(each["name"].startswith("materials/") for each in manifest["files"])


def check(city: City, key_id: str, signature: str, text: bytes) -> None:
    keys = {
        each["key_id"]: each["public_key"] for each in city.get(COMPANY, "/v1/seal-keys")["keys"]
    }
    public = load_pem_public_key(keys[key_id].encode())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(signature), text)


@pytest.mark.article("X4")
def test_agencies_are_all_shown_in_a_drawn_order_and_none_is_named(
    city: City, project_id: str
) -> None:
    draws = [city.get(COMPANY, "/v1/intermediaries") for _ in range(8)]
    orders = [tuple(each["uscc"] for each in draw["intermediaries"]) for draw in draws]
    again = city.get(COMPANY, "/v1/intermediaries", seed=draws[0]["seed"])
    agency = draws[0]["intermediaries"][0]
    case = submitted(city, project_id)
    one = f"/v1/cases/{case['case_id']}:requestSupplement"
    named = city.person(REVIEWER).post(one, json={"entries": [f"请委托{agency['name']}重新编制"]})

    assert len(set(orders)) > 1
    assert {frozenset(order) for order in orders} == {frozenset(orders[0])}
    assert tuple(each["uscc"] for each in again["intermediaries"]) == orders[0]
    assert len(orders[0]) == draws[0]["total_size"] > 1
    assert "不作推荐" in draws[0]["note"]
    assert refused(named)[1:] == ("INTERMEDIARY_NAMED", ["entries[0]"])
