"""How dispatch records 调度记录 and measures 措施 are read and written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.calendar import local_day
from chassis.rpc import read_date, to_timestamp
from warning_dispatch.domain import body_name
from warning_dispatch.domain.events import DispatchRecord, EscalationMeasure
from warning_dispatch.edge.words import name_of, value_of


def read_details(request: pb.RecordTriedRequest) -> DispatchRecord:
    return DispatchRecord(
        kind=name_of(pb.RecordKind, request.kind),
        participants=tuple(request.participants),
        conclusion=request.conclusion,
        responsible=request.responsible,
        responsible_name=body_name(request.responsible) if request.responsible else "",
        in_charge=request.in_charge,
        due_on=read_date("due_on", request.due_on) if request.due_on else None,
        order="",
    )


def tell_details(details: DispatchRecord) -> dict[str, Any]:
    """Return the fields of a record on the wire."""
    return {
        "kind": value_of(pb.RecordKind, details.kind),
        "participants": details.participants,
        "participant_names": [body_name(each) for each in details.participants],
        "conclusion": details.conclusion,
        "responsible": details.responsible,
        "responsible_name": details.responsible_name,
        "in_charge": details.in_charge,
        "due_on": details.due_on.isoformat() if details.due_on else "",
        "order_id": details.order,
    }


def tell_measure(measure: EscalationMeasure, now: datetime) -> pb.Measure:
    return pb.Measure(
        number=measure.number,
        text=measure.text,
        org=measure.org,
        org_name=measure.org_name,
        due_on=measure.due_on.isoformat(),
        planned_at=to_timestamp(measure.at),
        planned_by_name=measure.by_name,
        done_on=measure.done_on.isoformat() if measure.done_on else "",
        result=measure.result,
        overdue=measure.done_on is None and measure.due_on < local_day(now),
    )
