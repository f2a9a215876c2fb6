"""Payments while they are switched off, or while statements do not say what is paid: none is forgotten."""

import datetime as dt

import httpx
import pytest
from starlette.applications import Starlette

from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import SeeTenant
from services.payments.api import BankApi
from services.payments.domain import bankday
from tests.kit.statements import OUR_INN, OURS, Order, statement
from tests.services.payments.bank_parts import row
from tests.services.payments.conftest import ACCOUNT, Bank, until
from tests.services.streams import TENANT

pytestmark = pytest.mark.parts

DAY = dt.date(2026, 3, 12)


async def _switch(bank: Bank, version: int, *, on: bool) -> None:
    """The tenant's file, with payments followed or not."""
    seller = {"seller_id": "main", "inn": OUR_INN, "connection": {"account": ACCOUNT}, "payments_from": "statement"}
    settings = {"timezone": "Europe/Moscow", "sellers": [seller], "steps": {"payments": on}}
    await bank.do(TENANT_STREAM, SeeTenant("active", version, settings), f"tenant:{version}")


async def _switch_on_again(bank: Bank) -> None:
    await _switch(bank, 3, on=True)
    bank.clock.advance(3_600)
    await until(bank.quiet, "all is done")


async def test_what_a_person_ties_while_payments_are_switched_off_counts_once_they_are_on(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order(purpose="Проценты", payer_inn="7709123453", amount="85000.01")]), "s1")
    (operation,) = await bank.store.operations(TENANT, ("unmatched",), 10)
    await _switch(bank, 2, on=False)
    assert (await _post(bank, operation["payment_id"], "match", number="127")).json() == {"changed": True}
    await until(bank.quiet, "nothing is to be done")
    await _switch_on_again(bank)
    assert (await bank.invoice("127"))["status"] == "overpaid"


async def test_a_day_that_was_listed_when_payments_were_switched_off_is_matched_once_they_are_on(bank: Bank) -> None:
    await _switch(bank, 1, on=False)
    await bank.issue("127", 85_000_00)
    made = dt.datetime(2026, 3, 13, 9, tzinfo=dt.UTC)
    listed = bankday.ListDay("s1", (row(),), made, complete=True, whole=True)
    await bank.do(bankday.stream_of(OURS, DAY), listed, "list:s1")
    await until(bank.quiet, "nothing is to be done")
    await _switch_on_again(bank)
    assert (await bank.invoice("127"))["status"] == "paid"


async def test_an_invoice_that_became_known_while_payments_were_switched_off_finds_its_payment(bank: Bank) -> None:
    await bank.configure()
    await bank.send(statement([Order()]), "s1")
    await _switch(bank, 2, on=False)
    await bank.issue("127", 85_000_00)
    bank.clock.advance(700)
    await until(bank.quiet, "nothing is to be done")
    await _switch_on_again(bank)
    assert (await bank.invoice("127"))["status"] == "paid"


async def test_what_statements_listed_before_they_say_what_is_paid_counts_once_they_do(bank: Bank) -> None:
    await bank.configure(payments_from=None)
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order()]), "s1")
    assert (await bank.invoice("127"))["paid_kopecks"] == 0
    await bank.configure(version=2)
    await until(bank.quiet, "all is done")
    assert (await bank.invoice("127"))["status"] == "paid"


async def test_a_payment_to_a_seller_that_the_file_did_not_have_is_found_once_it_has(bank: Bank) -> None:
    await bank.configure(inn="7709123453")
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order()]), "s1")
    (one,) = await bank.store.operations(TENANT, ("unmatched",), 10)
    assert one["reasons"] == ["seller_unknown"]
    await bank.configure(version=2)
    await until(bank.quiet, "all is done")
    assert (await bank.invoice("127"))["status"] == "paid"


async def _post(bank: Bank, payment_id: str, action: str, **body: str) -> httpx.Response:
    api = BankApi(bank.database, bank.engine, bank.store, bank.clock)
    transport = httpx.ASGITransport(app=Starlette(routes=api.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://payments") as client:
        sent = {"tenant": TENANT, "by": "Анна", **body}
        return await client.post(f"/internal/operations/{payment_id}/{action}", json=sent)
