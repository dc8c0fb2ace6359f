"""Articles 7, 11 and 12: pre-reviews, papers that follow later, and pledges."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import pytest

from acceptance.conftest import City, Json, refused
from chassis.calendar import SHANGHAI
from chassis.uscc import check_digit

COMPANY, WINDOW = "e1.p02", "a1.danyang"
REVIEWER, HEAD = "a2.danyang.shengtai", "a3.danyang.shengtai"
ITEM, PAPER = "S2-09", "入园证明/规划环评符合性说明"


@pytest.fixture
def project_id(city: City) -> str:
    return ready(city)


def ready(city: City, **details: str) -> str:
    """Return a project that needs an environmental report form and has its code."""
    attributes = {"eia_class": '"form"', "land_type": '"transfer"'}
    made = city.register("d4.city", attributes=attributes, **details)
    project_id = str(made["project_id"])
    city.settled(project_id)
    code = submitted(city, project_id, "S2-01")
    one = f"/v1/cases/{code['case_id']}"
    city.post("a2.danyang.fagai", f"{one}:accept")
    city.post("a3.danyang.fagai", f"{one}:decide", **approval())
    return project_id


def submitted(city: City, project_id: str, code: str = ITEM, **more: object) -> Json:
    wanted = {"project_id": project_id, "item_code": code, **more}
    return dict(city.post(WINDOW, "/v1/cases:submit", **wanted)["case"])


def approval() -> Json:
    return {"outcome": "DECISION_OUTCOME_APPROVED", "reason": "符合规定"}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.article("A07.4", "A11.8")
def test_a_pre_review_has_no_effect_and_spares_papers_that_did_not_change(
    city: City, project_id: str
) -> None:
    papers = [
        {"title": "环境影响报告表", "sha256": digest("一稿")},
        {"title": "总平面图", "sha256": digest("图")},
    ]
    asked = city.post(
        COMPANY,
        "/v1/pre-reviews",
        project_id=project_id,
        item_code=ITEM,
        question="报告表深度是否符合要求",
        papers=papers,
    )["pre_review"]
    one = f"/v1/pre-reviews/{asked['pre_review_id']}"
    queue = city.get(
        REVIEWER, "/v1/pre-reviews", org=asked["org"], status="PRE_REVIEW_STATUS_ASKED"
    )
    missing = ["缺少噪声预测"]
    given = city.post(REVIEWER, f"{one}:give", ready=False, missing=missing)["pre_review"]
    seen = city.get(REVIEWER, one)["pre_review"]

    assert asked["pre_review_id"] in [each["pre_review_id"] for each in queue["pre_reviews"]]
    assert "不具法律效力" in given["effect"]
    assert [(each["item_code"], each["state"]) for each in seen["before"]] == [("S2-01", "done")]
    applied_for = city.get(COMPANY, "/v1/cases", project_id=project_id)["cases"]
    assert [each["item_code"] for each in applied_for] == ["S2-01"]

    changed = [{"title": "环境影响报告表", "sha256": digest("二稿")}]
    case = submitted(city, project_id, pre_review_id=asked["pre_review_id"], papers=changed)
    assert [(each["title"], each["standing"]) for each in case["papers"]] == [
        ("环境影响报告表", "changed"),
        ("总平面图", "unchanged"),
        # What an approval here yielded comes along from the material library.
        ("项目代码", ""),
    ]
    assert city.get(COMPANY, one)["pre_review"]["status"] == "formal"


@pytest.mark.article("A12.2")
def test_a_paper_may_follow_but_the_approval_waits_for_it(city: City, project_id: str) -> None:
    case = submitted(city, project_id)
    one = f"/v1/cases/{case['case_id']}"
    core = {"deferred": [{"paper": "环境影响报告表"}], "undertaking": "承诺书1号"}
    follows = {"deferred": [{"paper": PAPER}], "undertaking": "承诺书1号"}

    refusal = city.person(REVIEWER).post(f"{one}:accept", json=core)
    accepted = city.post(REVIEWER, f"{one}:accept", **follows)["case"]
    locked = city.person(HEAD).post(f"{one}:decide", json=approval())
    city.post(COMPANY, f"{one}:supplyDeferred", papers=[PAPER])
    decided = city.post(HEAD, f"{one}:decide", **approval())["case"]

    assert refused(refusal)[1:] == ("PAPER_NOT_DEFERRABLE", ["deferred[0].paper"])
    (awaited,) = accepted["deferrals"]
    assert awaited["due_on"] < accepted["clock"]["committed_due"]
    assert refused(locked)[1] == "PAPERS_STILL_MISSING"
    assert decided["status"] == "decided"


@pytest.mark.article("A12.3")
def test_a_pledge_is_decided_on_at_once_checked_and_revoked_when_untrue(city: City) -> None:
    uscc = "9132118100" + "".join(secrets.choice("0123456789") for _ in range(7))
    uscc += check_digit(uscc)
    project_id = ready(city, uscc=uscc, enterprise_name="示例承诺企业")
    pledge = {"signed_by": "王示例", "document": "告知承诺书1号"}
    case = submitted(city, project_id, pledge=pledge)
    one = f"/v1/cases/{case['case_id']}"
    accepted = city.post(REVIEWER, f"{one}:accept")["case"]
    decided = city.post(HEAD, f"{one}:decide", **approval())["case"]
    revocation = {"reason": "承诺不实, 逾期未整改", "document": "撤销决定书1号"}
    unchecked = city.person(HEAD).post(f"{one}:revoke", json=revocation)
    put_right_by = city.today() + timedelta(days=1)
    city.post(
        REVIEWER,
        f"{one}:recordPledgeCheck",
        found_true=False,
        text="现场核查与承诺不符",
        put_right_by=str(put_right_by),
    )
    early = city.person(HEAD).post(f"{one}:revoke", json=revocation)
    after = datetime.combine(put_right_by + timedelta(days=1), datetime.min.time(), SHANGHAI)
    city.instance.move_clock_to(after)
    revoked = city.post(HEAD, f"{one}:revoke", **revocation)["case"]

    assert accepted["clock"]["committed_days"] == 1
    assert decided["pledge"]["check_due"] > str(city.today())
    assert refused(unchecked)[1] == "PLEDGE_FOUND_TRUE"
    assert refused(early)[1] == "PUT_RIGHT_STILL_RUNS"
    assert revoked["status"] == "revoked"
    items = city.get(WINDOW, f"/v1/projects/{project_id}/items", page_size=200)["items"]
    assert next(each["state"] for each in items if each["item_code"] == ITEM) == "not_started"
    again = city.person(WINDOW).post(
        "/v1/cases:submit", json={"project_id": project_id, "item_code": ITEM, "pledge": pledge}
    )
    assert refused(again)[1] == "COMPANY_NOT_TRUSTED"
