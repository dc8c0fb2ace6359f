"""All parts speak TLS: who shows no certificate of the instance's authority gets nothing inside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.play import STEPS, Story
from images.engine import Engine
from support.callers import caller
from support.containers import Containers, certify, running_containers
from support.waiting import eventually

pytestmark = pytest.mark.long

# Asks ports from inside, as another container on the inner network would: plain, with TLS and no certificate, with one.
_PROBE = (Path(__file__).parent / "probe.py").read_text("utf-8")
# Published for people, who show a password.
_ENTRY = ("gateway", 8080)


@pytest.fixture(scope="module")
def tls(
    docker: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    home = tmp_path_factory.mktemp("tls")
    with running_containers(docker, home, "compose.tls.yaml") as running:
        running.compose("--profile", "monitoring", "up", "--detach", "prometheus", "alertmanager")
        yield running


@pytest.fixture(autouse=True)
def trusting(tls: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.certificates / "authority" / "ca.crt"))


def listening(instance: Containers) -> list[tuple[str, int]]:
    """Every port on which a container can be reached from outside of it, by what it listens on."""
    found = set()
    for service in instance.compose("ps", "--services").split():
        table = instance.run(service, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout
        for line in table.splitlines():
            words = line.split()
            if len(words) < 4 or words[3] != "0A":
                continue
            address, _, port = words[1].rpartition(":")
            # 127.x.x.x, alone or inside IPv6; and ::1.
            if not (address.endswith("7F") or address == "0" * 24 + "01000000"):
                found.add((service, int(port, 16)))
    return sorted(found)


def probed(
    instance: Containers, ports: list[tuple[str, int]], *, certificate: Path | None = None
) -> dict[tuple[str, int], Any]:
    """What each port gives a container of the inner network that shows this certificate, or none."""
    shown = ["-v", f"{certificate}:/run/tls:ro"] if certificate else []
    told = subprocess.run(
        [
            *("docker", "run", "--rm", "--network", f"{instance.environ['KAIGONG_PROJECT']}_inner"),
            # Root reads any certificate, so that one container can play each part.
            *("--user", "0", *shown, "kaigong:dev", "python", "-c", _PROBE),
            *(f"{host}:{port}" for host, port in ports),
        ],
        env=dict(instance.engine.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(told.stdout)
    return {each: answers[f"{each[0]}:{each[1]}"] for each in ports}


def test_the_demonstration_plays_over_tls(tls: Containers) -> None:
    told: list[str] = []
    Story(tls.base_url, told.append, patience=60).play()

    assert sum(line[2:3] == "." for line in told) == STEPS


def test_a_client_without_a_certificate_gets_nothing_from_any_inner_port(tls: Containers) -> None:
    ports = [each for each in listening(tls) if each != _ENTRY]
    assert {host for host, _ in ports} >= {"postgres", "rabbitmq", "redis", "push", "prometheus"}
    assert sum(host.endswith("-api") for host, _ in ports) == 12

    assert {each: got for each, got in probed(tls, ports).items() if got} == {}


def test_a_certificate_of_another_authority_is_none(tls: Containers, tmp_path: Path) -> None:
    certify(tmp_path)
    ports = [each for each in listening(tls) if each != _ENTRY]

    theirs = probed(tls, ports, certificate=tmp_path / "tls" / "links")

    assert {each: got for each, got in theirs.items() if got} == {}


def test_who_shows_a_certificate_is_answered(tls: Containers) -> None:
    ports = [each for each in listening(tls) if each != _ENTRY]

    ours = probed(tls, ports, certificate=tls.certificates / "links")

    assert [each for each, got in ours.items() if not got] == []


def test_renewed_certificates_are_taken_up_without_a_restart(tls: Containers) -> None:
    ports = [("reporting-api", 9005), ("reporting-api", 9100), ("push", 9000), ("gateway", 9100)]
    mine = tls.certificates / "links"
    before = probed(tls, ports, certificate=mine)
    started = {host: tls.seen(host)["State"]["StartedAt"] for host, _ in ports}

    certify(tls.certificates.parent)

    def renewed() -> bool:
        after = probed(tls, ports, certificate=mine)
        return all(after[each]["serial"] != before[each]["serial"] for each in ports)

    eventually(renewed, timeout=60, every=2)
    with caller(tls.base_url, "d4.city", patience=20) as dispatcher:
        assert dispatcher.get("/v1/projects").status_code == 200
    assert {host: tls.seen(host)["State"]["StartedAt"] for host, _ in ports} == started


def test_prometheus_reaches_every_part_over_tls(tls: Containers) -> None:
    asking = (
        "import httpx, ssl; c = ssl.create_default_context(cafile='/run/tls/ca.crt');"
        "c.load_cert_chain('/run/tls/tls.crt', '/run/tls/tls.key');"
        "print(httpx.get('https://prometheus:9090/api/v1/targets', verify=c).text)"
    )

    def all_up() -> bool:
        answer = tls.run("reporting-api", "python", "-c", asking)
        assert answer.returncode == 0, answer.stderr
        targets = json.loads(answer.stdout)["data"]["activeTargets"]
        assert len(targets) == 14
        assert [each["lastError"] for each in targets if each["health"] != "up"] == []
        return True

    eventually(all_up, timeout=60, every=2)


def test_the_way_in_is_over_tls_and_asks_for_no_certificate(tls: Containers) -> None:
    assert httpx.get(f"{tls.base_url}/healthz").text == "ok\n"

    with pytest.raises(httpx.TransportError):
        httpx.get(tls.base_url.replace("https:", "http:") + "/healthz")
