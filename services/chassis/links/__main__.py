"""`python -m chassis.links {add-child,renew-children,retire-child,join,leave,status}`: a link at the brokers.

Needs KAIGONG_INSTANCE, KAIGONG_AMQP_URL and KAIGONG_AMQP_ADMIN_URL; `join` also
KAIGONG_PARENT_URL, which `add-child` at the parent printed, and KAIGONG_PARENT_TLS, a folder on
the broker's machine, where the parent's broker speaks TLS.
"""

from __future__ import annotations

import argparse
import json

from chassis.links.broker import Broker
from chassis.settings import surroundings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chassis.links", description=__doc__)
    parser.add_argument(
        "command",
        choices=["add-child", "renew-children", "retire-child", "join", "leave", "status"],
    )
    parser.add_argument("child", nargs="?", default="", help="the region code of the child")
    chosen = parser.parse_args()
    env = surroundings()
    instance = env["KAIGONG_INSTANCE"]
    broker = Broker(amqp_url=env["KAIGONG_AMQP_URL"], admin_url=env["KAIGONG_AMQP_ADMIN_URL"])
    match chosen.command:
        case "add-child":
            print(broker.add_child(chosen.child, instance=instance))
        case "renew-children":
            for child in broker.children():
                print(broker.add_child(child, instance=instance, cut=False))
        case "retire-child":
            broker.retire_child(chosen.child)
        case "join":
            certificate = env.get("KAIGONG_PARENT_TLS", "")
            broker.join(env["KAIGONG_PARENT_URL"], instance=instance, certificate=certificate)
        case "leave":
            broker.leave()
        case _:
            print(json.dumps(broker.status(), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
