"""`make demo`: the main job from the annual list to the month's report, through the public API only.

Needs an instance with demo accounts and a movable clock, which it moves some days forward.
It may be played again: every run brings a project of its own.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
for _each in ("services", "gateway", "build/gen", "deploy", "tests"):
    sys.path.insert(0, str(ROOT / _each))

import httpx  # noqa: E402
from openpyxl import load_workbook  # noqa: E402
from PIL import Image  # noqa: E402

from instance.state import State  # noqa: E402
from support.callers import caller  # noqa: E402
from support.projects import workbook  # noqa: E402
from support.waiting import eventually  # noqa: E402

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHANGHAI = ZoneInfo("Asia/Shanghai")
# The item whose limit the story lets run out: seven working days at the ecology department.
ITEM, DEPARTMENT = "S2-09", "shengtai"
# The item that takes every turn a case may take.
TURNS = "S2-06"
AUCTION = "S3-05"

Json = dict[str, Any]
Tell = Callable[[str], None]


class Story:
    """One playing of the story; `tell` gets a line for every step."""

    def __init__(self, base_url: str, tell: Tell = print, *, patience: float = 0) -> None:
        self._base_url, self._tell, self._patience = base_url, tell, patience
        self._people: dict[str, httpx.Client] = {}
        self._step = 0
        self._began = date.min

    def play(self) -> Json:
        """Play it to the end; return what came out: the project, the case, its cards and order."""
        self._began = self.today()
        before = self.red_cards()
        project = self.import_list()
        self.show_guide(project)
        self.show_plan(project)
        self.agree_plan(project)
        self.send_agent(project)
        case = self.apply(project)
        self.take_turns(project)
        self.look_ahead(project, case)
        cards = self.let_time_pass(case)
        order = self.answer_order(case)
        report = self.report(order, more_than=before)
        self.show_where(project, case, order)
        for person in self._people.values():
            person.close()
        return {"project": project, "case": case, "cards": cards, "order": order, "report": report}

    # --- the chapters ---

    def import_list(self) -> str:
        """Bring a project in by the year's list."""
        d4, today = self.person("d4.city"), self.today()
        number = datetime.now(SHANGHAI).strftime("%H%M%S")
        row: Mapping[str, Any] = {
            "年度": today.year,
            "级别": "市级",
            "类别": "实施",
            "项目名称": f"示例功率器件项目{number}",
            "项目代码": f"{today:%y%m}-321181-89-01-{number}",
            "建设单位": "示例汽车部件(丹阳)有限公司",
            "统一社会信用代码": "91321181000000027K",
            "行政区划": "丹阳市",
            "管理载体": "丹北镇",
            "总投资(万元)": 80000,
            "签约日期": str(today),
            "计划开工": str(today + timedelta(days=300)),
            "计划竣工": str(today + timedelta(days=900)),
        }
        one_list, preview = self.upload({**row, "统一社会信用代码": "91321181000000027X"})
        (bad,) = preview["errors"]
        self.step(
            f"市专班上传年度清单: 第 {bad['row']} 行「{bad['column']}」{bad['zh']}, 未入库",
            f"the city uploads the annual list: row {bad['row']}, {bad['en']}; nothing is taken",
        )
        one_list, preview = self.upload(row)
        assert preview["errors"] == [], preview["errors"]
        committed = must(
            d4.post(f"{one_list}:commit", json={"preview_token": preview["preview_token"]})
        )
        self.step(
            f"更正后导入: 新增 {committed['list']['added']} 个项目「{row['项目名称']}」",
            "corrected, the list is imported: one new project",
        )
        return str(must(d4.get(one_list))["list"]["project_ids"][0])

    def upload(self, row: Mapping[str, Any]) -> tuple[str, Json]:
        """Upload a list of one row; return its path and what the preview says of it."""
        d4 = self.person("d4.city")
        uploaded = must(
            d4.post(
                "/v1/annual-lists:upload",
                params={"file_name": "年度清单.xlsx"},
                content=workbook([row]),
                headers={"content-type": XLSX},
            )
        )
        one_list = f"/v1/annual-lists/{uploaded['list']['list_id']}"
        return one_list, must(d4.post(f"{one_list}:preview", json={}))

    def show_guide(self, project: str) -> None:
        """What applies and why; one attribute is other than thought, and the list moves at once."""
        e1, one = self.person("e1.p02"), f"/v1/projects/{project}"
        guide = eventually(lambda: must(e1.get(f"{one}/guide")), timeout=60)
        moved = must(e1.get(f"{one}/guide:compare", params={"changes": "annual_energy_tce=2400"}))
        (added,) = moved["added"]
        changed = {"details": {"attributes": {"annual_energy_tce": "2400"}}}
        named = {"fields": ["attributes.annual_energy_tce"], "reason": "能耗测算更新"}
        must(self.person("d4.city").patch(one, json={**changed, **named}))

        def arrived() -> bool:
            items = must(e1.get(f"{one}/items", params={"page_size": 200}))["items"]
            return TURNS in {each["item_code"] for each in items}

        eventually(arrived, timeout=60)
        self.step(
            f"办事指南: {len(guide['needed'])} 个适用事项, 各附理由; 年能耗改为 2400 吨标煤, "
            f"新增「{added['name']}」: {added['reason']['zh']}",
            f"the guide: {len(guide['needed'])} items apply, each with its reason; 2,400 tce a "
            f"year instead, and {added['name_en']} comes in: {added['reason']['en']}",
        )

    def show_plan(self, project: str) -> None:
        """The catalogue picks the items and lays them on the calendar by itself."""
        e1 = self.person("e1.p02")
        plan = eventually(lambda: must(e1.get(f"/v1/projects/{project}/plan")), timeout=60)["plan"]
        items = must(e1.get(f"/v1/projects/{project}/items"))
        self.step(
            f"报批报审数轴图: {items['total_size']} 个事项, 最早可开工 {plan['earliest_start']}, "
            f"关键线路 {' → '.join(plan['critical_path'])}",
            f"the plan: {items['total_size']} items, earliest start {plan['earliest_start']}, "
            f"{plan['slack_days']} working days of slack",
        )

    def agree_plan(self, project: str) -> None:
        """Company, carrier and department sign the plan; the district freezes it."""
        plan, d1 = f"/v1/projects/{project}/plan", self.person("d1.danyang")
        must(d1.post(f"{plan}:propose", json={"reason": "年度开工计划"}))
        early = d1.post(f"{plan}:baseline", json={})
        assert early.status_code == 400, early.text
        for party in ("e1.p02", "b2.danyang", f"a4.danyang.{DEPARTMENT}"):
            must(self.person(party).post(f"{plan}:sign", json={"note": "同意"}))
        frozen = must(d1.post(f"{plan}:baseline", json={}))["plan"]
        self.step(
            f"企业、板块、部门会签, 市(区)冻结基线 V{frozen['baseline']}; "
            f"会签前冻结被拒: {zh(early)}",
            "company, carrier and department sign, the district freezes the baseline "
            f"V{frozen['baseline']}",
        )

    def send_agent(self, project: str) -> None:
        """A navigator is assigned, visits, and files a log with a photo."""
        b3, b1 = self.person("b3.danyang"), self.person("b1.danyang")
        agents = must(b3.get("/v1/agents", params={"region": "321181"}))["agents"]
        ids = {each["username"]: each["account_id"] for each in agents}
        eventually(
            lambda: must(
                b3.post(
                    f"/v1/projects/{project}/agents:assign",
                    json={"main": ids["b1.danyang"], "backups": [ids["b2.danyang"]]},
                )
            ),
            timeout=60,
        )
        filed = must(
            b1.post(
                "/v1/logs",
                json={
                    "project_id": project,
                    "kind": "LOG_KIND_VISIT",
                    "worked_on": str(self.today()),
                    "work": "上门核对用地红线, 梳理环评所需材料",
                    "next_step": "协助网上提交环评申请",
                },
            )
        )
        photo = io.BytesIO()
        Image.new("RGB", (640, 480), (200, 120, 60)).save(photo, "JPEG")
        must(
            b1.post(
                f"/v1/logs/{filed['log']['log_id']}/photos",
                content=photo.getvalue(),
                headers={"content-type": "image/jpeg"},
            )
        )
        self.step(
            "帮办代办员上门走访, 填写日志并上传照片",
            "the agent visits, files a log and a photo",
        )

    def apply(self, project: str) -> str:
        """The enterprise applies twice: one item is decided at once, the other is left lying."""
        code = self.submit(project, "S2-01")
        a2, a3 = self.person("a2.danyang.fagai"), self.person("a3.danyang.fagai")
        must(a2.post(f"/v1/cases/{code}:accept", json={}))
        must(a3.post(f"/v1/cases/{code}:decide", json={"outcome": "DECISION_OUTCOME_APPROVED"}))
        must(self.person("a1.danyang").post(f"/v1/cases/{code}:deliver", json={}))
        case = self.submit(project, ITEM)
        taken = must(
            self.person(f"a2.danyang.{DEPARTMENT}").post(f"/v1/cases/{case}:accept", json={})
        )["case"]
        self.step(
            f"企业申报, 部门受理「{taken['item_name']}」: {taken['receipt_number']}, "
            f"承诺 {taken['clock']['committed_due']} 前办结",
            f"the enterprise applies, the department accepts: due {taken['clock']['committed_due']}",
        )
        return case

    def take_turns(self, project: str) -> None:
        """Another application takes every turn: papers missing, an expert review, more time, done."""
        case = self.submit(project, TURNS)
        one, clocks = f"/v1/cases/{case}", list[Json]()

        def act(username: str, verb: str, **body: Any) -> None:
            told = must(self.person(username).post(f"{one}:{verb}", json=body))
            clocks.append(told["case"]["clock"])

        act("a2.danyang.fagai", "requestSupplement", entries=["节能报告缺第三章", "缺用能设备清单"])
        act("e1.p02", "supplement")
        act("a2.danyang.fagai", "accept")
        self.step(
            "节能审查: 一次告知 2 项, 企业补正, 自补正之日受理, "
            f"承诺 {clocks[-1]['committed_due']}, 法定 {clocks[-1]['statutory_due']}",
            "energy review: one notice asks for two things, they come, accepted from that day: "
            f"promised by {clocks[-1]['committed_due']}, in law by {clocks[-1]['statutory_due']}",
        )
        ends = self.today() + timedelta(days=5)
        act(
            "a2.danyang.fagai",
            "pause",
            procedure="节能评审(委托)",
            expected_end=str(ends),
            document="评审委托书",
        )
        act("a3.danyang.fagai", "decidePause", approved=True)
        self.move_to(ends)
        act("a2.danyang.fagai", "resume", document="评审意见")
        before, after = clocks[-4]["committed_due"], clocks[-1]["committed_due"]
        act("a2.danyang.fagai", "extend", days=5, reason="评审意见需复核")
        act("a3.danyang.fagai", "decideExtension", approved=True, document="延期决定")
        self.step(
            f"专家评审停表, 经批准, 评审后复表: 承诺 {before} → {after}; "
            f"延期 5 日, 经负责人批准: 法定至 {clocks[-1]['statutory_due']}",
            f"the expert review stops the clock, approved: {before} → {after}; five days more, "
            f"approved by the head: in law by {clocks[-1]['statutory_due']}",
        )
        act("a3.danyang.fagai", "decide", outcome="DECISION_OUTCOME_APPROVED", reason="符合标准")
        must(self.person("a1.danyang").post(f"{one}:deliver", json={}))

    def look_ahead(self, project: str, case: str) -> None:
        """How likely the planned start is, what threatens it, and what would help."""
        e1, one = self.person("e1.p02"), f"/v1/projects/{project}/forecast"
        told = must(e1.get(one))["forecast"]
        waits = next(each for each in told["items"] if each.get("case_id") == case)
        # The auction has its shortest period in law; what comes next on the path may be quicker.
        holds = next(
            each
            for each in told["items"]
            if each.get("critical", 0) > 0.5 and each["item_code"] != AUCTION
        )
        code = holds["item_code"]
        changes = [{"kind": "WHAT_IF_KIND_SHORTEN", "item_code": code, "days": 1}]
        other = must(e1.post(f"{one}:whatIf", json={"changes": changes}))
        drop = [{"kind": "WHAT_IF_KIND_DROP", "item_code": "S5-09"}]
        refused = e1.post(f"{one}:whatIf", json={"changes": drop})
        assert refused.status_code == 400, refused.text
        self.step(
            f"开工预测: 半数 {told['p50']}, 八成 {told['p80']}, 按期概率 {told.get('keeps', 0):.0%}; "
            f"「{waits['item_name']}」在关键线路的概率 {waits.get('critical', 0):.0%}, "
            f"「{holds['item_name']}」为 {holds['critical']:.0%}, 若 1 日办结, 开工提前 "
            f"{other.get('days_gained', 0)} 个工作日; 不办施工许可: {zh(refused)}",
            f"the forecast: half by {told['p50']}, four in five by {told['p80']}, planned start kept "
            f"with {told.get('keeps', 0):.0%}; {code} decided in a day gains "
            f"{other.get('days_gained', 0)} working days; leaving out the permit is refused",
        )

    def let_time_pass(self, case: str) -> list[Json]:
        """Nobody decides: a yellow card before the limit, a red one after it, and a work order."""
        d4 = self.person("d4.city")
        clock = must(d4.get(f"/v1/cases/{case}"))["case"]["clock"]
        for colour, day in (
            ("YELLOW", date.fromisoformat(clock["yellow_on"])),
            ("RED", date.fromisoformat(clock["committed_due"]) + timedelta(days=1)),
        ):
            self.move_to(day)
            card = self.card_of(case, colour, day)
            self.step(
                f"{card['issued_at'][:10]} {'黄牌' if colour == 'YELLOW' else '红牌'}: "
                + "; ".join(card["explanation_zh"]),
                f"{colour.lower()} card: " + "; ".join(card["explanation_en"]),
            )
        return list(must(d4.get("/v1/cards", params={"case_id": case}))["cards"])

    def answer_order(self, case: str) -> Json:
        """The work order is signed for, answered, the case decided, and the answer checked."""
        d4, lead = self.person("d4.city"), self.person(f"a4.danyang.{DEPARTMENT}")
        order = eventually(lambda: self.order_of(case), timeout=60)
        one = f"/v1/work-orders/{order['order_id']}"
        self.step(
            f"督办工单 {order['number']} 派至{order['lead_org_name']}: {order['requirement']}",
            f"work order {order['number']} goes to the department",
        )
        must(lead.post(f"{one}:sign", json={}))
        must(lead.post(f"{one}:handle", json={"handler": "示例经办", "note": "加派人员审查"}))
        decide = {"outcome": "DECISION_OUTCOME_APPROVED", "reason": "专家评审用时较长"}
        must(self.person(f"a3.danyang.{DEPARTMENT}").post(f"/v1/cases/{case}:decide", json=decide))
        must(
            lead.post(
                f"{one}:feedback",
                json={
                    "cause": "CAUSE_DEPARTMENT",
                    "measures": "加派人员, 当日办结",
                    "completion_date": str(self.today()),
                    "signer_name": "示例负责人",
                    "evidence": "批复文件已送达企业",
                },
            )
        )
        order = must(
            d4.post(
                f"{one}:check", json={"passed": True, "note": "已办结", "statement": "已核实办结"}
            )
        )["order"]
        self.step(
            f"部门反馈、办结, 市专班核查通过: 工单 {order['number']} 办结, 红牌销牌",
            "the department answers and decides, the city checks and closes order and card",
        )
        return dict(order)

    def report(self, order: Json, *, more_than: int) -> Json:
        """The month is on the screen and in the workbook, and both hold what has just happened."""
        d4, month = self.person("d4.city"), f"{self.today():%Y-%m}"

        def counted() -> Json:
            report = must(d4.get(f"/v1/reports/{month}"))
            lines = [each["number"] for each in report["report"]["orders"]]
            assert order["number"] in lines, f"{order['number']} is not in the report yet"
            return report

        report = eventually(counted, timeout=60)
        file = d4.get(f"/v1/reports/{month}/xlsx")
        assert file.status_code == 200, file.text
        kept = ROOT / "build" / "demo" / f"{month}.xlsx"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(file.content)
        book = load_workbook(kept)
        assert order["number"] in [cell.value for cell in book["工单清单"]["A"]]
        red = self.red_cards()
        assert red > more_than, f"{red} red cards, {more_than} before"
        self.step(
            f"{month} 月报: 红牌 {more_than} → {red} 张, 工单 {order['number']} 在附表; "
            f"{len(book.sheetnames)} 张表存于 {kept.relative_to(ROOT)}",
            f"the report of {month}: {more_than} → {red} red cards, the order is in its "
            f"appendix; the workbook is {kept.relative_to(ROOT)}",
        )
        return report

    def show_where(self, project: str, case: str, order: Json) -> None:
        """Say where each step is to be seen afterwards."""
        self._tell(f"\n    各步可查 · to be seen at {self._base_url} (d4.city):")
        for path in (
            f"/v1/projects/{project}",
            f"/v1/projects/{project}/guide",
            f"/v1/projects/{project}/plan",
            f"/v1/projects/{project}/plan:compare",
            f"/v1/projects/{project}/forecast",
            f"/v1/projects/{project}/logs",
            f"/v1/cases/{case}",
            f"/v1/cases/{case}/clock",
            f"/v1/cards?case_id={case}",
            f"/v1/work-orders/{order['order_id']}",
            f"/v1/reports/{self.today():%Y-%m}",
        ):
            must(self.person("d4.city").get(path))
            self._tell(f"      GET {path}")

    def red_cards(self) -> int:
        """How many red cards the reports count from the month in which the story began."""
        d4, last = self.person("d4.city"), self.today()
        year, month, found = self._began.year, self._began.month, 0
        while (year, month) <= (last.year, last.month):
            limits = must(d4.get(f"/v1/reports/{year}-{month:02}"))["report"]["limits"]
            found += sum(int(each["value"]) for each in limits if each["name"] == "本月红牌")
            year, month = year + month // 12, month % 12 + 1
        return found

    # --- what the chapters use ---

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
        moment = datetime(day.year, day.month, day.day, 10, tzinfo=SHANGHAI)
        if moment > self.now():
            operator = self.person("s2.city")
            must(operator.post("/v1/clock:advance", json={"to": moment.isoformat()}))

    def card_of(self, case: str, colour: str, day: date) -> Json:
        """Return the card of a colour; one that falls on a day off appears on the next working day."""
        for _ in range(10):
            try:
                wait = 4 + self._patience / 2
                return eventually(lambda: self._card(case, colour), timeout=wait)
            except AssertionError:
                day += timedelta(days=1)
                self.move_to(day)
        raise AssertionError(f"no {colour} card for case {case} by {day}")

    def _card(self, case: str, colour: str) -> Json:
        asked = {"case_id": case, "colour": f"COLOUR_{colour}"}
        cards = must(self.person("d4.city").get("/v1/cards", params=asked))["cards"]
        assert cards, f"case {case} has no {colour} card"
        return dict(cards[0])

    def order_of(self, case: str) -> Json:
        orders = must(self.person("d4.city").get("/v1/work-orders", params={"open": True}))
        ours = [each for each in orders["orders"] if each["case_id"] == case]
        assert ours, f"case {case} has no work order"
        return dict(ours[0])

    def submit(self, project: str, item: str) -> str:
        """Apply for an item; one whose prerequisite was decided a moment ago may still refuse."""
        e1 = self.person("e1.p02")
        wanted = {"project_id": project, "item_code": item}
        answer = eventually(lambda: must(e1.post("/v1/cases:submit", json=wanted)), timeout=60)
        return str(answer["case"]["case_id"])


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


def main() -> int:
    running = Path(os.environ.get("KAIGONG_RUN") or ROOT / ".run")
    state = State.read(running / "state.json")
    base_url = os.environ.get("KAIGONG_URL") or (state.gateway if state else "")
    if not base_url:
        print("没有正在运行的实例: 请先在另一终端 make run", file=sys.stderr)
        print("no instance is running: `make run` in another terminal first", file=sys.stderr)
        return 1
    try:
        Story(base_url, lambda line: print(line, flush=True)).play()
    except AssertionError as refusal:
        print(f"演示中断 · the story stopped: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
