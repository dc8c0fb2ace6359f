"""What a link is at the brokers: a shovel up, a federated exchange down, and one account for both.

Spoken to RabbitMQ's management interface, by whoever operates an instance; no service does.
"""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit, urlunsplit

from chassis import regions, tls

_PREFETCH = 500
_RECONNECT_SECONDS = 5
# A child may put facts into the uplink and take directives; the federation names its own parts.
_MAY = {
    "configure": "^federation: .*$",
    "write": "^(uplink|federation: .*)$",
    "read": "^(directives|federation: .*)$",
}


class LinkTrouble(SystemExit):
    """The link cannot be made as asked; the text says why in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")


class Broker:
    """The management interface of an instance's own RabbitMQ."""

    def __init__(self, *, amqp_url: str, admin_url: str) -> None:
        self._amqp = urlsplit(amqp_url)
        parts = urlsplit(admin_url)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = "Basic " + base64.b64encode(login.encode()).decode()
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._tls = tls.for_client() if parts.scheme == "https" else None
        self.vhost = unquote(self._amqp.path.removeprefix("/")) or "/"

    # --- its own account

    def renew(self, password: str) -> None:
        """Give the account that we use another password; who is connected stays so."""
        self._call(
            "PUT", f"users/{self._amqp.username}", {"password": password, "tags": "administrator"}
        )

    def cut(self) -> None:
        """Close what is connected by our own account: who knows its password comes back."""
        self._cut(self._amqp.username or "")

    # --- the parent's side

    def add_child(self, child: str, *, instance: str, cut: bool = True) -> str:
        """Make the account of a child anew and return the address that it links to.

        Asked again, the child gets another password. Whoever has the old one is cut off, or stays
        until the child has joined anew.
        """
        _check_below(child, instance)
        user, password = _user(child), secrets.token_urlsafe(24)
        self._call("PUT", f"users/{user}", {"password": password, "tags": ""})
        self._call("PUT", f"permissions/{_quoted(self.vhost)}/{user}", _MAY)
        if cut:
            self._cut(user)
        host = self._amqp.netloc.rpartition("@")[2]
        query = urlencode({"parent": instance, "child": child})
        path = f"/{_quoted(self.vhost)}"
        return urlunsplit((self._amqp.scheme, f"{user}:{quote(password)}@{host}", path, query, ""))

    def retire_child(self, child: str) -> None:
        """Close the child's way in; its copies stay, nobody writes to them any more."""
        user = _user(child)
        self._cut(user)
        self._call("DELETE", f"users/{user}")
        for kind in ("queues", "exchanges"):
            for each in self._call("GET", f"{kind}/{_quoted(self.vhost)}"):
                if each["name"].startswith(f"federation: directives -> kaigong-{child}"):
                    self._call("DELETE", f"{kind}/{_quoted(self.vhost)}/{_quoted(each['name'])}")

    # --- the child's side

    def join(self, parent_url: str, *, instance: str, certificate: str = "") -> None:
        """Declare the shovel and the federation to the parent; declaring again changes nothing.

        `certificate` is a folder on our broker's machine with what it shows to a parent that
        speaks TLS: tls.crt, tls.key and the parent's ca.crt.
        """
        parent, child = parties(parent_url)
        if child != instance:
            raise LinkTrouble(
                f"该链接凭据属于 {child}, 本实例是 {instance}",
                f"these credentials are those of {child}, this instance is {instance}",
            )
        _check_below(instance, parent)
        address = _address(parent_url, certificate)
        vhost = _quoted(self.vhost)
        self._call(
            "PUT",
            f"parameters/shovel/{vhost}/uplink",
            {
                "value": {
                    "src-protocol": "amqp091",
                    "src-uri": f"amqp://{self._amqp.username}@/{vhost}",
                    "src-queue": "uplink",
                    "src-prefetch-count": _PREFETCH,
                    "src-delete-after": "never",
                    "dest-protocol": "amqp091",
                    "dest-uri": address,
                    "dest-exchange": "uplink",
                    "dest-add-forward-headers": True,
                    "ack-mode": "on-confirm",
                    "reconnect-delay": _RECONNECT_SECONDS,
                }
            },
        )
        self._call(
            "PUT",
            f"parameters/federation-upstream/{vhost}/parent",
            {
                "value": {
                    "uri": address,
                    "ack-mode": "on-confirm",
                    "max-hops": 2,
                    "reconnect-delay": _RECONNECT_SECONDS,
                }
            },
        )
        self._call(
            "PUT",
            f"policies/{vhost}/directives",
            {
                "pattern": "^directives$",
                "apply-to": "exchanges",
                "definition": {"federation-upstream": "parent"},
                "priority": 10,
            },
        )

    def leave(self) -> None:
        """Take the link away; what was not sent stays in the ledger."""
        vhost = _quoted(self.vhost)
        for path in (
            f"parameters/shovel/{vhost}/uplink",
            f"policies/{vhost}/directives",
            f"parameters/federation-upstream/{vhost}/parent",
        ):
            self._call("DELETE", path)

    # --- both

    def status(self) -> dict[str, Any]:
        """Return the state of the shovel and the federation, the uplink's depth and the children."""
        vhost = _quoted(self.vhost)
        shovels = self._call("GET", f"shovels/{vhost}") or []
        links = self._call("GET", f"federation-links/{vhost}") or []
        queue = self._call("GET", f"queues/{vhost}/uplink") or {}
        return {
            "uplink": shovels[0]["state"] if shovels else "",
            "uplink_waiting": queue.get("messages", 0),
            "directives": links[0]["status"] if links else "",
            "children": {each: len(self._connections_of(_user(each))) for each in self.children()},
        }

    def children(self) -> list[str]:
        """Return the region codes of those that may link to us."""
        names = [each["name"] for each in self._call("GET", "users") or []]
        return [name.removeprefix("link-") for name in names if name.startswith("link-")]

    def _cut(self, user: str) -> None:
        for connection in self._connections_of(user):
            self._call("DELETE", f"connections/{_quoted(connection)}")

    def _connections_of(self, user: str) -> list[str]:
        return [
            each["name"] for each in self._call("GET", "connections") or [] if each["user"] == user
        ]

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self._base}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": self._authorization, "content-type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=20, context=self._tls) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            said = error.read().decode("utf-8", "replace")[:300]
            raise LinkTrouble(
                f"消息代理拒绝了 {method} {path}: {said}",
                f"the broker refused {method} {path}: {said}",
            ) from error
        except OSError as error:
            raise LinkTrouble(
                f"无法连接消息代理的管理接口 {self._base}: {error}",
                f"the broker's management interface {self._base} cannot be reached: {error}",
            ) from error
        return json.loads(text) if text else None


def parties(parent_url: str) -> tuple[str, str]:
    """Return the region codes of the parent and the child that a link's address names."""
    query = parse_qs(urlsplit(parent_url).query)
    try:
        return query["parent"][0], query["child"][0]
    except KeyError as error:
        raise LinkTrouble(
            "PARENT 不是链接地址: 请在上级实例运行 make child 取得",
            "PARENT is not a link's address: `make child` at the parent prints one",
        ) from error


def _address(parent_url: str, certificate: str) -> str:
    """Return the parent's address as RabbitMQ's own clients want it: what they check stands in it."""
    parts = urlsplit(parent_url)
    if parts.scheme != "amqps":
        return parent_url.partition("?")[0]
    checked = {"verify": "verify_peer", "server_name_indication": parts.hostname or ""}
    if certificate:
        checked |= {
            "cacertfile": f"{certificate}/ca.crt",
            "certfile": f"{certificate}/tls.crt",
            "keyfile": f"{certificate}/tls.key",
        }
    return urlunsplit(parts._replace(query=urlencode(checked, safe="/")))


def _check_below(child: str, parent: str) -> None:
    for code in (child, parent):
        if regions.find(code) is None:
            raise LinkTrouble(f"没有代码为 {code} 的区划", f"there is no region {code}")
    if child == parent or not regions.within(regions.path_of(child), regions.path_of(parent)):
        raise LinkTrouble(
            f"{regions.name(child)}({child}) 不属于 {regions.name(parent)}({parent}), 不能接入",
            f"{child} does not lie below {parent}: it cannot be its child",
        )


def _user(child: str) -> str:
    return f"link-{child}"


def _quoted(text: str) -> str:
    return quote(text, safe="")
