"""Ingest in the test's own loop: real Postgres, a sandbox with one portal and one account, no Kafka."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
from pydantic import SecretStr

from chassis.secrets import Keyring
from chassis.service import Service
from chassis.settings import Environment
from deploy.local.ports import free_port
from services.ingest.app import SPEC
from services.ingest.settings import IngestSettings
from tests.kit.database import OwnDatabase
from tests.sandbox.running import PLAIN, Sandbox

DEADLINE_SECONDS = 15.0
API_TOKEN = "api-token-of-the-tests"
SERVICE_TOKEN = "service-token-of-the-tests"
KEYS = Keyring.generate("test")
TENANT = "vektor"
SELLER_INN = "500123456750"


@dataclass
class Ingest:
    """A running ingest. ``api`` has the public token, ``internal`` that of services, ``outside`` none."""

    url: str
    api: httpx.AsyncClient
    internal: httpx.AsyncClient
    outside: httpx.AsyncClient
    own: OwnDatabase
    hook: str = ""
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as the administrator sees them, past all policies."""
        admin = await asyncpg.connect(self.own.admin_url)
        try:
            return [dict(row) for row in await admin.fetch(sql, *values)]
        finally:
            await admin.close()

    async def messages(self, topic: str = "deals") -> list[dict[str, Any]]:
        """Public messages in the order of the outbox: their type under ``type``, their body."""
        found = await self.rows("SELECT headers, body FROM outbox WHERE topic = $1 ORDER BY seq", topic)
        return [{"type": dict(orjson.loads(row["headers"]))["ce_type"], **orjson.loads(row["body"])} for row in found]

    async def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Applies a tenant's file; the address of its webhooks is then ``hook``."""
        answer = await self.api.put(f"/api/v1/tenants/{document['tenant']}", json=document)
        assert answer.status_code == 200, answer.text
        self.documents[document["tenant"]] = document
        found: dict[str, Any] = answer.json()
        self.hook = found["webhook_urls"]["bitrix24"]
        return found


def document(sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A tenant's file, references resolved; ``changes`` replace whole parts."""
    whole: dict[str, Any] = {
        "tenant": TENANT,
        "name": "ООО «Вектор»",
        "activated_at": "2020-01-01T00:00:00+03:00",
        "bitrix24": {
            "webhook_url": portal["webhook_url"],
            "application_token": portal["application_token"],
            "limit": "unlimited",
            "sweep_seconds": 3600,
            "funnels": [{"category": 0, "issue_invoice": ["PREPAYMENT_INVOICE"], "issue_act": ["WON"]}],
        },
        "sellers": [
            {
                "id": "main",
                "inn": SELLER_INN,
                "accounting": {
                    "vendor": "elba",
                    "api_url": account["api_url"],
                    "token_url": account["token_url"],
                    "client_id": account["client_id"],
                    "client_secret": account["client_secret"],
                    "limit": "unlimited",
                },
                "tax": [{"from": "2020-01-01", "regime": "usn_income", "vat": "exempt"}],
            }
        ],
    }
    return {**whole, **changes}


@contextlib.asynccontextmanager
async def running(
    own: OwnDatabase, folder: Path, sandbox: Sandbox | None = None, *, keys: str = KEYS
) -> AsyncIterator[Ingest]:
    """Ingest on a free port, ready for requests; those that share a database share their keys."""
    settings = IngestSettings(
        env=Environment.DEVELOPMENT,
        port=free_port(),
        database_url=SecretStr(own.urls.app),
        delivery_database_url=SecretStr(own.urls.delivery),
        kafka_bootstrap="127.0.0.1:1",
        service_token=SecretStr(SERVICE_TOKEN),
        api_token=SecretStr(API_TOKEN),
        kek=SecretStr(keys),
        blobs_url=f"file:{folder / 'blobs'}",
        sandbox_control_url="" if sandbox is None else f"{sandbox.url}/control",
        stop_seconds_max=6.0,
    )
    service, stop = Service(SPEC, settings), asyncio.Event()
    task = asyncio.create_task(service.run(stop))
    try:
        await until(lambda: _is_ready(service, task), "ingest is ready")
        async with (
            _client(service.url, API_TOKEN) as api,
            _client(service.url, SERVICE_TOKEN) as internal,
            _client(service.url, "") as outside,
        ):
            yield Ingest(service.url, api, internal, outside, own)
    finally:
        stop.set()
        await task


def _is_ready(service: Service[IngestSettings], task: "asyncio.Task[int]") -> bool:
    if task.done():
        task.result()
        raise AssertionError("ingest has ended")
    return service.ready.is_set()


def _client(url: str, token: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=DEADLINE_SECONDS, trust_env=False, verify=PLAIN)


async def until(probe: Callable[[], Any | Awaitable[Any]], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """The probe's first true answer; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")
