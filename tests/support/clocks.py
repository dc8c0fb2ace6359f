"""Cases, projects and calendars as other services publish them, for the tests of who follows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml

from chassis.calendar import SHANGHAI, Calendar, Pause, read_calendar
from chassis.events import instant

SEED = Path(__file__).parents[2] / "services/approval_tracking/data/calendar.yaml"


@cache
def published_calendar() -> dict[str, Any]:
    """Return the data of `calendar_published.v1`, from the calendar that approval_tracking ships."""
    years = yaml.safe_load(SEED.read_text(encoding="utf-8"))["years"]
    return {
        "version": "2026-11",
        "years": [
            {
                "year": year["year"],
                "official": year["status"] == "official",
                "notice": "",
                "days": [
                    *({"day": d["date"], "working": False, "name": ""} for d in year["holidays"]),
                    *(
                        {"day": d["date"], "working": True, "name": ""}
                        for d in year["makeup_workdays"]
                    ),
                ],
            }
            for year in years
        ],
        "morning_opens": "09:00",
        "morning_closes": "12:00",
        "afternoon_opens": "13:30",
        "afternoon_closes": "17:30",
    }


@cache
def calendar() -> Calendar:
    return read_calendar(published_calendar())


def at(text: str) -> datetime:
    """Return the instant of a local time: `2026-10-19 00:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def happening(kind: str, on: str, clock: str = "10:00", **more: Any) -> dict[str, Any]:
    moment = datetime.combine(date.fromisoformat(on), time.fromisoformat(clock), SHANGHAI)
    blank = {"by": "", "reason": "", "basis": "", "expected_end": "", "days": 0}
    return {"kind": kind, "on": on, "at": instant(moment), **blank, **more}


def case_state(
    *,
    case_id: UUID | None = None,
    version: int = 1,
    status: str = "in_review",
    accepted: str = "2026-10-08",
    committed_days: int = 10,
    statutory_days: int = 20,
    pauses: tuple[Pause, ...] = (),
    happenings: list[dict[str, Any]] | None = None,
    decided: datetime | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a case in working days, its dates counted by the calendar as the law counts them."""
    days, started = calendar(), date.fromisoformat(accepted)
    mark = ceil(committed_days * 0.8) if committed_days > 3 else max(1, committed_days - 1)
    running = status == "in_review"
    received = happening("received", accepted, "09:00")
    return {
        "case_id": str(case_id or uuid4()),
        "version": version,
        "project_id": str(UUID(int=7)),
        "project_name": "示例高性能复合材料项目",
        "item_code": "S2-02",
        "item_name": "企业投资项目备案",
        "stage": "S2",
        "status": status,
        "outcome": "approved" if decided else "",
        "org": "321181:发改",
        "org_name": "丹阳市发展和改革委员会",
        "region_path": "321100/321181/321181113",
        "level": "市级",
        "uscc": "91321181000000027K",
        "agents": ["b1"],
        "duty_bearer": "authority",
        "clock": {
            "clock_start": "acceptance",
            "running": running,
            "statutory_days": statutory_days,
            "statutory_unit": "working",
            "committed_days": committed_days,
            "committed_unit": "working",
            "statutory_due": days.due_working(started, statutory_days, pauses).isoformat(),
            "committed_due": days.due_working(started, committed_days, pauses).isoformat(),
            "notice_due": days.due_working(started, 5).isoformat(),
            "started_on": accepted,
            "provisional": False,
            "happenings": happenings
            if happenings is not None
            else [received, happening("accepted", accepted)],
            "calendar_version": "2026-11",
            "yellow_on": days.due_working(started, mark, pauses).isoformat() if running else "",
        },
        "received_at": received["at"],
        "decided_at": instant(decided) if decided else "",
        "mode": "single",
        "historical": False,
        **more,
    }


def project_state(
    *, project_id: UUID | None = None, version: int = 1, **more: Any
) -> dict[str, Any]:
    return {
        "project_id": str(project_id or UUID(int=7)),
        "version": version,
        "name": "示例高性能复合材料项目",
        "code": "",
        "year": 2026,
        "level": "市级",
        "region_path": "321100/321181/321181113",
        "uscc": "91321181000000027K",
        "sign_date": "2026-03-09",
        "planned_start": "2026-12-15",
        "actual_start": "",
        "agents": ["b1"],
        "stage": "S4",
        "status": "active",
        "pool": "filed",
        "historical": False,
        **more,
    }
