"""`python -m <service> parked {list,replay,drop} [queue] [id …]`: what to do with parked messages."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from chassis import amqp
from chassis.service import Service
from chassis.settings import Settings


def main(service: Service, settings: Settings, rest: Sequence[str]) -> None:
    """List every parked message, or replay or drop those named (`--all` for a whole queue)."""
    from chassis.worker import subscriptions_of

    parser = argparse.ArgumentParser(prog=f"python -m {service.name} parked")
    parser.add_argument("act", choices=["list", "replay", "drop"])
    parser.add_argument("queue", nargs="?", help="the queue that parked, as `list` prints it")
    parser.add_argument("ids", nargs="*", help="ids of facts")
    parser.add_argument("--all", action="store_true", help="every message of the queue")
    chosen = parser.parse_args(rest)
    known = {each.queue: each for each in subscriptions_of(service.worker())}
    if chosen.act == "list":
        for queue, subscription in known.items():
            for headers, text in amqp.parked_messages(settings.amqp_url, subscription.parked):
                line = {"queue": queue, "why": headers.get("x-why", ""), "message": text}
                print(json.dumps(line, ensure_ascii=False))
        return
    if chosen.queue not in known:
        parser.error(f"没有这个队列 no such queue: {chosen.queue}; queues: {', '.join(known)}")
    if not chosen.ids and not chosen.all:
        parser.error("请给出事件编号或 --all: give the ids of facts, or --all")
    subscription = known[chosen.queue]
    taken = amqp.take_parked(
        settings.amqp_url,
        subscription.parked,
        accept=lambda fact: chosen.all or fact in chosen.ids,
        into=subscription.queue if chosen.act == "replay" else None,
    )
    print(json.dumps({"queue": chosen.queue, "act": chosen.act, "messages": taken}))
