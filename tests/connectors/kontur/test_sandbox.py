"""Kontur.Accounting over real HTTP: the whole life of an invoice, and every kind of fault in every kind of call."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.clock import Clock
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.values.lines import totals
from chassis.values.vat import VatMode
from chassis.work.handlers import Permit
from connectors.kontur.client import Kontur
from connectors.ports.accounting import (
    CounterpartyDraft,
    FeedCursor,
    InvoiceCard,
    InvoiceDraft,
    InvoiceLookup,
    InvoiceStatus,
    TokenRequest,
)
from connectors.ports.products import ProductDraft
from tests.connectors.kit_sandbox import Impatient, add_fault, sandboxed
from tests.connectors.kontur.samples import ACT_MARKER, MARKER, act_draft, buyer_draft, invoice_draft, lines, row
from tests.sandbox.running import Sandbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MODES: list[tuple[str, VatMode, date]] = [
    ("none", "exempt", date(2026, 3, 10)), ("0", "standard", date(2026, 3, 10)), ("5", "usn5", date(2026, 3, 10)),
    ("7", "usn7", date(2026, 3, 10)), ("10", "standard", date(2026, 3, 10)), ("20", "standard", date(2025, 3, 10)),
    ("22", "standard", date(2026, 3, 10)),
]  # fmt: skip


class Desk:
    """An account of the sandbox, a connector to it, and the accountant's hand."""

    def __init__(self, sandbox: Sandbox, http: Impatient, account: dict[str, Any]) -> None:
        self.sandbox, self.http, self.account = sandbox, http, account
        self.kontur = self.accounting = Kontur(http, Clock())
        self.permit = self._permit("")

    def _permit(self, token: str, **options: str) -> Permit:
        named = {"auth_mode": "oauth", "organization_id": self.account["organization_id"], **options}
        return Permit("kontur-1", self.account["api_url"], token, 10, datetime.now(UTC), named)

    async def sign_in(self) -> None:
        request = TokenRequest(self.account["token_url"], self.account["client_id"], self.account["client_secret"])
        self.permit = self._permit(taken(await self.kontur.obtain_token(request)).access_token)

    def with_key(self, **options: str) -> Permit:
        return self._permit(self.account["api_key"], auth_mode="api_key", **options)

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/kontur/{self.account['account']}{path}", body, method)

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        await add_fault(self.sandbox, self.http, "kontur", operation, kind, **params)

    async def buyer(self) -> str:
        made = taken(await self.kontur.create_counterparty(self.permit, buyer_draft(), key="buyer"))
        return str(made.counterparty_id)

    async def invoice(self, key: str = "invoice") -> str:
        buyer = await self.buyer()
        made = taken(await self.kontur.create_invoice(self.permit, invoice_draft(buyer), key=key))
        return str(made.invoice_id)

    async def create_invoice(self, buyer: str) -> Outcome[InvoiceCard]:
        return await self.accounting.create_invoice(self.permit, invoice_draft(buyer), key="one")

    async def find_invoice(self) -> Outcome[InvoiceLookup]:
        return await self.accounting.find_invoice(self.permit, number="", issued_on=date(2026, 3, 10), marker=MARKER)

    async def documents(self) -> int:
        state = await self.sandbox.state("kontur", self.account["account"])
        return len(state["invoices"])


def taken(outcome: Outcome[Any]) -> Any:
    assert isinstance(outcome, Ok), outcome
    return outcome.value


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control(
            "/kontur/accounts", {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"pdf_render_seconds": 0}}
        )
        found = Desk(sandbox, http, account)
        await found.sign_in()
        yield found


async def test_the_whole_life_of_an_invoice(desk: Desk) -> None:
    assert taken(await desk.kontur.find_counterparty(desk.permit, "7709123453")) == ()
    invoice_id = await desk.invoice()
    buyers = taken(await desk.kontur.find_counterparty(desk.permit, "7709123453"))
    assert [(one.inn, one.kpp, one.email) for one in buyers] == [("7709123453", "770901001", "buh@vector.example")]
    card = taken(await desk.kontur.read_invoice(desk.permit, invoice_id))
    assert (card.number, card.issued_on, card.due_on) == ("1", date(2026, 3, 10), date(2026, 3, 13))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, 0)
    assert card.url.startswith("http")
    lookup = taken(await desk.find_invoice())
    assert [one.invoice_id for one in lookup.matches] == [invoice_id]
    assert taken(await desk.kontur.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")

    await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": invoice_id})
    found = taken(await desk.kontur.payments_of_invoice(desk.permit, invoice_id))
    assert sorted(one.amount_kopecks for one in found) == [4_000_000, 4_500_000]
    page = taken(await desk.kontur.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
    assert set(page.payments) == set(found)
    assert page.next is None
    assert taken(await desk.kontur.read_invoice(desk.permit, invoice_id)).status is InvoiceStatus.PAID

    refused = await desk.kontur.cancel_invoice(desk.permit, invoice_id, key="cancel")
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "invoice_already_paid"
    act = taken(await desk.kontur.create_act(desk.permit, act_draft(card.counterparty_id, invoice_id), key="act"))
    assert (act.total_kopecks, act.invoice_id) == (8_500_000, invoice_id)
    found_acts = taken(
        await desk.kontur.find_act(desk.permit, marker=ACT_MARKER, invoice_id=invoice_id, since=LONG_AGO)
    )
    assert [one.act_id for one in found_acts] == [act.act_id]
    assert taken(await desk.kontur.read_act(desk.permit, act.act_id)).comment.endswith(ACT_MARKER)
    assert taken(await desk.kontur.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")
    assert taken(await desk.kontur.ping(desk.permit)) is None


@pytest.mark.parametrize(("rate", "mode", "on"), MODES)
async def test_sums_are_the_services_own_to_the_kopeck(desk: Desk, rate: str, mode: VatMode, on: date) -> None:
    buyer = await desk.buyer()
    rows = [row("33.33", "3", rate=rate), row("0.07", "1.5", rate=rate), row("10.55", "100", rate=rate)]
    if mode != "exempt":
        rows += [row("10.55", "100", rate=rate, included=False), row("10.55", "33.3", rate=rate, included=False)]
    made = lines(*rows, vat_mode=mode, on=on)
    draft = InvoiceDraft(on, None, buyer, made, "", f"[b24:{rate}:invoice:1:7c1f09aa]")
    card = taken(await desk.kontur.create_invoice(desk.permit, draft, key=rate))
    assert (card.total_kopecks, card.vat_kopecks) == (totals(made).amount_kopecks, totals(made).vat_kopecks)


async def test_long_texts_quotes_and_emoji_come_back_as_they_went(desk: Desk) -> None:
    buyer = await desk.buyer()
    name = '«Ёлка "Люкс"» 🎄 <b>&amp;</b> ' * 20
    source = row()
    made = lines(type(source)(name, Decimal(2), Decimal(100), Decimal(100), "none", True, unit_name="шт"))
    draft = InvoiceDraft(date(2026, 3, 10), None, buyer, made, "Комментарий\nв две строки 🎄 " * 100, MARKER)
    card = taken(await desk.kontur.create_invoice(desk.permit, draft, key="long"))
    assert card.lines[0].name == name.strip()
    assert card.comment == f"{draft.comment} {MARKER}".strip()


async def test_cancelling_is_seen_in_the_card(desk: Desk) -> None:
    invoice_id = await desk.invoice()
    assert taken(await desk.kontur.cancel_invoice(desk.permit, invoice_id, key="c")).status is InvoiceStatus.CANCELLED
    assert taken(await desk.kontur.cancel_invoice(desk.permit, invoice_id, key="d")).status is InvoiceStatus.CANCELLED


async def test_a_reversed_operation_and_a_refund_are_told(desk: Desk) -> None:
    invoice_id = await desk.invoice()
    paid = await desk.act("/payments", {"invoice": invoice_id})
    await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 500, "refund": True})
    refunded = taken(await desk.kontur.payments_of_invoice(desk.permit, invoice_id))
    assert sorted(one.amount_kopecks for one in refunded) == [-500, 8_500_000]
    await desk.act(f"/payments/{paid['id']}/remove", {})
    assert sorted(
        (one.amount_kopecks, one.removed)
        for one in taken(await desk.kontur.payments_changed(desk.permit, FeedCursor(LONG_AGO))).payments
    ) == [(-500, False), (8_500_000, True)]


async def test_buyers_of_all_kinds(desk: Desk) -> None:
    person = CounterpartyDraft("person", "Лапина Ирина", email="irina@lapina.example")
    sole = CounterpartyDraft("entrepreneur", "ИП Лапин Пётр", inn="500100732259", email="p@lapin.example")
    assert taken(await desk.kontur.create_counterparty(desk.permit, person, key="p")).kind == "person"
    made = taken(await desk.kontur.create_counterparty(desk.permit, sole, key="s"))
    assert (made.kind, made.inn, made.kpp) == ("entrepreneur", "500100732259", "")
    page = taken(await desk.kontur.counterparty_changes(desk.permit, FeedCursor(LONG_AGO)))
    assert {one.email for one in page.counterparties} == {"irina@lapina.example", "p@lapin.example"}


async def test_a_second_record_of_one_inn_and_kpp_is_refused(desk: Desk) -> None:
    await desk.buyer()
    outcome = await desk.kontur.create_counterparty(desk.permit, buyer_draft(), key="again")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "already_exists"


async def test_what_the_register_refreshed_comes_back(desk: Desk) -> None:
    buyer = await desk.buyer()
    fields = {"full_name": "ООО «Вектор Плюс»", "director": "Лапина Ирина Олеговна"}
    await desk.act(f"/counterparties/{buyer}/register", fields)
    page = taken(await desk.kontur.counterparty_changes(desk.permit, FeedCursor(LONG_AGO)))
    assert [(one.name, one.director, one.from_register) for one in page.counterparties] == [
        ("ООО «Вектор Плюс»", "Лапина Ирина Олеговна", True)
    ]


async def test_nomenclature_by_external_code(desk: Desk) -> None:
    buyer = await desk.buyer()
    listed = desk.with_key(unknown_goods="list")
    refused = await desk.kontur.create_invoice(listed, invoice_draft(buyer), key="one")
    assert isinstance(refused, Rejected)
    assert refused.problem.values["names"] == ["Настройка CRM, час"]
    draft = ProductDraft("550", "Настройка CRM, час", "", "356", "ч", Decimal("5000.00"), "none", is_service=True)
    made = taken(await desk.kontur.create_product(desk.permit, draft, key="p"))
    assert [one.product_id for one in taken(await desk.kontur.find_product(desk.permit, "550"))] == [made.product_id]
    assert isinstance(await desk.kontur.create_invoice(listed, invoice_draft(buyer), key="two"), Ok)


@pytest.mark.parametrize("inn", ["7709123450"])
async def test_a_refusal_carries_the_vendors_words(desk: Desk, inn: str) -> None:
    wrong = CounterpartyDraft("company", "ООО «Лотос»", inn=inn, kpp="770901001")
    outcome = await desk.kontur.create_counterparty(desk.permit, wrong, key="w")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_refused"
    assert "ИНН" in outcome.problem.values["text"]


async def test_a_closed_period_is_for_the_accountant(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.act("/switches", {"closed_until": "2026-03-31"})
    outcome = await desk.kontur.create_invoice(desk.permit, invoice_draft(buyer), key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_period_closed"


async def test_a_repeat_under_one_key_makes_one_invoice(desk: Desk) -> None:
    buyer = await desk.buyer()
    first = taken(await desk.kontur.create_invoice(desk.permit, invoice_draft(buyer), key="one"))
    again = taken(await desk.kontur.create_invoice(desk.permit, invoice_draft(buyer), key="one"))
    assert first.invoice_id == again.invoice_id
    other_draft = invoice_draft(buyer, "[b24:2:invoice:1:7c1f09aa]")
    other = await desk.kontur.create_invoice(desk.permit, other_draft, key="one")
    assert isinstance(other, Uncertain)
    assert other.problem.code == "idempotency_conflict"


async def test_an_invoice_edited_by_hand_is_found_by_its_external_id(desk: Desk) -> None:
    invoice_id = await desk.invoice()
    await desk.act(f"/invoices/{invoice_id}", {"number": "77", "comment": "вручную", "date": "2026-03-11"}, "PATCH")
    assert [(one.invoice_id, one.number) for one in taken(await desk.find_invoice()).matches] == [(invoice_id, "77")]
    by_number = taken(await desk.kontur.find_invoice(desk.permit, number="77", issued_on=date(2026, 3, 11), marker=""))
    assert [one.invoice_id for one in by_number.matches] == [invoice_id]


async def test_pages_of_operations_meet_without_a_gap(desk: Desk) -> None:
    invoice_id = await desk.invoice()
    made = {(await desk.act("/payments", {"invoice": invoice_id, "amount_kopecks": 100}))["id"] for _ in range(430)}
    seen: set[str] = set()
    cursor: FeedCursor | None = FeedCursor(LONG_AGO)
    pages = 0
    while cursor is not None:
        page = taken(await desk.kontur.payments_changed(desk.permit, cursor))
        seen |= {one.share_of for one in page.payments}
        cursor, pages = page.next, pages + 1
        if pages == 1:  # a row of the first page moves to the end between two pages
            await desk.act(f"/payments/{page.payments[0].share_of}/twice", {})
        assert pages < 20
    assert seen == made
    assert pages == 3


async def test_either_way_of_access(desk: Desk) -> None:
    assert taken(await desk.kontur.ping(desk.with_key())) is None
    stranger = desk.with_key(organization_id="9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10")
    outcome = await desk.kontur.ping(stranger)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "accounting_forbidden"
    await desk.act("/tokens", {"state": "expired", "existing": True})
    expired = await desk.kontur.ping(desk.permit)
    assert isinstance(expired, Retryable)
    assert expired.problem.code == "token_refused"
    await desk.sign_in()
    assert taken(await desk.kontur.ping(desk.permit)) is None
    request = TokenRequest(desk.account["token_url"], desk.account["client_id"], "wrong")
    assert isinstance(await desk.kontur.obtain_token(request), Rejected)


@pytest.mark.parametrize(
    ("status", "problem"), [(401, "token_refused"), (402, "accounting_tariff"), (403, "accounting_forbidden")]
)
async def test_an_account_that_is_closed_to_us(desk: Desk, status: int, problem: str) -> None:
    await desk.act("/dials", {"refuse_status": status})
    outcome = await desk.kontur.ping(desk.permit)
    assert isinstance(outcome, Retryable)
    assert (outcome.problem.code, outcome.outage) == (problem, True)


async def test_a_document_that_is_gone(desk: Desk) -> None:
    invoice_id = await desk.invoice()
    await desk.act(f"/invoices/{invoice_id}", method="DELETE")
    outcome = await desk.kontur.read_invoice(desk.permit, invoice_id)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "document_not_found"


async def test_a_slow_pdf(desk: Desk) -> None:
    await desk.act("/dials", {"pdf_render_seconds": 30})
    invoice_id = await desk.invoice()
    outcome = await desk.kontur.invoice_pdf(desk.permit, invoice_id)
    assert isinstance(outcome, Deferred)
    assert outcome.until is not None
    await desk.sandbox.advance(60)
    assert taken(await desk.kontur.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")


async def test_a_kopeck_of_difference_is_seen_in_the_card(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.create", "kopeck_off", kopecks=1)
    made = taken(await desk.kontur.create_invoice(desk.permit, invoice_draft(buyer), key="one"))
    assert taken(await desk.kontur.read_invoice(desk.permit, made.invoice_id)).total_kopecks == 8_500_001


async def test_the_limit_is_no_failure(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        account = await sandbox.control(
            "/kontur/accounts",
            {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"limit_burst": 1, "limit_per_second": 0.01}},
        )
        desk = Desk(sandbox, http, account)
        await desk.sign_in()
        outcomes = [await desk.kontur.ping(desk.permit) for _ in range(3)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].problem.code == "vendor_limit"
        assert outcomes[-1].until is not None
        assert outcomes[-1].until > datetime.now(UTC) - timedelta(seconds=5)
