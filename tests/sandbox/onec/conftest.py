"""A base for a test."""

from __future__ import annotations

import pytest_asyncio

from tests.sandbox.onec.base import Base
from tests.sandbox.running import Sandbox


@pytest_asyncio.fixture
async def base(sandbox: Sandbox) -> Base:
    account = await sandbox.control(
        "/onec/accounts", {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"pdf_render_seconds": 0}}
    )
    return Base(sandbox, account)
