"""Look-ups, pages of changes and payments of Kontur.Accounting over a scripted transport."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.outcomes import Ok, Rejected, Retryable, Uncertain
from connectors.ports.accounting import FeedCursor, InvoiceLookup
from tests.connectors.kit import answer
from tests.connectors.kontur.samples import (
    ACT,
    BUYER,
    ENDPOINT,
    INVOICE,
    INVOICE_ID,
    MARKER,
    OPERATION,
    PERMIT,
    invoice_draft,
    page,
)
from tests.connectors.kontur.scripted import LOST, error, scripted

SINCE = datetime(2026, 3, 12, tzinfo=UTC)


async def test_a_lost_invoice_is_found_by_its_marker() -> None:
    client, script = scripted(answer(page(INVOICE, INVOICE | {"id": "x", "externalId": MARKER + "1"})))
    outcome = await client.find_invoice(PERMIT, number="", issued_on=invoice_draft().issued_on, marker=MARKER)
    assert isinstance(outcome, Ok)
    assert [one.invoice_id for one in outcome.value.matches] == [INVOICE_ID]
    assert "externalId=%5Bb24" in script.calls[0].url
    by_number, script = scripted(answer(page(INVOICE, INVOICE | {"number": "1180"})))
    outcome = await by_number.find_invoice(PERMIT, number="118", issued_on=invoice_draft().issued_on, marker="")
    assert isinstance(outcome, Ok)
    assert len(outcome.value.matches) == 1
    assert "number=118&date=2026-03-10" in script.calls[0].url
    nothing = await scripted(answer(page()))[0].find_invoice(
        PERMIT, number="", issued_on=invoice_draft().issued_on, marker=MARKER
    )
    assert nothing == Ok(InvoiceLookup((), ()))


@pytest.mark.parametrize("status", [400, 404, 500, 429])
async def test_a_look_up_that_failed_is_no_absence(status: int) -> None:
    client, _ = scripted(error(status))
    found = await client.find_invoice(PERMIT, number="", issued_on=invoice_draft().issued_on, marker=MARKER)
    assert not isinstance(found, Ok)


async def test_cards_of_others_are_not_taken() -> None:
    assert isinstance(await scripted(answer(INVOICE | {"id": "x"}))[0].read_invoice(PERMIT, INVOICE_ID), Retryable)
    assert isinstance(await scripted(answer(ACT | {"id": "x"}))[0].read_act(PERMIT, "a1"), Retryable)
    assert isinstance(
        await scripted(answer(INVOICE | {"id": "x"}))[0].cancel_invoice(PERMIT, INVOICE_ID, key="k"), Uncertain
    )


async def test_pages_of_changes_follow_the_services_cursor() -> None:
    gone = {"id": "d", "deleted": True, "updatedAt": "2026-03-12T10:01:44.000Z", "version": 2}
    client, script = scripted(answer(page(OPERATION, gone, following="b2")), answer(page()))
    first = await client.payments_changed(PERMIT, FeedCursor(SINCE))
    assert isinstance(first, Ok)
    assert len(first.value.payments) == 3
    assert first.value.next == FeedCursor(SINCE, token="b2")
    second = await client.payments_changed(PERMIT, first.value.next)
    assert isinstance(second, Ok)
    assert second.value.next is None
    assert [call.url.partition("?")[2] for call in script.calls] == [
        "updatedSince=2026-03-12T00%3A00%3A00.000Z&limit=200",
        "updatedSince=2026-03-12T00%3A00%3A00.000Z&limit=200&cursor=b2",
    ]


async def test_a_place_that_is_no_longer_known_is_left_for_the_lists_beginning() -> None:
    client, script = scripted(error(400, "ValidationFailed", "cursor"), answer(page(OPERATION)))
    outcome = await client.payments_changed(PERMIT, FeedCursor(SINCE, token="old"))
    assert isinstance(outcome, Ok)
    assert len(outcome.value.payments) == 2
    assert "cursor" not in script.calls[1].url
    assert isinstance(await scripted(error(400))[0].payments_changed(PERMIT, FeedCursor(SINCE)), Rejected)


PAID = INVOICE | {"paidSum": 58407.50, "payments": [{"id": "c0a8", "date": "2026-03-12", "amount": 58407.50}]}


async def test_the_payments_of_an_invoice_come_to_its_paid_sum() -> None:
    client, script = scripted(answer(PAID), answer(page(OPERATION)))
    outcome = await client.payments_of_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert [(one.payment_id, one.amount_kopecks) for one in outcome.value] == [(f"c0a8/{INVOICE_ID}", 5_840_750)]
    assert script.calls[1].url == (f"{ENDPOINT}/bank-transactions?dateFrom=2026-03-12&dateTo=2026-03-12&limit=200")
    assert await scripted(answer(INVOICE))[0].payments_of_invoice(PERMIT, INVOICE_ID) == Ok(())


async def test_an_operation_that_is_listed_twice_is_one() -> None:
    client, _ = scripted(answer(PAID), answer(page(OPERATION, OPERATION)))
    outcome = await client.payments_of_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert [one.amount_kopecks for one in outcome.value] == [5_840_750]


@pytest.mark.parametrize(
    "answers",
    [[answer(PAID), answer(page())], [answer(PAID), LOST], [LOST], [answer(INVOICE | {"paidSum": 1})],
     [answer(PAID | {"id": "x"})], [answer(PAID | {"payments": [{"date": "?"}]})],
     [answer(PAID), answer(page(OPERATION | {"status": "reversed"}))]],
)  # fmt: skip
async def test_payments_that_do_not_come_to_the_paid_sum_are_asked_for_again(answers: list[Any]) -> None:
    assert isinstance(await scripted(*answers)[0].payments_of_invoice(PERMIT, INVOICE_ID), Retryable)


@pytest.mark.parametrize(("rows", "kopecks"), [([], 0), ([OPERATION], 5_840_750)])
async def test_what_is_listed_of_payments_that_do_not_come_to_the_paid_sum_is_said(
    rows: list[Any], kopecks: int
) -> None:
    lost = await scripted(answer(PAID | {"paidSum": 1}), answer(page(*rows)))[0].payments_of_invoice(PERMIT, INVOICE_ID)
    assert isinstance(lost, Retryable)
    assert lost.problem.values["listed_kopecks"] == kopecks


async def test_changes_of_buyers_and_invoices() -> None:
    buyers = await scripted(answer(page(BUYER)))[0].counterparty_changes(PERMIT, FeedCursor(SINCE))
    assert isinstance(buyers, Ok)
    assert [one.from_register for one in buyers.value.counterparties] == [True]
    invoices = await scripted(answer(page(INVOICE)))[0].invoice_changes(PERMIT, FeedCursor(SINCE))
    assert isinstance(invoices, Ok)
    assert [one.number for one in invoices.value.invoices] == ["118"]
