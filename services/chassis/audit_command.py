"""`python -m <service> audit {verify,export}`: check the chain here, or write it out to check elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from chassis import audit
from chassis.db import Database


def main(db: Database, service: str, instance: str, rest: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"{service} audit")
    parser.add_argument("command", choices=["verify", "export"])
    parser.add_argument("--heads", type=Path, help="what was witnessed: `warning_dispatch heads`")
    chosen = parser.parse_args(rest)
    with db.begin(quietly=True) as tx:
        if chosen.command == "export":
            about = {"instance": instance, "service": service}
            for line in (about, *audit.exported(tx)):
                sys.stdout.write(f"{json.dumps(line, ensure_ascii=False, sort_keys=True)}\n")
            return 0
        told = json.loads(chosen.heads.read_text("utf-8")) if chosen.heads else []
        mine = [each for each in told if (each["instance"], each["service"]) == (instance, service)]
        trouble = audit.verify(tx, mine)
        link, _ = audit.head(tx)
    if trouble:
        print(f"{service}: {trouble}")
        return 1
    print(f"{service}: 完整 · whole, {link} 条 lines, {len(mine)} 次见证 witnessed")
    return 0
