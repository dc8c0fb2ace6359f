"""The people and projects of an acceptance test: on any instance with demo data, used before or not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx
import pytest

from chassis.calendar import SHANGHAI, local_day, read_calendar
from support import eventually
from support.instance import Instance

Json = dict[str, Any]


@dataclass
class City:
    """Signed-in people by username, and what every test needs of the public API."""

    instance: Instance
    _people: dict[str, httpx.Client] = field(default_factory=dict)

    def person(self, username: str) -> httpx.Client:
        if username not in self._people:
            self._people[username] = self.instance.caller(username)
        return self._people[username]

    def get(self, username: str, path: str, /, **query: Any) -> Json:
        return said(self.person(username).get(path, params=query))

    def post(self, username: str, path: str, /, **body: Any) -> Json:
        return said(self.person(username).post(path, json=body))

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("s2.city", "/v1/clock")["now"])

    def today(self) -> date:
        return local_day(self.now())

    def next_working_day(self) -> date:
        calendar = read_calendar(self.get("d4.city", "/v1/calendar"))
        return calendar.next_working_day(self.today())

    def to_next_working_day(self) -> None:
        """Move the clock on to the office hours of the next working day."""
        self.instance.move_clock_to(
            datetime.combine(self.next_working_day(), time(9, 30), SHANGHAI)
        )

    def register(self, by: str, **details: Any) -> Json:
        """Register a project in Danyang's Danbei and return it."""
        return dict(self.post(by, "/v1/projects", details=described(self, **details))["project"])

    def settled(self, project_id: str) -> Json:
        """Return a project once its items were picked and its stage follows from them."""
        one = f"/v1/projects/{project_id}"

        def known() -> Json:
            items = self.get("d1.danyang", f"{one}/items", page_size=200)["items"]
            project = self.get("d1.danyang", one)["project"]
            open_stages = {each["stage"] for each in items if each["state"] != "done"}
            assert project["stage"] in open_stages, "its stage does not follow from its items yet"
            return dict(project)

        return eventually(known, timeout=30)

    def close(self) -> None:
        for person in self._people.values():
            person.close()


def said(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, f"{answer.request.url}: {answer.text}"
    body: Json = answer.json()
    return body


def refused(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Return status, reason and the fields named."""
    details = answer.json()["details"]
    fields = [each["field"] for one in details for each in one.get("field_violations", [])]
    return answer.status_code, details[0]["reason"], fields


def unique(text: str = "验收项目") -> str:
    return f"{text}{secrets.token_hex(4)}"


def described(city: City, **details: Any) -> Json:
    return {
        "name": unique(),
        "year": city.today().year,
        "level": "PROJECT_LEVEL_CITY",
        "category": "PROJECT_CATEGORY_IMPLEMENTATION",
        "enterprise_name": "示例汽车部件(丹阳)有限公司",
        "uscc": "91321181000000027K",
        "admin_region": "321181",
        "managing_region": "321181113",
        "total_investment_wan": "80000",
        "planned_start": str(city.today() + timedelta(days=300)),
        **details,
    }


@pytest.fixture
def city(instance: Instance) -> Iterator[City]:
    made = City(instance)
    yield made
    made.close()
