"""What a person may choose, and what is said when the choice is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.settings import surroundings
from instance.options import SERVICES, Options, Secrets
from instance.plan import Plan
from instance.said import Trouble
from support.servers import scratch


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param({"TIER": "province"}, "city, district, town", id="an unknown tier"),
        pytest.param({"PORT": "http"}, "PORT=http", id="a port that is no number"),
        pytest.param({"PORT": "80"}, "1024", id="a port that only root may take"),
        pytest.param({"KAIGONG_PORT_BASE": "70000"}, "65000", id="a port that does not exist"),
    ],
)
def test_a_wrong_choice_is_told_in_both_languages(environ: dict[str, str], told: str) -> None:
    with pytest.raises(Trouble, match=told) as refused:
        Options.read(environ)

    assert len(str(refused.value).splitlines()) == 2


def test_no_two_listen_on_one_port() -> None:
    ports = Plan(_options(), _secrets()).ports()

    assert len(set(ports.values())) == len(ports)


def test_a_tier_brings_its_region_and_the_environment_overrides_it() -> None:
    assert Options.read({"TIER": "district"}).passed_on["KAIGONG_INSTANCE"] == "321181"
    given = {"TIER": "district", "KAIGONG_INSTANCE": "321183"}
    assert Options.read(given).passed_on["KAIGONG_INSTANCE"] == "321183"


def test_no_process_holds_the_password_of_another_services_database(home: Path) -> None:
    plan, secrets = Plan(_options(home), _secrets()), _secrets()
    plan.write_secrets()

    for service in SERVICES:
        told = surroundings(plan.settings(service))
        text = " ".join(told.values())
        others = [password for name, password in secrets.databases.items() if name != service]
        assert secrets.databases[service] in told["KAIGONG_DATABASE_URL"]
        assert not any(password in text for password in others)


def test_a_secret_is_in_files_of_its_owner_and_in_no_command_line(home: Path) -> None:
    plan = Plan(_options(home), _secrets())
    plan.write_secrets()

    files = [*(plan.options.data / "secrets").iterdir()]
    told = {each.read_text() for each in files}

    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    for process in plan.processes():
        words = " ".join(process.argv)
        # What ends before the instance is ready is told the passwords that it sets.
        if not process.once:
            words += " ".join(process.environ.values())
        assert [each for each in told if each and each in words] == []
        assert "secret-of-" not in words


def test_an_instance_that_was_started_with_other_settings_is_told_apart(home: Path) -> None:
    plan = Plan(_options(home), _secrets())
    plan.write_secrets()

    def is_what_runs(**other: str) -> bool:
        options = Options.read({"KAIGONG_RUN": str(home), **other})
        return Plan(options, replace(_secrets(), redis="a newer one")).is_what_runs()

    assert is_what_runs()
    assert not is_what_runs(KAIGONG_PORT_BASE="9000")
    assert not is_what_runs(KAIGONG_REDIS_URL="redis://:word@cache:6379/0")
    (plan.options.data / "secrets" / "amqp_url").unlink()
    assert not is_what_runs()


def test_only_identity_holds_the_key_of_keys() -> None:
    plan = Plan(_options(), _secrets())

    holders = [each for each in SERVICES if "KAIGONG_KEY_SECRET_FILE" in plan.settings(each)]

    assert holders == ["identity"]


def test_only_who_seals_or_witnesses_holds_the_key_of_the_seal() -> None:
    plan = Plan(_options(), _secrets())

    holders = [each for each in SERVICES if "KAIGONG_SEAL_SECRET_FILE" in plan.settings(each)]

    assert holders == ["approval_tracking", "warning_dispatch"]


def test_secrets_of_an_older_release_are_kept_and_the_new_ones_added(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = Secrets.kept(path)
    older = {name: value for name, value in vars(made).items() if name != "seal_secret"}
    path.write_text(json.dumps(older))

    found = Secrets.kept(path)

    assert {**vars(found), "seal_secret": ""} == {**vars(made), "seal_secret": ""}
    assert len(found.seal_secret) == 64
    assert Secrets.kept(path) == found


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that also the servers' account can reach, so that data lie in it."""
    with scratch() as made:
        yield made


def _options(run: Path = Path("/nowhere/.run")) -> Options:
    return Options.read({"KAIGONG_RUN": str(run)})


def _secrets() -> Secrets:
    databases = {each: f"secret-of-{each}" for each in SERVICES}
    others = ("postgres", "rabbit", "redis", "key_secret", "seal_secret")
    return Secrets(**{each: f"secret-of-{each}" for each in others}, databases=databases)
