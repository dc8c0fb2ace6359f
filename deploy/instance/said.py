"""What a person is told: one sentence in Chinese and in English, never a traceback."""

from __future__ import annotations


class Trouble(Exception):
    """Something about this machine or these settings, in words for the person who started us."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")
