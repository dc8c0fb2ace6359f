"""How a 重大项目服务专报 is laid out: a letter after GB/T 9704, with the project on its first page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Mm, Pt

from warning_dispatch.domain.special_report import SpecialReport

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# The standard's fonts, with those that Word falls back on when an office lacks them.
_TITLE_FONT, _HEAD_FONT, _TEXT_FONT = "方正小标宋简体", "黑体", "仿宋_GB2312"
_TITLE, _TEXT, _SMALL, _LINE = Pt(22), Pt(16), Pt(12), Pt(28)
_CENTRE, _RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def lay_out(report: SpecialReport) -> bytes:
    """Return the .docx; the same report gives the same bytes."""
    document = docx.Document()
    _dress(document)
    _line(document, "重大项目服务专报", _CENTRE, size=_TITLE, font=_TITLE_FONT)
    _line(document, f"{report.sender}    {report.number}", _CENTRE)
    _line(document, report.title, _CENTRE, size=_TITLE, font=_TITLE_FONT)
    _line(document, f"{report.addressee}:")
    _head(document, "一、项目基本情况")
    _table(document, report.overview)
    sections = (
        ("二、存在问题", report.problem),
        ("三、已做工作", report.done),
        ("四、情况分析与建议", report.text),
        ("五、提请市级协调事项", report.request),
    )
    for title, paragraphs in sections:
        _head(document, title)
        for paragraph in paragraphs or ("详见上文。",):
            _line(document, paragraph).paragraph_format.first_line_indent = Pt(32)
    _line(document, "")
    _line(document, report.sender, _RIGHT)
    day = report.written_on
    _line(document, f"{day.year}年{day.month}月{day.day}日", _RIGHT)
    _head(document, "签字" if report.signed else "签字 (草稿, 未签字不得上报)")
    _table(document, report.signature)
    properties = document.core_properties
    properties.author, properties.title = report.sender, report.title
    return _fixed_bytes(document)


def _head(document: Document, text: str) -> None:
    _line(document, text, font=_HEAD_FONT).paragraph_format.keep_with_next = True


def _line(
    document: Document,
    text: str,
    alignment: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.JUSTIFY,
    *,
    size: Pt = _TEXT,
    font: str = _TEXT_FONT,
) -> Paragraph:
    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    run.font.size, run.font.name = size, font
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    paragraph.alignment = alignment
    layout = paragraph.paragraph_format
    layout.space_before = layout.space_after = Pt(0)
    layout.line_spacing = _LINE if size == _TEXT else Pt(36)
    return paragraph


def _table(document: Document, rows: Sequence[tuple[str, str]]) -> None:
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    for label, text in rows:
        for cell, words, width in zip(table.add_row().cells, (label, text), (4.6, 11), strict=True):
            cell.width = Cm(width)
            run = cell.paragraphs[0].add_run(words)
            run.font.size = _SMALL


def _dress(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    style = document.styles["Normal"]
    style.font.name, style.font.size = _TEXT_FONT, _TEXT
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _TEXT_FONT)


def _fixed_bytes(document: Document) -> bytes:
    properties = document.core_properties
    properties.created = properties.modified = datetime(2000, 1, 1, tzinfo=UTC)
    packed, out = io.BytesIO(), io.BytesIO()
    document.save(packed)
    with zipfile.ZipFile(packed) as parts, zipfile.ZipFile(out, "w") as fixed:
        for part in parts.infolist():
            told = zipfile.ZipInfo(part.filename, _NO_TIME)
            told.compress_type, told.create_system = zipfile.ZIP_DEFLATED, 3
            fixed.writestr(told, parts.read(part))
    return out.getvalue()
