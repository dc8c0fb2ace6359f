"""`make mutants`: change the clock, the calendar and the plan in small ways, and see that a test fails.

mutmut makes the mutants and runs, for each, the tests that reach it. What survives must be in
survivors.yaml with the reason why no test can tell it from the original; at least nine in ten die.
`python tests/mutants/run.py approval_tracking.plan` looks at one module.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutants"
SURVIVORS = Path(__file__).with_name("survivors.yaml")
MODULES = ("approval_tracking/domain/clock*.py", "approval_tracking/plan.py", "chassis/calendar.py")
TESTS = (
    *("clock.py", "clock_slowly.py", "clock_words.py", "clock_edges.py"),
    *("plan.py", "plan_told.py", "forecast.py"),
)
LEAST = 0.90
_KILLED, _SURVIVED, _UNTESTED, _TIMEOUTS = 1, 0, 33, (24, 36, -24, 152)

_SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {modules}
also_copy = ["services", "conftest.py"]
pytest_add_cli_args = ["--hypothesis-seed=0"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = 5.0

[tool.pytest.ini_options]
pythonpath = {paths}
addopts = ["-p", "no:pytest_nameko", "-p", "no:cacheprovider", "-p", "no:randomly"]
markers = ["article(*ids): proves an entry", "long: takes minutes"]
"""
# The same examples for every mutant: a mutant dies by what it does, not by luck.
_CONFTEST = """
import os
import time

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")
# A machine's own zone must not do for the right one.
os.environ["TZ"] = "America/New_York"
time.tzset()
"""


@dataclass(frozen=True)
class Mutant:
    """One change: where, and the lines it took out and put in."""

    name: str
    module: str
    function: str
    was: str
    became: str
    killed: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.module, self.function, self.was, self.became


def main(wanted: Iterable[str]) -> int:
    prepare()
    chosen = [f"{each}*" for each in wanted]
    made = subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *chosen],
        cwd=WORK,
        check=False,
    )
    if made.returncode:
        return made.returncode
    return tell(sorted(mutants(), key=lambda each: each.name))


def prepare() -> None:
    """Lay out the sources as mutmut wants them, afresh: it would not try again after a test changed."""
    shutil.rmtree(WORK, ignore_errors=True)
    for package in ("approval_tracking", "chassis"):
        _copy(ROOT / "services" / package, WORK / "src" / package)
    _copy(
        ROOT / "services/approval_tracking/data",
        WORK / "services/approval_tracking/data",
        all_=True,
    )
    for part in ("unit/approval_tracking", "unit/chassis", "support"):
        _copy(ROOT / "tests" / part, WORK / "tests" / part, all_=True)
    tests = [
        *(f"tests/unit/approval_tracking/test_{each}" for each in TESTS),
        "tests/unit/chassis/test_calendar.py",
    ]
    paths = ["tests", *(str(ROOT / each) for each in ("gateway", "build/gen", "deploy"))]
    settings = _SETTINGS.format(
        modules=json.dumps([f"src/{each}" for each in MODULES]),
        tests=json.dumps(tests),
        paths=json.dumps(paths),
    )
    (WORK / "pyproject.toml").write_text(settings, encoding="utf-8")
    (WORK / "conftest.py").write_text(_CONFTEST, encoding="utf-8")


def _copy(source: Path, target: Path, *, all_: bool = False) -> None:
    ignore = shutil.ignore_patterns("__pycache__", *(() if all_ else ("data", "migrations")))
    shutil.copytree(source, target, ignore=ignore)


def mutants() -> Iterator[Mutant]:
    for path in sorted((WORK / "mutants" / "src").rglob("*.py.meta")):
        told = json.loads(path.read_text(encoding="utf-8"))
        for name, code in told["exit_code_by_key"].items():
            if code is None:
                continue
            module, _, function = name.partition("__mutmut_")[0].rpartition(".")
            killed = code not in (_SURVIVED, _UNTESTED)
            was, became = ("", "") if killed else _change(name)
            yield Mutant(name, module, _plain(function), was, became, killed)


def _plain(mangled: str) -> str:
    """Return the function as written: mutmut names methods `xǁClassǁname` and functions `x_name`."""
    if "ǁ" in mangled:
        return ".".join(part for part in mangled.split("ǁ")[1:] if part)
    return mangled.removeprefix("x_")


def _change(name: str) -> tuple[str, str]:
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name],
        cwd=WORK,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    was = [line[1:].strip() for line in shown if line[:1] == "-" and line[:3] != "---"]
    became = [line[1:].strip() for line in shown if line[:1] == "+" and line[:3] != "+++"]
    return " ".join(was), " ".join(became)


def tell(found: list[Mutant]) -> int:
    """Print the rate and what survives without an explanation; return the exit code."""
    explained = {
        (each["module"], each["function"], each["was"], each["became"]): each["why"]
        for each in yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or ()
    }
    survived = [each for each in found if not each.killed]
    unexplained = [each for each in survived if each.key not in explained]
    for each in unexplained:
        print(f"\n{each.name}\n  in {each.module}, {each.function}")
        print("\n".join(list(unified_diff([each.was], [each.became], lineterm="", n=0))[3:]))
    modules = {each.module for each in found}
    gone = [key for key in explained if key[0] in modules and key not in {x.key for x in survived}]
    for module, function, was, became in gone:
        print(f"\nexplained, but it does not survive: {module}, {function}: {was} -> {became}")
    killed = len(found) - len(survived)
    rate = killed / len(found) if found else 0.0
    print(
        f"\n{len(found)} mutants: {killed} killed, {len(survived)} survived, "
        f"{len(survived) - len(unexplained)} of them explained; {rate:.1%} die (at least {LEAST:.0%})"
    )
    return 1 if rate < LEAST or unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
