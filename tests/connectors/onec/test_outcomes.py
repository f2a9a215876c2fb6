"""Every status and code of a 1C base has its row, and a page in place of an answer tells nothing."""

from typing import Any

import pytest

from chassis.domain import Problem
from chassis.http import NotSent
from chassis.outcomes import Deferred, Rejected, Retryable, Uncertain
from tests.connectors.kit import FailureType, answer
from tests.connectors.onec.samples import INVOICE_ID, error
from tests.connectors.onec.scripted import LOST, PAGE, PERMIT, create, scripted


@pytest.mark.parametrize("body", [b"", PAGE, b'{"Ref_Key": "1', b"[]", b"null", b"{}", {"Ref_Key": INVOICE_ID}])
@pytest.mark.parametrize("status", [200, 201, 204])
async def test_an_unreadable_success_is_uncertain(body: Any, status: int) -> None:
    assert isinstance(await create(answer(body, status)), Uncertain)


CODES = [
    ("0", 400, Rejected, "vendor_request_wrong"),
    ("1", 400, Rejected, "vendor_request_wrong"),
    ("2", 400, Rejected, "vendor_request_wrong"),
    ("3", 400, Rejected, "vendor_request_wrong"),
    ("4", 400, Rejected, "accounting_refused"),
    ("5", 400, Rejected, "accounting_refused"),
    ("6", 404, Rejected, "vendor_request_wrong"),
    ("7", 400, Rejected, "vendor_request_wrong"),
    ("8", 404, Retryable, "accounting_not_published"),
    ("9", 404, Rejected, "document_not_found"),
    ("10", 400, Rejected, "vendor_request_wrong"),
    ("11", 404, Rejected, "vendor_request_wrong"),
    ("12", 400, Rejected, "vendor_request_wrong"),
    ("13", 400, Rejected, "vendor_request_wrong"),
    ("14", 400, Rejected, "vendor_request_wrong"),
    ("16", 400, Rejected, "accounting_refused"),
    ("17", 500, Rejected, "vendor_request_wrong"),
    ("18", 500, Rejected, "vendor_request_wrong"),
    ("19", 405, Rejected, "vendor_request_wrong"),
    ("20", 401, Retryable, "accounting_forbidden"),
    ("20", 403, Retryable, "accounting_forbidden"),
    ("21", 501, Rejected, "vendor_request_wrong"),
    ("-1", 500, Rejected, "accounting_refused"),
    ("99", 400, Rejected, "vendor_request_wrong"),
    ("99", 418, Uncertain, "vendor_answer_unknown"),
    ("99", 500, Uncertain, "vendor_fault"),
    ("99", 200, Uncertain, "vendor_answer_unknown"),
    ("9", 200, Rejected, "document_not_found"),
]


@pytest.mark.parametrize(("code", "status", "kind", "problem"), CODES)
async def test_codes_of_a_write(code: str, status: int, kind: FailureType, problem: str) -> None:
    outcome = await create(answer(error(code, "Неверное значение"), status))
    assert isinstance(outcome, kind)
    assert (outcome.problem.code, outcome.problem.values["text"]) == (problem, "Неверное значение")


@pytest.mark.parametrize(("code", "status", "kind", "problem"), CODES)
async def test_codes_of_a_read_in_either_shape(code: str, status: int, kind: FailureType, problem: str) -> None:
    xml = f'<m:error xmlns:m="x"><m:code>{code}</m:code><m:message>Нет</m:message></m:error>'.encode()
    bodies: list[Any] = [error(code, "Нет")] if status == 200 and code == "99" else [error(code, "Нет"), xml]
    for body in bodies:
        outcome = await scripted(answer(body, status))[0].read_invoice(PERMIT, INVOICE_ID)
        assert isinstance(outcome, Retryable if kind is Uncertain else kind)
        assert outcome.problem.code == problem


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("Конфликт блокировок при выполнении транзакции", Retryable, "accounting_locked"),
        ("Превышено максимальное время ожидания предоставления блокировки", Retryable, "accounting_locked"),
        ("Транзакция не может быть выполнена", Retryable, "accounting_locked"),
        ("Операция прервана: таймаут", Retryable, "accounting_locked"),
        ("Дата запрета изменения данных: 31.12.2025", Rejected, "accounting_period_closed"),
        ("Не удалось провести «Счет 127»", Rejected, "accounting_refused"),
        ("Не указан вид лицензии на алкоголь", Rejected, "accounting_refused"),
    ],
)
async def test_an_exception_is_undone_as_a_whole_and_its_words_tell_the_rest(
    text: str, kind: FailureType, problem: str
) -> None:
    outcome = await create(answer(error("-1", text), 500))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem
    if isinstance(outcome, Retryable):
        assert not outcome.outage


@pytest.mark.parametrize(
    "text",
    [
        "Внутренняя ошибка сервера. Соединение с базой данных было потеряно",
        "Соединение с сервером баз данных разорвано администратором",
        "Удаленный хост принудительно разорвал существующее подключение. Потеряно соединение с сервером",
        "Сеанс работы завершен администратором",
        "Сеанс отсутствует или удален",
    ],
)
async def test_an_exception_of_a_connection_that_broke_may_have_come_after_the_write(text: str) -> None:
    outcome = await create(answer(error("-1", text), 500))
    assert isinstance(outcome, Uncertain)
    assert outcome.problem.code == "vendor_fault"


@pytest.mark.parametrize("status", [200, 404, 500, 503])
@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Не обнаружено свободной лицензии!", "accounting_licence_missing"),
        ("Не обнаружен ключ защиты программы", "accounting_licence_missing"),
        ("Начало сеанса с информационной базой запрещено. Идёт обновление", "accounting_base_closed"),
    ],
)
async def test_a_base_that_lets_nobody_in_did_nothing(status: int, said: str, problem: str) -> None:
    page = f"<html><body><pre>{said}</pre></body></html>".encode()
    for body in (page, said.encode()):
        outcome = await create(answer(body, status))
        assert isinstance(outcome, Retryable), outcome
        assert (outcome.problem.code, outcome.outage) == (problem, True)


@pytest.mark.parametrize(
    ("status", "kind", "problem"),
    [(400, Uncertain, "vendor_answer_unreadable"), (401, Retryable, "credentials_refused"),
     (403, Retryable, "accounting_forbidden"), (404, Retryable, "accounting_address_wrong"),
     (429, Deferred, "vendor_limit"), (500, Uncertain, "vendor_answer_unreadable"),
     (502, Uncertain, "vendor_answer_unreadable")],
)  # fmt: skip
async def test_a_page_in_place_of_an_answer_tells_nothing_of_the_document(
    status: int, kind: FailureType, problem: str
) -> None:
    outcome = await create(answer(PAGE, status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem


@pytest.mark.parametrize(
    ("status", "kind", "problem"),
    [(401, Retryable, "credentials_refused"), (404, Retryable, "accounting_address_wrong"),
     (408, Uncertain, "vendor_fault"), (411, Rejected, "vendor_request_wrong"),
     (412, Retryable, "document_changed"), (413, Rejected, "vendor_request_wrong"),
     (414, Rejected, "vendor_request_wrong"), (302, Uncertain, "vendor_answer_unknown"),
     (409, Uncertain, "vendor_answer_unknown"), (503, Uncertain, "vendor_fault"), (504, Uncertain, "vendor_fault")],
)  # fmt: skip
async def test_statuses_without_a_code(status: int, kind: FailureType, problem: str) -> None:
    outcome = await create(answer(b"no", status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem


async def test_a_lost_call() -> None:
    assert isinstance(await create(LOST), Uncertain)
    assert isinstance(await create(NotSent(Problem("no_connection"))), Retryable)
    assert await scripted(LOST)[0].read_invoice(PERMIT, INVOICE_ID) == Retryable(LOST.problem, outage=True)
