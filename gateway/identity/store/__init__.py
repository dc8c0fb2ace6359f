"""Identity's tables; load and save what the domain knows."""

from identity.store.accounts import AccountStore, CompanyStore, read_mandate
from identity.store.keys import ClockStore, KeyStore
from identity.store.sessions import SessionStore
from identity.store.tables import accounts, companies, mandates, metadata

__all__ = [
    "AccountStore",
    "ClockStore",
    "CompanyStore",
    "KeyStore",
    "SessionStore",
    "accounts",
    "companies",
    "mandates",
    "metadata",
    "read_mandate",
]
