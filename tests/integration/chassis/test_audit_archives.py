"""Old audit lines leave the table for sealed files, and the chain stays one that anybody can check."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import audit, audit_archive, audit_check, retention
from chassis.archives import pack
from chassis.audit_archive import Archive, AuditArchiveDamaged, Chain
from chassis.audit_check import Trouble, digest_of, hash_of
from chassis.db import Database, audit_archives
from chassis.db import audit as lines_table
from chassis.objects import ObjectStore
from chassis.relay import Archiving
from chassis.seal import Seal
from support import eventually, services
from support.servers import Databases

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
# 200 days before NOW it was May: lines from before its first day in Jiangsu leave the table.
BEFORE = retention.cutoff(NOW, 200)
SEAL = Seal("a secret of the tests")
CHAIN = Chain("321181", "toy")
KEEP = {"keep_audit_days": "200", "instance": "321181", "log_level": "warning"}


class Toy:
    """A service with an audit chain and a folder for its files."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.db, self.objects = Database(url, pool_size=2), ObjectStore(folder.as_uri())
        key = SEAL.make("k", NOW)
        self.signer = lambda _: (lambda text: SEAL.sign([key], text), key.public_key)

    def write(self, *months: int, subject: str = "") -> None:
        """Write and chain a line in the middle of each of these months of 2026."""
        with self.db.begin() as tx:
            tx.execute(
                lines_table.insert(),
                [
                    {
                        **dict.fromkeys(("account", "username", "request_id"), "a"),
                        **{"method": "/toy/Do", "subject_type": "case"},
                        **{
                            "subject_id": subject or f"m{month}",
                            "detail": {"理由": "测试\u2028行"},
                        },
                        "at": datetime(2026, month, 15, 8, tzinfo=UTC),
                    }
                    for month in months
                ],
            )
        with self.db.begin() as tx:
            audit.link_lines(tx)

    def archive(
        self, *, batch: int = 2, objects: ObjectStore | None = None, signed: bool = True
    ) -> list[Archive]:
        """Archive everything that is old in files of a few lines, and chain what that wrote."""
        made: list[Archive] = []
        while True:
            with self.db.begin() as tx:
                one = retention.archive_lines(
                    *(tx, objects or self.objects, CHAIN),
                    before=BEFORE,
                    signer=self.signer if signed else None,
                    batch=batch,
                    at=NOW,
                )
            if one is None:
                break
            made.append(one)
        with self.db.begin() as tx:
            audit.link_lines(tx)
        return made

    def trouble(self) -> Trouble | None:
        with self.db.read(snapshot=True) as tx:
            return audit.verify(tx, (), self.objects)

    def lines(self) -> list[dict[str, Any]]:
        with self.db.read(snapshot=True) as tx:
            return list(audit.exported(tx, self.objects))

    def in_table(self) -> list[int]:
        with self.db.read() as connection:
            chosen = sa.select(lines_table.c.link).order_by(lines_table.c.link)
            return list(connection.scalars(chosen))

    def path(self, archive: Archive) -> Path:
        return self.folder / archive.object_key


@pytest.fixture
def toy(database: Databases, tmp_path: Path) -> Iterator[Toy]:
    made = Toy(database("toy"), tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def archived(toy: Toy) -> tuple[Toy, list[Archive]]:
    """Eight lines, of which four old ones lie in two files; two lines tell of the files."""
    toy.write(1, 2, 3, 4, 5, 6, 7, 8)
    return toy, toy.archive()


def rewritten(file: bytes, change: Callable[[list[dict[str, Any]]], Any], *, anew: bool) -> bytes:
    """Return an archive whose lines were changed, the manifest with them, `anew`: chained to fit again."""
    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        lines = audit_check.read_lines(opened)
    change(lines)
    previous = bytes.fromhex(manifest["audit_after"]["hash"])
    for line in lines if anew else []:
        previous = hash_of(previous, digest_of(line))
        line["hash"] = previous.hex()
    del manifest["files"]
    text = "".join(f"{json.dumps(each, ensure_ascii=False, sort_keys=True)}\n" for each in lines)
    return pack({"audit.jsonl": text.encode()}, manifest, None)


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


# --- what is done to an archive is named -----------------------------------------------------------


def test_a_line_altered_in_an_archive_is_named(archived: tuple[Toy, list[Archive]]) -> None:
    toy, (_, second) = archived
    file = toy.path(second).read_bytes()
    toy.path(second).write_bytes(
        rewritten(file, lambda lines: lines[1].update(username="x"), anew=False)
    )

    trouble = toy.trouble()

    assert trouble
    assert (trouble.link, second.object_key in trouble.zh) == (4, True)


@pytest.mark.parametrize(
    ("harm", "link"),
    [
        pytest.param(lambda lines: lines.pop(0), 3, id="the first line cut out"),
        pytest.param(lambda lines: lines.pop(), 4, id="the last line cut off"),
        pytest.param(lambda lines: lines[0].pop("detail"), 3, id="a field cut out"),
        pytest.param(
            lambda lines: lines.__setitem__(
                0,
                {**{n: lines[0][n] for n in ("link", "hash")}, "digest": digest_of(lines[0]).hex()},
            ),
            3,
            id="a line hidden behind its digest",
        ),
    ],
)
def test_a_line_that_is_gone_from_an_archive_is_named(
    archived: tuple[Toy, list[Archive]], harm: Callable[[Any], Any], link: int
) -> None:
    toy, (_, second) = archived
    toy.path(second).write_bytes(rewritten(toy.path(second).read_bytes(), harm, anew=False))

    trouble = toy.trouble()

    assert trouble
    assert trouble.link == link


def test_an_archive_rewritten_whole_does_not_fit_what_comes_after(
    archived: tuple[Toy, list[Archive]],
) -> None:
    """Even by who also rewrites what the table knows of it."""
    toy, (_, second) = archived
    file = rewritten(
        toy.path(second).read_bytes(), lambda lines: lines[1].update(username="x"), anew=True
    )
    toy.path(second).write_bytes(file)
    trouble = toy.trouble()
    assert trouble
    assert (trouble.link, "recorded" in trouble.en) == (3, True)

    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        last = audit_check.read_lines(opened)[-1]["hash"]
    with toy.db.begin() as tx:
        known = {"sha256": hashlib.sha256(file).hexdigest(), "last_hash": bytes.fromhex(last)}
        tx.execute(audit_archives.update().where(audit_archives.c.first_link == 3).values(known))

    trouble = toy.trouble()
    assert trouble
    assert (trouble.link, "altered" in trouble.en) == (5, True)


def test_a_missing_file_is_named(archived: tuple[Toy, list[Archive]]) -> None:
    toy, (first, _) = archived
    toy.path(first).unlink()

    trouble = toy.trouble()

    assert trouble
    assert (trouble.link, first.object_key in trouble.en, "missing" in trouble.en) == (
        1,
        True,
        True,
    )


def test_swapped_files_are_named(archived: tuple[Toy, list[Archive]]) -> None:
    toy, (first, second) = archived
    one, other = toy.path(first), toy.path(second)
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])

    trouble = toy.trouble()

    assert trouble
    assert (trouble.link, first.object_key in trouble.en, "swapped" in trouble.en) == (
        1,
        True,
        True,
    )
    one.write_bytes(contents[0])
    trouble = toy.trouble()
    assert trouble
    assert (trouble.link, second.object_key in trouble.zh, "替换" in trouble.zh) == (3, True, True)


def test_an_archive_of_another_chain_is_named(toy: Toy) -> None:
    toy.write(1, 2, 8)
    (mine,) = toy.archive()
    with zipfile.ZipFile(toy.path(mine)) as opened:
        lines = audit_check.read_lines(opened)
    _, theirs = audit_archive.seal_lines(
        Chain("321182", "toy"), lines, (0, audit_check.GENESIS), None
    )
    toy.path(mine).write_bytes(theirs)

    trouble = toy.trouble()

    assert trouble
    assert (trouble.link, "321182" in trouble.en) == (1, True)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.99], ids=["front", "middle", "end"])
def test_damaged_bytes_are_named(archived: tuple[Toy, list[Archive]], place: float) -> None:
    toy, (_, second) = archived
    content = bytearray(toy.path(second).read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    toy.path(second).write_bytes(content)

    trouble = toy.trouble()

    assert trouble
    assert (trouble.link, second.object_key in trouble.en) == (3, True)


def test_a_file_that_is_no_longer_listed_leaves_a_gap(
    archived: tuple[Toy, list[Archive]],
) -> None:
    toy, _ = archived
    with toy.db.begin() as tx:
        tx.execute(audit_archives.delete().where(audit_archives.c.first_link == 3))

    trouble = toy.trouble()

    assert trouble
    assert trouble.link == 3


def test_a_witness_of_an_archived_line_is_still_held_against_it(
    archived: tuple[Toy, list[Archive]],
) -> None:
    toy, _ = archived
    head = {"link": 3, "witness": "321100", "witnessed_at": "2026-04-01T00:00:00Z"}

    assert audit_check.check_lines(toy.lines(), [{**head, "hash": toy.lines()[2]["hash"]}]) is None
    trouble = audit_check.check_lines(toy.lines(), [{**head, "hash": "00" * 32}])
    assert trouble
    assert trouble.link == 3


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

    with pytest.raises(OSError, match="does not read as it was written"):
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


def test_a_worker_archives_by_itself(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.write(1, 2, 8)
    settings = {"database_url": toy.url, "object_store": toy.folder.as_uri(), **KEEP}
    for name, value in services.environ(**settings).items():
        monkeypatch.setenv(name, value)

    archiving = Archiving(("toy", "audit", "archive"), first=0)
    archiving.start()

    eventually(lambda: toy.in_table()[0] == 3, timeout=30)
    archiving.stop()


# --- one file, without the platform ------------------------------------------------------------------


@pytest.mark.parametrize("signed", [True, False])
def test_a_file_alone_can_be_checked_anywhere(
    toy: Toy, capsys: pytest.CaptureFixture[str], signed: bool
) -> None:
    toy.write(1, 2, 3, 4, 8)
    first, second = (toy.path(each) for each in toy.archive(signed=signed))

    assert audit_check.main([str(first), str(second)]) == 0
    said = capsys.readouterr().out
    assert said.count("not signed") == (0 if signed else 2)

    second.write_bytes(
        rewritten(second.read_bytes(), lambda lines: lines[1].update(username="x"), anew=False)
    )
    assert audit_check.main([str(first), str(second)]) == 1
    assert "link 4 was altered" in capsys.readouterr().out
    second.write_bytes(second.read_bytes()[:-30])
    assert audit_check.main([str(second)]) == 1
    assert "cannot be read" in capsys.readouterr().out


def test_a_signed_file_whose_lines_were_changed_says_which(
    archived: tuple[Toy, list[Archive]],
) -> None:
    toy, (first, _) = archived
    path, out = toy.path(first), io.BytesIO()
    with zipfile.ZipFile(path) as file, zipfile.ZipFile(out, "w") as changed:
        for name in file.namelist():
            content = file.read(name)
            altered = content.replace(b'"link": 2', b'"link": 3')
            changed.writestr(name, altered if name == "audit.jsonl" else content)
    path.write_bytes(out.getvalue())

    assert audit_check.check_pack(path).endswith("link 2 is missing")


def test_a_file_alone_is_held_against_what_others_witnessed(
    archived: tuple[Toy, list[Archive]], tmp_path: Path
) -> None:
    toy, (first, _) = archived
    key = Ed25519PrivateKey.generate()
    head = {
        **vars(CHAIN),
        **{"link": 2, "hash": toy.lines()[1]["hash"], "at": "2026-03-01T00:00:00Z"},
        **{"witness": "321100", "witnessed_at": "2026-03-01T00:01:00Z"},
    }

    assert audit_check.check_pack(toy.path(first), [signed_by(key, head)]) == ""
    other = audit_check.check_pack(toy.path(first), [signed_by(key, {**head, "hash": "00" * 32})])
    assert "321100" in other
    elsewhere = signed_by(key, {**head, "instance": "321182", "hash": "00" * 32})
    assert audit_check.check_pack(toy.path(first), [elsewhere]) == ""


def signed_by(key: Ed25519PrivateKey, head: dict[str, Any]) -> dict[str, Any]:
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature = b64encode(key.sign(audit_check.statement_of(head))).decode()
    return {**head, "public_key": public.decode(), "signature": signature}
