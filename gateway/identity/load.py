"""Accounts that exist before anybody signs in: the first administrator, and those of the demonstration."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from chassis import regions, uscc
from identity import usecases
from identity.domain import Account, today
from identity.passwords import Passwords
from identity.store import AccountStore, CompanyStore

_DELEGATED_FOR = timedelta(days=3 * 365)


def demo_id(username: str) -> UUID:
    """Return the id by which other services' demonstration data names the account."""
    return uuid5(NAMESPACE_URL, f"kaigong:account:{username}")


def load_demo(
    accounts: AccountStore, companies: CompanyStore, passwords: Passwords, *, now: datetime
) -> int:
    """Open the demonstration's accounts that are not there yet; return how many were opened.

    One hash serves all of them: their common password is public anyway, and seventy hashes
    would cost seconds.
    """
    text = files("identity").joinpath("data/demo_accounts.yaml").read_text(encoding="utf-8")
    demo: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    for company in demo["companies"]:
        companies.save(
            uscc=uscc.validate(company["uscc"]),
            name=company["name"],
            region=company["region"],
            region_path=regions.path_of(company["region"]),
            at=now,
        )
    missing = [row for row in demo["accounts"] if not accounts.find_by_username(row["username"])]
    password_hash = passwords.hash(demo["password"]) if missing else ""
    for row in missing:
        account = Account.open(
            account_id=demo_id(row["username"]),
            username=row["username"],
            name=row["name"],
            roles=row["roles"],
            place=usecases.place_of(row["region"], row.get("org", "")),
            password_hash=password_hash,
            must_change_password=False,
            at=now,
        )
        if "company" in row:
            _authorise(account, row["company"], now=now)
        accounts.add(account, at=now)
    return len(missing)


def _authorise(account: Account, code: str, *, now: datetime) -> None:
    mandate_id = uuid5(account.id, code)
    if "E1" in account.roles:
        account.bind(mandate_id, code, by="", at=now)
        return
    account.delegate(
        mandate_id,
        code,
        starts_on=today(now),
        ends_on=today(now) + _DELEGATED_FOR,
        projects=None,
        by="",
        at=now,
    )
