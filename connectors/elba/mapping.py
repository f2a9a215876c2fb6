"""Elba's payloads ↔ canonical DTOs, both ways; pure.

Numbers go out with the digits they have (``orjson.Fragment``), since a float would have its own idea of them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from chassis.values.lines import DocumentLine
from connectors import wire
from connectors.elba.schema import OVERDUE, STATUSES, VAT_RATES, VAT_WORDS
from connectors.kontur_family import KINDS, TYPES, status_of
from connectors.pieces import pieces_of
from connectors.ports.accounting import (
    ActCard,
    ActDraft,
    CardLine,
    Counterparty,
    CounterpartyDraft,
    InvoiceCard,
    InvoiceDraft,
    PaymentRow,
)
from connectors.wire import ShapeError

# Out


def counterparty_body(draft: CounterpartyDraft) -> bytes:
    """The card of a buyer. A company is what has no ``type``; empty members are left out."""
    members = {
        "fullName": draft.name,
        "shortName": draft.short_name,
        "inn": draft.inn,
        "kpp": draft.kpp,
        "ogrn": draft.ogrn,
        "address": draft.address,
        "email": draft.email,
        "phone": draft.phone,
        "type": None if draft.kind == "company" else TYPES[draft.kind],
    }
    return orjson.dumps({name: value for name, value in members.items() if value})


def invoice_body(draft: InvoiceDraft) -> bytes:
    """An invoice. Raises ValueError without a number: this profile does not number (R7)."""
    if not draft.number:
        raise ValueError("an invoice for Elba needs a number")
    members = {
        "number": draft.number,
        "date": draft.issued_on.isoformat(),
        "counterpartyId": draft.counterparty_id,
        "items": items_of(draft.lines),
        "comment": with_marker(draft.comment, draft.marker),
    }
    if draft.due_on is not None:
        members["paymentDueDate"] = draft.due_on.isoformat()
    return orjson.dumps(members)


def act_body(draft: ActDraft) -> bytes:
    """An act; it is tied to its invoice where there is one."""
    members = {
        "date": draft.issued_on.isoformat(),
        "counterpartyId": draft.counterparty_id,
        "items": items_of(draft.lines),
        "comment": with_marker(draft.comment, draft.marker),
    }
    if draft.invoice_id is not None:
        members["invoiceId"] = draft.invoice_id
    return orjson.dumps(members)


def with_marker(comment: str, marker: str) -> str:
    """The comment with our marker at its end."""
    return f"{comment} {marker}".strip()


def items_of(lines: Sequence[DocumentLine]) -> list[dict[str, Any]]:
    """Lines → items whose prices contain VAT and have two decimals, and whose sums are the lines' to the kopeck.

    A line whose amount no such price gives is split in two by price, or, with a fractional quantity, becomes one piece
    that names its quantity.
    """
    return [item for line in lines for item in _items(line)]


def _items(line: DocumentLine) -> list[dict[str, Any]]:
    unit, word = line.unit.symbol, VAT_WORDS[line.vat_rate]
    return [_item(piece.name, piece.quantity, piece.price, unit, word) for piece in pieces_of(line)]


def _item(name: str, count: Decimal, price: Decimal, unit: str, vat_word: str) -> dict[str, Any]:
    return {
        "name": name,
        "count": orjson.Fragment(f"{count:f}"),
        "price": orjson.Fragment(f"{price:.2f}"),
        "unit": unit,
        "ndsRate": vat_word,
    }


def timestamp(at: datetime) -> str:
    """A moment as the API writes it; parts of a second are cut, so a list from it begins early rather than late."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# In


def read_counterparty(card: Mapping[str, Any]) -> Counterparty:
    """A buyer's card."""
    return Counterparty(
        counterparty_id=wire.required_identity(card, "id"),
        kind=KINDS.get(wire.text(card.get("type"))),
        name=wire.text(card.get("fullName")),
        short_name=wire.text(card.get("shortName")),
        inn=wire.text(wire.required(card, "inn") if card.get("type") != "individual" else card.get("inn")),
        kpp=wire.text(card.get("kpp")),
        ogrn=wire.text(card.get("ogrn")),
        address=wire.text(card.get("address")),
        email=wire.text(card.get("email")),
        phone=wire.text(card.get("phone")),
        updated_at=wire.optional_moment(card.get("updatedAt"), "updatedAt"),
    )


def read_created_counterparty(draft: CounterpartyDraft, card: Mapping[str, Any]) -> Counterparty:
    """The answer to a creation, of which no more is promised than the id; the rest is then what was sent."""
    sent = {"fullName": draft.name, "shortName": draft.short_name, "inn": draft.inn, "kpp": draft.kpp}
    return read_counterparty({**sent, "type": TYPES[draft.kind], **card})


def read_invoice(card: Mapping[str, Any]) -> InvoiceCard:
    """An invoice's card. What identifies it and its sum must be there; the rest may be missing."""
    total = wire.kopecks(wire.required(card, "sum"), "sum")
    paid = wire.optional_kopecks(card, "paidSum")
    word = wire.text(card.get("status"))
    return InvoiceCard(
        invoice_id=wire.required_identity(card, "id"),
        number=wire.required_identity(card, "number"),
        issued_on=wire.day(card.get("date"), "date"),
        due_on=wire.optional_day(card.get("paymentDueDate"), "paymentDueDate"),
        counterparty_id=wire.required_identity(card, "counterpartyId"),
        comment=wire.text(card.get("comment")),
        lines=tuple(_read_line(item) for item in wire.records(card.get("items"), "items")),
        total_kopecks=total,
        vat_kopecks=wire.optional_kopecks(card, "ndsSum"),
        paid_kopecks=paid,
        status=status_of(word, paid, STATUSES, OVERDUE),
        vendor_status=word,
        url=wire.text(card.get("url")),
        updated_at=wire.optional_moment(card.get("updatedAt"), "updatedAt"),
    )


def read_act(card: Mapping[str, Any]) -> ActCard:
    """An act's card."""
    return ActCard(
        act_id=wire.required_identity(card, "id"),
        number=wire.required_identity(card, "number"),
        issued_on=wire.day(card.get("date"), "date"),
        counterparty_id=wire.required_identity(card, "counterpartyId"),
        invoice_id=wire.identity(card.get("invoiceId")),
        comment=wire.text(card.get("comment")),
        total_kopecks=wire.kopecks(wire.required(card, "sum"), "sum"),
        vendor_status=wire.text(card.get("status")),
    )


def read_payment(row: Mapping[str, Any]) -> PaymentRow:
    """A payment tied to an invoice."""
    payer = wire.mapping(row.get("payer"), "payer")
    removed = row.get("removed", False)
    if not isinstance(removed, bool):
        raise ShapeError("removed")
    return PaymentRow(
        payment_id=wire.required_identity(row, "id"),
        invoice_id=wire.identity(wire.required(row, "invoiceId")),
        own_account=wire.text(row.get("ownAccount")),
        amount_kopecks=wire.kopecks(wire.required(row, "amount"), "amount"),
        paid_on=wire.day(row.get("date"), "date"),
        order_number=wire.text(row.get("paymentOrderNumber")),
        payer_name=wire.text(payer.get("name")),
        payer_inn=wire.text(payer.get("inn")),
        purpose=wire.text(row.get("purpose")),
        updated_at=wire.moment(row.get("updatedAt"), "updatedAt"),
        removed=removed,
    )


def _read_line(item: Mapping[str, Any]) -> CardLine:
    word = wire.text(wire.required(item, "ndsRate"))
    return CardLine(
        name=wire.text(item.get("name")),
        quantity=wire.decimal(wire.required(item, "count"), "count"),
        unit=wire.text(item.get("unit")),
        price=wire.decimal(wire.required(item, "price"), "price"),
        vat_rate=VAT_RATES.get(word, word),
        amount_kopecks=wire.optional_kopecks(item, "sum"),
    )
