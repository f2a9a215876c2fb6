"""Company names: what counts as the same, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.names import comparable_name, same_name


@pytest.mark.parametrize(
    "name",
    [
        "ООО «Ромашка»",
        'ООО "РОМАШКА"',
        "Общество с ограниченной ответственностью «Ромашка»",
        "Ромашка, ООО",
        "О.О.О. “Ромашка”",
        "  ооо\u00a0„ромашка‟ ",
    ],
)
def test_one_company_in_many_spellings(name: str) -> None:
    assert comparable_name(name) == "ооо ромашка"
    assert same_name(name, "ООО Ромашка")


@pytest.mark.parametrize(
    ("name", "comparable"),
    [
        ("Публичное акционерное общество «Сбербанк»", "пао сбербанк"),
        ("Акционерное общество Ёлка", "ао елка"),
        ("Индивидуальный предприниматель Семёнов И.П.", "ип семенов и п"),
        ("Acme Ltd.", "acme ltd"),
        ("Банк Развития ООО", "ооо банк развития"),
        ("ООО Торговый дом АО", "ооо торговый дом ао"),
        ("И.П. Семёнов", "ип семенов"),
        ("", ""),
    ],
)
def test_comparable_form(name: str, comparable: str) -> None:
    assert comparable_name(name) == comparable


@pytest.mark.parametrize(
    ("first", "second"),
    [("ООО Ромашка", "АО Ромашка"), ("ООО Ромашка", "ООО Ромашка-2"), ("", ""), ("«»", '""'), ("ООО А Б", "ООО Б А")],
)
def test_different_companies(first: str, second: str) -> None:
    assert not same_name(first, second)


NAMES = st.text(alphabet='абвёЁАБВ«»"“”.,- общип', max_size=30) | st.text(max_size=30)


@given(NAMES)
def test_comparable_form_is_final(name: str) -> None:
    once = comparable_name(name)
    assert comparable_name(once) == once


@given(NAMES, st.sampled_from(["«{}»", '"{}"', "“{}”", " {} ", "{},"]))
def test_quotes_and_case_do_not_matter(name: str, dress: str) -> None:
    assert comparable_name(dress.format(name.upper())) == comparable_name(name.upper())
    assert comparable_name(dress.format(name)) == comparable_name(name)
