"""Check audit lines without the platform: `python -m chassis.audit_check FILE … [--heads FILE]`.

A FILE is what `<service> audit export` wrote (a JSON object per line) or an evidence pack (.zip).
Needs Python and, for signatures, the package `cryptography`; no database and no network.

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
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIELDS = (
    *("id", "at", "account", "username", "method", "subject_type", "subject_id"),
    *("request_id", "detail"),
)
GENESIS = b"\0" * 32


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


def fits(previous: bytes, line: Mapping[str, Any], said: bytes) -> bool:
    """Say whether a line has this hash after the one before, as it is made now or was before 0.2."""
    if "digest" in line:
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
) -> Trouble | None:
    """Return the first trouble of a chain's lines in order, None when all is well.

    `after` is the link and hash before the first line. `heads` are what others witnessed: a line
    that has another hash there was rewritten, and where `whole`, a chain that ends before one was cut.
    """
    witnessed = {int(each["link"]): each for each in heads}
    link, previous = after
    for line in lines:
        given = int(line["link"])
        if given > link + 1:
            return Trouble(link + 1, "缺失", "is missing")
        if given <= link:
            return Trouble(given, "重复或次序颠倒", "is there twice or out of order")
        said = bytes.fromhex(line["hash"])
        if not fits(previous, line, said):
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


def check_pack(path: Path) -> str:
    """Return what is wrong with an evidence pack, empty when nothing is."""
    with zipfile.ZipFile(path) as pack:
        names = set(pack.namelist())
        missing = {"manifest.json", "manifest.sig", "audit.jsonl"} - names
        if missing:
            return f"缺少 missing: {', '.join(sorted(missing))}"
        manifest = pack.read("manifest.json")
        told, signed = json.loads(manifest), json.loads(pack.read("manifest.sig"))
        if not is_signed(manifest, signed["public_key"], signed["signature"]):
            return "manifest.json 的签名无效 · the signature of manifest.json is not valid"
        for each in told["files"]:
            if each["name"] not in names:
                return f"缺少 missing: {each['name']}"
            if hashlib.sha256(pack.read(each["name"])).hexdigest() != each["sha256"]:
                return f"{each['name']} 被改动 · was altered"
        extra = names - {each["name"] for each in told["files"]} - {"manifest.json", "manifest.sig"}
        if extra:
            return f"多出 not in the manifest: {', '.join(sorted(extra))}"
        lines = list(_json_lines(pack.read("audit.jsonl").decode()))
        heads = json.loads(pack.read("heads.json")) if "heads.json" in names else []
    before = told["audit_after"]
    trouble = check_heads(heads) or check_lines(
        lines, heads, after=(int(before["link"]), bytes.fromhex(before["hash"])), whole=False
    )
    return str(trouble) if trouble else ""


def check_file(path: Path, heads: Sequence[Mapping[str, Any]]) -> str:
    with path.open(encoding="utf-8") as file:
        lines = (json.loads(line) for line in file if line.strip())
        first = next(lines, None)
        about = first if first is not None and "link" not in first else None
        rest = lines if about or first is None else _chained(first, lines)
        mine = [
            each
            for each in heads
            if about is None
            or (each["instance"], each["service"]) == (about["instance"], about["service"])
        ]
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
        found = check_pack(path) if zipfile.is_zipfile(path) else check_file(path, heads)
        print(f"{path.name}: {found or '完整 · whole'}")
        wrong += bool(found)
    return 1 if wrong else 0


def _json_lines(text: str) -> Iterator[Any]:
    return (json.loads(line) for line in text.splitlines() if line.strip())


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


if __name__ == "__main__":
    sys.exit(main())
