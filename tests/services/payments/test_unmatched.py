"""Payments that accounting has tied to no invoice, from its feed to what people are told."""

from dataclasses import replace
from typing import Any

from chassis.outcomes import Ok
from chassis.work.handlers import Done
from connectors.ports.accounting import PaymentsPage
from services.payments.store import PaymentStore
from services.payments.workers import PollPayments
from tests.kit.statements import THEIR_INN
from tests.services.payments.conftest import ACCOUNT, Bank
from tests.services.payments.test_workers import ROW, Feed, elba, task
from tests.services.streams import NOW

LOOSE = replace(ROW, invoice_id=None, payer_inn=THEIR_INN)


async def polled(bank: Bank, *rows: Any) -> None:
    """One pass over the account's feed, its commands carried out."""
    feed: Any = Feed(Ok(PaymentsPage(rows, None)))
    poll = PollPayments(elba, feed, PaymentStore(bank.database), bank.clock)
    done = await poll.run(replace(task(poll_seconds=300), account=ACCOUNT))
    assert isinstance(done, Done)
    for command in done.commands:
        await bank.do(command.stream, command.body, command.command_id)


async def test_a_payment_of_a_buyer_whose_invoice_is_unpaid_is_told_once(bank: Bank) -> None:
    await bank.issue("127", 85_000_00)
    rows = (LOOSE, replace(LOOSE, payment_id="op2", payer_inn="7700000009"))
    await polled(bank, *rows)
    await polled(bank, *rows)
    assert [one["payment_id"] for one in await bank.messages("PaymentUnmatched")] == ["op1"]


async def test_a_payment_of_the_very_rest_is_told_whoever_paid(bank: Bank) -> None:
    await bank.issue("127", 30_00, buyer_inn="")
    await polled(bank, replace(LOOSE, payer_inn=""))
    assert len(await bank.messages("PaymentUnmatched")) == 1


async def test_where_nothing_is_to_be_paid_nothing_is_told(bank: Bank) -> None:
    await polled(bank, LOOSE, replace(LOOSE, payment_id="op2", updated_at=NOW))
    assert await bank.messages("PaymentUnmatched") == []
