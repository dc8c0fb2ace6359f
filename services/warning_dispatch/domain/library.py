"""问题库, the library of problems: each matter has a class, a body that leads, measures, and is struck off.

Measures article 14. The class is one of the eight causes by which orders are answered, so that what
holds projects up can be counted. None of this is among the words that a leader signs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from chassis.calendar import local_day
from chassis.errors import FailedPrecondition, InvalidArgument, NotFound
from warning_dispatch.domain.escalations import Escalation
from warning_dispatch.domain.events import DispatchRecord, EscalationMeasure
from warning_dispatch.domain.steps import Actor

CAUSES_ZH = {
    "enterprise": "企业材料",
    "department": "部门办理",
    "intermediary": "中介",
    "utility": "市政公用",
    "policy": "政策",
    "resources": "要素",
    "superior": "上级",
    "force_majeure": "不可抗力",
}
RECORDS_ZH = {"meeting": "会议", "on_site": "现场办公", "talk": "约谈会商"}


class ClassMissing(FailedPrecondition):
    zh = "问题 {number} 尚未分类, 不能销号"
    en = "matter {number} has no class yet, it cannot be struck off"


class MeasureMissing(NotFound):
    zh = "问题 {number} 没有第 {place} 项措施"
    en = "matter {number} has no measure {place}"


class MeasureDone(FailedPrecondition):
    zh = "第 {place} 项措施已完成"
    en = "measure {place} was done before"


class MeasuresOpen(FailedPrecondition):
    zh = "问题 {number} 尚有 {count} 项措施未完成, 不能销号"
    en = "matter {number} has {count} measures that are not done, it cannot be struck off"


class DueInPast(InvalidArgument):
    zh = "期限不能早于今天"
    en = "a due day is not before today"


def classify(
    matter: Escalation,
    by: Actor,
    *,
    cause: str,
    lead_org: str,
    lead_org_name: str,
    at: datetime,
) -> None:
    """Say what class it is of and who leads; empty leaves what was said before."""
    matter.cause = cause or matter.cause
    if lead_org:
        matter.lead_org, matter.lead_org_name = lead_org, lead_org_name
    said = f"{CAUSES_ZH.get(matter.cause, '')} {matter.lead_org_name}"
    matter.note("classified", by, at, said.strip())


def plan_measure(
    matter: Escalation,
    by: Actor,
    *,
    text: str,
    org: str,
    org_name: str,
    due_on: date,
    at: datetime,
) -> None:
    if due_on < local_day(at):
        raise DueInPast(field="due_on")
    number = len(matter.measures) + 1
    made = EscalationMeasure(number, text, org, org_name, due_on, at, by.account, by.name)
    matter.measures = (*matter.measures, made)
    matter.note("measure_planned", by, at, f"{number}. {text} ({org_name} {due_on})")


def finish_measure(matter: Escalation, by: Actor, place: int, *, result: str, at: datetime) -> None:
    if not 0 < place <= len(matter.measures):
        raise MeasureMissing(number=matter.number, place=place, field="measure")
    before = matter.measures[place - 1]
    if before.done_on:
        raise MeasureDone(place=place)
    done = replace(before, done_on=local_day(at), result=result)
    matter.measures = (*matter.measures[: place - 1], done, *matter.measures[place:])
    matter.note("measure_done", by, at, f"{place}. {result}")


def strike_off(matter: Escalation, by: Actor, *, conclusion: str, cause: str, at: datetime) -> None:
    """销号: what has a class and no measure left to do is over, with a conclusion."""
    left = sum(each.done_on is None for each in matter.measures)
    if left:
        raise MeasuresOpen(number=matter.number, count=left)
    if not (cause or matter.cause):
        raise ClassMissing(number=matter.number, field="cause")
    matter.cause = cause or matter.cause
    matter.close(by, conclusion=conclusion, at=at)


def check_record(record: DispatchRecord, at: datetime) -> None:
    if record.due_on and record.due_on < local_day(at):
        raise DueInPast(field="due_on")


def next_measure(matter: Escalation) -> date | None:
    """Return the day on which the next measure that is not done falls due."""
    return min((each.due_on for each in matter.measures if each.done_on is None), default=None)
