"""百日开工, held against vector V26 and counted by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from approval_tracking.domain.hundred_days import hundred_days
from support.approval_data import calendar

VECTORS = yaml.safe_load((Path(__file__).parent / "data/clock_vectors.yaml").read_text("utf-8"))
V26 = next(each for each in VECTORS["vectors"] if each["id"] == "V26")
CONTRACT = date.fromisoformat(V26["in"]["start"])
DUE = date.fromisoformat(V26["out"]["due"])


@pytest.mark.parametrize(
    ("started", "today", "state", "left"),
    [
        (None, "2026-03-10", "open", 99),
        (None, "2026-07-31", "open", 0),
        (None, "2026-08-03", "late", -1),
        ("2026-07-31", "2026-09-01", "kept", 0),
        ("2026-07-30", "2026-07-30", "kept", 1),
        ("2026-08-04", "2026-09-01", "late", -2),
    ],
)
def test_work_starts_within_a_hundred_working_days_of_the_contract(
    started: str | None, today: str, state: str, left: int
) -> None:
    found = hundred_days(
        CONTRACT,
        (started and date.fromisoformat(started)) or None,
        today=date.fromisoformat(today),
        calendar=calendar(),
    )

    assert found
    assert (found.due, found.state, found.left) == (DUE, state, left)


def test_without_a_contract_there_are_no_hundred_days() -> None:
    for contract in (None, date(2020, 3, 2)):
        assert hundred_days(contract, None, today=CONTRACT, calendar=calendar()) is None
