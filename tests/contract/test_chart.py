"""The Helm chart: what it renders is valid, locked down, complete, and free of secrets.

Rendered by the Helm SDK, so that the templates and the schema are read as `helm` reads them.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils

from chassis import metrics
from edge.settings import Settings
from instance.options import SERVICES
from support import chart
from support.chart import CHART, ROOT, VARIANTS, Tree, rendered, values_file, values_of

# The oldest that Chart.yaml allows, and the newest that there is.
OLDEST, NEWEST = "1.30", "1.37"
# What operators add to Kubernetes: held against our own short schemas, each kind by name.
CUSTOM = yaml.safe_load((ROOT / "tests" / "contract" / "custom_resources.yaml").read_text("utf-8"))

variants = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture(scope="module", autouse=True)
def _definitions_are_read_once() -> Iterator[None]:
    """The library reads them for each manifest, which takes ten times as long as validating it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


# --- Valid -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@variants
def test_every_manifest_is_valid_to_the_letter(variant: str, version: str) -> None:
    wrong = [problem for each in rendered(variant).objects if (problem := _problem(each, version))]

    assert wrong == []


# Each switch is thrown once, with whatever else can be told at the same time.
THROWN: list[tuple[str, Tree]] = [
    (
        "city",
        {
            "networkPolicies": {"enabled": False},
            "podDisruptionBudgets": False,
            "tls": {"enabled": False},
            "monitoring": {"podMonitor": False, "rules": False},
            "gateway": {"serviceType": "LoadBalancer", "limits": False},
            "entry": {"kind": "none", "httpRoute": {"parentRefs": []}},
            "stores": {"rabbitmq": {"replicas": 1}, "postgres": {"storageClass": "fast"}},
            "objects": {"mode": "volume", "volume": {"existingClaim": "papers"}},
            "keepAuditDays": 365,
        },
    ),
    (
        "district",
        {
            "demo": True,
            "movableClock": True,
            "image": {"digest": "sha256:" + "0" * 64},
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"key": "only", "operator": "Exists", "effect": "NoSchedule"}],
            "priorityClassName": "high",
            "defaults": {"worker": {"autoscaling": {"enabled": True}}},
            "services": {"reporting": {"api": {"threads": 16, "replicas": 3}}},
            "monitoring": {"labels": {"release": "prometheus"}},
            "networkPolicies": {"dns": [], "monitoringFrom": []},
            "objects": {"s3": {"endpoint": "http://minio.minio:9000", "port": 9000}},
            "oidc": {
                "issuer": "https://sso.example.cn",
                "clientId": "kaigong",
                "redirectUrl": "https://kaigong.example.cn/sso",
                "existingSecret": "kaigong-oidc",
            },
        },
    ),
    ("town", {"defaults": {"api": {"autoscaling": {"enabled": True}}}}),
    (
        "stores",
        {
            "tls": {"enabled": False},
            "stores": {
                "postgres": {"instances": 1},
                "rabbitmq": {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "image": "rabbitmq:4"},
            },
        },
    ),
]


@pytest.mark.parametrize(("variant", "change"), THROWN, ids=[name for name, _ in THROWN])
def test_every_switch_leaves_it_valid_and_locked_down(variant: str, change: Tree) -> None:
    release = chart.render(values_of(variant, change))

    assert [problem for each in release.objects if (problem := _problem(each))] == []
    assert [found for _, pod in release.pods() for found in chart.looseness(pod)] == []


@pytest.mark.parametrize("variant", ["city", "district"])
def test_the_longest_name_of_a_release_still_fits(variant: str) -> None:
    release = chart.render(values_of(variant), name="a" * 53)
    names = [each["metadata"]["name"] for each in release.objects]

    # A Job's name becomes a label of its pod, a Service's a part of a host's name.
    assert [name for name in names if len(name) > 63] == []
    assert len(names) == len(rendered(variant).objects)


def test_a_manifest_with_a_field_too_many_is_seen() -> None:
    deployment = rendered("town").of_kind("Deployment")["push"]
    cluster = rendered("stores").of_kind("Cluster")["stores-reporting"]

    assert "replcas" in _problem(chart.merge(deployment, {"spec": {"replcas": 1}}))
    assert "instnces" in _problem(chart.merge(cluster, {"spec": {"instnces": 1}}))


@variants
def test_no_two_objects_have_one_name(variant: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered(variant).objects]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("tier", ["city", "district", "town"])
def test_helm_lint_finds_nothing(tier: str) -> None:
    report = helm_python.lint(str(CHART), values_of(tier), strict=True, kube_version="v1.34.0")

    # Severity 1 is information: the chart has no icon.
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    assert report["errors"] == []


# --- Locked down -----------------------------------------------------------------------------


@variants
def test_every_pod_passes_the_restricted_standard(variant: str) -> None:
    pods = dict(rendered(variant).pods())

    assert {name: found for name, pod in pods.items() if (found := chart.looseness(pod))} == {}
    if variant != "stores":
        assert {"Pod test", "Deployment gateway", "Deployment push"} <= pods.keys()
        assert {f"Job {each.replace('_', '-')}-migrate" for each in SERVICES} <= pods.keys()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hostNetwork": True}, "hostNetwork is set"),
        ({"automountServiceAccountToken": True}, "has a token"),
        ({"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, "volume node is hostPath"),
        ({"securityContext": {"runAsUser": 0}}, "push: is root"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "push: has no seccomp"),
    ],
)
def test_a_pod_that_is_not_locked_down_is_seen(change: Tree, expected: str) -> None:
    pod = dict(rendered("town").pods())["Deployment push"]

    assert any(found.startswith(expected) for found in chart.looseness(chart.merge(pod, change)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"privileged": True}, "is privileged"),
        ({"allowPrivilegeEscalation": True}, "may escalate"),
        ({"readOnlyRootFilesystem": False}, "may write to its image"),
        ({"runAsNonRoot": False}, "may be root"),
        ({"capabilities": {"drop": [], "add": ["NET_RAW"]}}, "adds capabilities"),
        ({"capabilities": {"drop": []}}, "keeps capabilities"),
        ({"procMount": "Unmasked"}, "sees /proc unmasked"),
    ],
)
def test_an_init_container_is_looked_at_too(change: Tree, expected: str) -> None:
    pod = dict(rendered("town").pods())["Deployment gateway"]
    first = pod["initContainers"][0]
    loose = {**first, "securityContext": {**first["securityContext"], **change}}

    assert f"edge: {expected}" in chart.looseness({**pod, "initContainers": [loose]})


@variants
def test_no_account_has_a_token(variant: str) -> None:
    accounts = rendered(variant).of_kind("ServiceAccount")
    used = {
        pod["serviceAccountName"].removeprefix("kaigong-") for _, pod in rendered(variant).pods()
    }

    assert used == set(accounts)
    assert all(each["automountServiceAccountToken"] is False for each in accounts.values())


@variants
def test_secrets_are_referenced_and_never_rendered(variant: str) -> None:
    release = rendered(variant)

    assert release.of_kind("Secret") == {}
    # In an address the password is a variable's name.
    assert re.findall(r"://[^\s/@\"]*:(?!\$)[^\s/@\"]+@", release.text + release.notes) == []
    for owner, pod in release.pods():
        for each in _containers(pod):
            for variable in each.get("env", []):
                if re.search("PASSWORD|_SECRET|SECRET_|ACCESS_KEY|USERNAME", variable["name"]):
                    assert "secretKeyRef" in variable["valueFrom"], (owner, variable["name"])


def test_no_value_has_room_for_a_secret() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    names = {name for each in _schemas(schema) for name in each.get("properties", {})}

    secretive = {name for name in names if re.search("(?i)secret|password|token|key", name)}
    # Names of Secrets, how long keys are kept, and the key of a taint.
    assert secretive == {
        *("secrets", "existingSecret", "caSecret", "tlsSecret", "imagePullSecrets"),
        *("keys_fresh_seconds", "key"),
    }


# --- What is refused -------------------------------------------------------------------------


def test_a_misspelt_value_is_refused_wherever_it_stands() -> None:
    values = values_of("external")
    whole = chart.merge(values_file("values.yaml"), values)
    free = {"nodeSelector", "monitoring.labels", "entry.ingress.annotations"}
    places = [path for path in _mappings(whole) if ".".join(path) not in free]
    places = [path for path in places if "matchLabels" not in path]

    assert len(places) > 50
    for path in places:
        wrong: Tree = {"misspelt": 1}
        for key in reversed(path):
            wrong = {key: wrong}
        with pytest.raises(helm_python.HelmError, match="additional properties 'misspelt'"):
            chart.chart().validate_schema(chart.merge(values, wrong))


def test_the_schema_is_closed_everywhere() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    open_ = [
        each
        for each in _schemas(schema)
        if each.get("type") == "object" and each.get("additionalProperties") is not False
    ]

    # Maps of free names, whose values still have a type.
    assert [each["additionalProperties"]["type"] for each in open_] == ["string", "string"]


@pytest.mark.parametrize(
    ("variant", "change", "expected"),
    [
        ("city", {"tier": "county"}, "/tier"),
        ("city", {"tier": "town"}, "/region"),
        ("town", {"tier": "city"}, "/region"),
        ("city", {"region": "镇江"}, "/region"),
        ("city", {"publicUrl": "kaigong.example.cn"}, "/publicUrl"),
        ("city", {"publicUrl": ""}, "/publicUrl"),
        ("city", {"secrets": {"existingSecret": ""}}, "/secrets/existingSecret"),
        ("city", {"tls": {"issuer": {"name": ""}}}, "/tls/issuer/name"),
        ("city", {"stores": {"redis": {"existingSecret": ""}}}, "/stores/redis/existingSecret"),
        ("city", {"stores": {"rabbitmq": {"replicas": 2}}}, "/stores/rabbitmq/replicas"),
        ("city", {"objects": {"s3": {"url": ""}}}, "/objects/s3/url"),
        ("city", {"keepAuditDays": 30}, "/keepAuditDays"),
        ("city", {"gateway": {"settings": {"listen": "0.0.0.0:1"}}}, "/gateway/settings"),
        ("city", {"entry": {"httpRoute": {"parentRefs": []}}}, "/entry/httpRoute/parentRefs"),
        ("city", {"entry": {"ingress": {"className": "nginx"}}}, "/entry/ingress/className"),
        ("external", {"entry": {"kind": "httpRoute"}}, "/entry"),
        ("external", {"tls": {"enabled": True}}, "/stores/mode"),
        ("external", {"stores": {"external": {"existingSecret": ""}}}, "/stores/external"),
        ("district", {"parent": {"existingSecret": ""}}, "/parent/existingSecret"),
        ("district", {"parent": {"region": ""}}, "/parent/region"),
        ("district", {"oidc": {"issuer": "https://sso.example.cn"}}, "/oidc/clientId"),
        ("town", {"services": {"reporting": {"api": {"replicas": 2}}}}, "/services/reporting"),
        ("stores", {"stores": {"mode": "external"}}, "/stores/mode"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_and_named(variant: str, change: Tree, expected: str) -> None:
    with pytest.raises(helm_python.HelmError, match=re.escape(expected)):
        chart.render(values_of(variant, change))


def test_without_a_tier_nothing_is_rendered() -> None:
    with pytest.raises(helm_python.HelmError, match="/tier"):
        chart.render({})


# --- The values ------------------------------------------------------------------------------


def test_every_value_is_commented() -> None:
    lines = (CHART / "values.yaml").read_text("utf-8").splitlines()
    root = yaml.compose((CHART / "values.yaml").read_text("utf-8"))

    silent = [path for path, line in _keys(root) if not _commented(lines, line)]

    assert silent == []


def test_schema_and_values_name_the_same_things() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    assert sorted(_differences(schema, schema, values_file("values.yaml"), "")) == []


@pytest.mark.parametrize("tier", ["city", "district", "town"])
def test_a_tiers_file_says_only_what_differs(tier: str) -> None:
    assert list(_repeated(values_file("values.yaml"), values_file(f"values-{tier}.yaml"), "")) == []


@pytest.mark.parametrize("tier", ["city", "district", "town"])
def test_tier_and_region_are_those_of_plain_processes(tier: str) -> None:
    lines = (ROOT / "deploy" / "tiers" / f"{tier}.env").read_text("utf-8").splitlines()
    told = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    values = values_file(f"values-{tier}.yaml")

    assert told == {"KAIGONG_TIER": values["tier"], "KAIGONG_INSTANCE": values["region"]}


def test_the_images_tag_is_the_version_of_the_code() -> None:
    told = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert told["appVersion"] == project["version"]


def test_the_gateway_may_be_told_what_its_generator_knows_and_no_address() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    allowed = schema["properties"]["gateway"]["properties"]["settings"]["properties"]
    addresses = {"listen", "admin", "metrics", "services", "jwks_url", "push"}

    # TLS ends at the entry of the cluster.
    files = {"certificate", "certificate_key", "tls"}
    known = {each.name for each in dataclasses.fields(Settings)}
    assert allowed.keys() == known - addresses - files


# --- Monitoring ------------------------------------------------------------------------------


def test_autoscalers_ask_for_metrics_that_exist_and_that_the_adapter_serves() -> None:
    adapter = yaml.safe_load((CHART / "files" / "prometheus-adapter.yaml").read_text("utf-8"))
    served = {
        kind: {rule["name"]["as"] for rule in adapter["rules"][kind]}
        for kind in ("custom", "external")
    }
    asked: dict[str, set[str]] = {"Pods": set(), "External": set()}
    for each in rendered("city").of_kind("HorizontalPodAutoscaler").values():
        for metric in each["spec"]["metrics"]:
            asked[metric["type"]].add(metric[metric["type"].lower()]["metric"]["name"])

    assert asked == {"Pods": served["custom"], "External": served["external"]}
    assert [each.name for each in metrics.rpc_seconds.collect()] == sorted(served["custom"])
    # The broker's own; its plugin prefixes what it tells of single queues.
    scraped = rendered("stores").of_kind("PodMonitor")["stores-rabbitmq"]["spec"]
    assert {"family": ["queue_coarse_metrics"]} in [
        each.get("params") for each in scraped["podMetricsEndpoints"]
    ]
    assert served["external"] == {"rabbitmq_detailed_queue_messages_ready"}


def test_rules_are_those_of_the_monitoring_folder() -> None:
    files = (ROOT / "deploy" / "monitoring" / "rules").glob("*.yaml")
    expected = {each.stem.replace("_", "-"): yaml.safe_load(each.read_text()) for each in files}
    rules = rendered("city").of_kind("PrometheusRule")

    assert {name: each["spec"] for name, each in rules.items()} == expected


@variants
def test_what_is_scraped_and_balanced_is_there(variant: str) -> None:
    """A label that selects nobody is valid, and useless."""
    release = rendered(variant)
    pods = [
        (each["spec"]["template"]["metadata"]["labels"], each["spec"]["template"]["spec"])
        for each in release.of_kind("Deployment").values()
    ]
    for kind in ("Service", "PodDisruptionBudget"):
        for name, each in release.of_kind(kind).items():
            if variant == "stores":
                continue
            chosen = each["spec"]["selector"]
            labels = chosen.get("matchLabels", chosen)
            mine = [pod for has, pod in pods if labels.items() <= has.items()]
            assert len(mine) == 1, (kind, name)
            if kind == "Service":
                known = {
                    port[key]
                    for port in mine[0]["containers"][0]["ports"]
                    for key in ("name", "containerPort")
                }
                assert {port["targetPort"] for port in each["spec"]["ports"]} <= known, name


@pytest.mark.parametrize("variant", ["city", "town"])
def test_calls_are_spread_over_the_pods_of_an_api(variant: str) -> None:
    """Who holds a connection stays with one pod, unless the name gives him all of them."""
    services = rendered(variant).of_kind("Service")
    grpc = {each.replace("_", "-") for each in SERVICES}

    assert {name for name, each in services.items() if each["spec"].get("clusterIP") == "None"} == {
        *grpc,
        "push",
    }


# --- What a person reads ---------------------------------------------------------------------


@variants
def test_the_snapshot_is_what_the_chart_renders(variant: str) -> None:
    kept = chart.SNAPSHOTS / f"{variant}.yaml"

    assert kept.read_text("utf-8") == chart.written(variant), "`make snapshots`, then read the diff"


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("city", "add-child"),
        ("city", "python -m identity first-admin"),
        ("district", "logs job/kaigong-link"),
        ("town", "KAIGONG_DATABASE_URL=$DATABASE_URL_IDENTITY python -m identity first-admin"),
        ("external", "curl https://kaigong.danyang.example.cn/healthz"),
        ("stores", "--set release=platform"),
    ],
)
def test_the_notes_say_what_comes_next(variant: str, expected: str) -> None:
    assert expected in rendered(variant).notes


def test_the_notes_warn_of_what_no_real_case_may_meet() -> None:
    notes = chart.render(values_of("city", {"movableClock": True, "demo": True})).notes

    assert "WARNING 警告: movableClock demo is set" in notes


# --- Helpers ---------------------------------------------------------------------------------


def _problem(each: Tree, version: str = NEWEST) -> str:
    where = f"{each['kind']} {each['metadata']['name']}"
    try:
        if each["kind"] in CUSTOM:
            jsonschema.Draft202012Validator(CUSTOM[each["kind"]]).validate(each)
        else:
            kubernetes_validate.validate(each, version, strict=True)
    except jsonschema.ValidationError as error:
        return f"{where}: {error.json_path}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return f"{where}: {error.message}"
    return ""


def _containers(pod: Tree) -> list[Tree]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def _schemas(schema: Any) -> Iterator[Tree]:
    """Yield every schema that describes something, not those that only compare (if, then)."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key not in {"allOf", "if", "then"}:
                yield from _schemas(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _schemas(value)


def _mappings(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _mappings(value, (*path, key))


def _keys(node: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Yield the dotted name and the line of every key that stands on a line of its own."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        for key, value in node.value:
            name = f"{path}.{key.value}".lstrip(".")
            yield name, key.start_mark.line
            yield from _keys(value, name)


def _commented(lines: list[str], line: int) -> bool:
    return " # " in lines[line] or (line > 0 and lines[line - 1].lstrip().startswith("#"))


def _differences(root: Tree, schema: Tree, values: Any, path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    if "properties" not in schema or not isinstance(values, dict):
        return
    # What is optional below has its comment instead of a value.
    if values or path not in {f".services.{each}" for each in SERVICES} | {".gateway.settings"}:
        named = schema["properties"].keys()
        if path.endswith((".requests", ".limits")):
            named = named & values.keys()
        yield from (f"{path}.{key}" for key in named ^ values.keys())
    for key, value in values.items():
        yield from _differences(root, schema["properties"].get(key, {}), value, f"{path}.{key}")


def _repeated(default: Any, told: Any, path: str) -> Iterator[str]:
    for key, value in told.items():
        if isinstance(value, dict) and isinstance(default.get(key), dict):
            yield from _repeated(default[key], value, f"{path}.{key}")
        elif default.get(key) == value:
            yield f"{path}.{key}"
