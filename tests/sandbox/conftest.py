"""Fixtures of the sandbox's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.sandbox.running import Sandbox, serve


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """An empty sandbox without limits."""
    async with serve(tmp_path / "sandbox") as running:
        yield running
