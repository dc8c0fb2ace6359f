"""The release before and this one, side by side on the same servers, while people work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.play import Story
from support.books import assert_books_agree
from support.instance import ROOT, Instance, running_instance
from support.releases import previous
from support.servers import scratch

from .test_the_main_job import assert_each_effect_once

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def test_an_upgrade_is_noticed_by_nobody(postgres_url: str, amqp_url: str, redis_url: str) -> None:
    servers: dict[str, Any] = {
        "KAIGONG_POSTGRES_URL": postgres_url,
        "KAIGONG_AMQP_URL": amqp_url,
        "KAIGONG_REDIS_URL": redis_url,
    }
    with scratch() as home, ExitStack() as stack:
        tree = previous(home / "release")
        leaving = stack.enter_context(ExitStack())
        old = leaving.enter_context(_running(home / "old", tree, **servers))
        seen = leaving.enter_context(_reading(old))
        _play(tree, old)
        _hand_over(home / "old", home / "new")
        # It migrates while the other one works.
        with ThreadPoolExecutor() as beside:
            working = beside.submit(_play, tree, old)
            new = stack.enter_context(_running(home / "new", **servers))
            working.result()
        seen_new = stack.enter_context(_reading(new))
        outcomes = [Story(new.base_url, lambda _: None, patience=90).play()]
        _play(tree, old)
        leaving.close()
        outcomes.append(Story(new.base_url, lambda _: None, patience=90).play())

        for outcome in outcomes:
            assert_each_effect_once(new, outcome)
        assert_books_agree(new)
        assert set(seen) == {"answered"}
        assert set(seen_new) == {"answered"}


def _running(run: Path, tree: Path = ROOT, **servers: Any) -> AbstractContextManager[Instance]:
    return running_instance(tree=tree, KAIGONG_RUN=str(run), **servers)


def _play(tree: Path, instance: Instance) -> None:
    """Play the main job as that release knows it, on its own gateway."""
    done = subprocess.run(
        [sys.executable, "tests/demo/play.py"],
        cwd=tree,
        env={**os.environ, "KAIGONG_RUN": str(instance.run)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}{done.stderr[-1000:]}\n{_errors(instance)}"


def _errors(instance: Instance) -> str:
    """What its processes had to say of it."""
    lines = [
        line[:3000]
        for log in (instance.run / "log").glob("*.log")
        for line in log.read_text("utf-8", "replace").splitlines()
        if '"error"' in line
    ]
    return "\n".join(lines[-5:])


def _hand_over(old: Path, new: Path) -> None:
    """The same passwords and keys: it is the same instance."""
    new.mkdir()
    for name in ("secrets.json", ".kaigong"):
        shutil.copy2(old / name, new / name)


@contextmanager
def _reading(instance: Instance) -> Iterator[Counter[str]]:
    """Look at lists again and again; counts the answers, and what else came."""
    seen: Counter[str] = Counter()
    over = threading.Event()

    def read() -> None:
        with instance.caller("d4.city") as d4:
            while not over.is_set() and instance.is_ready("envoy"):
                for path in ("/v1/projects", "/v1/cases", "/v1/cards", "/v1/work-orders"):
                    status = d4.get(path).status_code
                    seen["answered" if status == 200 else f"{path}: {status}"] += 1
                time.sleep(0.2)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield seen
    finally:
        over.set()
        reading.join()
