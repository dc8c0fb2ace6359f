"""`make acceptance`: prove the articles on the running instance and print the ledger.

An entry of articles.md is proved when every test that names it in `@pytest.mark.article`
passes, failing when one does not, and not yet when no test names it.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTICLES = Path(__file__).resolve().parent / "articles.md"
# Levels that speak to a whole instance through its gateway.
LEVELS = ("tests/acceptance", "tests/e2e")
_ENTRY = re.compile(r"^\s*- \[.\] (A\d\d\.\d+|X\d) ★?(.*)$")
_WORDS = {"proved": "已证明", "failing": "未通过", "not yet": "未开始"}


def entries(text: str) -> dict[str, str]:
    """Return what each entry demands, by its id."""
    found = (_ENTRY.match(line) for line in text.splitlines())
    return {match[1]: match[2].split("|")[0].strip() for match in found if match}


@dataclass(eq=False)
class Ledger:
    """Collects, while pytest runs, which entries were proved and which were not."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    named: dict[str, set[str]] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[Any], config: Any) -> None:
        chosen = []
        for item in items:
            ids = {each for mark in item.iter_markers("article") for each in mark.args}
            if ids:
                self.named[item.nodeid] = ids
                chosen.append(item)
        config.hook.pytest_deselected(items=[each for each in items if each not in chosen])
        items[:] = chosen

    def pytest_runtest_logreport(self, report: Any) -> None:
        ids = self.named.get(report.nodeid, set())
        if report.failed:
            self.failed |= ids
        elif report.when == "call" and report.passed:
            self.passed |= ids

    def word(self, entry: str) -> str:
        if entry in self.failed:
            return "failing"
        return "proved" if entry in self.passed else "not yet"


def main() -> int:
    running = Path(os.environ.get("KAIGONG_TEST_INSTANCE") or ROOT / ".run")
    if not (running / "state.json").exists():
        print("没有正在运行的实例: 请先在另一终端 make run", file=sys.stderr)
        print("no instance is running: `make run` in another terminal first", file=sys.stderr)
        return 1
    os.environ["KAIGONG_TEST_INSTANCE"] = str(running)
    ledger = Ledger()
    code = pytest.main(["-q", "--rootdir", str(ROOT), *LEVELS], plugins=[ledger])
    demanded = entries(ARTICLES.read_text("utf-8"))
    print()
    for entry, what in demanded.items():
        word = ledger.word(entry)
        print(f"{entry:7} {_WORDS[word]} {word:8} {what[:70]}")
    count = Counter(ledger.word(entry) for entry in demanded)
    print("\n" + ", ".join(f"{_WORDS[word]} {word} {count[word]}" for word in _WORDS))
    unknown = sorted((ledger.passed | ledger.failed) - demanded.keys())
    if unknown:
        print(f"not in articles.md: {', '.join(unknown)}", file=sys.stderr)
    return 1 if count["failing"] or unknown or code not in {0, 5} else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
