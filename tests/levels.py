"""Run test levels one after the other and add them up: `python tests/levels.py unit e2e`.

The last line is `N passed, N failed`; the exit code says whether all passed.
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_NO_TESTS = 5
# Levels that share one instance run as one session.
_TOGETHER = {"e2e": ["e2e", "acceptance"], "integration": ["integration/year", "integration"]}
# These wait for processes more than they reckon: two sessions with servers of their own take file
# after file, in the order above, the longest first.
_SIDE_BY_SIDE = {"integration": ["-n2", "--dist=loadfile", "--no-loadscope-reorder"]}


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def run(name: str, *arguments: str, aside: bool = False) -> Count:
    """Run pytest once and count; a session that broke before it could count is one failure.

    What runs `aside` of another prints what it has to say when it is over.
    """
    report = ROOT / "build" / "tests" / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    print(f"\n── {name}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=aside, text=True)
    if aside:
        print(done.stdout, done.stderr, flush=True)
    count = _count(report) if report.exists() else Count()
    if done.returncode not in {0, _NO_TESTS} and not count.failed:
        count.failed = 1
    print(f"   {name}: {count} in {time.monotonic() - began:.0f} s", flush=True)
    return count


def _folders(level: str) -> list[str]:
    return [f"tests/{each}" for each in _TOGETHER.get(level, [level])]


def _count(report: Path) -> Count:
    count = Count()
    for suite in ET.parse(report).getroot().iter("testsuite"):
        numbers = {
            key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")
        }
        failed = numbers["failures"] + numbers["errors"]
        count.add(Count(numbers["tests"] - failed - numbers["skipped"], failed, numbers["skipped"]))
    return count


def main(arguments: list[str]) -> int:
    total = Count()
    if arguments == ["--long"]:
        # The year takes a core for half an hour, the rest waits more than it reckons.
        long = ("-m", "long", "--timeout=3600")
        api = "tests/e2e/test_openapi.py"
        with ThreadPoolExecutor() as beside:
            others = [
                beside.submit(run, "long-integration", *long, "tests/integration", aside=True),
                beside.submit(run, "long-api", *long, api, aside=True),
            ]
            total.add(run("long", *long, f"--ignore={api}", "tests/e2e"))
            for each in others:
                total.add(each.result())
        total.add(run("containers", *long, "tests/containers"))
    elif arguments == ["--containers"]:
        total.add(run("containers", "-m", "long", "--timeout=1800", "tests/containers"))
    else:
        for level in arguments:
            total.add(run(level, *_SIDE_BY_SIDE.get(level, ()), *_folders(level)))
    print(f"\n{total}", flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
