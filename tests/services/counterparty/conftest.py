"""A first sync that can be run, in a test's own database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kit.database import Databases
from tests.services.counterparty.syncing import Rig, rigged


@pytest.fixture
async def rig(databases: Databases, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """With an account of Elba, or of the vendor that a test names."""
    async with rigged(databases, tmp_path, getattr(request, "param", "elba")) as made:
        yield made
