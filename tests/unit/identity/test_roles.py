"""Which roles go together, where they are held, and who hands them out."""

from importlib.resources import files

import pytest
import yaml

from chassis.errors import DomainError
from identity.domain import TIERS, Manager, Place, check_roles
from identity.domain.roles import CITY, DISTRICT, TOWN

AT_CITY = Place("321100", "321100", CITY)
AT_DANYANG = Place("321181", "321100/321181", DISTRICT)
IN_A_BODY = Place("321181", "321100/321181", DISTRICT, "321181:发改")
AT_TOWN = Place("321181113", "321100/321181/321181113", TOWN)


def manager(*roles: str, path: str = AT_DANYANG.path, companies: tuple[str, ...] = ()) -> Manager:
    return Manager("me", frozenset(roles), path, frozenset(companies))


def reason(refused: pytest.ExceptionInfo[DomainError]) -> str:
    return refused.value.reason()


def test_each_role_of_the_matrix_has_its_tiers_and_no_other_role_has_any() -> None:
    text = files("chassis").joinpath("data/roles.yaml").read_text(encoding="utf-8")
    documented = {role["code"]: role["tier"] for role in yaml.safe_load(text)["roles"]}
    tiers = {
        "市": {CITY},
        "市(区)": {DISTRICT},
        "镇(街道、园区)": {TOWN},
        "市/市(区)": {CITY, DISTRICT},
        "市/市(区)/园区窗口": {CITY, DISTRICT, TOWN},
        "企业": {CITY, DISTRICT, TOWN},
        "外部": {CITY, DISTRICT, TOWN},
    }
    every_instance = {"S1", "S2", "S3"}

    assert set(TIERS) == set(documented)
    for role in set(TIERS) - every_instance:
        assert TIERS[role] == tiers[documented[role]], role


@pytest.mark.parametrize("pair", [("S1", "S2"), ("S1", "S3"), ("S2", "S3")])
def test_no_two_of_the_three_powers_meet_in_one_person(pair: tuple[str, str]) -> None:
    with pytest.raises(DomainError) as refused:
        check_roles(pair, AT_CITY)

    assert reason(refused) == "ROLES_INCOMPATIBLE"


@pytest.mark.parametrize(
    ("roles", "place", "why"),
    [
        pytest.param((), AT_CITY, "FIELD_INVALID", id="no role at all"),
        pytest.param(("Z9",), AT_CITY, "ROLE_UNKNOWN", id="a role that does not exist"),
        pytest.param(("D4",), AT_DANYANG, "ROLE_NOT_AT_TIER", id="a city's role in a district"),
        pytest.param(("B1",), AT_DANYANG, "ROLE_NOT_AT_TIER", id="a town's role in a district"),
        pytest.param(("A2",), AT_DANYANG, "ORG_REQUIRED", id="a reviewer without a department"),
        pytest.param(
            ("A2",),
            Place("321181", AT_DANYANG.path, DISTRICT, "发改"),
            "ORG_INVALID",
            id="a department without its region",
        ),
        pytest.param(
            ("A2",),
            Place("321181", AT_DANYANG.path, DISTRICT, "321183:发改"),
            "ORG_NOT_IN_REGION",
            id="a department of the neighbour",
        ),
    ],
)
def test_roles_that_do_not_fit_are_refused(roles: tuple[str, ...], place: Place, why: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_roles(roles, place)

    assert reason(refused) == why


def test_roles_that_fit_are_taken() -> None:
    assert check_roles(["A2", "A3"], IN_A_BODY) == {"A2", "A3"}
    assert check_roles(["B1", "B2"], AT_TOWN) == {"B1", "B2"}


@pytest.mark.parametrize(
    ("who", "roles", "path", "companies", "may"),
    [
        pytest.param("S2", {"D6"}, "321100", (), True, id="S2 manages everybody"),
        pytest.param("D1", {"A2"}, "321100/321181", (), True, id="D1 his own district"),
        pytest.param("B3", {"B1"}, "321100/321181/321181113", (), True, id="B3 the towns below"),
        pytest.param("D1", {"A2"}, "321100/321183", (), False, id="not the neighbour"),
        pytest.param("D1", {"A2"}, "321100/3211810", (), False, id="nor who begins alike"),
        pytest.param("D1", {"D2"}, "321100/321181", (), False, id="not the leader who signs"),
        pytest.param("D1", {"S3"}, "321100/321181", (), False, id="not the auditor"),
        pytest.param("D1", {"A2", "S2"}, "321100/321181", (), False, id="nor who is more besides"),
        pytest.param("E1", {"E2"}, "321100/321181", ("C1",), True, id="E1 his own delegate"),
        pytest.param("E1", {"E2"}, "321100/321181", ("C1", "C2"), False, id="not one shared"),
        pytest.param("E1", {"E2"}, "321100/321181", (), False, id="not one of nobody"),
        pytest.param("E1", {"E1"}, "321100/321181", ("C1",), False, id="not another E1"),
        pytest.param("E2", {"E2"}, "321100/321181", ("C1",), False, id="E2 nobody"),
        pytest.param("A2", {"A2"}, "321100/321181", (), False, id="a reviewer nobody"),
    ],
)
def test_who_manages_whom(
    who: str, roles: set[str], path: str, companies: tuple[str, ...], may: bool
) -> None:
    me = manager(who, companies=("C1",))

    assert (
        me.manages(roles=frozenset(roles), region_path=path, companies=frozenset(companies)) is may
    )


@pytest.mark.parametrize("role", ["D4", "D6", "B4", "K1", "S1", "S2", "S3", "D2"])
def test_a_districts_manager_grants_nothing_beyond_it_and_no_signature(role: str) -> None:
    with pytest.raises(DomainError) as refused:
        manager("D1").check_grants([role], AT_DANYANG.path)

    assert reason(refused) == "ROLE_NOT_YOURS_TO_GRANT"


def test_a_districts_manager_moves_nobody_out_of_it() -> None:
    manager("B3").check_grants(["B1"], AT_TOWN.path)
    with pytest.raises(DomainError) as refused:
        manager("B3").check_grants([], "321100/321183")

    assert reason(refused) == "NOT_YOURS_TO_MANAGE"


def test_a_companys_administrator_grants_no_role() -> None:
    with pytest.raises(DomainError) as refused:
        manager("E1", companies=("C1",)).check_grants(["E1"], AT_DANYANG.path)

    assert reason(refused) == "ROLE_NOT_YOURS_TO_GRANT"
