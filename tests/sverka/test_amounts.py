"""What people type: sums, durations, pairs, goods."""

import pytest

from sverka import amounts
from sverka.endings import WrongUse
from sverka.screen import money


@pytest.mark.parametrize(
    ("typed", "found"),
    [("1500", 150_000), ("1500.5", 150_050), ("1 500,50", 150_050), ("0.01", 1), ("12\u00a0345,67", 1_234_567)],
)
def test_a_sum_is_whole_kopecks(typed: str, found: int) -> None:
    assert amounts.kopecks(typed) == found


@pytest.mark.parametrize("typed", ["", "0", "-5", "1.005", "1,2,3", "ten", "1e3", "nan", "9" * 20, "1٠"])
def test_a_sum_that_cannot_be_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(WrongUse, match=r"1500\.50"):
        amounts.kopecks(typed)


@pytest.mark.parametrize(
    ("typed", "found"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("7d", 604_800), ("1W", 604_800)]
)
def test_a_duration_is_seconds(typed: str, found: float) -> None:
    assert amounts.seconds(typed) == found


@pytest.mark.parametrize("typed", ["", "d", "-1d", "1y", "1 d", "inf"])
def test_a_duration_that_cannot_be_is_refused(typed: str) -> None:
    with pytest.raises(WrongUse, match="7d"):
        amounts.seconds(typed)


def test_pairs_are_what_they_look_like() -> None:
    typed = ["a=1", "b=1.5", "c=true", "d=null", "e=text=more", "f=", "RQ_KPP=007"]
    assert amounts.pairs(typed) == {
        "a": 1, "b": 1.5, "c": True, "d": None, "e": "text=more", "f": "", "RQ_KPP": "007",
    }  # fmt: skip


@pytest.mark.parametrize("typed", ["title", "=x"])
def test_what_is_no_pair_is_refused(typed: str) -> None:
    with pytest.raises(WrongUse, match="NAME=VALUE"):
        amounts.pairs([typed])


def test_goods_have_name_price_quantity_and_vat() -> None:
    assert amounts.goods(["Стол;100.50", "Стул; 50 ;3;20", "Шкаф;10;1;22;on-top", "Труд;5;2;none"]) == [
        {"name": "Стол", "price": "100.50", "quantity": "1"},
        {"name": "Стул", "price": "50", "quantity": "3", "vat": "20"},
        {"name": "Шкаф", "price": "10", "quantity": "1", "vat": "22", "vat_included": False},
        {"name": "Труд", "price": "5", "quantity": "2"},
    ]


@pytest.mark.parametrize("typed", ["Стол", ";5;1", "a;b;c;d;on-bottom", "a;1;1;20;on-top;x"])
def test_goods_that_cannot_be_are_refused_with_an_example(typed: str) -> None:
    with pytest.raises(WrongUse, match="Rack"):
        amounts.goods([typed])


@pytest.mark.parametrize(
    ("kopecks", "shown"), [(0, "0,00 ₽"), (1_234_550, "12 345,50 ₽"), (-5, "−0,05 ₽"), (100_000_001, "1 000 000,01 ₽")]
)
def test_money_is_shown_with_thin_words(kopecks: int, shown: str) -> None:
    assert money(kopecks) == shown
