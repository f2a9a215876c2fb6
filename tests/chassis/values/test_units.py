"""Units: codes, synonyms, defaults and the tenant's own map."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.units import PIECE, SERVICE, UnitChoice, choose_unit, unit_by_code, unit_by_name

CODES = [
    "796",
    "876",
    "642",
    "839",
    "704",
    "778",
    "728",
    "812",
    "868",
    "736",
    "715",
    "006",
    "018",
    "055",
    "113",
    "008",
    "625",
    "657",
    "917",
    "383",
    "356",
    "355",
    "354",
    "359",
    "360",
    "362",
    "364",
    "366",
    "539",
    "540",
    "792",
    "112",
    "163",
    "166",
    "168",
    "245",
    "449",
    "698",
    "744",
    "908",
]


def test_every_listed_code_is_known_with_and_without_zeros() -> None:
    for code in CODES:
        unit = unit_by_code(code)
        assert unit is not None
        assert unit.code == code
        assert unit_by_code(int(code)) is unit
        assert unit_by_name(unit.symbol) is unit


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("шт.", "796"),
        (" ШТ ", "796"),
        ("pcs", "796"),
        ("Усл. ед.", "876"),
        ("услуга", "876"),
        ("к-т", "839"),
        ("уп.", "778"),
        ("м2", "055"),
        ("м²", "055"),
        ("кв. м", "055"),
        ("куб.м", "113"),
        ("п.м", "018"),
        ("часов", "356"),
        ("г", "163"),
        ("г.", "366"),
        ("лет", "366"),
        ("н/ч", "539"),
        ("человеко-день", "540"),
        ("квтч", "245"),
        ("кВт·ч", "245"),
        ("%", "744"),
    ],
)
def test_synonyms(name: str, code: str) -> None:
    unit = unit_by_name(name)
    assert unit is not None
    assert unit.code == code


def test_code_is_believed_before_the_name() -> None:
    assert choose_unit(166, "шт", is_service=False).unit.symbol == "кг"
    assert choose_unit(None, "кг", is_service=False).unit.code == "166"
    assert choose_unit("777", "кг", is_service=False).unit.code == "166"


def test_unknown_unit_falls_back_by_kind_with_a_warning() -> None:
    goods = choose_unit("999", "поддон", is_service=False)
    service = choose_unit(None, None, is_service=True)
    assert (goods.unit, service.unit) == (PIECE, SERVICE)
    for choice in (goods, service):
        assert choice.warning is not None
        assert choice.warning.code == "unit_defaulted"


def test_tenant_map_wins_and_is_checked() -> None:
    assert choose_unit(796, "поддон", is_service=False, overrides={"поддон": "698"}) == UnitChoice(
        choose_unit("698", None, is_service=False).unit
    )
    with pytest.raises(ValueError, match="OKEI"):
        choose_unit(796, "поддон", is_service=False, overrides={"поддон": "999"})


@given(st.sampled_from(CODES), st.booleans(), st.sampled_from(["{}", " {} ", "{}."]))
def test_symbol_in_any_dress_is_the_same_unit(code: str, upper: bool, dress: str) -> None:
    unit = unit_by_code(code)
    assert unit is not None
    if unit.symbol == "г":
        return
    written = dress.format(unit.symbol.upper() if upper else unit.symbol)
    assert unit_by_name(written) is unit


@given(st.none() | st.integers(0, 9999) | st.text(max_size=6), st.none() | st.text(max_size=12), st.booleans())
def test_there_is_always_a_unit_and_a_default_is_never_silent(
    code: int | str | None, name: str | None, is_service: bool
) -> None:
    choice = choose_unit(code, name, is_service=is_service)
    assert unit_by_code(choice.unit.code) is choice.unit
    known = (code is not None and unit_by_code(code)) or (name and unit_by_name(name))
    assert (choice.warning is None) is bool(known)
