"""The shape of the house: what must be changed together is."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from instance.options import SERVICES

ROOT = Path(__file__).resolve().parents[2]
HOMES = {each: ROOT / ("gateway" if each == "identity" else "services") / each for each in SERVICES}

# A room is a module or, when it has grown, a package of the same name.
ROOMS = {"__init__", "__main__", "domain", "store", "queries", "usecases", "api", "worker"}
# A service adds a room only for a thing that it alone has.
OWN_ROOMS = {
    "project_registry": {"spreadsheet"},
    "approval_tracking": {
        *("catalogue_files", "catalogue_workbooks", "documents", "edge", "item_workbooks"),
        "official_documents",
        *("archives", "seal"),
        "plan",
    },
    "proxy_log": {"pictures"},
    "warning_dispatch": {"channels", "edge", "official_letters", "sender"},
    "reporting": {"budget", "documents", "promises"},
    "identity": {"edge", "load", "oidc", "passwords", "spread", "tokens"},
}
FOLDERS = {"migrations", "data", "__pycache__"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_of_the_house_and_no_others(service: str) -> None:
    found = {each.stem for each in HOMES[service].iterdir()}

    assert found - FOLDERS - ROOMS - OWN_ROOMS.get(service, set()) == set()
    assert {"__main__", "domain", "store", "api", "worker", "migrations"} <= found


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_are_numbered_without_a_gap(service: str) -> None:
    names = sorted(each.name for each in (HOMES[service] / "migrations").glob("*.py"))

    assert names
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_known_to_the_database_script_and_to_the_wall(service: str) -> None:
    script = (ROOT / "deploy" / "postgres" / "init.sql").read_text()
    wall = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

    assert f"\\getenv {service} KAIGONG_PASSWORD_{service.upper()}" in script
    assert service in wall["root_packages"]
    for contract in wall["contracts"]:
        text = str(contract)
        assert service in text, contract["name"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_composition_root_describes_itself_and_runs_nothing_when_imported(
    service: str,
) -> None:
    described = import_module(f"{service}.__main__").SERVICE

    assert described.name == service


@pytest.mark.parametrize("service", SERVICES)
def test_every_fact_that_a_service_subscribes_to_is_in_its_sources_protos(service: str) -> None:
    from chassis.worker import below_of, subscriptions_of

    worker = import_module(f"{service}.__main__").SERVICE.worker()
    wanted = {
        (each.source, kind)
        for each in subscriptions_of(worker)
        for kind in each.types
        if not each.exchange
    }
    wanted |= {(source, kind) for source, kinds in below_of(worker).items() for kind in kinds}

    promised = {
        (source, kind) for source in {source for source, _ in wanted} for kind in _facts(source)
    }
    assert wanted - promised == set()


def test_what_is_taken_from_below_is_what_a_child_sends_up() -> None:
    from chassis.worker import below_of

    workers = {each: import_module(f"{each}.__main__").SERVICE.worker() for each in SERVICES}
    sent = {(each, kind) for each, it in workers.items() for kind in getattr(it, "goes_up", ())}
    taken = {
        (source, kind)
        for worker in workers.values()
        for source, kinds in below_of(worker).items()
        for kind in kinds
    }

    assert taken == sent


def test_every_command_of_the_makefile_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = text.split(".PHONY:")[1].split("\n\n")[0].replace("\\", " ").split()

    undescribed = [each for each in phony if not re.search(rf"^{each}:.*## ", text, re.MULTILINE)]

    assert undescribed == ["static"]


def _facts(source: str) -> set[str]:
    file = import_module(f"kaigong.{source}.v1.events_pb2").DESCRIPTOR
    return {
        f"{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()}.v1"
        for name in file.message_types_by_name
    }
