"""Ports on loopback: which are taken, and blocks of free ones for tests."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Mapping

from instance.said import Trouble

# Below the range from which the kernel picks ports for outgoing connections.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Say whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
                return False
            raise
    return True


def free_block(size: int) -> int:
    """Return the first of `size` neighbouring free ports. Nobody holds them until they are used."""
    for _ in range(200):
        first = random.randrange(_FIRST, _LAST - size)
        if all(is_free(port) for port in range(first, first + size)):
            return first
    raise Trouble("找不到空闲端口", "no block of free ports was found")


def refuse_busy(wanted: Mapping[str, int], *, setting: str) -> None:
    """Raise Trouble that names every port that is taken and the setting that moves it."""
    busy = {name: port for name, port in wanted.items() if not is_free(port)}
    if busy:
        named = ", ".join(f"{port} ({name})" for name, port in busy.items())
        raise Trouble(
            f"端口已被占用: {named}。请停止占用者, 或用 {setting} 改用其他端口",
            f"ports in use: {named}. Stop whoever has them, or choose others with {setting}",
        )
