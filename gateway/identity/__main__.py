"""The composition root of identity: `python -m identity {migrate,api,worker,first-admin,…}`."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from chassis import ids, service
from chassis.clock import MovableClock, system_clock
from chassis.service import Environment
from chassis.settings import surroundings

if TYPE_CHECKING:
    from datetime import datetime

    import grpc
    import sqlalchemy as sa

    from chassis.metrics import Page
    from identity.domain import SigningKey
    from identity.tokens import Signer


def _metadata() -> sa.MetaData:
    from identity.store import metadata

    return metadata


def _worker() -> type:
    from identity.worker import Worker

    return Worker


def _servicers(env: Environment) -> list[Callable[[grpc.Server], None]]:
    from kaigong.identity.v1 import identity_pb2_grpc as pb_grpc

    from identity.api import Identity
    from identity.oidc import Client, Provider
    from identity.passwords import Passwords
    from identity.spread import Spread
    from identity.tokens import Signer, Voids

    settings = env.settings
    signer = Signer(settings.key_secret)
    _ensure_key(env, signer)
    client = Client.read(surroundings())
    spread = Spread(env.db, settings.peers)
    if isinstance(env.now, MovableClock):
        spread.keep_up()
    servicer = Identity(
        env.db,
        env.now,
        signer=signer,
        passwords=Passwords(),
        voids=Voids(settings.redis_url),
        provider=Provider(client, key_secret=settings.key_secret) if client else None,
        spread=spread,
    )
    return [lambda server: pb_grpc.add_IdentityServiceServicer_to_server(servicer, server)]


def _pages(env: Environment) -> Mapping[str, Page]:
    from identity.store import KeyStore
    from identity.tokens import Published

    def read() -> list[SigningKey]:
        with env.db.read() as connection:
            return KeyStore(connection).all()

    return {"/.well-known/jwks.json": Published(read, system_clock)}


def _ensure_key(env: Environment, signer: Signer) -> None:
    """A new instance signs from its first start on."""
    from identity import usecases
    from identity.store import KeyStore

    with env.db.begin() as tx:
        usecases.ensure_key(KeyStore(tx), _make_key(signer), real=system_clock())


def _make_key(signer: Signer) -> Callable[[datetime], SigningKey]:
    return lambda active_from: signer.make(
        str(ids.new_id()), at=system_clock(), active_from=active_from
    )


def _rotate_keys(env: Environment, rest: Sequence[str]) -> None:
    from identity import usecases
    from identity.domain import LEAD
    from identity.store import KeyStore
    from identity.tokens import Signer

    parser = argparse.ArgumentParser(prog="python -m identity rotate-keys")
    parser.add_argument(
        "--lead-seconds",
        type=int,
        default=int(LEAD.total_seconds()),
        help="how long the new key is published before it signs",
    )
    lead = timedelta(seconds=max(0, parser.parse_args(rest).lead_seconds))
    signer = Signer(env.settings.key_secret)
    with env.db.begin() as tx:
        key = usecases.rotate_key(KeyStore(tx), _make_key(signer), real=system_clock(), lead=lead)
    print(f"新密钥 new key {key.id}, 启用于 signs from {key.active_from.isoformat()}")


def _seal_keys_again(env: Environment, _: Sequence[str]) -> None:
    """Seal the private halves with the first line of KAIGONG_KEY_SECRET; it opens with any."""
    from identity import usecases
    from identity.store import KeyStore
    from identity.tokens import Signer

    with env.db.begin() as tx:
        usecases.seal_keys_again(KeyStore(tx), Signer(env.settings.key_secret).seal_again)


def _first_admin(env: Environment, rest: Sequence[str]) -> None:
    from chassis.errors import DomainError
    from identity import usecases
    from identity.passwords import Passwords
    from identity.store import AccountStore

    parser = argparse.ArgumentParser(prog="python -m identity first-admin")
    parser.add_argument("--username", required=True)
    parser.add_argument("--name", default="系统管理员")
    parser.add_argument("--region", default=env.settings.instance)
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the initial password from stdin instead of making one up",
    )
    chosen = parser.parse_args(rest)
    password = (
        sys.stdin.readline().rstrip("\n") if chosen.password_stdin else secrets.token_urlsafe(12)
    )
    try:
        with env.db.begin() as tx:
            usecases.first_administrator(
                AccountStore(tx),
                Passwords(),
                account_id=ids.new_id(),
                username=chosen.username.strip().casefold(),
                name=chosen.name,
                region=chosen.region,
                password=password,
                now=env.now(),
            )
    except DomainError as error:
        raise SystemExit(f"{error.message_zh}\n{error.message_en}") from None
    print(f"管理员 administrator: {chosen.username}")
    if not chosen.password_stdin:
        print(f"初始密码 initial password: {password}")
    print("首次登录时须修改密码 the password must be changed at the first sign-in")


def _load_demo(env: Environment, rest: Sequence[str]) -> None:
    from identity import load
    from identity.passwords import Passwords
    from identity.store import AccountStore, CompanyStore

    with env.db.begin() as tx:
        opened = load.load_demo(AccountStore(tx), CompanyStore(tx), Passwords(), now=env.now())
    print(f"演示账号 demonstration accounts opened: {opened}")


SERVICE = service.Service(
    name="identity",
    metadata=_metadata,
    servicers=_servicers,
    worker=_worker,
    pages=_pages,
    tasks={
        "first-admin": _first_admin,
        "load-demo": _load_demo,
        "rotate-keys": _rotate_keys,
        "seal-keys-again": _seal_keys_again,
    },
)

if __name__ == "__main__":
    service.main(SERVICE)
