"""The Helm chart as it renders: what an instance adds to a tier's values, and what came of it.

`python -m support.chart` (by `make snapshots`) writes tests/contract/snapshots anew.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "kaigong"
SNAPSHOTS = ROOT / "tests" / "contract" / "snapshots"
NAME = "kaigong"
_STORES = "kaigong-stores-"
Tree = dict[str, Any]

# What every instance has to say for itself; the names of Secrets, never what is in them.
_OWN: Tree = {
    "publicUrl": "https://kaigong.example.cn",
    "secrets": {"existingSecret": "kaigong"},
    "objects": {"s3": {"url": "s3://kaigong", "existingSecret": "kaigong-objects"}},
    "stores": {"redis": {"existingSecret": "kaigong-redis"}},
    "tls": {"issuer": {"name": "kaigong-ca"}},
}
_CHILD: Tree = {"parent": {"existingSecret": "kaigong-parent"}}
_ROUTE: Tree = {
    "entry": {"kind": "httpRoute", "httpRoute": {"parentRefs": [{"name": "public"}]}},
    "channels": {"existingSecret": "kaigong-channels"},
}
VARIANTS: Mapping[str, tuple[tuple[str, ...], tuple[Tree, ...]]] = {
    "city": (("city",), (_OWN, _ROUTE)),
    "district": (("district",), (_OWN, _CHILD)),
    "town": (("town",), (_OWN, _CHILD)),
    "external": (("district", "external"), ()),
    "stores": (("city",), (_OWN, {"release": "stores"})),
}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    """Return both, as Helm puts one file of values over another."""
    out = dict(below)
    for key, value in above.items():
        known = out.get(key)
        both = isinstance(value, dict) and isinstance(known, dict)
        out[key] = merge(known, value) if both and known is not None else value
    return out


def values_file(name: str) -> Tree:
    told = yaml.safe_load((CHART / name).read_text("utf-8"))
    assert isinstance(told, dict)
    return told


def values_of(variant: str, *more: Tree) -> Tree:
    files, added = VARIANTS[variant]
    layers = (*(values_file(f"values-{each}.yaml") for each in files), *added, *more)
    return functools.reduce(merge, layers)


@functools.cache
def chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)


@dataclass(frozen=True)
class Rendered:
    """All objects of one release."""

    text: str
    notes: str
    objects: tuple[Tree, ...]

    def of_kind(self, *kinds: str) -> dict[str, Tree]:
        """Return the objects of these kinds by name, without the name of the release."""
        return {short(each): each for each in self.objects if each["kind"] in kinds}

    def pods(self) -> Iterator[tuple[str, Tree]]:
        """Yield the spec of every pod that somebody makes of these objects."""
        for each in self.objects:
            if each["kind"] == "Pod":
                yield f"Pod {short(each)}", each["spec"]
            elif "template" in each.get("spec", {}):
                yield f"{each['kind']} {short(each)}", each["spec"]["template"]["spec"]


def render(values: Tree, *, name: str = NAME) -> Rendered:
    files = chart().render(values, name=name, namespace=NAME)
    texts = [text for path, text in sorted(files.items()) if path.endswith(".yaml")]
    loaded = (each for text in texts for each in yaml.load_all(text, Loader=yaml.CSafeLoader))
    return Rendered(
        text="\n---\n".join(texts),
        notes=files[f"{NAME}/templates/NOTES.txt"],
        objects=tuple(each for each in loaded if each),
    )


@functools.cache
def rendered(variant: str) -> Rendered:
    return render(values_of(variant))


def short(each: Tree) -> str:
    return str(each["metadata"]["name"]).removeprefix(f"{NAME}-")


def kubelet_environ(container: Tree, secret: Callable[[str, str], str]) -> dict[str, str]:
    """Return the environment as the kubelet makes it; `secret` is asked for a Secret and a key."""
    environ: dict[str, str] = {}
    for each in container.get("env", []):
        if "valueFrom" in each:
            its = each["valueFrom"]["secretKeyRef"]
            environ[each["name"]] = secret(its["name"], its["key"])
        else:
            known = re.sub(r"\$\((\w+)\)", lambda found: environ[found.group(1)], each["value"])
            environ[each["name"]] = known
    return environ


# --- The restricted pod standard ------------------------------------------------------------

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
    *("projected", "secret"),
}
_SECCOMP = {"RuntimeDefault", "Localhost"}


def looseness(pod: Tree) -> list[str]:
    """Say where a pod's spec does not pass the restricted standard, or our own two rules beside it."""
    found = [
        f"{name} is set"
        for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
        if pod.get(name)
    ]
    if pod.get("automountServiceAccountToken") is not False:
        found.append("has a token")
    for volume in pod.get("volumes", []):
        if kinds := volume.keys() - {"name"} - _VOLUMES:
            found.append(f"volume {volume['name']} is {', '.join(sorted(kinds))}")
    whole = pod.get("securityContext", {})
    if whole.get("sysctls"):
        found.append("sysctls are set")
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    containers += pod.get("ephemeralContainers", [])
    for container in containers:
        found += [f"{container['name']}: {what}" for what in _loose(container, whole)]
    return found


def _loose(container: Tree, whole: Tree) -> Iterator[str]:
    own = container.get("securityContext", {})
    effective = {**whole, **own}
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may escalate"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "keeps capabilities"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "adds capabilities"
    if effective.get("runAsNonRoot") is not True:
        yield "may be root"
    if effective.get("runAsUser") == 0:
        yield "is root"
    if effective.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield "has no seccomp profile"
    if own.get("procMount", "Default") != "Default":
        yield "sees /proc unmasked"
    if effective.get("seLinuxOptions") or effective.get("windowsOptions"):
        yield "chooses its own SELinux or Windows options"
    if effective.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _SECCOMP:
        yield "is not confined by AppArmor"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "has a port of its node"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image"


# --- Summaries that a person can read -------------------------------------------------------


def summary(release: Rendered) -> Tree:
    """Return what a reader of a change wants to see of a release."""
    deployments = release.of_kind("Deployment")
    by_kind: dict[str, list[set[str]]] = {}
    for each in deployments.values():
        kind = each["metadata"]["labels"]["kaigong/kind"]
        by_kind.setdefault(kind, []).append(set(_env(_main(each))))
    common = {kind: set.intersection(*lines) for kind, lines in by_kind.items() if len(lines) > 1}
    told: Tree = {f"every {kind} is told": sorted(lines) for kind, lines in common.items()}
    scales = release.of_kind("HorizontalPodAutoscaler")
    told["deployments"] = {
        name: _deployment(each, scales.get(name), common)
        for name, each in sorted(deployments.items())
    }
    told["hooks, in their order"] = _hooks(release)
    told["services"] = {
        name: f"{'headless ' if each['spec'].get('clusterIP') == 'None' else ''}"
        f"{_ports(each['spec']['ports'])} → {_who(each['spec']['selector'])}"
        for name, each in sorted(release.of_kind("Service").items())
    }
    told["network"] = {
        name: _policy(each["spec"])
        for name, each in sorted(release.of_kind("NetworkPolicy").items())
    }
    for kind in ("ServiceAccount", "PodDisruptionBudget"):
        told[kind] = ", ".join(sorted(release.of_kind(kind)))
    if shown := release.of_kind("Certificate"):
        told["certificates"] = {
            name: f"{', '.join(each['spec']['dnsNames'])} for {' and '.join(each['spec']['usages'][2:])}"
            for name, each in sorted(shown.items())
        }
    for each in release.objects:
        if each["kind"] not in _SUMMED_UP:
            told.setdefault(each["kind"], {})[short(each)] = each.get("spec", each.get("data"))
    return {key: value for key, value in told.items() if value}


_SUMMED_UP = {
    *("Deployment", "HorizontalPodAutoscaler", "Service", "NetworkPolicy", "Job", "Pod"),
    *("ServiceAccount", "PodDisruptionBudget", "Certificate"),
    # The rules themselves, which have tests and a folder of their own.
    "PrometheusRule",
}


def _main(deployment: Tree) -> Tree:
    main: Tree = deployment["spec"]["template"]["spec"]["containers"][0]
    return main


def _env(container: Tree) -> Iterator[str]:
    for each in container.get("env", []):
        if "valueFrom" in each:
            secret = each["valueFrom"]["secretKeyRef"]
            yield f"{each['name']} ← {secret['name']}/{secret['key']}"
        elif each["name"] == "KAIGONG_PACKED":
            for service, settings in json.loads(each["value"]).items():
                yield f"{service}: " + " ".join(f"{key}={word}" for key, word in settings.items())
        else:
            yield f"{each['name']} = {each['value']}"


def _deployment(each: Tree, scale: Tree | None, common: Mapping[str, set[str]]) -> Tree:
    pod, main = each["spec"]["template"]["spec"], _main(each)
    ready = main["readinessProbe"]
    needs, most = main["resources"]["requests"], main["resources"]["limits"]
    told: Tree = {
        "runs": " ".join([*main.get("command", []), *main["args"]]),
        "replicas": each["spec"].get("replicas")
        or (scale and f"{scale['spec']['minReplicas']} to {scale['spec']['maxReplicas']}"),
        "resources": f"{needs['cpu']} cpu, {needs['memory']} to {most['memory']}",
        "ports": _ports(main["ports"], "containerPort"),
        "ready when": _answers(ready),
        "mounts": ", ".join(sorted(mount["mountPath"] for mount in main["volumeMounts"])),
    }
    if scale:
        told["grows by"] = list(_metrics(scale["spec"]))
    for first in pod.get("initContainers", []):
        told[f"{first['name']} runs first"] = first["args"]
    known = common.get(each["metadata"]["labels"]["kaigong/kind"], set())
    if own := [line for line in _env(main) if line not in known]:
        told["is told"] = own
    return told


def _answers(probe: Tree) -> str:
    if "exec" in probe:
        return f"`{' '.join(probe['exec']['command'])}` ends well"
    return f"{probe['httpGet']['port']}{probe['httpGet']['path']} answers"


def _metrics(scale: Tree) -> Iterator[str]:
    for each in scale["metrics"]:
        its = each[each["type"].lower()]
        of = its["metric"].get("selector", {}).get("matchLabels", {}).get("service", "")
        yield f"{its['metric']['name']} {of} {its['target']['averageValue']}".replace("  ", " ")


def _hooks(release: Rendered) -> list[str]:
    told = []
    for each in release.objects:
        notes = each["metadata"].get("annotations", {})
        if each["kind"] in {"Job", "Pod"} and "helm.sh/hook" in notes:
            pod = each["spec"]["template"]["spec"] if each["kind"] == "Job" else each["spec"]
            main, weight = pod["containers"][0], int(notes.get("helm.sh/hook-weight", 0))
            words = " ".join(word for word in main["args"] if "\n" not in word)
            known = {line.split(" ← ")[1] for line in _env(main) if "←" in line}
            told.append((weight, f"{notes['helm.sh/hook']} {weight}: {words}", sorted(known)))
    return [f"{line}{' ← ' if known else ''}{', '.join(known)}" for _, line, known in sorted(told)]


def _ports(ports: list[Tree], key: str = "port") -> str:
    return ", ".join(f"{each.get('name', '')} {each[key]}".strip() for each in ports)


def _who(labels: Tree) -> str:
    return labels.get("app.kubernetes.io/component") or labels.get("kaigong/kind") or "all"


def _policy(spec: Tree) -> Tree:
    told: Tree = {"of": _selected(spec["podSelector"])}
    for way, key in (("ingress", "from"), ("egress", "to")):
        if way.capitalize() in spec["policyTypes"]:
            told[key] = [
                f"{', '.join(_peer(peer) for peer in rule.get(key, [])) or 'anywhere'}"
                f" on {', '.join(str(port['port']) for port in rule.get('ports', [])) or 'any'}"
                for rule in spec.get(way, [])
            ] or "nobody"
    return told


def _peer(peer: Tree) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    words = [
        f"{kind} {_selected(peer[key])}"
        for key, kind in (("namespaceSelector", "namespace"), ("podSelector", "pods"))
        if key in peer
    ]
    return " ".join(words)


def _selected(selector: Tree) -> str:
    labels = selector.get("matchLabels", {})
    ours = labels.get("app.kubernetes.io/name") == NAME
    words = [_who(labels)] if ours else [str(value) for value in labels.values()]
    for each in selector.get("matchExpressions", []):
        values = each.get("values", [])
        known = [value for value in values if value.startswith(_STORES)]
        if values and known == values:
            values = [f"{_STORES}{{{','.join(value.removeprefix(_STORES) for value in values)}}}"]
        words.append(" ".join([each["key"], each["operator"], *values]))
    return " ".join(words)


def written(variant: str) -> str:
    told = yaml.dump(summary(rendered(variant)), sort_keys=False, allow_unicode=True, width=1000)
    return f"# What `helm template` gives for {variant}, told for a reader. `make snapshots` writes it.\n{told}"


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for each in VARIANTS:
        (SNAPSHOTS / f"{each}.yaml").write_text(written(each), "utf-8")
        print(f"tests/contract/snapshots/{each}.yaml")
