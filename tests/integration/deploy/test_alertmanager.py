"""A real Alertmanager on the file that is deployed, a webhook and a mail server: who is told what."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from instance.plan import answers
from instance.ports import free_block
from instance.processes import Process
from support import eventually
from support.alerting import Labels, filled_in, fired
from support.outside import mail_server, webhook
from support.servers import started

HERE = {"region": "321100", "tier": "city"}


@dataclass(frozen=True)
class Told:
    """A running Alertmanager, and what has arrived of it."""

    url: str
    posts: list[dict[str, Any]]
    letters: list[dict[str, Any]]

    def alert(self, name: str, *, over: bool = False, **labels: str) -> None:
        """Tell it of one alert as Prometheus does, with the words that the rule gives it."""
        now = datetime.now(UTC)
        shown, words = next(each for each in fired() if each[0]["alertname"] == name)
        alert = {
            "labels": {**shown, **labels, **HERE},
            "annotations": words,
            "startsAt": (now - timedelta(minutes=5)).isoformat(),
            "endsAt": (now if over else now + timedelta(minutes=5)).isoformat(),
        }
        httpx.post(f"{self.url}/api/v2/alerts", json=[alert]).raise_for_status()

    def firing(self, name: str) -> list[Labels]:
        """Return the labels of what the webhook was last told of alerts with this name."""
        about = [each for each in self.posts if each["groupLabels"].get("alertname") == name]
        assert about, f"nothing was told of {name}"
        return [each["labels"] for each in about[-1]["alerts"] if each["status"] == "firing"]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    first = free_block(3)
    config = tmp_path / "alertmanager.yml"
    config.write_text(_quick(first, tmp_path), "utf-8")
    url = f"http://127.0.0.1:{first + 2}"
    process = Process(
        name="alertmanager",
        argv=(
            *("prometheus-alertmanager", f"--config.file={config}"),
            *(f"--storage.path={tmp_path}/data", "--cluster.listen-address="),
            f"--web.listen-address=127.0.0.1:{first + 2}",
        ),
        environ={},
        log=tmp_path / "alertmanager.log",
        ready=lambda: answers(f"{url}/-/ready"),
    )
    with contextlib.ExitStack() as stack:
        posts = stack.enter_context(webhook(first))
        letters = stack.enter_context(mail_server(first + 1))
        stack.enter_context(started(process))
        yield Told(url, posts, letters)


def _quick(port: int, home: Path) -> str:
    """The file with the addresses of this test, where groups wait for a second."""
    said = yaml.safe_load(filled_in())
    (home / "token").write_text("a token")
    said["global"] = {
        "smtp_smarthost": f"127.0.0.1:{port + 1}",
        "smtp_from": said["global"]["smtp_from"],
        "smtp_require_tls": False,
    }
    for each in said["receivers"]:
        for hook in each["webhook_configs"] or ():
            hook["url"] = f"http://127.0.0.1:{port}/"
            hook["http_config"]["authorization"]["credentials_file"] = str(home / "token")
    for route in (said["route"], *said["route"]["routes"]):
        route.update(group_wait="1s", group_interval="1s")
    return yaml.safe_dump(said, allow_unicode=True)


def test_a_page_arrives_and_what_it_explains_waits_for_its_end(told: Told) -> None:
    told.alert("BrokerAway", service="reporting")
    assert eventually(lambda: told.firing("BrokerAway"))

    told.alert("OutboxOld", service="reporting")
    told.alert("OutboxOld", service="proxy_log")
    # Both are of one group: when it is told, the first is left out.
    (other,) = eventually(lambda: told.firing("OutboxOld"))
    assert other["service"] == "proxy_log"
    assert {each["receiver"] for each in told.posts} == {"ops-on-call"}

    told.alert("BrokerAway", service="reporting", over=True)

    def also_the_outbox() -> bool:
        return {each["service"] for each in told.firing("OutboxOld")} == {"reporting", "proxy_log"}

    assert eventually(also_the_outbox)
    assert eventually(lambda: not told.firing("BrokerAway"))


def test_a_letter_says_it_in_both_languages_and_where_to_read_on(told: Told) -> None:
    told.alert("DiskFull", service="reporting")
    (letter,) = eventually(lambda: told.letters)

    assert letter["to"] == ["oncall@example.cn"]
    assert letter["title"] == (
        "【告警 alert】321100 reporting 的存储空间不足百分之三"
        " · less than 3 % of the space of reporting is free"
    )
    for words in (
        "■ reporting 的存储空间不足百分之三",
        "less than 3 % of the space of reporting is free",
        "处置 what to do: deploy/monitoring/runbooks/disk-full.md",
    ):
        assert words in [line.strip() for line in letter["body"].splitlines()]

    told.alert("DiskFull", service="reporting", over=True)
    over = eventually(lambda: told.letters[1:])[0]

    assert over["title"].startswith("【恢复 over】321100 reporting")
    assert "□ 已恢复 over" in over["body"]
