"""Permits over HTTP as the workers of other services ask for them: tokens, limits, refusals."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chassis.domain import Problem
from chassis.http import AddressPolicy, VendorHttp
from chassis.outcomes import Deferred, Ok, Retryable
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.permits import PERMITS_AWAY, PermitClient
from connectors.elba.client import ElbaSeed
from services.ingest.store.connections import ConnectionStore
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import SERVICE_TOKEN, TENANT, Ingest, document

pytestmark = pytest.mark.parts

ELBA, CRM = "elba:vektor:main", "bitrix24:vektor"


@pytest.fixture
async def client(ingest: Ingest) -> AsyncIterator[PermitClient]:
    async with PermitClient(ingest.url, SERVICE_TOKEN) as found:
        yield found


async def token_requests(sandbox: Sandbox) -> int:
    lines = await sandbox.lines(vendor="elba", kind="request")
    return sum("token" in line["operation"] for line in lines)


async def limited(ingest: Ingest, burst: int, per_second: float) -> None:
    file = ingest.documents[TENANT]
    file["sellers"][0]["accounting"]["limit"] = {"burst": burst, "per_second": per_second}
    await ingest.apply(file)


async def given(client: PermitClient, count: int = 1, share: PermitClass = PermitClass.INTERACTIVE) -> Permit:
    answer = await client.acquire(ELBA, count, share)
    assert isinstance(answer, Permit), answer
    return answer


async def test_the_token_is_good_for_the_vendor_and_fetched_once_for_many(
    client: PermitClient, sandbox: Sandbox, ingest: Ingest
) -> None:
    permits = await asyncio.gather(*(given(client) for _ in range(20)))
    assert len({permit.access_token for permit in permits}) == 1
    assert await token_requests(sandbox) == 1
    async with VendorHttp(AddressPolicy(development=True)) as http:
        answer = await ElbaSeed(http, sandbox.world.clock).ping(permits[0])  # type: ignore[arg-type]  # has now()
    assert isinstance(answer, Ok)


@pytest.mark.expects_errors("a request failed", "gives no permits")
async def test_what_is_wrong_on_our_side_is_no_unknown_account(
    client: PermitClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown account ends its polls for good."""

    find = ConnectionStore.find

    async def broken(store: ConnectionStore, connection: Any, tenant: Any, account: str, **more: Any) -> Any:
        if account == ELBA:
            raise ValueError("a row that cannot be read")
        return await find(store, connection, tenant, account, **more)

    monkeypatch.setattr(ConnectionStore, "find", broken)
    answer = await client.acquire(ELBA, 1, PermitClass.INTERACTIVE)
    assert not isinstance(answer, Permit)
    assert answer.problem.code == PERMITS_AWAY


async def test_a_token_is_renewed_a_minute_before_its_end(client: PermitClient, sandbox: Sandbox) -> None:
    first = await given(client)
    await sandbox.advance(3_600 - 90)
    assert (await given(client)).access_token == first.access_token
    await sandbox.advance(45)

    assert (await given(client)).access_token != first.access_token
    assert await token_requests(sandbox) == 2


async def test_a_refused_token_is_replaced_once(
    client: PermitClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await given(client)
    monkeypatch.setattr("services.ingest.api.tokens.ECHO_SECONDS", 0.0)
    await client.report(ELBA, Problem(TOKEN_REFUSED), None)
    monkeypatch.setattr("services.ingest.api.tokens.ECHO_SECONDS", 60.0)
    second = await given(client)
    assert second.access_token != first.access_token
    for _ in range(10):  # the calls that were under way with the first one
        await client.report(ELBA, Problem(TOKEN_REFUSED), None)
    assert (await given(client)).access_token == second.access_token
    assert await token_requests(sandbox) == 2


async def test_wrong_credentials_are_an_outage_and_are_not_tried_all_the_time(
    client: PermitClient, sandbox: Sandbox, ingest: Ingest
) -> None:
    file = ingest.documents[TENANT]
    file["sellers"][0]["accounting"]["client_secret"] = "another"
    await ingest.apply(file)
    answers = [await client.acquire(ELBA, 1, PermitClass.INTERACTIVE) for _ in range(5)]
    assert all(isinstance(answer, Retryable) and answer.outage for answer in answers), answers
    assert await token_requests(sandbox) == 1


async def test_no_more_is_given_than_the_limit_and_bulk_leaves_a_fifth(client: PermitClient, ingest: Ingest) -> None:
    await limited(ingest, 10, 0.001)
    assert (await given(client, 8, PermitClass.BULK)).count == 8
    assert isinstance(await client.acquire(ELBA, 1, PermitClass.BULK), Deferred)
    assert (await given(client, 10)).count == 2
    refused = await client.acquire(ELBA, 1, PermitClass.INTERACTIVE)
    assert isinstance(refused, Deferred)
    assert refused.until is not None


async def test_calls_that_were_not_made_are_given_to_others(client: PermitClient, ingest: Ingest) -> None:
    await limited(ingest, 10, 0.001)
    assert (await given(client, 10)).count == 10
    answer = await client.acquire(ELBA, 10, PermitClass.INTERACTIVE, unused=7)
    assert isinstance(answer, Permit)
    assert answer.count == 7


async def test_work_gets_the_calls_that_it_needs_together_or_none(client: PermitClient, ingest: Ingest) -> None:
    await limited(ingest, 10, 0.001)
    assert (await given(client, 6)).count == 6
    assert isinstance(await client.acquire(ELBA, 10, PermitClass.INTERACTIVE, least=5), Deferred)
    assert (await given(client, 10)).count == 4


async def test_a_block_has_ten_permits_at_most_and_ends_after_five_seconds(
    client: PermitClient, sandbox: Sandbox
) -> None:
    permit = await given(client, 500)
    assert permit.count == 10
    assert (permit.expires_at - sandbox.world.clock.now()).total_seconds() <= 5
    assert permit.options == {"vendor": "elba", "profile": "seed"}


async def test_what_is_left_survives_a_change_of_the_file(client: PermitClient, ingest: Ingest) -> None:
    await limited(ingest, 10, 0.001)
    await given(client, 10)
    await limited(ingest, 12, 0.001)
    assert (await given(client, 10)).count == 2


async def test_the_vendors_own_limit_closes_the_bucket_until_its_moment(
    client: PermitClient, ingest: Ingest, sandbox: Sandbox
) -> None:
    await limited(ingest, 50, 5)
    await client.report(ELBA, Problem("vendor_limit"), None)
    assert isinstance(await client.acquire(ELBA, 1, PermitClass.INTERACTIVE), Deferred)
    await sandbox.advance(2)
    assert (await given(client)).count == 1


async def test_the_crm_has_its_address_for_a_secret_and_no_token(client: PermitClient, portal: dict[str, Any]) -> None:
    permit = await client.acquire(CRM, 1, PermitClass.SWEEP)
    assert isinstance(permit, Permit)
    assert (permit.endpoint, permit.access_token) == (portal["webhook_url"], "")


async def test_an_account_that_nobody_has_is_no_outage(client: PermitClient) -> None:
    for account in ("elba:gamma:main", "nonsense", "elba:ВЕКТОР:main", "bitrix24:vektor:main"):
        answer = await client.acquire(account, 1, PermitClass.INTERACTIVE)
        assert isinstance(answer, Retryable)
        assert not answer.outage


async def test_only_services_are_given_permits_and_only_for_what_they_say_right(ingest: Ingest) -> None:
    body = {"account": CRM, "count": 1, "class": "interactive"}
    assert (await ingest.outside.post("/internal/permits", json=body)).status_code == 401
    assert (await ingest.api.post("/internal/permits", json=body)).status_code == 401
    wrong: list[Any] = [{**body, "count": 0}, {**body, "class": "mine"}, {**body, "count": "1"}, {"count": 1}, []]
    for one in wrong:
        answer: httpx.Response = await ingest.internal.post("/internal/permits", json=one)
        assert (answer.status_code, set(answer.json())) == (400, {"error"}), one
    assert (await ingest.internal.post("/internal/permits/report", json={"account": CRM})).status_code == 400


@pytest.mark.expects_errors("the secrets of an account do not open")
async def test_secrets_lie_sealed_and_open_only_in_their_own_row(
    client: PermitClient, ingest: Ingest, sandbox: Sandbox, account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.api.permits.ACCOUNT_FRESH_SECONDS", 0.0)
    await given(client)
    other = await sandbox.control("/bitrix24/portals", {"slug": "gamma", "title": "Гамма"})
    await ingest.apply(document(sandbox, other, account, tenant="gamma"))
    dump = str(await ingest.rows("SELECT * FROM connections")) + str(await ingest.rows("SELECT * FROM tenant_files"))
    for secret in (account["client_secret"], other["webhook_url"], other["application_token"]):
        assert secret not in dump
    await ingest.rows(
        "UPDATE connections c SET sealed = o.sealed FROM connections o "
        "WHERE c.account = 'bitrix24:gamma' AND o.account = 'bitrix24:vektor' RETURNING 1"
    )
    answer = await ingest.internal.post(
        "/internal/permits", json={"account": "bitrix24:gamma", "count": 1, "class": "interactive"}
    )
    assert answer.json()["retryable"]["problem"]["code"] == "secret_unreadable", "moved, it does not open"
