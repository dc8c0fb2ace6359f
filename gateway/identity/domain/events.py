"""The facts identity publishes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chassis.events import Event


@dataclass(frozen=True)
class AccountState:
    account_id: UUID
    version: int
    username: str
    name: str
    roles: tuple[str, ...]
    region: str
    region_path: str
    org: str
    companies: tuple[str, ...]
    active: bool


@dataclass(frozen=True)
class AccountChanged(Event):
    account: AccountState
