"""An image that says nothing of the day on which it was built."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from images.normalise import normalise

COMMITTED = 1_700_000_000


def saved(folder: Path, *, built_at: float, content: bytes = b"1") -> Path:
    """An archive of `docker save` with one layer: an old file and one of the build."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name, moment in (("etc/old", 1_500_000_000), ("opt/new", built_at)):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = len(content), moment, "builder"
            archive.addfile(member, io.BytesIO(content))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": str(built_at),
        "container": str(built_at),
        "config": {"User": "10001:10001", "Image": str(built_at), "Cmd": ["python"]},
        "rootfs": {},
    }
    manifest = [{"Config": "c.json", "Layers": ["l/layer.tar"], "RepoTags": None}]
    out = folder / f"{built_at}.tar"
    with tarfile.open(out, "w") as archive:
        for name, data in (
            ("c.json", json.dumps(config).encode()),
            ("l/layer.tar", layer.getvalue()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out


def test_the_same_files_give_the_same_digest_on_another_day(tmp_path: Path) -> None:
    digests = {
        normalise(
            saved(tmp_path, built_at=day), tmp_path / "out.tar", tags=["a:1"], epoch=COMMITTED
        )
        for day in (COMMITTED + 10.5, COMMITTED + 86_400.25)
    }

    assert len(digests) == 1


def test_other_content_gives_another_digest(tmp_path: Path) -> None:
    digests = {
        normalise(
            saved(tmp_path, built_at=day, content=content),
            tmp_path / "out.tar",
            tags=["a:1"],
            epoch=COMMITTED,
        )
        for day, content in ((COMMITTED + 1, b"1"), (COMMITTED + 2, b"2"))
    }

    assert len(digests) == 2


def test_every_file_has_the_age_of_the_commit(tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    normalise(saved(tmp_path, built_at=COMMITTED + 5), out, tags=["a:1"], epoch=COMMITTED)

    with tarfile.open(out) as archive:
        (told,) = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        (name,) = told["Layers"]
        with tarfile.open(fileobj=archive.extractfile(name)) as layer:
            ages = {each.name: each.mtime for each in layer}

    assert told["RepoTags"] == ["a:1"]
    assert ages == {"etc/old": COMMITTED, "opt/new": COMMITTED}
