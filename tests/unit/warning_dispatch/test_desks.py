"""Whose desk it is, and that everything on it can be counted and shown."""

from __future__ import annotations

import pytest

from warning_dispatch.domain.desks import PARTS, side_of


@pytest.mark.parametrize(
    ("roles", "side"),
    [
        ({"D4"}, "city"),
        ({"D5", "K1"}, "city"),
        ({"D6"}, "mayor"),
        ({"D1", "D2"}, "district"),
        ({"B3"}, "district"),
        ({"D2"}, "government"),
        ({"D3"}, "government"),
        ({"B4"}, "navigators"),
        ({"K1"}, "inspector"),
    ],
)
def test_each_role_has_its_desk(roles: set[str], side: str) -> None:
    assert side_of(roles) == side


def test_only_those_who_may_see_matters_find_them_on_their_desk() -> None:
    """An inspector has no right to matters or meetings, a government none to meetings (roles.md 5)."""
    inspector = {part.key for part in PARTS["inspector"]}
    government = {part.key for part in PARTS["government"]}

    assert inspector == {"cards", "orders_overdue", "inspections"}
    assert not government & {"meetings", "pushes", "cards"}
