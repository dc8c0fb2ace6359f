"""A city with as many open cases as wanted, stored as the product stores them.

Some thousand cases live through the domain itself, with other items, districts, days and turns; the
database then copies them to projects of their district, each with all its items under way.
"""

from __future__ import annotations

import random
from datetime import date, datetime, time

import sqlalchemy as sa

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import Actor
from approval_tracking.domain.catalogue import Item, Limit
from approval_tracking.domain.clock import freeze
from approval_tracking.store import CaseStore, Reference
from approval_tracking.usecases.data import load_data
from chassis.calendar import SHANGHAI, Calendar
from chassis.db import Database
from chassis.ids import new_id

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
DISTRICTS = tuple(
    f"321100/{code}" for code in (321102, 321111, 321112, 321171, 321172, 321181, 321182, 321183)
)
_VARIANTS = 8
_FIRST = date(2026, 8, 3)

_PROJECTS = sa.text(
    """
    insert into projects (id, version, name, region_path, level, uscc, agents, state, catalogue)
    select gen_random_uuid(), number, '项目' || number,
        (cast(:districts as text[]))[1 + number % :districts_number], '市级', '', '{}', '{}', 1
    from generate_series(1, :projects) number
    """
)
_COPY = sa.text(
    """
    insert into cases (id, version, project_id, item_code, status, org, region_path, level, uscc,
        agents, received_at, due_on, act_by, deemed_at, calendar_version, state, record)
    select made.id, 1, project.id, model.item_code, model.status, model.org, model.region_path,
        model.level, model.uscc, model.agents, model.received_at, model.due_on, model.act_by,
        model.deemed_at,
        model.calendar_version,
        model.state || jsonb_build_object(
            'case_id', made.id, 'project_id', project.id, 'project_name', project.name),
        model.record
    from projects project
    join models model
      on model.region_path = project.region_path
     and model.variant = (project.version * 7 + hashtext(model.item_code)) & (:variants - 1)
    cross join lateral (select gen_random_uuid() as id where project.id is not null) made
    """
)


def fill(database: Database, cases: int) -> int:
    """Fill an empty database of approval_tracking and return how many cases are open."""
    with database.begin() as tx:
        load_data(Reference(tx), now=NOW)
    with database.begin(quietly=True) as tx:
        items = _live(tx)
        projects = cases // items
        values = {"districts": list(DISTRICTS), "districts_number": len(DISTRICTS)}
        tx.execute(_PROJECTS, {**values, "projects": projects})
        tx.execute(_COPY, {"variants": _VARIANTS})
        made = int(tx.scalar(sa.text("select count(*) from cases")) or 0)
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("vacuum analyze"))
    return made


def _live(tx: sa.Connection) -> int:
    """Let the models live, and put them aside into a temporary table; return how many items have one."""
    store = CaseStore(tx)
    calendar, catalogue = store.reference.calendar(), store.reference.catalogue(1)
    attributes = catalogue.read_attributes({})
    chance = random.Random(7)
    variants = []
    for path in DISTRICTS:
        for item in catalogue.items.values():
            for variant in range(_VARIANTS):
                case = _model(item, path, calendar, chance, item.statutory_for(attributes))
                store.add(case, calendar, at=NOW)
                variants.append({"id": case.id, "variant": variant})
    tx.execute(sa.text("create temporary table variants (id uuid, variant integer) on commit drop"))
    tx.execute(sa.text("insert into variants values (:id, :variant)"), variants)
    tx.execute(
        sa.text(
            "create temporary table models on commit drop as "
            "select cases.*, variant from cases join variants using (id)"
        )
    )
    tx.execute(sa.text("analyze models"))
    tx.execute(sa.text("delete from cases"))
    tx.execute(sa.text("delete from outbox"))
    return len(catalogue.items)


def _model(
    item: Item, path: str, calendar: Calendar, chance: random.Random, statutory: Limit
) -> Case:
    """Return an open case that came in on some day and had some of the turns that cases have."""
    region = path.rpartition("/")[2]
    org = f"{region}:{item.department}"
    days = calendar.working_days_between(_FIRST, NOW.date())
    # Most of what is open came in lately.
    came = calendar.add_working_days(NOW.date(), -min(days, int(chance.expovariate(1 / 15))))
    case = Case(
        id=new_id(),
        receipt_number=f"{region}-{came:%Y%m%d}-000001",
        project_id=new_id(),
        project_name="",
        item_code=item.code,
        item_name=item.name,
        stage=item.stage,
        duty_bearer=item.duty_bearer,
        org=org,
        org_name=org,
        region_path=path,
        level="市级",
        uscc="",
        agents=(),
        mode="single",
        rules=freeze(item, statutory=statutory, committed=item.committed),
        procedures=item.procedures,
        prerequisites=item.prerequisites,
        catalogue=1,
        received_at=_at(came, 9),
    )
    applicant, reviewer, head = Actor("company"), Actor("reviewer", org), Actor("head", org)
    case.submit(applicant, at=_at(came, 9), at_window=False)
    turn = chance.random()
    if turn < 0.15:
        return case
    if turn < 0.40 and not case.rules.returns_papers:
        case.request_supplement(["缺少材料"], reviewer, at=_at(came, 10))
        if turn < 0.25:
            return case
        case.supplement((), applicant, at=_at(came, 11))
    case.accept(item.committed, reviewer, at=_at(came, 15))
    stops = [each for each in item.procedures if each.stops_clock]
    if stops and turn > 0.7:
        end = calendar.add_working_days(NOW.date(), 10)
        case.ask_pause(
            stops[0].name,
            reviewer,
            starts_on=came,
            expected_end=end,
            reason="",
            calendar=calendar,
            at=_at(came, 16),
        )
        case.decide_pause(True, head, calendar=calendar, at=_at(came, 17))
    return case


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), SHANGHAI)
