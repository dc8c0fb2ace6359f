"""`python -m edge {render,openapi,page}`: write what Envoy reads. See gateway/README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge import write
from edge.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m edge", description=__doc__)
    parser.add_argument("--descriptors", type=Path, default=ROOT / "build" / "kaigong.binpb")
    commands = parser.add_subparsers(dest="command", required=True)

    render = commands.add_parser(
        "render", help="write envoy.yaml and all that it names into a folder"
    )
    render.add_argument("--out", type=Path, required=True)
    render.add_argument(
        "--settings",
        type=Path,
        action="append",
        default=[],
        help="YAML with any of the fields of edge/settings.py; a later file overlays an earlier one",
    )
    for name in ("listen", "admin", "metrics", "jwks-url", "push"):
        render.add_argument(f"--{name}")
    render.add_argument("--service", action="append", default=[], metavar="NAME=HOST:PORT")
    render.add_argument("--no-limits", action="store_true", help="no rate limits: for benchmarks")

    openapi = commands.add_parser("openapi", help="write the OpenAPI document")
    openapi.add_argument("--out", type=Path, required=True)

    commands.add_parser("page", help="fetch the API reference page into build/docs")

    chosen = parser.parse_args()
    if chosen.command == "render":
        settings = Settings.read(
            *chosen.settings,
            listen=chosen.listen,
            admin=chosen.admin,
            metrics=chosen.metrics,
            jwks_url=chosen.jwks_url,
            push=chosen.push,
            services=dict(pair.split("=", 1) for pair in chosen.service),
        )
        if chosen.no_limits:
            settings = settings.without_limits()
        write.render(chosen.out, settings, descriptors=chosen.descriptors)
    elif chosen.command == "openapi":
        write.openapi(chosen.out, descriptors=chosen.descriptors)
    else:
        write.page()


if __name__ == "__main__":
    main()
