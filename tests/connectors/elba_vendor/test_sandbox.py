"""Elba's published API over real HTTP: the whole life of a bill, news of money, and what it alone does."""

from datetime import date
from decimal import Decimal

import pytest

from chassis.clock import Clock
from chassis.outcomes import Deferred, Rejected, Retryable
from connectors.elba_vendor.client import ElbaVendor
from connectors.ports.accounting import InvoiceCard, InvoiceDraft, InvoiceStatus
from connectors.ports.balances import BalanceCursor
from tests.connectors.accounting.desk import taken
from tests.connectors.elba_vendor.desk import Desk
from tests.connectors.elba_vendor.samples import MARKER, act_draft, lines, row


async def bill(desk: Desk) -> InvoiceCard:
    """A bill of a new buyer, as its creation told it."""
    card: InvoiceCard = taken(await desk.create_invoice(await desk.buyer()))
    return card


async def test_the_whole_life_of_a_bill(desk: Desk) -> None:
    assert taken(await desk.accounting.ping(desk.permit)) is None
    assert taken(await desk.accounting.find_counterparty(desk.permit, "7709123453")) == ()
    card = await bill(desk)
    buyers = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
    assert [(one.counterparty_id, one.kpp) for one in buyers] == [(card.counterparty_id, "770901001")]
    assert (card.number, card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == ("1", 8_500_000, 0, 0)
    assert card.comment.endswith(MARKER)
    assert card.url.startswith("http")
    assert (await desk.sandbox.client.get(card.url)).status_code == 200
    assert taken(await ElbaVendor(desk.http, Clock()).invoice_link(desk.permit, card.invoice_id)) == card.url
    act = taken(await desk.accounting.create_act(desk.permit, act_draft(card.counterparty_id), key="act"))
    held = (await desk.state())["acts"][act.act_id]
    assert (held["number"], held["sum_kopecks"]) == (act.number, act.total_kopecks) == ("B24-1042", 8_500_000)


@pytest.mark.parametrize("by_place", [False, True])
async def test_money_is_told_by_news_however_an_offset_is_read(desk: Desk, by_place: bool) -> None:
    await desk.act("/switches", {"news_by_place": by_place})
    taken(await desk.accounting.subscribe_to_balances(desk.permit))
    taken(await desk.accounting.subscribe_to_balances(desk.permit))
    card = await bill(desk)
    empty = taken(await desk.accounting.balances_changed(desk.permit, BalanceCursor()))
    assert (empty.facts, empty.cursor.reading) == ((), "")
    paid = await desk.act("/payments", {"invoice": card.invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": card.invoice_id})
    page = taken(await desk.accounting.balances_changed(desk.permit, empty.cursor))
    assert [(one.paid_kopecks, one.status) for one in page.facts] == [
        (4_000_000, InvoiceStatus.PARTIALLY_PAID),
        (8_500_000, InvoiceStatus.PAID),
    ]
    assert page.cursor.reading == ("place" if by_place else "id")
    assert taken(await desk.accounting.balances_changed(desk.permit, page.cursor)).facts == ()
    await desk.act(f"/payments/{paid['id']}/remove", {})
    later = taken(await desk.accounting.balances_changed(desk.permit, page.cursor))
    assert [one.paid_kopecks for one in later.facts] == [4_500_000]
    assert {one.invoice_id for one in later.facts} == {card.invoice_id}


async def test_a_cursor_of_the_other_reading_is_noticed(desk: Desk) -> None:
    taken(await desk.accounting.subscribe_to_balances(desk.permit))
    card = await bill(desk)
    await desk.act("/payments", {"invoice": card.invoice_id, "amount_kopecks": 100})
    await desk.act("/payments", {"invoice": card.invoice_id, "amount_kopecks": 100})
    page = taken(await desk.accounting.balances_changed(desk.permit, BalanceCursor()))
    await desk.act("/switches", {"news_by_place": True})
    noticed = taken(await desk.accounting.balances_changed(desk.permit, page.cursor))
    assert (noticed.facts, noticed.cursor, noticed.more) == ((), BalanceCursor(), True)
    again = taken(await desk.accounting.balances_changed(desk.permit, noticed.cursor))
    assert (again.facts, again.cursor.reading) == (page.facts, "place")


async def test_long_texts_quotes_and_emoji_come_back_as_they_went(desk: Desk) -> None:
    buyer = await desk.buyer()
    name = '«Ёлка "Люкс"» 🎄 <b>&amp;</b> ' * 20
    source = type(row())(name, Decimal(2), Decimal(100), Decimal(100), "none", True, unit_name="шт")
    draft = InvoiceDraft(date(2026, 3, 10), None, buyer, lines(source), "Две\nстроки 🎄 " * 2_000, MARKER)
    card = taken(await desk.accounting.create_invoice(desk.permit, draft, key="long"))
    assert card.lines[0].name == name.strip()
    assert card.comment.endswith(MARKER)
    assert len(card.comment) == 10_000


async def test_a_search_that_becomes_a_task(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.sandbox.control("/clock", {"rate": 20})
    desk.accounting = ElbaVendor(desk.http, Clock(rate=20))
    await desk.act("/switches", {"search_looks": 3})
    found = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
    assert [one.counterparty_id for one in found] == [buyer]
    await desk.act("/switches", {"search_looks": 1_000})
    waiting = await desk.accounting.find_counterparty(desk.permit, "7709123453")
    assert isinstance(waiting, Deferred)
    assert waiting.problem.code == "search_running"
    await desk.act("/switches", {"search_looks": 1, "search_fails": True})
    assert isinstance(await desk.accounting.find_counterparty(desk.permit, "7709123453"), Retryable)


async def test_a_link_without_images_of_stamp_and_signature(desk: Desk) -> None:
    await desk.act("/switches", {"no_signatures": True})
    assert (await bill(desk)).url.startswith("http")


@pytest.mark.parametrize("path", ["cancel", ""])
async def test_a_rejected_or_deleted_bill_is_seen_in_its_card(desk: Desk, path: str) -> None:
    card = await bill(desk)
    if path:
        await desk.act(f"/invoices/{card.invoice_id}/cancel")
        assert taken(await desk.accounting.read_invoice(desk.permit, card.invoice_id)).status is InvoiceStatus.CANCELLED
    else:
        await desk.act(f"/invoices/{card.invoice_id}", method="DELETE")
        gone = await desk.accounting.read_invoice(desk.permit, card.invoice_id)
        assert isinstance(gone, Rejected)
        assert gone.problem.code == "document_not_found"


async def test_the_page_of_a_rejected_bill_is_hidden_and_stays_so(desk: Desk) -> None:
    card = await bill(desk)
    await desk.act(f"/invoices/{card.invoice_id}/cancel")
    assert (await desk.sandbox.client.get(card.url)).status_code == 200, "Elba itself leaves it open"
    for _ in range(2):
        assert taken(await desk.accounting.hide_invoice(desk.permit, card.invoice_id)) is None
        assert (await desk.sandbox.client.get(card.url)).status_code == 404
    assert len((await desk.state())["links"]) == 1


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        *(("link.create", kind) for kind in ("html_200", "empty", "reset", "error_after", "error_before")),
        *(("link.update", kind) for kind in ("html_200", "error_after", "error_before", "token_expired")),
    ],
)
async def test_hiding_a_page_is_simply_asked_for_again(desk: Desk, operation: str, kind: str) -> None:
    card = await bill(desk)
    await desk.fault(operation, kind)
    assert isinstance(await desk.accounting.hide_invoice(desk.permit, card.invoice_id), Retryable)
    assert taken(await desk.accounting.hide_invoice(desk.permit, card.invoice_id)) is None
    assert (await desk.sandbox.client.get(card.url)).status_code == 404


async def test_a_bill_that_is_gone_or_had_no_link_has_nothing_to_show(desk: Desk) -> None:
    refused = {"kind": "error_before", "calls": [1, 2, 3, 4], "params": {"status": 400}}
    await desk.sandbox.control("/faults", {"vendor": "elba-vendor", "operation": "link.create", **refused})
    card = await bill(desk)
    assert card.url == ""
    assert taken(await desk.accounting.hide_invoice(desk.permit, card.invoice_id)) is None
    assert [one["published"] for one in (await desk.state())["links"].values()] == [False]
    await desk.act(f"/invoices/{card.invoice_id}", method="DELETE")
    assert isinstance(await desk.accounting.hide_invoice(desk.permit, card.invoice_id), Rejected)


async def test_a_wrong_key_and_a_strange_organisation(desk: Desk) -> None:
    revoked = await desk.accounting.ping(desk.permitted("5f0c2a77-1b1e-4d0e-9a0b-7f2f6e5f9c11"))
    assert isinstance(revoked, Retryable)
    assert revoked.problem.code == "credentials_refused"
    stranger = desk.permitted(desk.account["api_key"], organization_id="9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10")
    for outcome in (
        await desk.accounting.ping(stranger),
        await desk.accounting.find_counterparty(stranger, "7709123453"),
    ):
        assert isinstance(outcome, Retryable)
        assert outcome.problem.code == "accounting_forbidden"


# What is written is not seen at once: then the bill exists, and its number is not known.


@pytest.mark.parametrize("kind", ["html_200", "empty", "truncated", "reset", "timeout_after", "error_after"])
async def test_a_bill_is_read_back_past_one_fault(desk: Desk, kind: str) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.get", kind)
    desk.http.total_seconds = 20.0 if kind != "timeout_after" else 0.4
    card = taken(await desk.create_invoice(buyer))
    assert (card.number, await desk.documents()) == ("1", 1)
