"""A town's instance: all services in two containers, from the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from images.engine import Engine
from support.callers import caller
from support.containers import running_containers

pytestmark = pytest.mark.long


def test_a_packed_town_answers_and_survives_the_death_of_both(
    docker: Engine, images: dict[str, str], tmp_path: Path
) -> None:
    town = {"KAIGONG_TIER": "town", "KAIGONG_INSTANCE": "321181113"}
    with running_containers(docker, tmp_path, "compose.packed.yaml", settings=town) as packed:
        assert len(packed.compose("ps", "--quiet").split()) == 7

        for service in ("packed-api", "packed-worker"):
            packed.kill_and_heal(service)

        with caller(packed.base_url, "d4.city", patience=30) as dispatcher:
            for path in ("/v1/projects", "/v1/cards", "/v1/work-orders"):
                answer = dispatcher.get(path)
                assert answer.status_code == 200, answer.text
