"""Addresses of a link as RabbitMQ's own clients want them."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.links.broker import Broker

_LINK = "link-321181:a%2Fb@broker.example.cn"
_PARTIES = "parent=321100&child=321181"


@pytest.mark.parametrize(
    ("given", "certificate", "declared"),
    [
        (f"amqp://{_LINK}:5672/kaigong?{_PARTIES}", "", f"amqp://{_LINK}:5672/kaigong"),
        (
            f"amqps://{_LINK}:5671/kaigong?{_PARTIES}",
            "/run/parent",
            f"amqps://{_LINK}:5671/kaigong?verify=verify_peer&server_name_indication=broker.example.cn"
            "&cacertfile=/run/parent/ca.crt&certfile=/run/parent/tls.crt&keyfile=/run/parent/tls.key",
        ),
    ],
)
def test_shovel_and_federation_are_given_the_same_address(
    monkeypatch: pytest.MonkeyPatch, given: str, certificate: str, declared: str
) -> None:
    said: list[str] = []

    def called(_: Broker, method: str, path: str, body: Any = None) -> None:
        value = body.get("value", {})
        said.extend(value[key] for key in ("dest-uri", "uri") if key in value)

    monkeypatch.setattr(Broker, "_call", called)
    broker = Broker(amqp_url="amqp://kaigong@b/kaigong", admin_url="http://kaigong:x@b:15672")

    broker.join(given, instance="321181", certificate=certificate)

    assert said == [declared, declared]
