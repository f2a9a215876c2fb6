"""A tenant whose sealed secrets do not open any more is applied again and removed like any other."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chassis.work.handlers import Permit, PermitClass
from chassis.work.permits import PermitClient
from tests.kit.database import OwnDatabase
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import SERVICE_TOKEN, TENANT, Ingest, document, running

pytestmark = [pytest.mark.parts, pytest.mark.expects_errors("the secrets of an account do not open")]

URL = f"/api/v1/tenants/{TENANT}"
ACCOUNTS = f"bitrix24:{TENANT}, elba:{TENANT}:main"


@pytest.fixture
async def keyless(ingest: Ingest, own: OwnDatabase, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Ingest]:
    """A process that began after the key had been lost."""
    await ingest.rows("UPDATE data_keys SET kek_id = 'lost' RETURNING 1")
    async with running(own, tmp_path, sandbox) as found:
        yield found


async def test_its_file_is_applied_again_and_brings_the_secrets_anew(
    keyless: Ingest, ingest: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    file, warning = document(sandbox, portal, account), {"code": "secrets_unreadable", "values": {"accounts": ACCOUNTS}}
    assert (await keyless.api.get(URL)).json()["webhook_urls"] == {}
    preview = (await keyless.api.put(URL, json=file, params={"dry_run": "1"})).json()
    assert preview["warnings"] == [warning]
    assert "bitrix24.webhook_url" in {change["key"] for change in preview["changes"]}
    applied = await keyless.apply(file)
    assert applied["warnings"] == [warning]
    assert keyless.hook not in ("", ingest.hook)
    assert (await keyless.apply(file))["warnings"] == []
    async with PermitClient(keyless.url, SERVICE_TOKEN) as client:
        assert isinstance(await client.acquire(f"bitrix24:{TENANT}", 1, PermitClass.BULK), Permit)


async def test_it_is_removed(keyless: Ingest) -> None:
    answer = await keyless.api.post(f"{URL}/remove")
    assert (answer.status_code, answer.json()["status"]) == (200, "removed")
    assert await keyless.rows("SELECT * FROM connections") == []
