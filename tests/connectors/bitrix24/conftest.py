"""The portal that tests of this folder work with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.connectors.bitrix24.office import Office, open_office
from tests.connectors.kit_sandbox import sandboxed


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with sandboxed(tmp_path) as (sandbox, http):
        yield await open_office(sandbox, http)
