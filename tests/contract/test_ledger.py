"""The acceptance ledger and the tests that fill it."""

from __future__ import annotations

import re
from pathlib import Path

from acceptance.ledger import ARTICLES, Ledger, entries

TESTS = Path(__file__).resolve().parents[1]
MARK = re.compile(r"mark\.article\(([^)]*)\)")


def test_the_ledger_has_a_hundred_and_seventeen_entries() -> None:
    assert len(entries(ARTICLES.read_text("utf-8"))) == 117


def test_every_mark_names_an_entry() -> None:
    demanded = entries(ARTICLES.read_text("utf-8"))
    marked = {
        each
        for file in TESTS.rglob("test_*.py")
        for ids in MARK.findall(file.read_text("utf-8"))
        for each in re.findall(r'"([^"]+)"', ids)
    }

    assert marked - demanded.keys() == set()


def test_the_ledger_can_be_a_plugin_of_pytest() -> None:
    assert len({Ledger(), Ledger()}) == 2
