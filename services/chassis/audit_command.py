"""`python -m <service> audit {verify,export,archive}`: check the chain, write it out, move old lines away."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from chassis import audit, audit_archive, retention
from chassis.audit_archive import Chain
from chassis.clock import system_clock
from chassis.ids import new_id
from chassis.objects import ObjectStore
from chassis.seal import Seal
from chassis.service import Environment, Service
from chassis.settings import SettingsError


def main(service: Service, env: Environment, rest: Sequence[str]) -> int:
    """Run one command and return its exit code: 1 when the chain does not fit."""
    parser = argparse.ArgumentParser(prog=f"{service.name} audit")
    parser.add_argument("command", choices=["verify", "export", "archive"])
    parser.add_argument("--heads", type=Path, help="what was witnessed: `warning_dispatch heads`")
    chosen = parser.parse_args(rest)
    if chosen.command == "archive":
        archive(service, env)
        return 0
    about = {"instance": env.settings.instance, "service": service.name}
    objects = env.audit_store
    with env.db.read(snapshot=True) as tx:
        # Between two looks at the table some hundred archives may be read.
        tx.execute(sa.text("set local idle_in_transaction_session_timeout = 0"))
        if chosen.command == "export":
            for line in (about, *audit.exported(tx, objects)):
                sys.stdout.write(f"{json.dumps(line, ensure_ascii=False, sort_keys=True)}\n")
            return 0
        told = json.loads(chosen.heads.read_text("utf-8")) if chosen.heads else []
        mine = [each for each in told if {name: each[name] for name in about} == about]
        trouble = audit.verify(tx, mine, objects)
        link, _ = audit.head(tx)
        archives = len(audit_archive.listed(tx))
    if trouble:
        print(f"{service.name}: {trouble}")
        return 1
    print(
        f"{service.name}: 完整 · whole, {link} 条 lines, {archives} 个归档 archives,"
        f" {len(mine)} 次见证 witnessed"
    )
    return 0


def archive(service: Service, env: Environment) -> None:
    """Move what is older than the retention into archives, a batch a transaction; safe at any time."""
    settings, now = env.settings, system_clock()
    if not settings.keep_audit_days:
        raise SettingsError("缺少环境变量 missing settings: KAIGONG_KEEP_AUDIT_DAYS")
    objects, chain = ObjectStore(settings.object_store), Chain(settings.instance, service.name)
    before = retention.cutoff(now, settings.keep_audit_days)
    while True:
        with env.db.begin(quietly=True) as tx:
            made = retention.archive_lines(
                tx, objects, chain, before=before, signer=_signer(service, env), at=now
            )
        if made is None:
            return
        print(f"{service.name}: {made.first_link}-{made.last_link} → {made.object_key}", flush=True)


def _signer(service: Service, env: Environment) -> retention.MakeSigner | None:
    """Return what finds the service's seal, None where it has none."""
    if service.seal_keys is None:
        return None
    seal, keys_of = Seal(env.settings.seal_secret), service.seal_keys

    def signer(tx: sa.Connection) -> retention.Signer:
        keys = keys_of(tx, lambda: seal.make(str(new_id()), env.now()))
        return lambda text: seal.sign(keys, text), keys[-1].public_key

    return signer
