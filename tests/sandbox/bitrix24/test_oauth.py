"""The authorisation server: installation, refreshed pairs, codes, the check of a token, and tokens of every state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import pytest_asyncio

from tests.sandbox.bitrix24.application import Application, installed
from tests.sandbox.bitrix24.client import PortalClient, Receiver, receiving
from tests.sandbox.running import serve


@pytest_asyncio.fixture
async def hears() -> AsyncIterator[Receiver]:
    """Where the application hears of its installation and of events."""
    async with receiving() as running:
        yield running


@pytest_asyncio.fixture
async def app(crm: PortalClient, hears: Receiver) -> Application:
    return await installed(crm, hears)


async def test_the_form_of_an_installation(crm: PortalClient, hears: Receiver) -> None:
    await installed(crm, hears)
    pairs = parse_qsl(hears.bodies[0])
    assert [name for name, _ in pairs] == [
        "event", "data[VERSION]", "data[ACTIVE]", "data[INSTALLED]", "data[LANGUAGE_ID]", "ts",
        "auth[access_token]", "auth[expires]", "auth[expires_in]", "auth[scope]", "auth[domain]",
        "auth[server_endpoint]", "auth[status]", "auth[client_endpoint]", "auth[member_id]", "auth[user_id]",
        "auth[refresh_token]", "auth[application_token]",
    ]  # fmt: skip
    event = dict(pairs)
    assert (event["auth[expires_in]"], event["auth[user_id]"], event["auth[status]"]) == ("3600", "1", "L")
    assert event["auth[member_id]"] == crm.opened["member_id"]


async def test_a_token_calls_as_its_user_by_path_and_by_host(app: Application) -> None:
    assert (await app.result("profile"))["ID"] == "1"
    assert "crm" in await app.result("scope")
    by_host = await app.client.get("/rest/crm.deal.list.json", params={"auth": app.access})
    assert by_host.json()["result"] == []
    form = await app.client.post("/rest/user.current", data={"auth": app.access})
    assert form.json()["result"]["ID"] == "1"
    commands = {"me": "profile", "all": "events"}
    batch = await app.result("batch", {"cmd": commands, "halt": 0})
    assert batch["result_error"] == []
    assert "ONCRMDEALMOVETOCATEGORY" in batch["result"]["all"]


async def test_an_hour_later_the_token_is_spent_and_a_new_pair_goes_on(app: Application) -> None:
    old = app.access
    await app.crm.sandbox.advance(3600)
    assert await app.refused("profile") == (401, "expired_token")
    pair = await app.refresh()
    assert (pair["expires_in"], pair["user_id"], pair["member_id"]) == (3600, 1, app.crm.opened["member_id"])
    assert pair["client_endpoint"] == f"{app.crm.sandbox.url}/bitrix24/vektor/rest/"
    assert pair["access_token"] != old
    assert (await app.result("profile"))["ID"] == "1"


async def test_a_refresh_token_serves_once_as_the_dial_says(app: Application) -> None:
    first = await app.grant()
    again = await app.grant()
    assert (first.status_code, again.status_code, again.json()["error"]) == (200, 400, "invalid_grant")
    app.pair = first.json()
    await app.crm.control("", {"refresh_tokens_single_use": False}, "PATCH")
    assert [(await app.grant()).status_code for _ in range(2)] == [200, 200]


async def test_the_server_refuses_in_its_own_words(app: Application) -> None:
    assert (await app.grant(client_secret="another")).json()["error"] == "invalid_client"
    strange = await app.grant(client_id="local.0.0")
    assert (strange.status_code, strange.json()["error"]) == (200, "wrong_client")
    assert (await app.grant(refresh_token="none")).json()["error"] == "invalid_grant"
    assert (await app.grant(refresh_token=app.access)).json()["error"] == "invalid_grant"
    assert (await app.grant(grant_type=None)).json()["error"] == "invalid_request"
    assert (await app.grant(refresh_token=None)).json()["error"] == "invalid_request"
    await app.crm.sandbox.advance(181 * 86_400)
    assert (await app.grant()).json()["error"] == "invalid_grant"


async def test_a_form_is_taken_too(app: Application) -> None:
    given = {"grant_type": "refresh_token", "client_id": app.crm.opened["client_id"],
             "client_secret": app.crm.opened["client_secret"], "refresh_token": app.pair["refresh_token"]}  # fmt: skip
    answer = await app.client.post("/oauth/token/", data=given)
    assert answer.json()["scope"].startswith("crm,")


async def test_a_code_is_given_by_redirect_and_lives_half_a_minute(app: Application) -> None:
    await app.crm.control("/apps", {"handler_url": "https://app.example.ru/oauth"}, "PATCH")
    page = f"/bitrix24/vektor/oauth/authorize/?client_id={app.crm.opened['client_id']}&state=9f2c"

    async def code() -> str:
        answer = await app.client.get(page, follow_redirects=False)
        target = urlsplit(answer.headers["location"])
        assert (answer.status_code, target.netloc, target.path) == (302, "app.example.ru", "/oauth")
        query = parse_qs(target.query)
        assert query["state"] == ["9f2c"]
        assert query["member_id"] == [app.crm.opened["member_id"]]
        return query["code"][0]

    found = await code()
    granted = await app.grant(grant_type="authorization_code", code=found, refresh_token=None)
    assert granted.json()["user_id"] == 1
    spent = await app.grant(grant_type="authorization_code", code=found, refresh_token=None)
    late = await code()
    await app.crm.sandbox.advance(31)
    expired = await app.grant(grant_type="authorization_code", code=late, refresh_token=None)
    assert [one.json()["error"] for one in (spent, expired)] == ["invalid_grant", "invalid_grant"]
    unknown = await app.client.get("/bitrix24/vektor/oauth/authorize/?client_id=other", follow_redirects=False)
    assert unknown.status_code == 404


async def test_the_server_says_what_a_token_is_good_for(app: Application) -> None:
    answer = (await app.client.get("/rest/app.info", params={"auth": app.access})).json()
    told = answer["result"]
    assert answer["time"].keys() >= {"start", "finish", "duration"}
    assert told["scope"].split(",") == told["install"]["scope"].split(","), "the vendor's own SDK parts it at commas"
    assert told["client_id"] == app.crm.opened["client_id"]
    assert told["install"]["member_id"] == app.crm.opened["member_id"]
    assert told["install"]["client_endpoint"] == app.pair["client_endpoint"]
    assert (told["user_id"], told["install"]["installed"]) == (1, True)
    here = await app.result("app.info")
    assert (here["CODE"], here["INSTALLED"], here["STATUS"]) == (app.crm.opened["client_id"], True, "L")
    for token, error in (("none", "invalid_token"), ("", "NO_AUTH_FOUND")):
        refused = await app.client.get("/rest/app.info", params={"auth": token})
        assert (refused.status_code, refused.json()["error"]) == (401, error)


STATES = {
    "expired": (401, "expired_token"),
    "revoked": (401, "invalid_token"),
    "dismissed": (401, "authorization_error"),
    "unpaid": (401, "PAYMENT_REQUIRED"),
    "not_installed": (401, "ERROR_OAUTH"),
    "external": (403, "ALLOWED_ONLY_INTRANET_USER"),
    "restricted": (403, "user_access_error"),
    "narrow": (401, "insufficient_scope"),
}


@pytest.mark.parametrize("state", STATES)
async def test_a_token_of_a_state_is_refused_as_the_vendor_does(crm: PortalClient, state: str) -> None:
    app = Application(crm, await crm.control("/tokens", {"state": state}))
    assert await app.refused("crm.deal.list") == STATES[state]
    good = Application(crm, await crm.control("/tokens", {"user_id": 7}))
    assert (await good.result("user.current"))["ID"] == "7"


async def test_what_is_done_to_user_and_application_reaches_their_tokens(app: Application) -> None:
    await app.crm.control("/users/1", {"active": False}, "PATCH")
    assert await app.refused("profile") == (401, "authorization_error")
    assert (await app.grant()).json()["error"] == "invalid_grant"
    await app.crm.control("/users/1", {"active": True}, "PATCH")
    await app.crm.control("/apps", {"paid": False}, "PATCH")
    assert await app.refused("profile") == (401, "PAYMENT_REQUIRED")
    assert (await app.grant()).json()["error"] == "PAYMENT_REQUIRED"
    await app.crm.control("/apps", {"paid": True}, "PATCH")
    assert (await app.result("profile"))["ID"] == "1"


async def test_all_tokens_are_put_into_a_state_and_back(app: Application) -> None:
    done = await app.crm.control("/tokens", {"state": "revoked", "existing": True, "kind": "refresh"})
    assert done == {"state": "revoked", "changed": 1}
    assert (await app.grant()).json()["error"] == "invalid_grant"
    assert (await app.result("profile"))["ID"] == "1"
    await app.crm.control("/tokens", {"state": "valid", "existing": True})
    assert (await app.grant()).status_code == 200


async def test_a_strangers_token_opens_no_other_portal(app: Application) -> None:
    await app.crm.sandbox.control("/bitrix24/portals", {"slug": "gamma"})
    answer = await app.client.post("/bitrix24/gamma/rest/profile", json={"auth": app.access})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


async def test_a_renamed_portal_sends_calls_on_and_pairs_name_the_new_host(app: Application) -> None:
    new = (await app.crm.control("/rename"))["settings"]["moved_to"]
    answer = await app.send("profile")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"http://{new}/bitrix24/vektor/rest/profile"
    assert (await app.refresh())["client_endpoint"] == f"http://{new}/bitrix24/vektor/rest/"
    assert (await app.result("profile"))["ID"] == "1"


async def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    async with serve(tmp_path / "kept") as first:
        opened = await first.control("/bitrix24/portals", {"slug": "vektor"})
        pair = await first.control("/bitrix24/portals/vektor/tokens", {})
    async with serve(tmp_path / "kept") as second:
        pair["client_endpoint"] = f"{second.url}/bitrix24/vektor/rest/"
        app = Application(PortalClient(second, opened), pair)
        assert (await app.result("profile"))["ID"] == "1"
        assert (await app.grant()).status_code == 200
