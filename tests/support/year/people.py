"""Who does what in the year: everybody's acts, drawn from a seed, done through the services' use cases."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from approval_tracking.domain.case_record import APPROVED, REJECTED
from approval_tracking.domain.catalogue import Catalogue
from approval_tracking.domain.documents import DECISION
from approval_tracking.domain.themes import ONLINE, Channel
from approval_tracking.domain.trust import DeferralAsked
from approval_tracking.store import CaseStore, ProjectStore
from approval_tracking.store.applications import ApplicationStore
from approval_tracking.store.documents import DocumentStore
from approval_tracking.usecases import (
    applications,
    cases,
    documents,
    lives,
    materials,
    plans,
    projects,
    trust,
)
from chassis import regions
from chassis.errors import DomainError
from chassis.events import Envelope
from chassis.identity import Principal, Scope
from project_registry.domain.authority import Desk
from project_registry.domain.details import Details
from project_registry.domain.projects import Actor, Past
from project_registry.store import Registry
from project_registry.usecases import investments as registry_investments
from project_registry.usecases import loading
from project_registry.usecases import projects as registry
from proxy_log import usecases as diary_acts
from proxy_log.domain import Log, Served
from proxy_log.store import Diary
from support.approvals import SEAL
from support.year.city import City
from support.year.days import after, at, day_of, on_or_after
from warning_dispatch import usecases as dispatch
from warning_dispatch.domain import Feedback
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import Caller, Occasion

CITY = "321100"
SLOTS = ("09:37", "10:41", "14:23", "15:37", "16:47")
# 施工许可证, 排污许可证 and what else has a term: their approval yields a licence that ends.
_LICENSED = ("施工许可", "年")


@dataclass
class Site:
    """A project of the script, with what its people know of it."""

    id: UUID
    region: str
    path: str
    level: str
    uscc: str
    planned_start: date
    items: set[str] = field(default_factory=set)
    applied: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    agent: str = ""

    @property
    def district(self) -> str:
        return "/".join(self.path.split("/")[:2])


@cache
def person(role: str, path: str, org: str = "", uscc: str = "") -> Principal:
    name = ".".join(filter(None, (role.lower(), path.rpartition("/")[2], org, uscc)))
    return Principal(
        account_id=name,
        username=name,
        name=name,
        roles=frozenset({role}),
        region=path.rpartition("/")[2],
        region_path=path,
        org=org,
        companies=frozenset({uscc} if uscc else ()),
    )


class People:
    """The script: acts by their moment. What the software refuses is counted by its reason."""

    def __init__(self, city: City, seed: int, first: date, last: date) -> None:
        self.city, self.chance = city, random.Random(seed)
        self.first, self.last = first, last
        self.sites: dict[UUID, Site] = {}
        self.refused: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self._acts: list[tuple[datetime, int, str, Callable[[], None]]] = []
        self._number = 0
        self._ids = random.Random(seed + 1)
        with city.begin("approval_tracking") as tx:
            reference = CaseStore(tx).reference
            self._catalogue: Catalogue = reference.catalogue_on(first)
        self._demos = [each for each in loading.demo_projects() if each["attributes"]]

    # --- the clock of the script

    def plan(self, day: date, name: str, act: Callable[[], None], slot: int | None = None) -> None:
        """Do something on the first working day from `day` on."""
        day = on_or_after(day)
        if day <= self.last:
            clock = SLOTS[self.chance.randrange(len(SLOTS)) if slot is None else slot]
            self.plan_at(at(day, clock), name, act)

    def plan_at(self, moment: datetime, name: str, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._acts, (moment, self._number, name, act))

    def next_moment(self) -> datetime | None:
        return self._acts[0][0] if self._acts else None

    def act(self, until: datetime) -> None:
        """Do everything whose moment has come."""
        while self._acts and self._acts[0][0] <= until:
            _, _, name, act = heapq.heappop(self._acts)
            # No two people do something at the same instant.
            self.city.now += timedelta(milliseconds=1)
            try:
                act()
                self.done[name] += 1
            except DomainError as error:
                self.refused[f"{name}: {error.reason()}"] += 1

    def later(self, working_days: int) -> date:
        return after(day_of(self.city.now), working_days)

    def new_id(self) -> UUID:
        return UUID(int=self._ids.getrandbits(128), version=4)

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    # --- projects

    def found(self, count: int, places: Sequence[str]) -> None:
        """Plan the registration of projects, at least one in each place as long as they last."""
        span = (self.last - self.first).days
        for number in range(count):
            day = self.first + timedelta(days=int(span * 0.7 * self.chance.random() ** 2))
            place = places[number % len(places)]
            self.plan(day, "register", self._registering(number, place, day))

    def _registering(self, number: int, place: str, day: date) -> Callable[[], None]:
        demo = self.chance.choice(self._demos)
        level = self.chance.choice(("市级", "市级", "市级", "省级", "区级"))
        path = regions.path_of(place)
        if "/" not in path:
            level = "市级"

        def act() -> None:
            start = day + timedelta(days=self.chance.randint(30, 220))
            site = Site(self.new_id(), place, path, level, demo["enterprise"]["uscc"], start)
            details = Details(
                name=f"示例项目{number:04}",
                year=day.year,
                level=level,
                category="实施",
                enterprise_name=demo["enterprise"]["name"],
                uscc=site.uscc,
                admin_region=path.split("/")[1] if "/" in path else place,
                managing_region=place,
                total_investment_wan=Decimal(80_000),
                annual_plan_wan=Decimal(12_000),
                sign_date=day - timedelta(days=self.chance.randint(0, 60)),
                planned_start=start,
                planned_completion=start + timedelta(days=self.chance.choice((30, 60, 600, 700))),
            )
            attributes = {
                name: _json(value)
                for name, value in demo["attributes"].items()
                if name != "total_investment_wan"
            }
            with self.city.begin("project_registry") as tx:
                registry.register_project(
                    Registry(tx), site.id, details, attributes, self._desk(site), now=self.city.now
                )
            self.sites[site.id] = site
            self.plan(self.later(1), "open", lambda: self._open(site, number))

        return act

    def _desk(self, site: Site, reason: str = "") -> registry.Caller:
        who = person("D4", CITY) if site.level != "区级" else person("D1", site.district)
        desk = Desk(who.region_path, who.roles, adjusts=True)
        return registry.Caller(Actor(who.account_id, who.name, "rpc", reason), Scope.of(who), desk)

    def _open(self, site: Site, number: int) -> None:
        """Everything that a project begins with, a day after it came in."""
        with self.city.begin("approval_tracking") as tx:
            items = ProjectStore(tx).items(site.id)
        site.items = {code for code, each in items.items() if each.applicable}
        today = day_of(self.city.now)
        if number % 3 == 0:
            self._bring_along(site, today)
        if number % 7 == 0:
            self.plan(self.later(2), "plan", lambda: self._freeze(site))
        if number % 6 == 0:
            for month in range(today.month, 12):
                self.plan(date(today.year, month + 1, 3), "invest", self._reporting(site, month))
        if number % 9 == 0:
            self.plan(self.later(2), "theme", lambda: self._apply_theme(site))
        if self.maybe(0.7):
            self.plan(self.later(1), "bind", lambda: self._bind(site))
        slip = self.chance.choice((-10, 0, 5, 20, 45, 110, None))
        if slip is not None:
            day = max(site.planned_start + timedelta(days=slip), today + timedelta(days=1))
            self.plan(day, "start", lambda: self._start(site))
        self.plan(self.later(1), "apply", lambda: self._apply(site))

    def _bring_along(self, site: Site, today: date) -> None:
        """A project that was begun elsewhere: its early items were decided before it came here."""
        early = [code for code in sorted(site.items) if code[:2] in ("S1", "S2", "S3")]
        decided = [
            Past(
                code, today - timedelta(days=60), today - timedelta(days=self.chance.randint(5, 40))
            )
            for code in early
        ]
        with self.city.begin("project_registry") as tx:
            registry.record_past_decisions(
                Registry(tx),
                site.id,
                decided,
                self._desk(site),
                expected_version=0,
                now=self.city.now,
            )
        site.done |= set(early)
        site.applied |= set(early)

    def _start(self, site: Site) -> None:
        with self.city.begin("project_registry") as tx:
            registry.set_actual_start(
                Registry(tx),
                site.id,
                day_of(self.city.now),
                self._desk(site),
                expected_version=0,
                now=self.city.now,
            )

    def _reporting(self, site: Site, month: int) -> Callable[[], None]:
        share = Decimal(self.chance.choice((5, 20, 60, 95, 100))) / 100

        def act() -> None:
            told = (Decimal(1_000) * month * share).quantize(Decimal("0.01"))
            with self.city.begin("project_registry") as tx:
                registry_investments.report_investment(
                    Registry(tx),
                    site.id,
                    day_of(self.city.now).year,
                    month,
                    told,
                    "",
                    self._desk(site, reason="按实上报"),
                    now=self.city.now,
                )

        return act

    # --- navigators and their logs

    def _bind(self, site: Site) -> None:
        main, backup = (f"b1.{site.region}.{each}" for each in ("main", "backup"))
        district = person("B3", site.district)
        with self.city.begin("proxy_log") as tx:
            diary = Diary(tx)
            for account in (main, backup):
                diary.keep_navigator(
                    {
                        "account_id": account,
                        "version": 1,
                        "name": account,
                        "roles": ["B1"],
                        "region_path": site.path,
                        "active": True,
                    }
                )
            diary_acts.assign_agents(
                diary,
                site.id,
                main,
                [backup],
                scope=Scope.of(district),
                by=district.account_id,
                expected_version=0,
                now=self.city.now,
            )
        site.agent = main
        self.plan(self.later(self.chance.randint(1, 4)), "log", lambda: self._log(site))

    def _log(self, site: Site) -> None:
        who = person("B3", site.district)
        log = Log(
            id=self.new_id(),
            project_id=site.id,
            case_id=None,
            kind="visit" if self.maybe(0.4) else "phone",
            agent=site.agent,
            agent_name=site.agent,
            worked_on=day_of(self.city.now),
            work="走访并核对材料",
            next_step="",
            problem="",
            needs_coordination=False,
            internal_note="",
            companions="",
            latitude=None,
            longitude=None,
            filed_at=self.city.now,
        )
        with self.city.begin("proxy_log") as tx:
            diary_acts.file_log(Diary(tx), log, scope=Scope.of(who), now=self.city.now)
        pause = self.chance.choice((2, 3, 4, 4, 5, 6, 8, 13, 40))
        self.plan(self.later(pause), "log", lambda: self._log(site))

    # --- applying

    def _apply(self, site: Site) -> None:
        """Apply for what is unlocked, a few at a time."""
        catalogue = self._catalogue
        ready = [
            code
            for code in sorted(site.items - site.applied)
            if not (set(catalogue.item(code).prerequisites) & site.items) - site.done
        ]
        for code in ready[: self.chance.randint(1, 5)]:
            site.applied.add(code)
            self.plan(self.later(self.chance.randint(0, 8)), "submit", self._submitting(site, code))
        if len(ready) > 1:
            self.plan(self.later(self.chance.randint(5, 15)), "apply", lambda: self._apply(site))

    def _submitting(self, site: Site, code: str) -> Callable[[], None]:
        def act() -> None:
            item, pledge = self._catalogue.item(code), None
            if item.commitment_allowed and self.maybe(0.3):
                pledge = cases.PledgeAsked("示例法人")
            with self.city.begin("approval_tracking") as tx:
                case = cases.submit_case(
                    CaseStore(tx),
                    ProjectStore(tx),
                    site.id,
                    code,
                    mode="single",
                    trusting=cases.Trusting(pledge=pledge),
                    case_id=self.new_id(),
                    principal=person("E1", "", uscc=site.uscc),
                    now=self.city.now,
                )
            self._follow(site, case.id, code, case.org)

        return act

    def _apply_theme(self, site: Site) -> None:
        with self.city.begin("approval_tracking") as tx:
            stores = applications.Stores(ApplicationStore(tx), CaseStore(tx), ProjectStore(tx))
            fitting = applications.fitting_themes(stores.projects, stores.cases.reference, site.id)
            theme = self.chance.choice(fitting).theme if fitting else None
            if theme is None:
                return
            made = applications.apply_for_theme(
                stores,
                site.id,
                theme.code,
                form={},
                papers=[("总平面图", "图-01")],
                channel=Channel(ONLINE),
                new_id=self.new_id,
                principal=person("E1", "", uscc=site.uscc),
                now=self.city.now,
            )
            orgs = {
                each: stores.applications.states([case_id])[case_id].state["org"]
                for each, case_id in made.cases.items()
            }
        site.applied |= set(made.items)
        for code, case_id in made.cases.items():
            self._follow(site, case_id, code, orgs[code])

    # --- a case's life

    def _follow(self, site: Site, case_id: UUID, code: str, org: str) -> None:
        """Plan what befalls a case, from its receipt on."""
        reviewer, head = (person(role, _place_of(org), org) for role in ("A2", "A3"))
        way = self.chance.random()

        def command(
            name: str, use_case: Callable[..., Any], who: Principal, *args: Any, **more: Any
        ) -> None:
            with self.city.begin("approval_tracking") as tx:
                stores = [CaseStore(tx)]
                if use_case in _WITH_PROJECTS:
                    stores.append(ProjectStore(tx))  # type: ignore[arg-type]
                use_case(
                    *stores,
                    case_id,
                    *args,
                    expected_version=0,
                    principal=who,
                    now=self.city.now,
                    **more,
                )

        def accept() -> None:
            item = self._catalogue.item(code)
            deferred = []
            if item.deferrable_materials and self.maybe(0.3):
                deferred = [DeferralAsked(item.deferrable_materials[0])]
                day = self.later(self.chance.choice((2, 4, 9, 15, 30, 60)))
                self.plan(day, "supply", supply)
            self.plan(self.later(0), "review", review, slot=4)
            command(
                "accept",
                cases.accept_case,
                reviewer,
                deferred=deferred,
                undertaking="承诺书" if deferred else "",
            )

        def supply() -> None:
            command(
                "supply",
                trust.supply_deferred,
                person("E1", "", uscc=site.uscc),
                [],
                on=None,
                document="",
            )

        def supplement() -> None:
            command("supplement", cases.supplement_case, person("E1", "", uscc=site.uscc), [])
            self.plan(self.later(self.chance.choice((0, 1, 3, 9))), "accept", accept)

        def ask() -> None:
            command("ask", cases.request_supplement, reviewer, ["请补正申请表"])
            self.plan(self.later(self.chance.randint(1, 10)), "supplement", supplement)

        def review() -> None:
            """Once it is under review: pause, more time, decision, each by its chance."""
            stops = [each for each in self._catalogue.item(code).procedures if each.stops_clock]
            if stops and self.maybe(0.25):
                self.plan(
                    self.later(self.chance.randint(1, 4)), "pause", lambda: pause(stops[0].name)
                )
            elif self.maybe(0.15):
                self.plan(self.later(self.chance.randint(1, 6)), "extend", extend)
            late = self.chance.choices(
                (2, 5, 9, 14, 22, 35, 60, None), (30, 25, 15, 10, 7, 5, 3, 5)
            )[0]
            if late is not None:
                self.plan(self.later(late), "decide", decide)

        def pause(procedure: str) -> None:
            until = self.later(self.chance.randint(2, 12))
            command(
                "pause",
                cases.pause_case,
                reviewer,
                procedure,
                starts_on=None,
                expected_end=until,
                reason="需专家评审",
            )
            command("pause", cases.decide_pause, head, True)
            over = self.chance.choice((-2, 0, 0, 3, 8, 45))
            self.plan(
                max(after(until, over) if over > 0 else until, self.later(1)), "resume", resume
            )

        def resume() -> None:
            command("resume", cases.resume_case, reviewer)
            self.plan(self.later(self.chance.choice((1, 3, 6, 15))), "decide", decide)

        def extend() -> None:
            command("extend", lives.ask_extension, reviewer, 5, "情况复杂", document="延期请示")
            command("extend", lives.decide_extension, head, True, document="延期批准")

        def decide() -> None:
            outcome = APPROVED if self.maybe(0.96) else REJECTED
            command(
                "decide",
                cases.decide_case,
                head,
                outcome,
                "符合条件" if outcome == APPROVED else "不符合规划",
                public_reason="办理情况复杂",
            )
            if outcome == REJECTED:
                return
            site.done.add(code)
            self._license(site, case_id, code, head)
            wait = self.chance.choice((0, 1, 2, 5, 9, 12, 18, None))
            if wait is not None:
                self.plan(self.later(wait), "deliver", deliver)
            if self.maybe(0.12):
                self.plan(self.later(1), "rate", lambda: self._rate(site, case_id))
            check = self.chance.choice((10, 35, 44, 60, None))
            if check:
                self.plan(self.later(check), "check pledge", check_pledge)
            self.plan(self.later(1), "apply", lambda: self._apply(site))

        def deliver() -> None:
            command("deliver", cases.deliver_case, reviewer)

        def check_pledge() -> None:
            command(
                "check pledge",
                trust.check_pledge,
                reviewer,
                True,
                "核查属实",
                put_right_by=None,
                document="",
            )

        if way < 0.07:
            # Nobody looks at it: the law accepts, and somebody decides at last.
            self.plan(self.later(7), "review", review)
        elif way < 0.17:
            self.plan(self.later(self.chance.randint(1, 4)), "ask", ask)
        elif way < 0.20:
            self.plan(
                self.later(2),
                "refuse",
                lambda: command("refuse", cases.refuse_case, reviewer, "不属于本机关职权"),
            )
        else:
            self.plan(self.later(self.chance.choice((0, 1, 1, 2, 3, 4, 5))), "accept", accept)

    def _license(self, site: Site, case_id: UUID, code: str, head: Principal) -> None:
        item = self._catalogue.item(code)
        if not any(word in item.result_document for word in _LICENSED):
            return
        press = documents.Press(
            self.new_id, lambda: self.new_id().hex, lambda text: text, lambda content: b"docx"
        )
        with self.city.begin("approval_tracking") as tx:
            store = CaseStore(tx)
            issued = documents.case_document(
                DocumentStore(tx), store, case_id, DECISION, 0,
                press=press, principal=head, now=self.city.now,
            )  # fmt: skip
            keys = store.materials.seal_keys(lambda: SEAL.make(str(self.new_id()), self.city.now))
            materials.issue_licence(
                store.materials,
                store.hold(case_id, today=day_of(self.city.now)).case,
                item,
                issued,
                material_id=self.new_id(),
                sealing=materials.Sealing(lambda statement: SEAL.sign(keys, statement)),
                by=head.account_id,
                now=self.city.now,
            )

    def _rate(self, site: Site, case_id: UUID) -> None:
        score = self.chance.choice((1, 2, 2, 4, 5))
        with self.city.begin("proxy_log") as tx:
            rating = diary_acts.rate_service(
                Diary(tx),
                self.new_id(),
                Served("case", str(case_id), site.id, ""),
                score,
                "",
                companies=frozenset({site.uscc}),
                scope=Scope.of(person("E1", "", uscc=site.uscc)),
                by="e1",
                now=self.city.now,
            )

        def contact() -> None:
            who = person("B3", site.district)
            with self.city.begin("proxy_log") as tx:
                diary_acts.contact_rater(
                    Diary(tx),
                    rating.id,
                    "已联系核实",
                    scope=Scope.of(who),
                    by=who.account_id,
                    by_name=who.name,
                    expected_version=0,
                    now=self.city.now,
                )

        if score <= 2 and self.maybe(0.7):
            wait = self.chance.choice((0, 0, 1, 3))
            if wait:
                self.plan(self.later(wait), "contact", contact, slot=4)
            else:
                self.plan_at(self.city.now + timedelta(minutes=1), "contact", contact)

    # --- plans

    def _freeze(self, site: Site) -> None:
        """Agree on the plan as it is, and look at it every week from then on."""
        with self.city.begin("approval_tracking") as tx:
            store, reference = ProjectStore(tx), CaseStore(tx).reference
            projects.lay_plan(store, reference, site.id, now=self.city.now)
            kept = plans.propose_plan(store, site.id, reason="", expected_version=0)
            body = next(node["org"] for node in kept.content["nodes"] if node["org"])
            for who in (
                person("E1", "", uscc=site.uscc),
                person("B2", site.path),
                person("A4", _place_of(body), body),
            ):
                plans.sign_plan(
                    store, site.id, note="", expected_version=0, principal=who, now=self.city.now
                )
            plans.baseline_plan(store, site.id, reason="", expected_version=0, now=self.city.now)
        self.plan(self.later(5), "lay", lambda: self._lay(site), slot=3)

    def _lay(self, site: Site) -> None:
        with self.city.begin("approval_tracking") as tx:
            reference = CaseStore(tx).reference
            projects.lay_plan(ProjectStore(tx), reference, site.id, now=self.city.now)
        self.plan(self.later(5), "lay", lambda: self._lay(site), slot=3)

    # --- orders, as they come

    def answer(self, facts: Sequence[Envelope]) -> None:
        """Whoever got an order deals with it, in time, late or not at all."""
        for fact in facts:
            if fact.type == "work_order_dispatched.v1":
                way = self.chance.random()
                if way < 0.55:
                    self._handle(fact.data["order"], self.chance.choice((0, 0, 1)))
                elif way < 0.75:
                    self._handle(fact.data["order"], self.chance.choice((2, 4, 9)))

    def _handle(self, order: dict[str, Any], wait: int) -> None:
        order_id = UUID(order["order_id"])
        who = self._answering(order)
        checker = person("D5", CITY) if order["level"] != "区级" else person("D1", _top(order))

        def act(use_case: Callable[..., Any], by: Principal, **more: Any) -> None:
            with self.city.begin("warning_dispatch") as tx:
                occasion = Occasion(self.city.now, self.new_id, CITY)
                caller = Caller(by, Scope.of(by))
                use_case(Ledger(tx), order_id, caller, occasion, expected_version=0, **more)

        def answer() -> None:
            act(dispatch.sign_work_order, who)
            told = Feedback(
                "department",
                "已加派人手",
                day_of(self.city.now),
                "附件",
                "负责人",
                self.city.now,
                "a4",
            )
            act(dispatch.answer_work_order, who, feedback=told)
            self.plan(self.later(1), "check", check)

        def check() -> None:
            passed = self.maybe(0.85)
            act(
                dispatch.check_work_order,
                checker,
                passed=passed,
                note="属实" if passed else "措施不到位",
                statement="已公开说明理由",
            )
            if not passed:
                self.plan(self.later(self.chance.choice((0, 1, 3))), "answer", again)

        def again() -> None:
            told = Feedback(
                "department",
                "再次整改",
                day_of(self.city.now),
                "附件",
                "负责人",
                self.city.now,
                "a4",
            )
            act(dispatch.answer_work_order, who, feedback=told)

        self.plan(self.later(wait), "answer", answer, slot=self.chance.choice((0, 1)))

    @staticmethod
    def _answering(order: dict[str, Any]) -> Principal:
        org, top = order["lead_org"], _top(order)
        if org.endswith(":政务服务"):
            return person("B3", top)
        if order["duty_bearer"] == "enterprise":
            return person("E1", "", uscc=order["uscc"])
        return person("A4", _place_of(org), org)


_WITH_PROJECTS = {
    cases.request_supplement,
    cases.refuse_case,
    cases.decide_case,
}


def _top(order: dict[str, Any]) -> str:
    return "/".join(order["region_path"].split("/")[:2])


def _place_of(org: str) -> str:
    code = org.partition(":")[0]
    # What the province decides has no region of ours.
    return regions.path_of(code) if regions.find(code) else CITY


def _json(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
