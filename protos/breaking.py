"""Compare the protos with those of the last release: `python protos/breaking.py`.

The release is the newest heading of CHANGELOG.md, `## <version> · <date>`, and its commit is the one
that wrote that heading. All work is committed on main, so a comparison with main would compare the
protos with themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_HEADING = re.compile(r"^## \d+\.\d+\.\d+ .*$", re.MULTILINE)


def released(changelog: str) -> str:
    """Return the heading of the newest release, empty without one."""
    found = _HEADING.search(changelog)
    return found[0] if found else ""


def commit_of(heading: str, root: Path = ROOT) -> str:
    """Return the first commit whose changelog has the heading, empty while it is not committed."""
    log = ["git", "log", "--reverse", "--format=%H", f"-S{heading}", "--", "CHANGELOG.md"]
    done = subprocess.run(log, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def main() -> int:
    heading = released((ROOT / "CHANGELOG.md").read_text("utf-8"))
    commit = commit_of(heading) if heading else ""
    if not commit:
        print("buf breaking: no release yet, nothing to compare with")
        return 0
    print(f"buf breaking: against {heading.removeprefix('## ')} ({commit[:12]})")
    buf = Path(sys.executable).parent / "buf"
    against = f".git#ref={commit},subdir=protos"
    return subprocess.run(
        [str(buf), "breaking", "protos", "--against", against], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
