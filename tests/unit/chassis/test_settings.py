"""The environment is read once, and all that is missing is named at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chassis.clock import MovableClock, system_clock
from chassis.settings import Settings, SettingsError


def test_one_sentence_names_everything_that_is_missing() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read("database_url", "amqp_url", environ={})

    assert str(refused.value).endswith("KAIGONG_DATABASE_URL, KAIGONG_AMQP_URL")


def test_peers_are_addresses_by_name() -> None:
    settings = Settings.read(environ={"KAIGONG_PEERS": "reporting=127.0.0.1:7105, proxy_log=a:1"})

    assert settings.peers == {"reporting": "127.0.0.1:7105", "proxy_log": "a:1"}


def test_links_begin_with_the_public_address_without_its_last_slash() -> None:
    assert Settings.read(environ={}).public_url == ""
    given = {"KAIGONG_PUBLIC_URL": "https://kaigong.example/"}
    assert Settings.read(environ=given).public_url == "https://kaigong.example"


def test_an_older_generation_never_moves_the_clock_back() -> None:
    clock = MovableClock()
    clock.move(generation=2, offset=timedelta(days=30))

    assert not clock.move(generation=1, offset=timedelta())
    assert clock() - system_clock() > timedelta(days=29)
