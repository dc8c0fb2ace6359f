"""Every secret of a running instance made anew while people work: `make rotate SECRET=…`.

Processes read a secret's file again with each connection that they make, and replace those made
with an older one (chassis.settings, chassis.db): so a rotation makes the server know the new
secret, writes it down, and ends what still goes by the old one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg
import redis
from psycopg import sql

from chassis.links.broker import Broker
from instance.options import SERVICES
from instance.plan import Plan
from instance.said import Trouble

# In seconds: a call that has read a key of keys is over by then; a sign-on through the province's
# platform comes back with a note of ours within ten minutes.
_CALL, _SIGN_ON = 5, 610
# No statement of ours lasts longer than a minute.
_PATIENCE = 90.0
# A connection that was taken from its pool begins to work at once: one that is idle lies there, and
# is made anew before it is used.
_END_IDLE = """
    select pg_terminate_backend(pid) from pg_stat_activity where usename = any(%(roles)s)
    and backend_start < %(before)s and state = 'idle' and state_change < now() - interval '2 s'"""
_LEFT = """
    select count(*) from pg_stat_activity where usename = any(%(roles)s)
    and backend_start < %(before)s"""


@dataclass
class Rotation:
    """The secrets of one instance; those of servers that were there before are their owners'.

    `service` runs a command of a service, `link` makes new addresses for the children or joins
    by one from the parent; both return an exit code. `signs_on` says whether people come through
    the unified sign-on.
    """

    plan: Plan
    signs_on: bool
    service: Callable[..., int]
    link: Callable[[], int]

    def by_name(self) -> dict[str, Callable[[], None]]:
        """Return what renews each secret; the links last, since their other end must know."""
        return {
            "seal": self._seal,
            "key-secret": self._key_secret,
            "signing-key": lambda: self._done(self.service("identity", "rotate-keys")),
            **({"redis": self._redis} if self.plan.redis else {}),
            **({"broker": self._broker} if self.plan.rabbit else {}),
            "database": self._database,
            # Who is connected stays so until the other end has the new address.
            "links": lambda: self._done(self.link()),
        }

    def _database(self) -> None:
        """One transaction for all roles: who reads the new address before it ends tries again."""
        services = {each: secrets.token_hex(16) for each in SERVICES}
        own = {"postgres": secrets.token_hex(16)} if self.plan.postgres else {}
        address = self.plan.admin_url
        with self._kept(databases=services, **own), psycopg.connect(address) as admin:
            row = admin.execute("select now()").fetchone()
            for role, password in {**services, **own}.items():
                # The server gets no password that a log could show.
                closed = admin.pgconn.encrypt_password(
                    password.encode(), role.encode(), b"scram-sha-256"
                ).decode()
                change = sql.SQL("alter role {} password {}")
                admin.execute(change.format(sql.Identifier(role), closed))
        assert row
        self._end_sessions(row[0])

    def _end_sessions(self, before: datetime) -> None:
        which = {"roles": list(SERVICES), "before": before}
        until = time.monotonic() + _PATIENCE
        with psycopg.connect(self.plan.admin_url, autocommit=True) as admin:
            while left := admin.execute(_LEFT, which).fetchall()[0][0]:
                if time.monotonic() > until:
                    raise Trouble(
                        f"数据库口令已更换, 仍有 {left} 个旧会话未结束",
                        f"the databases' passwords are changed, but {left} older sessions have not ended",
                    )
                admin.execute(_END_IDLE, which)
                time.sleep(0.2)

    def _broker(self) -> None:
        """Open connections would live on: they are closed, and workers come back by the new password."""
        before, password = self._account(), secrets.token_hex(16)
        with self._kept(rabbit=password):
            before.renew(password)
        self._account().cut()

    def _account(self) -> Broker:
        return Broker(amqp_url=self.plan.amqp_url, admin_url=self.plan.amqp_admin_url)

    def _redis(self) -> None:
        """Both passwords hold until all know the new one."""
        old, new = self.plan.secrets.redis, secrets.token_hex(16)
        with redis.Redis.from_url(self.plan.redis_url) as server:
            server.execute_command("ACL", "SETUSER", "default", f">{new}")
            with self._kept(redis=new):
                server.execute_command("ACL", "SETUSER", "default", f"<{old}")
            server.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _key_secret(self) -> None:
        seconds = _SIGN_ON if self.signs_on else _CALL
        self._key_of_keys("key_secret", {"identity": "seal-keys-again"}, seconds)

    def _seal(self) -> None:
        tasks = dict.fromkeys(("approval_tracking", "warning_dispatch"), "renew-seal")
        self._key_of_keys("seal_secret", tasks, _CALL)

    def _key_of_keys(self, name: str, tasks: dict[str, str], seconds: float) -> None:
        """Let the old one open beside the new one until the tasks have closed everything anew."""
        old, new = getattr(self.plan.secrets, name), secrets.token_hex(32)
        self.plan = _renewed(self.plan, **{name: f"{new}\n{old}"})
        for service, task in tasks.items():
            self._done(self.service(service, task))
        time.sleep(seconds)
        self.plan = _renewed(self.plan, **{name: new})

    @contextmanager
    def _kept(self, **new: Any) -> Iterator[None]:
        """Write new secrets down and let a block tell a server; if it fails, the old ones are back."""
        before = self.plan
        self.plan = _renewed(before, **new)
        try:
            yield
        except BaseException:
            self.plan = _renewed(before)
            raise

    def _done(self, code: int) -> None:
        if code:
            raise Trouble(
                "更换失败, 见上文; 可再次运行", "not renewed, see above; it may be run again"
            )


def _renewed(plan: Plan, **new: Any) -> Plan:
    made = Plan(plan.options, replace(plan.secrets, **new))
    made.keep_secrets()
    return made
