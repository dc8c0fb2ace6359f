"""Compare the protos with those of the last release: `python protos/breaking.py`.

The release is the newest heading of CHANGELOG.md, `## <version> · <date> · <commit>`; the last word may
also be a tag, and without it the tag `v<version>` is looked for. All work is committed on main, so a
comparison with main would compare the protos with themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_HEADING = re.compile(r"^## \[?v?(?P<version>\d+\.\d+\.\d+)\]?(?P<rest>.*)$", re.MULTILINE)


def released(changelog: str) -> list[str]:
    """Return what may name the commit of the newest release, likeliest first; nothing without one."""
    found = _HEADING.search(changelog)
    if found is None:
        return []
    words = re.findall(r"[\w.-]+", found["rest"])
    named = [word for word in words[-1:] if re.fullmatch(r"[0-9a-f]{7,40}|v\d[\w.-]*", word)]
    return [*named, f"v{found['version']}"]


def main() -> int:
    changelog = ROOT / "CHANGELOG.md"
    names = released(changelog.read_text("utf-8")) if changelog.exists() else []
    if not names:
        print("buf breaking: CHANGELOG.md names no release yet, nothing to compare with")
        return 0
    commit = next((found for name in names if (found := _commit(name))), "")
    if not commit:
        print(f"buf breaking: this clone does not have {' or '.join(names)}", file=sys.stderr)
        return 1
    print(f"buf breaking: against {names[0]} ({commit[:12]})")
    buf = Path(sys.executable).parent / "buf"
    against = f".git#ref={commit},subdir=protos"
    return subprocess.run(
        [str(buf), "breaking", "protos", "--against", against], cwd=ROOT, check=False
    ).returncode


def _commit(name: str) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
