"""A .zip whose manifest names each file by its digest and is signed: archives 归档, evidence packs, old audit lines."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

ARCHIVE_TYPE = "application/zip"
_BEGINNING = (1980, 1, 1, 0, 0, 0)


def pack(
    files: Mapping[str, bytes],
    about: Mapping[str, Any],
    sign: Callable[[str], tuple[str, str]] | None,
    *,
    public_key: str = "",
) -> bytes:
    """Return the .zip. `manifest.json` is what `manifest.sig` signs, byte by byte, if somebody does."""
    manifest = json.dumps(
        {
            **about,
            "files": [
                {"name": name, "bytes": len(file), "sha256": hashlib.sha256(file).hexdigest()}
                for name, file in files.items()
            ],
        },
        ensure_ascii=False,
        indent=1,
    )
    all_files = {**files, "manifest.json": manifest.encode()}
    if sign:
        key_id, signature = sign(manifest)
        signed = {"key_id": key_id, "algorithm": "Ed25519", "signature": signature}
        if public_key:
            signed["public_key"] = public_key
        all_files["manifest.sig"] = json.dumps(signed, indent=1).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in all_files.items():
            archive.writestr(zipfile.ZipInfo(name, _BEGINNING), file, zipfile.ZIP_DEFLATED)
    return out.getvalue()
