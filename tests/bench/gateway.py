"""Reading and accepting a case through the gateway of a whole instance, everything on but rate limits.

Reading is held against a second Envoy, configured by the same generator with all its filters,
behind whose route an empty rpc answers: the difference is what our service does. Accepting is
held against pgbench with the statements that one acceptance was heard to make, on the same
server, over tables of the same shape that no relay follows.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median

import httpx
import psycopg
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb
from kaigong.approval_tracking.v1 import approval_tracking_pb2_grpc as pb_grpc

from approval_tracking.api import ApprovalTracking
from approval_tracking.store.tables import cases
from bench.load import CONNECTIONS, Load, Recorder, Statements, pgbench, wrk
from bench.measure import ROOT, Row, cpu_of
from chassis.clock import system_clock
from chassis.db import Database
from chassis.identity import Principal
from edge import write
from edge.settings import Settings
from instance.options import SERVICES
from instance.plan import answers
from instance.ports import free_block
from instance.processes import Process
from support import services
from support.approvals import OBJECTS, SEAL
from support.instance import PASSWORD, Instance, running_instance
from support.servers import scratch, started
from support.servicers import serving
from support.waiting import eventually

_SECONDS = 5
_TURNS = 3
_CASES = 24_000
_OFFICER = "a2.danyang.zhujian"
_ORG = "321181:住建"
# The nth copy of the case that was submitted; pgbench writes the same.
_COPY = "0199aaaa-0000-7000-8000-%012d"
_COPY_SQL = "cast('0199aaaa-0000-7000-8000-' || lpad(cast(:turn as text), 12, '0') as uuid)"


def measure() -> list[Row]:
    with scratch() as home, running_instance(RATE_LIMITS="0") as instance:
        bench = _Bench(instance, home)
        bench.prepare()
        return [bench.read(), *bench.accept()]


@dataclass
class _Bench:
    instance: Instance
    home: Path

    @property
    def url(self) -> str:
        return self.instance.database_urls()["approval_tracking"]

    def prepare(self) -> None:
        """Submit a case and copy its row, in the service's tables and in those for pgbench."""
        # The demonstration's projects reach the service a little after the instance is ready.
        sample = eventually(lambda: _submitted(self.instance), timeout=60, every=1)
        names = [each.name for each in cases.c if each.name not in {"id", "project_id", "state"}]
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("create schema bench")
            for table in ("cases", "idempotency", "audit", "outbox"):
                connection.execute(
                    f"create table bench.{table} (like public.{table} including all)"
                )
            for schema in ("public", "bench"):
                connection.execute(
                    f"""
                    insert into {schema}.cases (id, project_id, state, {", ".join(names)})
                    select made.id, made.id, sample.state || jsonb_build_object(
                        'case_id', made.id, 'project_id', made.id), {", ".join(names)}
                    from public.cases as sample, lateral (
                        select cast('0199aaaa-0000-7000-8000-' || lpad(n::text, 12, '0') as uuid) as id
                        from generate_series(1, {_CASES}) as n
                    ) as made where sample.id = '{sample}'
                    """
                )
            connection.execute("vacuum analyze")

    # --- reading -------------------------------------------------------------------------------

    def read(self) -> Row:
        token = _token(self.instance, _OFFICER)
        get = f"""
            wrk.headers["authorization"] = "Bearer {token}"
            wrk.path = "/v1/cases/{_COPY % 1}"
        """
        path, headers = f"/v1/cases/{_COPY % 1}", {"authorization": f"Bearer {token}"}
        with _empty(self.instance, self.home) as empty:
            # It has the keys, and has seen the server healthy.
            eventually(lambda: httpx.get(f"{empty}{path}", headers=headers).status_code == 200)
            for each in (empty, self.instance.base_url):
                wrk(each, get, self.home, seconds=1)
            theirs, ours, cpu = list[float](), list[Load](), list[float]()
            for _ in range(_TURNS):
                theirs.append(wrk(empty, get, self.home, seconds=_SECONDS).rate)
                with cpu_of(self.pids) as spent:
                    load = wrk(self.instance.base_url, get, self.home, seconds=_SECONDS)
                ours.append(load)
                cpu.append(spent[0] / load.requests)
        return _row("read a case, requests/s", "an empty rpc", theirs, ours, cpu, "0.40, 1.3 ms")

    # --- accepting -----------------------------------------------------------------------------

    def accept(self) -> list[Row]:
        """Accept with the workers held, which is the work that pgbench does, and with them running."""
        told = self.recorded()
        theirs, held, free = list[float](), list[Load](), list[Load]()
        held_cpu, free_cpu = list[float](), list[float]()
        for turn in range(_TURNS):
            first = 1 + turn * _CASES // _TURNS
            base = pgbench(
                self.url, told, self.home, first=first, seconds=_SECONDS, path="bench,public"
            )
            theirs.append(base.rate)
            with self.workers_held():
                load, cpu = self.accepted(first)
            held.append(load)
            held_cpu.append(cpu)
            self.settle()
            load, cpu = self.accepted(first + load.requests + 2 * CONNECTIONS)
            free.append(load)
            free_cpu.append(cpu)
            self.settle()
        who, goal = "pgbench, same statements", "0.25, 1.8 ms"
        return [
            _row("accept a case, requests/s", who, theirs, held, held_cpu, goal),
            _row("the same while its facts are followed", who, theirs, free, free_cpu, ""),
        ]

    def accepted(self, first: int) -> tuple[Load, float]:
        """Accept one case after the other; return the load and the CPU seconds of one."""
        post = f"""
            local turn = {first}
            local headers = {{["authorization"] = "Bearer {_token(self.instance, _OFFICER)}",
                ["content-type"] = "application/json"}}
            request = function()
              turn = turn + 1
              headers["idempotency-key"] = "bench-" .. turn
              local path = string.format("/v1/cases/{_COPY}:accept", turn)
              return wrk.format("POST", path, headers, "{{}}")
            end
        """
        with cpu_of(self.pids) as spent:
            load = wrk(self.instance.base_url, post, self.home, seconds=_SECONDS)
        return load, spent[0] / load.requests

    @contextmanager
    def workers_held(self) -> Iterator[None]:
        """Stop the workers for a moment: relay and consumers take what was written afterwards."""
        processes = self.instance.state.processes
        workers = [seen.pid for name, seen in processes.items() if name.endswith("-worker")]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)

    def recorded(self) -> Statements:
        """Accept one case in this process, and return the statements heard."""
        database, key, number = Database(self.url), "bench-recorded", _CASES
        officer = Principal(
            "bench", "bench", roles=frozenset({"A2"}), region="321181",
            region_path="321100/321181", org=_ORG,
        )  # fmt: skip
        with serving(
            lambda server: pb_grpc.add_ApprovalTrackingServiceServicer_to_server(
                ApprovalTracking(database, system_clock, objects=OBJECTS, seal=SEAL),
                server,
            ),
            pb_grpc.ApprovalTrackingServiceStub,
            pb,
            [officer],
        ) as client:
            # The first call reads the calendar as well, which is then known.
            client(officer, "AcceptCase", case_id=_COPY % (number - 1))
            with Recorder() as heard:
                client(officer, "AcceptCase", key, case_id=_COPY % number)
        database.close()
        own = {_COPY % number: _COPY_SQL, key: "cast(:turn as text)"}
        with psycopg.connect(self.url) as connection:
            return heard.statements(connection, own)

    def settle(self) -> None:
        """Wait until the facts have left the outbox and their followers have taken them."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute("select 1 from public.outbox limit 1").fetchone():
                time.sleep(0.2)
        time.sleep(3)

    # --- processes -----------------------------------------------------------------------------

    def pids(self) -> list[int]:
        return [seen.pid for seen in self.instance.state.processes.values()]


@contextmanager
def _empty(instance: Instance, home: Path) -> Iterator[str]:
    """Run the empty rpc and a gateway like the instance's in front of it; yield its address."""
    first = free_block(3)
    gateway, admin, server = (f"127.0.0.1:{first + n}" for n in range(3))
    config = home / "envoy"
    settings = Settings(
        listen=gateway,
        admin=admin,
        jwks_url=instance.setting("approval_tracking-api", "JWKS_URL"),
        services=dict.fromkeys(SERVICES, server),
    )
    write.render(config, settings.without_limits(), descriptors=ROOT / "build" / "kaigong.binpb")
    with started(
        Process(
            name="empty",
            argv=(sys.executable, "-m", "bench.empty", server),
            environ=services.environ(),
            log=home / "empty.log",
        ),
        Process(
            name="envoy",
            argv=(
                str(files("envoy").joinpath("_bin", "envoy")),
                *("-c", str(config / "envoy.yaml"), "--concurrency", "2"),
                *("--disable-hot-restart", "--log-level", "warning"),
            ),
            environ={},
            log=home / "envoy.log",
            ready=lambda: answers(f"http://{admin}/ready"),
            needs=("empty",),
        ),
    ):
        yield f"http://{gateway}"


def _submitted(instance: Instance) -> str:
    """Submit an application that the officer's body decides, over the counter; return the case, if any."""
    with instance.caller("a1.danyang") as window:
        found = window.get("/v1/projects", params={"page_size": 200}).json()["projects"]
        for project in (each.get("project_id") or each["id"] for each in found):
            items = window.get(f"/v1/projects/{project}/items").json().get("items", ())
            for item in items:
                if item["org"] == _ORG and not item["case_id"] and item["state"] == "not_started":
                    answer = window.post(
                        "/v1/cases:submit",
                        json={"project_id": project, "item_code": item["item_code"]},
                    )
                    assert answer.status_code == 200, answer.text
                    return str(answer.json()["case"]["case_id"])
    return ""


def _token(instance: Instance, username: str) -> str:
    answer = httpx.post(
        f"{instance.base_url}/v1/auth:signIn", json={"username": username, "password": PASSWORD}
    )
    return str(answer.json()["session"]["access_token"])


def _row(
    what: str, who: str, theirs: list[float], ours: list[Load], cpu: list[float], goal: str
) -> Row:
    """The turns' medians, and of the ratios turn by turn."""
    base, rate = median(theirs), median(each.rate for each in ours)
    ratio = median(mine.rate / other for mine, other in zip(ours, theirs, strict=True))
    p50, p99 = median(each.p50 for each in ours), median(each.p99 for each in ours)
    return Row(
        f"{what}, {CONNECTIONS} at once",
        f"{base:,.0f} {who}",
        f"{rate:,.0f}, p50 {p50:.0f} ms, p99 {p99:.0f} ms",
        f"{ratio:.2f}",
        goal,
        f"{median(cpu) * 1000:.2f} ms",
    )
