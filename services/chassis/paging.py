"""Keyset paging: a page token is where the last page ended, in the order of the list.

A token carries a check value over its list and its content: one of another list, or one that
was tampered with, is refused before its values meet a column of another type.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from chassis.errors import PageTokenInvalid
from chassis.rpc import current_method

DEFAULT_SIZE = 50
MOST = 200
_CHECK_SIZE = 6


class _Request(Protocol):
    page_size: int
    page_token: str


@dataclass(frozen=True)
class Page:
    """How many rows to give, after which sort key (None for the first page)."""

    size: int
    after: tuple[Any, ...] | None


def page(request: _Request, *, width: int) -> Page:
    """Read the page a list request asks for; its token holds `width` values."""
    size = min(request.page_size or DEFAULT_SIZE, MOST)
    if not request.page_token:
        return Page(size, None)
    try:
        token = base64.urlsafe_b64decode(request.page_token.encode("ascii"))
        text = token[_CHECK_SIZE:]
        if token[:_CHECK_SIZE] != _check(text):
            raise ValueError("another list's, or tampered with")
        after = json.loads(text)
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error
    scalars = (str, int, float, type(None))
    if (
        not isinstance(after, list)
        or len(after) != width
        or not all(isinstance(value, scalars) for value in after)
    ):
        raise PageTokenInvalid(field="page_token")
    return Page(size, tuple(after))


def token_after(*values: str | float | None) -> str:
    """Return the token for the rows after the one with this sort key."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(text) + text).decode("ascii")


def _check(text: bytes) -> bytes:
    where = current_method().encode()
    return hashlib.blake2s(text, key=where[-32:], digest_size=_CHECK_SIZE).digest()
