"""What a file is, by its content and not by what its sender says."""

from __future__ import annotations

import io
import zipfile

PDF, OFD, ZIP = "application/pdf", "application/ofd", "application/zip"
JPEG, PNG = "image/jpeg", "image/png"
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = f"{_OFFICE}.wordprocessingml.document"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
_BEGINNINGS = {b"%PDF-": PDF, b"\xff\xd8\xff": JPEG, b"\x89PNG\r\n\x1a\n": PNG}
# What only the archives of these formats hold.
_HOLDS = {"OFD.xml": OFD, "word/document.xml": DOCX, "xl/workbook.xml": XLSX}


def kind_of(content: bytes) -> str:
    """Return the media type of a paper's file, empty for what is no paper."""
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    if not content.startswith(b"PK"):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return ""
    return next((kind for name, kind in _HOLDS.items() if name in names), "")
