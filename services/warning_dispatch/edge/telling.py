"""What a person wants to be told outside the platform, over gRPC."""

from __future__ import annotations

from datetime import date, time

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, to_timestamp
from warning_dispatch import queries, usecases
from warning_dispatch.domain.telling import Preferences
from warning_dispatch.edge.shared import Shared
from warning_dispatch.edge.words import name_of, value_of
from warning_dispatch.store import Ledger


class Telling(Shared):
    _channels: frozenset[str]

    @query
    def GetNotificationSettings(
        self, request: pb.GetNotificationSettingsRequest, call: Call
    ) -> pb.GetNotificationSettingsResponse:
        ledger = Ledger(call.tx)
        wanted = ledger.deliveries.preferences_of(call.principal.account_id)
        return pb.GetNotificationSettingsResponse(
            settings=_settings(wanted, ledger), channels=sorted(self._channels)
        )

    @command
    def SetNotificationSettings(
        self, request: pb.SetNotificationSettingsRequest, call: Call
    ) -> pb.SetNotificationSettingsResponse:
        asked, ledger = request.settings, Ledger(call.tx)
        wanted = usecases.set_preferences(
            ledger,
            call.principal.account_id,
            addresses=dict(asked.addresses),
            known=self._channels,
            from_colour=name_of(pb.Colour, asked.from_colour) or "yellow",
            quiet_from=time.fromisoformat(asked.quiet_from or "00:00"),
            quiet_to=time.fromisoformat(asked.quiet_to or "00:00"),
            digest=asked.digest,
            deputy=asked.deputy,
            away_from=_day("settings.away_from", asked.away_from),
            away_to=_day("settings.away_to", asked.away_to),
        )
        call.audit(subject_type="settings", subject_id=call.principal.account_id)
        return pb.SetNotificationSettingsResponse(settings=_settings(wanted, ledger))

    @query
    def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, call: Call
    ) -> pb.ListDeliveriesResponse:
        wanted = page(request, width=2)
        rows = queries.list_deliveries(call.tx, call.principal.account_id, wanted)
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        last = rows[-1] if more else None
        return pb.ListDeliveriesResponse(
            deliveries=[
                pb.Delivery(
                    delivery_id=str(row.id),
                    notification_id=str(row.notification_id),
                    title_zh=row.title_zh,
                    channel=row.channel,
                    address=row.address,
                    status=value_of(pb.DeliveryStatus, row.status),
                    attempts=row.attempts,
                    queued_at=to_timestamp(row.queued_at),
                    next_at=to_timestamp(row.next_at),
                    sent_at=to_timestamp(row.sent_at),
                    error=row.error,
                )
                for row in rows
            ],
            next_page_token=token_after(instant(last.queued_at), str(last.id)) if last else "",
        )


def _settings(wanted: Preferences, ledger: Ledger) -> pb.NotificationSettings:
    return pb.NotificationSettings(
        addresses=dict(wanted.addresses),
        from_colour=value_of(pb.Colour, wanted.from_colour),
        quiet_from=f"{wanted.quiet_from:%H:%M}",
        quiet_to=f"{wanted.quiet_to:%H:%M}",
        digest=wanted.digest,
        deputy=ledger.deliveries.username_of(wanted.deputy) if wanted.deputy else "",
        away_from=wanted.away_from.isoformat() if wanted.away_from else "",
        away_to=wanted.away_to.isoformat() if wanted.away_to else "",
    )


def _day(name: str, text: str) -> date | None:
    return read_date(name, text) if text else None
