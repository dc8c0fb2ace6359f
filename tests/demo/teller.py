"""What the chapters of the demonstration use: people, the clock, and a line for every step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from support.callers import caller

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).resolve().parents[2]

Json = dict[str, Any]
Tell = Callable[[str], None]


class Teller:
    """Calls as anybody and tells what happened; `tell` gets a line for every step."""

    def __init__(self, base_url: str, tell: Tell = print, *, patience: float = 0) -> None:
        self._base_url, self._tell, self._patience = base_url, tell, patience
        self._people: dict[str, httpx.Client] = {}
        self._step = 0
        self._began = date.min

    def person(self, username: str) -> httpx.Client:
        if username not in self._people:
            self._people[username] = caller(self._base_url, username, patience=self._patience)
        return self._people[username]

    def step(self, zh: str, en: str) -> None:
        self._step += 1
        self._tell(f"{self._step:2}. {zh}\n    {en}")

    def now(self) -> datetime:
        return datetime.fromisoformat(must(self.person("s2.city").get("/v1/clock"))["now"])

    def today(self) -> date:
        return self.now().astimezone(SHANGHAI).date()

    def move_to(self, day: date) -> None:
        """Move the clock to ten in the morning of a day, unless it is later already."""
        self.move_to_moment(datetime(day.year, day.month, day.day, 10, tzinfo=SHANGHAI))

    def move_to_moment(self, moment: datetime) -> None:
        if moment > self.now():
            operator = self.person("s2.city")
            must(operator.post("/v1/clock:advance", json={"to": moment.isoformat()}))


def must(answer: httpx.Response) -> Json:
    """Return the answer's JSON; a refusal is an AssertionError, which `eventually` takes for "not yet"."""
    if answer.status_code != 200:
        raise AssertionError(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
    said: Json = answer.json()
    return said


def zh(answer: httpx.Response) -> str:
    """Return what a refusal says in Chinese."""
    details = answer.json()["details"]
    return str(next(each["message"] for each in details if each.get("locale") == "zh-CN"))
