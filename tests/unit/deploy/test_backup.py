"""Which point a restore goes back to, and what of a backup is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from instance.backup import Archive, Base, Point, read_moment
from instance.said import Trouble

NOON = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    made.prepare(None)
    return made


def base(archive: Archive, name: str, at: datetime, *, begins: int) -> None:
    archive.base(name).mkdir()
    label = f"START WAL LOCATION: 0/2000028 (file {begins:024X})\n"
    (archive.base(name) / "backup_label").write_text(label)
    archive.add(Base(name, at, "321100", 80, 1.0))


def point(archive: Archive, minutes: int, *, under_way: int = 0, archived: bool = True) -> str:
    at = NOON + timedelta(minutes=minutes)
    made = Point(f"kaigong-{at:%H%M}", at, f"{minutes:024X}", under_way)
    archive.add(made)
    if archived:
        (archive.log / f"{made.file}.gz").touch()
    return made.name


def test_a_restore_goes_to_the_last_point_that_can_be_reached(archive: Archive) -> None:
    base(archive, "first", NOON, begins=0)
    early, late = point(archive, 1), point(archive, 3)
    point(archive, 4, under_way=2)
    point(archive, 5, archived=False)
    base(archive, "second", NOON + timedelta(minutes=2), begins=2)

    assert [each.name for each in archive.to_go_back_to(None)] == ["second", late]
    chosen = archive.to_go_back_to(NOON + timedelta(minutes=2, seconds=30))
    assert [each.name for each in chosen] == ["first", early]
    with pytest.raises(Trouble, match="before that moment"):
        archive.to_go_back_to(NOON)


def test_an_old_base_goes_with_the_log_that_no_other_needs_and_the_last_stays(
    archive: Archive,
) -> None:
    base(archive, "old", NOON, begins=1)
    base(archive, "new", NOON + timedelta(days=10), begins=3)
    for minutes in range(1, 5):
        point(archive, minutes)
    (archive.log / "00000002.history.gz").touch()

    archive.forget_old(NOON + timedelta(days=15))
    assert [each.name for each in archive.bases()] == ["new"]
    kept = {int(each.stem, 16) for each in archive.log.glob("*.gz") if "history" not in each.name}
    assert kept == {3, 4}
    assert (archive.log / "00000002.history.gz").exists()
    archive.forget_old(NOON + timedelta(days=400))
    assert [each.name for each in archive.bases()] == ["new"]


def test_a_restore_takes_the_secrets_of_its_moment(archive: Archive, tmp_path: Path) -> None:
    kept = tmp_path / "secrets.json"

    def keep(days: int) -> None:
        kept.write_text(f"of day {days}")
        archive.keep_keys([kept, tmp_path / "parent"], NOON + timedelta(days=days))

    def of(days: float) -> str:
        return (archive.keys_at(NOON + timedelta(days=days)) / "secrets.json").read_text()

    for days in (1, 3, 8):
        keep(days)

    assert [of(days) for days in (0, 1, 2.9, 3, 400)] == [f"of day {n}" for n in (1, 1, 1, 3, 8)]
    base(archive, "old", NOON, begins=1)
    base(archive, "new", NOON + timedelta(days=5), begins=3)
    archive.forget_old(NOON + timedelta(days=15))
    assert [of(days) for days in (2, 5, 9)] == ["of day 3", "of day 3", "of day 8"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-27T12:00", NOON + timedelta(seconds=59)),
        ("2026-11-27 12:00:10", NOON + timedelta(seconds=10)),
        ("2026-11-27T04:00:00+00:00", NOON),
    ],
)
def test_a_minute_is_meant_in_shanghai_and_whole(text: str, moment: datetime) -> None:
    assert read_moment(text) == moment


def test_what_is_no_moment_is_refused_in_a_sentence() -> None:
    with pytest.raises(Trouble, match="2026-11-27T10:15"):
        read_moment("yesterday")
