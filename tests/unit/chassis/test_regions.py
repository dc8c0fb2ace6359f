"""The tree of regions."""

import pytest

from chassis import regions
from chassis.errors import FieldInvalid


def test_all_eighty_one_regions_hang_on_one_city() -> None:
    paths = [regions.path_of(code) for code in regions.all_regions()]

    assert len(paths) == 81
    assert all(regions.within(path, "321100") for path in paths)


def test_a_path_goes_from_the_city_down() -> None:
    assert regions.path_of("321181113") == "321100/321181/321181113"
    assert regions.parent("321181113") == "321181"
    assert regions.parent("321100") == ""
    assert regions.name("321181") == "丹阳市"


def test_a_neighbour_with_the_same_first_digits_is_not_within() -> None:
    assert not regions.within("321100/321181", "321100/32118")
    assert not regions.within("321100", "")


def test_an_unknown_code_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(FieldInvalid) as refused:
        regions.path_of("999999", field="district")

    assert refused.value.violations[0].field == "district"
