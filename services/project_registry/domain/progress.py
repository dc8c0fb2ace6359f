"""Where a project stands, derived from how far its items are. Nobody sets it (A10.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from project_registry.domain.reference import Items

DONE = "DONE"
# Before this day the measures were not in force: what was decided then is assessed by nobody (A26.1).
MEASURES_FROM = date(2023, 2, 23)

SIGNED, FILED, STARTED, PRODUCING = "signed", "filed", "started", "producing"
POOLS = (SIGNED, FILED, STARTED, PRODUCING)


@dataclass(frozen=True)
class ItemProgress:
    """How far one applicable item is: not_started, in_progress or done."""

    state: str
    done_on: date | None = None


Progress = Mapping[str, ItemProgress]


def derive_stage(progress: Progress, scheme: str, items: Items) -> str:
    """Return the earliest stage in which something is under way, or DONE when all is decided.

    Stages may cross: an item of S4 decided while S3 is open moves nothing back, and something
    left over in an early stage that nobody has applied for holds nothing up. While nothing is
    under way the project is where the latest decision was, or in the next stage with something
    to do once that one is finished.
    """
    stages, stage_of = list(items.schemes[scheme]), items.stage_of[scheme]
    known = {code: each for code, each in progress.items() if code in stage_of}
    if not known:
        return stages[0]
    unfinished = {stage_of[code] for code, each in known.items() if each.state != "done"}
    if not unfinished:
        return DONE
    under_way = {stage_of[code] for code, each in known.items() if each.state == "in_progress"}
    if under_way:
        return min(under_way, key=stages.index)
    decided = [
        (each.done_on or date.min, stages.index(stage_of[code]))
        for code, each in known.items()
        if each.state == "done"
    ]
    reached = max(decided)[1] if decided else 0
    later = [stage for stage in stages[reached:] if stage in unfinished]
    return later[0] if later else min(unfinished, key=stages.index)


def derive_pool(progress: Progress, *, signed: bool, started: bool, items: Items) -> str:
    """Return the furthest of the four pools that a project has reached, empty before the first.

    Producing: at least one item that gates production (M7) applies, and all that apply are
    decided. Started: the actual start is recorded. Filed: a filing (or the approval in its
    place) is decided. Signed: the day of signing is known.
    """
    gates = [each for code, each in progress.items() if code in items.production_gates]
    if gates and all(each.state == "done" for each in gates):
        return PRODUCING
    if started:
        return STARTED
    if any(progress[code].state == "done" for code in items.filing if code in progress):
        return FILED
    return SIGNED if signed else ""


def ended_before_the_measures(progress: Progress) -> bool:
    """Say whether everything was decided before the measures took effect."""
    return bool(progress) and all(
        each.state == "done" and each.done_on is not None and each.done_on < MEASURES_FROM
        for each in progress.values()
    )
