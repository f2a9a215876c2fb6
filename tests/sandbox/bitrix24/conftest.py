"""Fixtures of the simulated portal's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.sandbox.bitrix24.application import Application, installed
from tests.sandbox.bitrix24.client import PortalClient, Receiver, receiving
from tests.sandbox.running import Sandbox

OPENING = {"slug": "vektor", "title": "ООО «Вектор»", "funnels": [{"name": "Общая"}, {"id": 2, "name": "Опт"}]}


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A fresh portal with two funnels."""
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", OPENING))


@pytest_asyncio.fixture
async def receiver(crm: PortalClient) -> AsyncIterator[Receiver]:
    """A handler to which the portal's outgoing webhook is pointed."""
    async with receiving() as running:
        await crm.control("/subscriptions/1", {"url": running.url}, "PATCH")
        yield running


@pytest_asyncio.fixture
async def hears() -> AsyncIterator[Receiver]:
    """Where the application hears of its installation and of events."""
    async with receiving() as running:
        yield running


@pytest_asyncio.fixture
async def app(crm: PortalClient, hears: Receiver) -> Application:
    """The portal's application, installed."""
    return await installed(crm, hears)
