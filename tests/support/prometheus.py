"""A Prometheus of a test's own, on the rules that are deployed."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from instance.options import Options
from instance.ports import free_block
from instance.processes import tail
from monitoring import scrape
from monitoring.slo import HOME
from support.servers import scratch
from support.waiting import eventually

Json = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """A running one: what it knows of its targets and rules, and what it answers."""

    url: str

    def get(self, path: str, /, **query: Any) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=query, timeout=30)
        body = answer.json()
        assert body["status"] == "success", f"{query}: {body}"
        return body["data"]

    def ask(self, expr: str) -> list[Json]:
        """Return the series of an instant query."""
        return list(self.get("query", query=expr)["result"])

    def value(self, expr: str) -> float:
        found = self.ask(expr)
        assert found, f"no data: {expr}"
        return float(found[0]["value"][1])

    def rules(self) -> list[Json]:
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def targets(self) -> dict[str, Json]:
        """Return each target by its process."""
        found = self.get("targets")["activeTargets"]
        return {each["labels"]["process"]: each for each in found}

    def firing(self, alert: str, **labels: str) -> list[dict[str, str]]:
        """Return the labels of each firing alert of this name that has these."""
        return [
            each["labels"]
            for each in self.get("alerts")["alerts"]
            if each["state"] == "firing"
            and each["labels"]["alertname"] == alert
            and labels.items() <= each["labels"].items()
        ]


@contextlib.contextmanager
def watching(options: Options) -> Iterator[Prometheus]:
    """Run a Prometheus on an instance until the block ends.

    It asks every two seconds, and alerts wait for seconds where the deployed ones wait for
    minutes; their expressions are the same but for the five minutes in which a consumer must
    have handled something.
    """
    with scratch() as home:
        _quicken(HOME / "rules", home / "rules")
        config = home / "prometheus.yaml"
        config.write_text(scrape.config(options, rules=home / "rules", seconds=2), "utf-8")
        port, log = free_block(1), home / "prometheus.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    *("prometheus", f"--config.file={config}", f"--storage.tsdb.path={home}/data"),
                    f"--web.listen-address=127.0.0.1:{port}",
                    *("--enable-feature=exemplar-storage", "--log.level=warn"),
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            made = Prometheus(f"http://127.0.0.1:{port}")
            eventually(lambda: _answers(process, made.url, log), timeout=60, every=0.2)
            yield made
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"Prometheus ended: {tail(log, 20)}")
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _quicken(rules: Path, into: Path) -> None:
    into.mkdir()
    for path in rules.glob("*.yaml"):
        text = path.read_text("utf-8")
        text = re.sub(r"^( +)for: .+$", r"\1for: 4s", text, flags=re.MULTILINE)
        text = re.sub(r"^ +interval: .+\n", "", text, flags=re.MULTILINE)
        if path.stem == "messages":
            text = text.replace("[5m]", "[30s]")
        (into / path.name).write_text(text, "utf-8")


def all_healthy(prometheus: Prometheus, processes: Sequence[str]) -> bool:
    """Every target answers and every rule was evaluated without error. For `eventually`."""
    targets = prometheus.targets()
    assert set(targets) == set(processes)
    down = {name: each["lastError"] for name, each in targets.items() if each["health"] != "up"}
    assert down == {}
    unwell = {
        each["name"]: each.get("lastError", "")
        for each in prometheus.rules()
        if each["health"] != "ok"
    }
    assert unwell == {}
    return True


def options_of(run: Path, gateway: str, **environ: str) -> Options:
    """Return the options of a test's instance, whose ports follow from its gateway's."""
    port = int(gateway.rpartition(":")[2])
    return Options.read(
        {
            "KAIGONG_RUN": str(run),
            "PORT": str(port),
            "KAIGONG_PORT_BASE": str(port - 60),
            **environ,
        }
    )
