"""An ingest process with its database, two tenants, and nobody else: no Kafka, no vendor that answers."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from chassis.migrate import Names, migrate
from chassis.secrets import Keyring
from deploy.local.child import Child
from deploy.local.ports import HOST, free_port
from deploy.local.postgres import Postgres
from services.ingest.app import SPEC
from sverka.installation.processes import CODE
from tests.kit.database import PASSWORDS, OwnDatabase
from tests.kit.kafka import eventually
from tests.kit.mortal import Mortal

API_TOKEN: Final = "api-token-of-the-tests"
NOBODY: Final = "http://127.0.0.1:9"
IN_FLIGHT_MAX: Final = 100
START_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Portal:
    """A tenant's portal: where it posts, and the token that it sends along."""

    tenant: str
    path: str
    token: str


@dataclass(slots=True)
class Ingest:
    """The process. ``start`` may be called again after ``kill``; it always has the same port."""

    own: OwnDatabase
    log: Path
    env: dict[str, str]
    port: int
    child: Child | None = None
    portals: dict[str, Portal] = field(default_factory=dict)

    @classmethod
    async def made(cls, postgres: Mortal[Postgres], folder: Path, database_port: int = 0) -> "Ingest":
        """Its database on a PostgreSQL that has been started, and its environment; ``database_port`` is where it
        connects to when not to the server itself."""
        await postgres.ready()
        assert SPEC.migrations is not None
        admin = postgres.part.url
        urls = await migrate(admin, "ingest", [SPEC.migrations], PASSWORDS)
        names = Names.of("ingest")
        own = OwnDatabase(names, urls, f"{admin.rpartition('/')[0]}/{names.database}")
        port = free_port()
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SVERKA_")},
            "SVERKA_ENV": "development",
            "SVERKA_PORT": str(port),
            "SVERKA_HTTP_IN_FLIGHT_MAX": str(IN_FLIGHT_MAX),
            "SVERKA_DATABASE_URL": _at(urls.app, database_port),
            "SVERKA_DELIVERY_DATABASE_URL": _at(urls.delivery, database_port),
            "SVERKA_KAFKA_BOOTSTRAP": f"{HOST}:9",
            "SVERKA_SERVICE_TOKEN": "service-token-of-the-tests",
            "SVERKA_API_TOKEN": API_TOKEN,
            "SVERKA_KEK": Keyring.generate("test"),
            "SVERKA_BLOBS_URL": f"file:{folder / 'blobs'}",
        }
        return cls(own, folder / "ingest.log", env, port)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> Child:
        """The process that is there now."""
        assert self.child is not None, "it was started"
        return self.child

    def start(self) -> None:
        """Starts it; it answers by and by."""
        self.child = Child.start(
            "ingest", [sys.executable, "-m", "services.ingest"], log=self.log, env=self.env, cwd=CODE
        )

    def kill(self) -> None:
        """Ends it with -9."""
        self.process.kill()

    async def answers(self) -> None:
        """Returns when it takes requests."""
        async with self.api() as api:

            async def probe() -> bool:
                assert self.process.exit_code() is None, self.log.read_text()[-4_000:]
                try:
                    return (await api.get("/api/v1/deliveries")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(probe, START_SECONDS_MAX, "ingest")

    async def open_portal(self, tenant: str) -> Portal:
        """Applies a tenant's file."""
        token = f"application-token-of-{tenant}"
        async with self.api() as api:
            answer = await api.put(f"/api/v1/tenants/{tenant}", json=_document(tenant, token))
        assert answer.status_code == 200, answer.text
        path = urlsplit(answer.json()["webhook_urls"]["bitrix24"]).path
        self.portals[tenant] = Portal(tenant, path, token)
        return self.portals[tenant]

    def api(self) -> httpx.AsyncClient:
        """A client with the public token."""
        headers = {"authorization": f"Bearer {API_TOKEN}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10.0, trust_env=False)


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    return url if not port else parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


def _document(tenant: str, token: str) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "name": tenant,
        "activated_at": "2020-01-01T00:00:00+03:00",
        "bitrix24": {
            "webhook_url": f"{NOBODY}/rest/1/secret/",
            "application_token": token,
            "funnels": [{"category": 0, "issue_invoice": ["PREPAYMENT_INVOICE"]}],
        },
        "sellers": [
            {
                "id": "main",
                "inn": "500123456750",
                "accounting": {
                    "vendor": "elba", "api_url": f"{NOBODY}/api/", "token_url": f"{NOBODY}/token",
                    "client_id": "id", "client_secret": "secret",
                },
                "tax": [{"from": "2020-01-01", "regime": "usn_income", "vat": "exempt"}],
            }
        ],
    }  # fmt: skip
