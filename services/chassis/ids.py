"""Identifiers that sort by time."""

from __future__ import annotations

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """Return a UUIDv7: unique, and close in the index to what was made at the same time."""
    return UUID(int=uuid_utils.uuid7().int)
