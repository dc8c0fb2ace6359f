"""The instance itself: what listens, who may see which database, and what is left when it stops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from instance.options import SERVICES, Ports
from instance.state import birth
from support import eventually
from support.instance import ROOT, Instance, running_instance

_LOOPBACK = ("127.", "[::1]:", "[::ffff:127.")


def ports_of(instance: Instance) -> Ports:
    gateway = urlsplit(instance.base_url).port
    assert gateway
    return Ports(gateway=gateway, base=gateway - 60)


@pytest.fixture
def private(instance: Instance) -> Instance:
    if os.environ.get("KAIGONG_TEST_INSTANCE"):
        pytest.skip("the ports of a given instance are not known")
    return instance


def test_every_service_has_an_api_and_a_worker_and_all_are_ready(instance: Instance) -> None:
    wanted = {f"{each}-{kind}" for each in SERVICES for kind in ("api", "worker")}

    assert wanted | {"push", "envoy"} <= set(instance.names)
    eventually(instance.all_ready)


def test_nothing_listens_beyond_this_machine(instance: Instance) -> None:
    said = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=False).stdout
    pids = {seen.pid for seen in instance.state.processes.values()}

    ours = [
        line.split()[3] for line in said.splitlines() if any(f"pid={pid}," in line for pid in pids)
    ]

    assert len(ours) > len(SERVICES)
    assert [each for each in ours if not each.startswith(_LOOPBACK)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_gets_into_its_own_database_only(private: Instance, service: str) -> None:
    secrets = json.loads((private.run / "secrets.json").read_text())["databases"]
    server = f"{service}:{secrets[service]}@127.0.0.1:{ports_of(private).postgres}"

    psycopg.connect(f"postgresql://{server}/{service}").close()

    for other in {*SERVICES, "postgres"} - {service}:
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(f"postgresql://{server}/{other}")


@pytest.mark.parametrize("name", ["redis", "envoy", "reporting-api"])
def test_a_killed_process_comes_back(instance: Instance, name: str) -> None:
    instance.kill_and_heal(name)

    eventually(instance.all_ready, timeout=30)


def test_a_second_instance_on_the_same_ports_is_refused_in_a_sentence(
    private: Instance, tmp_path: Path
) -> None:
    ports = ports_of(private)
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "local.py"), "run"],
        env={
            "PATH": os.environ["PATH"],
            "KAIGONG_RUN": str(tmp_path / "run"),
            "PORT": str(ports.gateway),
            "KAIGONG_PORT_BASE": str(ports.base),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert f"{ports.gateway} (gateway)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_stopped_instance_leaves_no_process() -> None:
    with running_instance() as other:
        pids = [seen.pid for seen in other.state.processes.values()]

    assert [pid for pid in pids if birth(pid)] == []
