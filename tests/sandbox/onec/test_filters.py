"""The grammar of `$filter`: precedence, literals, functions, lambdas, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.onec.evaluate import Scope, matches, value_of
from sandbox.onec.grammar import GrammarError, parse_filter, parse_order
from sandbox.onec.model import TYPES, Release, Type, defaults

BUYER = "11111111-2222-3333-4444-555555555555"
KIND = TYPES["Document_СчетНаОплатуПокупателю"]
ROWS = [
    {"LineNumber": "1", "Цена": 10, "Содержание": "Кабель"},
    {"LineNumber": "2", "Цена": 50.5, "Содержание": "Монтаж"},
]
ENTITY: dict[str, Any] = {
    **defaults(KIND.properties),
    "Number": "0000-000127",
    "Date": "2026-03-12T10:00:00",
    "Комментарий": "Сделка №42 [b24:42:invoice:1:7c1f09aa]",
    "СуммаДокумента": 85000,
    "КратностьВзаиморасчетов": "1",
    "Контрагент_Key": BUYER,
    "Товары": [
        {**defaults(KIND.sections["Товары"]), **row, "Номенклатура": BUYER,
         "Номенклатура_Type": "StandardODATA.Catalog_Номенклатура"}
        for row in ROWS
    ],
}  # fmt: skip
PARTY = {**defaults(TYPES["Catalog_Контрагенты"].properties), "ИНН": "7709123453", "Description": "О'Нил"}
BANK = TYPES["Catalog_БанковскиеСчета"]
OWNED = {**defaults(BANK.properties), "Owner": BUYER, "Owner_Type": "StandardODATA.Catalog_Организации"}


def _met(text: str) -> bool:
    return matches(parse_filter(text), _scope(ENTITY, KIND))


def _value(text: str, entity: dict[str, Any] = ENTITY, kind: Type = KIND) -> Any:
    return value_of(parse_filter(text), _scope(entity, kind))


def _scope(entity: dict[str, Any], kind: Type) -> Scope:
    release = Release()
    return Scope(
        kind, entity, lambda target, key: PARTY if key == BUYER else None,
        lambda section: release.section(kind.name, section), {},
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Number eq '0000-000127'",
        "Number eq '0000-000127' and Posted eq false",
        "Posted eq true or СуммаДокумента ge 85000 and СуммаДокумента lt 85000.01",
        "not (Posted eq true)",
        "not Posted",
        "СуммаДокумента sub 5000 mul 2 eq 75000",
        "(СуммаДокумента sub 5000) mul 2 eq 160000",
        "СуммаДокумента div 2 add 1 gt 42500",
        "-СуммаДокумента lt 0",
        "КратностьВзаиморасчетов eq 1",
        f"Контрагент_Key eq guid'{BUYER.upper()}'",
        f"Контрагент_Key ne guid'{'0' * 8}-0000-0000-0000-000000000000'",
        "Контрагент/ИНН eq '7709123453'",
        "Контрагент/Description eq 'О''Нил'",
        "Date ge datetime'2026-03-12T10:00:00' and Date lt datetime'2026-03-13'",
        "year(Date) eq 2026 and month(Date) eq 3 and day(Date) eq 12 and hour(Date) eq 10 and quarter(Date) eq 1",
        "dayofweek(Date) eq 4 and dayofyear(Date) eq 71",
        "substringof('[b24:42:invoice:1:7c1f09aa]', Комментарий) eq true",
        "substringof('b24:42', Комментарий)",
        "startswith(Комментарий, 'Сделка') eq true and endswith(Number, '127')",
        "like(Комментарий, 'Сделка №42%') and like(Number, '____-______') and like(Number, '[0-9]%')",
        "concat(Number, '!') eq '0000-000127!'",
        "substring(Number, 6, 6) eq '000127' and substring(Number, 6) eq '000127'",
        "round(СуммаДокумента div 1000) eq 85",
        "dateadd(Date, 'hour', 2) eq datetime'2026-03-12T12:00:00'",
        "datedifference(datetime'2026-03-10T10:00:00', Date, 'day') eq 2",
        "Товары/any(d: d/Цена gt 50)",
        "Товары/all(d: d/Цена ge 10 and d/LineNumber ge 1)",
        "not Товары/any(d: d/Содержание eq 'Кресло')",
        f"Товары/any(d: d/Номенклатура eq cast(guid'{BUYER}', 'Catalog_Номенклатура'))",
        f"not Товары/any(d: d/Номенклатура eq guid'{BUYER}')",
        "Товары/any(d: isof(d/Номенклатура, 'Catalog_Номенклатура'))",
        "  Number   eq  '0000-000127'  ",
    ],
)
def test_conditions_that_hold(text: str) -> None:
    assert _value(text) is True


def test_a_reference_of_several_types_equals_one_of_its_own_type_alone() -> None:
    assert _value(f"Owner eq cast(guid'{BUYER}', 'Catalog_Организации')", OWNED, BANK) is True
    assert _value(f"Owner eq cast(guid'{BUYER}', 'Catalog_Контрагенты')", OWNED, BANK) is False
    assert _value(f"Owner eq guid'{BUYER}'", OWNED, BANK) is False
    assert _value("isof(Owner, 'Catalog_Организации')", OWNED, BANK) is True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 14),
        ("Number qq 1", 14),
        ("Number eq", 14),
        ("Number eq 'a", 14),
        ("(Number eq 'a'", 14),
        ("Number eq 'a')", 14),
        ("Number eq guid'1'", 14),
        ("Date eq datetime'вчера'", 14),
        ("Date eq datetime'2026-03-12T10:00:00+03:00'", 14),
        ("Number gt 5", 14),
        ("Number", 14),
        ("contains(Number, '1')", 21),
        ("tolower(Number) eq 'a'", 21),
        ("length(Number) gt 1", 21),
        ("startswith(Number) eq true", 21),
        ("startswith(Date, '2026')", 21),
        ("cast('a', 'Catalog_Номенклатура') eq Number", 21),
        ("СуммаДокумента div 0 eq 1", 21),
        ("Телефон eq '1'", 10),
        ("Number/ИНН eq '1'", 10),
        ("Контрагент/Телефон eq '1'", 10),
        ("Услуги/any(d: d/Цена gt 1)", 10),
        ("Товары/any(d d/Цена gt 1)", 14),
        ("Number in ('a', 'b')", 14),
        ("not " * 200 + "Posted", 14),
    ],
)
def test_what_is_refused_and_by_which_code(text: str, code: int) -> None:
    with pytest.raises(GrammarError) as refused:
        _met(text)
    assert refused.value.code == code


def test_orders() -> None:
    paths = [("/".join(path.steps), down) for path, down in parse_order("Date desc,Контрагент/ИНН,Ref_Key asc")]
    assert paths == [("Date", True), ("Контрагент/ИНН", False), ("Ref_Key", False)]
    for wrong in ("Date up", "Date desc desc", ","):
        with pytest.raises(GrammarError):
            parse_order(wrong)


@given(st.text(st.sampled_from("()'/,: abcdegnoqrty0159-"), max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        parse_filter(text)
    except GrammarError:
        return


@given(st.integers(0, 10**6), st.integers(1, 10**4), st.integers(0, 10**4))
def test_arithmetic_is_exact(a: int, b: int, c: int) -> None:
    assert _value(f"{a} add {b} mul {c}") == Decimal(a) + Decimal(b) * Decimal(c)
