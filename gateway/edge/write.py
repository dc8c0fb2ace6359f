"""Writes the folder that Envoy reads: configuration, descriptors, OpenAPI document, reference page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml
from google.protobuf import descriptor_pb2

from edge import page as reference
from edge import tls
from edge.bootstrap import bootstrap
from edge.openapi import document
from edge.routes import of, read
from edge.settings import Settings


def render(out: Path, settings: Settings, *, descriptors: Path) -> None:
    """Write `out/envoy.yaml` and all that it names. Paths in it are absolute."""
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    known = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    protos = of(known)
    for file in known.file:
        file.ClearField("source_code_info")
    # A copy, so that a later build does not change what a restarted Envoy reads.
    (out / "descriptors.binpb").write_bytes(known.SerializeToString())
    _write_json(out / "openapi.json", document(protos))
    shutil.rmtree(out / "docs", ignore_errors=True)
    shutil.copytree(reference.folder(), out / "docs")
    tree = bootstrap(protos, settings, descriptors=out / "descriptors.binpb", pages=out)
    for name, named in tls.files(settings).items():
        _write_yaml(out / name, named)
    _write_yaml(out / "envoy.yaml", tree)


def openapi(out: Path, *, descriptors: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    _write_json(out, document(read(descriptors)))


def page() -> None:
    print(reference.folder())


def _write_yaml(path: Path, tree: object) -> None:
    text = yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1000)
    path.write_text(text, "utf-8")


def _write_json(path: Path, tree: object) -> None:
    path.write_text(json.dumps(tree, ensure_ascii=False, indent=1), "utf-8")
