"""What a changed rule would have issued, and what it does to the clocks that run: nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

from chassis.calendar import SHANGHAI, local_day
from chassis.errors import FieldInvalid
from chassis.identity import Scope
from warning_dispatch.domain import Bearer, Duty, Revision
from warning_dispatch.store import Ledger, Subject
from warning_dispatch.usecases.loading import checked_revision
from warning_dispatch.usecases.occasion import Occasion, Yardstick, get_yardstick
from warning_dispatch.usecases.raising import Subjects

_PAGE = 500
_MOST_DAYS = 400


@dataclass(frozen=True)
class Changed:
    """A card that the change would bring, take away or move. `before` or `after` is None where there is none."""

    subject: Subject
    bearer: Bearer
    colour: str
    period: str
    before: datetime | None
    after: datetime | None

    @property
    def moment(self) -> datetime:
        at = self.after or self.before
        assert at
        return at


@dataclass
class Preview:
    """What today's rule and the changed one would have issued in a time, by colour, and how they differ."""

    since: date
    until: date
    subjects: int = 0
    issued_now: Counter[str] = field(default_factory=Counter)
    issued_then: Counter[str] = field(default_factory=Counter)
    past: list[Changed] = field(default_factory=list)
    # running are the cards to come that move, come or go from now on.
    running: list[Changed] = field(default_factory=list)


def preview_rule(
    ledger: Ledger,
    code: str,
    revision: Revision,
    scope: Scope | None,
    occasion: Occasion,
    *,
    since: date,
    until: date,
) -> Preview:
    """Hold a revision against the rule of today over a past time, by the facts as they are known now.

    `scope` None looks at the whole instance.
    A clock that was extended meanwhile counts with its present term: what the shorter one would
    have raised is in neither column.
    """
    if until < since or (until - since).days > _MOST_DAYS:
        raise FieldInvalid(
            field="until",
            zh_why=f"期间须按先后, 且不超过 {_MOST_DAYS} 日",
            en_why=f"the days are in order and at most {_MOST_DAYS} apart",
        )
    newest = ledger.copies.newest_rule(code)
    body = checked_revision(
        ledger,
        newest,
        revision,
        occasion,
        effective_from=local_day(occasion.now),
        reason="",
        by="",
    )
    today = get_yardstick(ledger, occasion.now)
    book = today.book.with_rule(newest)
    rule = book.rules.get(code) or today.book.with_rule(body).rules[code]
    yardsticks = [
        Yardstick(today.calendar, each, "") for each in (book, today.book.with_rule(body))
    ]
    found = Preview(since, until)
    began = datetime.combine(since, time.min, SHANGHAI)
    for page in _pages(ledger, rule.subject_type, began):
        loaded = [
            Subjects(ledger, page, each, instance=occasion.instance, locked=False)
            for each in yardsticks
        ]
        for subject in page:
            bearer = loaded[0].bearer(subject)
            if bearer is None or not (scope is None or _sees(scope, bearer)):
                continue
            found.subjects += 1
            now, then = (
                {key: duty for key, duty in each.duties(subject).items() if key[0] == code}
                for each in loaded
            )
            _compare(found, subject, bearer, now, then, occasion.now)
    return found


def _sees(scope: Scope, bearer: Bearer) -> bool:
    return scope.admits(
        region_path=bearer.region_path, level=bearer.level, agents=bearer.agents, org=bearer.org
    )


def _pages(ledger: Ledger, subject_type: str, since: datetime) -> Iterator[list[Subject]]:
    after = None
    while page := ledger.copies.subjects_of(subject_type, since=since, after=after, limit=_PAGE):
        yield page
        after = page[-1].id


def _compare(
    found: Preview,
    subject: Subject,
    bearer: Bearer,
    now: dict[tuple[str, str, str], Duty],
    then: dict[tuple[str, str, str], Duty],
    at: datetime,
) -> None:
    for key in sorted(now.keys() | then.keys()):
        before, after = now.get(key), then.get(key)
        changed = Changed(
            subject,
            bearer,
            key[1],
            key[2],
            before.due_moment if before else None,
            after.due_moment if after else None,
        )
        in_time = [_within(each, found, at) for each in (before, after)]
        if in_time[0]:
            found.issued_now[key[1]] += 1
        if in_time[1]:
            found.issued_then[key[1]] += 1
        if changed.before == changed.after:
            continue
        if any(in_time):
            found.past.append(changed)
        if any(each and each.due_moment > at for each in (before, after)):
            found.running.append(changed)


def _within(duty: Duty | None, found: Preview, at: datetime) -> bool:
    if duty is None or duty.due_moment > at:
        return False
    return found.since <= local_day(duty.due_moment) <= found.until
