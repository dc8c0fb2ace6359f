"""A whole instance in containers: the demonstration plays on it, and each container may die."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from demo.play import STEPS, Story
from instance.options import SERVICES
from support.callers import caller
from support.containers import Containers
from support.waiting import eventually

pytestmark = pytest.mark.long

OURS = (
    *(f"{each.replace('_', '-')}-{kind}" for each in SERVICES for kind in ("api", "worker")),
    "push",
)
ALL = ("postgres", "rabbitmq", "redis", *OURS, "gateway")


def play(instance: Containers) -> None:
    told: list[str] = []
    Story(instance.base_url, told.append, patience=60).play()
    assert sum(line[2:3] == "." for line in told) == STEPS


def test_everything_is_well_and_the_demonstration_plays(instance: Containers) -> None:
    assert [each for each in ALL if not instance.is_well(each)] == []

    play(instance)


def test_only_the_gateway_can_be_reached_and_only_from_this_machine(instance: Containers) -> None:
    published = {each: instance.seen(each)["HostConfig"]["PortBindings"] or {} for each in ALL}

    (port,) = published.pop("gateway").values()
    assert port == [{"HostIp": "127.0.0.1", "HostPort": instance.environ["PORT"]}]
    assert [each for each, ports in published.items() if ports] == []


@pytest.mark.parametrize("service", ["reporting-api", "identity-worker", "push", "gateway"])
def test_a_process_has_no_rights_nothing_to_write_and_no_tools(
    instance: Containers, service: str
) -> None:
    assert instance.run(service, "id", "-u").stdout.strip() == "10001"
    assert "Read-only file system" in instance.run(service, "touch", "/opt/x").stderr
    held = instance.run(service, "grep", "-E", "Cap(Eff|Prm|Bnd)", "/proc/1/status").stdout
    assert set(re.findall(r"[0-9a-f]{16}", held)) == {"0" * 16}
    tools = "apt apt-get dpkg pip pip3 gcc cc ld make curl wget"
    found = instance.run(service, "sh", "-c", f"for each in {tools}; do command -v $each; done")
    assert found.stdout == ""


@pytest.mark.parametrize("service", [each for each in OURS if each != "push"])
def test_no_secret_is_in_what_the_engine_shows(instance: Containers, service: str) -> None:
    shown = json.dumps(instance.seen(service))
    folder = instance.environ["KAIGONG_SECRETS"]

    for name in ("postgres_password", "key_secret", "seal_secret", "amqp_url", "redis_url"):
        with open(f"{folder}/{name}", encoding="utf-8") as file:
            assert file.read().strip() not in shown


def test_an_inner_part_has_no_way_out(instance: Containers) -> None:
    out = "import socket; socket.create_connection(('1.1.1.1', 53), timeout=3)"

    tried = instance.run("reporting-worker", "python", "-c", out)

    assert tried.returncode != 0
    assert re.search("timed out|unreachable", tried.stderr), tried.stderr


def test_prometheus_reaches_every_container_and_evaluates_every_rule(instance: Containers) -> None:
    instance.compose("--profile", "monitoring", "up", "--detach", "prometheus", "alertmanager")

    def asked(path: str) -> Any:
        # From inside: nothing of it is published.
        code = f"import urllib.request as u; print(u.urlopen('http://prometheus:9090{path}').read().decode())"
        answer = instance.run("reporting-api", "python", "-c", code)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)["data"]

    def all_up() -> bool:
        targets = asked("/api/v1/targets")["activeTargets"]
        assert {each["labels"]["process"]: each["health"] for each in targets} == {
            each: "up" for each in ("push", "envoy", *_processes())
        }
        return True

    eventually(all_up, timeout=60, every=2)
    groups = asked("/api/v1/rules")["groups"]
    assert [
        rule["lastError"] for group in groups for rule in group["rules"] if rule["health"] == "err"
    ] == []
    instance.compose(
        "--profile", "monitoring", "rm", "--stop", "--force", "prometheus", "alertmanager"
    )


def _processes() -> list[str]:
    return [f"{each}-{kind}" for each in SERVICES for kind in ("api", "worker")]


@pytest.mark.parametrize("service", ALL)
def test_a_killed_container_comes_back_and_the_instance_answers(
    instance: Containers, service: str
) -> None:
    instance.kill_and_heal(service)

    def answers() -> bool:
        try:
            with caller(instance.base_url, "d4.city", patience=20) as city:
                return city.get("/v1/projects").status_code == 200
        except httpx.TransportError as error:
            raise AssertionError(error) from None

    eventually(answers, timeout=60, every=1)


def test_the_demonstration_plays_again_after_all_that(instance: Containers) -> None:
    eventually(lambda: all(instance.is_well(each) for each in ALL), timeout=120, every=1)

    play(instance)


def test_it_stops_and_comes_back_with_what_it_knew(instance: Containers) -> None:
    def projects() -> int:
        with caller(instance.base_url, "d4.city", patience=60) as city:
            return len(city.get("/v1/projects").json()["projects"])

    before = projects()
    instance.compose("down", "--timeout", "30")
    instance.compose("up", "--wait", "--wait-timeout", "420")

    assert projects() == before > 0
