"""The material library: which paper serves, what may be asked for again, what a file is."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from approval_tracking.domain.material_errors import MaterialNotInForce, PaperOnFile
from approval_tracking.domain.materials import (
    COMPANY,
    EXPIRED,
    LICENCE,
    WITHDRAWN,
    Material,
    asked_of,
    best,
    licence_ends,
    refuse_asking_again,
)
from approval_tracking.domain.media import DOCX, OFD, PDF, PNG, XLSX, kind_of
from support.approvals import shanghai

TODAY = date(2026, 3, 2)
PAPER = Material(
    id=uuid4(),
    title="营业执照",
    source=COMPANY,
    uscc="u",
    project_id=uuid4(),
    company_wide=False,
    file_name="a.pdf",
    media_type=PDF,
    size=1,
    sha256="0" * 64,
    valid_until=None,
    put_in_by="someone",
    put_in_at=shanghai("2026-02-01T09:00:00"),
)


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 ...", PDF),
        (b"\x89PNG\r\n\x1a\n....", PNG),
        (archive("[Content_Types].xml", "word/document.xml"), DOCX),
        (archive("[Content_Types].xml", "xl/workbook.xml"), XLSX),
        (archive("OFD.xml"), OFD),
        (archive("virus.exe"), ""),
        (b"PK\x03\x04 torn", ""),
        (b"MZ\x90", ""),
        (b"", ""),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


def test_a_paper_expires_after_its_last_day_and_not_on_it() -> None:
    paper = replace(PAPER, valid_until=TODAY)

    paper.expect_in_force(TODAY, field="material_id")

    assert paper.standing(date(2026, 3, 3)) == EXPIRED
    with pytest.raises(MaterialNotInForce, match="expired"):
        paper.expect_in_force(date(2026, 3, 3), field="material_id")


def test_a_licence_serves_before_all_others_and_the_projects_own_before_the_companys() -> None:
    shared = replace(
        PAPER, id=uuid4(), company_wide=True, put_in_at=shanghai("2026-02-20T09:00:00")
    )
    licence = replace(PAPER, id=uuid4(), title="营业执照(电子)", source=LICENCE)
    gone = replace(PAPER, id=uuid4(), source=LICENCE, state=WITHDRAWN)

    assert best([shared, PAPER, licence, gone], TODAY)["营业执照"] is licence
    assert best([shared, PAPER], TODAY)["营业执照"] is PAPER
    assert best([shared, gone], TODAY)["营业执照"] is shared
    assert best([replace(PAPER, valid_until=date(2026, 3, 1))], TODAY) == {}


@pytest.mark.parametrize(
    "entry",
    [
        "营业执照",
        "请补充提交营业执照复印件",
        "缺少营业执照(副本)一份, 须加盖公章",
        "请提供公司章程、营业执照",
        "公司章程和营业执照原件。",
        "未提供营业执照",
    ],
)
def test_a_notice_that_only_asks_for_what_is_on_file_is_refused(entry: str) -> None:
    with pytest.raises(PaperOnFile) as caught:
        refuse_asking_again(["节能报告", entry], {"营业执照": "第 2 版"}, field="entries")

    (bad,) = caught.value.violations
    assert bad.field == "entries[1]"
    assert "第 2 版" in bad.zh
    assert "第七条" in bad.zh


@pytest.mark.parametrize(
    "entry",
    ["营业执照载明的住所与申请表不一致, 请更正", "节能报告缺少附图", "营业执照以外的主体证明"],
)
def test_what_is_wrong_with_a_paper_may_be_said_though_it_is_on_file(entry: str) -> None:
    refuse_asking_again([entry], {"营业执照": "", "节能报告": ""}, field="entries")


def test_a_form_is_not_looked_for_in_the_library() -> None:
    assert asked_of(["申请表", "营业执照(副本)", "项目代码", "营业执照"]) == (
        "营业执照",
        "项目代码",
    )


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("排污许可证(5年)", date(2031, 3, 2)),
        ("安全条件审查意见书(有效期2年)", date(2028, 3, 2)),
        ("建设用地规划许可证(含建设用地批准)", None),
        ("环评批复", None),
    ],
)
def test_a_licence_ends_when_its_name_says_so(name: str, ends: date | None) -> None:
    assert licence_ends(name, TODAY) == ends


def test_a_term_from_the_29th_of_february_ends_in_february() -> None:
    assert licence_ends("排污许可证(5年)", date(2028, 2, 29)) == date(2033, 2, 28)
