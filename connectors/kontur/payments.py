"""Bank operations of Kontur.Accounting → payments: each operation's shares for the invoices that it pays; pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from connectors import wire
from connectors.kontur.schema import REVERSED, is_deleted
from connectors.ports.accounting import PaymentRow
from connectors.wire import ShapeError

_INCOMING: Final = "incoming"
_OUTGOING: Final = "outgoing"


def rows_of_operation(row: Mapping[str, Any]) -> tuple[PaymentRow, ...]:
    """An operation's shares, and what of it pays no invoice. Of one that was reversed or deleted all is removed; an
    outgoing one is a refund as far as it is tied to invoices, and nobody's business else. Raises ShapeError."""
    if is_deleted(row):
        return (_gone(row),)
    direction = wire.text(row.get("direction"))
    if direction not in (_INCOMING, _OUTGOING):
        raise ShapeError("direction")
    sign = 1 if direction == _INCOMING else -1
    removed = wire.text(wire.required(row, "status")) == REVERSED
    shares = [_share(row, one, sign, removed) for one in wire.records(wire.required(row, "allocations"), "allocations")]
    unallocated = row.get("unallocated")
    rest = wire.kopecks(unallocated, "unallocated") if unallocated is not None else 0
    if rest and sign > 0:
        shares.append(_row(row, None, rest, removed))
    return tuple(shares) or (_row(row, None, 0, removed=True),)


def shares_for(rows: Sequence[PaymentRow], invoice_id: str) -> tuple[PaymentRow, ...]:
    """The rows that pay one invoice."""
    return tuple(one for one in rows if one.invoice_id == invoice_id)


def days_of(card: Mapping[str, Any]) -> tuple[date, date] | None:
    """The first and the last day of the payments that an invoice's card names; None when there are none. Raises
    ShapeError."""
    days = [wire.day(one.get("date"), "date") for one in wire.records(card.get("payments"), "payments")]
    return (min(days), max(days)) if days else None


def _share(row: Mapping[str, Any], allocation: Mapping[str, Any], sign: int, removed: bool) -> PaymentRow:
    invoice_id = wire.identity(allocation.get("invoiceId"))
    if invoice_id is None:
        raise ShapeError("invoiceId")
    amount = wire.kopecks(wire.required(allocation, "amount"), "amount")
    return _row(row, invoice_id, sign * amount, removed)


def _row(row: Mapping[str, Any], invoice_id: str | None, amount_kopecks: int, removed: bool) -> PaymentRow:
    operation = _id(row)
    payer = wire.mapping(row.get("payer"), "payer")
    return PaymentRow(
        payment_id=f"{operation}/{invoice_id or ''}",
        invoice_id=invoice_id,
        own_account=wire.text(row.get("ownAccount")),
        amount_kopecks=amount_kopecks,
        paid_on=wire.day(row.get("date"), "date"),
        order_number=wire.text(row.get("orderNumber")),
        payer_name=wire.text(payer.get("name")),
        payer_inn=wire.text(payer.get("inn")),
        purpose=wire.text(row.get("purpose")),
        updated_at=wire.moment(row.get("updatedAt"), "updatedAt"),
        removed=removed,
        share_of=operation,
    )


def _gone(row: Mapping[str, Any]) -> PaymentRow:
    """An operation of which only its end is told."""
    at = wire.moment(row.get("updatedAt"), "updatedAt")
    operation = _id(row)
    return PaymentRow(f"{operation}/", None, "", 0, at.date(), "", "", "", "", at, removed=True, share_of=operation)


def _id(row: Mapping[str, Any]) -> str:
    found = wire.identity(row.get("id"))
    if found is None:
        raise ShapeError("id")
    return found
