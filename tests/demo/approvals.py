"""The chapters about approvals: the guide, the plan, one application for a theme, a joint review."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import docx

from demo.teller import ROOT, SHANGHAI, Json, Teller, must, zh
from support.waiting import eventually

# The item whose limit the story lets run out: seven working days at the ecology department.
ITEM, DEPARTMENT = "S2-09", "shengtai"
# The theme that the project applies for, and what of it is filed at once.
THEME, FILING = "T02", "S2-02"
# The item that takes every turn a case may take.
TURNS = "S2-06"
AUCTION = "S3-05"
DISTRICT = "321181"
LEAD = f"{DISTRICT}:发改"


class Approvals(Teller):
    # _application is the one for the theme, _cases what it became, by item.
    _application: str
    _cases: dict[str, str]

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

    def apply_for_theme(self, project: str) -> str:
        """The enterprise applies once; it becomes its cases, and one item is decided at once."""
        e1 = self.person("e1.p02")

        def offered() -> Json:
            themes = must(e1.get(f"/v1/projects/{project}/themes"))["themes"]
            return dict(next(each for each in themes if each["code"] == THEME))

        theme = eventually(offered, timeout=60)
        made = must(
            e1.post(
                "/v1/applications:theme",
                json={
                    "project_id": project,
                    "theme": THEME,
                    "form": [{"name": theme["joint_form"][0], "text": "功率器件生产线"}],
                    "papers": [{"name": "总平面图", "document": "图-01"}],
                },
            )
        )["application"]
        self._application = f"/v1/applications/{made['application_id']}"
        self._cases = {each["item_code"]: each["case_id"] for each in made["items"]}
        for code in ("S2-01", FILING):
            one = f"/v1/cases/{self._cases[code]}"
            must(self.person("a2.danyang.fagai").post(f"{one}:accept", json={}))
            approval = {"outcome": "DECISION_OUTCOME_APPROVED"}
            must(self.person("a3.danyang.fagai").post(f"{one}:decide", json=approval))
            must(self.person("a1.danyang").post(f"{one}:deliver", json={}))
        case = str(self._cases[ITEM])
        taken = must(
            self.person(f"a2.danyang.{DEPARTMENT}").post(f"/v1/cases/{case}:accept", json={})
        )["case"]
        partly = must(e1.get(self._application))["application"]
        self.step(
            f"企业一次申报「{made['theme_name']}」, 分为 {len(made['items'])} 件; "
            f"{partly['decided']}/{partly['total']} 已办结; 「{taken['item_name']}」受理: "
            f"{taken['receipt_number']}, 承诺 {taken['clock']['committed_due']} 前办结",
            f"the enterprise applies once for a theme, which becomes {len(made['items'])} cases; "
            f"{partly['decided']} of {partly['total']} are decided, another is due "
            f"{taken['clock']['committed_due']}",
        )
        return case

    def correct_together(self) -> None:
        """What the departments miss comes as one notice of the window."""
        proposed = f"{self._application}:proposeCorrections"
        missing = {"item_code": TURNS, "entries": ["节能报告缺第三章", "缺用能设备清单"]}
        must(self.person("a2.danyang.fagai").post(proposed, json=missing))
        alone = self.person("a2.danyang.fagai").post(
            f"/v1/cases/{self._cases[TURNS]}:requestSupplement", json={"entries": ["缺图"]}
        )
        assert alone.status_code == 400, alone.text
        asked = must(
            self.person("a1.danyang").post(f"{self._application}:askCorrections", json={})
        )["application"]
        self.step(
            f"各部门意见合并为一次补正告知({asked['notice_sent_at'][:10]}), 共 "
            f"{len(missing['entries'])} 项; 部门单独告知被拒: {zh(alone)}",
            "what the departments miss is asked for by one notice; a department that asks by "
            "itself is refused",
        )

    def take_turns(self) -> None:
        """Another application takes every turn: papers missing, an expert review, more time, done."""
        one, clocks = f"/v1/cases/{self._cases[TURNS]}", list[Json]()

        def act(username: str, verb: str, **body: Any) -> None:
            told = must(self.person(username).post(f"{one}:{verb}", json=body))
            clocks.append(told["case"]["clock"])

        act("e1.p02", "supplement")
        act("a2.danyang.fagai", "accept")
        self.step(
            "节能审查: 企业补正, 自补正之日受理, "
            f"承诺 {clocks[-1]['committed_due']}, 法定 {clocks[-1]['statutory_due']}",
            "energy review: what was missing comes, accepted from that day: "
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

    def review_jointly(self, project: str, case: str) -> None:
        """Two departments review a case together; what is concluded becomes a task with an order."""
        d1, meeting = self.person("d1.danyang"), self.now().astimezone(SHANGHAI)
        meeting = (meeting + timedelta(minutes=30)).replace(second=0, microsecond=0)
        limit = str(meeting.date() + timedelta(days=2))
        guests = [
            {"org": org, "opinion_due": limit, "silence": "SILENCE_RULE_CHASED"}
            for org in (LEAD, f"{DISTRICT}:生态环境")
        ]
        convened = must(
            d1.post(
                "/v1/joint-reviews",
                json={
                    "project_id": project,
                    "case_ids": [case],
                    "subject": "环评与能耗指标会办",
                    "meets_on": str(meeting.date()),
                    "meets_at": f"{meeting:%H:%M}",
                    "place": "丹阳市政务服务中心",
                    "invitations": guests,
                    "papers": [{"title": "环评报告表", "document": "环评-01"}],
                },
            )
        )["review"]
        one = f"/v1/joint-reviews/{convened['review_id']}"
        for who, view, text in (
            ("a2.danyang.fagai", "JOINT_VIEW_AGREE_WITH_CONDITIONS", "须落实能耗指标"),
            (f"a2.danyang.{DEPARTMENT}", "JOINT_VIEW_AGREE", ""),
        ):
            given = {"case_id": case, "view": view, "text": text}
            must(self.person(who).post(f"{one}:giveOpinion", json=given))
        self.move_to_moment(meeting)
        present = [{"name": "示例科长", "org": LEAD}]
        minutes = {"minutes": "会议逐项讨论, 一致同意有条件通过。", "present": present}
        # The moved clock reaches the service a moment later, or when its database is back.
        eventually(lambda: must(d1.post(f"{one}:recordMeeting", json=minutes)), timeout=60)
        task = {"text": "出具能耗指标平衡意见", "org": LEAD, "due_on": limit}
        conclusion = {
            "case_id": case,
            "outcome": "JOINT_OUTCOME_PROCEED_WITH_CONDITIONS",
            "text": "落实能耗指标后通过",
            "tasks": [task],
        }
        must(d1.post(f"{one}:conclude", json={"conclusions": [conclusion]}))
        file = d1.get(f"{one}/minutes:download")
        assert file.status_code == 200, file.text
        kept = ROOT / "build" / "demo" / "会办纪要.docx"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(file.content)
        told = [each.text for each in docx.Document(str(kept)).paragraphs]
        assert minutes["minutes"] in told, told
        clock = must(d1.get(f"/v1/cases/{case}"))["case"]["clock"]
        self.step(
            f"联审会办: 两部门会前反馈意见, 有条件通过, 承诺期限仍为 {clock['committed_due']}; "
            f"纪要存于 {kept.relative_to(ROOT)}",
            "a joint review: two departments say what they think, it goes on with a condition, "
            f"no limit moves; the minutes are {kept.relative_to(ROOT)}",
        )
        self.finish_task(case)

    def finish_task(self, case: str) -> None:
        """The department that got the task answers its order."""
        lead = self.person("a4.danyang.fagai")
        order = eventually(lambda: self.order_of(case), timeout=60)
        one = f"/v1/work-orders/{order['order_id']}"
        must(lead.post(f"{one}:sign", json={}))
        must(lead.post(f"{one}:handle", json={"handler": "示例经办", "note": "核定指标"}))
        must(
            lead.post(
                f"{one}:feedback",
                json={
                    "cause": "CAUSE_DEPARTMENT",
                    "measures": "已出具能耗指标平衡意见",
                    "completion_date": str(self.today()),
                    "signer_name": "示例负责人",
                    "evidence": "平衡意见第 1 号",
                },
            )
        )
        passed = {"passed": True, "note": "条件已落实", "statement": "已核实"}
        must(self.person("d4.city").post(f"{one}:check", json=passed))
        self.step(
            f"会办条件自动成为工单 {order['number']} ({order['lead_org_name']}), 已办结",
            f"the condition became work order {order['number']} by itself, and is met",
        )

    def order_of(self, case: str) -> Json:
        """Return the open order about a case."""
        orders = must(self.person("d4.city").get("/v1/work-orders", params={"open": True}))
        ours = [each for each in orders["orders"] if each["case_id"] == case]
        assert ours, f"case {case} has no work order"
        return dict(ours[0])

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
