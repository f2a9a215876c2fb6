"""Days of a bank account, loads of them, and invoices that operations may pay."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from chassis.cards import TakeCard
from chassis.domain import Event
from connectors.ports.bank import BankOperation
from services.payments.app import BANK_DAYS
from services.payments.domain import bankday
from services.payments.domain.bank import BankRow
from services.payments.domain.matching import Matcher, Payable
from services.payments.workers.statements import row_of
from tests.kit.statements import OUR_INN, OURS, THEIR_INN, THEIRS
from tests.services.streams import NOW, Stream

DAY = dt.date(2026, 3, 12)
NEXT_MORNING = dt.datetime(2026, 3, 13, 9, tzinfo=dt.UTC)
NOON = dt.datetime(2026, 3, 12, 12, tzinfo=dt.UTC)
PURPOSE = "Оплата по счету № 127 от 12.03.2026. Без НДС"

BankDay = Stream[bankday.State, bankday.Command]


def bank_day() -> BankDay:
    """A day that nobody has listed."""
    return Stream(BANK_DAYS, bankday.stream_of(OURS, DAY), NOW)


def row(kopecks: int = 85_000_00, **fields: Any) -> BankRow:
    """A payment from them to us; a negative amount left."""
    incoming = kopecks > 0
    given: dict[str, Any] = {
        "line": 15,
        "direction": "in" if incoming else "out",
        "own_account": OURS,
        "statement_day": DAY,
        "number": "318",
        "order_date": DAY,
        "amount_kopecks": abs(kopecks),
        "payer_account": THEIRS if incoming else OURS,
        "payer_inn": THEIR_INN if incoming else OUR_INN,
        "payer_name": "ООО «Вектор»" if incoming else "ООО «Ромашка»",
        "payee_account": OURS if incoming else THEIRS,
        "payee_inn": OUR_INN if incoming else THEIR_INN,
        "payee_name": "ООО «Ромашка»" if incoming else "ООО «Вектор»",
        "purpose": PURPOSE,
    }
    return row_of(BankOperation(**(given | fields)))


def load(
    *rows: BankRow,
    name: str = "s1",
    made_at: dt.datetime | None = NEXT_MORNING,
    complete: bool = True,
    whole: bool | None = None,
) -> bankday.ListDay:
    """A statement's rows of the day; one made on a later day lists it to its end."""
    ended = complete and made_at is not None and made_at.date() > DAY
    return bankday.ListDay(name, rows, made_at, complete, ended if whole is None else whole)


def invoice(number: str = "127", total_kopecks: int = 85_000_00, **fields: Any) -> Payable:
    """An invoice of deal 15 to them."""
    given: dict[str, Any] = {
        "invoice_id": f"id-{number}",
        "number": number,
        "deal_id": "15",
        "total_kopecks": total_kopecks,
        "paid_kopecks": 0,
        "issued_on": DAY,
        "buyer_inn": THEIR_INN,
        "seller_inn": OUR_INN,
        "vat_kopecks": 0,
    }
    return Payable(**(given | fields))


def match(day: BankDay, *invoices: Payable) -> list[Event]:
    """Matches the day's unsettled operations, as the worker does."""
    matcher = Matcher(invoices, frozenset({OUR_INN}))
    found = tuple(matcher.match(one) for one in day.state.operations.values() if one.unsettled)
    return day.ran(bankday.SettleMatches(found))


def states(day: BankDay) -> list[str]:
    """How each operation stands, in the order in which they came."""
    return [one.state for one in day.state.operations.values()]


def paid(day: BankDay) -> dict[str, int]:
    """What the day's operations count for invoices."""
    sums: dict[str, int] = {}
    for operation in day.state.operations.values():
        for one in operation.pays:
            sums[one.invoice_id] = sums.get(one.invoice_id, 0) + one.amount_kopecks
    return sums


def open_cards(day: BankDay) -> Sequence[str]:
    """The kinds of the questions that stand before a person."""
    return sorted(card.opened.kind for card in day.state.cards.by_id.values() if card.taken is None)


def take(day: BankDay, choice: str, number: str = "") -> None:
    """A person answers the one open question."""
    (card,) = [one for one in day.state.cards.by_id.values() if one.taken is None]
    day.ran(TakeCard(card.opened.card_id, choice, "Анна", number))


VAGUE = "За услуги"


def first(day: BankDay) -> bankday.BankOperation:
    """The first operation of the day."""
    return next(iter(day.state.operations.values()))
