"""An account of the sandbox for each test, with a connector to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.connectors.accounting.desk import SELLER
from tests.connectors.elba_vendor.desk import Desk
from tests.connectors.kit_sandbox import sandboxed


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        yield Desk(sandbox, http, await sandbox.control("/elba-vendor/accounts", SELLER))
