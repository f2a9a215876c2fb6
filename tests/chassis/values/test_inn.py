"""Taxpayer identifiers: vectors of valid and invalid numbers, cleaning of what people write, masking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.inn import (
    Inn,
    InnFound,
    InnRefused,
    Kpp,
    clean_inn,
    clean_kpp,
    inn_ok,
    is_person_inn,
    mask_inn,
    ogrn_ok,
)

COMPANY_INNS = [
    "7707083893",
    "7736207543",
    "7736050003",
    "1234567894",
    "7725010016",
    "7810000019",
    "5001007329",
    "9909999996",
    "7700000009",
]
PERSON_INNS = ["500100732259", "123456789047", "772501001002", "502412345682"]
WRONG_INNS = [
    "7707083894",
    "7700000000",
    "1234567895",
    "500100732258",
    "500100732269",
    "123456789037",
    "0000000000",
    "000000000000",
    "770708389",
    "77070838930",
    "٧٧٠٧٠٨٣٨٩٣",
]


@pytest.mark.parametrize("inn", COMPANY_INNS + PERSON_INNS)
def test_right_inn(inn: str) -> None:
    assert inn_ok(inn)
    assert clean_inn(inn) == InnFound(Inn(inn))
    assert is_person_inn(inn) is (inn in PERSON_INNS)


@pytest.mark.parametrize("inn", [*WRONG_INNS, "", " 7707083893", "7707083893\n"])
def test_wrong_inn(inn: str) -> None:
    assert not inn_ok(inn)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "inn_empty"),
        (" \u00a0 ", "inn_empty"),
        ("ИНН", "inn_empty"),
        ("нет", "inn_not_digits"),
        ("٧٧٠٧٠٨٣٨٩٣", "inn_not_digits"),
        ("770708389", "inn_length"),
        ("7707083894", "inn_checksum"),
        ("0000000000", "inn_checksum"),
        ("7725010016/77250", "kpp_malformed"),
    ],
)
def test_why_an_inn_is_refused(text: str, fault: str) -> None:
    found = clean_inn(text)
    assert isinstance(found, InnRefused)
    assert found.fault == fault


@pytest.mark.parametrize(
    "text",
    [
        "7725010016",
        " 7725 010016 ",
        "7725\u00a0010016",
        "\u200b7725010016\ufeff",
        "ИНН 7725010016",
        "инн: 7725010016",
        "INN7725010016",
        "ИНН № 7725010016;",
        "7725010016/",
    ],
)
def test_dressed_inn_is_cleaned(text: str) -> None:
    assert clean_inn(text) == InnFound(Inn("7725010016"))


@pytest.mark.parametrize(
    "text",
    [
        "7725010016/772501001",
        "ИНН/КПП 7725010016/772501001",
        "7725010016 / 772501001",
        "ИНН 7725010016, КПП 772501001",
        "7725010016\\772501001",
        "ИНН 7725010016 КПП 772501001",
    ],
)
def test_inn_with_kpp_is_split(text: str) -> None:
    assert clean_inn(text) == InnFound(Inn("7725010016"), Kpp("772501001"))


def test_person_has_no_kpp() -> None:
    assert clean_inn("500100732259/772501001") == InnFound(Inn("500100732259"), kpp_dropped=True)


@pytest.mark.parametrize(
    ("text", "kpp"),
    [
        ("772501001", "772501001"),
        ("77250A001", "77250A001"),
        ("997750001", "997750001"),
        ("7725ab001", "7725AB001"),
        ("7725АВ001", "7725AB001"),
        (" 7725 01001\u200b", "772501001"),
        ("КПП 772501001", "772501001"),
        ("77250100", None),
        ("7725010011", None),
        ("A72501001", None),
        ("000000000", None),
        ("", None),
    ],
)
def test_kpp(text: str, kpp: str | None) -> None:
    assert clean_kpp(text) == kpp


@pytest.mark.parametrize(
    "ogrn",
    [
        "1027700132195",
        "1027700229193",
        "1022200525819",
        "1237700000010",
        "1207700000001",
        "304500116000157",
        "315774600012344",
        "323502400000011",
        "385768585948949",
        "315774600012400",
    ],
)
def test_right_ogrn(ogrn: str) -> None:
    assert ogrn_ok(ogrn)


@pytest.mark.parametrize(
    "ogrn", ["1027700132194", "304500116000158", "315774600012345", "2027700132195", "102770013219"]
)
def test_wrong_ogrn(ogrn: str) -> None:
    assert not ogrn_ok(ogrn)


def test_only_a_companys_inn_is_shown_in_logs() -> None:
    assert mask_inn("7707083893") == "7707083893"
    assert mask_inn("772501001002") == "********1002"
    assert mask_inn("+7 (495) 123-45-67") == "************"
    assert mask_inn("") == ""


DIGITS = st.integers(0, 9).map(str)


def completed(stem: str) -> str:
    """The stem with the check digits that make it an INN, found by trial."""
    tails = (f"{n}" for n in range(10)) if len(stem) == 9 else (f"{n:02d}" for n in range(100))
    return next(stem + tail for tail in tails if inn_ok(stem + tail))


STEMS = st.one_of(
    st.integers(1, 10**9 - 1).map(lambda n: f"{n:09d}"), st.integers(1, 10**10 - 1).map(lambda n: f"{n:010d}")
)


@given(STEMS)
def test_every_stem_has_exactly_one_inn(stem: str) -> None:
    count = sum(inn_ok(f"{stem}{n:0{1 if len(stem) == 9 else 2}d}") for n in range(10 if len(stem) == 9 else 100))
    assert count == 1


@given(STEMS, st.sampled_from([" ", "\u00a0", "\u200b", "\t", ""]), st.sampled_from(["", "ИНН ", "инн:"]))
def test_cleaning_finds_the_inn_whatever_is_strewn_in(stem: str, filler: str, label: str) -> None:
    inn = completed(stem)
    assert clean_inn(label + filler.join(inn) + filler) == InnFound(Inn(inn))


@given(st.text(max_size=40))
def test_cleaning_any_text_gives_a_checked_inn_or_a_reason(text: str) -> None:
    found = clean_inn(text)
    if isinstance(found, InnFound):
        assert inn_ok(found.inn)
        assert clean_inn(found.inn) == InnFound(found.inn)
    else:
        assert not inn_ok(found.cleaned) or found.fault == "kpp_malformed"


@given(st.text("0123456789ABCDEFабвгд ", max_size=12))
def test_cleaning_a_kpp_twice_changes_nothing(text: str) -> None:
    kpp = clean_kpp(text)
    assert kpp is None or clean_kpp(kpp) == kpp


@given(STEMS)
def test_a_masked_person_cannot_be_read_back(stem: str) -> None:
    inn = completed(stem)
    assert (mask_inn(inn) == inn) is not is_person_inn(inn)
    assert mask_inn(inn)[-4:] == inn[-4:]
