"""Elba over real HTTP: the whole life of an invoice, and every kind of fault in every kind of call."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    FeedCursor,
    InvoiceStatus,
    TokenRequest,
)
from connectors.registry import ELBA_SEED
from tests.connectors.accounting_capabilities import AccountingCapabilities
from tests.connectors.accounting_desk import AccountingDesk, taken
from tests.connectors.accounting_samples import MARKER
from tests.connectors.elba.samples import act_draft, invoice_draft
from tests.connectors.kit_sandbox import Impatient, sandboxed
from tests.sandbox.running import Sandbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Desk(AccountingDesk):
    """An account of the sandbox, a connector to it, and the accountant's hand."""

    def __init__(self, sandbox: Sandbox, http: Impatient, account: dict[str, Any]) -> None:
        super().__init__(sandbox, http, account, ELBA_SEED, name="elba")
        self.elba = self.accounting


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control(
            "/elba/accounts", {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"pdf_render_seconds": 0}}
        )
        found = Desk(sandbox, http, account)
        await found.sign_in()
        yield found


async def test_the_whole_life_of_an_invoice(desk: Desk) -> None:
    assert taken(await desk.elba.find_counterparty(desk.permit, "7709123453")) == ()
    invoice_id = await desk.invoice()
    buyers = taken(await desk.elba.find_counterparty(desk.permit, "7709123453"))
    assert [(one.inn, one.kpp) for one in buyers] == [("7709123453", "770901001")]
    card = taken(await desk.elba.read_invoice(desk.permit, invoice_id))
    assert (card.number, card.issued_on, card.due_on) == ("B24-1042", date(2026, 3, 10), date(2026, 3, 13))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, 0)
    assert card.url.startswith("http")
    assert MARKER in card.comment
    lookup = taken(
        await desk.elba.find_invoice(desk.permit, number="B24-1042", issued_on=date(2026, 3, 10), marker=MARKER)
    )
    assert [one.invoice_id for one in lookup.matches] == [invoice_id]
    assert taken(await desk.elba.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")

    await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": invoice_id})
    found = taken(await desk.elba.payments_of_invoice(desk.permit, invoice_id))
    assert sorted(one.amount_kopecks for one in found) == [4_000_000, 4_500_000]
    page = taken(await desk.elba.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
    assert {one.payment_id for one in page.payments} == {one.payment_id for one in found}
    assert page.next is None
    assert taken(await desk.elba.read_invoice(desk.permit, invoice_id)).status is InvoiceStatus.PAID

    refused = await desk.elba.cancel_invoice(desk.permit, invoice_id, key="cancel")
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "invoice_already_paid"
    act = taken(await desk.elba.create_act(desk.permit, act_draft(card.counterparty_id, invoice_id), key="act"))
    assert (act.total_kopecks, act.invoice_id) == (8_500_000, invoice_id)
    assert taken(await desk.elba.read_act(desk.permit, act.act_id)).comment.endswith(MARKER)
    assert taken(await desk.elba.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")
    assert taken(await desk.elba.ping(desk.permit)) is None


async def test_a_repeat_under_one_key_makes_one_invoice(desk: Desk) -> None:
    buyer = await desk.buyer()
    first = taken(await desk.elba.create_invoice(desk.permit, invoice_draft(buyer), key="one"))
    again = taken(await desk.elba.create_invoice(desk.permit, invoice_draft(buyer), key="one"))
    assert first.invoice_id == again.invoice_id
    other = await desk.elba.create_invoice(desk.permit, invoice_draft(buyer, "B24-2"), key="one")
    assert isinstance(other, Uncertain)
    assert other.problem.code == "idempotency_conflict"


async def test_pages_of_payments_meet_without_a_gap(desk: Desk) -> None:
    invoice_id = await desk.invoice()
    made = {(await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 100}))["id"] for _ in range(230)}
    seen: set[str] = set()
    cursor: FeedCursor | None = FeedCursor(LONG_AGO)
    pages = 0
    while cursor is not None:
        if pages:  # rows move between two pages
            await desk.fault("payment.list", "paging_shift")
        page = taken(await desk.elba.payments_changed(desk.permit, cursor))
        seen |= {one.payment_id for one in page.payments}
        cursor, pages = page.next, pages + 1
        assert pages < 20
    assert seen == made


async def test_an_expired_token_asks_for_a_fresh_one(desk: Desk) -> None:
    await desk.act("/tokens", {"state": "expired", "existing": True})
    outcome = await desk.elba.ping(desk.permit)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "token_refused"
    await desk.sign_in()
    assert taken(await desk.elba.ping(desk.permit)) is None


async def test_wrong_credentials_are_refused(desk: Desk) -> None:
    outcome = await desk.elba.obtain_token(TokenRequest(desk.account["token_url"], desk.account["client_id"], "wrong"))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "credentials_refused"


async def test_a_slow_pdf(desk: Desk) -> None:
    await desk.act("/dials", {"pdf_render_seconds": 30})
    invoice_id = await desk.invoice()
    outcome = await desk.elba.invoice_pdf(desk.permit, invoice_id)
    assert isinstance(outcome, Deferred)
    assert outcome.until is not None
    await desk.sandbox.advance(60)
    assert taken(await desk.elba.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")


async def test_the_limit_is_no_failure(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        account = await sandbox.control(
            "/elba/accounts",
            {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"limit_burst": 1, "limit_per_second": 0.01}},
        )
        desk = Desk(sandbox, http, account)
        await desk.sign_in()
        outcomes = [await desk.elba.ping(desk.permit) for _ in range(3)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].problem.code == "vendor_limit"


FIELD_FAULTS: list[tuple[str, dict[str, Any], type[Uncertain] | type[Ok[Any]]]] = [
    ("field_missing", {"field": "id"}, Uncertain),
    ("field_missing", {"field": "sum"}, Uncertain),
    ("field_missing", {"field": "url"}, Ok),
    ("field_retyped", {"field": "sum"}, Ok),
    ("field_retyped", {"field": "sum", "value": {"amount": 1}}, Uncertain),
    ("field_retyped", {"field": "counterpartyId", "value": "another"}, Uncertain),
]


class TestBehaviour(AccountingCapabilities):
    """What every accounting service must do, done by Elba."""

    vendor = ELBA_SEED
    rows = "items"

    @pytest.mark.parametrize(("kind", "params", "expected"), FIELD_FAULTS)
    async def test_a_creation_whose_answer_changed_its_shape(
        self, desk: Desk, kind: str, params: dict[str, Any], expected: type[Uncertain] | type[Ok[Any]]
    ) -> None:
        buyer = await desk.buyer()
        await desk.fault("invoice.create", kind, **params)
        assert isinstance(await desk.create_invoice(buyer), expected)
        assert await desk.documents() == 1


async def test_a_kopeck_of_difference_is_seen_in_the_card(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.create", "kopeck_off", kopecks=1)
    made = taken(await desk.elba.create_invoice(desk.permit, invoice_draft(buyer), key="one"))
    assert taken(await desk.elba.read_invoice(desk.permit, made.invoice_id)).total_kopecks == 8_500_001


async def test_a_port_where_nobody_listens_is_not_sent(desk: Desk) -> None:
    away = Permit("elba-1", "http://127.0.0.1:9/api/v1", "t", 1, datetime.now(UTC))
    outcome = await desk.elba.create_invoice(away, invoice_draft(), key="k")
    assert isinstance(outcome, Retryable)
    assert outcome.outage
