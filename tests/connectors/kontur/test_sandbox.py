"""Kontur.Accounting over real HTTP: the whole life of an invoice, and what it alone does."""

from datetime import date

from chassis.outcomes import Ok, Rejected, Retryable
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    FeedCursor,
    InvoiceStatus,
)
from tests.connectors.accounting.calls import LONG_AGO, PRODUCT
from tests.connectors.accounting.desk import AccountingDesk, taken
from tests.connectors.kontur.samples import ACT_MARKER, act_draft, invoice_draft


def with_key(desk: AccountingDesk, **options: str) -> Permit:
    """The other way of access."""
    return desk.permitted(desk.account["api_key"], auth_mode="api_key", **options)


async def test_the_whole_life_of_an_invoice(desk: AccountingDesk) -> None:
    assert taken(await desk.accounting.find_counterparty(desk.permit, "7709123453")) == ()
    invoice_id = await desk.invoice()
    buyers = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
    assert [(one.inn, one.kpp, one.email) for one in buyers] == [("7709123453", "770901001", "buh@vector.example")]
    card = taken(await desk.accounting.read_invoice(desk.permit, invoice_id))
    assert (card.number, card.issued_on, card.due_on) == ("1", date(2026, 3, 10), date(2026, 3, 13))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, 0)
    assert card.url.startswith("http")
    lookup = taken(await desk.find_invoice())
    assert [one.invoice_id for one in lookup.matches] == [invoice_id]
    assert taken(await desk.accounting.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")

    await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": invoice_id})
    found = taken(await desk.accounting.payments_of_invoice(desk.permit, invoice_id))
    assert sorted(one.amount_kopecks for one in found) == [4_000_000, 4_500_000]
    page = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
    assert set(page.payments) == set(found)
    assert page.next is None
    assert taken(await desk.accounting.read_invoice(desk.permit, invoice_id)).status is InvoiceStatus.PAID

    refused = await desk.accounting.cancel_invoice(desk.permit, invoice_id, key="cancel")
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "invoice_already_paid"
    act = taken(await desk.accounting.create_act(desk.permit, act_draft(card.counterparty_id, invoice_id), key="act"))
    assert (act.total_kopecks, act.invoice_id) == (8_500_000, invoice_id)
    found_acts = taken(
        await desk.accounting.find_act(desk.permit, marker=ACT_MARKER, invoice_id=invoice_id, since=LONG_AGO)
    )
    assert [one.act_id for one in found_acts] == [act.act_id]
    assert taken(await desk.accounting.read_act(desk.permit, act.act_id)).comment.endswith(ACT_MARKER)
    assert taken(await desk.accounting.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")
    assert taken(await desk.accounting.ping(desk.permit)) is None


async def test_what_the_register_refreshed_comes_back(desk: AccountingDesk) -> None:
    buyer = await desk.buyer()
    fields = {"full_name": "ООО «Вектор Плюс»", "director": "Лапина Ирина Олеговна"}
    await desk.act(f"/counterparties/{buyer}/register", fields)
    page = taken(await desk.accounting.counterparty_changes(desk.permit, FeedCursor(LONG_AGO)))
    assert [(one.name, one.director, one.from_register) for one in page.counterparties] == [
        ("ООО «Вектор Плюс»", "Лапина Ирина Олеговна", True)
    ]


async def test_nomenclature_by_external_code(desk: AccountingDesk) -> None:
    buyer = await desk.buyer()
    listed = with_key(desk, unknown_goods="list")
    refused = await desk.accounting.create_invoice(listed, invoice_draft(buyer), key="one")
    assert isinstance(refused, Rejected)
    assert refused.problem.values["names"] == ["Настройка CRM, час"]
    taken(await desk.accounting.create_product(desk.permit, PRODUCT, key="p"))
    assert isinstance(await desk.accounting.create_invoice(listed, invoice_draft(buyer), key="two"), Ok)


async def test_a_closed_period_is_for_the_accountant(desk: AccountingDesk) -> None:
    buyer = await desk.buyer()
    await desk.act("/switches", {"closed_until": "2026-03-31"})
    outcome = await desk.accounting.create_invoice(desk.permit, invoice_draft(buyer), key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_period_closed"


async def test_an_invoice_edited_by_hand_is_found_by_its_external_id(desk: AccountingDesk) -> None:
    invoice_id = await desk.invoice()
    await desk.act(f"/invoices/{invoice_id}", {"number": "77", "comment": "вручную", "date": "2026-03-11"}, "PATCH")
    assert [(one.invoice_id, one.number) for one in taken(await desk.find_invoice()).matches] == [(invoice_id, "77")]
    by_number = taken(
        await desk.accounting.find_invoice(desk.permit, number="77", issued_on=date(2026, 3, 11), marker="")
    )
    assert [one.invoice_id for one in by_number.matches] == [invoice_id]


async def test_either_way_of_access(desk: AccountingDesk) -> None:
    assert taken(await desk.accounting.ping(with_key(desk))) is None
    stranger = with_key(desk, organization_id="9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10")
    outcome = await desk.accounting.ping(stranger)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "accounting_forbidden"


async def test_one_bank_operation_comes_as_its_shares_and_what_pays_nothing(desk: AccountingDesk) -> None:
    first = await desk.invoice()
    second = await desk.issued(desk.last_buyer, key="two", marker="b24:portal-42:deal:1043:invoice:1")
    shares = {first: 8_500_000, second: 1_500_000}
    made = await desk.act("/operations", {"amount_kopecks": 12_000_000, "shares": shares, "purpose": "По двум счетам"})
    page = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
    assert {(one.invoice_id, one.amount_kopecks, one.share_of) for one in page.payments} == {
        (first, 8_500_000, made["id"]),
        (second, 1_500_000, made["id"]),
        (None, 2_000_000, made["id"]),
    }
    (paid,) = taken(await desk.accounting.payments_of_invoice(desk.permit, second))
    assert (paid.amount_kopecks, paid.share_of) == (1_500_000, made["id"])


async def test_an_invoice_that_was_deleted_is_passed_over_in_the_list_of_changes(desk: AccountingDesk) -> None:
    invoice_id = await desk.invoice()
    await desk.act(f"/invoices/{invoice_id}", method="DELETE")
    page = taken(await desk.accounting.invoice_changes(desk.permit, FeedCursor(LONG_AGO)))
    assert (page.invoices, page.next) == ((), None)
