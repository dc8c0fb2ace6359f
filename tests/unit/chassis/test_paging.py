"""A page token is ours or it is refused."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest

from chassis.errors import PageTokenInvalid
from chassis.paging import page, token_after


def ask(size: int = 0, token: str = "") -> SimpleNamespace:
    return SimpleNamespace(page_size=size, page_token=token)


def tampered(token: str) -> str:
    """Put a number where the token has the text "a"."""
    return base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(token).replace(b'"a"', b" 1 ")
    ).decode()


def test_the_next_page_begins_after_the_last_row() -> None:
    assert page(ask(2, token_after("2026-11-24", "丹阳")), width=2).after == ("2026-11-24", "丹阳")


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (7, 7), (9999, 200)])
def test_a_page_is_bounded(asked: int, given: int) -> None:
    assert page(ask(asked), width=1).size == given


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("%%%", id="not base64"),
        pytest.param(base64.b64encode(b"{}").decode(), id="not a list"),
        pytest.param(token_after("one"), id="too few values"),
        pytest.param(base64.b64encode(b'[1, {"a": 1}]').decode(), id="not scalars"),
        pytest.param("丹阳", id="not ascii"),
        pytest.param(tampered(token_after("a", "b")), id="tampered with"),
    ],
)
def test_a_token_that_is_not_ours_is_refused_with_its_field(token: str) -> None:
    with pytest.raises(PageTokenInvalid) as refused:
        page(ask(token=token), width=2)

    assert refused.value.violations[0].field == "page_token"
