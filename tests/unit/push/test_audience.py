"""Who sees a live event."""

import pytest

from chassis.identity import Principal
from chassis.live import Audience
from push.audience import Onlooker

DANYANG, TOWN = "321100/321181", "321100/321181/321181113"
USCC = "91321181000000027K"

ACCOUNT = Audience(account="a-1")
ORG = Audience(org="321181:发改")
COMPANY = Audience(uscc=USCC)
PLACE = Audience(region_path=TOWN, level="区级")
DISPATCHERS = Audience(region_path=TOWN, level="市级", roles=("D1", "D4"))


def caller(*roles: str, region_path: str = DANYANG, **more: object) -> Onlooker:
    return Onlooker.of(
        Principal("me", roles=frozenset(roles), region_path=region_path, **more)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("audience", "who"),
    [
        pytest.param(
            ACCOUNT, Onlooker.of(Principal("a-1", roles=frozenset({"B1"}))), id="the account named"
        ),
        pytest.param(ORG, caller("A2", org="321181:发改"), id="the department named"),
        pytest.param(COMPANY, caller("E1", companies=frozenset({USCC})), id="the company's own"),
        pytest.param(PLACE, caller("D1"), id="the district over its town"),
        pytest.param(PLACE, caller("B4", region_path="321100"), id="who reads all levels"),
        pytest.param(DISPATCHERS, caller("D4", region_path="321100"), id="a role that is named"),
    ],
)
def test_whom_an_audience_names_sees_the_event(audience: Audience, who: Onlooker) -> None:
    assert who.sees([Audience(account="somebody else"), audience], {})


@pytest.mark.parametrize(
    ("audience", "who"),
    [
        pytest.param(Audience(), caller("D1"), id="no field set is nobody"),
        pytest.param(Audience(), Onlooker.of(Principal("")), id="not even who is nobody"),
        pytest.param(ORG, caller("A2", org="321183:发改"), id="the same department elsewhere"),
        pytest.param(COMPANY, caller("E1"), id="a company without a mandate"),
        pytest.param(
            COMPANY, caller("D1", companies=frozenset({USCC})), id="a company by another role"
        ),
        pytest.param(PLACE, caller("D1", region_path="321100/321183"), id="the neighbour"),
        pytest.param(
            PLACE, caller("D4", region_path="321100"), id="the city on a district's level"
        ),
        pytest.param(PLACE, caller("E1"), id="a company of the place"),
        pytest.param(PLACE, caller("A2", org="321181:住建"), id="a department of the place"),
        pytest.param(DISPATCHERS, caller("B3"), id="a role that is not named"),
    ],
)
def test_who_is_not_named_sees_nothing(audience: Audience, who: Onlooker) -> None:
    assert not who.sees([audience], {})


def test_a_delegate_of_one_project_sees_the_companys_events_of_that_project_only() -> None:
    delegate = caller("E2", companies=frozenset({USCC}), projects=frozenset({"p-1"}))

    assert delegate.sees([COMPANY], {"project_id": "p-1"})
    assert not delegate.sees([COMPANY], {"project_id": "p-2"})
    assert not delegate.sees([COMPANY], {})
