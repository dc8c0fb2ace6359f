"""Argon2: as slow as two cores can bear, and as slow for a user who does not exist."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice: 19 MiB, two passes, one lane; about 25 ms here.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._nobody = _hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        return _hasher.hash(password)

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Say whether the password is right; None, for nobody, takes as long to be wrong."""
        try:
            right = _hasher.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return right and password_hash is not None

    def is_dated(self, password_hash: str) -> bool:
        """Say whether the hash was made with other parameters than today's."""
        return _hasher.check_needs_rehash(password_hash)
