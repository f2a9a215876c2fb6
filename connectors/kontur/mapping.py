"""Payloads of Kontur.Accounting, as this project's contract assumes them, ↔ canonical DTOs, both ways; pure.

Numbers go out with the digits they have (``orjson.Fragment``), since a float would have its own idea of them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from chassis.domain import Problem
from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks
from chassis.values.vat import vat_kopecks
from connectors import wire
from connectors.closing import document_id
from connectors.kontur.schema import (
    COMMENT_CHARS_MAX,
    OVERDUE,
    QUANTITY_PLACES,
    REGISTER,
    STATUSES,
    VAT_RATES,
    VAT_WORDS,
    VENDOR,
    is_deleted,
)
from connectors.kontur_family import KINDS, TYPES, status_of
from connectors.pieces import pieces_of
from connectors.ports.accounting import (
    ActCard,
    ActDraft,
    CardLine,
    ClosingForm,
    Counterparty,
    CounterpartyDraft,
    InvoiceCard,
    InvoiceDraft,
)
from connectors.ports.products import Product, ProductDraft

# Out


def counterparty_body(draft: CounterpartyDraft) -> bytes:
    """The card of a buyer; only companies have a KPP; empty members are left out."""
    members: dict[str, Any] = {
        "type": TYPES[draft.kind],
        "name": draft.short_name or draft.name,
        "fullName": draft.name,
        "inn": draft.inn,
        "kpp": draft.kpp if draft.kind == "company" else None,
        "ogrn": draft.ogrn,
        "legalAddress": draft.address or None,
        "roles": ["customer"],
    }
    if draft.email or draft.phone:
        contact = {"name": draft.name, "phone": draft.phone or None, "email": draft.email or None}
        members["contacts"] = [contact]
    return orjson.dumps({name: value for name, value in members.items() if value is not None})


def invoice_body(draft: InvoiceDraft, products: Sequence[str], bank_account_id: str | None = None) -> bytes:
    """An invoice. The service gives the number itself (R7); our marker is its external id. ``products`` are the
    nomenclature's ids of the lines, none where lines go as text; without a bank account it shows the usual one."""
    members: dict[str, Any] = _document(draft.issued_on.isoformat(), draft, products)
    if bank_account_id:
        members["bankAccountId"] = bank_account_id
    if draft.due_on is not None:
        members["dueDate"] = draft.due_on.isoformat()
    return orjson.dumps(members | {"pricesIncludeVat": True})


def products_of(body: bytes) -> tuple[str, ...]:
    """The nomenclature's ids in a document of ours, item by item; a line may be several items."""
    return tuple(wire.text(item["productId"]) for item in orjson.loads(body)["items"])


def act_body(draft: ActDraft, products: Sequence[str], form: ClosingForm = "act") -> bytes:
    """A closing document; it is tied to its invoice where there is one. A УПД with VAT is the VAT invoice too."""
    members = _document(draft.issued_on.isoformat(), draft, products)
    if form == "upd":
        taxed = any(line.vat_rate != "none" for line in draft.lines)
        members["function"] = "invoiceAndTransfer" if taxed else "transferOnly"
    if draft.invoice_id is not None:
        members["invoiceId"] = draft.invoice_id
    return orjson.dumps(members | {"pricesIncludeVat": True})


def product_body(draft: ProductDraft) -> bytes:
    """An item of the nomenclature. Raises KeyError for a VAT rate that has no word."""
    members: dict[str, Any] = {
        "type": "service" if draft.is_service else "goods",
        "name": draft.name,
        "article": draft.article or None,
        "unit": {"okei": draft.unit_code, "name": draft.unit_symbol},
        "price": None if draft.price is None else orjson.Fragment(f"{draft.price:.2f}"),
        "priceIncludesVat": True,
        "vatRate": {str(rate): word for rate, word in VAT_WORDS.items()}[draft.vat_rate],
        "externalId": draft.external_code,
    }
    return orjson.dumps({name: value for name, value in members.items() if value is not None})


def unsupported_rate(lines: Sequence[DocumentLine]) -> Problem | None:
    """Why these lines cannot be sent: a VAT rate for which there is no word."""
    rates = sorted({line.vat_rate for line in lines} - VAT_WORDS.keys())
    return Problem("vat_rate_not_supported", {"vendor": VENDOR, "rate": rates[0]}) if rates else None


def _document(day: str, draft: InvoiceDraft | ActDraft, products: Sequence[str]) -> dict[str, Any]:
    comment = draft.comment
    return {
        "date": day,
        "counterpartyId": draft.counterparty_id,
        "comment": comment if len(comment) <= COMMENT_CHARS_MAX else comment[: COMMENT_CHARS_MAX - 1] + "…",
        "externalId": draft.marker,
        "items": [
            item
            for place, line in enumerate(draft.lines)
            for item in _items(line, products[place] if products else None)
        ],
    }


def _items(line: DocumentLine, product_id: str | None) -> list[dict[str, Any]]:
    """A line's pieces; their VAT sums to the line's, whatever each alone would round to."""
    found: list[dict[str, Any]] = []
    vat_left = line.vat_kopecks
    pieces = pieces_of(line, quantity_places=QUANTITY_PLACES)
    for place, piece in enumerate(pieces, 1):
        own = vat_kopecks(piece.amount_kopecks, line.vat_rate, included=True)
        vat = vat_left if place == len(pieces) else own
        vat_left -= vat
        found.append(
            {
                "productId": product_id,
                "name": piece.name,
                "unit": {"okei": line.unit.code, "name": line.unit.symbol},
                "quantity": orjson.Fragment(f"{piece.quantity:f}"),
                "price": orjson.Fragment(f"{piece.price:.2f}"),
                "vatRate": VAT_WORDS[line.vat_rate],
                "vatSum": _roubles(vat),
                "sum": _roubles(piece.amount_kopecks),
                "discountPercent": None,
            }
        )
    return found


def _roubles(kopecks: int) -> orjson.Fragment:
    return orjson.Fragment(f"{decimal_from_kopecks(kopecks):f}")


def timestamp(at: datetime) -> str:
    """A moment as the API writes it; parts of a millisecond are cut, so a list from it begins early, never late."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


# In


def read_counterparty(card: Mapping[str, Any]) -> Counterparty:
    """A buyer's card."""
    contacts = wire.records(card.get("contacts"), "contacts")
    source = wire.mapping(card.get("source"), "source")
    kind = KINDS.get(wire.text(card.get("type")))
    return Counterparty(
        counterparty_id=wire.required_identity(card, "id"),
        kind=kind,
        name=wire.text(card.get("fullName")) or wire.text(card.get("name")),
        short_name=wire.text(card.get("name")),
        inn=wire.text(card.get("inn") if kind == "person" else wire.required(card, "inn")),
        kpp=wire.text(card.get("kpp")),
        ogrn=wire.text(card.get("ogrn")),
        address=wire.text(card.get("legalAddress")),
        email=next((email for one in contacts if (email := wire.text(one.get("email")))), ""),
        phone=next((phone for one in contacts if (phone := wire.text(one.get("phone")))), ""),
        updated_at=wire.optional_moment(card.get("updatedAt"), "updatedAt"),
        director=wire.text(wire.mapping(card.get("director"), "director").get("name")),
        from_register=wire.text(source.get("system")) == REGISTER,
    )


def read_counterparty_unless_deleted(card: Mapping[str, Any]) -> Counterparty | None:
    """A buyer's card, archived or not; None for one that was deleted."""
    return None if is_deleted(card) else read_counterparty(card)


def read_live_counterparty(row: Mapping[str, Any]) -> Counterparty | None:
    """A row of a list; None for one that was deleted or archived."""
    return None if row.get("archived") is True else read_counterparty_unless_deleted(row)


def read_invoice(card: Mapping[str, Any]) -> InvoiceCard:
    """An invoice's card. What identifies it and its sum must be there; the rest may be missing. The external id stands
    at the comment's end, as where a vendor keeps our marker in the comment."""
    total = wire.kopecks(wire.required(card, "sum"), "sum")
    paid, word = wire.optional_kopecks(card, "paidSum"), wire.text(card.get("status"))
    comment, marker = wire.text(card.get("comment")), wire.text(card.get("externalId"))
    return InvoiceCard(
        invoice_id=wire.required_identity(card, "id"),
        number=wire.required_identity(card, "number"),
        issued_on=wire.day(card.get("date"), "date"),
        due_on=wire.optional_day(card.get("dueDate"), "dueDate"),
        counterparty_id=wire.required_identity(card, "counterpartyId"),
        comment=f"{comment} {marker}".strip(),
        lines=tuple(_read_line(item) for item in wire.records(card.get("items"), "items")),
        total_kopecks=total,
        vat_kopecks=wire.optional_kopecks(card, "vatSum"),
        paid_kopecks=paid,
        status=status_of(word, paid, STATUSES, OVERDUE),
        vendor_status=word,
        url=wire.text(card.get("viewUrl")),
        updated_at=wire.optional_moment(card.get("updatedAt"), "updatedAt"),
    )


def read_live_invoice(row: Mapping[str, Any]) -> InvoiceCard | None:
    """A row of a list; None for one that was deleted."""
    return None if is_deleted(row) else read_invoice(row)


def read_act(card: Mapping[str, Any], form: ClosingForm = "act") -> ActCard:
    """A closing document's card; its id tells its form too, since each form has a place of its own."""
    comment, marker = wire.text(card.get("comment")), wire.text(card.get("externalId"))
    return ActCard(
        act_id=document_id(wire.required_identity(card, "id"), form),
        number=wire.required_identity(card, "number"),
        issued_on=wire.day(card.get("date"), "date"),
        counterparty_id=wire.required_identity(card, "counterpartyId"),
        invoice_id=wire.identity(card.get("invoiceId")),
        comment=f"{comment} {marker}".strip(),
        total_kopecks=wire.kopecks(wire.required(card, "sum"), "sum"),
        vendor_status=wire.text(card.get("status")),
        form=form,
    )


def read_live_act(row: Mapping[str, Any], form: ClosingForm = "act") -> ActCard | None:
    """A row of a list; None for one that was deleted."""
    return None if is_deleted(row) else read_act(row, form)


def read_product(card: Mapping[str, Any]) -> Product:
    """An item of the nomenclature."""
    word, price = wire.text(card.get("vatRate")), card.get("price")
    return Product(
        product_id=wire.required_identity(card, "id"),
        name=wire.text(card.get("name")),
        article=wire.text(card.get("article")),
        external_code=wire.text(card.get("externalId")),
        unit=wire.text(wire.mapping(card.get("unit"), "unit").get("name")),
        price=None if price is None else wire.decimal(price, "price"),
        vat_rate=VAT_RATES.get(word, word),
        archived=card.get("archived") is True,
    )


def read_live_product(row: Mapping[str, Any]) -> Product | None:
    """A row of a list; None for one that was deleted or archived."""
    return None if is_deleted(row) or row.get("archived") is True else read_product(row)


def external_id(card: Mapping[str, Any]) -> str:
    """Our marker on a document, "" without one."""
    return wire.text(card.get("externalId"))


def _read_line(item: Mapping[str, Any]) -> CardLine:
    word = wire.text(wire.required(item, "vatRate"))
    unit = wire.mapping(item.get("unit"), "unit")
    return CardLine(
        name=wire.text(item.get("name")),
        quantity=wire.decimal(wire.required(item, "quantity"), "quantity"),
        unit=wire.text(unit.get("name")),
        price=wire.decimal(wire.required(item, "price"), "price"),
        vat_rate=VAT_RATES.get(word, word),
        amount_kopecks=wire.optional_kopecks(item, "sum"),
    )
