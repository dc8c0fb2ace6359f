"""Cards of what is watched beside cases: W-08, W-10, W-14, W-15, W-17, W-18."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from chassis.calendar import Calendar
from warning_dispatch.domain.duty import Duty
from warning_dispatch.domain.rules import RED, RED_STATUTORY, YELLOW, Level, Rule, RuleBook
from warning_dispatch.domain.watched import (
    Investment,
    Licence,
    Node,
    Plan,
    Rating,
    Theme,
    Watched,
)


def duties_of_watched(
    facts: Watched, book: RuleBook, calendar: Calendar
) -> Iterator[Iterator[Duty]]:
    """Give the duties of each rule by itself, so that one whose days are unknown leaves the others."""
    match facts:
        case Plan():
            if rule := book.rule("W-08", facts.bearer):
                yield from (_late_node(facts, node, rule, calendar) for node in facts.nodes)
            if (rule := book.rule("W-18", facts.bearer)) and not facts.has_started:
                yield from (_slack(facts, level, rule) for level in rule.levels)
        case Theme():
            if rule := book.rule("W-17", facts.bearer):
                yield _theme(facts, rule, calendar)
        case Licence():
            if rule := book.rule("W-15", facts.bearer):
                yield _licence(facts, rule, calendar)
        case Rating():
            if rule := book.rule("W-14", facts.bearer):
                yield _rating(facts, rule, calendar)
        case Investment():
            if rule := book.rule("W-10", facts.bearer):
                yield _behind(facts, rule)


def watched_over_since(rule: str, period: str, facts: Watched) -> datetime | None:
    """Return since when what a card complains of is over, None while it is not."""
    if isinstance(facts, Plan) and rule == "W-08":
        code = period.partition(":")[2]
        return next((node.done_at for node in facts.nodes if node.code == code), None)
    if isinstance(facts, Theme):
        return facts.ended_at
    return facts.contacted_at if isinstance(facts, Rating) else None


# --- plans -------------------------------------------------------------------------------------


def _late_node(plan: Plan, node: Node, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-08. Another baseline is another period; the red also comes of two nodes in a row."""
    yellow, red = rule.level(YELLOW), rule.level(RED)
    told_zh = f"数轴图 V{plan.baseline} {node.code} 基线完成 {node.finish}"
    told_en = f"baseline V{plan.baseline}: {node.code} due {node.finish}"
    found: list[tuple[str, datetime, str, str]] = []
    if yellow:
        day = calendar.add_working_days(node.finish, yellow.whole("working_days_over"))
        found.append(
            (YELLOW, calendar.first_working_moment(day), f"{day} 仍未完成", f"not done on {day}")
        )
    if red:
        days = red.whole("working_days_over")
        day = calendar.add_working_days(node.finish, days)
        moment = calendar.first_working_moment(day)
        zh, en = f"晚于基线 {days} 个工作日, {day} 仍未完成", f"{days} working days late on {day}"
        before = _late_before(plan, node, rule, calendar)
        if before and found and found[0][1] < moment:
            moment = found[0][1]
            zh, en = (
                f"前置 {before} 亦逾期, 连续两个节点",
                f"the node before, {before}, is late, too",
            )
        found.append((RED, moment, zh, en))
    for colour, moment, zh, en in found:
        yield Duty(
            rule.code,
            rule.version,
            colour,
            f"V{plan.baseline}:{node.code}",
            moment,
            node.done_at,
            zh=(told_zh, zh),
            en=(told_en, en),
            org=node.org,
            item_code=node.code,
            item_name=node.name,
        )


def _late_before(plan: Plan, node: Node, rule: Rule, calendar: Calendar) -> str:
    """Return the node right before this one that is late, too, when this one becomes so."""
    yellow = rule.level(YELLOW)
    if yellow is None:
        return ""
    over = yellow.whole("working_days_over")

    def moment(finish: date) -> datetime:
        return calendar.first_working_moment(calendar.add_working_days(finish, over))

    mine = moment(node.finish)
    before = (each for each in plan.nodes if each.code in node.after)
    for each in before:
        if moment(each.finish) <= mine and (each.done_at is None or each.done_at > mine):
            return each.code
    return ""


def _slack(plan: Plan, level: Level, rule: Rule) -> Iterator[Duty]:
    """W-18. A period is a time through which the slack stayed below the threshold."""
    below = -level.whole("short_working_days") + 1 if level.colour == RED else level.whole("slack")
    since: datetime | None = None
    seen = 0
    runs: list[tuple[datetime, datetime | None, int]] = []
    for at, days in plan.slacks:
        if days < below and since is None:
            since, seen = at, days
        elif days >= below and since is not None:
            runs.append((since, at, seen))
            since = None
    if since is not None:
        runs.append((since, None, seen))
    for began, ends, days in runs:
        yield Duty(
            rule.code,
            rule.version,
            level.colour,
            f"{began:%Y%m%dT%H%M%S}",
            began,
            ends,
            zh=(
                f"计划开工 {plan.planned_start or '未定'}, 数轴图浮时 {days} 个工作日",
                f"低于 {below} 个工作日",
            ),
            en=(
                f"planned start {plan.planned_start or 'open'}: {days} working days of slack",
                f"fewer than {below}",
            ),
        )


# --- themes, licences, ratings, investment ---------------------------------------------------------


def _theme(theme: Theme, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-17. An extension begins a new term."""
    term = "2" if theme.extended else "1"
    yellow, red, law = rule.level(YELLOW), rule.level(RED), rule.level(RED_STATUTORY)
    target, due = theme.target_due or theme.statutory_due, theme.statutory_due
    found: list[tuple[str, date, str, str]] = []
    if yellow and target:
        left = yellow.whole("working_days_left")
        day = calendar.add_working_days(calendar.next_working_day(target), -left - 1)
        found.append(
            (
                YELLOW,
                day,
                f"一件事期限 {target}, 自 {day} 起剩余不超过 {left} 个工作日",
                f"due {target}: {left} working days or fewer from {day}",
            )
        )
    if red and theme.target_due:
        day = calendar.next_working_day(theme.target_due)
        found.append(
            (
                RED,
                day,
                f"承诺期限 {target}, {day} 起超期",
                f"promised by {target}, overdue from {day}",
            )
        )
    if law and due:
        day = calendar.next_working_day(due)
        found.append(
            (
                RED_STATUTORY,
                day,
                f"联合办理法定期限 {due}, {day} 起超期",
                f"due by law {due}, past it from {day}",
            )
        )
    for colour, day, zh, en in found:
        yield Duty(
            rule.code,
            rule.version,
            colour,
            term,
            calendar.first_working_moment(day),
            theme.ended_at,
            zh=(zh,),
            en=(en,),
        )


def _licence(licence: Licence, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-15. Another last day is another period."""
    until = licence.valid_until
    yellow, red = rule.level(YELLOW), rule.level(RED)
    told = f"{licence.name} {licence.number}"
    if yellow:
        left = yellow.whole("calendar_days_left")
        yield Duty(
            rule.code,
            rule.version,
            YELLOW,
            until.isoformat(),
            calendar.first_working_moment(until - timedelta(days=left)),
            zh=(f"{told} 有效期至 {until}", f"剩余不超过 {left} 日"),
            en=(f"{told} is valid until {until}", f"{left} days or fewer are left"),
        )
    if red:
        yield Duty(
            rule.code,
            rule.version,
            RED,
            until.isoformat(),
            calendar.first_working_moment(until + timedelta(days=1)),
            zh=(f"{told} 有效期至 {until}", "已过有效期"),
            en=(f"{told} was valid until {until}", "it has expired"),
        )


def _rating(rating: Rating, rule: Rule, calendar: Calendar) -> Iterator[Duty]:
    """W-14. A bad rating is followed up within a working day; a very bad one is red at once."""
    yellow, red = rule.level(YELLOW), rule.level(RED)
    told_zh, told_en = f"企业评价 {rating.score} 分 (满分 5)", f"rated {rating.score} of 5"
    if yellow and rating.score == yellow.whole("score"):
        yield Duty(
            rule.code,
            rule.version,
            YELLOW,
            "1",
            rating.rated_at,
            rating.contacted_at,
            zh=(told_zh, "不满意"),
            en=(told_en, "dissatisfied"),
        )
    if red and yellow and rating.score <= yellow.whole("score"):
        at_once = rating.score <= red.whole("score")
        hours = red.whole("contact_working_days")
        yield Duty(
            rule.code,
            rule.version,
            RED,
            "1",
            rating.rated_at if at_once else calendar.office_day_after(rating.rated_at, hours),
            rating.contacted_at,
            zh=(told_zh, "非常不满意" if at_once else f"{hours} 个工作日内未联系核实"),
            en=(
                told_en,
                "very dissatisfied" if at_once else f"not contacted within {hours} working day(s)",
            ),
        )


def _behind(report: Investment, rule: Rule) -> Iterator[Duty]:
    """W-10. The newest month's report counts, in the colour of how far it lags behind."""
    by = {level.colour: Decimal(str(level.number("points_behind"))) for level in rule.levels}
    reached = [
        colour
        for colour, is_over in ((RED, report.behind.__gt__), (YELLOW, report.behind.__ge__))
        if colour in by and is_over(by[colour])
    ]
    if not reached:
        return
    yield Duty(
        rule.code,
        rule.version,
        reached[0],
        f"{report.year}-{report.month:02}",
        report.reported_at,
        zh=(
            f"{report.year} 年 {report.month} 月投资低于序时进度 {report.behind:.1f} 个百分点",
            f"达到 {by[reached[0]]:g} 个百分点",
        ),
        en=(
            f"{report.behind:.1f} points behind an even pace in {report.year}-{report.month:02}",
            f"{by[reached[0]]:g} or more",
        ),
    )
