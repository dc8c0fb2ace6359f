"""Article 5: the platform is run by three officers, each with his own; X6: whatever they do is on record.

What is shown is the api of it. Dictionaries of attributes and templates of orders come with a release
and are read here; bodies, items, rules, the calendar and accounts are changed.
"""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from acceptance.conftest import City, Json, said
from chassis import audit_check
from support import services
from support.callers import PASSWORD
from support.waiting import eventually

CONFIGURES, ADMINISTERS, AUDITS, TEAM = "s1.city", "s2.city", "s3.city", "d4.city"


def signs_in(city: City, username: str, password: str, **more: str) -> httpx.Response:
    body = {"username": username, "password": password, **more}
    return httpx.post(f"{city.instance.base_url}/v1/auth:signIn", json=body, timeout=30)


def opened(city: City, **details: Any) -> tuple[str, str]:
    """Make an account of a district's window and return its name and id."""
    username = f"run.{secrets.token_hex(4)}"
    wanted = {"roles": ["A1"], "region": "321181", "org": "", "name": "示例新窗口", **details}
    made = city.post(
        ADMINISTERS, "/v1/accounts", username=username, initial_password="Initial#2026x", **wanted
    )
    return username, str(made["account"]["account_id"])


@pytest.mark.article("A05.5")
def test_accounts_are_made_given_roles_stopped_and_opened_again_by_the_administrator(
    city: City,
) -> None:
    username, account = opened(city)
    first = signs_in(city, username, "Initial#2026x", new_password=PASSWORD)
    one = f"/v1/accounts/{account}"
    changed = {"name": "示例新窗口", "roles": ["A1", "B3"], "region": "321181"}
    city.post(ADMINISTERS, f"{one}:update", **changed)
    roles = city.get(ADMINISTERS, one)["account"]["roles"]
    city.post(ADMINISTERS, f"{one}:disable", reason="借调结束")
    stopped = signs_in(city, username, PASSWORD)
    city.post(ADMINISTERS, f"{one}:enable")
    again = signs_in(city, username, PASSWORD)

    assert first.status_code == 200
    assert roles == ["A1", "B3"]
    assert stopped.status_code in (401, 403)
    assert again.status_code == 200


@pytest.mark.article("A05.5")
def test_items_are_drafted_by_one_and_judged_by_another(city: City) -> None:
    in_force = city.get(CONFIGURES, "/v1/catalog/versions")["in_force"]
    exported = city.person(CONFIGURES).get(f"/v1/catalog/versions/{in_force}:export")
    content = yaml.safe_load(exported.content)
    item = next(each for each in content["items"] if each["code"] == "S2-06")
    item["committed_limit_days"] = int(item["committed_limit_days"]) - 1
    drafted = said(
        city.person(CONFIGURES).post(
            "/v1/catalog/drafts:import",
            params={"note": "压减一天"},
            content=yaml.safe_dump(content, allow_unicode=True),
            headers={"content-type": "application/yaml"},
        )
    )["draft"]
    one = f"/v1/catalog/drafts/{drafted['draft_id']}"
    own = city.person(CONFIGURES).post(f"{one}:review", json={"approved": True})
    by_window = city.person("a1.danyang").post(f"{one}:review", json={"approved": True})
    # Refused, so that nobody else's items change on an instance that others use.
    judged = city.post("d5.city", f"{one}:review", approved=False, reason="暂缓")["draft"]

    assert own.status_code == 403
    assert by_window.status_code == 403
    assert (drafted["state"], judged["state"]) == ("drafted", "rejected")


@pytest.mark.article("A05.5")
def test_dictionaries_are_open_to_who_works_and_a_body_is_renamed_from_a_day_on(
    city: City,
) -> None:
    regions = city.get("e1.p01", "/v1/regions")["regions"]
    bodies = city.get(TEAM, "/v1/organisations", region="321181")
    attributes = city.get(TEAM, "/v1/project-attributes")["attributes"]
    tomorrow = str(city.today() + timedelta(days=1))
    change = {
        "org": "321181:档案",
        "name": f"丹阳市档案馆{secrets.token_hex(2)}",
        "effective_from": tomorrow,
    }
    set_by = said(city.person(CONFIGURES).put("/v1/catalog/bodies", json=change))
    by_window = city.person("a1.danyang").put("/v1/catalog/bodies", json=change)

    assert len(regions) > 10
    assert bodies
    assert attributes
    assert set_by["effective_from"] == tomorrow
    assert by_window.status_code == 403


@pytest.mark.article("A05.5")
def test_a_rule_is_tried_on_what_was_before_it_changes_and_keeps_its_versions(city: City) -> None:
    rule = "/v1/warning-rules/W-03"
    tried = city.post(CONFIGURES, f"{rule}:preview", active=False)
    versions = city.get(CONFIGURES, f"{rule}/versions")["versions"]
    by_window = city.person("a1.danyang").post(f"{rule}:preview", json={})

    assert tried["since"] < tried["until"]
    assert versions[0]["version"] >= 1
    assert by_window.status_code == 403


OFF = {
    "01-01": "元旦", "02-05": "春节", "02-08": "春节", "02-09": "春节", "04-05": "清明节", "05-01": "劳动节",
    "06-09": "端午节", "09-15": "中秋节", "10-01": "国庆节", "10-02": "国庆节", "10-03": "国庆节",
}  # fmt: skip


@pytest.mark.article("A05.5")
def test_the_calendar_of_a_year_is_published_once_by_the_configurator(city: City) -> None:
    known = city.get(TEAM, "/v1/calendar")
    following = max(int(each["year"]) for each in known["years"]) + 1
    days = [
        {"day": f"{following}-{day}", "working": False, "name": name} for day, name in OFF.items()
    ]
    year = {"year": following, "official": True, "notice": "国办发明电示例", "days": days}
    by_team = city.person(TEAM).post("/v1/calendar:publish", json=year)
    holes = city.person(CONFIGURES).post("/v1/calendar:publish", json={**year, "days": days[1:]})
    published = city.post(CONFIGURES, "/v1/calendar:publish", **year)

    assert by_team.status_code == 403
    assert holes.status_code == 400
    assert published["version"] != known["version"]
    assert following in {int(each["year"]) for each in published["years"]}


@pytest.mark.article("A05.5")
def test_templates_are_kept_and_may_be_read(city: City) -> None:
    orders = city.get(TEAM, "/v1/order-templates")["templates"]
    workbook = city.person(TEAM).get("/v1/annual-lists/template")

    assert orders
    assert workbook.content[:2] == b"PK"


# --- X6 -----------------------------------------------------------------------------------------


def lines_about(city: City, subject: str) -> list[Json]:
    return list(city.get(AUDITS, "/v1/audit", subject_id=subject)["lines"])


@pytest.mark.article("A05.5", "X6")
def test_the_log_tells_the_auditor_who_did_what_and_nobody_else(city: City) -> None:
    _, account = opened(city)
    city.post(ADMINISTERS, f"/v1/accounts/{account}:disable", reason="离职")
    lines = lines_about(city, account)
    others = {
        who: city.person(who).get("/v1/audit").status_code
        for who in (CONFIGURES, ADMINISTERS, TEAM, "a1.danyang")
    }

    assert [each["method"].rpartition("/")[2] for each in lines[:2]] == [
        "DisableAccount",
        "CreateAccount",
    ]
    assert {each["username"] for each in lines} == {ADMINISTERS}
    assert lines[0]["detail"]["reason"] == "离职"
    assert set(others.values()) == {403}
    # Reading the log leaves a line as well.
    newest = city.get(AUDITS, "/v1/audit")["lines"][0]
    assert newest["method"].endswith("/ListAuditLines")


@pytest.mark.article("X6")
def test_the_three_officers_cannot_do_each_others_work(city: City) -> None:
    _, account = opened(city)
    acts = {
        "accounts": ("post", f"/v1/accounts/{account}:disable", {"reason": "越权"}),
        "rules": ("post", "/v1/warning-rules/W-03:preview", {}),
        "log": ("get", "/v1/audit", None),
    }
    may = {"accounts": ADMINISTERS, "rules": CONFIGURES, "log": AUDITS}

    for act, (method, path, body) in acts.items():
        for who in (CONFIGURES, ADMINISTERS, AUDITS):
            if who == may[act]:
                continue
            answer = city.person(who).request(method, path, json=body)
            assert answer.status_code == 403, f"{who} may {act}"

    # What was refused is on record as well, with who tried.
    lines = city.get(AUDITS, "/v1/audit", page_size=50)["lines"]
    attempts = {
        each["username"]
        for each in lines
        if each["method"].endswith("/DisableAccount") and "refused" in each["detail"]
    }
    assert attempts == {CONFIGURES, AUDITS}


@pytest.mark.article("X6")
def test_guessing_a_password_is_stopped_and_on_record_without_the_password(city: City) -> None:
    username, account = opened(city)
    signs_in(city, username, "Initial#2026x", new_password=PASSWORD)
    guess = f"Wrong#{secrets.token_hex(4)}"
    answers = [signs_in(city, username, guess).status_code for _ in range(12)]
    right = signs_in(city, username, PASSWORD)

    assert 429 in answers
    assert right.status_code == 429
    lines = lines_about(city, account)
    assert any(each["method"].endswith("/SignIn") for each in lines)
    assert guess not in json.dumps(lines, ensure_ascii=False)


@pytest.mark.article("X6")
@pytest.mark.parametrize("service", ["identity", "approval_tracking", "warning_dispatch"])
def test_every_line_is_chained_and_one_that_is_altered_is_named(
    city: City, tmp_path: Path, service: str
) -> None:
    process = f"{service}-api"
    if process not in city.instance.names:
        pytest.skip("a packed instance tells its databases otherwise")
    if service == "identity":
        opened(city)
    settings = {
        "database_url": city.instance.setting(process, "DATABASE_URL"),
        "instance": "321100",
        "log_level": "error",
    }

    def exported() -> list[str]:
        lines = services.run(service, "audit", "export", **settings).splitlines()
        assert len(lines) > 2
        return lines

    lines = eventually(exported, timeout=30)
    whole, altered = tmp_path / "whole.jsonl", tmp_path / "altered.jsonl"
    whole.write_text("\n".join(lines) + "\n", "utf-8")
    place = len(lines) // 2
    line = json.loads(lines[place])
    line["username"] = "somebody.else"
    altered.write_text(
        "\n".join([*lines[:place], json.dumps(line, ensure_ascii=False), *lines[place + 1 :]])
        + "\n",
        "utf-8",
    )

    assert "完整" in services.run(service, "audit", "verify", **settings)
    assert audit_check.main([str(whole)]) == 0
    assert audit_check.main([str(altered)]) == 1
