"""MoeDelo's payloads ↔ canonical DTOs, both ways; pure.

Numbers go out with the digits they have (``orjson.Fragment``), since a float would have its own idea of them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from chassis.domain import Problem
from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks
from chassis.values.vat import vat_kopecks
from connectors import wire
from connectors.closing import document_id
from connectors.moedelo.schema import (
    API_HOST,
    CUSTOMER,
    GENERAL_TAX_SYSTEM,
    GOODS,
    NDS_INCLUDED,
    NDS_TYPES,
    NOT_ON_HANDS,
    NOT_PAID,
    ORDINARY_BILL,
    SALES_WAYBILL,
    SERVICE,
    SITE,
    UPD_NDS_TYPES,
    UPD_WITH_VAT_INVOICE,
    UPD_WITHOUT_VAT_INVOICE,
    VAT_RATES,
    VENDOR,
    WITHOUT_NDS,
)
from connectors.pieces import Piece, pieces_of
from connectors.ports.accounting import (
    AccessToken,
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
    PaymentRow,
)
from connectors.wire import ShapeError

QUANTITY_PLACES: Final = 4
_FORMS: Final[dict[CounterpartyKind, int]] = {"company": 1, "entrepreneur": 2, "person": 3}
_KINDS: Final = {form: kind for kind, form in _FORMS.items()}


# Out


def counterparty_body(draft: CounterpartyDraft) -> bytes:
    """The card of a buyer. It has no place for an e-mail address."""
    members: dict[str, Any] = {
        "Name": _one_line(draft.name),
        "Type": CUSTOMER,
        "Form": _FORMS[draft.kind],
        "ShortName": _one_line(draft.short_name),
        "Inn": draft.inn,
        "Kpp": draft.kpp,
        "Ogrn": draft.ogrn,
        "LegalAddress": _one_line(draft.address),
        "ActualAddress": _one_line(draft.address),
    }
    return orjson.dumps({name: value for name, value in members.items() if value})


def invoice_body(draft: InvoiceDraft, bank_account_id: str | None = None) -> bytes:
    """A bill without a number, which the service gives (R7); without a bank account it shows the usual one."""
    members: dict[str, Any] = {
        "DocDate": draft.issued_on.isoformat(),
        "Type": ORDINARY_BILL,
        "Status": NOT_PAID,
        "KontragentId": _reference(draft.counterparty_id),
        "AdditionalInfo": with_marker(draft.comment, draft.marker),
        "UseStampAndSign": True,
        **_lines(draft.lines),
    }
    if draft.due_on is not None:
        members["DeadLine"] = draft.due_on.isoformat()
    if bank_account_id:
        members["SettlementAccountId"] = int(bank_account_id)
    return orjson.dumps(members)


def closing_body(draft: ActDraft, form: ClosingForm, stock: str | None = None) -> bytes:
    """A closing document tied to its bill where there is one; goods leave the ``stock``. It has no place for a marker.
    Raises KeyError for a rate that a УПД has no word for."""
    members: dict[str, Any] = {
        "KontragentId": _reference(draft.counterparty_id),
        "Sum": _money(sum(line.amount_kopecks for line in draft.lines)),
        **(_lines(draft.lines) if form == "act" else _goods(draft.lines, form)),
    }
    day, taxed = draft.issued_on.isoformat(), any(line.vat_rate != "none" for line in draft.lines)
    match form:
        case "upd":
            members |= {"Date": day, "Status": UPD_WITH_VAT_INVOICE if taxed else UPD_WITHOUT_VAT_INVOICE}
            if taxed:
                members["TaxSystem"] = GENERAL_TAX_SYSTEM
        case "waybill":
            members |= {"DocDate": day, "Type": SALES_WAYBILL}
        case _:
            members |= {"DocDate": day, "OnHands": NOT_ON_HANDS}
    if stock is not None:
        members["StockId"] = _reference(stock)
    if draft.invoice_id is not None:
        members["BillId"] = _reference(draft.invoice_id)
    return orjson.dumps(members)


def unsupported_rate(lines: Sequence[DocumentLine]) -> Problem | None:
    """Why these lines cannot be a УПД: a VAT rate for which it has no word."""
    rates = sorted({line.vat_rate for line in lines} - UPD_NDS_TYPES.keys())
    return Problem("vat_rate_not_supported", {"vendor": VENDOR, "rate": rates[0]}) if rates else None


def with_marker(comment: str, marker: str) -> str:
    """The comment with our marker at its end."""
    return f"{comment} {marker}".strip()


def timestamp(at: datetime) -> str:
    """A moment as lists take it, UTC without a suffix; parts of a second are cut, so that a list begins early."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _lines(lines: Sequence[DocumentLine]) -> dict[str, Any]:
    """Lines with their sums, and whether prices contain VAT."""
    taxed = any(line.vat_rate != "none" for line in lines)
    pieces = [piece for line in lines for piece in pieces_of(line, quantity_places=QUANTITY_PLACES)]
    return {
        "NdsPositionType": NDS_INCLUDED if taxed else WITHOUT_NDS,
        "Items": [_item(piece) for piece in pieces],
    }


def _goods(lines: Sequence[DocumentLine], form: ClosingForm) -> dict[str, Any]:
    """As lines of a bill, but goods are goods, without a card in the nomenclature; a УПД has its own words for VAT."""
    found = _lines(lines)
    pieces = [piece for line in lines for piece in pieces_of(line, quantity_places=QUANTITY_PLACES)]
    for item, piece in zip(found["Items"], pieces, strict=True):
        item["Type"] = SERVICE if piece.line.is_service else GOODS
        if form == "upd":
            item["NdsType"] = UPD_NDS_TYPES[piece.line.vat_rate]
    return found


def _item(piece: Piece) -> dict[str, Any]:
    """One line; services need no card in the nomenclature, so every line is one."""
    line = piece.line
    nds = line.vat_kopecks
    if piece.amount_kopecks != line.amount_kopecks:
        nds = vat_kopecks(piece.amount_kopecks, line.vat_rate, included=True)
    return {
        "Name": _one_line(piece.name),
        "Count": orjson.Fragment(f"{piece.quantity:f}"),
        "Unit": _one_line(line.unit.symbol),
        "Type": SERVICE,
        "Price": orjson.Fragment(f"{piece.price:.2f}"),
        "NdsType": NDS_TYPES[line.vat_rate],
        "DiscountRate": 0,
        "SumWithoutNds": _money(piece.amount_kopecks - nds),
        "NdsSum": _money(nds),
        "SumWithNds": _money(piece.amount_kopecks),
    }


def _money(kopecks: int) -> orjson.Fragment:
    return orjson.Fragment(f"{decimal_from_kopecks(kopecks):.2f}")


def _one_line(text: str) -> str:
    """Runs of blanks break the service's own comparison of names later."""
    return " ".join(text.split())


def _reference(identity: str) -> int:
    """An id of the service, a whole number. Raises ValueError for what was never one of its ids."""
    return int(identity)


# In


def read_counterparty(card: Mapping[str, Any]) -> Counterparty:
    """A buyer's card."""
    return Counterparty(
        counterparty_id=wire.required_identity(card, "Id"),
        kind=_KINDS.get(wire.whole(card.get("Form") or 0, "Form")),
        name=wire.text(card.get("Name")),
        short_name=wire.text(card.get("ShortName")),
        inn=wire.text(card.get("Inn")),
        kpp=wire.text(card.get("Kpp")),
        ogrn=wire.text(card.get("Ogrn")),
        address=wire.text(card.get("LegalAddress")),
    )


def archived(card: Mapping[str, Any]) -> bool:
    """Whether a buyer's card is put away: no document is made for it."""
    return card.get("IsArchived") is True


def bill_id(row: Mapping[str, Any]) -> str:
    """The id of a row of a list."""
    return wire.required_identity(row, "Id")


def read_invoice(card: Mapping[str, Any], endpoint: str) -> InvoiceCard:
    """A bill's card. What identifies it and its sum must be there; the rest may be missing."""
    total = wire.kopecks(wire.required(card, "Sum"), "Sum")
    paid = None if card.get("PaidSum") is None else wire.kopecks(card["PaidSum"], "PaidSum")
    lines = wire.records(card.get("Items"), "Items")
    return InvoiceCard(
        invoice_id=wire.required_identity(card, "Id"),
        number=wire.required_identity(card, "Number"),
        issued_on=wire.day(card.get("DocDate"), "DocDate"),
        due_on=wire.optional_day(card.get("DeadLine"), "DeadLine"),
        counterparty_id=wire.required_identity(card, "KontragentId"),
        comment=wire.text(card.get("AdditionalInfo")),
        lines=tuple(_read_line(item) for item in lines),
        total_kopecks=total,
        vat_kopecks=_vat_of(lines),
        paid_kopecks=paid,
        status=_status(paid or 0, total),
        vendor_status=wire.text(card.get("Status")),
        url=_url(wire.text(card.get("Online")), endpoint),
        updated_at=_modified(card),
    )


def read_payments(card: Mapping[str, Any]) -> tuple[PaymentRow, ...]:
    """The payments of a bill's card. Who paid is not told there."""
    account = wire.mapping(card.get("SettlementAccount"), "SettlementAccount")
    modified = _modified(card) or datetime.fromtimestamp(0, UTC)
    return tuple(
        PaymentRow(
            payment_id=wire.required_identity(row, "Id"),
            invoice_id=wire.required_identity(card, "Id"),
            own_account=wire.text(account.get("AccountNumber")),
            amount_kopecks=wire.kopecks(wire.required(row, "Sum"), "Sum"),
            paid_on=wire.day(row.get("Date"), "Date"),
            order_number=wire.text(row.get("Number")),
            payer_name="",
            payer_inn="",
            purpose="",
            updated_at=modified,
            removed=False,
        )
        for row in wire.records(wire.required(card, "Payments"), "Payments")
    )


def read_act(card: Mapping[str, Any], form: ClosingForm = "act") -> ActCard:
    """A closing document's card. A УПД has its date under another name, and a sum in its lines alone."""
    dated = "Date" if form == "upd" else "DocDate"
    return ActCard(
        act_id=document_id(wire.required_identity(card, "Id"), form),
        number=wire.required_identity(card, "Number"),
        issued_on=wire.day(card.get(dated), dated),
        counterparty_id=wire.required_identity(card, "KontragentId"),
        invoice_id=wire.identity(card.get("BillId")),
        comment="",
        total_kopecks=_total(card, form),
        vendor_status=wire.text(card.get("Status" if form == "upd" else "OnHands")),
        form=form,
    )


def _total(card: Mapping[str, Any], form: ClosingForm) -> int:
    if form != "upd" or "Sum" in card:
        return wire.kopecks(wire.required(card, "Sum"), "Sum")
    lines = wire.records(wire.required(card, "Items"), "Items")
    return sum(wire.kopecks(wire.required(line, "SumWithNds"), "SumWithNds") for line in lines)


def read_token(answer: Mapping[str, Any]) -> AccessToken:
    """A bearer token with the refresh token that takes the place of the used one (RFC 6749 §6). Raises ShapeError."""
    return AccessToken(*wire.bearer(answer))


def _read_line(item: Mapping[str, Any]) -> CardLine:
    number = wire.whole(wire.required(item, "NdsType"), "NdsType")
    amount = item.get("SumWithNds")
    return CardLine(
        name=wire.text(item.get("Name")),
        quantity=wire.decimal(wire.required(item, "Count"), "Count"),
        unit=wire.text(item.get("Unit")),
        price=wire.decimal(wire.required(item, "Price"), "Price"),
        vat_rate=VAT_RATES.get(number, str(number)),
        amount_kopecks=None if amount is None else wire.kopecks(amount, "SumWithNds"),
    )


def _vat_of(items: Sequence[Mapping[str, Any]]) -> int | None:
    """The VAT of all lines; None where a line does not tell its own."""
    sums = [item.get("NdsSum") for item in items]
    if not sums or any(value is None for value in sums):
        return None
    return sum(wire.kopecks(value, "NdsSum") for value in sums)


def _status(paid_kopecks: int, total_kopecks: int) -> InvoiceStatus:
    """By the sums: which code a partly paid bill has is not certain."""
    if paid_kopecks <= 0:
        return InvoiceStatus.ISSUED
    return InvoiceStatus.PAID if paid_kopecks >= total_kopecks else InvoiceStatus.PARTIALLY_PAID


def _modified(card: Mapping[str, Any]) -> datetime | None:
    """When the card was changed last; a time without a zone is UTC."""
    context = wire.mapping(card.get("Context"), "Context")
    value = context.get("ModifyDate")
    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ShapeError("ModifyDate") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _url(online: str, endpoint: str) -> str:
    """The public address of a bill; the card has its path on the service's site."""
    if not online or online.startswith(("http://", "https://")):
        return online
    parts = urlsplit(endpoint)
    site = SITE if parts.hostname == API_HOST else f"{parts.scheme}://{parts.netloc}"
    return f"{site}/{online.lstrip('/')}"
