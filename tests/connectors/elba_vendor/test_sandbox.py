"""Elba's published API over real HTTP: the whole life of a bill, and every kind of fault in every kind of call."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
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
from connectors.elba_vendor.client import ElbaVendor
from connectors.ports.accounting import CounterpartyDraft, InvoiceCard, InvoiceDraft, InvoiceStatus
from connectors.ports.balances import BalanceCursor
from connectors.registry import ELBA_VENDOR
from tests.connectors.accounting_behaviour import CREATE_FAULTS, READ_FAULTS, Expected
from tests.connectors.accounting_capabilities import REFUSALS
from tests.connectors.accounting_desk import SELLER, AccountingDesk
from tests.connectors.elba_vendor.samples import MARKER, act_draft, buyer_draft, invoice_draft, lines, row
from tests.connectors.kit import FailureType
from tests.connectors.kit_sandbox import Impatient, add_fault, sandboxed
from tests.sandbox.running import Sandbox

RATES: list[tuple[str, VatMode, date]] = [
    ("none", "exempt", date(2026, 3, 10)), ("0", "standard", date(2026, 3, 10)), ("5", "usn5", date(2026, 3, 10)),
    ("10", "standard", date(2026, 3, 10)), ("20", "standard", date(2025, 3, 10)),
    ("22", "standard", date(2026, 3, 10)),
]  # fmt: skip


class Desk:
    """An account of the sandbox, a connector to it, and the accountant's hand."""

    def __init__(self, sandbox: Sandbox, http: Impatient, account: dict[str, Any]) -> None:
        self.sandbox, self.http, self.account = sandbox, http, account
        self.elba = ElbaVendor(http, Clock())
        self.permit = self.with_key(account["api_key"])

    def with_key(self, key: str, **options: str) -> Permit:
        named = {name: self.account[name] for name in ("organization_id", "bank_account_id")}
        return Permit("elba-1", self.account["api_url"], key, 10, datetime.now(UTC), named | options)

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/elba-vendor/{self.account['account']}{path}", body, method)

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        await add_fault(self.sandbox, self.http, "elba-vendor", operation, kind, **params)

    async def buyer(self) -> str:
        made = taken(await self.elba.create_counterparty(self.permit, buyer_draft(), key="buyer"))
        return str(made.counterparty_id)

    async def invoice(self) -> InvoiceCard:
        card: InvoiceCard = taken(await self.create_invoice(await self.buyer()))
        return card

    async def create_invoice(self, buyer: str) -> Outcome[InvoiceCard]:
        return await self.elba.create_invoice(self.permit, invoice_draft(buyer), key="one")

    async def state(self) -> Any:
        return await self.sandbox.state("elba-vendor", self.account["account"])

    async def documents(self) -> int:
        return len((await self.state())["invoices"])


def taken(outcome: Outcome[Any]) -> Any:
    assert isinstance(outcome, Ok), outcome
    return outcome.value


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control("/elba-vendor/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
        yield Desk(sandbox, http, account)


async def test_the_whole_life_of_a_bill(desk: Desk) -> None:
    assert taken(await desk.elba.ping(desk.permit)) is None
    assert taken(await desk.elba.find_counterparty(desk.permit, "7709123453")) == ()
    card = await desk.invoice()
    buyers = taken(await desk.elba.find_counterparty(desk.permit, "7709123453"))
    assert [(one.counterparty_id, one.kpp) for one in buyers] == [(card.counterparty_id, "770901001")]
    assert (card.number, card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == ("1", 8_500_000, 0, 0)
    assert card.comment.endswith(MARKER)
    assert card.url.startswith("http")
    assert (await desk.sandbox.client.get(card.url)).status_code == 200
    assert taken(await desk.elba.invoice_link(desk.permit, card.invoice_id)) == card.url
    act = taken(await desk.elba.create_act(desk.permit, act_draft(card.counterparty_id), key="act"))
    held = (await desk.state())["acts"][act.act_id]
    assert (held["number"], held["sum_kopecks"]) == (act.number, act.total_kopecks) == ("B24-1042", 8_500_000)


@pytest.mark.parametrize("by_place", [False, True])
async def test_money_is_told_by_news_however_an_offset_is_read(desk: Desk, by_place: bool) -> None:
    await desk.act("/switches", {"news_by_place": by_place})
    taken(await desk.elba.subscribe_to_balances(desk.permit))
    taken(await desk.elba.subscribe_to_balances(desk.permit))
    card = await desk.invoice()
    empty = taken(await desk.elba.balances_changed(desk.permit, BalanceCursor()))
    assert (empty.facts, empty.cursor.reading) == ((), "")
    paid = await desk.act("/payments", {"invoice": card.invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": card.invoice_id})
    page = taken(await desk.elba.balances_changed(desk.permit, empty.cursor))
    assert [(one.paid_kopecks, one.status) for one in page.facts] == [
        (4_000_000, InvoiceStatus.PARTIALLY_PAID),
        (8_500_000, InvoiceStatus.PAID),
    ]
    assert page.cursor.reading == ("place" if by_place else "id")
    assert taken(await desk.elba.balances_changed(desk.permit, page.cursor)).facts == ()
    await desk.act(f"/payments/{paid['id']}/remove", {})
    later = taken(await desk.elba.balances_changed(desk.permit, page.cursor))
    assert [one.paid_kopecks for one in later.facts] == [4_500_000]
    assert {one.invoice_id for one in later.facts} == {card.invoice_id}


async def test_a_cursor_of_the_other_reading_is_noticed(desk: Desk) -> None:
    taken(await desk.elba.subscribe_to_balances(desk.permit))
    card = await desk.invoice()
    await desk.act("/payments", {"invoice": card.invoice_id, "amount_kopecks": 100})
    await desk.act("/payments", {"invoice": card.invoice_id, "amount_kopecks": 100})
    page = taken(await desk.elba.balances_changed(desk.permit, BalanceCursor()))
    await desk.act("/switches", {"news_by_place": True})
    noticed = taken(await desk.elba.balances_changed(desk.permit, page.cursor))
    assert (noticed.facts, noticed.cursor, noticed.more) == ((), BalanceCursor(), True)
    again = taken(await desk.elba.balances_changed(desk.permit, noticed.cursor))
    assert (again.facts, again.cursor.reading) == (page.facts, "place")


@pytest.mark.parametrize(("rate", "mode", "on"), RATES)
async def test_sums_are_the_services_own_to_the_kopeck(desk: Desk, rate: str, mode: VatMode, on: date) -> None:
    buyer = await desk.buyer()
    rows = [row("33.33", "3", rate=rate), row("0.07", "1.5", rate=rate), row("10.55", "100", rate=rate)]
    if mode != "exempt":
        rows += [row("10.55", "100", rate=rate, included=False), row("10.55", "33.3", rate=rate, included=False)]
    made = lines(*rows, vat_mode=mode, on=on)
    card = taken(await desk.elba.create_invoice(desk.permit, InvoiceDraft(on, None, buyer, made, "", MARKER), key="k"))
    assert card.total_kopecks == totals(made).amount_kopecks
    assert card.vat_kopecks is not None
    assert abs(card.vat_kopecks - totals(made).vat_kopecks) <= len(card.lines)


async def test_seven_percent_never_leaves(desk: Desk) -> None:
    buyer = await desk.buyer()
    draft = InvoiceDraft(date(2026, 3, 10), None, buyer, lines(row(rate="7"), vat_mode="usn7"), "", MARKER)
    outcome = await desk.elba.create_invoice(desk.permit, draft, key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "vat_rate_not_supported"
    assert await desk.documents() == 0


async def test_long_texts_quotes_and_emoji_come_back_as_they_went(desk: Desk) -> None:
    buyer = await desk.buyer()
    name = '«Ёлка "Люкс"» 🎄 <b>&amp;</b> ' * 20
    source = type(row())(name, Decimal(2), Decimal(100), Decimal(100), "none", True, unit_name="шт")
    draft = InvoiceDraft(date(2026, 3, 10), None, buyer, lines(source), "Две\nстроки 🎄 " * 2_000, MARKER)
    card = taken(await desk.elba.create_invoice(desk.permit, draft, key="long"))
    assert card.lines[0].name == name.strip()
    assert card.comment.endswith(MARKER)
    assert len(card.comment) == 10_000


async def test_buyers_of_all_kinds(desk: Desk) -> None:
    person = CounterpartyDraft("person", "Лапина Ирина", email="irina@lapina.example")
    namesake = CounterpartyDraft("person", "Лапина Ирина", email="other@lapina.example")
    sole = CounterpartyDraft("entrepreneur", "ИП Лапин Пётр", inn="500100732259", email="p@lapin.example")
    made = taken(await desk.elba.create_counterparty(desk.permit, person, key="p"))
    taken(await desk.elba.create_counterparty(desk.permit, namesake, key="n"))
    taken(await desk.elba.create_counterparty(desk.permit, sole, key="s"))
    found = taken(await desk.elba.find_person(desk.permit, "Лапина Ирина", "irina@lapina.example"))
    assert [one.counterparty_id for one in found] == [made.counterparty_id]
    assert [one.kind for one in taken(await desk.elba.find_counterparty(desk.permit, "500100732259"))] == [
        "entrepreneur"
    ]


async def test_a_second_record_of_one_inn_and_kpp_is_refused(desk: Desk) -> None:
    await desk.buyer()
    outcome = await desk.elba.create_counterparty(desk.permit, buyer_draft(), key="again")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "already_exists"


async def test_a_search_that_becomes_a_task(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.sandbox.control("/clock", {"rate": 20})
    desk.elba = ElbaVendor(desk.http, Clock(rate=20))
    await desk.act("/switches", {"search_looks": 3})
    found = taken(await desk.elba.find_counterparty(desk.permit, "7709123453"))
    assert [one.counterparty_id for one in found] == [buyer]
    await desk.act("/switches", {"search_looks": 1_000})
    waiting = await desk.elba.find_counterparty(desk.permit, "7709123453")
    assert isinstance(waiting, Deferred)
    assert waiting.problem.code == "search_running"
    await desk.act("/switches", {"search_looks": 1, "search_fails": True})
    assert isinstance(await desk.elba.find_counterparty(desk.permit, "7709123453"), Retryable)


async def test_a_link_without_images_of_stamp_and_signature(desk: Desk) -> None:
    await desk.act("/switches", {"no_signatures": True})
    assert (await desk.invoice()).url.startswith("http")


@pytest.mark.parametrize("path", ["cancel", ""])
async def test_a_rejected_or_deleted_bill_is_seen_in_its_card(desk: Desk, path: str) -> None:
    card = await desk.invoice()
    if path:
        await desk.act(f"/invoices/{card.invoice_id}/cancel")
        assert taken(await desk.elba.read_invoice(desk.permit, card.invoice_id)).status is InvoiceStatus.CANCELLED
    else:
        await desk.act(f"/invoices/{card.invoice_id}", method="DELETE")
        gone = await desk.elba.read_invoice(desk.permit, card.invoice_id)
        assert isinstance(gone, Rejected)
        assert gone.problem.code == "document_not_found"


@pytest.mark.parametrize(
    ("status", "problem"), [(401, "credentials_refused"), (402, "accounting_tariff"), (403, "accounting_forbidden")]
)
async def test_an_account_that_is_closed_to_us(desk: Desk, status: int, problem: str) -> None:
    await desk.act("/dials", {"refuse_status": status})
    outcome = await desk.elba.ping(desk.permit)
    assert isinstance(outcome, Retryable)
    assert (outcome.problem.code, outcome.outage) == (problem, True)


async def test_a_wrong_key_and_a_strange_organisation(desk: Desk) -> None:
    revoked = await desk.elba.ping(desk.with_key("5f0c2a77-1b1e-4d0e-9a0b-7f2f6e5f9c11"))
    assert isinstance(revoked, Retryable)
    assert revoked.problem.code == "credentials_refused"
    stranger = desk.with_key(desk.account["api_key"], organization_id="9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10")
    for outcome in (await desk.elba.ping(stranger), await desk.elba.find_counterparty(stranger, "7709123453")):
        assert isinstance(outcome, Retryable)
        assert outcome.problem.code == "accounting_forbidden"


async def test_a_kopeck_of_difference_is_seen_in_the_card(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.create", "kopeck_off", kopecks=1)
    assert taken(await desk.create_invoice(buyer)).total_kopecks == 8_500_001


# What is written is not seen at once: then the bill exists, and its number is not known.
BILL_FAULTS: list[tuple[str, dict[str, Any], Expected, int]] = [
    *[one for one in CREATE_FAULTS if one[0] != "read_lag"],
    ("read_lag", {}, Uncertain, 1),
    ("field_missing", {"field": "id"}, Uncertain, 1),
    ("field_retyped", {"field": "id", "value": {"a": 1}}, Uncertain, 1),
]


@pytest.mark.parametrize(("kind", "params", "expected", "documents"), BILL_FAULTS)
async def test_a_creation_meets_every_fault(
    desk: Desk, kind: str, params: dict[str, Any], expected: Expected, documents: int
) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.create", kind, **params)
    outcome = await desk.create_invoice(buyer)
    assert isinstance(outcome, expected), outcome
    assert await desk.documents() == documents


@pytest.mark.parametrize(("kind", "params", "expected"), [one for one in READ_FAULTS if "items" not in str(one)])
@pytest.mark.parametrize("operation", ["counterparty.find", "balance.list"])
async def test_a_read_that_meets_a_fault_is_no_absence(
    desk: Desk, operation: str, kind: str, params: dict[str, Any], expected: FailureType
) -> None:
    await desk.fault(operation, kind, **params)
    if operation == "balance.list":
        outcome: Outcome[Any] = await desk.elba.balances_changed(desk.permit, BalanceCursor())
    else:
        outcome = await desk.elba.find_counterparty(desk.permit, "7709123453")
    assert isinstance(outcome, expected), outcome


@pytest.mark.parametrize("kind", ["html_200", "empty", "truncated", "reset", "timeout_after", "error_after"])
async def test_a_bill_is_read_back_past_one_fault(desk: Desk, kind: str) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.get", kind)
    desk.http.total_seconds = 20.0 if kind != "timeout_after" else 0.4
    card = taken(await desk.create_invoice(buyer))
    assert (card.number, await desk.documents()) == ("1", 1)


async def test_the_limit_is_no_failure(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        account = await sandbox.control(
            "/elba-vendor/accounts",
            {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"limit_burst": 1, "limit_per_second": 0.01}},
        )
        desk = Desk(sandbox, http, account)
        outcomes = [await desk.elba.ping(desk.permit) for _ in range(3)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].problem.code == "vendor_limit"


async def test_what_the_vendor_cannot_do_is_refused(tmp_path: Path) -> None:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control("/elba-vendor/accounts", SELLER)
        desk = AccountingDesk(sandbox, http, account, ELBA_VENDOR, name="elba-vendor", token="api_key")
        for capability in set(REFUSALS) - ELBA_VENDOR.capabilities:
            outcome = await REFUSALS[capability](desk)
            assert isinstance(outcome, Rejected), capability
            assert outcome.problem.code == "capability_missing"
