"""Access tokens: client credentials, expiry in business time, revocation, refusals by the account."""

from __future__ import annotations

import pytest

from tests.sandbox.elba_client import ElbaClient


async def test_token_answer_has_the_standard_members(elba: ElbaClient) -> None:
    answer = await elba.sign_in()
    body = answer.json()
    assert answer.status_code == 200
    assert (body["expires_in"], body["token_type"], body["scope"]) == (3600, "Bearer", "elba.api")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"scope": "other.api"}, "invalid_scope"),
    ],
)
async def test_wrong_form_is_refused_by_oauth_words(elba: ElbaClient, form: dict[str, str], error: str) -> None:
    answer = await elba.sign_in(**form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_json_body_is_no_token_request(elba: ElbaClient) -> None:
    answer = await elba.sandbox.client.post("/connect/token", json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_token_expires_by_business_time(elba: ElbaClient) -> None:
    assert (await elba.get("/invoices")).status_code == 200
    await elba.sandbox.advance(3601)
    answer = await elba.get("/invoices")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TokenExpired")
    await elba.sign_in()
    assert (await elba.get("/invoices")).status_code == 200


@pytest.mark.parametrize(("state", "code"), [("expired", "TokenExpired"), ("revoked", "TokenRevoked")])
async def test_existing_tokens_are_put_into_a_state(elba: ElbaClient, state: str, code: str) -> None:
    await elba.control("/tokens", {"state": state, "existing": True})
    answer = await elba.get("/invoices")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


async def test_a_token_is_given_in_any_state(elba: ElbaClient) -> None:
    elba.token = (await elba.control("/tokens", {"state": "revoked"}))["access_token"]
    assert (await elba.get("/invoices")).status_code == 401
    elba.token = (await elba.control("/tokens", {"state": "valid"}))["access_token"]
    assert (await elba.get("/invoices")).status_code == 200


@pytest.mark.parametrize("token", ["other", "unknown"])
async def test_without_a_known_token_nothing_is_served(elba: ElbaClient, token: str) -> None:
    elba.token = token
    answer = await elba.get("/invoices")
    assert answer.status_code == 401
    assert answer.json()["statusCode"] == 401


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_the_account_can_refuse_everything(elba: ElbaClient, status: int) -> None:
    await elba.control("/dials", {"refuse_status": status})
    assert (await elba.get("/invoices")).status_code == status
    await elba.control("/dials", {"refuse_status": None})
    assert (await elba.get("/invoices")).status_code == 200


async def test_one_accounts_token_shows_nothing_of_another(elba: ElbaClient) -> None:
    await elba.buyer()
    other = ElbaClient(elba.sandbox, await elba.sandbox.control("/elba/accounts", {"title": "ИП", "inn": "7709123453"}))
    await other.sign_in()
    assert (await other.get("/counterparties?inn=7709123453")).json() == []


async def test_wrong_basic_credentials_are_challenged(elba: ElbaClient) -> None:
    post, url, grant = elba.sandbox.client.post, elba.account["token_url"], {"grant_type": "client_credentials"}
    answer = await post(url, data=grant, auth=(elba.account["client_id"], "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    answer = await post(url, data=grant, auth=(elba.account["client_id"], elba.account["client_secret"]))
    assert answer.status_code == 200
