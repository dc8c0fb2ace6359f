"""An evidence pack: what is on record of one subject, with the part of the audit chain that proves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from chassis import audit
from chassis.archives import pack
from chassis.objects import ObjectStore

README = """证据包 · evidence pack

如何核验 · how to check it, without the platform (Python 3.11, package cryptography):
    python3 -P audit_check.py {name}
即 the file services/chassis/audit_check.py of the platform's source; it says what is wrong, if anything.

manifest.json   每个文件的 SHA-256, 由 manifest.sig 签名 · the digest of every file, signed by manifest.sig
state.json      当前状态与全部经过 · the state and everything that happened
audit.jsonl     审计链中与本事项有关的部分; 其他行只有摘要 · the part of the audit chain about this
                subject; of lines about anything else only the digest is given
heads.json      上下级实例对审计链的见证签名 · what instances above and below witnessed of that chain
"""


def evidence(
    tx: sa.Connection,
    name: str,
    about: Mapping[str, Any],
    documents: Mapping[str, object],
    subject_ids: Collection[str],
    objects: ObjectStore | None,
    *,
    heads: Sequence[Mapping[str, Any]],
    sign: Callable[[str], tuple[str, str]],
    public_key: str,
) -> bytes:
    """Return the .zip: the same record gives the same bytes, until something more happens.

    `objects` is where audit lines are that are archived; raises AuditArchiveDamaged without them.
    """
    (link, digest), lines = audit.segment(tx, subject_ids, objects)
    files = {
        "README.txt": README.format(name=name).encode(),
        **{each: _json(told).encode() for each, told in documents.items()},
        "audit.jsonl": "".join(f"{_line(each)}\n" for each in lines).encode(),
        "heads.json": _json(heads).encode(),
    }
    whole = {**about, "audit_after": {"link": link, "hash": digest}}
    return pack(files, whole, sign, public_key=public_key)


def _json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True, default=str)


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True)
