"""Files are read with suspicion."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from chassis.errors import DomainError
from project_registry import spreadsheet
from project_registry.domain import columns as ours
from project_registry.domain.errors import (
    FileTooLarge,
    HeadingTwice,
    ListEmpty,
    NoHeadings,
    NotXlsx,
    TooManyRows,
)
from project_registry.spreadsheet import read_sheet, show, write_template
from support.projects import ROW, row, workbook


def zipped(**parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """Return a copy of the workbook with one part replaced."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    return zipped(**{**parts, name: part})


GOOD = workbook([ROW])


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param(b"", NotXlsx, id="nothing at all"),
        pytest.param("年度,级别\n2026,市级\n".encode(), NotXlsx, id="a csv"),
        pytest.param(b"\xd0\xcf\x11\xe0" + bytes(600), NotXlsx, id="an old xls"),
        pytest.param(zipped(**{"a.txt": b"a"}), NotXlsx, id="another kind of zip"),
        pytest.param(GOOD[:-200], NotXlsx, id="a file cut short"),
        pytest.param(
            with_part(GOOD, "xl/worksheets/sheet1.xml", b"<worksheet><oops"),
            NotXlsx,
            id="broken XML",
        ),
        pytest.param(
            with_part(
                GOOD, "xl/workbook.xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'
            ),
            NotXlsx,
            id="entities",
        ),
        pytest.param(bytes(6 * 1024 * 1024), FileTooLarge, id="more than 5 MB"),
        pytest.param(
            with_part(GOOD, "xl/media/bomb.bin", bytes(90 * 1024 * 1024)),
            FileTooLarge,
            id="a zip bomb",
        ),
        pytest.param(workbook([{"甲": 1, "乙": 2}]), NoHeadings, id="no heading of ours"),
        pytest.param(workbook([dict.fromkeys(ROW)]), ListEmpty, id="headings and nothing below"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(
    content: bytes, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal) as caught:
        read_sheet(content)
    assert [each.field for each in caught.value.violations] == ["file"]


def test_a_list_of_more_than_5000_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 3)

    assert len(read_sheet(workbook([ROW] * 3)).rows) == 3
    with pytest.raises(TooManyRows):
        read_sheet(workbook([ROW] * 4))


def test_a_heading_that_occurs_twice_is_refused() -> None:
    with pytest.raises(HeadingTwice):
        read_sheet(workbook([{"年度": 2026, "级别": "市级", "备注": "a", "备注 ": "b"}]))


def test_titles_above_the_headings_are_passed_over_and_rows_keep_their_numbers() -> None:
    sheet = read_sheet(
        workbook([ROW, row(项目名称="二")], above=["2026 年市级重大项目", "单位: 万元"])
    )

    assert sheet.headings[:4] == ("年度", "级别", "类别", "项目名称")
    assert [each.number for each in sheet.rows] == [4, 5]


def test_empty_rows_say_nothing() -> None:
    sheet = read_sheet(workbook([ROW, {}, row(项目名称="三")]))

    assert [each.number for each in sheet.rows] == [2, 4]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (True, "是"),
        (2026, "2026"),
        (80000.0, "80000"),
        (0.1 + 0.2, "0.3"),
        (datetime(2026, 3, 9), "2026-03-09"),  # noqa: DTZ001
        (date(2026, 3, 9), "2026-03-09"),
        ("  镇江 ", "镇江"),
        ("长" * 3000, "长" * 2000),
    ],
    ids=repr,
)
def test_a_cell_becomes_the_text_that_a_person_reads(cell: Any, text: str) -> None:
    assert show(cell) == text


@pytest.mark.article("A10.1")
def test_the_template_reads_back_as_a_list_with_every_column_of_ours() -> None:
    sheet = read_sheet(write_template())

    assert list(sheet.headings) == [ours.normal(column.heading) for column in ours.columns()]
    proposed = ours.propose(sheet.headings)
    assert all(exact for _, exact in proposed.values())
    assert len(sheet.rows) == 1


def test_the_template_offers_choices_and_explains_its_columns() -> None:
    book = openpyxl.load_workbook(io.BytesIO(write_template()))

    assert book.sheetnames == ["清单", "填写说明"]
    offered = [each.formula1 for each in book["清单"].data_validations.dataValidation]
    assert '"省级,市级,区级"' in offered
    explained = {cell.value for cell in book["填写说明"]["A"]}
    assert {column.heading for column in ours.columns()} <= explained
