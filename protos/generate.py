"""Generate build/gen and build/kaigong.binpb from the protos: `python protos/generate.py`.

The target is swapped in by rename, so a process that imports while we generate
sees the old code or the new, never half of it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent
BUILD = PROTOS.parent / "build"


def generate(build: Path = BUILD) -> None:
    ours = sorted(str(path) for path in (PROTOS / "kaigong").rglob("*.proto"))
    validate = str(PROTOS / "third_party/buf/validate/validate.proto")
    error_details = str(PROTOS / "third_party/google/rpc/error_details.proto")
    status = str(PROTOS / "third_party/google/rpc/status.proto")
    includes = [
        f"--proto_path={PROTOS / 'third_party'}",
        f"--proto_path={PROTOS}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
    ]
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        gen = Path(scratch) / "gen"
        gen.mkdir()
        # google.api and google.rpc come as a package; buf.validate does not.
        _run(
            *includes,
            f"--plugin=protoc-gen-mypy={_script('protoc-gen-mypy')}",
            f"--plugin=protoc-gen-mypy_grpc={_script('protoc-gen-mypy_grpc')}",
            f"--python_out={gen}",
            f"--grpc_python_out={gen}",
            f"--mypy_out=quiet:{gen}",
            f"--mypy_grpc_out=quiet:{gen}",
            *ours,
            validate,
        )
        _run(
            *includes,
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={scratch}/kaigong.binpb",
            *ours,
            error_details,
            status,
        )
        shutil.rmtree(build / "gen", ignore_errors=True)
        gen.rename(build / "gen")
        Path(f"{scratch}/kaigong.binpb").replace(build / "kaigong.binpb")


def _script(name: str) -> Path:
    return Path(sys.executable).parent / name


def _run(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit("protoc refused the protos: see the lines above")


if __name__ == "__main__":
    generate()
