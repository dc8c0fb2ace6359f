"""Accounts, companies and their delegates, through the edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from kaigong.identity.v1 import identity_pb2 as pb

from chassis.db import Database
from chassis.db import outbox as outbox_rows
from chassis.tokens import Tokens
from identity import usecases
from identity.domain import MandateState
from identity.store import AccountStore
from support import eventually
from support.identity_api import PASSWORD, Client, Refusal
from support.servers import Databases
from support.services import run

P01, P02 = "913211710000000199", "91321181000000027K"
TODAY = (datetime.now(UTC) + timedelta(hours=8)).date()
LAST = (TODAY + timedelta(days=30)).isoformat()


def refusal(client: Client, rpc: str, **fields: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        client(rpc, **fields)
    return refused.value


def is_revoked(client: Client) -> bool:
    try:
        client("GetMe")
    except Refusal as refused:
        return bool(refused.reason == "TOKEN_REVOKED")
    return False  # the word of it is still on its way


def changed(account: pb.Account, **fields: Any) -> dict[str, Any]:
    """Return what UpdateAccount needs to leave the account as it is, but for `fields`."""
    return {
        "account_id": account.account_id,
        "name": account.name,
        "roles": list(account.roles),
        "region": account.region,
        "org": account.org,
        **fields,
    }


def facts_of(db: Database, account_id: str) -> list[Any]:
    with db.read() as connection:
        rows = connection.execute(
            sa.select(outbox_rows.c.envelope).order_by(outbox_rows.c.position)
        ).scalars()
        return [row for row in rows if row["aggregate_id"] == account_id]


def test_every_change_of_an_account_is_told_with_its_whole_state(
    s2: Client, someone: pb.Account, db: Database
) -> None:
    s2("UpdateAccount", **changed(someone, roles=["A2", "A4"]))
    s2("DisableAccount", account_id=someone.account_id, reason="离职")

    told = facts_of(db, someone.account_id)
    assert {fact["type"] for fact in told} == {"account_changed.v1"}
    last = told[-1]["data"]["account"]
    assert last["roles"] == ["A2", "A4"]
    assert not last["active"]
    assert last["version"] == told[-1]["version"]
    assert [fact["version"] for fact in told] == sorted({fact["version"] for fact in told})


def test_a_user_name_is_taken_once(s2: Client, someone: pb.Account) -> None:
    refused = refusal(
        s2,
        "CreateAccount",
        username=someone.username,
        name="另一个人",
        roles=["D1"],
        region="321181",
        initial_password="for the first day",
    )

    assert (refused.code, refused.reason, refused.fields) == (
        "ALREADY_EXISTS",
        "USERNAME_TAKEN",
        ["username"],
    )


def test_the_same_key_opens_one_account(s2: Client) -> None:
    asked = {
        "username": f"d1.{uuid4().hex[:8]}",
        "name": "示例调度员",
        "roles": ["D1"],
        "region": "321181",
        "initial_password": "for the first day",
    }
    key = uuid4().hex

    first = s2("CreateAccount", key=key, **asked)
    assert s2("CreateAccount", key=key, **asked) == first


def test_the_three_powers_are_not_given_to_one_person(s2: Client, anybody: Client) -> None:
    s1 = anybody.signed_in("s1.city")("GetMe").account

    refused = refusal(s2, "UpdateAccount", **changed(s1, roles=["S1", "S3"]))
    assert (refused.reason, refused.fields) == ("ROLES_INCOMPATIBLE", ["roles"])


def test_a_change_based_on_an_old_version_is_refused(s2: Client, someone: pb.Account) -> None:
    s2("UpdateAccount", **changed(someone, name="新名字"))

    refused = refusal(
        s2, "UpdateAccount", **changed(someone, name="旧的", expected_version=someone.version)
    )
    assert (refused.code, refused.reason) == ("ABORTED", "STALE")


def test_new_roles_void_the_old_token(
    s2: Client, anybody: Client, someone: pb.Account, tokens: Tokens
) -> None:
    before = anybody.signed_in(someone.username)
    tokens.principal(before.token)

    s2("UpdateAccount", **changed(someone, roles=["A4"]))

    eventually(lambda: is_revoked(before))
    assert anybody.signed_in(someone.username).principal().roles == {"A4"}


@pytest.mark.parametrize("username", ["d4.city", "a3.danyang.fagai", "k1.city", "s3.city"])
def test_who_does_not_manage_accounts_sees_none(anybody: Client, username: str) -> None:
    client = anybody.signed_in(username)

    for rpc in ("ListAccounts", "ListCompanies", "ListSigningKeys"):
        assert refusal(client, rpc).reason == "NOT_YOUR_ROLE"


def test_a_district_sees_and_changes_its_own_accounts_only(
    s2: Client, anybody: Client, someone: pb.Account
) -> None:
    danyang, jurong = anybody.signed_in("d1.danyang"), anybody.signed_in("b3.jurong")

    seen = danyang("ListAccounts", page_size=200).accounts
    assert {account.region_path.split("/")[1] for account in seen} == {"321181"}
    assert not {"D2", "S2"} & {role for account in seen for role in account.roles}
    assert danyang("UpdateAccount", **changed(someone, name="改名")).account.name == "改名"
    for rpc, fields in (
        ("GetAccount", {"account_id": someone.account_id}),
        ("UpdateAccount", changed(someone)),
        ("ResetPassword", {"account_id": someone.account_id, "new_password": PASSWORD}),
        ("DisableAccount", {"account_id": someone.account_id, "reason": "越权"}),
    ):
        refused = refusal(jurong, rpc, **fields)
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "NOT_YOURS_TO_MANAGE")
    assert (
        refusal(danyang, "UpdateAccount", **changed(someone, roles=["A2", "D2"])).reason
        == "ROLE_NOT_YOURS_TO_GRANT"
    )


def test_accounts_come_in_pages(s2: Client) -> None:
    seen: list[str] = []
    token = ""
    while True:
        page = s2("ListAccounts", page_size=30, page_token=token, region="321181")
        seen += [account.username for account in page.accounts]
        token = page.next_page_token
        if not token:
            break

    assert seen == sorted(set(seen))
    assert {"d1.danyang", "b1.danyang", "e1.p02"} <= set(seen)
    assert refusal(s2, "ListAccounts", page_token="nonsense").reason == "PAGE_TOKEN_INVALID"


def test_a_search_finds_and_does_not_interpret(s2: Client) -> None:
    found = s2("ListAccounts", search="zhongjie").accounts

    assert [account.username for account in found] == ["x1.zhongjie"]
    assert not s2("ListAccounts", search="%").accounts


def test_nobody_changes_his_own_roles_or_disables_himself(s2: Client) -> None:
    me = s2("GetMe").account

    assert refusal(s2, "UpdateAccount", **changed(me, roles=["S3"])).reason == "OWN_ACCOUNT"
    assert (
        refusal(s2, "DisableAccount", account_id=me.account_id, reason="误操作").reason
        == "OWN_ACCOUNT"
    )


def test_a_company_with_a_wrong_check_digit_is_refused(s2: Client, anybody: Client) -> None:
    e1 = anybody.signed_in("e1.p01")("GetMe").account

    refused = refusal(
        s2,
        "BindCompany",
        uscc="913211710000000198",
        name="示例",
        region="321171",
        legal_person_account_id=e1.account_id,
    )
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ["uscc"])


def new_delegate(e1: Client, uscc: str = P01, **fields: Any) -> tuple[str, Any]:
    username = f"e2.{uuid4().hex[:8]}"
    mandate = e1(
        "AddDelegate",
        uscc=uscc,
        username=username,
        name="示例经办人",
        initial_password="for the first day",
        **{"starts_on": TODAY.isoformat(), "ends_on": LAST, **fields},
    ).mandate
    return username, mandate


def first_sign_in(anybody: Client, username: str) -> Client:
    session = anybody(
        "SignIn", username=username, password="for the first day", new_password=PASSWORD
    ).session
    return Client(anybody.address, session.access_token)


def test_a_delegate_acts_for_the_company_until_his_authority_is_revoked(anybody: Client) -> None:
    e1 = anybody.signed_in("e1.p01")
    username, mandate = new_delegate(e1)
    delegate = first_sign_in(anybody, username)
    assert delegate.principal().companies == {P01}
    assert delegate.principal().roles == {"E2"}

    revoked = e1(
        "RevokeMandate",
        account_id=mandate.account_id,
        mandate_id=mandate.mandate_id,
        reason="项目结束",
    ).mandate

    assert revoked.state == pb.MANDATE_STATE_REVOKED
    eventually(lambda: is_revoked(delegate))
    assert anybody.signed_in(username).principal().companies == frozenset()


def test_a_delegate_of_one_project_carries_it_in_his_token(anybody: Client) -> None:
    project = str(uuid4())
    username, _ = new_delegate(anybody.signed_in("e1.p01"), project_ids=[project])

    assert first_sign_in(anybody, username).principal().projects == frozenset({project})


def test_a_companys_administrator_manages_his_own_delegates_only(anybody: Client) -> None:
    e1, other = anybody.signed_in("e1.p01"), anybody.signed_in("e1.p02")
    username, mandate = new_delegate(e1)

    assert username in [account.username for account in e1("ListAccounts").accounts]
    assert [company.uscc for company in e1("ListCompanies").companies] == [P01]
    held = e1("GetCompany", uscc=P01).mandates
    assert {"e1.p01", "e2.p01", username} <= {each.username for each in held}
    assert username not in [account.username for account in other("ListAccounts").accounts]
    for rpc, fields in (
        ("GetCompany", {"uscc": P01}),
        ("AddDelegate", {"uscc": P01, "account_id": mandate.account_id, **period()}),
        (
            "RevokeMandate",
            {
                "account_id": mandate.account_id,
                "mandate_id": mandate.mandate_id,
                "reason": "越权",
            },
        ),
        ("DisableAccount", {"account_id": mandate.account_id, "reason": "越权"}),
    ):
        assert refusal(other, rpc, **fields).reason == "NOT_YOURS_TO_MANAGE"


def period() -> dict[str, str]:
    return {"starts_on": TODAY.isoformat(), "ends_on": LAST}


def test_a_delegate_of_two_companies_is_managed_by_neither(anybody: Client) -> None:
    e1, other = anybody.signed_in("e1.p01"), anybody.signed_in("e1.p02")
    username, mandate = new_delegate(e1)
    other("AddDelegate", uscc=P02, account_id=mandate.account_id, **period())

    assert first_sign_in(anybody, username).principal().companies == {P01, P02}
    refused = refusal(e1, "ResetPassword", account_id=mandate.account_id, new_password=PASSWORD)
    assert refused.reason == "NOT_YOURS_TO_MANAGE"


def test_a_new_legal_person_takes_the_place_of_the_old(s2: Client, anybody: Client) -> None:
    legal = [
        s2(
            "CreateAccount",
            username=f"e1.{uuid4().hex[:8]}",
            name="示例法人",
            roles=["E1"],
            region="321181",
            initial_password="for the first day",
        ).account
        for _ in range(2)
    ]
    for account in legal:
        s2(
            "BindCompany",
            uscc="91321181000000123W",
            name="示例视光科技(丹阳)有限公司",
            region="321181",
            legal_person_account_id=account.account_id,
        )

    companies = [
        first_sign_in(anybody, account.username).principal().companies for account in legal
    ]
    assert companies == [frozenset(), {"91321181000000123W"}]


def test_authority_that_ends_by_itself_is_told_when_it_does(anybody: Client, db: Database) -> None:
    _, mandate = new_delegate(anybody.signed_in("e1.p01"))
    account_id = mandate.account_id
    later = datetime.now(UTC) + timedelta(days=32)

    with db.begin() as tx:
        while usecases.tell_turned_mandates(AccountStore(tx), now=later):
            pass
        held = AccountStore(tx).get(UUID(account_id)).mandates.values()
        assert {each.state(later) for each in held} == {MandateState.EXPIRED}

    assert facts_of(db, account_id)[-1]["data"]["account"]["companies"] == []


def test_the_auditor_reads_who_did_what_and_nobody_else_does(
    s2: Client, anybody: Client, someone: pb.Account
) -> None:
    s2("DisableAccount", account_id=someone.account_id, reason="离职")
    s3 = anybody.signed_in("s3.city")

    lines = s3("ListAuditLines", subject_id=someone.account_id).lines

    newest = lines[0]
    assert newest.username == "s2.city"
    assert newest.method.endswith("/DisableAccount")
    assert newest.detail["reason"] == "离职"
    assert refusal(s2, "ListAuditLines").reason == "NOT_YOUR_ROLE"
    assert not s3("ListAuditLines", to_day="2020-01-01").lines
    # Reading the lines leaves a line.
    assert s3("ListAuditLines", page_size=1).lines[0].method.endswith("/ListAuditLines")


def test_the_first_administrator_is_made_once(database: Databases) -> None:
    url = database("identity")
    said = run("identity", "first-admin", "--username", "root", database_url=url)
    assert "initial password" in said

    with pytest.raises(AssertionError, match="works once"):
        run("identity", "first-admin", "--username", "root2", database_url=url)


def test_the_demonstrations_accounts_are_loaded_once(identity_database: str, db: Database) -> None:
    assert "opened: 0" in run("identity", "load-demo", database_url=identity_database)

    with db.read() as connection:
        roles = connection.execute(
            sa.text("select distinct unnest(roles) from accounts where username like '%.%'")
        ).scalars()
        assert len(set(roles)) == 22
