"""`python -m <service> links {status,reconcile,forget-child}`: a link as one service keeps it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.clock import Clock
from chassis.db import Database, link_children, origin_facts
from chassis.links.ledger import Links
from chassis.links.state import birth, find_state, waiting

_PATIENCE = 60.0


def main(
    db: Database, now: Clock, links: Links, below: Mapping[str, Sequence[str]], rest: Sequence[str]
) -> None:
    parser = argparse.ArgumentParser(prog=f"{links.service} links")
    parser.add_argument("command", choices=["status", "reconcile", "forget-child"])
    parser.add_argument("--child", default="", help="region code; all children unless given")
    parser.add_argument("--no-repair", action="store_true", help="only name the differences")
    parser.add_argument("--seconds", type=float, default=_PATIENCE, help="how long to wait")
    chosen = parser.parse_args(rest)
    if chosen.command == "status":
        print(json.dumps(status(db, links), ensure_ascii=False, indent=1))
    elif chosen.command == "forget-child":
        with db.begin() as tx:
            tx.execute(link_children.delete().where(link_children.c.instance == chosen.child))
    else:
        found = reconcile(
            db,
            now,
            links,
            below,
            child=chosen.child,
            repair=not chosen.no_repair,
            patience=chosen.seconds,
        )
        nothing = f"{links.service}: 下级尚无上报 · no child has sent anything yet"
        for line in found.lines or [nothing]:
            print(line)
        sys.exit(0 if found.equal else 1)


def status(db: Database, links: Links) -> dict[str, Any]:
    with db.begin(quietly=True) as tx:
        counted = sa.select(origin_facts.c.origin, sa.func.count()).group_by(origin_facts.c.origin)
        taken = {origin: count for origin, count in tx.execute(counted)}
        children = tx.execute(sa.select(link_children)).all()
        return {
            "instance": links.instance,
            "parent": links.parent,
            "birth": birth(tx),
            "refused": find_state(tx, "refused"),
            **waiting(tx),
            "children": {
                f"{each.instance}/{each.service}": {
                    "birth": each.birth,
                    "refused": each.refused,
                    "last_heard": each.last_heard.isoformat(),
                }
                for each in children
            },
            "facts": taken,
        }


class Found:
    """What a comparison found, line by line, and whether both ends are equal now."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.equal = True


def reconcile(
    db: Database,
    now: Clock,
    links: Links,
    below: Mapping[str, Sequence[str]],
    *,
    child: str = "",
    repair: bool = True,
    patience: float = _PATIENCE,
) -> Found:
    """Compare with every child; where they differ name it, ask for what is missing, compare again."""
    found = Found()
    until = time.monotonic() + patience
    first = True
    if repair:
        with db.begin() as tx:
            if again := links.give_again(tx, child=child):
                found.lines.append(
                    f"{links.service}: 未办结的指令再次下达 · given again, not settled yet: {again}"
                )
    while True:
        with db.begin() as tx:
            asked = links.ask_ledgers(tx, below, at=now(), repair=repair, child=child)
        told = _answers(db, asked, until)
        differing = False
        for request, (instance, service) in asked.items():
            answer = told.get(request)
            if answer is None:
                found.lines.append(f"{instance} {service}: 未答复 · no answer")
                found.equal = False
                continue
            for each in answer["differences"]:
                differing = True
                found.lines.append(
                    "{} {}: {kind} {day}: 下级 child {child}, 本级 here {parent}".format(
                        instance, service, **each
                    )
                )
            if not answer["differences"]:
                found.lines.append(
                    f"{instance} {service}: 一致 · equal, {answer['facts']} "
                    + ("" if first else "(补发后 · after repair)")
                )
        if not differing:
            return found
        if not repair or time.monotonic() > until:
            found.equal = False
            return found
        first = False
        time.sleep(1)


def _answers(
    db: Database, asked: Mapping[UUID, tuple[str, str]], until: float
) -> dict[UUID, dict[str, Any]]:
    told: dict[UUID, dict[str, Any]] = {}
    while len(told) < len(asked) and time.monotonic() < until:
        with db.read() as connection:
            for request in asked.keys() - told.keys():
                answer = find_state(connection, f"compared {request}")
                if answer is not None:
                    told[request] = answer
        time.sleep(0.1)
    return told
