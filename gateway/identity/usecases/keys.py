"""The keys that tokens are signed with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from identity.domain import (
    LEAD,
    SigningKey,
    errors,
    signing,
)
from identity.store import KeyStore

MakeKey = Callable[[datetime], SigningKey]  # active_from → key


def ensure_key(keys: KeyStore, make: MakeKey, *, real: datetime) -> SigningKey:
    """Return the key that signs now, and make one when there is none."""
    found = signing(keys.all(), real)
    if found is not None:
        return found
    keys.lock()
    found = signing(keys.all(), real)
    if found is None:
        found = make(real)
        keys.add(found)
    return found


def rotate_key(
    keys: KeyStore, make: MakeKey, *, real: datetime, lead: timedelta = LEAD
) -> SigningKey:
    """Publish a new key that signs after `lead`; its elders go when their last tokens have ended."""
    keys.lock()
    new = make(real + lead)
    keys.save([old.outlive(new) for old in keys.all()])
    keys.add(new)
    return new


def seal_keys_again(keys: KeyStore, seal: Callable[[SigningKey], SigningKey]) -> None:
    """Seal every private half with the secret as it is now."""
    keys.lock()
    keys.save([seal(key) for key in keys.all()])


def remove_key(keys: KeyStore, make: MakeKey, key_id: str, *, real: datetime) -> None:
    keys.lock()
    if not keys.remove(key_id):
        raise errors.SigningKeyNotFound(key_id=key_id)
    ensure_key(keys, make, real=real)
