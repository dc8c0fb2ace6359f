"""Which rows each role sees: roles.md section 2, R1 to R8."""

from __future__ import annotations

import pytest

from chassis.errors import OutOfScope
from chassis.identity import Function, Principal, Right, Scope, matrix

CITY, XINQU, DANYANG = "321100", "321100/321171", "321100/321181"
TOWN = f"{XINQU}/321171002"
USCC = "913211710000000199"


def caller(role: str, path: str = "", **more: object) -> Principal:
    return Principal("me", roles=frozenset({role}), region_path=path, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "row", "sees"),
    [
        pytest.param(
            caller("D1", XINQU), {"region_path": TOWN, "level": "区级"}, True,
            id="a district sees its towns, district projects too",
        ),
        pytest.param(
            caller("D1", XINQU), {"region_path": DANYANG, "level": "省级"}, False,
            id="a district does not see its neighbour (R3)",
        ),
        pytest.param(
            caller("D1", XINQU), {"region_path": f"{XINQU}9", "level": "市级"}, False,
            id="a longer code that begins alike is no child",
        ),
        pytest.param(
            caller("D4", CITY), {"region_path": DANYANG, "level": "市级"}, True,
            id="the city sees city projects everywhere",
        ),
        pytest.param(
            caller("D4", CITY), {"region_path": DANYANG, "level": "区级"}, False,
            id="the city sees district projects as statistics only (R1)",
        ),
        pytest.param(
            caller("B4", CITY), {"region_path": DANYANG, "level": "区级"}, True,
            id="the city's navigators read district projects",
        ),
        pytest.param(
            caller("B1", TOWN), {"region_path": TOWN, "level": "市级", "agents": ["me"]}, True,
            id="a navigator sees the project he is bound to",
        ),
        pytest.param(
            caller("B1", TOWN), {"region_path": TOWN, "level": "市级", "agents": ["other"]}, False,
            id="a navigator does not see the other projects of his town",
        ),
        pytest.param(
            caller("E1", companies=frozenset({USCC})),
            {"region_path": XINQU, "level": "市级", "uscc": USCC}, True,
            id="a company sees its own (R5)",
        ),
        pytest.param(
            caller("E1", companies=frozenset({USCC})),
            {"region_path": XINQU, "level": "市级", "uscc": ""}, False,
            id="a row of no company belongs to no company",
        ),
        pytest.param(
            caller("E2", companies=frozenset({USCC}), projects=frozenset({"p1"})),
            {"region_path": XINQU, "level": "市级", "uscc": USCC, "project_id": "p2"}, False,
            id="a delegate for one project does not see the company's others",
        ),
        pytest.param(
            caller("A2", XINQU, org="321171:发改"),
            {"region_path": XINQU, "level": "市级", "org": "321171:发改"}, True,
            id="a department sees what it decides (R4)",
        ),
        pytest.param(
            caller("A2", XINQU, org="321171:发改"),
            {"region_path": XINQU, "level": "市级", "org": "321171:住建"}, False,
            id="a department does not see another's cases",
        ),
        pytest.param(
            caller("A2", XINQU, org="321171:发改"),
            {"region_path": TOWN, "level": "市级"}, True,
            id="a department sees the projects of its region",
        ),
        pytest.param(
            caller("S2", CITY), {"region_path": CITY, "level": "市级"}, False,
            id="the system administrator sees no business rows (R7)",
        ),
    ],
)  # fmt: skip
def test_who_sees_which_row(who: Principal, row: dict[str, object], sees: bool) -> None:
    assert Scope.of(who).admits(**row) is sees  # type: ignore[arg-type]


def test_a_row_out_of_scope_is_refused_not_hidden() -> None:
    with pytest.raises(OutOfScope):
        Scope.of(caller("D1", XINQU)).check(region_path=DANYANG, level="市级")


def test_the_matrix_gives_reviewers_what_the_window_lacks() -> None:
    decide = (Function.FUNCTION_CASE_DECISION, Right.RIGHT_APPROVE)

    assert matrix()[decide] == {"A3"}
    assert not caller("A1").holds(*decide)
