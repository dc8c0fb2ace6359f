"""The environment is read once, and all that is missing is named at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from chassis.clock import MovableClock, system_clock
from chassis.settings import Settings, SettingsError, current, surroundings


def test_one_sentence_names_everything_that_is_missing() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read("database_url", "amqp_url", environ={})

    assert str(refused.value).endswith("KAIGONG_DATABASE_URL, KAIGONG_AMQP_URL")


def test_peers_are_addresses_by_name() -> None:
    settings = Settings.read(environ={"KAIGONG_PEERS": "reporting=127.0.0.1:7105, proxy_log=a:1"})

    assert settings.peers == {"reporting": "127.0.0.1:7105", "proxy_log": "a:1"}


@pytest.mark.parametrize("days", ["1", "183", "-5"])
def test_audit_lines_stay_for_six_months_at_least(days: str) -> None:
    assert Settings.read(environ={}).keep_audit_days == 0
    assert Settings.read(environ={"KAIGONG_KEEP_AUDIT_DAYS": "184"}).keep_audit_days == 184
    with pytest.raises(SettingsError, match="six months"):
        Settings.read(environ={"KAIGONG_KEEP_AUDIT_DAYS": days})


def test_links_begin_with_the_public_address_without_its_last_slash() -> None:
    assert Settings.read(environ={}).public_url == ""
    given = {"KAIGONG_PUBLIC_URL": "https://kaigong.example/"}
    assert Settings.read(environ=given).public_url == "https://kaigong.example"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    secret.write_text("postgresql://reporting:p@db/reporting\n")

    settings = Settings.read(
        "database_url", environ={"KAIGONG_DATABASE_URL_FILE": str(secret), "KAIGONG_TIER": "town"}
    )

    assert settings.database_url == "postgresql://reporting:p@db/reporting"
    assert settings.tier == "town"


def test_a_secret_out_of_a_file_is_read_again_when_the_file_was_written(tmp_path: Path) -> None:
    secret = tmp_path / "redis_url"
    secret.write_text("redis://:old@cache/0\n")
    url = Settings.read(environ={"KAIGONG_REDIS_URL_FILE": str(secret)}).redis_url

    secret.write_text("redis://:the-new-one@cache/0\n")
    assert (current(url), current("plain")) == ("redis://:the-new-one@cache/0", "plain")

    # One that is being written, or away, changes nothing.
    secret.write_text("")
    assert current(url) == "redis://:old@cache/0"
    secret.unlink()
    assert current(url) == "redis://:old@cache/0"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            {"KAIGONG_KEY_SECRET_FILE": "/nowhere/key"},
            "KAIGONG_KEY_SECRET_FILE: .*cannot read /nowhere/key",
            id="a file that is not there",
        ),
        pytest.param(
            {"KAIGONG_KEY_SECRET_FILE": "/dev/null", "KAIGONG_KEY_SECRET": "0123456789abcdef"},
            "KAIGONG_KEY_SECRET .*KAIGONG_KEY_SECRET_FILE .*both set",
            id="a value beside its file",
        ),
    ],
)
def test_a_secret_that_is_not_plain_is_refused_by_name(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        surroundings(given)


def test_an_older_generation_never_moves_the_clock_back() -> None:
    clock = MovableClock()
    clock.move(generation=2, offset=timedelta(days=30))

    assert not clock.move(generation=1, offset=timedelta())
    assert clock() - system_clock() > timedelta(days=29)
