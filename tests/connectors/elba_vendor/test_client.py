"""Calls to Elba's published API over a scripted transport: requests, outcomes, tasks, the feed of balances."""

from typing import Any

import orjson
import pytest

from chassis.domain import Problem
from chassis.http import NotSent, SentUnknown
from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.elba_vendor.client import TASK_LOOKS_MAX
from connectors.ports.accounting import InvoiceDraft
from tests.connectors.elba_vendor.samples import (
    ACT_MARKER,
    BASE,
    BILL,
    BILL_ID,
    BUYER_ID,
    CONTRACTOR,
    ENDPOINT,
    FOUND,
    KEY,
    LINK,
    ORGANIZATION,
    PERMIT,
    act_draft,
    buyer_draft,
    invoice_draft,
    lines,
    row,
)
from tests.connectors.elba_vendor.scripted import scripted
from tests.connectors.kit import FailureType, answer

LOST = SentUnknown(Problem("no_answer_in_time"))
MADE = {"id": BILL_ID}
LINKED = {"id": "a7d1", "url": LINK}
ENVELOPE = {
    "statusCode": 400,
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "error": {
        "code": "ValidationError",
        "message": "Указанный контрагент не найден",
        "target": "contractorId",
        "details": [],
        "context": None,
        "innerError": None,
    },
}


async def _create(*answers: Any) -> Any:
    return await scripted(*answers)[0].create_invoice(PERMIT, invoice_draft(), key="key-1")


async def test_a_bill_is_created_read_back_and_linked() -> None:
    client, script = scripted(answer(MADE, 201), answer(BILL), answer(LINKED, 201))
    outcome = await client.create_invoice(PERMIT, invoice_draft(), key="key-1")
    assert isinstance(outcome, Ok)
    assert (outcome.value.invoice_id, outcome.value.number, outcome.value.url) == (BILL_ID, "118", LINK)
    create, read, link = script.calls
    assert (create.method, create.url, create.changes) == ("POST", f"{BASE}/bills", True)
    assert create.headers["x-kontur-apikey"] == KEY
    assert create.operation == "elba.create_invoice"
    assert "number" not in script.sent()
    assert (read.method, read.url, read.changes) == ("GET", f"{BASE}/bills/{BILL_ID}", False)
    assert link.url == f"{BASE}/document-links"
    assert script.sent(2) == {
        "documentId": BILL_ID, "published": True, "withSignatures": True, "isQrCodeEnabled": True,
    }  # fmt: skip
    assert sum(call.total_seconds for call in script.calls) < 25


async def test_a_bill_without_a_link_is_made_all_the_same() -> None:
    outcome = await _create(answer(MADE, 201), answer(BILL), LOST, LOST)
    assert isinstance(outcome, Ok)
    assert (outcome.value.number, outcome.value.url) == ("118", "")


async def test_a_link_whose_answer_was_lost_is_asked_for_once_more() -> None:
    outcome = await _create(answer(MADE, 201), answer(BILL), LOST, answer(LINKED, 201))
    assert isinstance(outcome, Ok)
    assert outcome.value.url == LINK


async def test_a_link_without_signatures_where_the_account_has_none() -> None:
    client, script = scripted(answer(ENVELOPE, 400), answer(LINKED, 201))
    assert await client.invoice_link(PERMIT, BILL_ID) == Ok(LINK)
    assert script.sent(1)["withSignatures"] is False


@pytest.mark.parametrize(
    "refusal", [{"id": "a7d1"}, {"statusCode": 409, "error": {"code": "X", "context": {"id": "a7d1"}}}]
)
async def test_a_link_that_is_there_already_is_read(refusal: dict[str, Any]) -> None:
    client, script = scripted(answer(refusal, 409), answer({"url": LINK}))
    assert await client.invoice_link(PERMIT, BILL_ID) == Ok(LINK)
    assert script.calls[1].url == f"{BASE}/document-links/a7d1"


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500])
async def test_a_link_that_is_refused(status: int) -> None:
    assert not isinstance(await scripted(answer(ENVELOPE, status))[0].invoice_link(PERMIT, BILL_ID), Ok)


async def test_a_bill_that_cannot_be_read_back_is_uncertain_and_named() -> None:
    outcome = await _create(answer(MADE, 201), LOST, answer(ENVELOPE, 503))
    assert isinstance(outcome, Uncertain)
    assert outcome.problem.code == "invoice_number_unknown"
    assert outcome.problem.values["invoice_id"] == BILL_ID
    once_more = await _create(answer(MADE, 201), LOST, answer(BILL), answer(LINKED, 201))
    assert isinstance(once_more, Ok)


@pytest.mark.parametrize("changed", [{"contractorId": "another"}, {"date": "2026-03-11"}, {"id": "another"}])
async def test_a_read_back_of_another_bill_is_uncertain(changed: dict[str, Any]) -> None:
    outcome = await _create(answer(MADE, 201), *[answer(BILL | changed)] * 2, answer(LINKED, 201))
    assert isinstance(outcome, Uncertain)


async def test_a_rate_without_a_word_is_refused_before_anything_is_sent() -> None:
    client, script = scripted()
    made = lines(row(rate="7"), vat_mode="usn7")
    draft = InvoiceDraft(invoice_draft().issued_on, None, BUYER_ID, made, "", "m")
    outcome = await client.create_invoice(PERMIT, draft, key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "vat_rate_not_supported"
    assert script.calls == []


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b'{"id": "0d7d', b"[]", b"null", b'"ok"', b"{}", b'{"id": null}', b'{"id": {"a": 1}}'],
)
async def test_an_unreadable_success_is_uncertain(body: bytes) -> None:
    assert isinstance(await _create(answer(body, 201)), Uncertain)


WRITES = [
    (400, Rejected, "counterparty_gone"),
    (401, Retryable, "credentials_refused"),
    (402, Retryable, "accounting_tariff"),
    (403, Retryable, "accounting_forbidden"),
    (404, Rejected, "document_not_found"),
    (408, Uncertain, "vendor_fault"),
    (409, Rejected, "already_exists"),
    (418, Uncertain, "vendor_answer_unknown"),
    (429, Deferred, "vendor_limit"),
    (500, Uncertain, "vendor_fault"),
    (502, Uncertain, "vendor_fault"),
    (503, Uncertain, "vendor_fault"),
    (504, Uncertain, "vendor_fault"),
    (202, Uncertain, "vendor_answer_unreadable"),
    (302, Uncertain, "vendor_answer_unknown"),
]


@pytest.mark.parametrize(("status", "kind", "problem"), WRITES)
async def test_statuses_of_a_write(status: int, kind: FailureType, problem: str) -> None:
    body = ENVELOPE | {"statusCode": status} if status >= 400 else {"id": BILL_ID}
    outcome = await _create(answer(body, status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem
    if status >= 400:
        assert outcome.problem.values["text"] == "contractorId: Указанный контрагент не найден"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("contractorId", "Для УПД нужны реквизиты контрагента"),
        ("bankAccountId", "Расчётный счёт не найден"),
        (None, ""),
    ],
)
async def test_a_refusal_of_something_else_does_not_say_that_the_buyer_is_gone(target: str | None, text: str) -> None:
    whole: Any = ENVELOPE["error"]
    error = {**whole, "target": target, "message": text, "details": []}
    outcome = await _create(answer(ENVELOPE | {"statusCode": 400, "error": error}, 400))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "accounting_refused"


@pytest.mark.parametrize(("status", "kind", "problem"), [(400, Rejected, "accounting_refused"), *WRITES[1:]])
async def test_statuses_of_a_read(status: int, kind: FailureType, problem: str) -> None:
    outcome = await scripted(answer(b"no", status))[0].read_invoice(PERMIT, BILL_ID)
    assert isinstance(outcome, Retryable if kind is Uncertain else kind)
    assert outcome.problem.code == problem


@pytest.mark.parametrize(
    ("status", "kind", "problem"),
    [(400, Uncertain, "vendor_answer_unreadable"), (401, Retryable, "credentials_refused"),
     (403, Retryable, "accounting_forbidden"), (404, Retryable, "accounting_address_wrong"),
     (409, Uncertain, "vendor_answer_unreadable"), (429, Deferred, "vendor_limit"),
     (502, Uncertain, "vendor_answer_unreadable")],
)  # fmt: skip
async def test_a_page_in_place_of_an_answer_tells_nothing(status: int, kind: FailureType, problem: str) -> None:
    outcome = await _create(answer(b"\n<!DOCTYPE html><html></html>", status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem


async def test_an_error_under_a_status_of_success() -> None:
    assert isinstance(await _create(answer(ENVELOPE, 200)), Rejected)
    assert isinstance(await _create(answer(ENVELOPE | {"statusCode": 502}, 200)), Uncertain)


async def test_a_lost_call() -> None:
    assert isinstance(await _create(LOST), Uncertain)
    assert isinstance(await _create(NotSent(Problem("no_connection"))), Retryable)
    assert isinstance(await scripted(LOST)[0].read_invoice(PERMIT, BILL_ID), Retryable)


async def test_a_contractor_is_known_by_what_was_asked_for() -> None:
    client, script = scripted(answer({"id": BUYER_ID}, 201))
    outcome = await client.create_counterparty(PERMIT, buyer_draft(), key="k")
    assert isinstance(outcome, Ok)
    assert (outcome.value.counterparty_id, outcome.value.inn, outcome.value.kpp) == (
        BUYER_ID,
        "7709123453",
        "770901001",
    )
    assert script.calls[0].url == f"{BASE}/contractors"
    exists = ENVELOPE | {"statusCode": 409, "error": {"code": "EntityAlreadyExists", "message": "Уже есть"}}
    outcome = await scripted(answer(exists, 409))[0].create_counterparty(PERMIT, buyer_draft(), key="k")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "already_exists"


async def test_a_buyer_is_searched_by_exactly_this_inn() -> None:
    found = {"contractors": [FOUND, FOUND | {"id": "b2", "kpp": "771001001"}, FOUND | {"inn": "77091234530"}]}
    client, script = scripted(answer(found))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == [BUYER_ID, "b2"]
    assert script.calls[0].url == f"{BASE}/contractors/search"
    assert not script.calls[0].changes
    assert script.sent() == {
        "offset": 0, "limit": 50, "filter": {"inn": "7709123453", "kpp": None, "name": None},
    }  # fmt: skip


async def test_a_search_is_read_to_its_end() -> None:
    page = {"contractors": [FOUND | {"id": f"b{number}"} for number in range(50)]}
    client, script = scripted(answer(page), answer({"contractors": [FOUND]}))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert len(outcome.value) == 51
    assert script.sent(1)["offset"] == 50
    endless = await scripted(*[answer(page)] * 10)[0].find_counterparty(PERMIT, "7709123453")
    assert isinstance(endless, Retryable)
    assert endless.problem.code == "lookup_incomplete"


def _task(status: str, result: Any = None, **more: Any) -> Any:
    body = {"id": "t-1", "status": status, "type": "searchContractors", "result": result, "errorDescription": None}
    return answer(body | more, 200 if status != "begun" else 202, {"retry-after": "1"})


BEGUN = answer({"id": "t-1", "status": "inProcess", "type": "searchContractors"}, 202, {"location": "/v1/x"})


async def test_a_search_that_became_a_task_is_waited_for() -> None:
    client, script = scripted(BEGUN, _task("inProcess"), _task("completed", {"contractors": [FOUND]}))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == [BUYER_ID]
    assert script.calls[1].url == f"{ENDPOINT}/long-running-tasks/t-1"


async def test_a_task_that_takes_too_long_is_begun_anew_later() -> None:
    running = await scripted(BEGUN, *[_task("inProcess")] * TASK_LOOKS_MAX)[0].find_counterparty(PERMIT, "7709123453")
    assert isinstance(running, Deferred)
    assert running.problem.code == "search_running"
    slow = answer({"id": "t-1", "status": "inProcess"}, 202, {"retry-after": "600"})
    client, script = scripted(slow)
    assert isinstance(await client.find_counterparty(PERMIT, "7709123453"), Deferred)
    assert len(script.calls) == 1


@pytest.mark.parametrize(
    ("answers", "problem"),
    [([_task("failed", errorDescription={"traceId": "t", "message": "Сбой"})], "vendor_fault"),
     ([_task("failed")], "vendor_fault"),
     ([_task("paused")], "vendor_answer_unexpected"),
     ([_task("completed", None)], "vendor_answer_unexpected"),
     ([_task("completed", {"contractors": {}})], "vendor_answer_unexpected"),
     ([_task("completed", {"contractors": []}, id="t-2")], "vendor_answer_mismatch"),
     ([answer(b"<html>")], "vendor_answer_unreadable"),
     ([answer(ENVELOPE, 500)], "vendor_fault"),
     ([LOST], "no_answer_in_time")],
)  # fmt: skip
async def test_a_task_that_comes_to_nothing_is_no_absence(answers: list[Any], problem: str) -> None:
    outcome = await scripted(BEGUN, *answers)[0].find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == problem


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"id": "t-1"}'])
async def test_a_task_that_cannot_be_read_is_no_absence(body: bytes) -> None:
    assert isinstance(await scripted(answer(body, 202))[0].find_counterparty(PERMIT, "7709123453"), Retryable)


async def test_a_person_is_found_by_name_and_e_mail() -> None:
    name = "Лапина Ирина"
    person = FOUND | {"name": name, "inn": None}
    others = [FOUND | {"id": "p3", "name": name}, person | {"id": "p4", "name": f"{name} Олеговна"}]
    rows = [person | {"id": "p1"}, person | {"id": "p2"}, *others]
    cards = [
        answer(CONTRACTOR | {"id": one, "name": name, "inn": None, "contacts": [{"emails": [email]}]})
        for one, email in (("p1", "other@lapina.example"), ("p2", "i@lapina.example"))
    ]
    client, script = scripted(answer({"contractors": rows}), *cards)
    outcome = await client.find_person(PERMIT, name, "i@lapina.example")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == ["p2"]
    assert script.sent()["filter"] == {"inn": None, "kpp": None, "name": name}
    assert isinstance(await scripted(answer({"contractors": rows}), LOST)[0].find_person(PERMIT, name, "x"), Retryable)
    many = [FOUND | {"id": f"p{number}", "name": name, "inn": None} for number in range(11)]
    assert isinstance(await scripted(answer({"contractors": many}))[0].find_person(PERMIT, name, "x"), Retryable)


async def test_an_act_is_known_by_what_was_asked_for() -> None:
    client, script = scripted(answer({"id": "a1"}, 201))
    outcome = await client.create_act(PERMIT, act_draft(), key="k")
    assert isinstance(outcome, Ok)
    act = outcome.value
    assert (act.act_id, act.number, act.total_kopecks) == ("a1", "B24-1042", 8_500_000)
    assert act.comment.endswith(ACT_MARKER)
    assert script.calls[0].url == f"{BASE}/acts"
    assert isinstance(await scripted(LOST)[0].create_act(PERMIT, act_draft(), key="k"), Uncertain)


async def test_a_ping_asks_for_the_organisation() -> None:
    client, script = scripted(answer({"organizations": [{"id": ORGANIZATION.upper(), "inn": "500123456750"}]}))
    assert await client.ping(PERMIT) == Ok(None)
    assert script.calls[0].url == f"{ENDPOINT}/organizations?offset=0&limit=100"
    other = await scripted(answer({"organizations": [{"id": "another"}]}))[0].ping(PERMIT)
    assert isinstance(other, Retryable)
    assert (other.problem.code, other.outage) == ("accounting_forbidden", True)
    revoked = await scripted(answer(ENVELOPE, 401))[0].ping(PERMIT)
    assert isinstance(revoked, Retryable)
    assert revoked.problem.code == "credentials_refused"


async def test_ids_are_no_paths() -> None:
    client, script = scripted(answer(BILL))
    await client.read_invoice(PERMIT, "../token?x=1")
    assert script.calls[0].url == f"{BASE}/bills/..%2Ftoken%3Fx%3D1"


async def test_a_key_is_never_shown() -> None:
    assert KEY not in repr(PERMIT)
    assert orjson.dumps(dict(PERMIT.options)).find(KEY.encode()) == -1
