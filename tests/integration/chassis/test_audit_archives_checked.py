"""Archives and table are one chain: whatever is done to a file, the first line that is wrong is named."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import audit_archive, audit_check
from chassis.audit_archive import Archive, Chain
from chassis.audit_check import digest_of
from chassis.db import audit_archives
from support.audit_chain import CHAIN, Toy, rewritten

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


def test_any_byte_that_is_altered_is_named(archived: tuple[Toy, list[Archive]]) -> None:
    toy, (first, second) = archived
    path, whole = toy.path(second), toy.path(second).read_bytes()
    after = (first.last_link, first.last_hash)

    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 0xFF
        path.write_bytes(altered)
        trouble = audit_archive.trouble_in(second, toy.objects, after=after)
        assert trouble, place
        assert (trouble.link in (3, 4), second.object_key in trouble.en) == (True, True), place
        audit_check.main([str(path)])  # whatever it says, it says it


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
