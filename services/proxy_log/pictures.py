"""Photos: read and checked."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from proxy_log.domain import MOST_PHOTO_BYTES, NotAPhoto, PhotoTooLarge

_MOST_PIXELS = 50_000_000
_THUMBNAIL = (320, 320)
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True)
class Picture:
    """What a file says of itself, and its thumbnail."""

    media_type: str
    width: int
    height: int
    sha256: str
    taken_at: str
    latitude: float | None
    longitude: float | None
    thumbnail: bytes


def read_picture(content: bytes) -> Picture:
    """Decode a photo wholly, since only a decoder knows whether a file is one."""
    if len(content) > MOST_PHOTO_BYTES:
        raise PhotoTooLarge(field="file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=list(_TYPES))
        if image.width * image.height > _MOST_PIXELS:
            raise PhotoTooLarge(field="file")
        exif = image.getexif()
        image.load()
        small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail(_THUMBNAIL)
        out = io.BytesIO()
        small.save(out, "JPEG", quality=80)
    except Image.DecompressionBombError as error:
        raise PhotoTooLarge(field="file") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise NotAPhoto(field="file") from error
    latitude, longitude = _place(exif.get_ifd(ExifTags.IFD.GPSInfo))
    taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal, "")
    return Picture(
        media_type=_TYPES[image.format or ""],
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(content).hexdigest(),
        taken_at=str(taken).replace("\0", "").strip()[:40],
        latitude=latitude,
        longitude=longitude,
        thumbnail=out.getvalue(),
    )


def _place(gps: Any) -> tuple[float | None, float | None]:
    try:
        degrees = [
            sum(float(part) / 60**power for power, part in enumerate(gps[tag]))
            * (-1 if str(gps[reference]) in {"S", "W"} else 1)
            for tag, reference in ((2, 1), (4, 3))
        ]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None, None
    latitude, longitude = degrees
    if abs(latitude) <= 90 and abs(longitude) <= 180:
        return latitude, longitude
    return None, None
