"""Reads that change nothing: counts for the network, rows behind them, a month's numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.calendar import SHANGHAI, Calendar
from chassis.identity import Scope, scope_clause
from chassis.paging import Page
from reporting.domain import (
    CARD_ENDS,
    DECIDED,
    GREEN,
    RED,
    RED_STATUTORY,
    YELLOW,
    Decided,
    Indicator,
    Month,
    count,
    limits,
    middle,
    share,
)
from reporting.store import annual_lists, cards, cases, logs, orders, projects, stage_moves

_RUNNING = projects.c.status.in_(["reserve", "active"])
# A card that was excused, taken back, ignored or merged into another counts for nobody.
_KEPT = cards.c.status.not_in(["waived", "revoked", "ignored", "merged"])
_RUNNING_OR_DONE = projects.c.status != "withdrawn"


def below(table: sa.Table, path: str) -> sa.ColumnElement[bool]:
    """Keep the rows of a region and everything below it; an empty path keeps all."""
    if not path:
        return sa.true()
    column = table.c.region_path
    return sa.or_(column == path, column.like(f"{path}/%"))


def on_list(column: sa.ColumnElement[Any], year: int) -> sa.ColumnElement[bool]:
    if not year:
        return sa.true()
    return column.in_(sa.select(annual_lists.c.project_id).where(annual_lists.c.year == year))


def light_of(today: date) -> sa.Case[Any]:
    """The same rule as domain.light, in SQL: derived on read, so it cannot lie when a job is off."""
    return sa.case(
        (cases.c.statutory_due < today, RED_STATUTORY),
        (cases.c.committed_due < today, RED),
        (cases.c.yellow_on <= today, YELLOW),
        else_=GREEN,
    )


def open_cases() -> sa.ColumnElement[bool]:
    return cases.c.status.not_in(DECIDED)


def child_of(column: sa.ColumnElement[str], path: str) -> sa.ColumnElement[str]:
    """The code directly below `path` on the way to the row's region, empty for the region itself."""
    return sa.func.split_part(column, "/", path.count("/") + 2)


def network(
    connection: sa.Connection, path: str, *, year: int, today: date, now: datetime
) -> dict[str, dict[str, dict[str, int]]]:
    """Return counts by child region, then by what was counted, then by key."""
    found: dict[str, dict[str, dict[str, int]]] = {}

    def take(what: str, query: sa.Select[Any]) -> None:
        for child, key, number in connection.execute(query):
            found.setdefault(child, {}).setdefault(what, {})[key] = number

    def grouped(table: sa.Table, key: Any, *where: Any) -> sa.Select[Any]:
        child = child_of(table.c.region_path, path).label("child")
        named = sa.literal(key) if isinstance(key, str) else key
        query = sa.select(child, named.label("key"), sa.func.count())
        return query.where(below(table, path), *where).group_by(sa.text("1"), sa.text("2"))

    of_year = on_list(projects.c.id, year)
    for what in ("stage", "level", "pool"):
        take(what, grouped(projects, projects.c[what], _RUNNING_OR_DONE, of_year))
    case_year = on_list(cases.c.project_id, year)
    take("light", grouped(cases, light_of(today), open_cases(), case_year))
    take("decided", grouped(cases, "decided", sa.not_(open_cases()), case_year))
    living = cards.c.status.not_in(CARD_ENDS)
    take("card", grouped(cards, cards.c.shows, living, on_list(cards.c.project_id, year)))
    waiting = orders.c.status.not_in(["closed"])
    late = sa.and_(orders.c.answered_at.is_(None), orders.c.feedback_by < now)
    take("order", grouped(orders, sa.case((late, "late"), else_="open"), waiting))
    return found


_cases_in_scope, _projects_in_scope = scope_clause(cases), scope_clause(projects)


def list_cases(
    connection: sa.Connection,
    scope: Scope,
    page: Page,
    *,
    path: str,
    light: str,
    year: int,
    today: date,
) -> tuple[list[sa.Row[Any]], int]:
    """Return one row more than the page holds when there are more, and how many there are in all."""
    colour = light_of(today)
    where = [_cases_in_scope, below(cases, path), open_cases(), on_list(cases.c.project_id, year)]
    if light:
        where.append(colour == light)
    total = connection.scalar(
        sa.select(sa.func.count()).select_from(cases).where(*where), scope.bind()
    )
    query = sa.select(cases, colour.label("light")).where(*where)
    if page.after:
        query = query.where(cases.c.id > UUID(str(page.after[0])))
    rows = connection.execute(query.order_by(cases.c.id).limit(page.size + 1), scope.bind())
    return list(rows), int(total or 0)


def list_projects(
    connection: sa.Connection,
    scope: Scope,
    page: Page,
    *,
    path: str,
    stage: str,
    level: str,
    pool: str,
    year: int,
) -> tuple[list[sa.Row[Any]], int]:
    where = [
        _projects_in_scope,
        below(projects, path),
        _RUNNING_OR_DONE,
        on_list(projects.c.id, year),
    ]
    for name, wanted in (("stage", stage), ("level", level), ("pool", pool)):
        if wanted:
            where.append(projects.c[name] == wanted)
    total = connection.scalar(
        sa.select(sa.func.count()).select_from(projects).where(*where), scope.bind()
    )
    query = sa.select(projects).where(*where)
    if page.after:
        query = query.where(projects.c.id > UUID(str(page.after[0])))
    rows = connection.execute(query.order_by(projects.c.id).limit(page.size + 1), scope.bind())
    return list(rows), int(total or 0)


# --- a month ------------------------------------------------------------------------------------


class MonthNumbers:
    """What a month's report of one region is made of, in one snapshot."""

    def __init__(
        self, connection: sa.Connection, path: str, month: Month, calendar: Calendar, now: datetime
    ) -> None:
        self._db, self._path, self._month = connection, path, month
        self._calendar, self._now = calendar, now
        self._today = now.astimezone(SHANGHAI).date()
        self._from = datetime.combine(month.first, datetime.min.time(), SHANGHAI)
        self._until = datetime.combine(month.after, datetime.min.time(), SHANGHAI)
        self._decided = self._decided_cases()

    def overview(self) -> list[Indicator]:
        year = self._month.first.year
        start, end = date(year, 1, 1), date(year + 1, 1, 1)
        running = self._number(projects, _RUNNING)
        of_year = (
            _RUNNING_OR_DONE,
            projects.c.planned_start >= start,
            projects.c.planned_start < end,
        )
        planned = self._number(projects, *of_year)
        started = self._number(projects, *of_year, projects.c.actual_start.is_not(None))
        return [
            count("I01", "在库项目数", running, "状态为储备或在办的项目"),
            share("I03", "开工率", started, planned, "本年计划开工的项目中已开工的 / 本年计划开工的项目"),
            count("—", "本月办结件数", len(self._decided), "本月作出决定的办件(责任方为机关)", "件"),
        ]  # fmt: skip

    def by_stage(self) -> list[tuple[str, int]]:
        query = sa.select(projects.c.stage, sa.func.count()).where(
            below(projects, self._path), _RUNNING_OR_DONE
        )
        query = query.group_by(projects.c.stage).order_by(projects.c.stage)
        return [(row[0], row[1]) for row in self._db.execute(query)]

    def moves(self) -> list[tuple[str, str, int]]:
        query = (
            sa.select(stage_moves.c.from_stage, stage_moves.c.to_stage, sa.func.count())
            .join(projects, projects.c.id == stage_moves.c.project_id)
            .where(below(projects, self._path), self._in_month(stage_moves.c["on"]))
            .group_by(stage_moves.c.from_stage, stage_moves.c.to_stage)
            .order_by(stage_moves.c.from_stage, stage_moves.c.to_stage)
        )
        return [(row[0], row[1], row[2]) for row in self._db.execute(query)]

    def limits(self) -> list[Indicator]:
        past = self._number(
            cases,
            open_cases(),
            cases.c.statutory_due < self._today,
            cases.c.duty_bearer == "authority",
        )
        issued = {
            colour: self._number(
                cards, cards.c.colour == colour, _KEPT, self._at_in_month(cards.c.issued_at)
            )
            for colour in ("yellow", "red", "red_statutory")
        }  # fmt: skip
        red = issued["red"] + issued["red_statutory"]
        return [
            *limits(self._decided, past, self._calendar),
            count("I31", "本月黄牌", issued["yellow"], "本月亮出的黄牌", "张"),
            count("I31", "本月红牌", red, "本月亮出的红牌, 含法定红牌", "张"),
        ]

    def departments(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}

        def of(org: str, name: str) -> dict[str, Any]:
            empty = {
                "org": org,
                "org_name": name,
                **dict.fromkeys(
                    ("decided", "on_time", "statutory_overdue", "deemed_accepted", "cards_yellow", "cards_red"), 0
                ),
            }  # fmt: skip
            return found.setdefault(org, empty)

        for each in self._decided:
            row = of(each.org, each.org_name)
            row["decided"] += 1
            row["on_time"] += each.on_time
            row["statutory_overdue"] += each.past_the_law
            row["deemed_accepted"] += each.deemed
        query = (
            sa.select(cards.c.org, cards.c.org_name, cards.c.colour, sa.func.count())
            .where(
                below(cards, self._path),
                self._at_in_month(cards.c.issued_at),
                _KEPT,
                cards.c.org != "",
            )
            .group_by(cards.c.org, cards.c.org_name, cards.c.colour)
        )
        for org, name, colour, number in self._db.execute(query):
            of(org, name)["cards_yellow" if colour == "yellow" else "cards_red"] += number
        return [found[org] for org in sorted(found)]

    def service(self) -> list[Indicator]:
        filed = self._number(logs, self._at_in_month(logs.c.filed_at))
        visits = self._number(logs, self._at_in_month(logs.c.filed_at), logs.c.on_site)
        active = self._number(projects, projects.c.status == "active")
        last = min(self._today, self._month.after - timedelta(days=1))
        since = last
        for _ in range(5):
            since = self._calendar.working_day_on_or_before(since - timedelta(days=1))
        fresh = (
            sa.select(logs.c.id)
            .where(
                logs.c.project_id == projects.c.id,
                logs.c.filed_at >= datetime.combine(since, datetime.min.time(), SHANGHAI),
                logs.c.filed_at < self._until,
            )
            .exists()
        )
        timely = self._number(projects, projects.c.status == "active", fresh)
        return [
            count("I26", "走访次数", visits, "本月实地走访的日志", "次"),
            count("—", "日志篇数", filed, "本月提交的帮办日志", "篇"),
            share("I27", "日志及时率", timely, active, "5个工作日内有日志的在办项目 / 在办项目"),
            *self._orders(),
        ]

    def _orders(self) -> list[Indicator]:
        query = sa.select(orders).where(
            below(orders, self._path), self._at_in_month(orders.c.issued_at)
        )
        sent = list(self._db.execute(query))
        signed = sum(bool(each.signed_at and each.signed_at <= each.sign_by) for each in sent)
        answered = sum(
            bool(each.answered_at and each.answered_at <= each.feedback_by) for each in sent
        )
        days = [
            self._calendar.working_days_between(
                each.issued_at.astimezone(SHANGHAI).date(),
                each.closed_at.astimezone(SHANGHAI).date(),
            )
            for each in sent
            if each.closed_at
        ]
        return [
            share("I33", "工单签收及时率", signed, len(sent), "按期签收 / 本月派单"),
            share("I33", "工单反馈及时率", answered, len(sent), "按期反馈 / 本月派单"),
            middle("I34", "工单办结中位工作日", days, "median(wd(派单, 办结))", "工作日"),
        ]

    def problems(self, *, most: int = 200) -> list[sa.Row[Any]]:
        query = (
            sa.select(logs.c.project_id, projects.c.name, logs.c.filed_at, logs.c.problem)
            .join(projects, projects.c.id == logs.c.project_id)
            .where(
                below(logs, self._path),
                self._at_in_month(logs.c.filed_at),
                sa.or_(logs.c.needs_coordination, logs.c.problem != ""),
            )
            .order_by(logs.c.filed_at)
            .limit(most)
        )
        return list(self._db.execute(query))

    def starting_next(self) -> list[sa.Row[Any]]:
        after = self._month.next
        query = sa.select(projects).where(
            below(projects, self._path),
            _RUNNING,
            projects.c.planned_start >= after.first,
            projects.c.planned_start < after.after,
        )
        return list(self._db.execute(query.order_by(projects.c.planned_start, projects.c.id)))

    def due_next(self) -> int:
        after = self._month.next
        due = sa.func.coalesce(cases.c.committed_due, cases.c.statutory_due)
        return self._number(cases, open_cases(), due >= after.first, due < after.after)

    def projects(self, levels: Iterable[str], *, most: int = 1000) -> list[sa.Row[Any]]:
        query = sa.select(projects).where(
            below(projects, self._path), _RUNNING_OR_DONE, projects.c.level.in_(list(levels))
        )
        return list(self._db.execute(query.order_by(projects.c.id).limit(most)))

    def orders(self, levels: Iterable[str], *, most: int = 1000) -> list[sa.Row[Any]]:
        query = sa.select(orders).where(
            below(orders, self._path),
            self._at_in_month(orders.c.issued_at),
            orders.c.level.in_(list(levels)),
        )
        return list(self._db.execute(query.order_by(orders.c.issued_at).limit(most)))

    def _decided_cases(self) -> list[Decided]:
        query = sa.select(cases).where(
            below(cases, self._path),
            self._in_month(cases.c.decided_on),
            cases.c.status.in_(["decided", "delivered"]),
            cases.c.duty_bearer == "authority",
            sa.not_(cases.c.historical),
        )
        return [
            Decided(
                org=row.org,
                org_name=row.org_name,
                decided_on=row.decided_on,
                committed_due=row.committed_due,
                statutory_due=row.statutory_due,
                delivered_on=row.delivered_on,
                approved=row.outcome == "approved",
                deemed=row.deemed,
            )
            for row in self._db.execute(query)
        ]

    def _in_month(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return sa.and_(column >= self._month.first, column < self._month.after)

    def _at_in_month(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return sa.and_(column >= self._from, column < self._until)

    def _number(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        query = (
            sa.select(sa.func.count()).select_from(table).where(below(table, self._path), *where)
        )
        return int(self._db.scalar(query) or 0)
