"""A service with an audit chain of a few lines, and a folder for its archives."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chassis import audit, audit_check, retention
from chassis.archives import pack
from chassis.audit_archive import Archive, Chain
from chassis.audit_check import Trouble, digest_of, hash_of
from chassis.db import Database
from chassis.db import audit as lines_table
from chassis.objects import ObjectStore
from chassis.seal import Seal

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
# 200 days before NOW it was May: lines from before its first day in Jiangsu leave the table.
BEFORE = retention.cutoff(NOW, 200)
SEAL = Seal("a secret of the tests")
CHAIN = Chain("321181", "toy")


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
