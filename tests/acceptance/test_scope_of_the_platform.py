"""Articles 1 to 3: measured by its own clock, one tree of regions, one sign-in."""

from __future__ import annotations

import secrets
from datetime import timedelta

import httpx
import pytest

from acceptance.conftest import City, described, refused, said, unique
from chassis.uscc import check_digit
from support import eventually
from support.instance import PASSWORD


@pytest.mark.article("A01.2")
def test_what_an_office_achieved_is_counted_and_never_typed_in(city: City) -> None:
    month = f"{city.today():%Y-%m}"

    def decided() -> int:
        report = city.get("d4.city", f"/v1/reports/{month}")["report"]
        return next(int(i["value"]) for i in report["overview"] if i["name"] == "本月办结件数")

    before = decided()
    project = city.register("d4.city")["project_id"]
    wanted = {"project_id": project, "item_code": "S2-01"}
    answer = eventually(
        lambda: said(city.person("e1.p02").post("/v1/cases:submit", json=wanted)), timeout=30
    )
    one = f"/v1/cases/{answer['case']['case_id']}"
    city.post("a2.danyang.fagai", f"{one}:accept")
    city.post("a3.danyang.fagai", f"{one}:decide", outcome="DECISION_OUTCOME_APPROVED")

    assert eventually(lambda: decided() == before + 1, timeout=60)
    report = city.get("d4.city", f"/v1/reports/{month}")["report"]
    indicators = [*report["overview"], *report["limits"], *report["service"]]
    assert [each["name"] for each in indicators if not each["definition"]] == []
    assert report["definition_version"]


@pytest.mark.article("A01.2")
def test_no_route_takes_an_indicator(city: City) -> None:
    paths = said(httpx.get(f"{city.instance.base_url}/openapi.json"))["paths"]

    writing = {
        path
        for path, operations in paths.items()
        if path.startswith(("/v1/reports", "/v1/network")) and set(operations) - {"get"}
    }
    assert writing == {"/v1/reports/{period}:issue"}
    issue = paths["/v1/reports/{period}:issue"]["post"]["requestBody"]["content"]
    assert "value" not in str(issue)


@pytest.mark.article("A02.2")
def test_eighty_one_regions_stand_in_one_tree(city: City) -> None:
    regions = city.get("d4.city", "/v1/regions")["regions"]
    by_code = {each["code"]: each for each in regions}

    assert len(regions) == 81
    assert [each["code"] for each in regions if not each["parent"]] == ["321100"]
    for each in regions:
        above = by_code.get(each["parent"])
        assert each["path"] == (f"{above['path']}/{each['code']}" if above else each["code"])
    assert {each["tier"] for each in regions} == {"city", "district", "town"}


@pytest.mark.article("A02.2")
def test_a_row_of_another_region_is_refused_and_not_listed(city: City) -> None:
    project = city.register("d4.city")["project_id"]
    case = eventually(
        lambda: said(
            city.person("e1.p02").post(
                "/v1/cases:submit", json={"project_id": project, "item_code": "S2-01"}
            )
        ),
        timeout=30,
    )["case"]["case_id"]

    stranger = city.person("d1.jurong")
    for path in (f"/v1/projects/{project}", f"/v1/cases/{case}", f"/v1/projects/{project}/plan"):
        assert refused(stranger.get(path))[:2] == (403, "OUT_OF_SCOPE"), path
    assert refused(stranger.get("/v1/network", params={"region": "321181"}))[:2] == (
        403,
        "OUT_OF_SCOPE",
    )
    listed = city.get("d1.jurong", "/v1/projects", page_size=200)["projects"]
    assert project not in {each["project_id"] for each in listed}
    assert {each["region_path"].split("/")[1] for each in listed} == {"321183"}


@pytest.mark.article("A02.3")
def test_a_district_promises_less_time_and_its_neighbours_promise_stays(city: City) -> None:
    def promised(region: str) -> str:
        guide = city.get("d4.city", "/v1/catalog/items/S2-09", region=region)["guide"]
        return str(guide["item"]["committed"]["days"])

    neighbours = promised("321183")
    days = "5" if promised("321181") != "5" else "6"

    said(
        city.person("d1.danyang").put(
            "/v1/catalog/items/S2-09/commitments/321181",
            json={"days": days, "unit": "DAY_UNIT_WORKING"},
        )
    )
    try:
        assert (promised("321181"), promised("321183")) == (days, neighbours)
        abroad = city.person("d1.danyang").put(
            "/v1/catalog/items/S2-09/commitments/321183",
            json={"days": days, "unit": "DAY_UNIT_WORKING"},
        )
        assert abroad.status_code == 403
        too_long = city.person("d1.danyang").put(
            "/v1/catalog/items/S2-09/commitments/321181",
            json={"days": "90", "unit": "DAY_UNIT_WORKING"},
        )
        assert refused(too_long)[1] == "COMMITMENT_TOO_LONG"
    finally:
        said(
            city.person("d1.danyang").put(
                "/v1/catalog/items/S2-09/commitments/321181",
                json={"days": "7", "unit": "DAY_UNIT_WORKING"},
            )
        )


@pytest.mark.article("A03.2")
def test_a_wrong_check_digit_is_refused_by_name(city: City) -> None:
    answer = city.person("d4.city").post(
        "/v1/projects", json={"details": described(city, uscc="91321181000000027X")}
    )

    status, _, fields = refused(answer)
    assert (status, fields) == (400, ["details.uscc"])


@pytest.mark.article("A03.2")
def test_one_sign_in_for_everybody_and_a_mandate_that_can_be_revoked(city: City) -> None:
    """The company's administrator opens a delegate; he works for the company until he is revoked."""
    username = f"delegate.{secrets.token_hex(4)}"
    mandate = city.post(
        "e1.p02",
        "/v1/companies/91321181000000027K/delegates",
        username=username,
        name="示例经办人",
        initial_password=PASSWORD,
        starts_on=str(city.today()),
        ends_on=str(city.today() + timedelta(days=90)),
    )["mandate"]
    project = city.register("d4.city")["project_id"]

    chosen = {"username": username, "password": PASSWORD, "new_password": f"{PASSWORD}x"}
    session = said(httpx.post(f"{city.instance.base_url}/v1/auth:signIn", json=chosen))["session"]
    bearer = {"authorization": f"Bearer {session['access_token']}"}
    with httpx.Client(base_url=city.instance.base_url, headers=bearer) as delegate:
        assert said(delegate.get(f"/v1/projects/{project}"))["project"]["project_id"] == project

        city.post(
            "e1.p02",
            f"/v1/accounts/{mandate['account_id']}/mandates/{mandate['mandate_id']}:revoke",
            reason="离职",
        )

        eventually(
            lambda: delegate.get(f"/v1/projects/{project}").status_code in {401, 403}, timeout=20
        )


@pytest.mark.article("A03.2")
def test_a_company_is_bound_by_its_code_once_and_a_wrong_one_is_not(city: City) -> None:
    first17 = f"91321181{secrets.randbelow(10**9):09d}"
    right = first17 + check_digit(first17)
    wrong = first17 + ("0" if check_digit(first17) != "0" else "1")
    account = city.post(
        "s2.city",
        "/v1/accounts",
        username=f"legal.{secrets.token_hex(4)}",
        name="示例法人",
        initial_password=PASSWORD,
        roles=["E1"],
        region="321181",
    )["account"]["account_id"]
    body = {"name": unique("示例企业"), "region": "321181", "legal_person_account_id": account}
    s2 = city.person("s2.city")

    status, _, fields = refused(s2.post("/v1/companies", json={**body, "uscc": wrong}))
    assert (status, fields) == (400, ["uscc"])
    said(s2.post("/v1/companies", json={**body, "uscc": right}))
    assert city.get("s2.city", f"/v1/companies/{right}")["company"]["uscc"] == right


@pytest.mark.article("A03.2")
def test_a_sign_in_by_the_citys_identity_provider_is_offered_or_refused_with_a_reason(
    city: City,
) -> None:
    answer = httpx.get(f"{city.instance.base_url}/v1/auth/oidc:start")

    if answer.status_code == 200:
        assert answer.json()["redirect_url"].startswith("http")
    else:
        assert refused(answer)[1] == "OIDC_NOT_CONFIGURED"
