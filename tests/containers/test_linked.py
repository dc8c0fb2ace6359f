"""A district and a town under it, each in containers of its own, over a line that speaks TLS."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from acceptance.conftest import City
from e2e.places import TOWN, in_review
from images.engine import Engine
from instance.ports import free_block
from support.callers import caller
from support.containers import Containers, certify, running_containers
from support.waiting import eventually

pytestmark = pytest.mark.long

DISTRICT = "321181"
_PACKED = ("compose.packed.yaml", "compose.tls.yaml", "compose.tls.packed.yaml")


@dataclass
class Place:
    """An instance as the people of the acceptance tests know it."""

    containers: Containers

    def caller(self, username: str) -> httpx.Client:
        return caller(self.containers.base_url, username, patience=20)


@pytest.fixture(scope="module")
def pair(
    docker: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Containers, Containers]]:
    """The district publishes its broker on the engine's bridge, where the town's broker reaches it."""
    home, port = tmp_path_factory.mktemp("linked"), free_block(1)
    bridge = json.loads(docker.docker("network", "inspect", "bridge"))
    address = bridge[0]["IPAM"]["Config"][0]["Gateway"]
    above = {
        "KAIGONG_PROJECT": "kaigong-test-district",
        "KAIGONG_TIER": "district",
        "KAIGONG_INSTANCE": DISTRICT,
        "KAIGONG_LINK_BIND": address,
        "KAIGONG_LINK_PORT": str(port),
        "KAIGONG_LINK_HOST": f"{address}:{port}",
        "KAIGONG_NAMES": address,
    }
    parent_files = ("compose.parent.yaml", *_PACKED, "compose.tls.parent.yaml")
    with contextlib.ExitStack() as stack:
        district = stack.enter_context(
            running_containers(docker, home / "district", *parent_files, settings=above)
        )

        def invited(secrets: Path) -> None:
            """Bring the town what the district made for it: an address and a certificate."""
            link = district.compose("run", "--rm", "links", "add-child", TOWN).strip()
            (secrets / "parent_url").write_text(link)
            made = certify(district.certificates.parent, "child", TOWN).strip()
            (secrets / "tls").mkdir(exist_ok=True)
            Path(made).rename(secrets / "tls" / "parent")

        below = {
            "KAIGONG_PROJECT": "kaigong-test-town",
            "KAIGONG_TIER": "town",
            "KAIGONG_INSTANCE": TOWN,
            "KAIGONG_PARENT": DISTRICT,
        }
        child_files = ("compose.child.yaml", *_PACKED, "compose.tls.child.yaml")
        town = stack.enter_context(
            running_containers(
                docker, home / "town", *child_files, settings=below, prepared=invited
            )
        )
        trusted = home / "authorities.pem"
        trusted.write_text(
            "".join(
                (each.certificates / "authority" / "ca.crt").read_text()
                for each in (district, town)
            )
        )
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("SSL_CERT_FILE", str(trusted))
            yield district, town


@pytest.fixture
def cities(pair: tuple[Containers, Containers]) -> Iterator[tuple[City, City]]:
    """What people do at the district, and at the town."""
    above, below = (City(cast(Any, Place(each))) for each in pair)
    yield above, below
    above.close()
    below.close()


def test_what_happens_in_the_town_is_seen_in_the_district(cities: tuple[City, City]) -> None:
    above, below = cities

    project_id, case_id = in_review(below)

    def seen() -> bool:
        project = above.person("d1.danyang").get(f"/v1/projects/{project_id}")
        case = above.person("d1.danyang").get(f"/v1/cases/{case_id}")
        assert (project.status_code, case.status_code) == (200, 200), (project.text, case.text)
        return True

    eventually(seen, timeout=90, every=1)


def test_an_order_of_the_district_arrives_in_the_town(cities: tuple[City, City]) -> None:
    above, below = cities
    project_id, case_id = in_review(below)
    eventually(
        lambda: above.person("d1.danyang").get(f"/v1/cases/{case_id}").status_code == 200,
        timeout=90,
    )

    order = above.post(
        "d1.danyang",
        "/v1/work-orders:dispatch",
        project_id=project_id,
        source="ORDER_SOURCE_INSPECTION",
        requirement="巡察发现进度滞后, 请说明",
    )["order"]

    eventually(
        lambda: (
            below.person("d1.danyang").get(f"/v1/work-orders/{order['order_id']}").status_code
            == 200
        ),
        timeout=90,
        every=1,
    )


def test_the_line_is_for_who_was_given_a_certificate(pair: tuple[Containers, Containers]) -> None:
    district, town = pair
    probe = (Path(__file__).parent / "probe.py").read_text("utf-8")

    def come(*shown: str) -> object:
        """What the district's broker gives to whoever comes from where the town's broker is."""
        told = town.engine.docker(
            *("run", "--rm", "--user", "0", *shown),
            *("--network", f"{town.environ['KAIGONG_PROJECT']}_outside"),
            *("kaigong:dev", "python", "-c", probe, district.environ["KAIGONG_LINK_HOST"]),
        )
        return next(iter(json.loads(told).values()))

    assert come() == {}
    assert come("-v", f"{town.certificates}/parent:/run/tls:ro") != {}
