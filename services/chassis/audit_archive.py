"""Audit lines that left the table: a sealed .zip of the object store holds them, from link to link.

A file is what `archives.pack` makes: `audit.jsonl` has a line's JSON per line, as `audit export`
writes it; `manifest.json` says whose chain it is, where it begins and ends, and the SHA-256 of
the lines; `manifest.sig` is its signature, where the service has a seal. The hash before the
first line ties it to the file before, and the next line's hash to what comes after.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from chassis.archives import pack
from chassis.audit_check import ARCHIVED, UNREADABLE, Trouble, check_part, read_lines
from chassis.db import audit_archives as table
from chassis.errors import FailedPrecondition
from chassis.objects import ObjectStore

Line = dict[str, Any]


class AuditArchiveDamaged(FailedPrecondition):
    """A file whose lines are needed is gone, or is not the one that was written."""

    zh = "审计归档 {key} 缺失或被改动, 请运行 audit verify 核验"
    en = "the audit archive {key} is missing or was altered: run `audit verify`"


@dataclass(frozen=True)
class Chain:
    """Whose audit chain it is."""

    instance: str
    service: str


@dataclass(frozen=True)
class Archive:
    """What the table knows of one file; `sha256` is the file's own, in hex."""

    first_link: int
    last_link: int
    last_hash: bytes
    object_key: str
    sha256: str


def seal_lines(
    chain: Chain,
    lines: Sequence[Line],
    after: tuple[int, bytes],
    sign: Callable[[str], tuple[str, str]] | None,
    *,
    public_key: str = "",
) -> tuple[Archive, bytes]:
    """Return what is to be known of a file, and the file; the same lines give the same bytes.

    `after` is the link and hash before the first line. The key names the content, so that no
    writer, however late, replaces what another one wrote.
    """
    first, last = lines[0], lines[-1]
    manifest = {
        "kind": ARCHIVED,
        **dataclasses.asdict(chain),
        "first": first["link"],
        "last": last["link"],
        "count": len(lines),
        "first_hash": first["hash"],
        "last_hash": last["hash"],
        "from": first["at"],
        "to": last["at"],
        "audit_after": {"link": after[0], "hash": after[1].hex()},
    }
    told = "".join(f"{json.dumps(each, ensure_ascii=False, sort_keys=True)}\n" for each in lines)
    file = pack({"audit.jsonl": told.encode()}, manifest, sign, public_key=public_key)
    digest = hashlib.sha256(file).hexdigest()
    made = Archive(
        first["link"],
        last["link"],
        bytes.fromhex(last["hash"]),
        f"{_place(manifest)}-{digest[:16]}.zip",
        digest,
    )
    return made, file


def listed(tx: sa.Connection, *, after: int = 0, until: int | None = None) -> list[Archive]:
    """Return the archives that hold any link after the one and until the other, in order."""
    chosen = sa.select(*(table.c[each.name] for each in dataclasses.fields(Archive)))
    chosen = chosen.where(table.c.last_link > after).order_by(table.c.first_link)
    if until is not None:
        chosen = chosen.where(table.c.first_link <= until)
    return [Archive(*row) for row in tx.execute(chosen)]


def lines_of(
    tx: sa.Connection, objects: ObjectStore | None, *, after: int, until: int | None
) -> Iterator[Line]:
    """Yield the archived lines between in order; raises AuditArchiveDamaged instead of a doubtful one."""
    for archive in listed(tx, after=after, until=until):
        file = _fetch(objects, archive)
        if file is None or hashlib.sha256(file).hexdigest() != archive.sha256:
            raise AuditArchiveDamaged(key=archive.object_key)
        for line in _opened(file)[1]:
            if line["link"] > after and (until is None or line["link"] <= until):
                yield line


def trouble_in(
    archive: Archive,
    objects: ObjectStore | None,
    *,
    after: tuple[int, bytes],
    heads: Sequence[Mapping[str, Any]] = (),
) -> Trouble | None:
    """Return the first thing that is wrong with a file and its lines, None when nothing is.

    `after` is the link and hash that the chain had before; `heads` are what others witnessed.
    """
    key, first = archive.object_key, archive.first_link
    file = _fetch(objects, archive)
    if file is None:
        return Trouble(
            first,
            f"起缺失: 归档文件 {key} 不存在",
            f"and after are missing: there is no archive {key}",
        )
    try:
        manifest, lines = _opened(file)
        place = _place(manifest)
        before = {"link": after[0], "hash": after[1].hex()}
        trouble = check_part({**manifest, "audit_after": before}, lines, heads)
    except UNREADABLE:
        return Trouble(
            first,
            f"起无法读取: 归档文件 {key} 已损坏",
            f"and after cannot be read: the archive {key} is damaged",
        )
    held = (manifest["first"], manifest["last"])
    if held != (first, archive.last_link) or not key.startswith(f"{place}-"):
        return Trouble(
            first,
            f"起被替换: 归档文件 {key} 的内容是 {place}",
            f"and after were swapped: the archive {key} holds {place}",
        )
    if trouble:
        return Trouble(trouble.link, f"{trouble.zh} (归档 {key})", f"{trouble.en} (archive {key})")
    known = (archive.sha256, archive.last_hash.hex())
    if (hashlib.sha256(file).hexdigest(), lines[-1]["hash"]) != known:
        return Trouble(
            first,
            f"起: 归档文件 {key} 与登记不符, 各行完好",
            f"and after: the archive {key} is not what was recorded, though its lines fit",
        )
    return None


def _fetch(objects: ObjectStore | None, archive: Archive) -> bytes | None:
    try:
        return objects.get(archive.object_key) if objects else None
    except FileNotFoundError:
        return None


def _opened(file: bytes) -> tuple[dict[str, Any], list[Line]]:
    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        return json.loads(opened.read("manifest.json")), read_lines(opened)


def _place(manifest: Mapping[str, Any]) -> str:
    """Return where in the object store, which instances and services may share, a file lies."""
    home = f"audit/{manifest['instance']}/{manifest['service']}"
    return f"{home}/{manifest['first']:012}-{manifest['last']:012}"
