"""From a base's objects to canonical cards. A collection gives documents with their sections inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from connectors import wire
from connectors.onec import address
from connectors.onec.mapping import values
from connectors.onec.schema import (
    ADDRESS,
    COUNTERPARTIES,
    EMAIL,
    INVOICES,
    LEGAL_ENTITY,
    NATURAL_PERSON,
    PHONE,
    VAT_RATES,
)
from connectors.ports.accounting import (
    ActCard,
    CardLine,
    Counterparty,
    CounterpartyKind,
    InvoiceCard,
    InvoiceStatus,
    PaymentRow,
)
from connectors.wire import ShapeError

ENTREPRENEUR_INN_LENGTH: Final = 12
STAMP: Final = "sverka "
"""How the comment of a buyer made by us begins; the moment and the effect's key follow."""
_SCREEN: Final = "Документ.СчетНаОплатуПокупателю"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who paid, as the base's catalogue has it."""

    name: str
    inn: str


def read_counterparty(card: Mapping[str, Any]) -> Counterparty:
    """A buyer's card; ``updated_at`` is when we made it, where we did."""
    inn = wire.text(card.get("ИНН")).strip()
    contacts = {
        wire.text(row.get("Тип")): wire.text(row.get("Представление"))
        for row in wire.records(card.get("КонтактнаяИнформация"), "КонтактнаяИнформация")
    }
    return Counterparty(
        counterparty_id=values.required_key(card, "Ref_Key"),
        kind=_kind(card, inn),
        name=wire.text(card.get("НаименованиеПолное")) or wire.text(card.get("Description")),
        short_name=wire.text(card.get("Description")),
        inn=inn,
        kpp=wire.text(card.get("КПП")).strip(),
        ogrn=wire.text(card.get("РегистрационныйНомер")).strip(),
        address=contacts.get(ADDRESS, ""),
        email=contacts.get(EMAIL, ""),
        phone=contacts.get(PHONE, ""),
        updated_at=_stamped_at(wire.text(card.get("Комментарий"))),
    )


def read_invoice(card: Mapping[str, Any], endpoint: str, *, drafts_count: bool = False) -> InvoiceCard:
    """An invoice. The term and what was paid are not in the document; one that nobody posted awaits the accountant,
    unless ``drafts_count``."""
    key = values.required_key(card, "Ref_Key")
    rows = wire.records(wire.required(card, "Товары"), "Товары")
    word, status = _WORDS[_status(card)], _status(card)
    if status is InvoiceStatus.DRAFT and drafts_count:
        status = InvoiceStatus.ISSUED
    return InvoiceCard(
        invoice_id=key,
        number=_number(card),
        issued_on=wire.day(card.get("Date"), "Date"),
        due_on=None,
        counterparty_id=values.required_key(card, "Контрагент_Key"),
        comment=wire.text(card.get("Комментарий")),
        lines=tuple(_line(row) for row in rows),
        total_kopecks=values.kopecks(card, "СуммаДокумента"),
        vat_kopecks=sum(values.optional_kopecks(row, "СуммаНДС") or 0 for row in rows),
        paid_kopecks=None,
        status=status,
        vendor_status=word,
        url=address.screen_url(endpoint, _SCREEN, key),
        updated_at=None,
    )


def read_act(card: Mapping[str, Any], closing: str = "") -> ActCard:
    """A closing document: the realization of services, goods or both; a УПД where the connection says so."""
    return ActCard(
        act_id=values.required_key(card, "Ref_Key"),
        number=_number(card),
        issued_on=wire.day(card.get("Date"), "Date"),
        counterparty_id=values.required_key(card, "Контрагент_Key"),
        invoice_id=values.key(card, "СчетНаОплатуПокупателю_Key") or None,
        comment=wire.text(card.get("Комментарий")),
        total_kopecks=values.kopecks(card, "СуммаДокумента"),
        vendor_status=_WORDS[_status(card)],
        form="upd" if closing == "upd" else "sale",
    )


def read_payments(
    card: Mapping[str, Any],
    *,
    sign: int,
    zone: tzinfo,
    now: datetime,
    accounts: Mapping[str, str],
    payers: Mapping[str, Payer],
) -> tuple[PaymentRow, ...]:
    """The rows of one bank document, ``sign`` -1 for money that went back. Unposted and marked ones do not count.

    A row pays the invoice that it names, or, where it names none, the one that the document was made from. A document
    without rows is one removed row, so that what it paid before is seen to be gone. ``accounts``
    are numbers of our own accounts, ``payers`` the base's counterparties, both by key. A date in the future (a slip of
    the hand) does not count as a change in the future.
    """
    key = values.required_key(card, "Ref_Key")
    rows = wire.records(wire.required(card, "РасшифровкаПлатежа"), "РасшифровкаПлатежа")
    based_on = values.reference(card, "ДокументОснование", INVOICES)
    payer = payers.get(payer_key(card), Payer("", ""))
    dated = card.get("ДатаВходящегоДокумента")
    paid_on = wire.day(dated if values.dated(dated) else card.get("Date"), "Date")
    updated_at = min(values.moment(card, "Date", zone), now)
    if not rows:
        return (PaymentRow(key, None, "", 0, paid_on, "", "", "", "", updated_at, removed=True, share_of=key),)
    removed = values.required_flag(card, "DeletionMark") or not values.required_flag(card, "Posted")
    return tuple(
        PaymentRow(
            payment_id=key if place == 0 else f"{key}/{wire.whole(row.get('LineNumber', place + 1), 'LineNumber')}",
            invoice_id=values.key(row, "СчетНаОплату_Key") or based_on or None,
            own_account=accounts.get(values.key(card, "СчетОрганизации_Key"), ""),
            amount_kopecks=sign * values.kopecks(row, "СуммаПлатежа"),
            paid_on=paid_on,
            order_number=wire.text(card.get("НомерВходящегоДокумента")).strip(),
            payer_name=payer.name,
            payer_inn=payer.inn,
            purpose=wire.text(card.get("НазначениеПлатежа")),
            updated_at=updated_at,
            removed=removed,
            share_of=key,
        )
        for place, row in enumerate(rows)
    )


def marked(card: Mapping[str, Any]) -> bool:
    """Whether an object is marked for deletion."""
    return values.flag(card, "DeletionMark")


def payer_key(card: Mapping[str, Any]) -> str:
    """The counterparty of a bank document, "" where the other side is none (a tax office, a person on the staff)."""
    return values.reference(card, "Контрагент", COUNTERPARTIES)


def stamp(now: datetime, effect: str) -> str:
    """The comment of a buyer made by us, so that one without INN is found again."""
    return f"{STAMP}{now.strftime('%Y-%m-%dT%H:%M:%SZ')} {effect}"


def _stamped_at(comment: str) -> datetime | None:
    if not comment.startswith(STAMP):
        return None
    try:
        return datetime.fromisoformat(comment.removeprefix(STAMP).partition(" ")[0])
    except ValueError:
        return None


def _kind(card: Mapping[str, Any], inn: str) -> CounterpartyKind | None:
    word = wire.text(card.get("ЮридическоеФизическоеЛицо"))
    if word == LEGAL_ENTITY:
        return "company"
    if word != NATURAL_PERSON:
        return None
    entrepreneur = values.flag(card, "ИндивидуальныйПредприниматель") or len(inn) == ENTREPRENEUR_INN_LENGTH
    return "entrepreneur" if entrepreneur else "person"


_WORDS: Final = {
    InvoiceStatus.CANCELLED: "Помечен на удаление",
    InvoiceStatus.DRAFT: "Записан",
    InvoiceStatus.ISSUED: "Проведён",
}


def _status(card: Mapping[str, Any]) -> InvoiceStatus:
    if values.required_flag(card, "DeletionMark"):
        return InvoiceStatus.CANCELLED
    return InvoiceStatus.ISSUED if values.required_flag(card, "Posted") else InvoiceStatus.DRAFT


def _number(card: Mapping[str, Any]) -> str:
    number = wire.text(card.get("Number")).strip()
    if not number:
        raise ShapeError("Number")
    return number


def _line(row: Mapping[str, Any]) -> CardLine:
    word = wire.text(row.get("СтавкаНДС"))
    return CardLine(
        name=wire.text(row.get("Содержание")),
        quantity=values.number(wire.required(row, "Количество"), "Количество"),
        unit="",
        price=values.number(wire.required(row, "Цена"), "Цена"),
        vat_rate=VAT_RATES.get(word, word),
        amount_kopecks=values.optional_kopecks(row, "Сумма"),
    )
