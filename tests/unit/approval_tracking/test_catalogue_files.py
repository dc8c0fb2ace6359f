"""Catalogues as files: read as written, each fault with its line, no tricks."""

from __future__ import annotations

import pytest

from approval_tracking.catalogue_files import read_yaml, write_yaml
from approval_tracking.domain.catalogue_checks import check
from approval_tracking.domain.errors import CatalogueUnreadable
from support.approval_data import DATA, seed

THEMES = seed("themes.yaml")["themes"]
SHIPPED = (DATA / "catalog.yaml").read_text(encoding="utf-8")


def test_what_is_written_is_read_again() -> None:
    read = read_yaml(write_yaml(seed("catalog.yaml"), THEMES))

    assert (read.content, read.themes) == (seed("catalog.yaml"), THEMES)


def test_a_fault_has_the_line_of_its_place() -> None:
    lines = SHIPPED.split("\n")
    at = lines.index("- code: S2-06") + 1
    place = next(n for n in range(at, at + 60) if lines[n].startswith("    expr:"))
    lines[place] = '    expr: "anual_energy_tce > 1.0"'
    read = read_yaml("\n".join(lines).encode())

    [fault] = [read.placed(each) for each in check(read.content, THEMES)]
    assert fault.path == "items[S2-06].applicability.expr"
    assert fault.en.startswith(f"line {place + 1}: the rule is wrong: column 1: anual_energy_tce")
    assert fault.zh.startswith(f"第 {place + 1} 行: ")


def test_what_is_missing_has_the_line_of_what_it_is_missing_from() -> None:
    lines = SHIPPED.split("\n")
    at = lines.index("- code: S2-06")
    lines.remove("  name: 固定资产投资项目节能审查")
    read = read_yaml("\n".join(lines).encode())

    [fault] = [read.placed(each) for each in check(read.content, THEMES)]
    assert fault.path == "items[S2-06].name"
    assert fault.en == f"line {at + 1}: is missing"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xff\xfe\x00", "no UTF-8 text"),
        (b"", "must be a mapping"),
        (b"- 1\n- 2", "must be a mapping"),
        (b"items: [", "no valid YAML"),
        (b"a: 1\nb: 'x", "line 2: no valid YAML"),
        (b"a: &x [1]\nb: *x", "aliases"),
        (b"[" * 5000, "too deep"),
        (b"a: 1\na: 2", "line 2: a is twice"),
        (b"a: 2026-11-24", "neither a text nor a number"),
        (b"a: .nan", "neither a text nor a number"),
        (b'a: "\\0"', "neither a text nor a number"),
        (b"a: !!python/object:os.system x", "line 1: no valid YAML"),
    ],
)
def test_what_is_no_catalogue_file_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(CatalogueUnreadable) as caught:
        read_yaml(data)

    assert told in caught.value.message_en
    assert caught.value.violations[0].field == "file"
