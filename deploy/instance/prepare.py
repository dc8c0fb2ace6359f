"""Migrate every service and load its data, in one process, so that imports are paid once.

KAIGONG_PREPARE is a JSON object: {"services": {name: its settings}, "tasks": {name: […]}}.
The broker is asked for last: it is still starting while the databases are brought up to date.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from urllib.parse import urlsplit

from chassis import service as chassis_service
from chassis.settings import Settings
from instance.servers import speaks_amqp


def main() -> None:
    wanted = json.loads(os.environ["KAIGONG_PREPARE"])
    services = {name: import_module(f"{name}.__main__").SERVICE for name in wanted["services"]}
    settings = {
        name: Settings.read("database_url", environ=environ)
        for name, environ in wanted["services"].items()
    }
    for name, service in services.items():
        with _said(name, "迁移数据库", "migrate the database"):
            without_broker = dataclasses.replace(settings[name], amqp_url="", movable_clock=False)
            chassis_service.migrate(service, without_broker)
    for name, service in services.items():
        for task in wanted["tasks"][name]:
            if task in service.tasks:
                with _said(name, f"装载数据 {task}", f"run {task}"):
                    chassis_service.load(service, settings[name], [task])
    with _said("rabbitmq", "连接", "reach the broker"):
        _wait_for_broker(next(iter(settings.values())).amqp_url)
    for name, service in services.items():
        with _said(name, "声明队列", "declare the queues"):
            chassis_service.migrate(service, settings[name])


def _wait_for_broker(url: str) -> None:
    broker = urlsplit(url)
    until = time.monotonic() + 90
    while not speaks_amqp(broker.hostname or "", broker.port or 5672):
        if time.monotonic() > until:
            raise TimeoutError(f"no RabbitMQ at {broker.hostname}:{broker.port}")
        time.sleep(0.1)


@contextlib.contextmanager
def _said(name: str, zh: str, en: str) -> Iterator[None]:
    """Turn any failure into one sentence and an end; the traceback is in the log before it."""
    began = time.monotonic()
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"{name}: {zh}失败: {why}", file=sys.stderr)
        print(f"{name}: could not {en}: {why}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    print(f"{name}: {en}: {time.monotonic() - began:.2f} s", flush=True)


if __name__ == "__main__":
    main()
