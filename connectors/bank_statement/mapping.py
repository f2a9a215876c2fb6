"""Sections → operations and accounts; strict where money or its day would change, lenient with the rest."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final

from chassis.domain import Problem
from chassis.values.payment_identity import Direction
from connectors.bank_statement.reading import FOUND_LENGTH_MAX, Section
from connectors.ports.bank import BankOperation, StatementAccount

AMOUNT_KOPECKS_MAX: Final = 10**15
TEXT_LENGTH_MAX: Final = 1_000
YEAR_MIN: Final = 1990
ROUBLE_CODES: Final = ("810", "643")

_AMOUNT: Final = re.compile(r"(\d{1,16})(?:[.,-](\d{1,2}))?", re.ASCII)
_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SPACES: Final = re.compile(r"[\s\u00a0\u202f']+")
_UNPRINTED: Final = re.compile(r"[\x00-\x1f\x7f]+")
_IDS_BEFORE_NAME: Final = re.compile(
    r"(?i)^(?:(?:ИНН|КПП)\s*:?\s*[\d/]*[,;]?\s+|(?:\d{10}|\d{12})(?:\s*/\s*\d{9})?[,;]?\s+(?=\D))+"
)
"""What banks put before a name: its INN and KPP, named or bare."""
_INN_LENGTHS: Final = (5, 10, 12)
_PURPOSE: Final = "НазначениеПлатежа"
_PURPOSE_PARTS: Final = tuple(f"{_PURPOSE}{place}" for place in range(1, 7))


class _Wrong(Exception):  # noqa: N818 - an answer about one section
    """A field that cannot be used."""

    def __init__(self, code: str, field: str, found: str = "") -> None:
        super().__init__(code)
        values = {"field": field, **({"found": found[:FOUND_LENGTH_MAX]} if found else {})}
        self.problem = Problem(code, values)


def read_operation(section: Section, own: frozenset[str]) -> BankOperation | Problem:
    """The operation of a document section; ``own`` are the accounts that the file is about."""
    if section.problem is not None:
        return section.problem
    fields = section.fields
    try:
        direction, account, internal = _side(fields, own)
        order_date = _day(fields, "Дата")
        booked = ("ДатаПоступило", "ДатаСписано") if direction == "in" else ("ДатаСписано", "ДатаПоступило")
        return BankOperation(
            line=section.line,
            direction=direction,
            own_account=account,
            statement_day=_booked(fields, booked) or order_date,
            number=_text(fields, "Номер"),
            order_date=order_date,
            amount_kopecks=_amount(fields, "Сумма"),
            payer_account=_account(fields, "Плательщик"),
            payer_inn=_inn(fields, "ПлательщикИНН"),
            payer_name=_name(fields, "Плательщик"),
            payee_account=_account(fields, "Получатель"),
            payee_inn=_inn(fields, "ПолучательИНН"),
            payee_name=_name(fields, "Получатель"),
            purpose=_purpose(fields),
            internal=internal,
        )
    except _Wrong as wrong:
        return wrong.problem


def read_account(section: Section) -> StatementAccount | Problem:
    """What an account section says of its account."""
    if section.problem is not None:
        return section.problem
    fields = section.fields
    account = fields.get("РасчСчет", "")
    if re.fullmatch(r"[0-9]{20}", account) is None:
        return _Wrong("statement_account_wrong", "РасчСчет", account).problem
    period = read_period(fields)
    return StatementAccount(
        account=account,
        periods=() if period is None else (period,),
        received_kopecks=_sum(fields, "ВсегоПоступило"),
        spent_kopecks=_sum(fields, "ВсегоСписано"),
    )


def read_made_at(fields: Mapping[str, str]) -> datetime | None:
    """When the bank made the file, in its own local time; None where that cannot be read."""
    try:
        day = _booked(fields, ("ДатаСоздания",))
    except _Wrong:
        return None
    if day is None:
        return None
    try:
        return datetime.combine(day, time.fromisoformat(fields.get("ВремяСоздания", "") or "00:00:00"))
    except ValueError:
        return datetime.combine(day, time(0, 0))


def read_period(fields: Mapping[str, str]) -> tuple[date, date] | None:
    """The days that a head or an account section names; None without both."""
    try:
        first, last = _booked(fields, ("ДатаНачала",)), _booked(fields, ("ДатаКонца",))
    except _Wrong:
        return None
    return None if first is None or last is None else (first, last)


def _side(fields: Mapping[str, str], own: frozenset[str]) -> tuple[Direction, str, bool]:
    """Which way the money went, over which account of ours, and whether both are ours."""
    payer = next((one for one in _accounts(fields, "Плательщик") if one in own), "")
    payee = next((one for one in _accounts(fields, "Получатель") if one in own), "")
    if not payer and not payee:
        raise _Wrong("statement_account_foreign", "РасчСчет")
    incoming = bool(payee) and not (payer and fields.get("ДатаСписано") and not fields.get("ДатаПоступило"))
    account = payee if incoming else payer
    if account[5:8] not in ROUBLE_CODES:
        raise _Wrong("statement_currency", "РасчСчет", account[5:8])
    return "in" if incoming else "out", account, bool(payer and payee)


def _accounts(fields: Mapping[str, str], whose: str) -> tuple[str, ...]:
    return (fields.get(f"{whose}Счет", ""), fields.get(f"{whose}РасчСчет", ""))


def _account(fields: Mapping[str, str], whose: str) -> str:
    first, second = _accounts(fields, whose)
    return _clean(first or second, 40)


def _inn(fields: Mapping[str, str], name: str) -> str:
    digits = fields.get(name, "").strip()
    return digits if digits.isdecimal() and digits.isascii() and len(digits) in _INN_LENGTHS else ""


def _name(fields: Mapping[str, str], whose: str) -> str:
    return _clean(_IDS_BEFORE_NAME.sub("", fields.get(f"{whose}1") or fields.get(whose, "")))


def _purpose(fields: Mapping[str, str]) -> str:
    whole = fields.get(_PURPOSE) or " ".join(part for name in _PURPOSE_PARTS if (part := fields.get(name)))
    return _clean(whole)


def _text(fields: Mapping[str, str], name: str) -> str:
    return _clean(fields.get(name, ""), FOUND_LENGTH_MAX)


def _clean(text: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    return (text if text.isprintable() else _UNPRINTED.sub(" ", text).strip())[:length_max]


def _amount(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(name, "")
    if not text:
        raise _Wrong("statement_field_missing", name)
    found = _AMOUNT.fullmatch(text) or _AMOUNT.fullmatch(_SPACES.sub("", text))
    kopecks = 0 if found is None else int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
    if not 0 < kopecks < AMOUNT_KOPECKS_MAX:
        raise _Wrong("statement_amount_wrong", name, text)
    return kopecks


def _sum(fields: Mapping[str, str], name: str) -> int | None:
    """A sum of the bank's own, which only serves to compare: one that cannot be read is none."""
    found = _AMOUNT.fullmatch(_SPACES.sub("", fields.get(name, "")))
    return None if found is None else int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _day(fields: Mapping[str, str], name: str) -> date:
    if not (text := fields.get(name, "")):
        raise _Wrong("statement_field_missing", name)
    if (day := _read_day(text)) is None:
        raise _Wrong("statement_date_wrong", name, text)
    return day


def _booked(fields: Mapping[str, str], names: tuple[str, ...]) -> date | None:
    """The first of the fields that is filled, as a date."""
    return next((_day(fields, name) for name in names if fields.get(name)), None)


@lru_cache(maxsize=4096)
def _read_day(text: str) -> date | None:
    try:
        if found := _DAY.fullmatch(text):
            day, month, year = (int(part) for part in found.groups())
            return date(year, month, day) if year >= YEAR_MIN else None
        return date.fromisoformat(text) if _ISO_DAY.fullmatch(text) else None
    except ValueError:
        return None
