"""Items of the catalogue as answers tell of them."""

from __future__ import annotations

from collections.abc import Mapping

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking.domain.catalogue import Item, Limit
from approval_tracking.store import Reference
from chassis.calendar import local_day
from chassis.rpc import Call

UNITS = {"working": pb.DAY_UNIT_WORKING, "calendar": pb.DAY_UNIT_CALENDAR}


def promises_in(reference: Reference, region: str, call: Call) -> Mapping[str, Limit]:
    """Return what is in force in a region, per item: its own promise before the city's."""
    city = call.principal.region_path.split("/")[0] or f"{region[:4]}00"
    promises = reference.promises({city, region or city}, today=local_day(call.now))
    found = {code: limit for (where, code), limit in promises.items() if where == city}
    found.update({code: limit for (where, code), limit in promises.items() if where == region})
    return found


def tell_item(item: Item, stages: Mapping[str, str], promises: Mapping[str, Limit]) -> pb.Item:
    return pb.Item(
        code=item.code,
        name=item.name,
        name_en=item.name_en,
        stage=item.stage,
        stage_name=stages.get(item.stage, ""),
        department=item.department,
        tiers=item.tiers,
        kind=item.kind,
        duty_bearer=item.duty_bearer,
        clock_start=item.clock_start,
        limit_kind=item.limit_kind,
        statutory=tell_limit(item.statutory),
        committed=tell_limit(promises.get(item.code, item.committed)),
        extension_days=item.extension_days,
        legal_basis=item.legal_basis,
        prerequisites=item.prerequisites,
        parallel_group=item.parallel_group,
        applies_when=item.applies_when,
        applies_rule=item.applies_rule,
        result_document=item.result_document,
        commitment_allowed=item.commitment_allowed,
    )


def tell_guide(item: Item, stages: Mapping[str, str], promises: Mapping[str, Limit]) -> pb.Guide:
    return pb.Guide(
        item=tell_item(item, stages, promises),
        core_materials=item.core_materials,
        deferrable_materials=item.deferrable_materials,
        notice_rule=tell_notice_rule(item),
        special_procedures=tell_procedures(item),
        limit_variants=[
            pb.LimitVariant(rule=each.rule, limit=tell_limit(each.limit), note=each.note)
            for each in item.variants
        ],
        note=item.note,
    )


def tell_notice_rule(item: Item) -> pb.NoticeRule | None:
    notice = item.notice_rule
    if notice is None:
        return None
    return pb.NoticeRule(
        days=notice.days,
        unit=UNITS[notice.unit],
        on_expiry=notice.on_expiry,
        basis=notice.basis,
    )


def tell_procedures(item: Item) -> list[pb.SpecialProcedure]:
    return [
        pb.SpecialProcedure(
            name=each.name,
            max_days=each.max_days or 0,
            unit=UNITS.get(each.unit, pb.DAY_UNIT_UNSPECIFIED),
            stops_clock=each.stops_clock,
            basis=each.legal_basis or each.basis,
        )
        for each in item.procedures
    ]


def tell_limit(limit: Limit) -> pb.Limit:
    if limit.days is None:
        return pb.Limit()
    return pb.Limit(days=f"{limit.days.normalize():f}", unit=UNITS[limit.unit])
