"""When a line is old enough, and that the file it goes to is the same whoever writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chassis import audit_archive, retention
from chassis.audit_archive import Chain
from chassis.audit_check import FIELDS, GENESIS, digest_of, hash_of
from chassis.calendar import SHANGHAI

Lines = list[audit_archive.Line]


@pytest.mark.parametrize(
    ("now", "days", "beginning"),
    [
        pytest.param(datetime(2026, 11, 24, tzinfo=UTC), 200, (2026, 5), id="a day in May"),
        pytest.param(datetime(2026, 1, 1, tzinfo=UTC), 184, (2025, 7), id="the first of July"),
        pytest.param(datetime(2026, 6, 30, 16, tzinfo=UTC), 365, (2025, 7), id="July here already"),
        pytest.param(datetime(2026, 6, 30, 15, tzinfo=UTC), 365, (2025, 6), id="still June"),
    ],
)
def test_only_whole_months_are_old(now: datetime, days: int, beginning: tuple[int, int]) -> None:
    cutoff = retention.cutoff(now, days)

    assert cutoff == datetime(*beginning, 1, tzinfo=SHANGHAI)
    assert now - cutoff >= timedelta(days=days)


def chained() -> Lines:
    previous, lines = GENESIS, Lines()
    for number in range(1, 4):
        line = {name: f"{name} 签收 {number}" for name in FIELDS}
        previous = hash_of(previous, digest_of(line))
        lines.append({**line, "link": number, "hash": previous.hex()})
    return lines


def test_the_same_lines_make_the_same_file_under_the_same_name() -> None:
    made, again = (
        audit_archive.seal_lines(Chain("321181", "reporting"), lines, (0, GENESIS), None)
        for lines in (chained(), chained())
    )

    assert made == again
    archive, _ = made
    assert (archive.first_link, archive.last_link) == (1, 3)
    place = "audit/321181/reporting/000000000001-000000000003-"
    assert archive.object_key == f"{place}{archive.sha256[:16]}.zip"


def test_other_lines_never_take_the_place_of_a_file() -> None:
    shorter, longer = (
        audit_archive.seal_lines(Chain("321181", "reporting"), lines, (0, GENESIS), None)[0]
        for lines in (chained()[:2], chained())
    )

    assert shorter.object_key != longer.object_key
