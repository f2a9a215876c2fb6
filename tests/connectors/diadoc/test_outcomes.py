"""What Diadoc's answers mean: every row of its tables, in a read and in a write, and a default for what none names."""

from dataclasses import replace
from datetime import date

import pytest

from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.diadoc.client import Diadoc
from connectors.diadoc.outcomes import PAGE, TABLE, TOKEN_TABLE
from connectors.ports.edi import DocumentRef, EdiToken, Posting, Title
from tests.connectors.kit import FailureType, Script, answer, clock, permit

PERMIT = replace(permit("https://diadoc-api.kontur.ru", "Bearer t"), options={"box_id": "own"})
TOKEN = EdiToken("https://diadoc-api.kontur.ru", "client", "secret", "https://identity.kontur.ru/connect/token", "r")
TITLE = Title(b"<x/>", "ON_NSCHFDOPPR.xml", "UniversalTransferDocument", "ДОП", "utd970_05_03_01")
POSTING = Posting("box", TITLE, "m", "", "1", date(2026, 3, 20))

# Status, what a write comes to, and its problem; a read is never uncertain.
STATUSES: list[tuple[int, FailureType, str]] = [
    (204, Uncertain, "edi_operation_running"),
    (400, Rejected, "edi_refused"),
    (401, Retryable, "token_refused"),
    (402, Retryable, "edi_tariff"),
    (403, Retryable, "edi_forbidden"),
    (404, Rejected, "edi_not_found"),
    (405, Rejected, "vendor_request_wrong"),
    (408, Uncertain, "vendor_fault"),
    (409, Rejected, "edi_conflict"),
    (410, Retryable, "edi_method_gone"),
    (415, Rejected, "vendor_request_wrong"),
    (429, Deferred, "vendor_limit"),
    (500, Uncertain, "vendor_fault"),
    (502, Uncertain, "vendor_fault"),
    (503, Uncertain, "vendor_fault"),
    (504, Uncertain, "vendor_fault"),
    (418, Uncertain, "vendor_answer_unknown"),
]
PAGES: list[tuple[int, FailureType, str]] = [
    (400, Uncertain, "vendor_answer_unreadable"),
    (401, Retryable, "token_refused"),
    (403, Retryable, "edi_forbidden"),
    (404, Retryable, "edi_address_wrong"),
    (429, Deferred, "vendor_limit"),
]
TOKENS: list[tuple[int, str | None, FailureType, str]] = [
    (400, "invalid_grant", Rejected, "reconnection_needed"),
    (400, "invalid_client", Rejected, "credentials_refused"),
    (400, "invalid_scope", Rejected, "credentials_refused"),
    (400, "unauthorized_client", Rejected, "credentials_refused"),
    (400, "unsupported_grant_type", Rejected, "credentials_refused"),
    (400, "invalid_request", Rejected, "credentials_refused"),
    (400, None, Rejected, "credentials_refused"),
    (401, None, Rejected, "credentials_refused"),
    (403, None, Rejected, "credentials_refused"),
    (408, None, Retryable, "vendor_fault"),
    (429, None, Deferred, "vendor_limit"),
    (500, None, Retryable, "vendor_fault"),
    (502, None, Retryable, "vendor_fault"),
    (503, None, Retryable, "vendor_fault"),
    (504, None, Retryable, "vendor_fault"),
    (418, None, Retryable, "vendor_answer_unknown"),
]


NOTHING = answer({"TotalCount": 0, "Documents": [], "HasMoreResults": False})


def diadoc(status: int, body: bytes | dict[str, str], **headers: str) -> Diadoc:
    """One answer; a look-up after it finds nothing."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Diadoc(Script(answer(body, status, told), NOTHING), clock())


@pytest.mark.parametrize(("status", "kind", "problem"), STATUSES)
async def test_every_status_of_a_write(status: int, kind: FailureType, problem: str) -> None:
    said = "Документ отклонён".encode()
    outcome = await diadoc(status, said, x_diadoc_errorcode="Some.Code").post(PERMIT, POSTING, key="k")
    assert isinstance(outcome, kind), outcome
    assert outcome.problem.code == problem
    assert (outcome.problem.values["text"], outcome.problem.values["code"]) == ("Документ отклонён", "Some.Code")


@pytest.mark.parametrize(("status", "kind", "problem"), STATUSES)
async def test_every_status_of_a_read(status: int, kind: FailureType, problem: str) -> None:
    outcome = await diadoc(status, b"no").invited(PERMIT, "task")
    if status == 204:
        assert isinstance(outcome, Deferred)
        assert outcome.problem.code == "edi_being_made"
        return
    assert isinstance(outcome, Retryable if kind is Uncertain else kind), outcome
    assert outcome.problem.code == problem


@pytest.mark.parametrize(("status", "kind", "problem"), PAGES)
async def test_a_page_in_place_of_an_answer(status: int, kind: FailureType, problem: str) -> None:
    outcome = await diadoc(status, b"\n<!DOCTYPE html>").post(PERMIT, POSTING, key="k")
    assert isinstance(outcome, kind), outcome
    assert (outcome.problem.code, outcome.problem.values["text"]) == (problem, "")


@pytest.mark.parametrize(("status", "error", "kind", "problem"), TOKENS)
async def test_every_refusal_of_a_token(status: int, error: str | None, kind: FailureType, problem: str) -> None:
    outcome = await diadoc(status, {"error": error} if error else b"no").obtain_token(TOKEN)
    assert isinstance(outcome, kind), outcome
    assert outcome.problem.code == problem


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"MessageId": "0d7d', b"[]", b"null"])
async def test_an_unreadable_success_of_a_write_is_uncertain(body: bytes) -> None:
    assert isinstance(await diadoc(200, body).post(PERMIT, POSTING, key="k"), Uncertain)


def test_every_row_of_the_tables_is_tried() -> None:
    tried = {(status, None) for status, *_ in STATUSES} | {(status, PAGE) for status, *_ in PAGES}
    assert set(TABLE.rows) <= tried | {(200, None), (None, PAGE)}
    told = {(status, None) for status, error, *_ in TOKENS if error is None} | {
        (None, error) for _, error, *_ in TOKENS
    }
    assert set(TOKEN_TABLE.rows) <= told | {(200, None), (None, PAGE)}


async def test_a_method_that_will_be_switched_off_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await diadoc(200, {"Organizations": ""}, sunset="Sat, 03 Apr 2027 00:00:00 GMT").ping(PERMIT)
    assert "vendor's method will be switched off" in caplog.text
    assert "03 Apr 2027" in caplog.text
    caplog.clear()
    await diadoc(200, {"Organizations": ""}).ping(PERMIT)
    assert caplog.text == ""


GUID = "c0ffee00-2222-4f43-8a0e-52d7f8e5b002"


@pytest.mark.parametrize("named", [GUID, GUID.upper(), "c0ffee0022224f438a0e52d7f8e5b002@diadoc.ru"])
async def test_either_form_of_a_box_names_the_one_that_was_posted_to(named: str) -> None:
    entity = {"EntityType": "Attachment", "EntityId": "e", "DocumentInfo": {"CustomDocumentId": "m"}}
    script = Script(answer({"MessageId": "a", "ToBoxId": named, "Entities": [entity]}))
    posted = await Diadoc(script, clock()).post(PERMIT, replace(POSTING, partner_box_id=GUID), key="k")
    assert posted == Ok(DocumentRef("a", "e"))
