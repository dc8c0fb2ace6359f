"""The outside world that is told: browsers through Redis, and whatever apprise speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
import yaml

from chassis.live import Audience, Live
from warning_dispatch.domain.telling import Letter


def in_app(live: Live, notification: sa.Row[Any], *, also: Sequence[str] = ()) -> None:
    """Push a notification to the browsers of those it is for; the row itself is what counts."""
    audience = [Audience(account=account) for account in (*notification.accounts, *also)]
    audience += [Audience(org=org) for org in notification.orgs]
    if notification.uscc:
        audience.append(Audience(uscc=notification.uscc))
    if notification.roles:
        audience.append(
            Audience(
                region_path=notification.region_path,
                level=notification.level,
                roles=tuple(notification.roles),
            )
        )
    live.publish(
        audience=audience,
        kind=notification.kind,
        data={
            "notification_id": str(notification.id),
            "title_zh": notification.title_zh,
            "title_en": notification.title_en,
            "colour": notification.colour,
            "card_id": _text(notification.card_id),
            "order_id": _text(notification.order_id),
            "project_id": _text(notification.project_id),
        },
        at=notification.at,
    )


def _text(value: object) -> str:
    return str(value) if value else ""


class Channels:
    """The channels that an instance has: a file of names and addresses with a gap for the person's.

    `email: mailto://user:password@smtp.example?from=a@b&to={address}`: whatever apprise speaks
    (e-mail, SMS gateways, WeCom, DingTalk, Feishu, webhooks). Secrets are in the file only.
    """

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._templates = dict(templates)

    @classmethod
    def read(cls, path: str) -> Channels:
        if not path:
            return cls({})
        return cls(yaml.safe_load(Path(path).read_text("utf-8")) or {})

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._templates)

    def url_of(self, channel: str, address: str) -> str:
        """Return the whole address, with a time after which it is given up; raise for no such channel."""
        template = self._templates.get(channel)
        if template is None:
            raise LookupError(f"no channel {channel}")
        url = template.replace("{address}", quote(address, safe="@"))
        return f"{url}{'&' if '?' in url else '?'}cto={_SECONDS}&rto={_SECONDS}"


def send_apart(path: str, letters: Sequence[Letter]) -> list[str]:
    """Send letters from a process of their own; return what went wrong with each, empty if nothing.

    apprise brings threads and an event loop that would hold the worker's up, and fifty
    megabytes that only who sends needs; and whatever a channel does, it does there.
    """
    asked = json.dumps([asdict(each) for each in letters])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "warning_dispatch.sender", path],
            input=asked,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        outcomes: list[str] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return [f"{type(error).__name__}: {error}"[:500]] * len(letters)
    return outcomes


_PATIENCE = 40
_SECONDS = 5
