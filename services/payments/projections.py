"""Read rows of a deal's payments: invoices to find by their remote id, what is owed, cards; each of one stream."""

from collections.abc import Sequence

from chassis.aggregate import ReadRow
from chassis.cards import card_rows
from chassis.values.purpose import plain_number
from services.payments.domain import State
from services.payments.domain.events import digest


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """All read rows of a deal's stream."""
    rows = [
        ReadRow(
            "invoices",
            {"invoice_id": invoice_id},
            {
                "stream": stream,
                "account": invoice.known.account,
                "remote_id": invoice.known.remote_id,
                "number": invoice.known.number,
                "due_date": invoice.known.due_date.isoformat(),
                "total_kopecks": invoice.known.total_kopecks,
                "paid_kopecks": invoice.paid_kopecks,
                "status": invoice.status,
                "overdue_days": invoice.overdue_days,
                "issued_on": invoice.known.issued_on.isoformat() if invoice.known.issued_on else None,
                "buyer_inn": invoice.known.buyer_inn,
                "plain_number": plain_number(invoice.known.number),
                "vat_kopecks": invoice.known.vat_kopecks,
                "doubted": invoice.doubts > 0,
            },
        )
        for invoice_id, invoice in state.invoices.items()
    ]
    payments = [
        ReadRow(
            "counted_payments",
            {"payment_id": payment.payment_id},
            {
                "account": invoice.known.account,
                "operation_id": payment.operation.operation_id,
                "invoice_id": invoice_id,
                "digest": digest(payment.operation),
                "revoked": payment.revoked,
                "signed_kopecks": payment.signed_kopecks,
            },
        )
        for invoice_id, invoice in state.invoices.items()
        for payment in invoice.payments.values()
    ]
    return (*rows, *payments, *card_rows(stream, state.cards))
