"""Who calls, what his roles hold, and which rows he may see (roles.md sections 2 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
import yaml
from kaigong.access.v1 import access_pb2 as access
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.errors import OutOfScope

Function = access.Function
Right = access.Right

_RIGHTS = {
    "V": access.RIGHT_VIEW,
    "C": access.RIGHT_CREATE,
    "U": access.RIGHT_CHANGE,
    "A": access.RIGHT_APPROVE,
    "S": access.RIGHT_SIGN,
    "X": access.RIGHT_EXPORT,
}

# Roles that see the rows of a territory, and those that see what their body decides.
_TERRITORIAL = frozenset({"A1", "B2", "B3", "B4", "D1", "D2", "D3", "D4", "D5", "D6", "K1"})
_DEPARTMENTAL = frozenset({"A2", "A3", "A4"})
_COMPANY = frozenset({"E1", "E2"})
_EXTERNAL = frozenset({"X1", "X2"})
_NAVIGATOR = "B1"
# The city sees province and city projects in full, district ones as statistics (R1); B4 reads all.
_READS_ALL_LEVELS = frozenset({"B4"})
_ALL_LEVELS = ("省级", "市级", "区级")
_CITY_LEVELS = ("省级", "市级")

OPERATOR_ROLE = "S2"


@cache
def matrix() -> Mapping[tuple[int, int], frozenset[str]]:
    """Return which roles hold each (function, right), from roles.yaml."""
    text = files("chassis").joinpath("data/roles.yaml").read_text(encoding="utf-8")
    titles = {
        value.GetOptions().Extensions[access.title]: value.number
        for value in access.Function.DESCRIPTOR.values
    }
    holders: dict[tuple[int, int], set[str]] = {}
    for row in yaml.load(text, Loader=yaml.CSafeLoader)["permissions"]:
        function = titles[row["function"]]
        for role, grant in row["grants"].items():
            for letter in grant["perms"]:
                holders.setdefault((function, _RIGHTS[letter]), set()).add(role)
    return {cell: frozenset(roles) for cell, roles in holders.items()}


@dataclass(frozen=True)
class Principal:
    """The caller, as the token says."""

    account_id: str
    username: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()
    region: str = ""
    region_path: str = ""
    org: str = ""
    companies: frozenset[str] = frozenset()
    # projects restricts a delegate to these; None means all of his companies'.
    projects: frozenset[str] | None = None
    session: str = ""

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    def holds(self, function: int, right: int) -> bool:
        return not self.roles.isdisjoint(matrix().get((function, right), frozenset()))

    @property
    def is_city(self) -> bool:
        return bool(self.region_path) and "/" not in self.region_path


@dataclass(frozen=True)
class Scope:
    """Which rows a caller may see: a territory, his companies, his projects, or his body's work.

    A table in scope has `region_path` and `level`, and as many of `uscc`, `agents`
    (text[]), `project_id` and `org` (or `lead_org`) as it knows.
    """

    regions: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    projects: tuple[str, ...] | None = None
    agent: str = ""
    org: str = ""

    @classmethod
    def of(cls, principal: Principal) -> Scope:
        roles, here = (
            principal.roles,
            (principal.region_path,) if principal.region_path else (),
        )
        sees_all = not principal.is_city or bool(roles & _READS_ALL_LEVELS)
        company = bool(roles & _COMPANY)
        return cls(
            regions=here if roles & _TERRITORIAL else (),
            bodies=here if roles & _DEPARTMENTAL else (),
            levels=_ALL_LEVELS if sees_all else _CITY_LEVELS,
            companies=tuple(sorted(principal.companies)) if company else (),
            projects=None if principal.projects is None else tuple(sorted(principal.projects)),
            agent=principal.account_id if _NAVIGATOR in roles else "",
            org=principal.org if roles & (_DEPARTMENTAL | _EXTERNAL) else "",
        )

    def bind(self) -> dict[str, Any]:
        """Return the values for a clause that `scope_clause` built."""
        return {
            "scope_regions": _subtree(self.regions),
            "scope_bodies": _subtree((*self.regions, *self.bodies)),
            "scope_levels": list(self.levels),
            "scope_companies": list(self.companies),
            "scope_any_project": self.projects is None,
            "scope_projects": list(self.projects or ()),
            "scope_agent": self.agent,
            "scope_org": self.org,
        }

    def where(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Return the clause that keeps the rows in scope, values included."""
        clause = scope_clause(table)
        values = self.bind()
        names = {name for name in clause.compile().params if name in values}
        return clause.params({name: values[name] for name in names})

    def admits(
        self,
        *,
        region_path: str,
        level: str,
        uscc: str = "",
        agents: Iterable[str] = (),
        org: str | None = None,
        project_id: str = "",
    ) -> bool:
        """Say the same of one row as `where` says of a table; `org` is None where rows have none."""
        territories = self.regions if org is not None else (*self.regions, *self.bodies)
        return (
            (level in self.levels and any(_within(region_path, top) for top in territories))
            or (
                uscc in self.companies
                and bool(uscc)
                and (self.projects is None or project_id in self.projects)
            )
            or (bool(self.agent) and self.agent in agents)
            or (bool(self.org) and self.org == org)
        )

    def check(self, **row: Any) -> None:
        if not self.admits(**row):
            raise OutOfScope()


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _subtree(paths: Iterable[str]) -> list[str]:
    """Return LIKE patterns for the paths and everything below them."""
    return [pattern for path in paths for pattern in (path, f"{path}/%")]


def _bind(name: str, kind: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(f"scope_{name}", type_=kind)


def scope_clause(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Build the clause with bind parameters, for a statement that is built once at import.

    Its shape depends on the table alone, so the database prepares it once for all callers.
    """
    columns, texts = table.c, ARRAY(sa.Text)
    org = columns.get("org", columns.get("lead_org"))
    territory = "regions" if org is not None else "bodies"
    arms = [
        sa.and_(
            columns.level == sa.func.any(_bind("levels", texts)),
            columns.region_path.like(sa.func.any(_bind(territory, texts))),
        )
    ]
    if "uscc" in columns:
        project = columns.get("project_id", columns.get("id"))
        arms.append(
            sa.and_(
                columns.uscc == sa.func.any(_bind("companies", texts)),
                sa.or_(
                    _bind("any_project", sa.Boolean()),
                    sa.cast(project, sa.Text) == sa.func.any(_bind("projects", texts)),
                ),
            )
        )
    if "agents" in columns:
        arms.append(_bind("agent", sa.Text()) == sa.func.any(columns.agents))
    if org is not None:
        arms.append(sa.and_(_bind("org", sa.Text()) != "", org == _bind("org", sa.Text())))
    return sa.or_(*arms)
