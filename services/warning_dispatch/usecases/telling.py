"""Tell people outside the platform: queue what is for them, send what is due, keep the record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.calendar import local_day
from warning_dispatch.domain.people import CONTACT_A, CONTACT_B, on_duty
from warning_dispatch.domain.telling import (
    ChannelUnknown,
    DeputyUnknown,
    Letter,
    Preferences,
    letter_of,
    wait_after,
)
from warning_dispatch.store import Ledger
from warning_dispatch.store.deliveries import Waiting
from warning_dispatch.usecases.occasion import Occasion


def set_preferences(
    ledger: Ledger,
    account: str,
    *,
    addresses: Mapping[str, str],
    known: frozenset[str],
    deputy: str,
    away_from: date | None,
    away_to: date | None,
    **more: Any,
) -> Preferences:
    """Keep what a person wants; `deputy` is a username, `known` the instance's channels."""
    for channel in addresses:
        if channel not in known:
            raise ChannelUnknown(
                channel=channel, known=", ".join(sorted(known)) or "-", field="addresses"
            )
    person = ledger.deliveries.find_person(deputy) if deputy else None
    if deputy and person is None:
        raise DeputyUnknown(deputy=deputy, field="deputy")
    wanted = Preferences(
        account=account,
        addresses={name: address for name, address in addresses.items() if address},
        deputy=person.account if person else "",
        away_from=away_from,
        away_to=away_to,
        **more,
    )
    ledger.deliveries.save_preferences(wanted)
    return wanted


def queue_deliveries(
    ledger: Ledger, notices: Sequence[sa.Row[Any]], occasion: Occasion
) -> dict[UUID, list[str]]:
    """Queue what notifications are to be sent as; return the accounts each goes to by name.

    What is for a body reaches its contact 对接人, B while A is away; a body without contacts is
    told as a whole. Whoever is away has his deputy told.
    """
    today = local_day(occasion.now)
    contacts = _contacts_on_duty(ledger, {org for each in notices for org in each.orgs}, today)
    of_bodies = {
        each.id: [contacts[org] for org in each.orgs if org in contacts] for each in notices
    }
    told = ledger.deliveries.wishes_of_audiences(
        {
            "id": each.id,
            "accounts": [*each.accounts, *of_bodies[each.id]],
            "orgs": [org for org in each.orgs if org not in contacts],
            "uscc": each.uscc,
            "roles": each.roles,
            "region_path": each.region_path,
        }
        for each in notices
    )
    away = {each.deputy for wishes in told.values() for each in wishes if each.is_away(today)}
    of_deputies = ledger.deliveries.wishes_of(away)
    rows: list[dict[str, Any]] = []
    named: dict[UUID, list[str]] = {}
    for notice in notices:
        wishes = {each.account: each for each in told.get(notice.id, ())}
        standing_in = [each.deputy for each in wishes.values() if each.is_away(today)]
        for deputy in standing_in:
            wishes.setdefault(deputy, of_deputies[deputy])
        rows += _deliveries(notice, wishes.values(), occasion)
        by_name = dict.fromkeys([*of_bodies[notice.id], *standing_in])
        if new := [each for each in by_name if each not in notice.accounts]:
            named[notice.id] = new
    ledger.deliveries.queue(rows)
    ledger.deliveries.add_to_audiences(named)
    return named


def _deliveries(
    notice: sa.Row[Any], wishes: Iterable[Preferences], occasion: Occasion
) -> Iterator[dict[str, Any]]:
    for each in wishes:
        if not each.wants(notice.colour):
            continue
        when = each.when(occasion.now, notice.colour)
        for channel, address in each.addresses.items():
            yield {
                "id": occasion.new_id(),
                "notification_id": notice.id,
                "account": each.account,
                "channel": channel,
                "address": address,
                "status": "waiting",
                "digest": each.digest and when > occasion.now,
                "attempts": 0,
                "next_at": when,
                "queued_at": occasion.now,
                "error": "",
            }


def _contacts_on_duty(ledger: Ledger, bodies: Collection[str], today: date) -> dict[str, str]:
    """Return who answers for each of these bodies today, where somebody is on record."""
    contacts = ledger.people.contacts_of(bodies) if bodies else {}
    away = ledger.people.away([each for pair in contacts.values() for each in pair.values()], today)
    return {
        body: on_duty(pair.get(CONTACT_A, ""), pair.get(CONTACT_B, ""), away)
        for body, pair in contacts.items()
    }


def letter_for(waiting: Waiting, *, link: str) -> Letter:
    return letter_of(waiting.notices, channel=waiting.channel, address=waiting.address, link=link)


def note_outcome(ledger: Ledger, waiting: Waiting, wrong: str, occasion: Occasion) -> None:
    if not wrong:
        ledger.deliveries.sent(waiting.ids, at=occasion.now)
        return
    wait = wait_after(waiting.attempts + 1)
    ledger.deliveries.failed(
        waiting.ids, error=wrong, next_at=occasion.now + wait if wait else None
    )
