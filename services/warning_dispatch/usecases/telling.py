"""Tell people outside the platform: queue what is for them, send what is due, keep the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

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


def queue_deliveries(ledger: Ledger, notice: sa.Row[Any], occasion: Occasion) -> list[str]:
    """Queue what a notification is to be sent as; return the accounts that it goes to by name.

    What is for a body reaches its contact 对接人, B while A is away; a body without contacts is
    told as a whole. Whoever is away has his deputy told.
    """
    today = local_day(occasion.now)
    contacts = _contacts_on_duty(ledger, notice.orgs, today)
    told = ledger.deliveries.wishes_of_audience(
        notice,
        accounts=[*notice.accounts, *contacts.values()],
        orgs=[each for each in notice.orgs if each not in contacts],
    )
    wishes = {each.account: each for each in told}
    standing_in = [each.deputy for each in wishes.values() if each.is_away(today)]
    for deputy in standing_in:
        wishes.setdefault(deputy, ledger.deliveries.preferences_of(deputy))
    rows = [
        {
            "id": occasion.new_id(),
            "notification_id": notice.id,
            "account": each.account,
            "channel": channel,
            "address": address,
            "status": "waiting",
            "digest": each.digest and each.when(occasion.now, notice.colour) > occasion.now,
            "attempts": 0,
            "next_at": each.when(occasion.now, notice.colour),
            "queued_at": occasion.now,
            "error": "",
        }
        for each in wishes.values()
        if each.wants(notice.colour)
        for channel, address in each.addresses.items()
    ]
    ledger.deliveries.queue(rows)
    named = dict.fromkeys([*contacts.values(), *standing_in])
    new = [each for each in named if each not in notice.accounts]
    if new:
        ledger.deliveries.add_to_audience(notice.id, new)
    return new


def _contacts_on_duty(ledger: Ledger, bodies: Sequence[str], today: date) -> dict[str, str]:
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
