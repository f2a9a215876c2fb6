"""The authorisation server over real HTTP, and what its answers mean; an application's calls with its token."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from chassis.clock import Clock
from chassis.http import Answer
from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from chassis.work.handlers import Permit
from chassis.work.permits import TOKEN_MARK, token_mark
from connectors.bitrix24.application import EVENTS, Bitrix24App
from connectors.bitrix24.client import Bitrix24
from connectors.bitrix24.oauth import Bitrix24OAuth, owner_must_connect
from connectors.ports.crm import PortalMoved
from connectors.ports.crm.access import AppCredentials, HandlersKept, TokenPair
from tests.connectors.kit import FailureType, Script, answer
from tests.connectors.kit_sandbox import Impatient, sandboxed
from tests.sandbox.running import Sandbox

HOOK = "http://127.0.0.1:9/hooks/bitrix24/secret"


class Office:
    """A portal with an application, and clients of both its servers."""

    def __init__(self, sandbox: Sandbox, http: Impatient, portal: dict[str, Any]) -> None:
        self.sandbox, self.http = sandbox, http
        self.app = AppCredentials(portal["oauth_url"], portal["client_id"], portal["client_secret"])
        self.oauth = Bitrix24OAuth(http, Clock())
        self.moved: list[PortalMoved] = []
        self.crm = Bitrix24(http, Clock(), self.moved.append)
        self.own = Bitrix24App(http, Clock(), self.moved.append)

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/bitrix24/portals/vektor{path}", body, method)

    async def pair(self, **options: Any) -> TokenPair:
        made = await self.act("/tokens", options)
        return TokenPair(made["access_token"], made["refresh_token"], 3600, made["member_id"], made["client_endpoint"])

    def permit(self, pair: TokenPair) -> Permit:
        return Permit("bitrix24:vektor", pair.endpoint, pair.access_token, 10, datetime.now(UTC))


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with sandboxed(tmp_path) as (sandbox, http):
        portal = await sandbox.control("/bitrix24/portals", {"slug": "vektor"})
        yield Office(sandbox, http, portal)


async def test_a_pair_is_renewed_and_inspected(office: Office) -> None:
    first = await office.pair()
    second = await office.oauth.renew(office.app, first.refresh_token)
    assert isinstance(second, Ok)
    assert second.value.endpoint == first.endpoint
    assert (second.value.member_id, second.value.user_id) == (first.member_id, "1")
    assert second.value.access_token not in repr(second.value)
    facts = await office.oauth.inspect(office.app, second.value.access_token)
    assert isinstance(facts, Ok)
    assert (facts.value.member_id, facts.value.endpoint) == (first.member_id, first.endpoint)
    assert facts.value.is_of(office.app.client_id)
    assert not facts.value.is_of("local.another.1")


async def test_a_spent_grant_is_for_the_owner_and_nothing_else_is(office: Office) -> None:
    pair = await office.pair()
    await office.oauth.renew(office.app, pair.refresh_token)
    again = await office.oauth.renew(office.app, pair.refresh_token)
    assert isinstance(again, Rejected)
    assert owner_must_connect(again)
    wrong = AppCredentials(office.app.oauth_url, office.app.client_id, "another")
    refused = await office.oauth.renew(wrong, (await office.pair()).refresh_token)
    assert isinstance(refused, Retryable)
    assert (refused.problem.code, owner_must_connect(refused)) == ("credentials_refused", False)


async def test_a_code_is_exchanged(office: Office) -> None:
    await office.act("/apps", {"handler_url": "https://app.example.ru/x"}, "PATCH")
    page = f"/bitrix24/vektor/oauth/authorize/?client_id={office.app.client_id}&state=s"
    answer = await office.sandbox.client.get(page, follow_redirects=False)
    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    assert isinstance(await office.oauth.exchange(office.app, code), Ok)
    assert isinstance(await office.oauth.exchange(office.app, code), Rejected)


async def test_calls_carry_the_token_in_their_body_and_name_it_when_it_is_spent(office: Office) -> None:
    pair = await office.pair()
    assert isinstance(await office.crm.ping(office.permit(pair)), Ok)
    assert isinstance(await office.crm.read_deal_stages(office.permit(pair)), Ok)
    await office.sandbox.advance(3_600)
    spent = await office.crm.ping(office.permit(pair))
    assert isinstance(spent, Retryable)
    assert (spent.problem.code, spent.outage) == ("token_refused", False)
    assert spent.problem.values[TOKEN_MARK] == token_mark(pair.access_token)
    inspected = await office.oauth.inspect(office.app, pair.access_token)
    assert isinstance(inspected, Retryable)
    assert inspected.problem.code == "token_refused"


async def test_a_renamed_portal_is_followed_with_its_token(office: Office) -> None:
    pair = await office.pair()
    new = (await office.act("/rename"))["settings"]["moved_to"]
    assert isinstance(await office.crm.ping(office.permit(pair)), Ok)
    assert [one.new_endpoint for one in office.moved] == [f"http://{new}/bitrix24/vektor/rest/"]


async def test_who_administers_the_portal(office: Office) -> None:
    assert await office.own.is_admin(office.permit(await office.pair(user_id=1))) == Ok(True)
    assert await office.own.is_admin(office.permit(await office.pair(user_id=7))) == Ok(False)


async def test_handlers_are_what_is_wanted_and_a_second_look_changes_nothing(office: Office) -> None:
    permit = office.permit(await office.pair())
    await office.act("/apps/install", {"install_url": HOOK})
    kept = await office.own.keep_handlers(permit, EVENTS, "http://127.0.0.1:9/hooks/bitrix24/before")
    assert kept == Ok(HandlersKept(tuple(sorted(EVENTS))))
    assert await office.own.keep_handlers(permit, EVENTS, HOOK) == Ok(HandlersKept(tuple(sorted(EVENTS))))
    assert await office.own.keep_handlers(permit, EVENTS, HOOK) == Ok(HandlersKept())
    (app,) = (await office.act("/apps", method="GET"))["apps"]
    assert {one["handler"] for one in app["handlers"]} == {HOOK}
    odd = await office.own.keep_handlers(permit, (*EVENTS, "ONNOTHING"), HOOK)
    assert odd == Ok(HandlersKept((), ("ONNOTHING",)))


class Said:
    """A server that answers what it is told to."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.answer = Answer(status, headers or {}, body)
        self.asked: list[Any] = []

    async def send(self, call: Any) -> Answer:
        self.asked.append(call)
        return self.answer


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error": "invalid_grant"}, Rejected, "crm_grant_refused"),
        (400, {"error": "bad_verification_code"}, Rejected, "crm_grant_refused"),
        (401, {"error": "invalid_client"}, Retryable, "credentials_refused"),
        (200, {"error": "wrong_client"}, Retryable, "credentials_refused"),
        (401, {"error": "NOT_INSTALLED"}, Retryable, "crm_connection_refused"),
        (401, {"error": "PAYMENT_REQUIRED"}, Retryable, "crm_plan_refused"),
        (400, {"error": "invalid_scope"}, Retryable, "scope_missing"),
        (429, {"error": "x"}, Deferred, "vendor_limit"),
        (503, {"error": "QUERY_LIMIT_EXCEEDED"}, Deferred, "vendor_limit"),
        (500, {"error": "INTERNAL_SERVER_ERROR"}, Retryable, "vendor_fault"),
        (200, {"access_token": "a"}, Retryable, "vendor_answer_unexpected"),
        (200, {}, Retryable, "vendor_answer_unreadable"),
        (502, None, Retryable, "vendor_fault"),
        (200, None, Retryable, "vendor_answer_unreadable"),
    ],
)
async def test_answers_of_the_server(status: int, body: Any, kind: FailureType, code: str) -> None:
    said = Said(status, b"<html>nginx</html>" if body is None else orjson.dumps(body))
    oauth = Bitrix24OAuth(said, Clock())
    outcome = await oauth.renew(AppCredentials("https://oauth.bitrix24.tech", "id", "hidden"), "rr22")
    assert isinstance(outcome, kind)
    assert outcome.problem.code == code
    (call,) = said.asked
    assert (call.method, call.url) == ("POST", "https://oauth.bitrix24.tech/oauth/token/")
    assert b"hidden" in call.content


async def test_a_server_that_takes_the_documented_get_alone_is_asked_so() -> None:
    said = Script(Answer(405, {}, b""), answer({"access_token": "a", "refresh_token": "r", "expires_in": 3600}))
    outcome = await Bitrix24OAuth(said, Clock()).renew(AppCredentials("https://o", "id", "s+"), "rr22")
    assert outcome == Ok(TokenPair("a", "r", 3600))
    posted, got = said.calls
    assert (got.method, got.content) == ("GET", None)
    assert (
        got.url == "https://o/oauth/token/?grant_type=refresh_token&refresh_token=rr22&client_id=id&client_secret=s%2B"
    )
    assert posted.url == "https://o/oauth/token/"


async def test_a_pair_without_the_portals_address_is_kept_all_the_same() -> None:
    said = Said(200, orjson.dumps({"access_token": "a", "refresh_token": "r", "expires_in": "7200"}))
    outcome = await Bitrix24OAuth(said, Clock()).renew(AppCredentials("https://o", "id", "s"), "rr22")
    assert outcome == Ok(TokenPair("a", "r", 7200))


@pytest.mark.parametrize("endpoint", ["vektor.bitrix24.ru/rest/", "https://vektor.bitrix24.ru/", {"host": "vektor"}])
async def test_a_pair_with_an_address_that_cannot_be_one_is_kept_without_the_address(endpoint: Any) -> None:
    """The pair before it opens nothing any more."""
    told = {"access_token": "a", "refresh_token": "r", "expires_in": "7200", "client_endpoint": endpoint}
    outcome = await Bitrix24OAuth(Said(200, orjson.dumps(told)), Clock()).renew(
        AppCredentials("https://o", "i", "s"), "rr"
    )
    assert outcome == Ok(TokenPair("a", "r", 7200))
