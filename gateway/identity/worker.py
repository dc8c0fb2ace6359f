"""The AMQP edge of identity: it listens to nobody, tells what turns by itself, and forgets."""

from __future__ import annotations

from chassis.clock import Clock, system_clock
from chassis.db import Database
from chassis.worker import Injected, every
from identity import usecases
from identity.store import AccountStore, KeyStore, SessionStore

_ACCOUNTS_AT_ONCE = 50


class Worker:
    name = "identity"

    db: Database = Injected("db")
    now: Clock = Injected("now")

    @every(seconds=5)
    def sweep_mandates(self) -> None:
        told = _ACCOUNTS_AT_ONCE
        while told == _ACCOUNTS_AT_ONCE:
            with self.db.begin() as tx:
                told = usecases.tell_turned_mandates(
                    AccountStore(tx), now=self.now(), limit=_ACCOUNTS_AT_ONCE
                )

    @every(seconds=600)
    def forget(self) -> None:
        with self.db.begin() as tx:
            usecases.forget_old(SessionStore(tx), KeyStore(tx), real=system_clock())
