"""An account of the sandbox for each test, with a connector to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from connectors.registry import ELBA_SEED
from tests.connectors.accounting.desk import SELLER, AccountingDesk
from tests.connectors.kit_sandbox import sandboxed


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AccountingDesk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control("/elba/accounts", {**SELLER, "dials": {"pdf_render_seconds": 0}})
        found = AccountingDesk(sandbox, http, account, ELBA_SEED, name="elba")
        await found.sign_in()
        yield found
