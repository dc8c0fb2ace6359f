"""The chart beside deploy/instance/plan.py: the same processes, told the same; and who may speak to whom."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from chassis.settings import Settings
from edge.bootstrap import bootstrap
from edge.routes import read
from edge.settings import Settings as Edge
from identity.oidc import Client
from instance.options import SERVICES, Options, Ports, Secrets
from instance.plan import Plan
from instance.processes import Process
from support import chart
from support.chart import CHART, ROOT, Rendered, Tree, values_of

# The image's own affair, not the chart's.
IMAGE = {"PATH", "HOME", "LANG", "PYTHONPATH"}
# What a plain process is told and a pod is not, and why.
NOT_IN_A_POD = {
    "KAIGONG_CPU": "the cores of one machine are shared out; a pod has its own",
    "KAIGONG_PREPARE": "a Job for each service runs the service's own command",
}
_WITH_FILES = {"approval_tracking", "proxy_log"}
# How the chart tells an instance as the plan has it: everything that is optional, with a parent.
EVERYTHING: Tree = {
    "demo": True,
    "channels": {"existingSecret": "kaigong-channels"},
    "oidc": {
        "issuer": "https://sso.example.cn",
        "clientId": "kaigong",
        "redirectUrl": "https://kaigong.example.cn/sso",
        "existingSecret": "kaigong-oidc",
    },
}


@pytest.fixture(scope="module", params=["district", "town"], ids=["apart", "packed"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    run = tmp_path_factory.mktemp("run")
    tier = request.param
    return Both(tier, _plan(run, tier), chart.render(values_of(tier, EVERYTHING)))


@dataclasses.dataclass(frozen=True)
class Both:
    """One instance, as plain processes and as the chart renders it."""

    tier: str
    plan: Plan
    release: Rendered

    @property
    def packed(self) -> bool:
        return self.tier == "town"

    def processes(self) -> dict[str, Process]:
        return {each.name: each for each in self.plan.processes()}


def test_every_process_of_the_plan_is_in_the_chart(both: Both) -> None:
    names = set(both.processes())
    servers = {"postgres", "epmd", "rabbitmq", "redis", "databases"}
    jobs = {"prepare", "link", "edge"}
    deployments = both.release.of_kind("Deployment").values()
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in deployments]

    assert servers <= names
    # Under the same name, which rules and dashboards know.
    assert {each["kaigong/process"] for each in labels} == names - servers - jobs
    # Servers are the operators'; epmd is in RabbitMQ's pod, and an operator makes database and role.
    stores = chart.rendered("stores")
    clusters = stores.of_kind("Cluster").values()
    made = {each["spec"]["bootstrap"]["initdb"]["database"] for each in clusters}
    owners = {each["spec"]["bootstrap"]["initdb"]["owner"] for each in clusters}
    assert made == owners == set(SERVICES)
    assert stores.of_kind("RabbitmqCluster").keys() == {"stores-rabbitmq"}
    assert stores.of_kind("Redis").keys() == {"stores-redis"}


def test_a_process_runs_the_same_command(both: Both) -> None:
    for name, process in both.processes().items():
        if name.endswith(("-api", "-worker")) or name == "push":
            main = _deployments(both)[name.replace("_", "-")]["containers"][0]
            assert main["args"] == ["python", *process.argv[1:]], name


def test_a_process_is_told_the_same(both: Both) -> None:
    for name, process in both.processes().items():
        if not name.endswith(("-api", "-worker")) and name != "push":
            continue
        pod = _deployments(both)[name.replace("_", "-")]
        told, meant = _told(_environ(pod["containers"][0])), _told(process.environ)
        missing = meant - told - IMAGE - set(NOT_IN_A_POD) - _spared(name)

        assert missing == set(), name
        assert _spared(name) & told == set(), name


def test_what_the_chart_tells_beside_is_a_setting(both: Both) -> None:
    """A misspelt variable would be read by nobody."""
    settings = {f"KAIGONG_{each.name.upper()}" for each in dataclasses.fields(Settings)}
    known = {
        *settings,
        *("KAIGONG_PACKED", "KAIGONG_AMQP_ADMIN_URL", "KAIGONG_PARENT_URL", "KAIGONG_TLS"),
        *(f"KAIGONG_OIDC_{each}" for each in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")),
        *("KAIGONG_OIDC_REDIRECT_URL", "KAIGONG_OIDC_SCOPE"),
    }
    for owner, pod in both.release.pods():
        for container in pod["containers"]:
            told = {name for name in _told(_environ(container)) if name.startswith("KAIGONG_")}
            assert told - known == set(), owner


def test_every_process_can_read_its_settings(both: Both) -> None:
    """With something behind each reference, the chassis finds all that it asks for."""
    for name, pod in _deployments(both).items():
        if name in {"gateway", "push"}:
            continue
        environ = _environ(pod["containers"][0])
        kind = name.rpartition("-")[2]
        needed = {
            "api": ("database_url", "grpc_listen", "metrics_listen", "jwks_url"),
            "worker": ("database_url", "amqp_url", "redis_url", "metrics_listen"),
        }[kind]
        parts = json.loads(environ["KAIGONG_PACKED"]) if both.packed else {name: {}}
        for part, own in parts.items():
            settings = Settings.read(*needed, environ={**environ, **own})

            assert "$(" not in settings.database_url, (name, part)
            assert settings.tier == both.tier
            assert settings.instance == both.plan.options.region
            assert settings.peers.keys() == set(SERVICES)


@pytest.mark.parametrize("tier", ["district", "town"])
def test_whoever_archives_audit_lines_has_somewhere_to(tier: str) -> None:
    """Workers write archives, and an api reads them for evidence: each its own service's."""
    by_url, by_volume = (
        chart.render(values_of(tier, {"keepAuditDays": 365, "objects": {"mode": each}}))
        for each in ("s3", "volume")
    )
    for release in (by_url, by_volume):
        for name, each in release.of_kind("Deployment").items():
            if name in {"gateway", "push"}:
                continue
            container = each["spec"]["template"]["spec"]["containers"][0]
            environ = _environ(container)
            parts = json.loads(environ.get("KAIGONG_PACKED", "{}")).values() or [{}]
            stores = [{**environ, **own}["KAIGONG_OBJECT_STORE"] for own in parts]
            mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert environ["KAIGONG_KEEP_AUDIT_DAYS"] == "365", name
            assert len(set(stores)) == len(parts)
            if release is by_url:
                assert "AWS_SECRET_ACCESS_KEY" in environ, name
                assert all(each.startswith("s3://kaigong/") for each in stores), name
            else:
                assert {each.removeprefix("file://") for each in stores} <= mounted, name


def test_identity_can_read_whose_sign_on_it_takes(both: Both) -> None:
    pod = _deployments(both)["packed-api" if both.packed else "identity-api"]
    client = Client.read(_environ(pod["containers"][0]))

    assert client is not None
    assert (client.issuer, client.scope) == ("https://sso.example.cn", "openid")


def test_jobs_migrate_then_load_then_link(both: Both) -> None:
    release, wanted = (
        both.release,
        json.loads(both.processes()["prepare"].environ["KAIGONG_PREPARE"]),
    )
    jobs = release.of_kind("Job")
    tasks = {each: import_module(f"{each}.__main__").SERVICE.tasks for each in SERVICES}

    for service in SERVICES:
        wire = service.replace("_", "-")
        migrate = jobs[f"{wire}-migrate"]
        assert _hook(migrate) == ("pre-install,pre-upgrade", 0)
        assert _args(migrate) == ["python", "-m", service, "migrate"]
        read = {"KAIGONG_DATABASE_URL", "KAIGONG_AMQP_URL", "KAIGONG_INSTANCE", "KAIGONG_PARENT"}
        assert read <= _told(_environ(_main(migrate)))
        expected = {task for task in wanted["tasks"][service] if task in tasks[service]}
        found = {name.removeprefix(f"{wire}-") for name in jobs if name.startswith(f"{wire}-l")}
        assert found == expected, service
    assert _hook(jobs["approval-tracking-load-data"]) == ("post-install,post-upgrade", 10)
    # The demonstration is loaded once: its accounts may have been changed since.
    assert _hook(jobs["identity-load-demo"]) == ("post-install", 20)

    link, meant = jobs["link"], both.processes()["link"]
    assert _hook(link) == ("post-install,post-upgrade", 30)
    assert _args(link) == ["python", *meant.argv[1:]]
    assert _told(meant.environ) - IMAGE <= _told(_environ(_main(link)))


def test_the_gateways_generator_is_asked_the_same(both: Both, tmp_path: Path) -> None:
    pod = _deployments(both)["gateway"]
    asked = dict(_options(pod["initContainers"][0]["args"]))
    meant = dict(_options(list(both.processes()["edge"].argv)))
    services = dict(each.split("=") for each in asked["service"])

    # For a scraper on another machine there is a listener of its own; parts that speak TLS are told in a file.
    assert asked.keys() - meant.keys() - {"settings"} == {"metrics"}
    assert meant.keys() <= asked.keys()
    assert services.keys() == set(SERVICES)

    (tmp_path / "docs").mkdir()
    settings = Edge(
        listen=asked["listen"][0],
        admin=asked["admin"][0],
        metrics=asked["metrics"][0],
        push=asked["push"][0],
        jwks_url=asked["jwks-url"][0],
        services=services,
    )
    protos = read(ROOT / "build" / "kaigong.binpb")
    made = bootstrap(protos, settings, descriptors=tmp_path, pages=tmp_path)["static_resources"]
    listening = {
        each["name"]: each["address"]["socket_address"]["port_value"] for each in made["listeners"]
    }
    ours = {each["name"]: each["containerPort"] for each in pod["containers"][0]["ports"]}
    assert ours == {"http": listening["gateway"], "metrics": listening["metrics"]}


def test_helm_test_asks_for_what_is_public_and_for_what_is_not() -> None:
    pod = chart.rendered("district").of_kind("Pod")["test"]
    *_, script, address = pod["spec"]["containers"][0]["args"]
    told: Tree = {"__name__": "check"}
    exec(compile(script, "check.py", "exec"), told)
    public = {
        rpc.path: rpc.is_public
        for rpc in read(ROOT / "build" / "kaigong.binpb").routed
        if rpc.http_method == "GET"
    }

    assert address == "http://kaigong-gateway"
    own = {"/healthz", "/openapi.json"}
    for path, code in told["ASKED"].items():
        assert (code == 200) == (path in own or public[path]), path


def test_the_table_of_services_is_what_the_code_does() -> None:
    told = yaml.safe_load((CHART / "files" / "services.yaml").read_text("utf-8"))
    tasks = {each: import_module(f"{each}.__main__").SERVICE.tasks for each in SERVICES}
    ports = Ports()

    assert told.keys() == set(SERVICES)
    for service, facts in told.items():
        assert facts["port"] == ports.grpc(service)
        assert set(facts.get("loads", [])) == {"load-data"} & tasks[service].keys()
        assert set(facts.get("demo", [])) == {"load-demo"} & tasks[service].keys()
        assert facts.get("objects", False) == (service in _WITH_FILES)


def test_who_keeps_files_seals_and_notifies_is_what_the_code_says() -> None:
    told = yaml.safe_load((CHART / "files" / "services.yaml").read_text("utf-8"))
    marks = {
        "objects": "settings.object_store",
        "seals": "settings.seal_secret",
        "keys": "settings.key_secret",
        "channels": "settings.channels",
    }
    for service in SERVICES:
        home = ROOT / ("gateway" if service == "identity" else "services") / service
        text = (home / "__main__.py").read_text("utf-8")
        for fact, mark in marks.items():
            assert told[service].get(fact, False) == (mark in text), (service, fact)


# --- Who may speak to whom -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("gateway", "reporting-api", 7105),
        ("gateway", "identity-api", 9100),
        ("gateway", "push", 7108),
        ("identity-api", "warning-dispatch-api", 7104),
        ("reporting-api", "identity-api", 9100),
        ("push", "identity-api", 9100),
        ("test", "gateway", 8080),
    ],
)
def test_who_is_needed_is_let_through(source: str, target: str, port: int) -> None:
    assert _reaches(source, target, port)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("gateway", "reporting-worker", 9100),
        ("push", "reporting-api", 7105),
        ("reporting-api", "proxy-log-api", 7103),
        ("reporting-worker", "reporting-api", 7105),
        ("reporting-api", "gateway", 8080),
        ("test", "reporting-api", 7105),
    ],
)
def test_who_is_not_needed_is_refused(source: str, target: str, port: int) -> None:
    assert not _reaches(source, target, port)


def test_only_those_who_have_business_outside_may_leave_the_cluster() -> None:
    told: Tree = {"channels": {"existingSecret": "kaigong-channels"}}
    release = chart.render(values_of("city", told))
    leaving = {
        name
        for name, each in release.of_kind("NetworkPolicy").items()
        if any("to" not in rule for rule in each["spec"].get("egress", []))
    }

    # The two that keep files in a bucket, and the one that writes to people.
    assert leaving == {"approval-tracking-api", "proxy-log-api", "warning-dispatch-worker"}


def test_an_api_cannot_reach_the_broker() -> None:
    """Law 7, kept by the network too."""
    policies = chart.rendered("external").of_kind("NetworkPolicy")
    ports = {
        port["port"]
        for name in ("every-api", "reporting-api", "identity-api", "approval-tracking-api")
        if name in policies
        for rule in policies[name]["spec"]["egress"]
        for port in rule["ports"]
    }

    assert {5432, 6379} <= ports
    assert not {5672, 5671, 15672} & ports


def _reaches(source: str, target: str, port: int) -> bool:
    pods = _labels()
    out = _allowed("Egress", "to", pods[source], pods[target], port)
    return out and _allowed("Ingress", "from", pods[target], pods[source], port)


def _allowed(way: str, key: str, pod: Tree, other: Tree, port: int) -> bool:
    """Say whether a policy lets `pod` do it; without one that selects the pod everything is allowed."""
    mine = [
        each["spec"]
        for each in chart.rendered("district").of_kind("NetworkPolicy").values()
        if way in each["spec"]["policyTypes"] and _selects(each["spec"]["podSelector"], pod)
    ]
    rules = [rule for each in mine for rule in each.get(way.lower(), [])]
    return not mine or any(
        any(each["port"] == port for each in rule["ports"])
        and (key not in rule or any(_selects(peer.get("podSelector"), other) for peer in rule[key]))
        for rule in rules
    )


def _selects(selector: Tree | None, labels: Tree) -> bool:
    if not selector or "matchExpressions" in selector:
        return False
    return bool(selector["matchLabels"].items() <= labels.items())


@cache
def _labels() -> dict[str, Tree]:
    release = chart.rendered("district")
    deployments = {
        name: each["spec"]["template"]["metadata"]["labels"]
        for name, each in release.of_kind("Deployment").items()
    }
    return {**deployments, "test": release.of_kind("Pod")["test"]["metadata"]["labels"]}


# --- Helpers ---------------------------------------------------------------------------------


def _plan(run: Path, tier: str) -> Plan:
    values = values_of(tier)
    region, parent = values["region"], values["parent"]["region"]
    read = Options.read({"TIER": tier, "KAIGONG_RUN": str(run)})
    link = f"amqp://link:word@127.0.0.1:1/kaigong?parent={parent}&child={region}"
    options = dataclasses.replace(read, parent_url=link, amqp_admin_url="http://127.0.0.1:2")
    return Plan(options, Secrets.kept(run / "secrets.json"))


def _deployments(both: Both) -> dict[str, Tree]:
    found = both.release.of_kind("Deployment")
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


def _environ(container: Tree) -> dict[str, str]:
    """Return the environment with a stand-in for every secret."""
    return chart.kubelet_environ(container, lambda *_: "postgresql://stand-in/it")


def _told(environ: Mapping[str, str]) -> set[str]:
    """Return the names of what a process is told, also of what its packed services are told."""
    packed = json.loads(environ.get("KAIGONG_PACKED", "{}"))
    names = (*environ, *(name for own in packed.values() for name in own))
    return {name.removesuffix("_FILE") for name in names}


def _spared(name: str) -> set[str]:
    """What this process has no use for, so a pod is not told: mostly ways to somebody else's data."""
    service, _, kind = name.rpartition("-")
    if name == "push":
        return set()
    spared = set()
    if kind == "api":
        # An api never speaks AMQP.
        spared |= {"KAIGONG_AMQP_URL"}
    else:
        # A worker never answers calls, and keeps no files.
        spared |= {"KAIGONG_GRPC_LISTEN", "KAIGONG_OBJECT_STORE", "KAIGONG_THREADS"}
    if service not in {*_WITH_FILES, "packed"}:
        spared |= {"KAIGONG_OBJECT_STORE"}
    if service not in {"warning_dispatch", "packed"}:
        spared |= {"KAIGONG_CHANNELS"}
    return spared


def _options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Read `--name value` and `--name=value`, each name with all its values."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            found.setdefault(name, []).extend([value] if equals else [])
        elif name:
            found[name].append(word)
    yield from found.items()


def _hook(job: Tree) -> tuple[str, int]:
    notes = job["metadata"]["annotations"]
    return notes["helm.sh/hook"], int(notes["helm.sh/hook-weight"])


def _main(job: Tree) -> Tree:
    main: Tree = job["spec"]["template"]["spec"]["containers"][0]
    return main


def _args(job: Tree) -> list[str]:
    args: list[str] = _main(job)["args"]
    return args
