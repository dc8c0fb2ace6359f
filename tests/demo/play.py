"""`make demo`: the main job from the annual list to the month's report, through the public API only.

Needs an instance with demo accounts and a movable clock, which it moves some days forward.
It may be played again: every run brings a project of its own.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for _each in ("services", "gateway", "build/gen", "deploy", "tests"):
    sys.path.insert(0, str(ROOT / _each))

from openpyxl import load_workbook  # noqa: E402
from PIL import Image  # noqa: E402

from demo.approvals import DEPARTMENT, Approvals  # noqa: E402
from demo.teller import SHANGHAI, Json, must  # noqa: E402
from instance.state import State  # noqa: E402
from support.projects import workbook  # noqa: E402
from support.waiting import eventually  # noqa: E402

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# How many steps are told.
STEPS = 18


class Story(Approvals):
    """One playing of the story; `tell` gets a line for every step."""

    def play(self) -> Json:
        """Play it to the end; return what came out: the project, the case, its cards and order."""
        self._began = self.today()
        before = self.red_cards()
        project = self.import_list()
        self.show_guide(project)
        self.show_plan(project)
        self.agree_plan(project)
        self.send_agent(project)
        case = self.apply_for_theme(project)
        self.correct_together()
        self.take_turns()
        self.review_jointly(project, case)
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
            self._application,
            f"/v1/joint-reviews?project_id={project}",
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
