"""Processes in dependency order: started when what they need is ready, restarted when they die,
stopped in reverse."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from instance.said import Trouble

# A process that dies is started again after 0.2 s, then 0.4 s, … up to this.
SLOWEST_RESTART = 10.0
_ALIVE_LONG_ENOUGH = 30.0


@dataclass(frozen=True)
class Process:
    """What to run, what must be ready before, and how to see that it is ready itself.

    It waits for `needs` at every start; for `after` at the first only, and it stops before them.
    A process with `once` is a job: ready when it has ended with 0, and never started again.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    ready: Callable[[], bool] = lambda: True
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    once: bool = False
    patience: float = 60.0
    user: str | None = None
    directory: Path | None = None
    stop_with: signal.Signals = signal.SIGTERM
    stop_patience: float = 20.0


def in_order(processes: Iterable[Process]) -> list[Process]:
    """Return the processes with each after what it needs; a need that nobody fills is a mistake here."""
    by_name = {each.name: each for each in processes}
    before = {each.name: (*each.needs, *each.after) for each in by_name.values()}
    unknown = {need for needs in before.values() for need in needs} - by_name.keys()
    if unknown:
        raise ValueError(f"needed but not in the list: {', '.join(sorted(unknown))}")
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError as error:
        raise ValueError(f"processes need each other: {error.args[1]}") from error
    return [by_name[name] for name in order]


@dataclass(frozen=True)
class Seen:
    """What can be seen of one process from outside."""

    pid: int
    ready: bool
    deaths: int


@dataclass
class _Running:
    plan: Process
    child: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    is_ready: bool = False
    deaths: int = 0
    restart_at: float = 0.0
    ready_after: float = 0.0


@dataclass
class Supervisor:
    """Runs the processes of one instance. `tell` is called with a sentence for a person."""

    processes: list[Process]
    tell: Callable[[str], None] = lambda sentence: None
    changed: Callable[[Mapping[str, Seen]], None] = lambda seen: None
    _all: dict[str, _Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._all = {each.name: _Running(each) for each in in_order(self.processes)}

    def start(self, *, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Start all; return when all are ready. Raises Trouble when one does not get there."""
        while is_wanted() and not all(each.is_ready for each in self._all.values()):
            for each in self._all.values():
                if (
                    each.child is None
                    and not each.is_ready
                    and self._are_ready(each.plan.needs + each.plan.after)
                ):
                    self._spawn(each)
                elif each.child is not None and not each.is_ready:
                    self._look(each)
            time.sleep(0.03)

    def watch(self) -> None:
        """Start again whoever has died, once what it needs is back. Call it a few times a second."""
        now = time.monotonic()
        for each in self._all.values():
            if each.plan.once:
                continue
            if each.child is not None and (code := each.child.poll()) is not None:
                lived = now - each.started_at
                each.deaths = 1 if lived > _ALIVE_LONG_ENOUGH else each.deaths + 1
                wait = min(SLOWEST_RESTART, 0.1 * 2**each.deaths)
                end_group(each.child.pid)
                each.child, each.is_ready, each.restart_at = None, False, now + wait
                self.changed(self.seen())
                self.tell(
                    f"{each.plan.name} 已退出({_ending(code)}), {wait:.1f} 秒后重启 · "
                    f"ended ({_ending(code)}), starts again in {wait:.1f} s"
                )
            elif each.child is None and now >= each.restart_at and self._are_ready(each.plan.needs):
                self._spawn(each)
            elif each.child is not None and not each.is_ready and each.plan.ready():
                each.is_ready = True
                self.changed(self.seen())
                self.tell(f"{each.plan.name} 已恢复 · is ready again")

    def stop(self) -> None:
        """Ask all to stop, the last first, each layer at once; whoever does not listen is killed."""
        waves: list[list[_Running]] = []
        for each in self._all.values():
            depth = self._depth(each.plan)
            waves.extend([] for _ in range(depth + 1 - len(waves)))
            waves[depth].append(each)
        for wave in reversed(waves):
            living = [each for each in wave if each.child is not None]
            for each in living:
                assert each.child is not None
                if each.child.poll() is None:
                    each.child.send_signal(each.plan.stop_with)
            for each in living:
                assert each.child is not None
                try:
                    each.child.wait(each.plan.stop_patience)
                except subprocess.TimeoutExpired:
                    self.tell(
                        f"{each.plan.name} 未按时停止, 已强制结束 · did not stop in time: killed"
                    )
                end_group(each.child.pid)
                each.child.wait()
                each.child, each.is_ready = None, False
        self.changed({})

    def seen(self) -> dict[str, Seen]:
        """Return each living process by name."""
        return {
            name: Seen(each.child.pid, each.is_ready, each.deaths)
            for name, each in self._all.items()
            if each.child is not None and each.child.poll() is None
        }

    def seconds_to_ready(self) -> dict[str, float]:
        return {name: each.ready_after for name, each in self._all.items()}

    def _are_ready(self, names: Iterable[str]) -> bool:
        return all(self._all[name].is_ready for name in names)

    def _depth(self, plan: Process) -> int:
        before = plan.needs + plan.after
        return 1 + max((self._depth(self._all[name].plan) for name in before), default=-1)

    def _spawn(self, each: _Running) -> None:
        plan = each.plan
        plan.log.parent.mkdir(parents=True, exist_ok=True)
        with plan.log.open("ab") as log:
            try:
                each.child = subprocess.Popen(
                    plan.argv,
                    env=dict(plan.environ),
                    cwd=plan.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    user=plan.user,
                    # A session of its own: Ctrl-C reaches us only, and a kill reaches its children.
                    start_new_session=True,
                )
            except OSError as error:
                raise Trouble(
                    f"无法启动 {plan.name}: {error.strerror}",
                    f"{plan.name} cannot be started: {error}",
                ) from error
        each.started_at = time.monotonic()
        self.changed(self.seen())

    def _look(self, each: _Running) -> None:
        assert each.child is not None
        plan, code = each.plan, each.child.poll()
        if code is not None and not (plan.once and code == 0):
            raise Trouble(
                f"{plan.name} 启动失败({_ending(code)}), 日志 {plan.log}:\n{tail(plan.log)}",
                f"{plan.name} failed to start ({_ending(code)}), see the lines above",
            )
        if (code == 0) if plan.once else plan.ready():
            each.is_ready = True
            each.ready_after = time.monotonic() - each.started_at
            each.child = None if plan.once else each.child
            self.changed(self.seen())
        elif time.monotonic() > each.started_at + plan.patience:
            raise Trouble(
                f"{plan.name} 在 {plan.patience:.0f} 秒内未就绪, 日志 {plan.log}:\n{tail(plan.log)}",
                f"{plan.name} was not ready within {plan.patience:.0f} s, see the lines above",
            )


def tail(log: Path, lines: int = 6) -> str:
    """Return the last lines of a log, indented, without the frames of a traceback."""
    try:
        text = log.read_text("utf-8", "replace")
    except OSError:
        return "  (no log)"
    telling = [
        line for line in text.splitlines() if line and not line.startswith((" ", "Traceback"))
    ]
    return "\n".join(f"  {line[:400]}" for line in telling[-lines:])


def end_group(leader: int) -> None:
    """Kill what is left of a process group that we started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"
