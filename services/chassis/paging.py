"""Keyset paging: a page token is where the last page ended, in the order of the list."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Protocol

from chassis.errors import PageTokenInvalid

DEFAULT_SIZE = 50
MOST = 200


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
        after = json.loads(base64.urlsafe_b64decode(request.page_token.encode("ascii")))
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
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")
