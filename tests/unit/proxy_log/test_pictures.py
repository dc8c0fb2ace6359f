"""What is a photo, and what a hostile file can do."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import ExifTags, Image

from proxy_log.domain import MOST_PHOTO_BYTES, NotAPhoto, PhotoTooLarge
from proxy_log.pictures import read_picture


def photo(kind: str = "JPEG", taken: str = "") -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    Image.new("RGB", (640, 480), "green").save(out, kind, exif=exif)
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and brings no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_read_with_a_small_thumbnail(kind: str) -> None:
    picture = read_picture(photo(kind))

    assert (picture.media_type, picture.width, picture.height) == (
        f"image/{kind.lower()}",
        640,
        480,
    )
    assert Image.open(io.BytesIO(picture.thumbnail)).size == (320, 240)


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.7", photo("GIF"), photo()[:-400], photo("PNG")[:200]],
    ids=["empty", "a document", "another type", "a truncated JPEG", "a truncated PNG"],
)
def test_what_no_decoder_reads_is_no_photo(content: bytes) -> None:
    with pytest.raises(NotAPhoto):
        read_picture(content)


@pytest.mark.parametrize(
    "content",
    [b"\0" * (MOST_PHOTO_BYTES + 1), png_of(10_000, 6_000), png_of(60_000, 60_000)],
    ids=["bytes", "pixels", "a decompression bomb"],
)
def test_a_photo_too_large_is_refused_before_it_is_decoded(content: bytes) -> None:
    with pytest.raises(PhotoTooLarge):
        read_picture(content)


def test_the_cameras_time_can_be_stored_as_text() -> None:
    assert read_picture(photo(taken="2026:10:08 10:00:00\0\0")).taken_at == "2026:10:08 10:00:00"
