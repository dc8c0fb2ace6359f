"""Every card that should exist, counted from the facts alone: plain, day by day, with code of its own.

Nothing of warning_dispatch's rules and of the chassis's calendar is used. A subject is what its facts
said, each from its moment until the next. A card is due at a moment that those words define; it is
raised when that moment comes, or has come, while the words still stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from chassis.events import Envelope
from support.year.days import ONE, ZONE, after, at, day_of, left, night, works

UNDECIDED = ("received", "supplementing", "in_review", "suspended")
Identity = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Due:
    """One card as a subject's words define it: rule, colour, period and moment."""

    rule: str
    colour: str
    period: str
    moment: datetime


@dataclass(frozen=True)
class Word:
    """What was said of a subject, and since when."""

    since: datetime
    state: Mapping[str, Any]


def recount(facts: Sequence[Envelope], end: datetime) -> dict[Identity, set[datetime]]:
    """Return the moments of every card that should exist by `end`, by its identity."""
    found: dict[Identity, set[datetime]] = defaultdict(set)
    for subject_type, subject_id, words, dues in _subjects(facts):
        for number, word in enumerate(words):
            until = words[number + 1].since if number + 1 < len(words) else end
            for due in dues(word):
                if max(due.moment, word.since) < until:
                    identity = (due.rule, subject_type, subject_id, due.colour, due.period)
                    found[identity].add(due.moment)
    return found


def _subjects(facts: Sequence[Envelope]) -> Iterator[tuple[str, str, list[Word], Any]]:
    said: dict[tuple[str, str], list[Word]] = defaultdict(list)
    for fact in facts:
        for kind, key, state in _said_by(fact):
            said[kind, key].append(Word(fact.time, state))
    projects = {key: words for (kind, key), words in said.items() if kind == "project"}
    for (kind, key), words in said.items():
        if kind == "case":
            yield "case", key, words, _case
        elif kind == "project":
            yield "project", key, _known(words), _project
            yield "log", key, _logged(words, said.get(("log", key), [])), _log
        elif kind == "plan":
            yield "plan", key, _with_projects(_planned(words), projects.get(key, [])), _plan
        elif kind in ("theme", "licence", "investment"):
            project = str(words[0].state["project_id"])
            dues = {"theme": _theme, "licence": _licence, "investment": _investment}[kind]
            yield kind, key, _with_projects(words, projects.get(project, [])), dues
        elif kind == "rating":
            yield "rating", key, words, _rating
        elif kind == "order":
            yield "work_order", key, words, _order
        elif kind == "matter":
            yield "escalation", key, words, _matter


def _said_by(fact: Envelope) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    data = fact.data
    if fact.type.startswith("case_") and "case" in data:
        yield "case", data["case"]["case_id"], data["case"]
    elif fact.type in ("project_registered.v1", "project_changed.v1"):
        yield "project", data["project"]["project_id"], data["project"]
    elif fact.type == "log_filed.v1":
        yield "log", data["project_id"], data
    elif fact.type == "plan_baselined.v1":
        yield "plan", data["project_id"], data
    elif fact.type == "application_changed.v1":
        yield "theme", data["application"]["application_id"], data["application"]
    elif fact.type == "licence_changed.v1":
        yield "licence", data["licence_id"], data
    elif fact.type == "service_rated.v1":
        yield "rating", data["rating_id"], data
    elif fact.type == "investment_reported.v1":
        yield "investment", data["project_id"], data
    elif fact.type.startswith("work_order_"):
        yield "order", data["order"]["order_id"], data["order"]
    elif fact.type == "escalation_moved.v1":
        yield "matter", data["escalation"]["escalation_id"], data["escalation"]


# --- cases: W-01 to W-07 ------------------------------------------------------------------------


def _case(word: Word) -> Iterator[Due]:
    case = word.state
    clock, happenings = case["clock"], case["clock"]["happenings"]

    def count(kind: str) -> int:
        return sum(each["kind"] == kind for each in happenings)

    def last(*kinds: str) -> Mapping[str, Any] | None:
        return next((each for each in reversed(happenings) if each["kind"] in kinds), None)

    undecided, started = case["status"] in UNDECIDED, _day(clock["started_on"])
    still = case["status"] == "suspended" or (case["status"] == "supplementing" and started)
    promised, law = _day(clock["committed_due"]), _day(clock["statutory_due"])
    term = str(1 + count("extended"))
    if undecided and started and not still:
        marked = _day(clock["yellow_on"])
        if marked:
            yield Due("W-01", "yellow", term, night(marked))
        if promised:
            yield Due("W-01", "red", term, night(after(promised, 1)))
        if law:
            for day in _days(started + ONE, law):
                if works(day) and left(day, law) <= 2:
                    yield Due("W-02", "yellow", term, night(day))
                    break
            yield Due("W-02", "red_statutory", term, night(after(law, 1)))
    received, dealt = (
        last("received", "supplemented"),
        last("supplement_asked", "accepted", "deemed_accepted", "refused"),
    )
    period = str(1 + count("supplemented"))
    notice = _day(clock["notice_due"])
    if undecided and notice and received and not (dealt and _comes(dealt, received, happenings)):
        for day in _days(date.fromisoformat(received["on"]) + ONE, notice):
            if works(day) and left(day, notice) == 1:
                yield Due("W-03", "yellow", period, night(day))
                break
    deemed = last("deemed_accepted")
    if undecided and deemed:
        yield Due("W-03", "red", period, _moment(deemed["at"]))
    handed = last("delivered", "revoked")
    due = _day(clock["delivery_due"])
    if due and not handed:
        yield Due("W-04", "yellow", "delivery", night(after(due, 1)))
        yield Due("W-04", "red", "delivery", night(after(due, 3)))
    paused = last("paused")
    if undecided and paused and not _comes(last("resumed"), paused, happenings):
        number = str(count("paused"))
        if paused["expected_end"]:
            expected = date.fromisoformat(paused["expected_end"])
            yield Due("W-05", "yellow", number, night(after(expected, 1)))
        most = after(date.fromisoformat(paused["on"]), paused["days"] or 30)
        yield Due("W-05", "red", number, night(after(most, 1)))
    if undecided:
        agreed = _day((last("deferred") or {}).get("on"))
        for place, paper in enumerate(case["deferrals"], start=1):
            if not paper["supplied_on"]:
                yield from _before_and_after("W-06", str(place), _day(paper["due_on"]), 3, agreed)
    pledge = case["pledge"] or {}
    check = _day(pledge.get("check_due"))
    if check and not last("pledge_checked", "revoked"):
        yield from _before_and_after("W-07", "1", check, 5)


def _before_and_after(
    rule: str, period: str, due: date | None, days: int, agreed: date | None = None
) -> Iterator[Due]:
    """Yellow on the first working day with so few left, red on the first after it."""
    assert due
    day = due
    while not (works(day) and left(day, due) >= days):
        day -= ONE
    if agreed:
        day = max(day, after(agreed, 1))
    if day <= due:
        yield Due(rule, "yellow", period, night(day))
    yield Due(rule, "red", period, night(after(due, 1)))


def _comes(
    later: Mapping[str, Any] | None, earlier: Mapping[str, Any], order: Sequence[Mapping[str, Any]]
) -> bool:
    return later is not None and order.index(later) > order.index(earlier)


# --- projects and their logs: W-09, W-11, W-16 ------------------------------------------------------


def _active(project: Mapping[str, Any]) -> bool:
    return bool(project["status"] == "active" and project["stage"] != "DONE")


def _started(project: Mapping[str, Any]) -> bool:
    pools, stages = ("started", "producing"), ("S6", "DONE")
    return bool(project["actual_start"] or project["stage"] in stages or project["pool"] in pools)


def _known(words: Sequence[Word]) -> list[Word]:
    """Add since when the project is known to be under way."""
    since: datetime | None = None
    known = []
    for word in words:
        if since is None and _active(word.state):
            since = word.since
        known.append(Word(word.since, {**word.state, "known_since": since}))
    return known


def _project(word: Word) -> Iterator[Due]:
    project = word.state
    if not _active(project):
        return
    # What was late before anybody here knew of it is a card of the next working day.
    first = night(day_of(project["known_since"]) + ONE)

    def month(rule: str, name: str, planned: date) -> Iterator[Due]:
        for colour, months in (("yellow", 1), ("red", 3)):
            year, number = divmod(planned.year * 12 + planned.month - 1 + months, 12)
            over = date(year, number + 1, 1)
            period = f"{name}:{planned:%Y-%m}"
            yield Due(rule, colour, period, max(night(over), first))

    planned = _day(project["planned_start"])
    if planned and not _started(project):
        yield from month("W-09", "plan", planned)
    signed = _day(project["sign_date"])
    if signed and not _started(project):
        moment = night(after(after(signed, 100), 1))
        yield Due("W-09", "red", f"contract:{signed}", max(moment, first))
    ends = _day(project["planned_completion"])
    if ends and project["pool"] != "producing":
        yield from month("W-16", "end", ends)


def _logged(projects: Sequence[Word], logs: Sequence[Word]) -> list[Word]:
    """Merge what is said of a project and its log: since when is the log silent, since when unvisited."""
    words: list[Word] = []
    project: Mapping[str, Any] | None = None
    active_since = filed = visited = None
    for since, _, word in sorted(
        [(each.since, 0, each) for each in projects] + [(each.since, 1, each) for each in logs],
        key=lambda found: found[:2],
    ):
        if "log_id" in word.state:
            filed = _moment(word.state["filed_at"])
            visited = filed if word.state["on_site"] else visited
        else:
            project = word.state
            if active_since is None and _active(project):
                active_since = since
        if project is not None:
            state = {
                "active": _active(project),
                "log_since": max(filter(None, (active_since, filed)), default=None),
                "visit_since": max(filter(None, (active_since, visited)), default=None),
            }
            words.append(Word(since, state))
    return words


def _log(word: Word) -> Iterator[Due]:
    if not word.state["active"] or word.state["log_since"] is None:
        return
    silent = day_of(word.state["log_since"])
    for colour, days in (("yellow", 5), ("red", 10)):
        yield Due("W-11", colour, str(silent), night(after(after(silent, days), 1)))
    seen = day_of(word.state["visit_since"])
    yield Due("W-11", "red", f"visit:{seen}", night(after(seen + timedelta(days=30), 1)))


# --- plans: W-08, W-18 --------------------------------------------------------------------------


def _with_projects(words: Sequence[Word], projects: Sequence[Word]) -> list[Word]:
    """Put beside each word what is said of the project at that time."""
    merged: list[Word] = []
    project: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None
    both = sorted(
        [(each.since, 0, each.state) for each in projects]
        + [(each.since, 1, each.state) for each in words],
        key=lambda found: found[:2],
    )
    for since, which, said in both:
        if which == 0:
            project = said
        else:
            state = said
        if project is not None and state is not None:
            merged.append(Word(since, {**state, "project": project}))
    return merged


def _planned(words: Sequence[Word]) -> list[Word]:
    """Hold each draft against the frozen plan, and remember since when its slack is how low."""
    frozen: Mapping[str, Any] | None = None
    low: dict[str, datetime | None] = {"yellow": None, "red": None}
    found = []
    for word in words:
        told = word.state
        if told["baseline"]:
            frozen = told
        if frozen is None:
            continue
        for colour, below in (("yellow", 5), ("red", 0)):
            if told["slack_days"] >= below:
                low[colour] = None
            elif low[colour] is None:
                low[colour] = word.since
        done = {each["item_code"]: each["done_on"] for each in told["nodes"] if each["done_on"]}
        state = {"frozen": frozen, "done": done, "low": dict(low)}
        found.append(Word(word.since, state))
    return found


def _plan(word: Word) -> Iterator[Due]:
    state, project = word.state, word.state["project"]
    if not _active(project):
        return
    frozen, done = state["frozen"], state["done"]
    nodes = {each["item_code"]: each for each in frozen["nodes"]}
    yellow = {
        code: night(after(date.fromisoformat(each["early_finish"]), 1))
        for code, each in nodes.items()
    }
    for code, node in nodes.items():
        if code in done:
            continue
        period = f"V{frozen['baseline']}:{code}"
        yield Due("W-08", "yellow", period, yellow[code])
        red = night(after(date.fromisoformat(node["early_finish"]), 6))
        before = [each for each in node["after"] if each in nodes and yellow[each] <= yellow[code]]
        if any(each not in done or _ended(done[each]) > yellow[code] for each in before):
            red = min(red, yellow[code])
        yield Due("W-08", "red", period, red)
    if not _started(project):
        for colour, since in state["low"].items():
            if since is not None:
                stamp = since.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
                yield Due("W-18", colour, stamp, since)


def _ended(day: str) -> datetime:
    return at(date.fromisoformat(day) + ONE, "00:00")


# --- themes, licences, ratings, investment: W-17, W-15, W-14, W-10 ---------------------------------


def _theme(word: Word) -> Iterator[Due]:
    theme = word.state
    over = theme["ended_on"] or theme["status"] == "done"
    if not _active(theme["project"]) or not theme["started_on"] or over:
        return
    term = "2" if theme["extended"] else "1"
    law, target = _day(theme["statutory_due"]), _day(theme["target_due"])
    due = target or law
    if due:
        yellow = next(iter(_before_and_after("W-17", term, due, 3)))
        yield yellow
    if target:
        yield Due("W-17", "red", term, night(after(target, 1)))
    if law:
        yield Due("W-17", "red_statutory", term, night(after(law, 1)))


def _licence(word: Word) -> Iterator[Due]:
    licence = word.state
    until = _day(licence["valid_until"])
    if not _active(licence["project"]) or licence["state"] != "in_force" or not until:
        return
    if licence["until_start"] and _started(licence["project"]):
        return
    yield Due("W-15", "yellow", str(until), night(until - timedelta(days=30)))
    yield Due("W-15", "red", str(until), night(until + ONE))


def _rating(word: Word) -> Iterator[Due]:
    rating = word.state
    if rating["score"] > 2 or rating["contacted_at"]:
        return
    rated = _moment(rating["rated_at"])
    if rating["score"] == 2:
        yield Due("W-14", "yellow", "1", rated)
        yield Due("W-14", "red", "1", at(after(day_of(rated), 1), "17:30"))
    else:
        yield Due("W-14", "red", "1", rated)


def _investment(word: Word) -> Iterator[Due]:
    report = word.state
    if not _active(report["project"]) or Decimal(report["planned_wan"]) <= 0:
        return
    reached = 100 * Decimal(report["completed_wan"]) / Decimal(report["planned_wan"])
    behind = Decimal(100) * report["month"] / 12 - reached
    period = f"{report['year']}-{report['month']:02}"
    if behind > 30:
        yield Due("W-10", "red", period, _moment(report["reported_at"]))
    elif behind >= 10:
        yield Due("W-10", "yellow", period, _moment(report["reported_at"]))


# --- orders and matters: W-13, W-12, to the minute ----------------------------------------------------


def _order(word: Word) -> Iterator[Due]:
    order = word.state
    if order["status"] not in ("issued", "signed", "handling", "rework"):
        return
    due, began = _moment(order["feedback_by"]), _moment(order["round_began"])
    period = str(order["round"])
    yield Due("W-13", "yellow", period, max(_half_a_day_before(due), began))
    yield Due("W-13", "red", period, max(due, began))


def _half_a_day_before(moment: datetime) -> datetime:
    """Go back through three and a half office hours, minute by minute."""
    minutes, at_ = 210, moment
    while minutes:
        at_ -= timedelta(minutes=1)
        local = at_.astimezone(ZONE)
        clock = local.hour * 60 + local.minute
        is_open = 540 <= clock < 720 or 810 <= clock < 1050
        minutes -= works(local.date()) and is_open
    return at_


def _matter(word: Word) -> Iterator[Due]:
    matter = word.state
    if matter["status"] not in ("handling", "drafted", "returned", "submitted"):
        return
    entries = sum(
        step["step"] in ("opened", "raised", "submitted", "returned") for step in matter["steps"]
    )
    signing = matter["status"] == "drafted"
    period = f"{matter['rung']}:{entries}" + (":sign" if signing else "")
    entered, moved = _moment(matter["entered_at"]), _moment(matter["steps"][-1]["at"])
    if matter["status"] != "handling":
        since = max(entered, moved) if signing else entered
        yield Due("W-12", "yellow", period, at(after(day_of(since), 2), "17:30"))
    due = _moment(matter["due_at"])
    if signing:
        due = max(due, at(after(day_of(moved), 3), "17:30"))
    yield Due("W-12", "red", period, due)


# --- small things -----------------------------------------------------------------------------------


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += ONE


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
