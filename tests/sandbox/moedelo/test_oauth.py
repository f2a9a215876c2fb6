"""OAuth of MoeDelo in the sandbox: an owner's consent, codes, refresh tokens that are good for one use."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.sandbox.running import Sandbox

BACK = "https://hub.example/moedelo/back?tenant=vektor"


class App:
    """An integration that asks an owner for access."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any]) -> None:
        self.sandbox, self.account = sandbox, account

    async def consent(self, **more: str | None) -> httpx.Response:
        asked = {"response_type": "code", "client_id": self.account["client_id"], "redirect_uri": BACK,
                 "scope": "api offline_access", "state": "s/1", **more}  # fmt: skip
        query = {name: value for name, value in asked.items() if value is not None}
        return await self.sandbox.client.get(self.account["authorize_url"], params=query, follow_redirects=False)

    async def code(self, **more: str | None) -> str:
        return told(await self.consent(**more))["code"]

    async def grant(self, **more: str) -> httpx.Response:
        form = {"client_id": self.account["client_id"], "client_secret": self.account["client_secret"], **more}
        return await self.sandbox.client.post(self.account["token_url"], data=form)

    async def exchange(self, code: str, **more: str) -> httpx.Response:
        return await self.grant(**{"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **more})

    async def refresh(self, token: str) -> httpx.Response:
        return await self.grant(grant_type="refresh_token", refresh_token=token)

    async def opens(self, access: str) -> bool:
        path = f"{self.account['api_url']}/accounting/api/v1/sales/bill"
        answer = await self.sandbox.client.get(path, headers={"authorization": f"Bearer {access}"})
        return answer.status_code == 200


def told(answer: httpx.Response) -> dict[str, str]:
    """What a redirect says, of a place that it must go to."""
    assert answer.status_code == 302, answer.text
    place = urlsplit(answer.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == "https://hub.example/moedelo/back"
    return {name: values[-1] for name, values in parse_qs(place.query).items()}


def error(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


@pytest_asyncio.fixture
async def app(sandbox: Sandbox) -> App:
    account = await sandbox.control("/moedelo/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
    return App(sandbox, account)


async def test_an_owners_consent_becomes_access_and_every_refresh_token_serves_once(app: App) -> None:
    back = told(await app.consent())
    assert (back["state"], back["tenant"]) == ("s/1", "vektor")
    pair = (await app.exchange(back["code"])).json()
    assert (pair["token_type"], pair["scope"]) == ("Bearer", "api offline_access")
    assert await app.opens(pair["access_token"])
    assert error(await app.refresh(app.account["refresh_token"])) == "invalid_grant", "the pair takes its place"
    for _ in range(3):
        again = await app.refresh(pair["refresh_token"])
        assert again.status_code == 200
        assert error(await app.refresh(pair["refresh_token"])) == "invalid_grant"
        pair = again.json()
        assert await app.opens(pair["access_token"])


async def test_a_code_serves_once_for_a_minute_and_where_it_was_sent_to(app: App) -> None:
    code = await app.code()
    assert error(await app.exchange(code, redirect_uri="https://other.example/")) == "invalid_grant"
    assert (await app.exchange(code)).status_code == 200
    assert error(await app.exchange(code)) == "invalid_grant"
    late = await app.code()
    await app.sandbox.advance(61)
    assert error(await app.exchange(late)) == "invalid_grant"
    assert error(await app.exchange("no-code")) == "invalid_grant"
    assert error(await app.exchange(await app.code(), client_secret="wrong")) == "invalid_client"
    assert error(await app.exchange(await app.code(), grant_type="password")) == "unsupported_grant_type"


async def test_access_without_offline_access_ends_with_its_token(app: App) -> None:
    pair = (await app.exchange(await app.code(scope="api"))).json()
    assert ("refresh_token" in pair, pair["scope"]) == (False, "api")
    await app.sandbox.advance(pair["expires_in"] + 1)
    assert not await app.opens(pair["access_token"])
    assert (await app.refresh(app.account["refresh_token"])).status_code == 200, "it took nothing away"


async def test_an_old_refresh_token_is_refused(app: App) -> None:
    await app.sandbox.advance(30 * 86_400 + 1)
    assert error(await app.refresh(app.account["refresh_token"])) == "invalid_grant"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
async def test_what_is_asked_wrongly_is_told_to_who_asked(app: App, asked: dict[str, Any], said: str) -> None:
    back = told(await app.consent(**asked))
    assert (back["error"], back["state"]) == (said, "s/1")


async def test_an_owner_whose_access_is_closed_gives_none(app: App) -> None:
    await app.sandbox.control(f"/moedelo/{app.account['account']}/dials", {"refuse_status": 403})
    assert told(await app.consent())["error"] == "access_denied"


@pytest.mark.parametrize("asked", [{"client_id": "nobody"}, {"redirect_uri": "/back"}, {"redirect_uri": f"{BACK}#top"}])
async def test_nobody_is_sent_to_a_place_that_is_not_certain(app: App, asked: dict[str, str]) -> None:
    answer = await app.consent(**asked)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
