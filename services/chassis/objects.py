"""The object store for files: a folder, or S3 by configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.store import from_url


class ObjectStore:
    """The bytes behind the rows. An object is written before its row, so a row never dangles."""

    def __init__(self, url: str) -> None:
        self._store: Any = from_url(url)
        self._folder = Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None

    def put(self, key: str, content: bytes) -> None:
        obstore.put(self._store, key, content)

    def keep(self, key: str, content: bytes) -> None:
        """Write an object that is to be the only copy: it is on the disk, and reads as it was written.

        Raises OSError when it does not.
        """
        self.put(key, content)
        if self._folder is not None:
            path = self._folder / key
            # A file is there after a loss of power when its folders are, too.
            for each in (path, *(up for up in path.parents if up.is_relative_to(self._folder))):
                _to_the_disk(each)
        if self.get(key) != content:
            raise OSError(f"{key}: 读回与写入不一致 does not read as it was written")

    def get(self, key: str) -> bytes:
        """Return the object; FileNotFoundError when there is none."""
        return bytes(obstore.get(self._store, key).bytes())

    def delete(self, *keys: str) -> None:
        for key in keys:
            obstore.delete(self._store, key)


def _to_the_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
