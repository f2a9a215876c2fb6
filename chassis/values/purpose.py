"""What the purpose of a payment says: invoice numbers with dates, a VAT clause, words of a refund.

All of it is a hint: people shorten numbers, copy last month's text, and drop the prefix that their accounting shows.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

PURPOSE_LENGTH_MAX: Final = 1_000
REFERENCES_MAX: Final = 20

_MONTHS: Final = {
    word: place
    for place, words in enumerate(
        (
            ("янв",), ("фев",), ("мар",), ("апр",), ("мая", "май"), ("июн",),
            ("июл",), ("авг",), ("сен",), ("окт",), ("ноя",), ("дек",),
        ),
        1,
    )
    for word in words
}  # fmt: skip

_DATE: Final = r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?!\d)|\d{1,2}\s+[а-я]{3,8}\.?\s+\d{4})"
_NUMBER: Final = r"(?=[\w/-]*\d)\w+(?:[-/]\w+)*"
_SIGN: Final = r"(?:No?\.?|номер|\#)"
_DATED: Final = rf"(?:\s*(?:от|dated)\s*(?P<date>{_DATE})(?:\s*г(?:ода|\.)?)?)?"
_NOT_VAT_INVOICE: Final = r"(?!\s*[-/]?\s*(?:фактур|ф\b))"
_FIRST: Final = re.compile(
    rf"(?ix)(?<!за\ )\b"
    rf"(?:счет(?:ам|у|а|ов|е)?{_NOT_VAT_INVOICE}(?:[-\ ]?(?:договор[ау]?|оферт[аеуы]))?"
    rf"|сч(?!ет)\.?{_NOT_VAT_INVOICE}|инвойс[ау]?|invoice)"
    rf"(?:\s*на\s+оплату)?\s*:?\s*(?:{_SIGN}\s*)*:?\s*(?P<number>{_NUMBER}){_DATED}"
)
_FURTHER: Final = re.compile(
    rf"(?ix)\s*(?:,|;|\bи\b)\s*(?P<sign>{_SIGN}\s*)?(?P<number>{_NUMBER}){_DATED}"
    r"(?=\s*(?:[,;.(]|\bи\b|$|за\b|без\b|в\s+т|ндс|от\b))"
)
_VAT: Final = re.compile(
    r"(?ix)(?P<none>без\s*(?:налога\s*\(?\s*)?ндс|ндс\s+(?:не\s+(?:обл|предусм|взим)|нет\b)|не\s+обл\w*\.?\s+ндс)"
    r"|ндс\s*[-:(]*\s*(?P<rate>\d{1,2})(?:/1\d\d)?\s*%\s*\)?\s*[-:=(]*\s*(?P<after_rate>\d[\d\ ]{0,15}[.,-]\d{2})?"
    r"|ндс\s*[-:=(]*\s*(?P<alone>\d[\d\ ]{0,15}[.,-]\d{2})"
)
_REFUND: Final = re.compile(r"(?i)\b(?:возврат|ошибочн|сторно)")
_BANK_ACCOUNT: Final = re.compile(r"\d{20}")
_PREFIXED: Final = re.compile(r"([0-9A-Za-zА-Яа-я]{2,4})-(\d+)")


@dataclass(frozen=True, slots=True)
class InvoiceReference:
    """An invoice that a purpose names: the number as written, and its date where one stands beside it."""

    number: str
    dated: date | None = None


@dataclass(frozen=True, slots=True)
class VatClause:
    """What a purpose says of VAT. ``rate`` is percent, None without one; ``without``: it says that there is none."""

    without: bool = False
    rate: int | None = None
    sum_kopecks: int | None = None


@dataclass(frozen=True, slots=True)
class PurposeHints:
    """All that is read out of one purpose."""

    references: tuple[InvoiceReference, ...] = ()
    vat: VatClause | None = None
    refund: bool = False


def read_purpose(text: str) -> PurposeHints:
    """The hints of a purpose; its first 1,000 characters are looked at, 20 references at most are taken."""
    plain = _plain(text[:PURPOSE_LENGTH_MAX])
    return PurposeHints(_references(plain), _vat(plain), _REFUND.search(plain) is not None)


def plain_number(number: str) -> str:
    """A number for a second comparison: without the accounting's prefix and leading zeros, in capitals.

    ``БП-000127``, ``0000-000127`` and ``127`` are equal then; ``15-3`` and ``127/А-2`` stay as they are.
    """
    found = _PREFIXED.fullmatch(number.strip())
    bare = number.strip()
    if found is not None and (re.search(r"\D", found[1]) or not found[1].strip("0")):
        bare = found[2]
    return (bare.lstrip("0") or "0").upper()


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).replace("ё", "е").replace("Ё", "Е")
    return " ".join(re.sub("[\u2010-\u2015\u2212]", "-", folded).split())


def _references(text: str) -> tuple[InvoiceReference, ...]:
    found: list[InvoiceReference] = []
    place = 0
    while len(found) < REFERENCES_MAX and (first := _FIRST.search(text, place)):
        group = [(first["number"], _day(first["date"]))]
        place = first.end()
        while (further := _FURTHER.match(text, place)) and (further["sign"] or further["number"].isdigit()):
            group.append((further["number"], _day(further["date"])))
            place = further.end()
        found += _dated(group)
    return tuple(found[:REFERENCES_MAX])


def _dated(group: list[tuple[str, date | None]]) -> list[InvoiceReference]:
    """The references of one enumeration: "12 и 13 от D" gives both the date."""
    following: date | None = None
    named: list[InvoiceReference] = []
    for number, day in reversed(group):
        following = day or following
        if not _BANK_ACCOUNT.fullmatch(number):
            named.append(InvoiceReference(number, following))
    return named[::-1]


def _day(text: str | None) -> date | None:
    """A date as people write it; None for one that no calendar has."""
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
        if parts := re.fullmatch(r"(\d+)[./-](\d+)[./-](\d+)", text):
            day, month, year = (int(part) for part in parts.groups())
            return date(year + 2000 if year < 100 else year, month, day)
        first, word, last = text.split()
        return date(int(last), _MONTHS.get(word.lower()[:3], 0), int(first))
    except ValueError:
        return None


def _vat(text: str) -> VatClause | None:
    found = _VAT.search(text)
    if found is None:
        return None
    if found["none"]:
        return VatClause(without=True)
    sum_text = found["after_rate"] or found["alone"]
    digits = None if sum_text is None else int(re.sub(r"\D", "", sum_text))
    return VatClause(rate=None if found["rate"] is None else int(found["rate"]), sum_kopecks=digits)
