"""Every secret is made anew while people work: nobody notices, and the old ones open nothing."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
import redis
from amqp.exceptions import AccessRefused
from cryptography.fernet import InvalidToken

from acceptance.conftest import City, Json, described, said
from acceptance.test_before_and_on_trust import COMPANY, ready
from acceptance.test_material_library import check
from chassis import amqp
from chassis.box import Box
from e2e.places import TOWN
from e2e.test_instance import ports_of
from support import eventually
from support.books import assert_books_agree
from support.callers import PASSWORD
from support.instance import Instance, running_instance
from support.network import command, linked, reconciled

# What every service but identity shows to a dispatcher.
LISTS = ("/v1/projects", "/v1/cases", "/v1/logs", "/v1/cards", "/v1/network")
SEALS = {
    "identity": ("select sealed from signing_keys", "key_secret", "signing keys"),
    "approval_tracking": ("select sealed from seal_keys", "seal_secret", "seal keys"),
    "warning_dispatch": ("select sealed from seal_keys", "seal_secret", "seal keys"),
}
Secrets = Mapping[str, Any]


@pytest.fixture
def city(instance: Instance) -> Iterator[City]:
    if os.environ.get("KAIGONG_TEST_INSTANCE"):
        pytest.skip("the secrets of a given instance are left alone")
    made = City(instance)
    yield made
    made.close()


def test_all_secrets_are_renewed_and_no_request_fails(city: City) -> None:
    project, old = ready(city), secrets_of(city.instance)
    token, before = token_of(city), signed(city, project)

    with working(city, project) as seen:
        rotated(city.instance, "all")
        asked = seen.total()
        eventually(lambda: seen.total() > asked + 100, timeout=60)
    after = signed(city, project)

    print(f"{seen.total()} requests: {dict(seen)}")
    assert failed(seen) == {}
    assert_refused(city.instance, old)
    assert before["key_id"] != after["key_id"]
    for each in (before, after):
        check(city, each["key_id"], each["signature"], each["statement"].encode())
    assert who_am_i(city, token) == 200
    assert_books_agree(city.instance)
    assert_untold(city.instance, old, secrets_of(city.instance))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_token_of_the_older_key_is_good_until_its_end(city: City) -> None:
    """The new key is published for a while before it signs, so that everybody knows it."""
    with working(city, ready(city)) as seen:
        said = command(city.instance, "service", "identity", "rotate-keys", "--lead-seconds", "60")
        assert said.returncode == 0, said.stderr
        old = token_of(city)
        key, ends = part(old, 0)["kid"], part(old, 1)["exp"]
        eventually(lambda: part(token_of(city), 0)["kid"] != key, timeout=90, every=2)
        while time.time() < ends - 5:
            assert who_am_i(city, old) == 200
            time.sleep(5)

    assert failed(seen) == {}
    # Clocks may differ by a minute.
    eventually(lambda: who_am_i(city, old) == 401, timeout=90, every=2)
    jwks = city.instance.setting("reporting-api", "JWKS_URL")
    eventually(lambda: key not in httpx.get(jwks).text, timeout=120, every=2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_link_and_all_secrets_at_its_ends_are_renewed_and_no_fact_is_lost() -> None:
    at_town = {"TIER": "town", "REGION": TOWN}
    with ExitStack() as stack:
        parent = stack.enter_context(running_instance(RATE_LIMITS="0"))
        child = stack.enter_context(linked(parent, TOWN, TIER="town"))
        city, town = City(parent), City(child.instance)
        stack.callback(city.close)
        stack.callback(town.close)
        ends: list[tuple[Instance, dict[str, str]]] = [(parent, {}), (child.instance, at_town)]
        old = [secrets_of(each) for each, _ in ends]
        told: list[str] = []

        def tell() -> None:
            made = town.register("d4.city", managing_region=TOWN)
            told.append(f"/v1/projects/{made['project_id']}")
            eventually(lambda: city.get("d4.city", told[-1]), timeout=60)

        for each, environ in ends:
            rotated(each, "all", **environ)
            tell()
        address = urlsplit(rotated(parent, "links").splitlines()[0])
        # Until the child has the new address, the link goes on.
        tell()
        before = urlsplit(child.environ["PARENT"])
        with pytest.raises(AccessRefused):
            amqp.connect(urlunsplit(before._replace(query="")))
        through = address.netloc.replace(f":{address.port}", f":{before.port}")
        renewed = urlunsplit(address._replace(netloc=through))
        rotated(child.instance, "links", PARENT=renewed, **at_town)
        child.line.cut()
        child.line.mend()
        tell()

        for (each, environ), secrets in zip(ends, old, strict=True):
            assert_refused(each, secrets)
            assert_untold(each, secrets, secrets_of(each), **environ)
        # Who restarts them was there before the passwords.
        for name in ("postgres", "redis", "rabbitmq"):
            parent.kill_and_heal(name)
        assert "一致" in reconciled(parent)


# --- People at work --------------------------------------------------------------------------


@contextmanager
def working(city: City, project: str) -> Iterator[Counter[str]]:
    """People read, register, sign and sign in beside; counts what became of each request."""
    seen: Counter[str] = Counter()
    over = threading.Event()
    details = described(city)

    def work(who: str, every: float, ask: Callable[[httpx.Client, int], httpx.Response]) -> None:
        with city.instance.caller(who) as client:
            for turn in itertools.count():
                try:
                    answer = ask(client, turn)
                    seen[f"{answer.request.method} {_path(answer)} {answer.status_code}"] += 1
                except httpx.HTTPError as error:
                    seen[repr(error)] += 1
                if over.wait(every):
                    return

    def read(client: httpx.Client, turn: int) -> httpx.Response:
        return client.get(LISTS[turn % len(LISTS)])

    def register(client: httpx.Client, turn: int) -> httpx.Response:
        mine = {**details, "name": f"{details['name']}之{turn}"}
        return client.post("/v1/projects", json={"details": mine})

    threads = [
        threading.Thread(target=work, args=each)
        for each in (
            ("d4.city", 0.02, read),
            ("d4.city", 0.02, read),
            ("s2.city", 0.1, lambda client, _: client.get("/v1/accounts")),
            ("d4.city", 0.5, register),
            (COMPANY, 0.3, lambda client, _: sign(client, project)),
            ("d4.city", 1, lambda client, _: sign_in(client)),
        )
    ]
    for each in threads:
        each.start()
    try:
        eventually(lambda: seen.total() > 50, timeout=60)
        yield seen
    finally:
        over.set()
        for each in threads:
            each.join()


def failed(seen: Counter[str]) -> dict[str, int]:
    return {what: count for what, count in seen.items() if not what.endswith(" 200")}


def _path(answer: httpx.Response) -> str:
    return re.sub(r"/[0-9a-f-]{36}", "/…", answer.request.url.path)


def sign(client: httpx.Client, project: str) -> httpx.Response:
    """Put a paper into the library and sign it, as a company does."""
    materials = f"/v1/projects/{project}/materials"
    text = b"%PDF-1.7\n" + os.urandom(8)
    query = {"title": "环境影响报告表", "file_name": "报告表.pdf"}
    made = client.post(
        materials, params=query, content=text, headers={"content-type": "application/pdf"}
    )
    if made.status_code != 200:
        return made
    material = made.json()["material"]
    one = f"{materials}/{material['material_id']}"
    return client.post(f"{one}:sign", json={"sha256": material["sha256"]})


def sign_in(client: httpx.Client) -> httpx.Response:
    who = {"username": "d4.city", "password": PASSWORD}
    return httpx.post(client.base_url.join("/v1/auth:signIn"), json=who, timeout=30)


def signed(city: City, project: str) -> Json:
    """Return the signature of a paper that the company has just signed."""
    (signature,) = said(sign(city.person(COMPANY), project))["material"]["signatures"]
    return dict(signature)


def token_of(city: City) -> str:
    return str(said(sign_in(city.person("d4.city")))["session"]["access_token"])


def who_am_i(city: City, token: str) -> int:
    bearer = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{city.instance.base_url}/v1/me", headers=bearer).status_code


def part(token: str, number: int) -> Json:
    """Return the header (0) or the claims (1) of a token."""
    text = token.split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


# --- Secrets ---------------------------------------------------------------------------------


def secrets_of(instance: Instance) -> Secrets:
    return dict(json.loads((instance.run / "secrets.json").read_text()))


def rotated(instance: Instance, secret: str, **environ: str) -> str:
    done = command(instance, "rotate", secret, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return done.stdout


def assert_refused(instance: Instance, old: Secrets) -> None:
    """Nobody gets in by an old secret, and nothing that is kept opens with one."""
    ports, new = ports_of(instance), secrets_of(instance)
    databases = f"127.0.0.1:{ports.postgres}"
    for role, password in {**old["databases"], "postgres": old["postgres"]}.items():
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://{role}:{password}@{databases}/{role}")
    with pytest.raises(AccessRefused):
        amqp.connect(f"amqp://kaigong:{old['rabbit']}@127.0.0.1:{ports.rabbit}/kaigong")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=ports.redis, password=old["redis"]).ping()
    for service, (query, secret, purpose) in SEALS.items():
        login = f"{service}:{new['databases'][service]}"
        with psycopg.connect(f"postgresql://{login}@{databases}/{service}") as connection:
            sealed = [row[0] for row in connection.execute(query) if row[0]]
        assert sealed
        for each in sealed:
            assert Box(new[secret], purpose).open(each)
            with pytest.raises(InvalidToken):
                Box(old[secret], purpose).open(each)


def assert_untold(instance: Instance, *secrets: Secrets, **environ: str) -> None:
    """No secret stands in a log or in what an engineer is handed."""
    assert command(instance, "diagnose", **environ).returncode == 0
    (path,) = instance.run.glob("diagnosis-*.zip")
    with zipfile.ZipFile(path) as file:
        told = b"".join(file.read(name) for name in file.namelist())
    path.unlink()
    told += b"".join(each.read_bytes() for each in (instance.run / "log").glob("*.log"))
    for each in secrets:
        for value in (*each["databases"].values(), *each.values()):
            assert not isinstance(value, str) or value.encode() not in told
