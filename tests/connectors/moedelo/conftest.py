"""An account of the sandbox for each test, with a connector to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from connectors.registry import MOEDELO
from tests.connectors.accounting.desk import SELLER, AccountingDesk
from tests.connectors.kit_sandbox import sandboxed


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AccountingDesk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control("/moedelo/accounts", {**SELLER, "dials": {"pdf_render_seconds": 0}})
        yield AccountingDesk(sandbox, http, account, MOEDELO, name="moedelo", token="api_key")
