"""Calls to Kontur.Accounting over a scripted transport: requests, every code of the catalogue, lists, payments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.http import NotSent
from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors.kontur.outcomes import TABLE
from connectors.ports.accounting import AccessToken, InvoiceDraft, TokenRequest
from connectors.ports.products import ProductDraft, UsedItem
from tests.connectors.kit import NOW, FailureType, answer
from tests.connectors.kontur.samples import (
    ACT,
    ACT_MARKER,
    BUYER,
    BUYER_ID,
    ENDPOINT,
    INVOICE,
    INVOICE_ID,
    KEYED,
    MARKER,
    OPTIONS,
    ORGANIZATION,
    PERMIT,
    PRODUCT,
    act_draft,
    buyer_draft,
    invoice_draft,
    lines,
    page,
    row,
)
from tests.connectors.kontur.scripted import LOST, error, scripted

SINCE = datetime(2026, 3, 12, tzinfo=UTC)
LISTED = Permit("kontur-1", ENDPOINT, "eyJtoken", 10, NOW, OPTIONS | {"unknown_goods": "list"})


async def _create(*answers: Any) -> Any:
    return await scripted(*answers)[0].create_invoice(PERMIT, invoice_draft(), key="key-1")


async def test_an_invoice_is_created_under_its_key_and_marker() -> None:
    client, script = scripted(answer(INVOICE, 201))
    outcome = await client.create_invoice(PERMIT, invoice_draft(), key="0c5e")
    assert isinstance(outcome, Ok)
    assert (outcome.value.invoice_id, outcome.value.number) == (INVOICE_ID, "118")
    call = script.calls[0]
    assert (call.method, call.url, call.changes) == ("POST", f"{ENDPOINT}/invoices", True)
    assert call.headers["idempotency-key"] == "0c5e"
    assert call.headers["authorization"] == "Bearer eyJtoken"
    assert call.headers["x-organization-id"] == ORGANIZATION
    assert len(call.headers["x-request-id"]) == 36
    assert call.operation == "kontur.create_invoice"
    assert script.sent()["externalId"] == MARKER
    assert "number" not in script.sent()


async def test_an_api_key_takes_the_place_of_a_token() -> None:
    client, script = scripted(answer(INVOICE))
    await client.read_invoice(KEYED, INVOICE_ID)
    headers = script.calls[0].headers
    assert headers["x-kontur-apikey"] == "the-key"
    assert not {"authorization", "x-organization-id"} & headers.keys()


@pytest.mark.parametrize("changed", [{"counterpartyId": "another"}, {"date": "2026-03-11"}, {"externalId": "x"}])
async def test_an_answer_about_another_invoice_is_uncertain(changed: dict[str, Any]) -> None:
    outcome = await _create(answer(INVOICE | changed, 201))
    assert isinstance(outcome, Uncertain)
    assert outcome.problem.code == "vendor_answer_mismatch"


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"id": "0d7d', b"[]", b"null", b'"ok"', b"{}"])
async def test_an_unreadable_success_is_uncertain(body: bytes) -> None:
    assert isinstance(await _create(answer(body, 201)), Uncertain)


CODES: list[tuple[int, str, str | None, FailureType, str]] = [
    (400, "ValidationFailed", "items[0].vatSum", Rejected, "accounting_refused"),
    (400, "InvalidInn", "inn", Rejected, "accounting_refused"),
    (401, "Unauthenticated", None, Retryable, "token_refused"),
    (402, "TariffRestriction", None, Retryable, "accounting_tariff"),
    (403, "AccessDenied", None, Retryable, "accounting_forbidden"),
    (403, "AccessDenied", "ip", Retryable, "accounting_address_not_allowed"),
    (404, "NotFound", None, Rejected, "document_not_found"),
    (409, "CounterpartyAlreadyExists", None, Rejected, "already_exists"),
    (409, "DocumentNumberTaken", None, Rejected, "already_exists"),
    (409, "InvalidState", None, Rejected, "invoice_already_paid"),
    (412, "VersionMismatch", None, Retryable, "accounting_version_stale"),
    (422, "IdempotencyConflict", None, Uncertain, "idempotency_conflict"),
    (423, "PeriodClosed", None, Rejected, "accounting_period_closed"),
    (429, "TooManyRequests", None, Deferred, "vendor_limit"),
    (500, "Internal", None, Uncertain, "vendor_fault"),
    (408, "Some", None, Uncertain, "vendor_fault"),
    (502, "Some", None, Uncertain, "vendor_fault"),
    (503, "Some", None, Uncertain, "vendor_fault"),
    (504, "Some", None, Uncertain, "vendor_fault"),
    (418, "Some", None, Uncertain, "vendor_answer_unknown"),
]


@pytest.mark.parametrize(("status", "code", "target", "kind", "problem"), CODES)
async def test_codes_of_the_catalogue(
    status: int, code: str, target: str | None, kind: FailureType, problem: str
) -> None:
    outcome = await _create(error(status, code, target))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem
    assert outcome.problem.values["text"] == (f"{target}: Отказ" if target else "Отказ")
    read = await scripted(error(status, code, target))[0].read_invoice(PERMIT, INVOICE_ID)
    assert isinstance(read, Retryable if kind is Uncertain else kind)
    assert read.problem.code == problem


@pytest.mark.parametrize("status", sorted({status for status, *_ in CODES} - {418}))
async def test_a_status_alone_says_enough(status: int) -> None:
    kind = next(kind for one, _, _, kind, _ in CODES if one == status)
    outcome = await _create(answer(b"no", status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code != "vendor_answer_unknown"


def test_every_code_of_the_table_is_of_the_catalogue() -> None:
    known = {code.lower() for _, code, *_ in CODES} | {"accessdenied@ip", "page", "buyer_gone"}
    assert {code for _, code in TABLE.rows if code is not None} <= known


async def test_a_page_in_place_of_an_answer_tells_nothing() -> None:
    assert isinstance(await _create(answer(b"\n<!DOCTYPE html>", 400)), Uncertain)
    missing = await _create(answer(b"<html>", 404))
    assert isinstance(missing, Retryable)
    assert missing.problem.code == "accounting_address_wrong"


async def test_an_error_under_a_status_of_success() -> None:
    envelope = {"statusCode": 423, "error": {"code": "PeriodClosed", "message": "Период закрыт"}}
    outcome = await _create(answer(envelope, 200))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_period_closed"
    assert isinstance(await _create(answer({"error": "broken"}, 200)), Uncertain)


async def test_a_lost_call() -> None:
    assert isinstance(await _create(LOST), Uncertain)
    assert isinstance(await _create(NotSent(Problem("no_connection"))), Retryable)


async def test_a_limit_tells_when() -> None:
    outcome = await _create(answer(b"{}", 429, {"retry-after": "30"}))
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=30)


async def test_a_rate_without_a_word_is_refused_before_anything_is_sent() -> None:
    client, script = scripted()
    made = lines(row(rate="18"), vat_mode="standard", on=datetime(2018, 3, 10, tzinfo=UTC).date())
    draft = InvoiceDraft(invoice_draft().issued_on, None, BUYER_ID, made, "", "m")
    assert isinstance(await client.create_invoice(PERMIT, draft, key="k"), Rejected)
    assert script.calls == []


async def test_goods_go_as_text_unless_the_account_takes_its_nomenclature_only() -> None:
    client, script = scripted(answer(page(PRODUCT | {"name": "Настройка CRM, час", "id": "p7"})), answer(INVOICE, 201))
    assert isinstance(await client.create_invoice(LISTED, invoice_draft(), key="k"), Ok)
    assert "products?name=" in script.calls[0].url
    assert script.sent(1)["items"][0]["productId"] == "p7"


async def test_goods_that_the_nomenclature_lacks_are_named_before_anything_is_sent() -> None:
    client, script = scripted(answer(page(PRODUCT)))
    outcome = await client.create_invoice(LISTED, invoice_draft(), key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "goods_unknown"
    assert outcome.problem.values["names"] == ["Настройка CRM, час"]
    assert outcome.problem.values["products"] == {}
    assert len(script.calls) == 1


async def test_goods_that_the_nomenclature_lacks_are_made_where_that_is_allowed() -> None:
    creating = replace(LISTED, options={**LISTED.options, "unknown_goods": "create"})
    made = PRODUCT | {"name": "Настройка CRM, час", "id": "p7"}
    del made["externalId"]
    client, script = scripted(answer(page()), answer(made, 201), answer(INVOICE, 201))
    assert isinstance(await client.create_invoice(creating, invoice_draft(), key="k"), Ok)
    assert script.calls[1].method == "POST"
    assert script.sent(1)["name"] == "Настройка CRM, час"
    assert script.sent(2)["items"][0]["productId"] == "p7"


async def test_what_was_created_is_told_with_the_invoice() -> None:
    (line,) = invoice_draft().lines
    draft = replace(invoice_draft(), lines=(replace(line, product_id="550", external_code="TBL-1"),))
    creating = replace(LISTED, options={**LISTED.options, "unknown_goods": "create"})
    made = PRODUCT | {"id": "p7", "externalId": "TBL-1"}
    client, script = scripted(*[answer(page())] * 3, answer(made, 201), answer(INVOICE, 201))
    outcome = await client.create_invoice(creating, draft, key="k")
    assert isinstance(outcome, Ok)
    assert script.sent(3)["externalId"] == "TBL-1"
    assert outcome.value.goods == (UsedItem("550", "p7", created=True),)


async def test_an_item_is_known_by_the_crms_code_and_then_by_its_name() -> None:
    (line,) = invoice_draft().lines
    draft = replace(invoice_draft(), lines=(replace(line, product_id="550"),))
    for found, number in ((PRODUCT | {"externalId": "550", "id": "p5"}, 1), (PRODUCT | {"name": line.name}, 2)):
        pages = [answer(page(found))] if number == 1 else [answer(page()), answer(page(found))]
        client, script = scripted(*pages, answer(INVOICE, 201))
        assert isinstance(await client.create_invoice(LISTED, draft, key="k"), Ok)
        assert script.sent(number)["items"][0]["productId"] == found["id"]


async def test_the_code_in_other_systems_goes_before_the_crms() -> None:
    (line,) = invoice_draft().lines
    draft = replace(invoice_draft(), lines=(replace(line, product_id="550", external_code="TBL-1"),))
    client, script = scripted(answer(page(PRODUCT | {"externalId": "TBL-1", "id": "p5"})), answer(INVOICE, 201))
    outcome = await client.create_invoice(LISTED, draft, key="k")
    assert isinstance(outcome, Ok)
    assert "externalId=TBL-1" in script.calls[0].url
    assert outcome.value.goods == (UsedItem("550", "p5"),)
    client, _ = scripted(answer(page()), answer(page()), answer(page()))
    refused = await client.create_invoice(LISTED, draft, key="k")
    assert isinstance(refused, Rejected)
    assert refused.problem.values["products"] == {"550": ""}


async def test_an_item_that_a_person_named_is_not_looked_up() -> None:
    (line,) = invoice_draft().lines
    mapped = replace(line, product_id="550", item_id="p9")
    draft = replace(invoice_draft(), lines=(mapped, replace(mapped, product_id="551", item_id="p8")))
    client, script = scripted(answer(INVOICE, 201))
    assert isinstance(await client.create_invoice(LISTED, draft, key="k"), Ok)
    assert [one["productId"] for one in script.sent(0)["items"]] == ["p9", "p8"], "lines of one name are two products"


async def test_an_item_that_a_person_named_and_that_is_not_there_is_told_as_tried() -> None:
    (line,) = invoice_draft().lines
    lines = tuple(replace(line, product_id=product, item_id=item) for product, item in (("550", "p9"), ("551", "p8")))
    refusal = error(400, "ValidationFailed", "items[1].productId")
    client, _ = scripted(refusal)
    refused = await client.create_invoice(LISTED, replace(invoice_draft(), lines=lines), key="k")
    assert isinstance(refused, Rejected)
    assert (refused.problem.code, refused.problem.values["products"]) == ("goods_unknown", {"551": "p8"})
    client, _ = scripted(refusal)
    act = await client.create_act(LISTED, replace(act_draft(), lines=lines), key="k")
    assert isinstance(act, Rejected)
    assert act.problem.values["products"] == {"551": "p8"}
    for other in (error(400, "ValidationFailed", "dueDate"), error(400, "ValidationFailed", "items[7].productId")):
        client, _ = scripted(other)
        refused = await client.create_invoice(LISTED, replace(invoice_draft(), lines=lines), key="k")
        assert isinstance(refused, Rejected)
        assert refused.problem.code == "accounting_refused"


async def test_nomenclature_by_external_code() -> None:
    client, script = scripted(answer(page(PRODUCT, PRODUCT | {"id": "p2", "externalId": "5501"})))
    outcome = await client.find_product(PERMIT, "550")
    assert isinstance(outcome, Ok)
    assert [one.product_id for one in outcome.value] == ["p1"]
    assert script.calls[0].url == f"{ENDPOINT}/products?externalId=550&limit=200"
    draft = ProductDraft("550", "Кабель", "", "006", "м", None, "22", is_service=False)
    made = await scripted(answer(PRODUCT, 201))[0].create_product(PERMIT, draft, key="k")
    assert isinstance(made, Ok)
    other = await scripted(answer(PRODUCT | {"externalId": "9"}, 201))[0].create_product(PERMIT, draft, key="k")
    assert isinstance(other, Uncertain)


async def test_a_buyer_is_searched_by_exactly_this_inn() -> None:
    strange = BUYER | {"inn": "77091234530"}
    client, script = scripted(answer(page(BUYER, following="b2")), answer(page(BUYER | {"id": "b2"}, strange)))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == [BUYER_ID, "b2"]
    assert script.calls[1].url == f"{ENDPOINT}/counterparties?inn=7709123453&limit=200&cursor=b2"
    endless = [answer(page(BUYER, following="x")) for _ in range(10)]
    lost = await scripted(*endless)[0].find_counterparty(PERMIT, "7709123453")
    assert isinstance(lost, Retryable)
    assert lost.problem.code == "lookup_incomplete"


async def test_a_buyer_that_exists_is_said_to_exist() -> None:
    refused = await scripted(error(409, "CounterpartyAlreadyExists", existingId="b"))[0].create_counterparty(
        PERMIT, buyer_draft(), key="k"
    )
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "already_exists"
    assert isinstance(await scripted(answer(BUYER, 201))[0].create_counterparty(PERMIT, buyer_draft(), key="k"), Ok)
    other = answer(BUYER | {"inn": "7707083893"}, 201)
    assert isinstance(await scripted(other)[0].create_counterparty(PERMIT, buyer_draft(), key="k"), Uncertain)


async def test_a_pdf() -> None:
    client, script = scripted(answer(b"%PDF-1.7 x"))
    outcome = await client.invoice_pdf(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert script.calls[0].url == f"{ENDPOINT}/invoices/{INVOICE_ID}/pdf?stamp=true"
    late = await scripted(answer(b"", 202, {"retry-after": "7"}))[0].act_pdf(PERMIT, "a1")
    assert isinstance(late, Deferred)
    assert (late.problem.code, late.until, late.of_account) == ("pdf_rendering", NOW + timedelta(seconds=7), False)
    moved = answer(b"", 302, {"location": "https://files.example.ru/7"})
    assert await scripted(moved, answer(b"%PDF-1.7 x"))[0].act_pdf(PERMIT, "a1") == outcome
    for body in (b"", b"<html></html>", b" %PDF-1.7"):
        broken = await scripted(answer(body))[0].invoice_pdf(PERMIT, INVOICE_ID)
        assert isinstance(broken, Retryable)
        assert broken.problem.code == "pdf_invalid"


async def test_cancelling() -> None:
    client, script = scripted(answer(INVOICE | {"status": "cancelled"}))
    assert isinstance(await client.cancel_invoice(PERMIT, INVOICE_ID, key="k"), Ok)
    assert script.calls[0].url == f"{ENDPOINT}/invoices/{INVOICE_ID}/cancel"
    assert script.calls[0].headers["idempotency-key"] == "k"


async def test_acts_are_made_and_looked_up_by_their_marker() -> None:
    client, script = scripted(answer(ACT, 201))
    assert isinstance(await client.create_act(PERMIT, act_draft(), key="k"), Ok)
    assert script.sent()["externalId"] == ACT_MARKER
    other = answer(ACT | {"counterpartyId": "x"}, 201)
    assert isinstance(await scripted(other)[0].create_act(PERMIT, act_draft(), key="k"), Uncertain)
    unnumbered = answer({name: value for name, value in ACT.items() if name != "number"}, 201)
    assert isinstance(await scripted(unnumbered)[0].create_act(PERMIT, act_draft(), key="k"), Uncertain)
    client, script = scripted(
        answer(page(ACT, ACT | {"id": "a2", "externalId": "x"})), answer(page(ACT)), answer(page())
    )
    found = await client.find_act(PERMIT, marker=ACT_MARKER, invoice_id=INVOICE_ID, since=SINCE)
    assert isinstance(found, Ok)
    assert [(one.act_id, one.form) for one in found.value] == [("a1", "act"), ("waybill:a1", "waybill")]
    assert f"acts?invoiceId={INVOICE_ID}" in script.calls[0].url
    client, script = scripted(answer(page()), answer(page()), answer(page()))
    assert await client.find_act(PERMIT, marker=ACT_MARKER, invoice_id=None, since=SINCE) == Ok(())
    assert "updatedSince=" in script.calls[0].url


@pytest.mark.parametrize(
    ("permit", "organizations", "kind"),
    [(PERMIT, [ORGANIZATION.upper()], Ok), (PERMIT, ["another"], Retryable), (KEYED, ["any"], Ok),
     (KEYED, ["one", "two"], Retryable), (PERMIT, [], Retryable)],
)  # fmt: skip
async def test_a_ping_asks_for_the_organisation(permit: Permit, organizations: list[str], kind: Any) -> None:
    client, script = scripted(answer({"items": [{"id": one} for one in organizations], "total": 1}))
    assert isinstance(await client.ping(permit), kind)
    assert script.calls[0].url == f"{ENDPOINT}/organizations?limit=200"


TOKEN = TokenRequest("https://identity.kontur.ru/connect/token", "portal-42", "s&cret=1", "accounting")


async def test_a_token() -> None:
    client, script = scripted(answer({"access_token": "eyJ", "expires_in": 3600, "token_type": "Bearer"}))
    assert await client.obtain_token(TOKEN) == Ok(AccessToken("eyJ", 3600))
    assert script.calls[0].content == (
        b"grant_type=client_credentials&client_id=portal-42&client_secret=s%26cret%3D1&scope=accounting"
    )


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(400, {"error": "invalid_client"}, Rejected), (401, {"error": "invalid_client"}, Rejected),
     (400, {"error": "invalid_scope"}, Rejected), (400, {"error": "invalid_grant"}, Rejected), (401, b"", Rejected),
     (200, {"error": "invalid_client"}, Rejected), (400, {"error": "new_one"}, Retryable),
     (500, {"error": "server_error"}, Retryable), (429, b"", Deferred), (200, b"<html>", Retryable),
     (200, {"access_token": "x", "expires_in": 0}, Retryable)],
)  # fmt: skip
async def test_a_token_that_is_refused(status: int, body: Any, kind: FailureType) -> None:
    assert isinstance(await scripted(answer(body, status))[0].obtain_token(TOKEN), kind)


async def test_ids_are_no_paths() -> None:
    client, script = scripted(answer(INVOICE))
    await client.read_invoice(PERMIT, "../token?x=1")
    assert script.calls[0].url == f"{ENDPOINT}/invoices/..%2Ftoken%3Fx%3D1"
