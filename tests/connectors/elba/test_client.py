"""Calls to Elba over a scripted transport: requests, outcomes, paging."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from chassis.domain import Problem
from chassis.http import NotSent, SentUnknown
from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.elba.client import PDF_BYTES_MAX, ElbaSeed
from connectors.ports.accounting import AccessToken, FeedCursor, InvoiceLookup, TokenRequest
from tests.connectors.accounting.samples import MARKER
from tests.connectors.elba.samples import (  # fmt: skip
    ACT,
    BUYER,
    BUYER_ID,
    ENDPOINT,
    INVOICE,
    INVOICE_ID,
    PAYMENT,
    act_draft,
    buyer_draft,
    invoice_draft,
)
from tests.connectors.kit import NOW, FailureType, Script, answer, clock, permit

PERMIT = permit(ENDPOINT, "eyJtoken")
LOST = SentUnknown(Problem("no_answer_in_time"))
SINCE = datetime(2026, 3, 12, tzinfo=UTC)


def _client(*answers: Any) -> tuple[ElbaSeed, Script]:
    script = Script(*answers)
    return ElbaSeed(script, clock()), script


async def _create(*answers: Any) -> Any:
    return await _client(*answers)[0].create_invoice(PERMIT, invoice_draft(), key="key-1")


async def test_an_invoice_is_created_under_its_key() -> None:
    client, script = _client(answer(INVOICE, 201))
    outcome = await client.create_invoice(PERMIT, invoice_draft(), key="0c5e")
    assert isinstance(outcome, Ok)
    assert outcome.value.invoice_id == INVOICE_ID
    call = script.calls[0]
    assert (call.method, call.url, call.changes) == ("POST", f"{ENDPOINT}/invoices", True)
    assert call.headers["idempotency-key"] == "0c5e"
    assert call.headers["authorization"] == "Bearer eyJtoken"
    assert call.operation == "elba.create_invoice"


@pytest.mark.parametrize("changed", [{"counterpartyId": "another"}, {"number": "B24-1"}, {"date": "2026-03-11"}])
async def test_an_answer_about_another_invoice_is_uncertain(changed: dict[str, Any]) -> None:
    outcome = await _create(answer(INVOICE | changed, 201))
    assert isinstance(outcome, Uncertain)
    assert outcome.problem.code == "vendor_answer_mismatch"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b'{"id": "0d7d', b"[]", b"null", b'"ok"', b"{}", orjson.dumps({**INVOICE, "sum": True}),
     orjson.dumps({name: value for name, value in INVOICE.items() if name != "id"})],
)  # fmt: skip
async def test_an_unreadable_success_is_uncertain(body: bytes) -> None:
    assert isinstance(await _create(answer(body, 201)), Uncertain)


async def test_unknown_fields_do_no_harm() -> None:
    assert isinstance(await _create(answer(INVOICE | {"someNewField": {"added": True}}, 201)), Ok)


ENVELOPE = {
    "statusCode": 400,
    "traceId": "t",
    "error": {"code": "ValidationError", "message": "Неверный ИНН", "target": "inn"},
}
WRITES = [
    (400, Rejected, "accounting_refused"),
    (401, Retryable, "token_refused"),
    (402, Retryable, "accounting_tariff"),
    (403, Retryable, "accounting_forbidden"),
    (404, Rejected, "document_not_found"),
    (408, Uncertain, "vendor_fault"),
    (409, Rejected, "already_exists"),
    (418, Uncertain, "vendor_answer_unknown"),
    (422, Uncertain, "idempotency_conflict"),
    (429, Deferred, "vendor_limit"),
    (500, Uncertain, "vendor_fault"),
    (502, Uncertain, "vendor_fault"),
    (503, Uncertain, "vendor_fault"),
    (504, Uncertain, "vendor_fault"),
    (302, Uncertain, "vendor_answer_unknown"),
]


@pytest.mark.parametrize(("status", "kind", "problem"), WRITES)
async def test_statuses_of_a_write(status: int, kind: FailureType, problem: str) -> None:
    outcome = await _create(answer(ENVELOPE | {"statusCode": status}, status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem
    assert outcome.problem.values["text"] == "inn: Неверный ИНН"


@pytest.mark.parametrize(("status", "kind", "problem"), WRITES)
async def test_statuses_of_a_read(status: int, kind: FailureType, problem: str) -> None:
    outcome = await _client(answer(b"no", status))[0].read_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Retryable if kind is Uncertain else kind)
    assert outcome.problem.code == problem
    assert outcome.problem.values["text"] == "no"


@pytest.mark.parametrize(
    ("status", "kind", "problem"),
    [(400, Uncertain, "vendor_answer_unreadable"), (401, Retryable, "token_refused"),
     (403, Retryable, "accounting_forbidden"), (404, Retryable, "accounting_address_wrong"),
     (409, Uncertain, "vendor_answer_unreadable"), (429, Deferred, "vendor_limit"),
     (502, Uncertain, "vendor_answer_unreadable")],
)  # fmt: skip
async def test_a_page_in_place_of_an_answer_tells_nothing_of_the_document(
    status: int, kind: FailureType, problem: str
) -> None:
    outcome = await _create(answer(b"\n<!DOCTYPE html><html></html>", status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem


async def test_an_error_under_a_status_of_success() -> None:
    refused = await _create(answer(ENVELOPE, 200))
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "accounting_refused"
    assert isinstance(await _create(answer(ENVELOPE | {"statusCode": 502}, 200)), Uncertain)
    assert isinstance(await _create(answer({"error": "broken"}, 200)), Uncertain)


async def test_a_limit_tells_when() -> None:
    outcome = await _create(answer(ENVELOPE, 429, {"retry-after": "30"}))
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=30)
    outcome = await _create(answer(ENVELOPE, 429))
    assert isinstance(outcome, Deferred)
    assert outcome.until is None


async def test_a_lost_call() -> None:
    assert isinstance(await _create(LOST), Uncertain)
    assert isinstance(await _create(NotSent(Problem("no_connection"))), Retryable)
    read = await _client(LOST)[0].read_invoice(PERMIT, INVOICE_ID)
    assert read == Retryable(LOST.problem, outage=True)


async def test_a_buyer_is_searched_by_exactly_this_inn() -> None:
    client, script = _client(answer([BUYER, BUYER | {"id": "b2", "kpp": "771001001"}, BUYER | {"inn": "77091234530"}]))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == [BUYER_ID, "b2"]
    assert script.calls[0].url == f"{ENDPOINT}/counterparties?inn=7709123453"
    assert not script.calls[0].changes
    assert await _client(answer({"items": [], "total": 0}))[0].find_counterparty(PERMIT, "7709123453") == Ok(())


async def test_a_buyer_that_exists_is_said_to_exist() -> None:
    outcome = await _client(answer(ENVELOPE, 409))[0].create_counterparty(PERMIT, buyer_draft(), key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "already_exists"
    assert isinstance(
        await _client(answer(BUYER | {"inn": "7707083893"}, 201))[0].create_counterparty(
            PERMIT, buyer_draft(), key="k"
        ),
        Uncertain,
    )
    assert isinstance(await _client(answer(BUYER, 201))[0].create_counterparty(PERMIT, buyer_draft(), key="k"), Ok)


async def test_of_a_buyer_that_was_made_its_id_is_told_at_least() -> None:
    outcome = await _client(answer({"id": BUYER_ID}, 201))[0].create_counterparty(PERMIT, buyer_draft(), key="k")
    assert isinstance(outcome, Ok)
    assert (outcome.value.counterparty_id, outcome.value.inn) == (BUYER_ID, buyer_draft().inn)


async def _find(*answers: Any, since: datetime | None = None) -> tuple[Any, Script]:
    client, script = _client(*answers)
    draft = invoice_draft()
    outcome = await client.find_invoice(
        PERMIT, number="B24-1042", issued_on=draft.issued_on, marker=MARKER, since=since
    )
    return outcome, script


async def test_a_lost_invoice_is_found_by_number_date_and_marker() -> None:
    stranger = INVOICE | {"id": "x", "comment": "вручную"}
    other_day = INVOICE | {"id": "y", "date": "2026-03-11"}
    outcome, script = await _find(answer({"items": [INVOICE, stranger, other_day], "total": 3}))
    assert isinstance(outcome, Ok)
    assert [one.invoice_id for one in outcome.value.matches] == [INVOICE_ID]
    assert [one.invoice_id for one in outcome.value.others] == ["x"]
    assert script.calls[0].url == f"{ENDPOINT}/invoices?number=B24-1042&date=2026-03-10"


async def test_an_invoice_whose_number_was_edited_is_found_among_the_changes() -> None:
    outcome, script = await _find(answer([]), answer({"items": [INVOICE | {"number": "77"}], "total": 1}), since=SINCE)
    assert isinstance(outcome, Ok)
    assert [one.number for one in outcome.value.matches] == ["77"]
    assert script.calls[1].url == f"{ENDPOINT}/invoices?updatedSince=2026-03-12T00%3A00%3A00Z&offset=0&limit=100"


async def test_an_invoice_that_is_nowhere() -> None:
    outcome, _ = await _find(answer([]))
    assert outcome == Ok(InvoiceLookup((), ()))


@pytest.mark.parametrize("status", [400, 404, 500, 429])
async def test_a_look_up_that_failed_is_no_absence(status: int) -> None:
    outcome, _ = await _find(answer(ENVELOPE, status))
    assert not isinstance(outcome, Ok)


async def test_a_card_of_another_invoice_is_not_taken() -> None:
    outcome = await _client(answer(INVOICE | {"id": "other"}))[0].read_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Retryable)


async def test_a_pdf() -> None:
    client, script = _client(answer(b"%PDF-1.7 x"))
    outcome = await client.invoice_pdf(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert outcome.value.content == b"%PDF-1.7 x"
    assert script.calls[0].url == f"{ENDPOINT}/invoices/{INVOICE_ID}/pdf"
    assert script.calls[0].answer_bytes_max == PDF_BYTES_MAX


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "7"}, 7), ({}, 2), ({"retry-after": "soon"}, 2)])
async def test_a_pdf_that_is_being_rendered(headers: dict[str, str], seconds: int) -> None:
    outcome = await _client(answer(b"", 202, headers))[0].act_pdf(PERMIT, "a1")
    assert isinstance(outcome, Deferred)
    assert (outcome.problem.code, outcome.until, outcome.of_account) == (
        "pdf_rendering",
        NOW + timedelta(seconds=seconds),
        False,
    )


@pytest.mark.parametrize("body", [b"", b"<html></html>", b" %PDF-1.7", b'{"id": 1}'])
async def test_what_is_no_pdf(body: bytes) -> None:
    outcome = await _client(answer(body))[0].invoice_pdf(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "pdf_invalid"
    assert not outcome.outage


async def test_cancelling() -> None:
    client, script = _client(answer(INVOICE | {"status": "Cancelled"}))
    outcome = await client.cancel_invoice(PERMIT, INVOICE_ID, key="k")
    assert isinstance(outcome, Ok)
    assert script.calls[0].url == f"{ENDPOINT}/invoices/{INVOICE_ID}/cancel"
    paid = {"statusCode": 409, "error": {"code": "InvoiceAlreadyPaid", "message": "Счёт оплачен"}}
    outcome = await _client(answer(paid, 409))[0].cancel_invoice(PERMIT, INVOICE_ID, key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "invoice_already_paid"


def _payments(count: int, start: int = 0, at: str = "2026-03-12T10:00:{:02d}Z") -> dict[str, Any]:
    rows = [PAYMENT | {"id": f"p{start + number}", "updatedAt": at.format(number // 2)} for number in range(count)]
    return {"items": rows, "total": 500}


async def test_pages_of_payments_meet_at_a_moment() -> None:
    client, script = _client(answer(_payments(100)))
    outcome = await client.payments_changed(PERMIT, FeedCursor(SINCE))
    assert isinstance(outcome, Ok)
    assert len(outcome.value.payments) == 100
    assert outcome.value.next == FeedCursor(datetime(2026, 3, 12, 10, 0, 49, tzinfo=UTC), 0)
    assert "updatedSince=2026-03-12T00%3A00%3A00Z&offset=0&limit=100" in script.calls[0].url


async def test_a_full_page_of_one_moment_moves_the_offset() -> None:
    moment = datetime(2026, 3, 12, 10, 0, 0, tzinfo=UTC)
    client, _ = _client(answer(_payments(100, at="2026-03-12T10:00:00Z")))
    outcome = await client.payments_changed(PERMIT, FeedCursor(moment, 100))
    assert isinstance(outcome, Ok)
    assert outcome.value.next == FeedCursor(moment, 190)


async def test_pages_of_rows_in_no_order_of_time_go_on_by_their_places() -> None:
    """Past the last row's moment lies another part of them."""
    listed = _payments(100)["items"]
    client, _ = _client(answer([*listed[50:], *listed[:50]]))
    outcome = await client.payments_changed(PERMIT, FeedCursor(SINCE))
    assert isinstance(outcome, Ok)
    assert outcome.value.next == FeedCursor(SINCE, 90)


async def test_the_last_page_has_no_next() -> None:
    client, _ = _client(answer(_payments(3)["items"]))
    outcome = await client.payments_changed(PERMIT, FeedCursor(SINCE))
    assert isinstance(outcome, Ok)
    assert outcome.value.next is None


async def test_payments_of_one_invoice() -> None:
    client, _ = _client(answer([PAYMENT, PAYMENT | {"id": "2"}]))
    outcome = await client.payments_of_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert len(outcome.value) == 2
    assert isinstance(
        await _client(answer([PAYMENT | {"invoiceId": "x"}]))[0].payments_of_invoice(PERMIT, INVOICE_ID), Retryable
    )


async def test_an_act() -> None:
    outcome = await _client(answer(ACT, 201))[0].create_act(PERMIT, act_draft(), key="k")
    assert isinstance(outcome, Ok)
    assert isinstance(
        await _client(answer(ACT | {"counterpartyId": "x"}, 201))[0].create_act(PERMIT, act_draft(), key="k"), Uncertain
    )
    unnumbered = {name: value for name, value in ACT.items() if name != "number"}
    assert isinstance(await _client(answer(unnumbered, 201))[0].create_act(PERMIT, act_draft(), key="k"), Uncertain)
    assert isinstance(await _client(LOST)[0].create_act(PERMIT, act_draft(), key="k"), Uncertain)
    assert isinstance(await _client(answer(ACT))[0].read_act(PERMIT, "a1"), Ok)


TOKEN = TokenRequest("https://auth.kontur.ru/connect/token", "portal-42", "s&cret=1")


async def test_a_token() -> None:
    client, script = _client(
        answer({"access_token": "eyJ", "expires_in": 3600, "token_type": "Bearer", "scope": "elba.api"})
    )
    outcome = await client.obtain_token(TOKEN)
    assert outcome == Ok(AccessToken("eyJ", 3600))
    assert script.calls[0].content == (
        b"grant_type=client_credentials&client_id=portal-42&client_secret=s%26cret%3D1&scope=elba.api"
    )
    assert "eyJ" not in repr(outcome)
    assert "s&cret" not in repr(TOKEN)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(400, {"error": "invalid_client"}, Rejected), (401, {"error": "invalid_client"}, Rejected),
     (400, {"error": "invalid_scope"}, Rejected),
     (400, {"error": "invalid_grant"}, Rejected), (401, b"", Rejected), (200, {"error": "invalid_client"}, Rejected),
     (400, {"error": "new_one"}, Retryable), (400, b"<html>", Retryable), (500, {"error": "server_error"}, Retryable),
     (429, b"", Deferred), (200, b"<html>", Retryable),
     (200, {"access_token": "", "expires_in": 5}, Retryable), (200, {"access_token": "x", "expires_in": 0}, Retryable),
     (200, {"access_token": "x", "expires_in": 5, "token_type": "mac"}, Retryable)],
)  # fmt: skip
async def test_a_token_that_is_refused(status: int, body: Any, kind: FailureType) -> None:
    assert isinstance(await _client(answer(body, status))[0].obtain_token(TOKEN), kind)


async def test_ids_are_no_paths() -> None:
    client, script = _client(answer(INVOICE))
    await client.read_invoice(PERMIT, "../token?x=1")
    assert script.calls[0].url == f"{ENDPOINT}/invoices/..%2Ftoken%3Fx%3D1"


async def test_a_ping_is_one_row() -> None:
    client, script = _client(answer({"items": [], "total": 0}))
    assert await client.ping(PERMIT) == Ok(None)
    assert script.calls[0].url.endswith("updatedSince=2026-11-20T09%3A00%3A00Z&offset=0&limit=1")
