"""Sums in words: vectors, and reading them back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.money import kopecks_from_decimal
from chassis.values.words import WORDS_KOPECKS_MAX, plural, sum_in_words


@pytest.mark.parametrize(
    ("roubles", "words"),
    [
        ("0.00", "Ноль рублей 00 копеек"),
        ("0.01", "Ноль рублей 01 копейка"),
        ("1.01", "Один рубль 01 копейка"),
        ("4.14", "Четыре рубля 14 копеек"),
        ("11.11", "Одиннадцать рублей 11 копеек"),
        ("21.01", "Двадцать один рубль 01 копейка"),
        ("1000", "Одна тысяча рублей 00 копеек"),
        ("12000", "Двенадцать тысяч рублей 00 копеек"),
        ("1234.56", "Одна тысяча двести тридцать четыре рубля 56 копеек"),
        ("2002.22", "Две тысячи два рубля 22 копейки"),
        ("150000.00", "Сто пятьдесят тысяч рублей 00 копеек"),
        ("2001002.11", "Два миллиона одна тысяча два рубля 11 копеек"),
        (
            "1111111111.11",
            "Один миллиард сто одиннадцать миллионов сто одиннадцать тысяч сто одиннадцать рублей 11 копеек",
        ),
    ],
)
def test_sum_in_words(roubles: str, words: str) -> None:
    assert sum_in_words(kopecks_from_decimal(Decimal(roubles))) == words


@pytest.mark.parametrize("kopecks", [-1, WORDS_KOPECKS_MAX + 1])
def test_sums_without_words_are_refused(kopecks: int) -> None:
    with pytest.raises(ValueError, match="from 0 to"):
        sum_in_words(kopecks)


@pytest.mark.parametrize(
    ("count", "form"), [(1, "день"), (3, "дня"), (5, "дней"), (11, "дней"), (21, "день"), (112, "дней"), (-2, "дня")]
)
def test_plural(count: int, form: str) -> None:
    assert plural(count, ("день", "дня", "дней")) == form


VALUES = {
    word: number
    for number, words in {
        1: "один одна",
        2: "два две",
        3: "три",
        4: "четыре",
        5: "пять",
        6: "шесть",
        7: "семь",
        8: "восемь",
        9: "девять",
        10: "десять",
        11: "одиннадцать",
        12: "двенадцать",
        13: "тринадцать",
        14: "четырнадцать",
        15: "пятнадцать",
        16: "шестнадцать",
        17: "семнадцать",
        18: "восемнадцать",
        19: "девятнадцать",
        20: "двадцать",
        30: "тридцать",
        40: "сорок",
        50: "пятьдесят",
        60: "шестьдесят",
        70: "семьдесят",
        80: "восемьдесят",
        90: "девяносто",
        100: "сто",
        200: "двести",
        300: "триста",
        400: "четыреста",
        500: "пятьсот",
        600: "шестьсот",
        700: "семьсот",
        800: "восемьсот",
        900: "девятьсот",
        0: "ноль",
    }.items()
    for word in words.split()
}
SIZES = {"тысяч": 10**3, "миллион": 10**6, "миллиард": 10**9}


def read_back(text: str) -> int:
    *rouble_words, kopecks, _ = text.lower().split()
    total = group = 0
    for word in rouble_words[:-1]:
        if word in VALUES:
            group += VALUES[word]
        else:
            size = next(size for stem, size in reversed(SIZES.items()) if word.startswith(stem))
            total, group = total + group * size, 0
    return (total + group) * 100 + int(kopecks)


@given(st.integers(0, WORDS_KOPECKS_MAX) | st.integers(0, 10**7))
def test_words_read_back_as_the_same_sum(kopecks: int) -> None:
    assert read_back(sum_in_words(kopecks)) == kopecks
