"""Payloads of the Elba Public API ↔ canonical DTOs, both ways; pure.

Numbers go out with the digits they have (``orjson.Fragment``), since a float would have its own idea of them.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson

from chassis.domain import Problem
from chassis.values.lines import DocumentLine
from chassis.values.marker import find_markers
from chassis.values.vat import VatRate, is_vat_rate, vat_kopecks
from connectors import wire
from connectors.elba_vendor.schema import (
    COMMENT_CHARS_MAX,
    NAME_CHARS_MAX,
    NUMBER_CHARS_MAX,
    PAYMENT_NEWS,
    QUANTITY_PLACES,
    STATUSES,
    VAT_RATES,
    VAT_WORDS,
    VENDOR,
)
from connectors.pieces import pieces_of
from connectors.ports.accounting import (
    ActCard,
    ActDraft,
    CardLine,
    ClosingForm,
    Counterparty,
    CounterpartyDraft,
    CounterpartyKind,
    InvoiceCard,
    InvoiceDraft,
    InvoiceStatus,
)
from connectors.ports.balances import BalanceFact
from connectors.wire import ShapeError

_KINDS: Final[Mapping[int, CounterpartyKind]] = {10: "company", 12: "entrepreneur", 0: "person"}
"""By the length of the INN: cards have no kind of their own."""

# Out


def contractor_body(draft: CounterpartyDraft) -> bytes:
    """A contractor's card; its kind follows from its INN here. Only companies have a KPP."""
    members: dict[str, Any] = {
        "name": draft.name[:NAME_CHARS_MAX],
        "shortName": draft.short_name[:NAME_CHARS_MAX] or None,
        "inn": draft.inn,
        "kpp": draft.kpp if draft.kind == "company" else None,
        "ogrn": draft.ogrn,
        "address": draft.address or None,
    }
    if draft.email or draft.phone:
        emails = [draft.email] if draft.email else []
        members["contacts"] = [{"phone": draft.phone or None, "emails": emails}]
    return orjson.dumps({name: value for name, value in members.items() if value is not None})


def bill_body(draft: InvoiceDraft, bank_account_id: str | None) -> bytes:
    """A bill. Elba gives the number itself (R7); the due date has no field and stands in the comment."""
    members = {"comment": comment_with_marker(draft.comment, draft.marker)}
    return orjson.dumps(_document(draft.issued_on, draft.counterparty_id, draft.lines, bank_account_id) | members)


def act_body(draft: ActDraft, bank_account_id: str | None, form: ClosingForm = "act") -> bytes:
    """A closing document; nothing ties it to a bill, so its invoice is not on the wire. Its number is ours, since the
    API never tells the number that it would give. Acts alone have a comment. A УПД with VAT is the VAT invoice too
    (status 1): its status says whether it has VAT."""
    members: dict[str, Any] = {}
    if form == "act":
        members["comment"] = comment_with_marker(draft.comment, draft.marker)
    if number := act_number(draft.marker):
        members["number"] = number
    whole = _document(draft.issued_on, draft.counterparty_id, draft.lines, bank_account_id)
    if form == "waybill":
        members["consigneeId"] = draft.counterparty_id
    if form == "upd":
        with_vat = whole.pop("withNDS")
        members["status"] = "status1" if with_vat else "status2"
        members["warehouseItems"] = [
            {**item, "productType": "service" if line.is_service else "product"}
            for line in draft.lines
            for item in _items(line, with_vat=with_vat)
        ]
    return orjson.dumps(whole | members)


def act_number(marker: str) -> str:
    """The number of an act after the deal of its marker, ``B24-<deal>``, with a later revision's ``-<n>``; "" where the
    marker is none, and Elba numbers."""
    found = find_markers(marker)
    if not found:
        return ""
    number = f"B24-{found[0].deal}" + (f"-{found[0].revision}" if found[0].revision > 1 else "")
    return number if len(number) <= NUMBER_CHARS_MAX else ""


def comment_with_marker(comment: str, marker: str) -> str:
    """The comment with our marker at its end; a comment that is too long is cut, the marker never is."""
    room = COMMENT_CHARS_MAX - len(marker) - 1
    cut = comment if len(comment) <= room else comment[: room - 1] + "…"
    return f"{cut} {marker}".strip()


def unsupported_rate(lines: Sequence[DocumentLine]) -> Problem | None:
    """Why these lines cannot be sent: a VAT rate for which the vendor has no word."""
    rates = sorted({line.vat_rate for line in lines} - VAT_WORDS.keys())
    return Problem("vat_rate_not_supported", {"vendor": VENDOR, "rate": rates[0]}) if rates else None


def _document(
    issued_on: date, contractor_id: str, lines: Sequence[DocumentLine], bank_account_id: str | None
) -> dict[str, Any]:
    with_vat = any(line.vat_rate != "none" for line in lines)
    members: dict[str, Any] = {
        "date": issued_on.isoformat(),
        "contractorId": contractor_id,
        "withNDS": with_vat,
        "sumsWithNDS": with_vat,
        "withDiscount": False,
        "warehouseItems": [item for line in lines for item in _items(line, with_vat=with_vat)],
    }
    return members | ({"bankAccountId": bank_account_id} if bank_account_id else {})


def _items(line: DocumentLine, *, with_vat: bool) -> list[dict[str, Any]]:
    return [
        {
            "productName": piece.name,
            "unitName": line.unit.symbol,
            "quantity": orjson.Fragment(f"{piece.quantity:f}"),
            "price": orjson.Fragment(f"{piece.price:.2f}"),
            "ndsRate": VAT_WORDS[line.vat_rate] if with_vat else None,
            "discount": None,
        }
        for piece in pieces_of(line, quantity_places=QUANTITY_PLACES)
    ]


# In


def read_id(answer: Mapping[str, Any]) -> str:
    """The id that a creation answers with. Raises ShapeError."""
    return wire.required_identity(answer, "id")


def read_contractor(card: Mapping[str, Any]) -> Counterparty:
    """A contractor, out of its card or of a row of a search, which lacks OGRN and contacts."""
    inn = wire.text(card.get("inn"))
    contacts = wire.records(card.get("contacts"), "contacts")
    emails = [email for contact in contacts for email in _strings(contact.get("emails"))]
    phones = [phone for contact in contacts if (phone := wire.text(contact.get("phone")))]
    return Counterparty(
        counterparty_id=wire.required_identity(card, "id"),
        kind=_KINDS.get(len(inn)),
        name=wire.text(card.get("name")),
        short_name=wire.text(card.get("shortName")),
        inn=inn,
        kpp=wire.text(card.get("kpp")),
        ogrn=wire.text(card.get("ogrn")),
        address=wire.text(card.get("address")),
        email=next(iter(emails), ""),
        phone=next(iter(phones), ""),
    )


def contractor_of_draft(contractor_id: str, draft: CounterpartyDraft) -> Counterparty:
    """A contractor that was just created: the answer names its id alone."""
    return Counterparty(
        counterparty_id=contractor_id,
        kind=draft.kind,
        name=draft.name,
        short_name=draft.short_name,
        inn=draft.inn or "",
        kpp=draft.kpp or "",
        ogrn=draft.ogrn or "",
        address=draft.address,
        email=draft.email,
        phone=draft.phone,
    )


def act_of_draft(act_id: str, draft: ActDraft, form: ClosingForm = "act", url: str = "") -> ActCard:
    """A closing document that was just created; none can be read here."""
    return ActCard(
        act_id=act_id,
        number=act_number(draft.marker),
        issued_on=draft.issued_on,
        counterparty_id=draft.counterparty_id,
        invoice_id=draft.invoice_id,
        comment=comment_with_marker(draft.comment, draft.marker),
        total_kopecks=sum(line.amount_kopecks for line in draft.lines),
        vendor_status="",
        form=form,
        url=url,
    )


def read_bill(card: Mapping[str, Any]) -> InvoiceCard:
    """A bill's card. It has no sums of its own: total and VAT are those of its lines, and what is paid is known only
    where its status says so."""
    with_vat = _flag(card, "withNDS")
    included = _flag(card, "sumsWithNds") or not with_vat
    items = wire.records(wire.required(card, "warehouseItems"), "warehouseItems")
    lines = tuple(_read_line(item, included=included) for item in items)
    total = sum(line.amount_kopecks or 0 for line in lines)
    word = wire.text(card.get("status"))
    return InvoiceCard(
        invoice_id=wire.required_identity(card, "id"),
        number=wire.required_identity(card, "number"),
        issued_on=wire.day(card.get("date"), "date"),
        due_on=None,
        counterparty_id=wire.text(card.get("contractorId")),
        comment=wire.text(card.get("comment")),
        lines=lines,
        total_kopecks=total,
        vat_kopecks=_vat(lines),
        paid_kopecks=_paid(word, total),
        status=STATUSES.get(word, InvoiceStatus.UNKNOWN),
        vendor_status=word,
        url="",
        updated_at=None,
    )


def read_fact(row: Mapping[str, Any]) -> BalanceFact | None:
    """A row of the news; None for news of a kind that tells nothing of money. Raises ShapeError."""
    if wire.text(row.get("newsType")) != PAYMENT_NEWS:
        return None
    content = wire.filled_mapping(row.get("newsContent"), "newsContent")
    word, total = wire.text(content.get("billStatus")), content.get("billSum")
    return BalanceFact(
        fact_id=fact_id(row),
        invoice_id=wire.required_identity(content, "billId"),
        paid_kopecks=wire.kopecks(wire.required(content, "relatedPaymentsSum"), "relatedPaymentsSum"),
        total_kopecks=None if total is None else wire.kopecks(total, "billSum"),
        status=STATUSES.get(word, InvoiceStatus.UNKNOWN),
        vendor_status=word,
    )


def fact_id(row: Mapping[str, Any]) -> int:
    """The number of a row of the news. Raises ShapeError."""
    return wire.whole(row.get("id"), "id")


def _read_line(item: Mapping[str, Any], *, included: bool) -> CardLine:
    word = wire.text(item.get("ndsRate"))
    rate = VAT_RATES.get(word, word or "none")
    amount = wire.kopecks(wire.required(item, "sum"), "sum")
    if not included and is_vat_rate(rate):
        amount += vat_kopecks(amount, rate, included=False)
    return CardLine(
        name=wire.text(item.get("productName")),
        quantity=wire.decimal(wire.required(item, "quantity"), "quantity"),
        unit=wire.text(item.get("unitName")),
        price=wire.decimal(item.get("price") if item.get("price") is not None else 0, "price"),
        vat_rate=rate,
        amount_kopecks=amount,
    )


def _vat(lines: Sequence[CardLine]) -> int | None:
    """The VAT that the lines contain; None where a rate is not known."""
    found = 0
    for line in lines:
        rate: VatRate | str = line.vat_rate
        if not is_vat_rate(rate):
            return None
        found += vat_kopecks(line.amount_kopecks or 0, rate, included=True)
    return found


def _paid(word: str, total: int) -> int | None:
    return {"paid": total, "notPaid": 0}.get(word)


def _flag(card: Mapping[str, Any], name: str) -> bool:
    value = card.get(name)
    if value is not None and not isinstance(value, bool):
        raise ShapeError(name)
    return value or False


def _strings(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ShapeError("emails")
    return [text for one in value if (text := wire.text(one))]


def named_like(found: Sequence[Counterparty], name: str) -> tuple[Counterparty, ...]:
    """Those of exactly this name and without INN; how the vendor's own search matches is not stated."""
    wanted = name[:NAME_CHARS_MAX].strip()
    return tuple(one for one in found if not one.inn and one.name.strip() == wanted)
