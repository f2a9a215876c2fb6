"""Permits of accounts that are opened by a key, or by refresh tokens that are good for one use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.http import AddressPolicy, VendorHttp
from chassis.outcomes import Ok, Retryable
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.permits import PermitClient
from connectors.moedelo.client import Moedelo
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import SERVICE_TOKEN, TENANT, Ingest

pytestmark = pytest.mark.parts

ACCOUNT = "moedelo:vektor:main"
BY_KEY = ("api_key", "api_url")
BY_OAUTH = ("api_url", "token_url", "client_id", "client_secret", "refresh_token")


@pytest.fixture
async def client(ingest: Ingest) -> AsyncIterator[PermitClient]:
    async with PermitClient(ingest.url, SERVICE_TOKEN) as found:
        yield found


@pytest.fixture
async def moedelo(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = await sandbox.control("/moedelo/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
    return found


async def applied(ingest: Ingest, moedelo: dict[str, Any], keys: tuple[str, ...], **more: Any) -> None:
    file = ingest.documents[TENANT]
    accounting = {"vendor": "moedelo", **{key: moedelo[key] for key in keys}, **more}
    file["sellers"][0]["accounting"] = accounting
    await ingest.apply(file)


async def given(client: PermitClient) -> Permit:
    answer = await client.acquire(ACCOUNT, 1, PermitClass.INTERACTIVE)
    assert isinstance(answer, Permit), answer
    return answer


async def opens(sandbox: Sandbox, permit: Permit) -> bool:
    async with VendorHttp(AddressPolicy(development=True)) as http:
        return isinstance(await Moedelo(http, sandbox.world.clock).ping(permit), Ok)  # type: ignore[arg-type]


async def refreshed(sandbox: Sandbox) -> int:
    lines = await sandbox.lines(vendor="moedelo", kind="request")
    return sum(line["operation"] == "token" for line in lines)


async def test_a_key_is_given_as_it_is(
    client: PermitClient, ingest: Ingest, sandbox: Sandbox, moedelo: dict[str, Any]
) -> None:
    await applied(ingest, moedelo, BY_KEY)
    permit = await given(client)
    assert permit.options == {"vendor": "moedelo", "profile": "standard", "auth_mode": "api_key", "closing": "act"}
    assert await opens(sandbox, permit)
    await client.report(ACCOUNT, Problem(TOKEN_REFUSED), None)
    assert (await given(client)).access_token == moedelo["api_key"], "there is no other"


async def test_one_refresh_serves_many_and_its_token_is_kept_for_the_next(
    client: PermitClient, ingest: Ingest, sandbox: Sandbox, moedelo: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.api.permits.ACCOUNT_FRESH_SECONDS", 0.0)
    await applied(ingest, moedelo, BY_OAUTH, auth_mode="oauth", limit={"burst": 10, "per_second": 5})
    permits = await asyncio.gather(*(given(client) for _ in range(10)))
    assert len({permit.access_token for permit in permits}) == 1
    assert await refreshed(sandbox) == 1
    assert await opens(sandbox, permits[0])
    for times in (2, 3):
        await sandbox.advance(3_600)
        assert await opens(sandbox, await given(client)), "the refresh token that came in place of the used one works"
        assert await refreshed(sandbox) == times


async def test_the_kept_refresh_token_outlives_another_change_of_the_file(
    client: PermitClient, ingest: Ingest, sandbox: Sandbox, moedelo: dict[str, Any]
) -> None:
    await applied(ingest, moedelo, BY_OAUTH, auth_mode="oauth")
    await given(client)
    await applied(ingest, moedelo, BY_OAUTH, auth_mode="oauth", limit={"burst": 7, "per_second": 7})
    assert await opens(sandbox, await given(client))
    dump = str(await ingest.rows("SELECT * FROM connections"))
    assert moedelo["refresh_token"] not in dump


async def test_a_new_refresh_token_of_the_owner_takes_the_place_of_a_dead_one(
    client: PermitClient, ingest: Ingest, sandbox: Sandbox, moedelo: dict[str, Any]
) -> None:
    await applied(ingest, moedelo, BY_OAUTH, auth_mode="oauth")
    await given(client)
    await sandbox.control(
        f"/moedelo/{moedelo['account']}/tokens", {"state": "revoked", "existing": True, "refresh": True}
    )
    await sandbox.advance(3_600)
    refused = await client.acquire(ACCOUNT, 1, PermitClass.INTERACTIVE)
    assert isinstance(refused, Retryable)
    assert (refused.problem.code, refused.outage) == ("reconnection_needed", True)
    anew = await sandbox.control(f"/moedelo/{moedelo['account']}/tokens", {"state": "valid", "refresh": True})
    await applied(ingest, {**moedelo, "refresh_token": anew["refresh_token"]}, BY_OAUTH, auth_mode="oauth")
    await sandbox.advance(60)
    assert await opens(sandbox, await given(client))
