"""Make an image say only what is in it: the same files give the same digest on any day and engine.

An engine writes the time of the build into every layer and into the configuration. The image is
saved, every time in it becomes that of the commit, and the result is loaded under its names.
Byte code in the images is not compared with its source's time (Dockerfile, strip.sh).
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def normalise(saved: Path, out: Path, *, tags: list[str], epoch: int) -> str:
    """Write the image in `saved` (of `docker save`) to `out`, for `docker load`; return its id."""
    scratch = out.with_suffix(".layers")
    scratch.mkdir(parents=True, exist_ok=True)
    with tarfile.open(saved) as archive:
        (told,) = json.loads(_read(archive, "manifest.json"))
        config = json.loads(_read(archive, told["Config"]))
        layers = [
            _layer(archive, name, scratch / f"{number}.tar", epoch)
            for number, name in enumerate(told["Layers"])
        ]
    text = json.dumps(_config(config, layers, epoch), sort_keys=True).encode()
    image = hashlib.sha256(text).hexdigest()
    names = [f"{digest}.tar" for digest in layers]
    manifest = [{"Config": f"{image}.json", "RepoTags": tags, "Layers": names}]
    for name, content in (
        (f"{image}.json", text),
        ("manifest.json", json.dumps(manifest).encode()),
    ):
        (scratch / name).write_bytes(content)
    with tarfile.open(out, "w") as archive:
        for number, name in enumerate(names):
            archive.add(scratch / f"{number}.tar", name)
        for name in (f"{image}.json", "manifest.json"):
            archive.add(scratch / name, name)
    for each in scratch.iterdir():
        each.unlink()
    scratch.rmdir()
    return f"sha256:{image}"


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None, name
    return file.read()


def _layer(archive: tarfile.TarFile, name: str, out: Path, epoch: int) -> str:
    """Copy a layer with its members in the order they had; return its digest."""
    source = archive.extractfile(name)
    assert source is not None, name
    with (
        tarfile.open(fileobj=source, mode="r:*") as layer,
        tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as copy,
    ):
        for member in layer:
            member.mtime = epoch
            member.uname = member.gname = ""
            # Capabilities stay; times to the nanosecond do not.
            member.pax_headers = {
                key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY")
            }
            copy.addfile(member, layer.extractfile(member) if member.isreg() else None)
    with out.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _config(config: dict[str, Any], layers: list[str], epoch: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ran = config["config"]
    kept = (
        "Env",
        "Cmd",
        "Entrypoint",
        "User",
        "WorkingDir",
        "Labels",
        "ExposedPorts",
        "Healthcheck",
    )
    return {
        "architecture": config["architecture"],
        "os": config["os"],
        "created": moment,
        "config": {name: ran[name] for name in kept if ran.get(name)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in layers]},
        "history": [{"created": moment, "created_by": "deploy/images/Dockerfile"} for _ in layers],
    }
