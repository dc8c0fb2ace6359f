"""Check audit lines without the platform: `python -m chassis.audit_check FILE … [--heads FILE]`.

A FILE is what `<service> audit export` wrote (a JSON object per line), an evidence pack or an
archive of old lines (.zip). Needs Python and, for signatures, the package `cryptography`; no database and no network.

The chain: link n has hash_n = SHA-256(hash_(n-1) + SHA-256(text_n)), where text_n is the line's
fields as JSON with sorted keys and no spaces. Where only a line's digest is given, it stands for
a line that is about something else. Lines from before release 0.2 are chained by
SHA-256(hash_(n-1) + text_n).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIELDS = (
    *("id", "at", "account", "username", "method", "subject_type", "subject_id"),
    *("request_id", "detail"),
)
GENESIS = b"\0" * 32
# What a .zip that is none or that was damaged, and lines that are none, raise when they are read.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(RuntimeError, AttributeError, KeyError, TypeError, ValueError),
)
# The kind in the manifest of an archive of old lines; every other is an evidence pack.
ARCHIVED = "audit"


@dataclass(frozen=True)
class Trouble:
    """The first thing that is wrong, at which link, in Chinese and English."""

    link: int
    zh: str
    en: str

    def __str__(self) -> str:
        return f"第 {self.link} 条 {self.zh} · link {self.link} {self.en}"


def text_of(line: Mapping[str, Any]) -> bytes:
    told = {name: line[name] for name in FIELDS}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(line: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(text_of(line)).digest()


def hash_of(previous: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(previous + digest).digest()


def fits(previous: bytes, line: Mapping[str, Any], said: bytes, *, digests: bool) -> bool:
    """Say whether a line has this hash after the one before, as it is made now or was before 0.2."""
    if digests and "digest" in line:
        return hash_of(previous, bytes.fromhex(line["digest"])) == said
    text = text_of(line)
    now = hash_of(previous, hashlib.sha256(text).digest())
    return said in (now, hashlib.sha256(previous + text).digest())


def check_lines(
    lines: Iterable[Mapping[str, Any]],
    heads: Sequence[Mapping[str, Any]] = (),
    *,
    after: tuple[int, bytes] = (0, GENESIS),
    whole: bool = True,
    digests: bool = False,
) -> Trouble | None:
    """Return the first trouble of a chain's lines in order, None when all is well.

    `after` is the link and hash before the first line. `heads` are what others witnessed: a line
    that has another hash there was rewritten, and where `whole`, a chain that ends before one was cut.
    Only where `digests` may one stand for its line.
    """
    witnessed = {int(each["link"]): each for each in heads}
    link, previous = after
    for line in lines:
        try:
            given, said = int(line["link"]), bytes.fromhex(line["hash"])
            fit = fits(previous, line, said, digests=digests)
        except (KeyError, TypeError, ValueError):
            return Trouble(link + 1, "无法读取", "cannot be read")
        if given > link + 1:
            return Trouble(link + 1, "缺失", "is missing")
        if given <= link:
            return Trouble(given, "重复或次序颠倒", "is there twice or out of order")
        if not fit:
            return Trouble(
                given,
                f"被改动 (编号 {line.get('id', '-')})",
                f"was altered (id {line.get('id', '-')})",
            )
        link, previous = given, said
        head = witnessed.get(link)
        if head and head["hash"] != line["hash"]:
            return Trouble(
                link,
                f"与 {head['witness']} 于 {head['witnessed_at']} 的见证不符",
                f"is not what {head['witness']} witnessed at {head['witnessed_at']}",
            )
    last = max(witnessed, default=0)
    if whole and last > link:
        head = witnessed[last]
        return Trouble(
            link + 1,
            f"起缺失: {head['witness']} 于 {head['witnessed_at']} 见证过第 {last} 条",
            f"and after are missing: {head['witness']} witnessed link {last} at {head['witnessed_at']}",
        )
    return None


def statement_of(head: Mapping[str, Any]) -> bytes:
    """Return the words that a witness signs."""
    names = ("instance", "service", "link", "hash", "at", "witness", "witnessed_at")
    told = {name: head[name] for name in names}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def is_signed(statement: bytes, public_key: str, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(public_key.encode())
    assert isinstance(key, Ed25519PublicKey)
    try:
        key.verify(base64.b64decode(signature), statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_heads(heads: Iterable[Mapping[str, Any]]) -> Trouble | None:
    for head in heads:
        if not is_signed(statement_of(head), head["public_key"], head["signature"]):
            link = int(head["link"])
            return Trouble(
                link,
                f"{head['witness']} 的见证签名无效",
                f"{head['witness']}'s signature is not valid",
            )
    return None


def check_pack(path: Path, witnessed: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return what is wrong with an evidence pack or an archive, empty when nothing is."""
    with zipfile.ZipFile(path) as pack:
        names = set(pack.namelist())
        signature = {"manifest.sig"} & names
        if missing := {"manifest.json", "audit.jsonl"} - names:
            return f"缺少 missing: {', '.join(sorted(missing))}"
        manifest = pack.read("manifest.json")
        told = json.loads(manifest)
        # Whoever has no seal archives without a signature: the chain and the witnesses speak for it.
        if not signature and told["kind"] != ARCHIVED:
            return "缺少 missing: manifest.sig"
        if signature:
            signed = json.loads(pack.read("manifest.sig"))
            if not is_signed(manifest, signed["public_key"], signed["signature"]):
                return "manifest.json 的签名无效 · the signature of manifest.json is not valid"
        trouble = _in_pack(pack, told, witnessed)
        for each in told["files"]:
            if each["name"] not in names:
                return f"缺少 missing: {each['name']}"
            if hashlib.sha256(pack.read(each["name"])).hexdigest() != each["sha256"]:
                where = f": {trouble}" if trouble and each["name"] == "audit.jsonl" else ""
                return f"{each['name']} 被改动 · was altered{where}"
        extra = names - {each["name"] for each in told["files"]} - {"manifest.json"} - signature
        if extra:
            return f"多出 not in the manifest: {', '.join(sorted(extra))}"
    return trouble


def _in_pack(
    pack: zipfile.ZipFile, told: Mapping[str, Any], witnessed: Sequence[Mapping[str, Any]]
) -> str:
    """Return what is wrong with the lines in a pack; an archive is held against what was `witnessed`."""
    kept = "heads.json" in pack.namelist()
    try:
        heads = json.loads(pack.read("heads.json")) if kept else _mine(witnessed, told)
        trouble = check_heads(heads) or check_part(told, read_lines(pack), heads)
    except UNREADABLE as error:
        return f"无法读取 cannot be read: {error!r}"
    return str(trouble) if trouble else ""


def check_part(
    manifest: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    heads: Sequence[Mapping[str, Any]] = (),
) -> Trouble | None:
    """Check lines after the one that the manifest names; those of an archive also to its last."""
    before = manifest["audit_after"]
    after = (int(before["link"]), bytes.fromhex(before["hash"]))
    archived = manifest["kind"] == ARCHIVED
    trouble = check_lines(lines, heads, after=after, whole=False, digests=not archived)
    if trouble or not archived:
        return trouble
    ended = int(lines[-1]["link"]) if lines else after[0]
    if ended < manifest["last"]:
        return Trouble(ended + 1, "缺失", "is missing")
    return None


def read_lines(pack: zipfile.ZipFile) -> list[dict[str, Any]]:
    return list(_json_lines(pack.read("audit.jsonl").decode()))


def check_file(path: Path, heads: Sequence[Mapping[str, Any]]) -> str:
    with path.open(encoding="utf-8") as file:
        lines = (json.loads(line) for line in file if line.strip())
        first = next(lines, None)
        about = first if first is not None and "link" not in first else None
        rest = lines if about or first is None else _chained(first, lines)
        mine = _mine(heads, about) if about else heads
        trouble = check_heads(mine) or check_lines(rest, mine)
    return str(trouble) if trouble else ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chassis.audit_check")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--heads", type=Path, help="what others witnessed: `audit heads` of them")
    chosen = parser.parse_args(arguments)
    heads = json.loads(chosen.heads.read_text("utf-8")) if chosen.heads else []
    wrong = 0
    for path in chosen.files:
        found, said = _checked(path, heads)
        print(f"{path.name}: {found or said}")
        wrong += bool(found)
    return 1 if wrong else 0


def _checked(path: Path, heads: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return what is wrong with a file, and what to say when nothing is."""
    whole = "完整 · whole"
    try:
        if not zipfile.is_zipfile(path):
            return check_file(path, heads), whole
        found = check_pack(path, heads)
        with zipfile.ZipFile(path) as pack:
            unsigned = "manifest.sig" not in pack.namelist()
    except UNREADABLE as error:
        return f"无法读取 cannot be read: {error!r}", ""
    return found, "完整, 未签名 · whole, not signed" if unsigned else whole


def _mine(heads: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what was witnessed of the chain that this is about."""
    chain = (about.get("instance"), about.get("service"))
    return [each for each in heads if (each["instance"], each["service"]) == chain]


def _json_lines(text: str) -> Iterator[Any]:
    # Not splitlines: a text of a line may hold what that takes for an end of one.
    return (json.loads(line) for line in text.split("\n") if line.strip())


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


if __name__ == "__main__":
    sys.exit(main())
