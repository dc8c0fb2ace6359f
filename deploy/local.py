"""An instance as plain processes on this machine: `python deploy/local.py {run,stop,…}`.

Everything it starts listens on loopback, lives under `.run/` and ends with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO

from instance import memory
from instance.backup import Archive, Servers, back_up
from instance.backup import restore as lay_out
from instance.diagnosis import diagnose as collect
from instance.options import SERVICES, Options, Secrets
from instance.plan import Plan
from instance.ports import refuse_busy
from instance.processes import Seen, Supervisor
from instance.rotation import Rotation
from instance.said import Trouble
from instance.servers import Rabbit, postgres_program, postgres_user, reach
from instance.state import State, birth
from monitoring import scrape
from monitoring.slo import HOME

_STOP_PATIENCE = 90


def run(options: Options) -> None:
    """Start the instance, keep it running, and stop it when asked."""
    began = time.monotonic()
    state = _state_file(options)
    before = State.read(state)
    if before and before.is_running:
        raise Trouble(
            f"实例已在运行(进程 {before.supervisor}), 可用 make stop 停止",
            f"the instance is running already (process {before.supervisor}): `make stop` ends it",
        )
    if before and (left := before.end_leftovers()):
        tell(f"已结束上次遗留的进程 · ended what an earlier run left: {', '.join(left)}")
    _own_directory(options)
    options = options.remembering()
    plan = Plan(options, Secrets.kept(options.data / "secrets.json"))
    refuse_busy(plan.ports(), setting="PORT / KAIGONG_PORT_BASE")
    if options.postgres_url:
        reach(options.postgres_url)
    tell(f"开工平台启动中 · starting a {options.tier} instance under {options.run}")
    plan.prepare()
    supervisor = Supervisor(plan.processes(), tell=tell)
    mine = State(os.getpid(), birth(os.getpid()), options.gateway_url)

    def write_down(seen: Mapping[str, Seen], *, ready: bool = False) -> None:
        nonlocal mine
        births = {each.pid: birth(each.pid) for each in seen.values()}
        mine = replace(mine, processes=dict(seen), births=births, ready=ready or mine.ready)
        mine.write(state)

    supervisor.changed = write_down
    is_wanted = _until_asked_to_stop()
    try:
        supervisor.start(is_wanted=is_wanted)
        if is_wanted():
            write_down(supervisor.seen(), ready=True)
            _welcome(options, time.monotonic() - began, supervisor)
        while is_wanted():
            supervisor.watch()
            time.sleep(0.2)
    finally:
        tell("正在停止 · stopping")
        supervisor.stop()
        state.unlink(missing_ok=True)
        tell("已停止, 数据保留 · stopped; the data stay, `make clean` removes them")


def stop(options: Options) -> None:
    """Ask the running instance to stop, and return when it has."""
    path = _state_file(options)
    state = State.read(path)
    if state is None:
        tell("没有正在运行的实例 · nothing is running")
        return
    if not state.is_running:
        left = state.end_leftovers()
        path.unlink(missing_ok=True)
        tell(f"已清理遗留进程 · ended leftovers: {', '.join(left) or '-'}")
        return
    os.kill(state.supervisor, signal.SIGTERM)
    until = time.monotonic() + _STOP_PATIENCE
    while birth(state.supervisor) == state.began:
        if time.monotonic() > until:
            raise Trouble(
                f"进程 {state.supervisor} 在 {_STOP_PATIENCE} 秒内未停止",
                f"process {state.supervisor} did not stop within {_STOP_PATIENCE} s",
            )
        time.sleep(0.1)
    tell("已停止 · stopped")


def status(options: Options) -> None:
    """Print every process with its memory, and the sum."""
    state = State.read(_state_file(options))
    if state is None or not state.is_running:
        tell("没有正在运行的实例 · nothing is running")
        return
    rows, total = memory.table({name: seen.pid for name, seen in state.processes.items()})
    rows.append(("supervisor", state.supervisor, 1, memory.pss_of(state.supervisor)))
    total += rows[-1][3]
    print(f"{state.gateway}  {'ready' if state.ready else 'starting'}\n")
    print(f"{'process':28}{'pid':>8}{'n':>4}{'PSS MB':>9}  state")
    for name, pid, count, kilobytes in rows:
        seen = state.processes.get(name)
        word = "ready" if seen is None or seen.ready else "starting"
        again = f", restarted {seen.deaths}x" if seen and seen.deaths else ""
        print(f"{name:28}{pid:>8}{count:>4}{kilobytes / 1024:>9.1f}  {word}{again}")
    print(f"{'sum':28}{'':12}{total / 1024:>9.1f}")


def service(options: Options, arguments: list[str]) -> None:
    """Run a command of a service with the instance's settings, such as `identity first-admin`."""
    if not arguments or arguments[0] not in SERVICES:
        raise Trouble(
            f"请指明服务: {', '.join(SERVICES)}",
            f"name a service: {', '.join(SERVICES)}",
        )
    raise SystemExit(_service(_kept_plan(options), *arguments))


def child(options: Options, arguments: list[str]) -> None:
    """Let an instance of a region below link to this one: print the address for its PARENT."""
    raise SystemExit(_links(options, "add-child", *arguments))


def retire(options: Options, arguments: list[str]) -> None:
    """Close the way in of a child that is given up; its copies stay."""
    _links(options, "retire-child", *arguments)
    plan = _kept_plan(options)
    for each in SERVICES:
        _service(plan, each, "links", "forget-child", "--child", *arguments)


def links(options: Options) -> None:
    """Print how the links to the parent and to the children stand."""
    raise SystemExit(_links(options, "status"))


def reconcile(options: Options, arguments: list[str]) -> None:
    """Compare with the children what they sent; name every difference and have it sent again."""
    plan = _kept_plan(options)
    codes = [_service(plan, each, "links", "reconcile", *arguments) for each in _KEEPS_COPIES]
    raise SystemExit(max(codes))


def verify(options: Options) -> None:
    """Check every service's audit chain, also against what instances above and below witnessed."""
    plan = _kept_plan(options)
    heads = options.run / "heads.json"
    with heads.open("w", encoding="utf-8") as file:
        code = _service(plan, "warning_dispatch", "heads", out=file)
    codes = [_service(plan, each, "audit", "verify", "--heads", str(heads)) for each in SERVICES]
    raise SystemExit(max(code, *codes))


def monitoring(options: Options) -> None:
    """Write what Prometheus and Alertmanager need for this instance, and print how to start them."""
    path = options.run / "prometheus.yaml"
    path.write_text(scrape.config(options.remembering()), encoding="utf-8")
    port = options.ports.prometheus
    tell(f"已写入 · wrote {path}; 启动 · start it with")
    tell(
        f"  prometheus --config.file={path} --web.listen-address=127.0.0.1:{port}"
        f" --storage.tsdb.path={options.data / 'prometheus'} --storage.tsdb.retention.time=400d"
        " --enable-feature=exemplar-storage"
    )
    told = options.run / "alertmanager.yml"
    if not told.exists():
        # Once: operations write into it whom to tell.
        told.touch(mode=0o600)
        told.write_text((HOME / "alertmanager.yml").read_text("utf-8"), encoding="utf-8")
    tell(
        f"  prometheus-alertmanager --config.file={told} --cluster.listen-address="
        f" --web.listen-address=127.0.0.1:{options.ports.alertmanager}"
        f" --storage.path={options.data / 'alertmanager'}"
    )


# The services that keep copies of what instances below own.
_KEEPS_COPIES = ("project_registry", "approval_tracking", "warning_dispatch", "reporting")


def rotate(options: Options, arguments: list[str]) -> None:
    """Make secrets of the running instance anew while people work."""
    plan, state = _kept_plan(options), State.read(_state_file(options))
    if state is None or not state.is_running:
        raise Trouble("没有正在运行的实例: 请先 make run", "nothing is running: `make run` first")
    if not plan.is_what_runs() or ("points" in state.processes) != bool(plan.archive):
        raise Trouble(
            "实例以其他设置启动: 请给出与 make run 相同的 PORT, KAIGONG_… (含 KAIGONG_BACKUP)",
            "the instance was started with other settings: give PORT and KAIGONG_… (also KAIGONG_BACKUP)"
            " as `make run` had them",
        )
    rotation = Rotation(
        plan,
        signs_on="KAIGONG_OIDC_ISSUER" in state.environ("identity-api", "packed-api"),
        service=lambda *words: _service(plan, *words),
        link=lambda: _links(options, "join" if options.parent_url else "renew-children"),
    )
    names = rotation.by_name()
    # A link's other end must be told, so it is not among all.
    chosen = [each for each in names if each != "links"] if arguments == ["all"] else arguments
    if not chosen or not set(chosen) <= names.keys():
        raise Trouble(
            f"请指明 SECRET: {', '.join(names)}, all",
            f"name the SECRET: {', '.join(names)}, all",
        )
    for name in chosen:
        began = time.monotonic()
        names[name]()
        tell(f"已更换 · renewed: {name} ({time.monotonic() - began:.1f} s)")


def _links(options: Options, *arguments: str) -> int:
    plan = _kept_plan(options)
    command = [sys.executable, "-m", "chassis.links", *arguments]
    settings = {**plan.link_settings(), "KAIGONG_PARENT_URL": plan.options.parent_url}
    environ = plan.surroundings(settings)
    return subprocess.run(command, env=environ, check=False).returncode


def _service(plan: Plan, name: str, *arguments: str, out: IO[str] | None = None) -> int:
    settings = {**plan.settings(name), "KAIGONG_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", name, *arguments]
    done = subprocess.run(command, env=plan.surroundings(settings), stdout=out, check=False)
    return done.returncode


def _kept_plan(options: Options) -> Plan:
    kept = options.data / "secrets.json"
    if not kept.exists():
        raise Trouble("尚无实例: 请先 make run", "there is no instance yet: `make run` first")
    return Plan(options.remembering(), Secrets.kept(kept))


def backup(options: Options) -> None:
    """Copy the running instance to KAIGONG_BACKUP: databases, objects, keys, the broker's definitions."""
    plan = _kept_plan(options)
    if plan.archive is None:
        raise Trouble(
            "请以 KAIGONG_BACKUP=<目录> 启动实例, 再以同一设置备份",
            "start the instance with KAIGONG_BACKUP=<folder>, and back it up with the same",
        )
    base, point = back_up(
        plan.archive,
        Servers(plan.admin_url, plan.amqp_admin_url),
        region=options.region,
        objects=plan.objects,
        kept=plan.kept,
        program={name: postgres_program(name) for name in ("pg_basebackup", "pg_verifybackup")},
    )
    tell(
        f"已备份 {base.megabytes} MB, {base.seconds:.1f} 秒 · "
        f"backed up to {plan.archive.base(base.name)}; point {point.name}"
    )


def restore(options: Options, arguments: list[str]) -> None:
    """Lay out an empty instance as it was at the last point, or at the one before a moment."""
    if not options.backup:
        raise Trouble("请指明 KAIGONG_BACKUP=<目录>", "name the folder: KAIGONG_BACKUP=<folder>")
    began = time.monotonic()
    _own_directory(options)
    secrets = options.data / "secrets.json"
    if secrets.exists():
        raise Trouble(
            f"{options.data} 中已有实例, 恢复只能在空目录进行",
            f"{options.data} holds an instance: a restore needs an empty place",
        )
    rabbit = Rabbit(options.data / "rabbitmq", options.ports.rabbit, "")
    point = lay_out(
        Archive(Path(options.backup).absolute()),
        data=options.data,
        objects=options.run / "objects",
        broker=rabbit.definitions,
        until=" ".join(arguments),
        user=postgres_user(),
    )
    tell(
        f"已恢复至 · laid out as at {point.at.astimezone():%Y-%m-%d %H:%M:%S} "
        f"({time.monotonic() - began:.1f} s)\n"
        "  下一步 · next: make run; make verify; make reconcile"
    )


def diagnose(options: Options) -> None:
    """Collect the state of the instance in one .zip, without secrets."""
    plan, state = _kept_plan(options), State.read(_state_file(options))
    out = options.run / f"diagnosis-{time.strftime('%Y%m%dT%H%M%S')}.zip"
    tell(f"已收集, 不含口令 · collected, without secrets: {collect(plan, state, out)}")


def clean(options: Options) -> None:
    """Remove the data and logs of an instance that does not run."""
    state = State.read(_state_file(options))
    if state and state.is_running:
        raise Trouble("实例正在运行: 请先 make stop", "the instance is running: `make stop` first")
    if state:
        state.end_leftovers()
    for folder in {options.run, options.data}:
        if (folder / _MARK).exists():
            shutil.rmtree(folder)
            tell(f"已删除 · removed {folder}")


# A directory without this file is not ours to remove.
_MARK = ".kaigong"


def _own_directory(options: Options) -> None:
    for folder in {options.run, options.data}:
        if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
            raise Trouble(
                f"{folder} 不是本程序建立的目录, 不予使用",
                f"{folder} holds something that is not ours: it is left alone",
            )
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        (folder / _MARK).touch()


def _until_asked_to_stop() -> Callable[[], bool]:
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: asked.append(received))
    return lambda: not asked


def _welcome(options: Options, seconds: float, supervisor: Supervisor) -> None:
    slow = sorted(supervisor.seconds_to_ready().items(), key=lambda pair: -pair[1])[:4]
    tell(
        f"就绪 · ready in {seconds:.1f} s "
        f"({', '.join(f'{name} {took:.1f}' for name, took in slow)})"
    )
    tell(f"  地址 · address        {options.gateway_url}")
    tell(f"  接口文档 · API reference  {options.gateway_url}/docs")
    if options.demo:
        tell("  演示账户 · accounts      密码均为 · password of all: Kaigong#2026")
        for who, username in _ACCOUNTS:
            tell(f"    {username:26}{who}")
        tell("    全部 · all of them      gateway/identity/data/demo_accounts.yaml")
    if options.movable_clock:
        tell(
            "  时钟可拨动 · the clock is MOVABLE: for demonstration and tests, never in production"
        )
    tell("  停止 · stop           Ctrl-C, make stop")


_ACCOUNTS = (
    ("市专班调度员 · dispatcher of the city", "d4.city"),
    ("系统管理员 · system administrator", "s2.city"),
    ("丹阳市调度员 · dispatcher of a district", "d1.danyang"),
    ("丹阳市帮办统筹 · head of a district's agents", "b3.danyang"),
    ("镇帮办专员 · agent of a town", "b1.danyang"),
    ("综合窗口 · the one window", "a1.danyang"),
    ("发改审批经办 · officer of a department", "a2.danyang.fagai"),
    ("企业管理员 · enterprise", "e1.p01"),
)


def _state_file(options: Options) -> Path:
    return options.run / "state.json"


def tell(sentence: str) -> None:
    print(sentence, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy/local.py", description=__doc__)
    commands = {"run": run, "stop": stop, "status": status, "clean": clean, "links": links}
    commands |= {"verify": verify, "backup": backup, "diagnose": diagnose}
    commands["monitoring"] = monitoring
    further = {"service": service, "child": child, "retire": retire, "reconcile": reconcile}
    further |= {"restore": restore, "rotate": rotate}
    parser.add_argument("command", choices=[*commands, *further])
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="service: its name and command")
    chosen = parser.parse_args()
    try:
        options = Options.read(os.environ)
        if chosen.command in further:
            further[chosen.command](options, chosen.rest)
        else:
            commands[chosen.command](options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
