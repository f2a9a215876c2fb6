"""Fixtures: an ingest that knows one tenant, and the portal and the account that belong to it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chassis.work.permits import PermitClient
from services.ingest.app import SPEC
from tests.kit.database import Databases, OwnDatabase
from tests.sandbox.running import Sandbox, serve
from tests.services.ingest.app_office import Office, app_file
from tests.services.ingest.people import deaf, people
from tests.services.ingest.running import SERVICE_TOKEN, Ingest, document, running

__all__ = ("deaf", "people")


@pytest.fixture(autouse=True)
def _no_kafka_to_flush_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Kafka in these tests: the outbox is looked at, and need not be flushed at the end."""
    monkeypatch.setattr("chassis.service.running.FLUSH_SECONDS_MAX", 0.02)


@pytest.fixture
async def own(databases: Databases) -> OwnDatabase:
    """A database of ingest."""
    assert SPEC.migrations is not None
    return await databases("ingest", SPEC.migrations)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox without limits."""
    async with serve(tmp_path / "sandbox") as found:
        yield found


@pytest.fixture
async def portal(sandbox: Sandbox) -> dict[str, Any]:
    """A portal with one funnel."""
    found: dict[str, Any] = await sandbox.control("/bitrix24/portals", {"slug": "vektor", "title": "ООО «Вектор»"})
    return found


@pytest.fixture
async def account(sandbox: Sandbox) -> dict[str, Any]:
    """An Elba account."""
    found: dict[str, Any] = await sandbox.control("/elba/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
    return found


@pytest.fixture
async def bare(own: OwnDatabase, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Ingest]:
    """An ingest without tenants, on the sandbox's clock."""
    async with running(own, tmp_path, sandbox) as found:
        yield found


@pytest.fixture
async def ingest(bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]) -> Ingest:
    """An ingest with the tenant of ``portal`` and ``account``."""
    await bare.apply(document(sandbox, portal, account))
    return bare


@pytest.fixture
async def office(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    """A tenant in mode app: applied, not connected yet."""
    monkeypatch.setattr("services.ingest.api.installing.AGAIN_SECONDS", (0.2,))
    monkeypatch.setattr("services.ingest.api.installing.LOOK_SECONDS", 0.1)
    await bare.apply(app_file(sandbox, portal, account))
    async with PermitClient(bare.url, SERVICE_TOKEN) as client:
        yield Office(bare, sandbox, portal, client)
