"""When a signing key is published, signs, and is gone. All of it in real time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from identity.domain.sessions import ACCESS_LIFE

# Verifiers keep the published keys for a few minutes; a new key must be known before it signs.
LEAD = timedelta(minutes=10)
# A token is verified for as long as it lives, and clocks differ.
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True)
class SigningKey:
    """A key pair: the public half as a JWK, the private half sealed with the instance's secret."""

    id: str
    public: dict[str, str]
    sealed: bytes
    created_at: datetime
    active_from: datetime
    published_until: datetime | None = None

    def is_published(self, now: datetime) -> bool:
        return self.published_until is None or now < self.published_until

    def outlive(self, successor: SigningKey) -> SigningKey:
        """Stay published until the last token signed before the successor took over has ended."""
        until = successor.active_from + ACCESS_LIFE + _SLACK
        if self.published_until is not None and self.published_until < until:
            return self
        return replace(self, published_until=until)


def signing(keys: Iterable[SigningKey], now: datetime) -> SigningKey | None:
    """Return the key that signs at `now`: the youngest that has begun."""
    begun = [key for key in keys if key.active_from <= now and key.is_published(now)]
    return max(begun, key=lambda key: (key.active_from, key.id), default=None)
