"""Witness where the audit chains of the instances above and below end, and keep what they witnessed of ours."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import logs
from chassis.audit_check import is_signed, statement_of
from chassis.events import instant
from chassis.links.events import HeadTold, HeadWitnessed
from chassis.seal import Seal
from warning_dispatch.store import Ledger

log = logs.get(__name__)


@dataclass(frozen=True)
class Witness:
    """Who signs: the instance, with its seal."""

    instance: str
    seal: Seal
    new_id: Callable[[], UUID]

    def sign(self, ledger: Ledger, statement: bytes, *, at: datetime) -> tuple[str, str, str]:
        """Return the key's id, its public half and the signature."""
        keys = ledger.heads.keys(lambda: self.seal.make(str(self.new_id()), at))
        key_id, signature = self.seal.sign(keys, statement.decode())
        return key_id, keys[-1].public_key, signature


def witness_head(
    ledger: Ledger, data: Mapping[str, Any], witness: Witness, *, at: datetime
) -> HeadWitnessed:
    """Sign where a chain ends. One that says something else than before is signed, too, and shouted about."""
    told = HeadTold(**data)
    other = ledger.heads.contradicting(told, witness=witness.instance)
    if other:
        log.error(
            "an audit chain was rewritten",
            instance=told.instance,
            service=told.service,
            link=told.link,
            witnessed=other,
            told=told.hash,
        )
    head = {**data, "witness": witness.instance, "witnessed_at": instant(at)}
    key_id, public_key, signature = witness.sign(ledger, statement_of(head), at=at)
    made = HeadWitnessed(**head, key_id=key_id, public_key=public_key, signature=signature)
    ledger.heads.keep(made)
    return made


def keep_witnessed(ledger: Ledger, data: Mapping[str, Any]) -> bool:
    """Keep what another instance witnessed of a chain of ours; a signature that is none is left out."""
    head = HeadWitnessed(**data)
    try:
        base64.b64decode(head.signature, validate=True)
        valid = is_signed(statement_of(data), head.public_key, head.signature)
    except ValueError:
        valid = False
    if not valid:
        log.error("a witness's signature is not valid", witness=head.witness, link=head.link)
        return False
    ledger.heads.keep(head)
    return True
