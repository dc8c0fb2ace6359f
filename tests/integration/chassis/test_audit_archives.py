"""Old audit lines leave the table for sealed files; whoever is killed meanwhile loses none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chassis import audit, audit_archive, audit_check, retention
from chassis.audit_archive import Archive, AuditArchiveDamaged
from chassis.objects import ObjectStore
from chassis.relay import Archiving
from support import eventually, services
from support.audit_chain import BEFORE, CHAIN, NOW, Toy
from support.servers import Databases

KEEP = {"keep_audit_days": "200", "instance": "321181", "log_level": "warning"}


# --- what leaves, and what stays -----------------------------------------------------------------


def test_whole_months_leave_the_table_and_the_chain_is_the_same_line_by_line(toy: Toy) -> None:
    toy.write(1, 2, 3, 4, 5, 6, 7, 8)
    before = toy.lines()

    made = toy.archive()

    assert [(each.first_link, each.last_link) for each in made] == [(1, 2), (3, 4)]
    assert toy.in_table() == [5, 6, 7, 8, 9, 10]
    assert toy.trouble() is None
    after = toy.lines()
    assert after[:8] == before
    told = [(each["method"], each["subject_id"]) for each in after[8:]]
    assert told == [("audit archive", each.object_key) for each in made]
    assert [each["detail"]["sha256"] for each in after[8:]] == [each.sha256 for each in made]
    assert toy.archive() == []


def test_the_chain_goes_on_after_all_but_the_newest_line_have_left(toy: Toy) -> None:
    toy.write(1, 2, 3)
    (made,) = toy.archive(batch=100)
    toy.write(4, 5)

    assert (made.last_link, toy.in_table()) == (2, [3, 4, 5, 6])
    assert toy.trouble() is None
    (second,) = toy.archive(batch=100)
    assert (second.first_link, second.last_link) == (3, 3)
    assert toy.trouble() is None


def test_an_old_line_behind_a_younger_one_waits_for_it(toy: Toy) -> None:
    toy.write(1, 8, 2, 8)

    (made,) = toy.archive(batch=100)

    assert (made.first_link, made.last_link) == (1, 1)
    assert toy.trouble() is None


def test_a_chain_that_does_not_fit_is_not_sealed(toy: Toy) -> None:
    toy.write(1, 2, 3, 8)
    with toy.db.begin() as tx:
        tx.execute(sa.text("update audit set username = 'x' where link = 2"))

    with pytest.raises(retention.AuditChainBroken, match="link 2"):
        toy.archive(batch=100)

    assert toy.in_table() == [1, 2, 3, 4]
    assert list(toy.folder.rglob("*.zip")) == []


def test_two_at_once_archive_each_line_once(toy: Toy) -> None:
    toy.write(1, 2, 8)
    with toy.db.begin() as tx:
        first = retention.archive_lines(tx, toy.objects, CHAIN, before=BEFORE, at=NOW)
        with toy.db.begin() as other:
            second = retention.archive_lines(other, toy.objects, CHAIN, before=BEFORE, at=NOW)

    assert (first is not None, second) == (True, None)
    assert toy.trouble() is None


# --- killed at any moment --------------------------------------------------------------------------

_DIES = """
import os, signal, sys
from datetime import datetime
from chassis import retention
from chassis.audit_archive import Chain
from chassis.db import Database
from chassis.objects import ObjectStore

class Dies(ObjectStore):
    def {where}(self, key, *content):
        {first}
        os.kill(os.getpid(), signal.SIGKILL)

db = Database(sys.argv[1])
with db.begin() as tx:
    retention.archive_lines(tx, Dies(sys.argv[2]), Chain("321181", "toy"),
        before=datetime.fromisoformat(sys.argv[3]), at=datetime.fromisoformat(sys.argv[4]))
"""


@pytest.mark.parametrize(
    ("where", "first", "written"),
    [
        pytest.param("put", "pass", 0, id="before the file is written"),
        pytest.param("get", "pass", 1, id="when it is written and not read back"),
        pytest.param("keep", "super().keep(key, *content)", 1, id="before the lines are deleted"),
    ],
)
def test_who_is_killed_loses_nothing_and_doubles_nothing(
    toy: Toy, where: str, first: str, written: int
) -> None:
    toy.write(1, 2, 3, 8)
    before = toy.lines()
    script = _DIES.format(where=where, first=first)
    told = (toy.url, toy.folder.as_uri(), BEFORE.isoformat(), NOW.isoformat())

    died = subprocess.run(
        [sys.executable, "-c", script, *told], env=services.environ(), check=False, timeout=60
    )

    assert died.returncode == -signal.SIGKILL
    assert len(list(toy.folder.rglob("*.zip"))) == written
    assert (toy.in_table(), toy.lines(), toy.trouble()) == ([1, 2, 3, 4], before, None)

    # The lock goes when the server notices that its owner is gone.
    eventually(lambda: toy.archive(batch=100, signed=False))
    assert [each.name for each in toy.folder.rglob("*.zip")] == [
        Path(key).name for key in _keys(toy)
    ]
    assert (toy.in_table(), toy.lines()[:4], toy.trouble()) == ([4, 5], before, None)


def _keys(toy: Toy) -> list[str]:
    with toy.db.read() as connection:
        return [each.object_key for each in audit_archive.listed(connection)]


def test_a_store_that_gives_back_something_else_keeps_the_lines_where_they_are(toy: Toy) -> None:
    class Forgetful(ObjectStore):
        def get(self, key: str) -> bytes:
            return super().get(key)[:-1]

    toy.write(1, 2, 8)

    with pytest.raises(AuditArchiveDamaged):
        toy.archive(objects=Forgetful(toy.folder.as_uri()))

    assert toy.in_table() == [1, 2, 3]


# --- evidence --------------------------------------------------------------------------------------


def test_the_segment_about_a_subject_is_the_same_before_and_after(toy: Toy) -> None:
    for month in (1, 2):
        toy.write(month)
        toy.write(month, subject="it")
    toy.write(3, 4, 8)
    toy.write(8, subject="it")

    def segments() -> list[Any]:
        with toy.db.begin() as tx:
            every = [{"it"}, {"m1"}, {"m2", "m3"}, {"m8"}]
            return [audit.segment(tx, each, toy.objects) for each in every]

    before = segments()
    assert len(toy.archive(batch=3)) == 2
    assert segments() == before

    toy.path(Archive(*_first_row(toy))).unlink()
    with pytest.raises(AuditArchiveDamaged):
        segments()


def _first_row(toy: Toy) -> tuple[Any, ...]:
    with toy.db.read() as connection:
        return tuple(vars(audit_archive.listed(connection)[0]).values())


def test_who_reads_while_lines_are_archived_sees_the_whole_chain(toy: Toy) -> None:
    toy.write(1, 2, 3, 8)

    with toy.db.begin() as tx:
        reading = audit.exported(tx, toy.objects)
        links = [next(reading)["link"]]
        toy.archive(batch=100)
        links += [each["link"] for each in reading]

    assert links == [1, 2, 3, 4]


# --- the commands ----------------------------------------------------------------------------------


def test_the_commands_archive_verify_and_export(toy: Toy, tmp_path: Path) -> None:
    toy.write(1, 2, 8)
    settings = {"database_url": toy.url, "object_store": toy.folder.as_uri(), **KEEP}

    said = services.run("toy", "audit", "archive", **settings)
    assert "toy: 1-2 → audit/321181/toy/000000000001-000000000002-" in said
    assert services.run("toy", "audit", "archive", **settings) == ""
    with toy.db.begin() as tx:
        audit.link_lines(tx)

    assert "4 条 lines, 1 个归档 archives" in services.run("toy", "audit", "verify", **settings)
    whole = tmp_path / "audit.jsonl"
    whole.write_text(services.run("toy", "audit", "export", **settings), "utf-8")
    assert audit_check.main([str(whole)]) == 0


def test_in_a_packed_instance_each_archives_its_own_and_who_has_a_seal_signs(
    database: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("approval_tracking", "warning_dispatch", "identity")
    parts = {}
    for name in names:
        (tmp_path / name).mkdir()
        one = Toy(database(name), tmp_path / name)
        one.write(1, 2, 8)
        one.db.close()
        parts[name] = {
            "KAIGONG_DATABASE_URL": one.url,
            "KAIGONG_OBJECT_STORE": one.folder.as_uri(),
            "KAIGONG_SEAL_SECRET": "a secret of the tests",
        }

    services.run("packed", "archive", packed=json.dumps(parts), **KEEP)

    made = {
        name: [str(each) for each in (tmp_path / name).rglob(f"audit/321181/{name}/*.zip")]
        for name in names
    }
    assert [len(each) for each in made.values()] == [1, 1, 1]
    assert audit_check.main([each for (each,) in made.values()]) == 0
    said = capsys.readouterr().out.splitlines()
    assert ["not signed" in line for line in said] == [False, False, True]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "KAIGONG_KEEP_AUDIT_DAYS"),
        ({"keep_audit_days": "30"}, "six months"),
        ({**KEEP, "object_store": "file:///nowhere/at/all"}, "cannot open file:///nowhere/at/all"),
        (KEEP, "cannot open -"),
    ],
    ids=["no retention", "a retention that is too short", "no such folder", "no store"],
)
def test_what_is_missing_to_archive_is_named(
    toy: Toy, settings: dict[str, str], named: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toy", "audit", "archive"],
        env=services.environ(database_url=toy.url, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_archives_by_itself(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.write(1, 2, 8)
    settings = {"database_url": toy.url, "object_store": toy.folder.as_uri(), **KEEP}
    for name, value in services.environ(**settings).items():
        monkeypatch.setenv(name, value)

    archiving = Archiving(("toy", "audit", "archive"), first=0)
    archiving.start()

    eventually(lambda: toy.in_table()[0] == 3, timeout=30)
    archiving.stop()
