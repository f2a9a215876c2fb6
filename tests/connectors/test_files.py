"""A file that a vendor gives from another address: one redirect, without our credentials to strangers."""

from typing import Any

import pytest

from chassis.domain import Problem
from chassis.http import Answer, Call, NotSent, SentUnknown
from chassis.outcomes import Failure, Rejected, Retryable
from connectors.files import file_answer
from tests.connectors.kit import FailureType, Script, answer

URL = "https://restapi.moedelo.org/sales/bill/7/pdf"
CALL = Call(
    "moedelo", "moedelo.invoice_pdf", "GET", URL, changes=False,
    headers={"accept": "application/pdf", "authorization": "Bearer secret", "md-api-key": "secret"},
    networks=("10.0.0.0/8",),
)  # fmt: skip
PDF = answer(b"%PDF-1.7 x")


def moved(location: str, status: int = 302) -> Answer:
    return answer(b"", status, {"location": location})


async def _file(*answers: Any) -> tuple[Answer | Failure, Script]:
    script = Script(*answers)
    return await file_answer(script, CALL), script


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_file_elsewhere_is_taken_without_our_credentials(status: int) -> None:
    found, script = await _file(moved("https://files.example.ru/7?sign=1", status), PDF)
    assert found == PDF
    assert [call.url for call in script.calls] == [URL, "https://files.example.ru/7?sign=1"]
    assert (dict(script.calls[1].headers), script.calls[1].networks) == ({"accept": "application/pdf"}, ())


async def test_a_file_at_another_path_of_the_vendor_is_taken_with_them() -> None:
    found, script = await _file(moved("/files/7"), PDF)
    assert found == PDF
    assert (script.calls[1].url, script.calls[1].headers) == ("https://restapi.moedelo.org/files/7", CALL.headers)


@pytest.mark.parametrize(
    "location", ["", "http://restapi.moedelo.org/7", "ftp://files.example.ru/7", "https://a:b:c/7"]
)
async def test_an_address_that_is_no_safe_one_is_not_called(location: str) -> None:
    found, script = await _file(moved(location))
    assert isinstance(found, Rejected)
    assert (found.problem.code, len(script.calls)) == ("pdf_elsewhere", 1)


@pytest.mark.parametrize(
    ("second", "kind"),
    [(moved("https://files.example.ru/8"), Rejected), (answer(b"", 403), Rejected), (answer(b"", 202), Rejected),
     (answer(b"", 503), Retryable), (SentUnknown(Problem("no_answer_in_time")), Retryable),
     (NotSent(Problem("no_connection")), Retryable),
     (NotSent(Problem("address_refused"), outage=False), Rejected)],
)  # fmt: skip
async def test_what_a_stranger_answers_is_no_outage_of_the_vendor(second: Any, kind: FailureType) -> None:
    found, script = await _file(moved("https://files.example.ru/7"), second)
    assert isinstance(found, kind)
    assert not (isinstance(found, Retryable) and found.outage)
    assert len(script.calls) == 2


async def test_a_vendor_that_redirects_for_ever_is_refused() -> None:
    found, script = await _file(moved("/files/7"), moved("/files/8"))
    assert isinstance(found, Rejected)
    assert len(script.calls) == 2


async def test_what_the_vendor_answers_by_itself_is_left_to_its_tables() -> None:
    assert (await _file(moved("/files/7"), answer(b"", 401)))[0] == answer(b"", 401)
    assert (await _file(answer(b"", 202)))[0] == answer(b"", 202)
