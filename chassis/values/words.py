"""A sum in Russian words, as invoices and acts print it."""

from typing import Final

WORDS_KOPECKS_MAX: Final = 10**14 - 1
"""The largest sum that has words here: just under a trillion roubles."""

_ONES: Final = (
    "",
    "один",
    "два",
    "три",
    "четыре",
    "пять",
    "шесть",
    "семь",
    "восемь",
    "девять",
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
)
_FEMININE: Final = {1: "одна", 2: "две"}
_TENS: Final = (
    "",
    "",
    "двадцать",
    "тридцать",
    "сорок",
    "пятьдесят",
    "шестьдесят",
    "семьдесят",
    "восемьдесят",
    "девяносто",
)
_HUNDREDS: Final = (
    "",
    "сто",
    "двести",
    "триста",
    "четыреста",
    "пятьсот",
    "шестьсот",
    "семьсот",
    "восемьсот",
    "девятьсот",
)

Forms = tuple[str, str, str]

_GROUPS: Final[tuple[tuple[int, Forms], ...]] = (
    (10**9, ("миллиард", "миллиарда", "миллиардов")),
    (10**6, ("миллион", "миллиона", "миллионов")),
    (10**3, ("тысяча", "тысячи", "тысяч")),
)
_ROUBLES: Final[Forms] = ("рубль", "рубля", "рублей")
_KOPECKS: Final[Forms] = ("копейка", "копейки", "копеек")


def plural(count: int, forms: Forms) -> str:
    """The Russian form for a count: ``plural(21, ("день", "дня", "дней"))`` → ``день``."""
    last_two, last = abs(count) % 100, abs(count) % 10
    if 11 <= last_two <= 14:
        return forms[2]
    if last == 1:
        return forms[0]
    return forms[1] if 2 <= last <= 4 else forms[2]


def sum_in_words(kopecks: int) -> str:
    """``1234_56`` kopecks → ``Одна тысяча двести тридцать четыре рубля 56 копеек``; kopecks stay two digits.

    Raises ValueError for a negative sum and above :data:`WORDS_KOPECKS_MAX`.
    """
    if not 0 <= kopecks <= WORDS_KOPECKS_MAX:
        raise ValueError(f"a sum in words is from 0 to {WORDS_KOPECKS_MAX} kopecks, not {kopecks}")
    roubles, rest = divmod(kopecks, 100)
    words: list[str] = []
    remaining = roubles
    for size, forms in _GROUPS:
        count, remaining = divmod(remaining, size)
        if count:
            words += [*_below_thousand(count, feminine=size == 1000), plural(count, forms)]
    words += _below_thousand(remaining, feminine=False)
    text = " ".join(words) or "ноль"
    return f"{text[0].upper()}{text[1:]} {plural(roubles, _ROUBLES)} {rest:02d} {plural(rest, _KOPECKS)}"


def _below_thousand(count: int, *, feminine: bool) -> list[str]:
    hundreds, below_hundred = divmod(count, 100)
    tens, ones = divmod(below_hundred, 10) if below_hundred >= 20 else (0, below_hundred)
    last = _FEMININE.get(ones, _ONES[ones]) if feminine else _ONES[ones]
    return [word for word in (_HUNDREDS[hundreds], _TENS[tens], last) if word]
