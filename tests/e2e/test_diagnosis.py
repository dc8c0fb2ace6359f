"""What is handed to an engineer tells the state, and no secret."""

from __future__ import annotations

import json
import zipfile

from support.instance import Instance
from support.network import command


def test_a_diagnosis_has_the_state_of_everything_and_no_secret(instance: Instance) -> None:
    said = command(instance, "diagnose")
    assert said.returncode == 0, said.stderr
    (path,) = sorted(instance.run.glob("diagnosis-*.zip"))
    with zipfile.ZipFile(path) as file:
        told = {name: file.read(name).decode() for name in file.namelist()}
    path.unlink()

    everything = "".join(told.values())
    secrets = json.loads((instance.run / "secrets.json").read_text())
    for value in (*secrets.pop("databases").values(), *secrets.values()):
        assert value not in everything
    assert json.loads(told["about.json"])["tier"] == "city"
    assert json.loads(told["databases/warning_dispatch.json"])["outbox"][0]["count"] is not None
    queues = {each["name"]: each for each in json.loads(told["queues.json"])}
    assert any("messages" in each for each in queues.values())
    assert "process_cpu_seconds_total" in told["metrics/reporting-api-metrics.txt"]
    assert told["log/warning_dispatch-worker.log"]
    running = {each["name"] for each in json.loads(told["processes.json"])["processes"]}
    assert set(instance.names) == running
