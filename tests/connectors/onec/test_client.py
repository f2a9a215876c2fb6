"""Calls to 1C over a scripted transport: what is asked in which order, and what becomes of each answer."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from chassis.http import Answer
from chassis.outcomes import Ok, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors.onec.client import OneC
from connectors.onec.schema import REQUIRED
from connectors.ports.accounting import InvoiceLookup, InvoiceStatus
from connectors.ports.products import UsedItem
from tests.connectors.kit import NOW, FailureType, Script, answer, clock
from tests.connectors.onec.samples import (
    ACT,
    ACT_ID,
    BUYER_ID,
    CONTRACT,
    ENDPOINT,
    INVOICE,
    INVOICE_ID,
    ITEM,
    MARKER,
    ORGANIZATION,
    PAYMENT,
    ROOT,
    act_draft,
    collection,
    error,
    invoice_draft,
)
from tests.connectors.onec.scripted import (
    CONTRACTS,
    CURRENCIES,
    ITEMS,
    LOST,
    MADE,
    NOTHING,
    ORGANIZATIONS,
    PAGE,
    PERMIT,
    PREPARED,
    UNPUBLISHED,
    asked,
    create,
    scripted,
)

SINCE = datetime(2026, 3, 12, tzinfo=UTC)


async def test_an_invoice_is_sent_when_all_that_it_refers_to_is_known() -> None:
    client, script = scripted(*PREPARED, MADE)
    outcome = await client.create_invoice(PERMIT, invoice_draft(), key="key-1")
    assert isinstance(outcome, Ok)
    assert (outcome.value.invoice_id, outcome.value.number) == (INVOICE_ID, "0000-000127")
    assert outcome.value.status is InvoiceStatus.DRAFT
    call = script.calls[-1]
    assert (call.method, call.changes, call.operation) == ("POST", True, "onec.create_invoice")
    assert unquote(call.url) == f"{ROOT}Document_СчетНаОплатуПокупателю?$format=json"
    assert base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode() == "Бухгалтер:пароль"
    assert call.headers["content-type"] == "application/json;charset=utf-8"
    body = script.sent(-1)
    assert (body["Posted"], body["Контрагент_Key"], "Number" in body) == (False, BUYER_ID, False)
    assert not any(one.changes for one in script.calls[:-1])


async def test_our_side_is_read_once_an_hour_and_what_a_buyer_needs_every_ten_minutes() -> None:
    at, script = clock(), Script(*PREPARED, MADE, MADE, CONTRACTS, ITEMS, MADE, *PREPARED, MADE)
    client = OneC(script, at)
    for passed, calls in ((0, 5), (599, 6), (1, 9), (3_000, 14)):
        at.advance(passed)
        assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Ok)
        assert len(script.calls) == calls


async def test_what_a_refused_document_named_is_looked_for_anew() -> None:
    refused = answer(error("-1", "Контрагент помечен на удаление"), 500)
    client, script = scripted(*PREPARED, MADE, refused, *PREPARED, MADE)
    outcomes = [await client.create_invoice(PERMIT, invoice_draft(), key="k") for _ in range(3)]
    assert [type(one) for one in outcomes] == [Ok, Rejected, Ok]
    assert len(script.calls) == 11


async def test_an_unknown_item_is_looked_for_each_time() -> None:
    client, _ = scripted(ORGANIZATIONS, CURRENCIES, CONTRACTS, NOTHING, ITEMS, MADE)
    permit = replace(PERMIT, options={**PERMIT.options, "unknown_goods": "list"})
    first = await client.create_invoice(permit, invoice_draft(), key="k")
    assert isinstance(first, Rejected)
    assert first.problem.code == "goods_unknown"
    assert isinstance(await client.create_invoice(permit, invoice_draft(), key="k"), Ok)


async def test_a_term_goes_into_the_register_and_an_invoice_stands_without_it() -> None:
    draft = invoice_draft(due_on=date(2026, 3, 13))
    client, script = scripted(*PREPARED, MADE, answer({"СрокОплаты": "2026-03-13T00:00:00"}, 201))
    outcome = await client.create_invoice(PERMIT, draft, key="k")
    assert isinstance(outcome, Ok)
    assert outcome.value.due_on == date(2026, 3, 13)
    assert script.sent(-1)["СрокОплаты"] == "2026-03-13T00:00:00"
    outcome = await scripted(*PREPARED, MADE, UNPUBLISHED)[0].create_invoice(PERMIT, draft, key="k")
    assert isinstance(outcome, Ok)
    assert outcome.value.due_on is None


@pytest.mark.parametrize("failing", range(4))
async def test_a_document_is_not_sent_while_something_it_needs_is_unknown(failing: int) -> None:
    answers = [*PREPARED]
    answers[failing] = answer(PAGE, 502)
    client, script = scripted(*answers[: failing + 1])
    outcome = await client.create_invoice(PERMIT, invoice_draft(), key="k")
    assert isinstance(outcome, Retryable)
    assert len(script.calls) == failing + 1


@pytest.mark.parametrize("rows", [(), ({"Ref_Key": ORGANIZATION}, {"Ref_Key": CONTRACT})])
async def test_none_or_several_organisations_are_for_the_administrator(rows: tuple[dict[str, Any], ...]) -> None:
    outcome = await scripted(answer(collection(*rows)))[0].create_invoice(PERMIT, invoice_draft(), key="k")
    assert isinstance(outcome, Retryable)
    assert (outcome.problem.code, outcome.outage) == ("accounting_organization_unclear", True)


async def test_a_missing_contract_and_unknown_goods_are_made_first() -> None:
    unit = "abababab-0000-4000-8000-000000000001"
    made_contract, made_item = answer({"Ref_Key": CONTRACT}, 201), answer({"Ref_Key": ITEM}, 201)
    units = answer(collection({"Ref_Key": unit, "Code": "356"}))
    client, script = scripted(ORGANIZATIONS, CURRENCIES, NOTHING, made_contract, NOTHING, units, made_item, MADE)
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Ok)
    contract, item, invoice = script.sent(3), script.sent(6), script.sent(7)
    assert (contract["Owner_Key"], contract["Организация_Key"], contract["ВидДоговора"]) == (
        BUYER_ID,
        ORGANIZATION,
        "СПокупателем",
    )
    assert (item["Description"], item["Услуга"], item["ЕдиницаИзмерения_Key"]) == ("Настройка CRM, час", True, unit)
    assert invoice["ДоговорКонтрагента_Key"] == CONTRACT
    assert invoice["Товары"][0]["Номенклатура"] == ITEM


async def test_unknown_goods_are_named_where_they_are_not_to_be_made() -> None:
    listing = Permit("a", ENDPOINT, "u:p", 1, NOW, {**PERMIT.options, "unknown_goods": "list"})
    client, _ = scripted(ORGANIZATIONS, CURRENCIES, CONTRACTS, NOTHING)
    outcome = await client.create_invoice(listing, invoice_draft(), key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "goods_unknown"
    assert outcome.problem.values["names"] == ["Настройка CRM, час"]


@pytest.mark.parametrize(
    ("known", "row"),
    [
        ({"external_code": ITEM}, {"Ref_Key": ITEM}),
        ({"external_code": f"{ITEM}#offer"}, {"Ref_Key": ITEM}),
        ({"external_code": "TBL-1"}, {"Ref_Key": ITEM, "Артикул": "TBL-1"}),
        ({"external_code": "TBL-1"}, {"Ref_Key": ITEM, "Code": "TBL-1"}),
        ({"item_id": ITEM, "external_code": "TBL-1"}, {"Ref_Key": ITEM}),
        ({"item_id": "00-007"}, {"Ref_Key": ITEM, "Code": "00-007"}),
    ],
)
async def test_goods_are_known_by_what_a_person_named_and_by_their_code(
    known: dict[str, Any], row: dict[str, Any]
) -> None:
    (line,) = invoice_draft().lines
    draft = replace(invoice_draft(), lines=(replace(line, product_id="550", **known),))
    other = {"Ref_Key": CONTRACT, "Description": line.name, "Услуга": True}
    found = answer(collection(other, {"Description": "Иное", "Услуга": True, **row}))
    client, script = scripted(ORGANIZATIONS, CURRENCIES, CONTRACTS, found, MADE)
    outcome = await client.create_invoice(PERMIT, draft, key="k")
    assert isinstance(outcome, Ok)
    assert script.sent(-1)["Товары"][0]["Номенклатура"] == ITEM
    assert outcome.value.goods == (UsedItem("550", ITEM),)
    assert (known.get("item_id") or known["external_code"]).partition("#")[0] in unquote(script.calls[3].url)


async def test_an_item_that_a_person_named_and_that_is_gone_is_told_as_tried() -> None:
    listing = Permit("a", ENDPOINT, "u:p", 1, NOW, {**PERMIT.options, "unknown_goods": "list"})
    (line,) = invoice_draft().lines
    draft = replace(invoice_draft(), lines=(replace(line, product_id="550", item_id=ITEM),))
    client, _ = scripted(ORGANIZATIONS, CURRENCIES, CONTRACTS, NOTHING)
    outcome = await client.create_invoice(listing, draft, key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.values["products"] == {"550": ITEM}


async def test_a_lost_contract_is_no_lost_invoice() -> None:
    client, script = scripted(ORGANIZATIONS, CURRENCIES, NOTHING, LOST)
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Retryable)
    taken = script.sent(3)["Ref_Key"]
    client, script = scripted(ORGANIZATIONS, CURRENCIES, NOTHING, answer(error("15", "есть"), 400), ITEMS, MADE)
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Ok)
    assert script.sent(-1)["ДоговорКонтрагента_Key"] == taken


async def test_a_base_that_takes_no_reference_of_ours_gives_its_own() -> None:
    refusal = answer(error("16", "Невозможно присвоить значение свойству Ref_Key"), 400)
    client, script = scripted(*PREPARED, refusal, MADE)
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Ok)
    assert ("Ref_Key" in script.sent(4), "Ref_Key" in script.sent(5)) == (True, False)
    client, script = scripted(*PREPARED, answer(error("16", "Невозможно присвоить значение свойству Дата"), 400))
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Rejected)


async def test_a_reference_that_is_taken_is_the_invoice_of_a_lost_call() -> None:
    taken = answer(error("15", "Ключ уже существует"), 400)
    outcome = await create(taken, answer(INVOICE))
    assert isinstance(outcome, Ok)
    assert outcome.value.invoice_id == INVOICE_ID
    assert isinstance(await create(taken, answer(PAGE, 502)), Uncertain)


async def test_a_reference_of_a_deleted_invoice_stands_in_nobodys_way() -> None:
    taken, deleted = answer(error("15", "Ключ уже существует"), 400), answer(INVOICE | {"DeletionMark": True})
    client, script = scripted(*PREPARED, taken, deleted, MADE)
    outcome = await client.create_invoice(PERMIT, invoice_draft(), key="k")
    assert isinstance(outcome, Ok)
    assert outcome.value.status is not InvoiceStatus.CANCELLED
    first, again = script.sent(4)["Ref_Key"], script.sent(6)["Ref_Key"]
    assert first != again
    client, script = scripted(*PREPARED, taken, deleted, taken, answer(INVOICE))
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Ok)
    assert script.sent(6)["Ref_Key"] == again, "a lost call is repeated under the same reference"
    assert isinstance(await create(taken, deleted, taken, deleted), Uncertain)


@pytest.mark.parametrize(
    "changed",
    [{"Контрагент_Key": CONTRACT}, {"Date": "2026-03-09T12:00:00"}, {"Комментарий": ""}, {"Товары": []}],
)
async def test_an_answer_about_another_invoice_is_uncertain(changed: dict[str, Any]) -> None:
    outcome = await create(answer(INVOICE | changed, 201))
    assert isinstance(outcome, Uncertain)
    assert outcome.problem.code == "vendor_answer_mismatch"


async def _find(*answers: Any, marker: str = MARKER, number: str = "") -> tuple[Any, Script]:
    client, script = scripted(*answers)
    found = await client.find_invoice(PERMIT, number=number, issued_on=date(2026, 3, 10), marker=marker)
    return found, script


async def test_a_lost_invoice_is_found_by_marker_or_by_our_reference() -> None:
    outcome, script = await _find(answer(collection(INVOICE)))
    assert isinstance(outcome, Ok)
    assert [one.invoice_id for one in outcome.value.matches] == [INVOICE_ID]
    (query,) = asked(script)
    assert "Ref_Key eq guid'" in query
    assert (
        "or (Date ge datetime'2026-01-09T00:00:00' and Date lt datetime'2026-05-09T00:00:00'"
        f" and substringof('{MARKER}', Комментарий) eq true)" in query
    )


async def test_our_reference_is_the_one_that_the_look_up_asks_for() -> None:
    client, script = scripted(*PREPARED, LOST)
    assert isinstance(await client.create_invoice(PERMIT, invoice_draft(), key="k"), Uncertain)
    _, probe = await _find(NOTHING)
    assert script.sent(-1)["Ref_Key"] in asked(probe)[0]


async def test_a_deleted_draft_is_an_answer_unless_another_one_stands() -> None:
    deleted = INVOICE | {"DeletionMark": True, "Ref_Key": ACT_ID}
    outcome, _ = await _find(answer(collection(deleted, INVOICE)))
    assert [one.invoice_id for one in outcome.value.matches] == [INVOICE_ID]
    outcome, _ = await _find(answer(collection(deleted)))
    assert [one.status for one in outcome.value.matches] == [InvoiceStatus.CANCELLED]
    outcome, _ = await _find(NOTHING)
    assert outcome == Ok(InvoiceLookup((), ()))


@pytest.mark.parametrize(("typed", "found"), [("127", True), ("0000-000127", True), ("1127", False), ("27", False)])
async def test_a_person_names_an_invoice_as_it_is_printed(typed: str, found: bool) -> None:
    outcome, _ = await _find(answer(collection(INVOICE)), marker="", number=typed)
    assert isinstance(outcome, Ok)
    assert bool(outcome.value.matches) is found


@pytest.mark.parametrize("status", [400, 404, 500, 429])
async def test_a_look_up_that_failed_is_no_absence(status: int) -> None:
    outcome, _ = await _find(answer(PAGE, status))
    assert not isinstance(outcome, Ok)


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, [], PAGE, b""])
async def test_a_collection_of_another_shape_is_no_absence(body: Any) -> None:
    outcome, _ = await _find(answer(body))
    assert isinstance(outcome, Retryable)


async def test_a_card_of_another_invoice_is_not_taken() -> None:
    outcome = await scripted(answer(INVOICE | {"Ref_Key": ACT_ID}))[0].read_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Retryable)
    outcome = await scripted()[0].read_invoice(PERMIT, "'; drop")
    assert isinstance(outcome, Rejected)


async def test_cancelling_a_draft_marks_the_version_that_was_read() -> None:
    client, script = scripted(answer(INVOICE), NOTHING, NOTHING, answer(INVOICE | {"DeletionMark": True}))
    outcome = await client.cancel_invoice(PERMIT, INVOICE_ID, key="k")
    assert isinstance(outcome, Ok)
    assert outcome.value.status is InvoiceStatus.CANCELLED
    assert (script.calls[-1].method, script.calls[-1].headers["if-match"]) == ("PATCH", INVOICE["DataVersion"])
    assert script.sent(-1) == {"DeletionMark": True}


async def test_cancelling_a_posted_invoice_takes_its_posting_back_first() -> None:
    posted, marked = INVOICE | {"Posted": True}, answer(INVOICE | {"DeletionMark": True})
    client, script = scripted(answer(posted), NOTHING, NOTHING, answer(b""), marked)
    assert isinstance(await client.cancel_invoice(PERMIT, INVOICE_ID, key="k"), Ok)
    assert script.calls[3].url.partition("?")[0].endswith(f"(guid'{INVOICE_ID}')/Unpost")
    assert (script.calls[3].changes, "if-match" in script.calls[4].headers) == (True, False)


async def test_cancelling_twice_is_once_and_a_paid_invoice_is_not_cancelled() -> None:
    client, script = scripted(answer(INVOICE | {"DeletionMark": True}))
    assert isinstance(await client.cancel_invoice(PERMIT, INVOICE_ID, key="k"), Ok)
    assert len(script.calls) == 1
    paid = answer(collection(PAYMENT))
    outcome = await scripted(answer(INVOICE), paid, NOTHING, NOTHING, NOTHING)[0].cancel_invoice(
        PERMIT, INVOICE_ID, key="k"
    )
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "invoice_already_paid"


async def test_a_release_that_answers_a_change_by_nothing_is_read_again() -> None:
    marked = answer(INVOICE | {"DeletionMark": True})
    client, _ = scripted(answer(INVOICE), NOTHING, NOTHING, Answer(204, {}, b""), marked)
    outcome = await client.cancel_invoice(PERMIT, INVOICE_ID, key="k")
    assert isinstance(outcome, Ok)
    assert outcome.value.status is InvoiceStatus.CANCELLED


@pytest.mark.parametrize("found", [answer(INVOICE), answer(PAGE, 502)])
async def test_an_invoice_that_stands_after_an_unreadable_answer_is_not_cancelled(found: Any) -> None:
    client, _ = scripted(answer(INVOICE), NOTHING, NOTHING, answer(PAGE), found)
    assert isinstance(await client.cancel_invoice(PERMIT, INVOICE_ID, key="k"), Uncertain)


async def test_an_act_needs_the_accounts_that_it_is_booked_to() -> None:
    accounts = answer(collection({"Ref_Key": CONTRACT, "Code": "62.01"}))
    client, script = scripted(ORGANIZATIONS, CURRENCIES, accounts, CONTRACTS, ITEMS, answer(ACT, 201))
    outcome = await client.create_act(PERMIT, act_draft(), key="k")
    assert isinstance(outcome, Ok)
    assert (outcome.value.act_id, outcome.value.invoice_id) == (ACT_ID, INVOICE_ID)
    assert script.sent(-1)["СчетУчетаРасчетовСКонтрагентом_Key"] == CONTRACT
    client, _ = scripted(
        ORGANIZATIONS, CURRENCIES, UNPUBLISHED, CONTRACTS, ITEMS, answer(ACT | {"Комментарий": ""}, 201)
    )
    assert isinstance(await client.create_act(PERMIT, act_draft(), key="k"), Uncertain)
    assert isinstance(await scripted(answer(ACT))[0].read_act(PERMIT, ACT_ID), Ok)


async def test_a_pdf_where_the_base_has_our_extension() -> None:
    client, script = scripted(answer(b"%PDF-1.7 x"))
    outcome = await client.invoice_pdf(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert unquote(script.calls[0].url) == (
        f"{ENDPOINT}/hs/crmgate/v1/print/Document_СчетНаОплатуПокупателю/{INVOICE_ID}?form=invoice&format=pdf"
    )


@pytest.mark.parametrize(
    ("body", "status", "kind", "problem"),
    [
        (PAGE, 404, Rejected, "capability_missing"),
        (b"", 404, Rejected, "capability_missing"),
        ({"error": {"code": "not_found", "message": "нет"}}, 404, Rejected, "document_not_found"),
        ({"error": {"code": "not_posted", "message": "не проведён"}}, 409, Rejected, "document_not_posted"),
        (b"<html></html>", 200, Retryable, "pdf_invalid"),
        (b"", 200, Retryable, "pdf_invalid"),
        (PAGE, 502, Retryable, "vendor_answer_unreadable"),
    ],
)
async def test_what_is_no_pdf(body: Any, status: int, kind: FailureType, problem: str) -> None:
    outcome = await scripted(answer(body, status))[0].act_pdf(PERMIT, ACT_ID)
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem


def _service(*names: str) -> Answer:
    return answer({"odata.metadata": f"{ROOT}$metadata", "value": [{"name": name, "url": name} for name in names]})


async def test_a_ping_looks_at_what_is_published() -> None:
    client, script = scripted(_service(*REQUIRED))
    assert await client.ping(PERMIT) == Ok(None)
    assert script.calls[0].url == f"{ROOT}?$format=json"
    outcome = await scripted(_service())[0].ping(PERMIT)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["names"] == list(REQUIRED)


async def test_a_check_reads_the_description_and_asks_for_the_organisation() -> None:
    description = (
        '<e:Edmx xmlns:e="x"><Schema xmlns="y"><EntityContainer>'
        + "".join(f'<EntitySet Name="{name}"/>' for name in REQUIRED)
        + "</EntityContainer></Schema></e:Edmx>"
    ).encode()
    client, _ = scripted(_service(*REQUIRED), answer(description), NOTHING)
    outcome = await client.check_account(PERMIT)
    assert isinstance(outcome, Ok)
    assert [one.code for one in outcome.value] == ["accounting_partly_published", "accounting_organization_unclear"]
    broken = await scripted(_service(*REQUIRED), answer(PAGE))[0].check_account(PERMIT)
    assert isinstance(broken, Retryable)
