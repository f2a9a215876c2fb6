"""A pair of tokens outlives a database that is away, the process that holds it, and another that asks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.engine import Engine
from chassis.http import AddressPolicy
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from chassis.postgres import Database
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.permits import TOKEN_MARK, PermitClient, token_mark
from connectors.ports.crm.access import AppCredentials, TokenPair
from services.ingest.api.installing import Installer
from services.ingest.api.tokens import Renewed
from services.ingest.app import SPEC, _renew
from services.ingest.domain import portal
from services.ingest.store.connections import CLIENT_ID, CLIENT_SECRET, OAUTH, REFRESH_TOKEN, Account, ConnectionStore
from tests.kit.database import OwnDatabase
from tests.services.ingest.app_office import CRM, Office
from tests.services.ingest.running import SERVICE_TOKEN, running, until

pytestmark = pytest.mark.parts


async def test_a_pair_that_the_database_did_not_take_is_written_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.install()
    true_swap, failures = ConnectionStore.swap_pair, 3

    async def swap(self: ConnectionStore, *arguments: Any) -> bool:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionResetError("the database is away")
        return await true_swap(self, *arguments)

    monkeypatch.setattr(ConnectionStore, "swap_pair", swap)
    first = await office.permit()
    await office.spent(first)
    second = await office.permit()
    assert second.access_token != first.access_token
    assert failures == 0
    assert len(await office.calls("oauth.token")) == 1


class Cut:
    """Cuts the first process that renews the pair off from writing it, until ``back`` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.true_swap, self.back, self.refused = ConnectionStore.swap_pair, False, 0
        self.first: ConnectionStore | None = None
        cut = self

        async def swap(store: ConnectionStore, *arguments: Any) -> bool:
            cut.first = cut.first or store
            if store is cut.first and not cut.back:
                cut.refused += 1
                raise ConnectionResetError("the database is away")
            return await cut.true_swap(store, *arguments)

        monkeypatch.setattr(ConnectionStore, "swap_pair", swap)
        monkeypatch.setattr("services.ingest.api.tokens.SAVE_TRIES_MAX", 1)
        monkeypatch.setattr("services.ingest.api.tokens.KEEP_EVERY_SECONDS", 0.1)
        monkeypatch.setattr("services.ingest.api.permits.ACCOUNT_FRESH_SECONDS", 0.0)


async def _leases_run_out(office: Office) -> None:
    await office.ingest.rows("UPDATE connections SET lease_until = clock_timestamp() - interval '1 ms'")


@pytest.fixture
async def other(office: Office, own: OwnDatabase, tmp_path: Path) -> AsyncIterator[PermitClient]:
    """A second process beside the one of ``office``."""
    async with running(own, tmp_path, office.sandbox) as second, PermitClient(second.url, SERVICE_TOKEN) as client:
        yield client


async def test_a_pair_that_another_process_holds_in_memory_is_not_called_lost(
    office: Office, other: PermitClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres was away for longer than a lease right after the vendor had answered."""
    await office.install()
    first = await office.permit()
    cut = Cut(monkeypatch)
    await office.spent(first)
    assert isinstance(await office.asked(), Deferred)
    assert cut.refused
    for _ in range(2):
        await _leases_run_out(office)
        assert isinstance(await other.acquire(CRM, 1, PermitClass.BULK), Deferred)
    assert (await office.row())["state"] == "connected"
    cut.back = True

    async def renewed() -> Permit | None:
        answer = await other.acquire(CRM, 1, PermitClass.BULK)  # nobody asks the process that holds the pair
        return answer if isinstance(answer, Permit) else None

    assert (await until(renewed, "the pair is written")).access_token != first.access_token
    assert "PortalLost" not in await office.events()


@pytest.mark.expects_errors("a pair of tokens is lost with this process")
async def test_a_pair_whose_holder_never_comes_back_is_lost_in_the_end(
    office: Office, other: PermitClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.api.tokens.HELD_SECONDS", 0.0)
    await office.install()
    await office.spent(await office.permit())
    Cut(monkeypatch)
    assert isinstance(await office.asked(), Deferred)
    await _leases_run_out(office)
    answer = await other.acquire(CRM, 1, PermitClass.BULK)
    assert isinstance(answer, Retryable)
    assert answer.problem.code == "portal_reconnect_needed"
    assert (await office.events())[-1] == "PortalLost"


async def test_a_pair_that_is_on_its_way_when_the_process_is_told_to_end_is_written(
    office: Office, own: OwnDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.install()
    async with running(own, tmp_path, office.sandbox) as second, PermitClient(second.url, SERVICE_TOKEN) as client:
        first = await client.acquire(CRM, 1, PermitClass.BULK)
        assert isinstance(first, Permit)
        cut = Cut(monkeypatch)
        monkeypatch.setattr("services.ingest.api.tokens.KEEP_EVERY_SECONDS", 60.0)
        problem = Problem(TOKEN_REFUSED, {TOKEN_MARK: token_mark(first.access_token)})
        await client.report(CRM, problem, None)
        assert isinstance(await client.acquire(CRM, 1, PermitClass.BULK), Deferred)
        cut.back = True
    assert (await office.permit()).access_token != first.access_token
    assert len(await office.calls("oauth.token")) == 1


async def test_a_process_that_stood_still_puts_no_spent_pair_in_place_of_a_newer_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease had ended, another one took the offer, and the pair was renewed since."""
    true_take, taken = Installer._take, []

    async def take(self: Installer, *arguments: Any) -> None:
        taken.append((self, *arguments))
        await true_take(self, *arguments)

    monkeypatch.setattr(Installer, "_take", take)
    await office.install()
    await office.spent(await office.permit())
    await office.permit()
    newest = await office.row()
    await true_take(*taken[0])
    assert (await office.row())["refresh"] == newest["refresh"]


class Given:
    """An authorisation server that names an address along with the pair."""

    def __init__(self, endpoint: str) -> None:
        self.pair = TokenPair("a", "r", 3600, endpoint=endpoint)

    async def renew(self, app: AppCredentials, refresh_token: str) -> Outcome[TokenPair]:
        return Ok(self.pair)


@pytest.mark.parametrize("endpoint", ["https://10.0.0.7/rest/", "https://[::1/rest/"])
async def test_a_pair_whose_address_is_not_called_from_here_is_kept_without_the_address(endpoint: str) -> None:
    secrets = {OAUTH: "https://o", CLIENT_ID: "id", CLIENT_SECRET: "s", REFRESH_TOKEN: "rr"}
    account = Account(TenantId("vektor"), CRM, "bitrix24", "app", secrets)
    assert await _renew(Given(endpoint), AddressPolicy())(account) == Ok(Renewed("a", "r", 3600))


async def test_an_account_is_called_lost_beside_whoever_changes_its_tenant(office: Office, own: OwnDatabase) -> None:
    """Both take the stream before the row, here as everywhere; else Postgres would have to part them."""
    await office.install()
    await office.act("/tokens", {"state": "revoked", "existing": True, "kind": "refresh"})
    permit = await office.permit()
    engine, database = Engine(SPEC.name, SPEC.stream_kinds()), await Database.open(own.urls.app, own.urls.delivery)
    tenant = TenantId("vektor")
    async with database.transaction([tenant]) as connection:
        await engine.lock(connection, [engine.key_of(tenant, portal.STREAM)])
        await office.spent(permit)
        asked = asyncio.create_task(office.asked())

        async def waits() -> bool:
            rows = await office.ingest.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")
            return bool(rows)

        await until(waits, "the other waits for the stream")
        await connection.fetch("SELECT 1 FROM connections WHERE account = $1 FOR UPDATE NOWAIT", CRM)
    await database.close()
    answer = await asked
    assert isinstance(answer, Retryable)
    assert answer.problem.code == "portal_reconnect_needed"
