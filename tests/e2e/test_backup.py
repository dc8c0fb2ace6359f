"""A busy instance is backed up, and comes back in an empty place as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from demo.play import Story
from instance.backup import Archive, Point
from support.books import assert_books_agree
from support.instance import ROOT, Instance, running_instance
from support.network import command
from support.servers import scratch

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

# What people would miss.
_KEPT = {
    "project_registry": "select id, version from projects",
    "approval_tracking": "select id, version from cases",
    "warning_dispatch": "select id, version from cards union select id, version from work_orders",
    "proxy_log": "select id, 1 from logs",
    "reporting": "select id, 1 from projects union select id, version from cards",
    "identity": "select id, version from accounts",
}


def test_a_busy_instance_comes_back_as_it_was_at_a_minute_and_at_the_end() -> None:
    with scratch() as home:
        archive = Archive(home / "backup")
        with running_instance(KAIGONG_BACKUP=str(archive.home)) as busy, _stories(busy) as told:
            first = _backed_up(busy, archive)
            seen = list(told)
            # The early point opens with the secrets of then, the late one with those of now.
            forgotten = command(busy, "rotate", "all")
            assert "KAIGONG_BACKUP" in forgotten.stderr
            said = command(busy, "rotate", "all", KAIGONG_BACKUP=str(archive.home))
            assert said.returncode == 0, said.stdout + said.stderr
            while len(told) == len(seen):
                time.sleep(0.5)
            assert seen, "nothing had happened before the backup"
        # The stories have ended, and the instance with them: only what the archive has is left.
        assert archive.to_go_back_to(None)[1].at > first.at

        with _restored(home / "early", archive, until=first.at.isoformat()) as early:
            assert_books_agree(early)
            assert_has(early, seen)
        with _restored(home / "late", archive) as late:
            assert_books_agree(late)
            assert _rows(late)["identity"]
            said = command(late, "verify")
            assert said.returncode == 0, said.stdout + said.stderr


def test_what_was_there_when_all_was_still_is_there_again_to_the_last_row() -> None:
    with scratch() as home:
        archive = Archive(home / "backup")
        with running_instance(KAIGONG_BACKUP=str(archive.home)) as busy:
            outcome = Story(busy.base_url, lambda _: None).play()
            assert_books_agree(busy)
            _backed_up(busy, archive)
            before = _rows(busy)
        with _restored(home / "again", archive) as again:
            with again.caller("d4.city") as d4:
                (log,) = d4.get(f"/v1/projects/{outcome['project']}/logs").json()["logs"]
                photo = d4.get(f"/v1/logs/{log['log_id']}/photos/{log['photos'][0]['photo_id']}")
            assert _rows(again) == before
            assert photo.status_code == 200, photo.text


@contextmanager
def _stories(instance: Instance) -> Iterator[list[str]]:
    """Play the main job again and again beside; gives the projects of the finished ones."""
    told: list[str] = []
    over = threading.Event()

    def play() -> None:
        while not over.is_set():
            told.append(Story(instance.base_url, lambda _: None, patience=90).play()["project"])

    playing = threading.Thread(target=play, name="stories")
    playing.start()
    try:
        while not told:
            time.sleep(0.2)
            assert playing.is_alive(), "the main job failed"
        yield told
    finally:
        over.set()
        playing.join()


def _backed_up(instance: Instance, archive: Archive) -> Point:
    began = time.monotonic()
    said = command(instance, "backup", KAIGONG_BACKUP=str(archive.home))
    assert said.returncode == 0, said.stdout + said.stderr
    print(f"backup: {time.monotonic() - began:.1f} s: {said.stdout.strip()}")
    return archive.points()[-1]


@contextmanager
def _restored(run: Path, archive: Archive, *, until: str = "") -> Iterator[Instance]:
    began = time.monotonic()
    environ = {**os.environ, "KAIGONG_RUN": str(run), "KAIGONG_BACKUP": str(archive.home)}
    local = [sys.executable, str(ROOT / "deploy" / "local.py"), "restore", *filter(None, [until])]
    said = subprocess.run(local, env=environ, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    with running_instance(KAIGONG_RUN=str(run)) as instance:
        print(f"restore until it serves: {time.monotonic() - began:.1f} s")
        yield instance


def _rows(instance: Instance) -> dict[str, set[tuple[str, str]]]:
    found = {}
    for service, url in instance.database_urls().items():
        with psycopg.connect(url) as connection:
            rows = connection.execute(_KEPT[service]).fetchall()
        found[service] = {(str(key), str(version)) for key, version in rows}
    return found


def assert_has(instance: Instance, projects: list[str]) -> None:
    known = {key for key, _ in _rows(instance)["project_registry"]}
    assert set(projects) <= known
