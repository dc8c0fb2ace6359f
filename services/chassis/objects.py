"""The object store for files: a folder, or S3 by configuration."""

from __future__ import annotations

from typing import Any

import obstore
from obstore.store import from_url


class ObjectStore:
    """The bytes behind the rows. An object is written before its row, so a row never dangles."""

    def __init__(self, url: str) -> None:
        self._store: Any = from_url(url)

    def put(self, key: str, content: bytes) -> None:
        obstore.put(self._store, key, content)

    def get(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())

    def delete(self, *keys: str) -> None:
        for key in keys:
            obstore.delete(self._store, key)
