"""A project's guide: what applies and why, the papers once, and what a change would change."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import docx
import pytest
import yaml

from approval_tracking.documents import notice
from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.guidance import Verdict, compare, guide, merge_papers, read_changes
from approval_tracking.store import Project
from approval_tracking.usecases.guide_notices import content_of
from approval_tracking.usecases.guides import Desk, ProjectGuide
from chassis.errors import FieldInvalid
from support.approval_data import catalogue

PROJECTS = yaml.safe_load(
    (Path(__file__).parent / "data/demo_projects.yaml").read_text(encoding="utf-8")
)["projects"]
CATALOGUE = catalogue()


def verdict_of(code: str, **given: Any) -> Verdict:
    found = guide(CATALOGUE, given)
    return next(each for each in found.verdicts if each.item.code == code)


def test_a_reason_names_the_attribute_and_its_value_in_both_languages() -> None:
    verdict = verdict_of("S2-06", annual_energy_tce=2400, annual_power_wan_kwh=0)

    assert verdict.applies
    assert verdict.zh == "须办理: 年综合能耗(吨标煤): 2400, 不低于 1000"
    assert verdict.en == (
        "needed: annual energy use (tonnes of coal equivalent): 2400, at least 1000"
    )
    assert [cause.attribute for cause in verdict.causes] == ["annual_energy_tce"]


def test_a_reason_against_names_what_was_found_instead() -> None:
    verdict = verdict_of("S2-08", eia_class="form")

    assert not verdict.applies
    assert verdict.zh == "无须办理: 环评类别: 报告表 (不属于: 报告书)"
    assert verdict.en == (
        "not needed: class of environmental impact assessment: form (none of: report)"
    )


def test_only_what_decided_is_named() -> None:
    verdict = verdict_of(
        "S2-12", in_soil_erosion_zone=True, land_area_ha=8, regional_assessment_done=True
    )

    assert [cause.attribute for cause in verdict.causes] == ["regional_assessment_done"]


def test_a_value_that_nobody_gave_is_marked() -> None:
    assumed, told = verdict_of("S5-09"), verdict_of("S5-09", needs_construction_permit=True)

    assert [cause.assumed for cause in assumed.causes] == [True]
    assert assumed.zh.endswith("(未填报, 按默认值)")
    assert [cause.assumed for cause in told.causes] == [False]


def test_what_everybody_needs_says_so() -> None:
    assert verdict_of("S2-01").en == "every project needs it"


@pytest.mark.parametrize("project", PROJECTS, ids=[project["id"] for project in PROJECTS])
def test_each_demo_project_has_a_verdict_with_a_reason_for_every_item(
    project: dict[str, Any],
) -> None:
    found = guide(CATALOGUE, project["attributes"])

    assert len(found.verdicts) == 80
    assert len(found.applicable) == project["expected_applicable_count"]
    assert all(each.causes for each in found.verdicts if each.item.code != "S2-01")
    assert {code for paper in found.papers for code in paper.needed_for} <= {
        item.code for item in found.applicable
    }


def test_a_paper_that_several_items_need_is_handed_in_once() -> None:
    papers = {paper.name: paper for paper in merge_papers(list(CATALOGUE.items.values()))}
    contract, licence = papers["监理合同"], papers["营业执照"]

    assert contract.needed_for == ("S5-06", "S5-09")
    assert contract.may_follow_for == ("S5-06", "S5-09")
    assert contract.by_commitment_for == ("S5-06", "S5-09")
    assert licence.issued_by == "S1-02"
    assert papers["出让合同"].needed_for == ("S3-08", "S3-09")


def test_a_form_belongs_to_its_item_alone() -> None:
    papers = merge_papers([CATALOGUE.items["S3-09"], CATALOGUE.items["S4-02"]])
    forms = [paper for paper in papers if paper.name.startswith("申请表")]

    assert [paper.needed_for for paper in forms] == [("S3-09",), ("S4-02",)]


def test_a_change_of_one_attribute_says_what_comes_in_and_what_falls_away() -> None:
    found = compare(CATALOGUE, {"eia_class": "form"}, {"eia_class": "report"})

    assert [(each.attribute.name, each.before, each.after) for each in found.changes] == [
        ("eia_class", "报告表", "报告书")
    ]
    assert [each.item.code for each in found.added] == ["S2-08"]
    assert [each.item.code for each in found.dropped] == ["S2-09"]
    assert "环境影响报告书" in found.more_papers
    assert "环境影响报告表" in found.fewer_papers
    assert {move.item.code: move.prerequisites for move in found.moved}["S6-10"] == (
        ("S2-09", "S5-09"),
        ("S2-08", "S5-09"),
    )


def test_a_change_may_move_a_legal_limit_alone() -> None:
    found = compare(CATALOGUE, {"floor_area_m2": 8000}, {"floor_area_m2": 30000})

    assert (found.added, found.dropped, found.more_papers) == ((), (), ())
    assert [(move.item.code, move.limits) for move in found.moved] == [
        ("S5-01", (Limit(Decimal(10), "working"), Limit(Decimal(15), "working")))
    ]


def test_the_same_value_changes_nothing() -> None:
    found = compare(CATALOGUE, {"land_area_ha": 8}, {"land_area_ha": 8.0})

    assert (found.changes, found.added, found.dropped, found.moved) == ((), (), (), ())


@pytest.mark.parametrize(
    "text",
    [
        "eia_klass=report",
        "eia_class=repport",
        "land_area_ha=much",
        "land_area_ha=-1",
        "social_risk=2",
    ],
)
def test_a_change_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        read_changes(CATALOGUE, text, field="changes")

    assert caught.value.violations[0].field == "changes"


def test_the_notice_has_every_item_and_every_paper_in_words_for_applicants() -> None:
    project = PROJECTS[0]
    found = guide(CATALOGUE, project["attributes"])
    desk = Desk("321181:发改", "丹阳市发改", "丹阳市政务服务中心", Limit(None), Limit(None))
    copy = Project(
        id=UUID(int=1),
        version=1,
        name=project["name"],
        region_path="321100/321181",
        level="",
        uscc="",
        agents=(),
        status="active",
        sign_date=None,
        actual_start=None,
        planned_start=None,
        planned_completion=None,
        attributes={},
    )
    desks = {item.code: desk for item in found.applicable}
    content = content_of(ProjectGuide(copy, found, desks))
    made = notice(content, date(2026, 3, 2))
    read = docx.Document(io.BytesIO(made))
    needed, conditions, papers, issued, rest = read.tables

    assert notice(content, date(2026, 3, 2)) == made
    assert [len(table.rows) - 1 for table in (needed, conditions, rest)] == [44, 44, 36]
    assert {row.cells[3].text for row in conditions.rows[1:]} == {"目录未提供样表"}
    assert len(papers.rows) + len(issued.rows) - 2 == len(found.papers)
    assert needed.cell(1, 1).text == "是否新设项目法人: 是"
    assert "须办理 44 个事项" in "\n".join(each.text for each in read.paragraphs)
    text = "\n".join(cell.text for row in needed.rows for cell in row.cells)
    assert "verified" not in text
    assert "from knowledge" not in text


def test_a_legal_basis_is_told_without_where_it_was_looked_up() -> None:
    item = replace(
        CATALOGUE.items["S2-06"],
        legal_basis="(verified: github:LawRefBook/Laws@2f4c5c2 节约能源法(2018) 第十五条; )(from knowledge: 办法)",
    )

    assert item.cited_basis == "节约能源法(2018) 第十五条; 办法"
