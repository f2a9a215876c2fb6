"""Elba over real HTTP: the whole life of an invoice."""

from datetime import UTC, date, datetime

from chassis.outcomes import Rejected
from connectors.ports.accounting import (
    FeedCursor,
    InvoiceStatus,
)
from tests.connectors.accounting.desk import AccountingDesk, taken
from tests.connectors.accounting.samples import MARKER
from tests.connectors.elba.samples import act_draft

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_the_whole_life_of_an_invoice(desk: AccountingDesk) -> None:
    assert taken(await desk.accounting.find_counterparty(desk.permit, "7709123453")) == ()
    invoice_id = await desk.invoice()
    buyers = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
    assert [(one.inn, one.kpp) for one in buyers] == [("7709123453", "770901001")]
    card = taken(await desk.accounting.read_invoice(desk.permit, invoice_id))
    assert (card.number, card.issued_on, card.due_on) == ("B24-1042", date(2026, 3, 10), date(2026, 3, 13))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, 0)
    assert card.url.startswith("http")
    assert MARKER in card.comment
    lookup = taken(
        await desk.accounting.find_invoice(desk.permit, number="B24-1042", issued_on=date(2026, 3, 10), marker=MARKER)
    )
    assert [one.invoice_id for one in lookup.matches] == [invoice_id]
    assert taken(await desk.accounting.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")

    await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": invoice_id})
    found = taken(await desk.accounting.payments_of_invoice(desk.permit, invoice_id))
    assert sorted(one.amount_kopecks for one in found) == [4_000_000, 4_500_000]
    page = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
    assert {one.payment_id for one in page.payments} == {one.payment_id for one in found}
    assert page.next is None
    assert taken(await desk.accounting.read_invoice(desk.permit, invoice_id)).status is InvoiceStatus.PAID

    refused = await desk.accounting.cancel_invoice(desk.permit, invoice_id, key="cancel")
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "invoice_already_paid"
    act = taken(await desk.accounting.create_act(desk.permit, act_draft(card.counterparty_id, invoice_id), key="act"))
    assert (act.total_kopecks, act.invoice_id) == (8_500_000, invoice_id)
    assert taken(await desk.accounting.read_act(desk.permit, act.act_id)).comment.endswith(MARKER)
    assert taken(await desk.accounting.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")
    assert taken(await desk.accounting.ping(desk.permit)) is None
