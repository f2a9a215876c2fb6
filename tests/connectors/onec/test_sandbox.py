"""1C over real HTTP: the whole life of an invoice, and what a base may do to us."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chassis.outcomes import Rejected, Retryable
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    ActDraft,
    FeedCursor,
    InvoiceDraft,
    InvoiceStatus,
)
from tests.connectors.accounting.desk import taken
from tests.connectors.onec.desk import Desk
from tests.connectors.onec.samples import MARKER, act_draft, buyer_draft, invoice_draft, lines, row

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def written(desk: Desk) -> str:
    """An invoice that nobody has posted yet."""
    return str(taken(await desk.create_invoice(await desk.buyer())).invoice_id)


async def test_the_whole_life_of_an_invoice(desk: Desk) -> None:
    assert taken(await desk.accounting.ping(desk.permit)) is None
    assert taken(await desk.accounting.find_counterparty(desk.permit, "7709123453")) == ()
    buyer = await desk.buyer()
    (found,) = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
    assert (found.counterparty_id, found.kpp, found.email) == (buyer, "770901001", "buh@vector.example")

    draft = invoice_draft(buyer, due_on=date(2026, 3, 13))
    made = taken(await desk.accounting.create_invoice(desk.permit, draft, key="i"))
    assert (made.status, made.number, made.due_on) == (InvoiceStatus.DRAFT, "0000-000001", date(2026, 3, 13))
    await desk.act(f"/invoices/{made.invoice_id}/post")
    card = taken(await desk.accounting.read_invoice(desk.permit, made.invoice_id))
    assert (card.status, card.issued_on) == (InvoiceStatus.ISSUED, date(2026, 3, 10))
    assert (card.total_kopecks, card.vat_kopecks, card.lines[0].name) == (8_500_000, 0, "Настройка CRM, час")
    assert [one.invoice_id for one in taken(await desk.find_invoice()).matches] == [made.invoice_id]
    assert taken(await desk.accounting.invoice_pdf(desk.permit, made.invoice_id)).content.startswith(b"%PDF-")

    await desk.act("/payments", {"invoice": made.invoice_id, "amount_kopecks": 4_000_000})
    await desk.act("/payments", {"invoice": made.invoice_id})
    await desk.act("/payments", {"invoice": made.invoice_id, "amount_kopecks": 100, "refund": True})
    rows = taken(await desk.accounting.payments_of_invoice(desk.permit, made.invoice_id))
    assert sorted(one.amount_kopecks for one in rows) == [-100, 4_000_000, 4_500_000]
    assert {(one.payer_inn, one.own_account) for one in rows} == {("7709123453", rows[0].own_account)}
    assert rows[0].own_account.startswith("4070")
    page = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
    assert set(page.payments) == {*rows}
    refused = await desk.accounting.cancel_invoice(desk.permit, made.invoice_id, key="c")
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "invoice_already_paid"

    act = taken(await desk.accounting.create_act(desk.permit, act_draft(buyer, made.invoice_id), key="a"))
    assert (act.total_kopecks, act.invoice_id, act.vendor_status) == (8_500_000, made.invoice_id, "Записан")
    assert taken(await desk.accounting.read_act(desk.permit, act.act_id)).comment.endswith(MARKER)
    await desk.act(f"/acts/{act.act_id}/post")
    assert taken(await desk.accounting.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")


async def test_a_check_of_a_good_base_finds_nothing(desk: Desk) -> None:
    assert taken(await desk.accounting.check_account(desk.permit)) == ()
    assert taken(await desk.accounting.check_account(desk.opened(organization="ООО «Вектор»"))) == ()


@pytest.mark.parametrize(
    ("dials", "codes"),
    [
        ({"unpublished": "Document_РеализацияТоваровУслуг"}, ["accounting_partly_published"]),
        ({"new_rates": False}, ["accounting_vat_words_missing"]),
        ({"catalog_rates": True}, ["accounting_configuration_other"]),
    ],
)
async def test_a_check_tells_what_a_base_lacks(desk: Desk, dials: dict[str, Any], codes: list[str]) -> None:
    await desk.dial(**dials)
    assert [one.code for one in taken(await desk.accounting.check_account(desk.permit))] == codes


async def test_a_base_where_the_least_is_not_published(desk: Desk) -> None:
    await desk.dial(unpublished="Document_СчетНаОплатуПокупателю,Catalog_Номенклатура")
    outcome = await desk.accounting.ping(desk.permit)
    assert isinstance(outcome, Retryable)
    assert (outcome.problem.code, outcome.outage) == ("accounting_not_published", True)
    assert outcome.problem.values["names"] == ["Catalog_Номенклатура", "Document_СчетНаОплатуПокупателю"]


async def test_lines_of_all_kinds_to_the_kopeck(desk: Desk) -> None:
    buyer = await desk.buyer()
    made = lines(
        row("148.50", "2.5", rate="22", name="Кабель ВВГнг 3×2,5", unit="м"),
        row("556.11", "3", rate="10", name="Кофе & чай 'О''Нил' + 100%"),
        row("12500", "2", rate="22", included=False, name="Стеллаж " + "очень " * 30),
        vat_mode="standard",
    )
    draft = InvoiceDraft(date(2026, 3, 10), None, buyer, made, "", MARKER)
    card = taken(await desk.accounting.create_invoice(desk.permit, draft, key="i"))
    assert card.total_kopecks == sum(line.amount_kopecks for line in made)
    assert card.vat_kopecks == sum(line.vat_kopecks for line in made)
    assert [line.name for line in card.lines] == [line.name for line in made]
    assert [line.vat_rate for line in card.lines] == ["22", "10", "22"]
    again = InvoiceDraft(date(2026, 3, 10), None, buyer, made, "", "[b24:1043:invoice:1:7c1f09aa]")
    taken(await desk.accounting.create_invoice(desk.permit, again, key="j"))
    state = await desk.sandbox.state("onec", desk.account["account"])
    assert (len(state["products"]), len(state["contracts"])) == (3, 1)


async def test_an_older_release_keeps_items_in_a_plain_attribute(desk: Desk) -> None:
    await desk.dial(typed_items=False)
    invoice_id = await written(desk)
    await desk.act(f"/invoices/{invoice_id}/post")
    assert taken(await desk.accounting.read_invoice(desk.permit, invoice_id)).status is InvoiceStatus.ISSUED


async def test_a_rate_that_the_release_does_not_know_is_refused(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.dial(new_rates=False)
    made = lines(row(rate="22"), vat_mode="standard")
    outcome = await desk.accounting.create_invoice(
        desk.permit, InvoiceDraft(date(2026, 3, 10), None, buyer, made, "", MARKER), key="i"
    )
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_refused"
    assert "СтавкаНДС" in outcome.problem.values["text"]


async def test_an_act_of_goods_and_services(desk: Desk) -> None:
    buyer = await desk.buyer()
    made = lines(row(), row("148.50", "2", name="Кабель", unit="м"))
    act = taken(
        await desk.accounting.create_act(
            desk.opened(closing="upd"), ActDraft(date(2026, 3, 20), buyer, made, "Акт", MARKER), key="a"
        )
    )
    assert act.total_kopecks == sum(line.amount_kopecks for line in made)
    state = await desk.sandbox.state("onec", desk.account["account"])
    kept = state["acts"][act.act_id]["onec"]
    assert (kept["ВидОперации"], kept["ЭтоУниверсальныйДокумент"]) == ("ПродажаКомиссия", True)
    assert kept["Товары"][0]["СчетУчета_Key"] != kept["Товары"][0]["СчетДоходов_Key"]


async def test_a_repeat_under_our_reference_makes_one_document(desk: Desk) -> None:
    buyer = await desk.buyer()
    first = taken(await desk.create_invoice(buyer))
    assert taken(await desk.create_invoice(buyer)).invoice_id == first.invoice_id
    act = taken(await desk.accounting.create_act(desk.permit, act_draft(buyer, None), key="a"))
    assert taken(await desk.accounting.create_act(desk.permit, act_draft(buyer, None), key="b")).act_id == act.act_id
    again = await desk.accounting.create_counterparty(desk.permit, buyer_draft(), key="buyer")
    assert isinstance(again, Rejected)
    assert again.problem.code == "already_exists"


@pytest.mark.parametrize("dials", [{"client_keys": False}, {"client_keys_refused": True}])
async def test_a_base_with_references_of_its_own(desk: Desk, dials: dict[str, Any]) -> None:
    await desk.dial(**dials)
    invoice_id = await written(desk)
    assert [one.invoice_id for one in taken(await desk.find_invoice()).matches] == [invoice_id]


async def test_documents_at_once_make_one_contract_and_one_item_of_each_name(desk: Desk) -> None:
    await desk.dial(client_keys=False)
    buyer = await desk.buyer()
    first, *rest = lines(row("100", "1", name="Доставка"), row("200", "1", name="Доставка"), row())
    made = (replace(first, product_id="550"), *rest)  # one name, known in two ways
    drafts = [
        InvoiceDraft(date(2026, 3, 10), None, buyer, made, "", f"[b24:{deal}:invoice:1:7c1f09aa]")
        for deal in (1042, 1043, 1044)
    ]
    for outcome in await asyncio.gather(
        *(desk.accounting.create_invoice(desk.permit, draft, key=draft.marker) for draft in drafts)
    ):
        taken(outcome)
    state = await desk.sandbox.state("onec", desk.account["account"])
    assert (len(state["invoices"]), len(state["contracts"]), len(state["products"])) == (3, 1, 2)


async def test_a_draft_whose_comment_was_erased_is_found_by_our_reference(desk: Desk) -> None:
    invoice_id = await written(desk)
    await desk.act(f"/invoices/{invoice_id}", {"comment": "исправлено", "number": "0000-000900"}, "PATCH")
    assert [one.number for one in taken(await desk.find_invoice()).matches] == ["0000-000900"]


async def test_an_invoice_is_found_by_its_printed_number(desk: Desk) -> None:
    invoice_id = await written(desk)
    for number in ("1", "0000-000001"):
        found = taken(
            await desk.accounting.find_invoice(desk.permit, number=number, issued_on=date(2026, 3, 10), marker="")
        )
        assert [one.invoice_id for one in found.matches] == [invoice_id]


@pytest.mark.parametrize("posted", [False, True])
async def test_cancelling_marks_for_deletion(desk: Desk, posted: bool) -> None:
    invoice_id = await (desk.invoice() if posted else written(desk))
    assert (
        taken(await desk.accounting.cancel_invoice(desk.permit, invoice_id, key="c")).status is InvoiceStatus.CANCELLED
    )
    assert taken(await desk.accounting.read_invoice(desk.permit, invoice_id)).status is InvoiceStatus.CANCELLED
    state = await desk.sandbox.state("onec", desk.account["account"])
    assert state["invoices"][invoice_id]["onec"]["Posted"] is False


async def test_the_autonomous_server_leaves_cancelling_to_a_person(desk: Desk) -> None:
    invoice_id = await written(desk)
    await desk.dial(patch_forbidden=True)
    outcome = await desk.accounting.cancel_invoice(desk.permit, invoice_id, key="c")
    assert isinstance(outcome, Rejected)


async def test_a_user_who_may_not_filter_by_inn_or_see_all_rows(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.dial(inn_filter_forbidden=True, rows_hidden=True)
    (found,) = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
    assert (found.counterparty_id, found.email) == (buyer, "buh@vector.example")


@pytest.mark.parametrize(
    ("dials", "problem"),
    [
        ({"licence_free": False}, "accounting_licence_missing"),
        ({"open_to_sessions": False}, "accounting_base_closed"),
        ({"refuse_status": 403}, "accounting_forbidden"),
        ({"refuse_status": 401}, "credentials_refused"),
    ],
)
async def test_a_base_that_lets_nobody_in(desk: Desk, dials: dict[str, Any], problem: str) -> None:
    buyer = await desk.buyer()
    await desk.dial(**dials)
    for outcome in (await desk.accounting.ping(desk.permit), await desk.create_invoice(buyer)):
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == (problem, True)
    assert await desk.documents() == 0


async def test_wrong_credentials_and_a_wrong_address(desk: Desk) -> None:
    wrong = Permit("a", desk.account["odata_url"], "Обмен:не тот", 1, datetime.now(UTC))
    outcome = await desk.accounting.ping(wrong)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "credentials_refused"
    away = Permit("a", desk.account["odata_url"].replace("/onec-1/", "/onec-9/"), "u:p", 1, datetime.now(UTC))
    outcome = await desk.accounting.ping(away)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "accounting_address_wrong"


@pytest.mark.parametrize(
    ("named", "expected", "problem"),
    [
        ("lock", Retryable, "accounting_locked"),
        ("period", Rejected, "accounting_period_closed"),
        ("licence", Retryable, "accounting_licence_missing"),
        ("session", Retryable, "accounting_base_closed"),
    ],
)
async def test_refusals_of_a_base_in_its_own_words(desk: Desk, named: str, expected: type[Any], problem: str) -> None:
    buyer = await desk.buyer()
    await desk.fault("invoice.create", "error_before", **{"as": named})
    outcome = await desk.create_invoice(buyer)
    assert isinstance(outcome, expected), outcome
    assert outcome.problem.code == problem
    assert await desk.documents() == 0


async def test_a_closed_period_is_not_written_to(desk: Desk) -> None:
    buyer = await desk.buyer()
    await desk.dial(closed_until="2026-03-31")
    outcome = await desk.create_invoice(buyer)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_period_closed"


async def test_a_base_without_our_extension_prints_nothing(desk: Desk) -> None:
    invoice_id = await written(desk)
    unposted = await desk.accounting.invoice_pdf(desk.permit, invoice_id)
    assert isinstance(unposted, Rejected)
    assert unposted.problem.code == "document_not_posted"
    await desk.dial(extension=False)
    outcome = await desk.accounting.invoice_pdf(desk.permit, invoice_id)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "capability_missing"


async def test_an_invoice_that_need_not_wait_for_its_posting(desk: Desk) -> None:
    buyer = await desk.buyer()
    made = taken(await desk.accounting.create_invoice(desk.opened(mode="posted"), invoice_draft(buyer), key="i"))
    assert (made.status, made.vendor_status) == (InvoiceStatus.ISSUED, "Записан")
