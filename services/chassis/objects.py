"""The object store for files: a folder, or S3 by configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from chassis.settings import SettingsError


class ObjectStore:
    """The bytes behind the rows. An object is written before its row, so a row never dangles."""

    def __init__(self, url: str) -> None:
        try:
            self._store: Any = from_url(url)
        except (BaseError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise SettingsError(
                f"KAIGONG_OBJECT_STORE: 无法打开 cannot open {url or '-'}: {why}"
            ) from None
        self._folder = Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None

    def put(self, key: str, content: bytes) -> None:
        obstore.put(self._store, key, content)

    def keep(self, key: str, content: bytes) -> None:
        """Write an object that is to be the only copy: when this returns, it is on the disk."""
        self.put(key, content)
        if self._folder is not None:
            path = self._folder / key
            # A file is there after a loss of power when its folders are, too.
            for each in (path, *(up for up in path.parents if up.is_relative_to(self._folder))):
                _to_the_disk(each)

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
