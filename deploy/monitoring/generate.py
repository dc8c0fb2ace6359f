"""Write what follows from the objectives: `python -m monitoring.generate`; `--check` only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from monitoring import dashboards, rules, slo

_SAYS = "# Generated from slo/*.yaml by `make monitoring-files`: change those.\n"


def files() -> dict[Path, str]:
    """Return every generated file with what it should hold."""
    made = rules.groups(slo.read_all())
    text = yaml.safe_dump(made, allow_unicode=True, sort_keys=False, width=100)
    return {
        slo.HOME / "rules" / "service_levels.yaml": _SAYS + text,
        **{
            slo.HOME / "dashboards" / f"{name}.json": json.dumps(
                board, ensure_ascii=False, indent=1
            )
            + "\n"
            for name, board in dashboards.boards(slo.read_all()).items()
        },
    }


def stale() -> list[str]:
    """Return the names of files that are not what would be generated now."""
    return [
        path.name
        for path, text in files().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        old = stale()
        print("\n".join(f"stale: {name}" for name in old))
        return 1 if old else 0
    for path, text in files().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
