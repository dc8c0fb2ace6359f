"""The rules of identity, pure."""

from identity.domain import errors
from identity.domain.accounts import Account, check_password
from identity.domain.events import AccountChanged, AccountState
from identity.domain.keys import LEAD, SigningKey, signing
from identity.domain.mandates import Mandate, MandateKind, MandateState, authority, today
from identity.domain.movable import ClockOffset
from identity.domain.roles import ADMINISTRATOR, TIERS, Manager, Place, check_roles
from identity.domain.sessions import ACCESS_LIFE, Attempts, RefreshToken, Session

__all__ = [
    "ACCESS_LIFE",
    "ADMINISTRATOR",
    "LEAD",
    "TIERS",
    "Account",
    "AccountChanged",
    "AccountState",
    "Attempts",
    "ClockOffset",
    "Manager",
    "Mandate",
    "MandateKind",
    "MandateState",
    "Place",
    "RefreshToken",
    "Session",
    "SigningKey",
    "authority",
    "check_password",
    "check_roles",
    "errors",
    "signing",
    "today",
]
