"""Fixtures of the sandbox's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.sandbox.elba_client import ElbaClient
from tests.sandbox.running import Sandbox, serve
from tests.sandbox.statuses import _only_declared_statuses

__all__ = ["_only_declared_statuses"]


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """An empty sandbox without limits."""
    async with serve(tmp_path / "sandbox") as running:
        yield running


@pytest_asyncio.fixture
async def elba(sandbox: Sandbox) -> ElbaClient:
    """A signed-in client of a fresh account that renders at once."""
    account = await sandbox.control(
        "/elba/accounts", {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"pdf_render_seconds": 0}}
    )
    client = ElbaClient(sandbox, account)
    await client.sign_in()
    return client
