"""How an official document 文书 is laid out: title, number, table, text, seal, and a QR code to check it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import docx
import segno
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from approval_tracking.documents import fixed_bytes
from approval_tracking.domain.documents import Content, in_words

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

_TEXT_FONT, _TITLE_FONT = "仿宋", "黑体"
_QR_SIDE = Cm(2.8)


def case_document(content: Content) -> bytes:
    """Return the .docx; the same content gives the same bytes."""
    document = docx.Document()
    _dress(document)
    document.add_heading(content.title, 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    _line(document, content.number, WD_ALIGN_PARAGRAPH.CENTER)
    _line(document, f"{content.addressee}:")
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    for label, text in content.facts:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = label, text
        cells[0].width, cells[1].width = Cm(3.6), Cm(12)
    document.add_paragraph()
    # What is listed belongs to the sentence that announces it, which is the first.
    for place, paragraph in enumerate(content.paragraphs):
        _line(document, paragraph).paragraph_format.first_line_indent = Pt(28)
        if place == 0:
            for number, entry in enumerate(content.entries, start=1):
                _line(document, f"{number}. {entry}")
    _line(document, f"依据: {'; '.join(each for each in content.basis if each)}")
    if content.remedy:
        _line(document, f"救济途径: {content.remedy}")
    right = WD_ALIGN_PARAGRAPH.RIGHT
    _line(document, content.org_name, right)
    _line(document, "(印章位)", right)
    _line(document, in_words(content.issued_on), right)
    if content.signed_by_recipient:
        _line(document, "受送达人(签名或盖章): ____________________    日期: ____年__月__日")
    _line(document, "").add_run().add_picture(io.BytesIO(qr(content.verify_url)), width=_QR_SIDE)
    _line(document, f"扫码查验真伪。查验码: {content.code}")
    properties = document.core_properties
    properties.author, properties.title = content.org_name, content.title
    return fixed_bytes(document)


def qr(text: str) -> bytes:
    """Return the text as a QR code, a PNG that survives a quarter of it being soiled."""
    out = io.BytesIO()
    segno.make_qr(text, error="q").save(out, kind="png", scale=6, border=4)
    return out.getvalue()


def _line(document: Document, text: str, alignment: WD_ALIGN_PARAGRAPH | None = None) -> Paragraph:
    paragraph = document.add_paragraph(text)
    if alignment is not None:
        paragraph.alignment = alignment
    return paragraph


def _dress(document: Document) -> None:
    fonts = {"Normal": _TEXT_FONT, "Title": _TITLE_FONT}
    for name, font in fonts.items():
        style = document.styles[name]
        style.font.name = font
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    document.styles["Normal"].font.size = Pt(14)
    document.styles["Title"].font.size = Pt(20)
