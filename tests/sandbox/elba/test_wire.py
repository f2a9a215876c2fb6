"""What every call of the API shares: unserved paths and methods, challenges, answers without a body."""

from __future__ import annotations

import pytest

from tests.sandbox.elba_client import ElbaClient


@pytest.mark.parametrize("path", ["", "/", "/bills", "/invoices/nothing", "/invoices/1/2/3"])
async def test_unserved_path_is_refused_in_the_envelope(elba: ElbaClient, path: str) -> None:
    answer = await elba.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/counterparties", "GET, POST"),
        ("PATCH", "/counterparties/1", "GET, PUT"),
        ("GET", "/webhooks", "POST"),
        ("OPTIONS", "/Invoices/1/Cancel/", "POST"),
    ],
)
async def test_unserved_method_is_refused_with_those_of_the_path(
    elba: ElbaClient, method: str, path: str, allowed: str
) -> None:
    answer = await elba.call(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")
    assert answer.headers["allow"] == allowed


async def test_refusal_of_a_token_challenges_for_another(elba: ElbaClient) -> None:
    elba.token = "unknown"
    assert (await elba.get("/invoices")).headers["www-authenticate"] == "Bearer"


async def test_answer_without_a_body_names_no_type_of_it(elba: ElbaClient) -> None:
    hook = {"url": "https://hook.example/", "events": ["invoice.paid"], "secret": "s"}
    made = await elba.post("/webhooks", hook)
    answer = await elba.call("DELETE", f"/webhooks/{made.json()['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert {"content-type", "content-length", "transfer-encoding"}.isdisjoint(answer.headers)
