"""Notifications over gRPC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.paging import page
from chassis.rpc import Call, command, query, read_uuid, to_timestamp
from warning_dispatch import queries
from warning_dispatch.domain import NotificationNotFound
from warning_dispatch.edge.shared import (
    Shared,
    text_of,
    token_of,
)
from warning_dispatch.edge.words import value_of
from warning_dispatch.store import Ledger

Row = sa.Row[Any]


class Notices(Shared):
    @query
    def ListNotifications(
        self, request: pb.ListNotificationsRequest, call: Call
    ) -> pb.ListNotificationsResponse:
        wanted = page(request, width=2)
        rows = queries.list_notifications(
            call.tx, call.scope, call.principal, wanted, unread=request.unread
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        return pb.ListNotificationsResponse(
            notifications=[_notification(row, row.read_at) for row in rows],
            next_page_token=token_of(rows, "at") if more else "",
            unread_count=queries.count_unread(call.tx, call.scope, call.principal),
        )

    @command
    def ReadNotification(
        self, request: pb.ReadNotificationRequest, call: Call
    ) -> pb.ReadNotificationResponse:
        notification_id = read_uuid("notification_id", request.notification_id)
        row = queries.find_notification(call.tx, call.scope, call.principal, notification_id)
        if row is None:
            raise NotificationNotFound(notification_id=notification_id, field="notification_id")
        account = call.principal.account_id
        Ledger(call.tx).notices.mark_read(notification_id, account=account, at=call.now)
        call.audit(subject_type="notification", subject_id=notification_id)
        return pb.ReadNotificationResponse(notification=_notification(row, row.read_at or call.now))


def _notification(row: Row, read_at: datetime | None) -> pb.Notification:
    return pb.Notification(
        notification_id=str(row.id),
        kind=row.kind,
        title_zh=row.title_zh,
        title_en=row.title_en,
        body_zh=row.body_zh,
        body_en=row.body_en,
        card_id=text_of(row.card_id),
        order_id=text_of(row.order_id),
        project_id=text_of(row.project_id),
        colour=value_of(pb.Colour, row.colour),
        at=to_timestamp(row.at),
        read_at=to_timestamp(read_at),
    )
