"""The outside world that is told: one function per channel. In-app only, so far."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from chassis.live import Audience, Live


def in_app(live: Live, notification: sa.Row[Any]) -> None:
    """Push a notification to the browsers of those it is for; the row itself is what counts."""
    audience = [Audience(account=account) for account in notification.accounts]
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
