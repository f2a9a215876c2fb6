"""A first sync on a real database, with a portal and an account over HTTP; its runner can be dropped at any moment."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from starlette.applications import Starlette

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.http import AddressPolicy, VendorHttp
from chassis.outcomes import Deferred, Ok, Retryable
from chassis.postgres import Database
from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import SeeTenant, TenantDirectory, tenant_rules
from chassis.values.inn import inn_ok
from chassis.work.handlers import Permit, PermitClass
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.elba.client import ElbaSeed
from connectors.ports.accounting import TokenRequest
from services.counterparty.api import SyncApi
from services.counterparty.app import SPEC
from services.counterparty.store.syncs import SyncStore
from tests.kit.database import Databases
from tests.kit.kafka import eventually
from tests.sandbox.running import Sandbox, serve
from tests.services.streams import TENANT

DEADLINE_SECONDS = 120.0
CRM, ACCOUNT, BASE = "bitrix24:vektor", "elba:vektor:main", "onec:vektor:main"
KPP = "770901001"
QUICK = WorkSettings(
    poll_seconds=0.02, housekeeping_seconds=0.05, gauges_seconds=3600, lease_seconds=5.0, send_seconds_max=3.0,
    probe_seconds_max=4.0, task_seconds_max=4.5, drain_seconds_max=1.0,
)  # fmt: skip


def inn(number: int) -> str:
    """A company's INN with a right check digit."""
    return next(text for digit in range(10) if inn_ok(text := f"{771_000_000 + number}{digit}"))


@dataclass
class Desk:
    """Gives every permit, and notes for whom."""

    permits: dict[str, Permit]
    classes: Counter[PermitClass] = field(default_factory=Counter)
    accounts: set[str] = field(default_factory=set)

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        self.classes[permit_class] += count
        self.accounts.add(account)
        given = self.permits[account]
        expires = datetime.now(given.expires_at.tzinfo) + timedelta(days=3650)
        return Permit(account, given.endpoint, given.access_token, count, expires, given.options)

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        raise AssertionError(f"nothing is to be reported: {problem}")


@dataclass
class Rig:
    """The service's work and API beside a sandbox; the runner can be dropped as a killed process would be."""

    database: Database
    engine: Engine
    clock: Clock
    sandbox: Sandbox
    http: VendorHttp
    desk: Desk
    api: httpx.AsyncClient
    account: str
    vendor: str = "elba"
    runner: WorkRunner | None = None
    version: int = 0

    async def settle(self, settings: dict[str, Any]) -> None:
        """The tenant's settings, these beside those that it cannot be without."""
        (account,) = set(self.desk.permits) - {CRM}
        self.version += 1
        sellers = [{"seller_id": "main", "connection": {"account": account}}]
        see = SeeTenant("active", self.version, {"crm_account": CRM, "sellers": sellers, **settings})
        async with self.database.transaction([TENANT]) as connection:
            command = Command(TENANT, TENANT_STREAM, see, f"tenant:{self.version}")
            await self.engine.execute(connection, [command], self.clock.now())

    async def start(self) -> None:
        """Begins to work."""
        parts: Any = SimpleNamespace(
            http=self.http, clock=self.clock, database=self.database, engine=self.engine, subjects=None,
            tenants=TenantDirectory(self.database),
            permits=self.desk,
        )  # fmt: skip
        work = SPEC.work(parts)
        self.runner = WorkRunner(
            self.database, self.engine, self.clock, self.desk, effects=work.effects, tasks=work.tasks,
            probe_account=work.probe_account, settings=QUICK, tenant_rules=tenant_rules, waiters_of=work.waiters_of,
        )  # fmt: skip
        await self.runner.start()

    async def kill(self) -> None:
        """Drops everything at once."""
        if self.runner is not None:
            await self.runner.abort()
            self.runner = None

    async def company(self, number: int, **changed: Any) -> None:
        """A company of the CRM."""
        card = {"title": f"ООО «Лотос {number}»", "inn": inn(number), "kpp": KPP, **changed}
        await self.sandbox.control("/bitrix24/portals/vektor/companies", card)

    async def record(self, number: int) -> None:
        """A record of the accounting service."""
        card = {"fullName": f"ООО «Лотос {number}»", "inn": inn(number), "kpp": KPP}
        await self.sandbox.control(f"/{self.vendor}/{self.account}/counterparties", card)

    async def records(self) -> Counter[str]:
        """How many records each INN has."""
        state = await self.sandbox.state(self.vendor, self.account)
        return Counter(str(one["inn"]) for one in state["counterparties"].values())

    async def begin(self, *, apply: bool) -> dict[str, Any]:
        """Asks for it as the command does."""
        answer = await self.api.post("/internal/sync/vektor", json={"apply": apply})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["syncs"][0]
        return found

    async def shown(self) -> dict[str, Any]:
        """How far it is."""
        found: dict[str, Any] = (await self.api.get("/internal/sync/vektor")).json()["syncs"][0]
        return found

    async def phase(self, *wanted: str) -> dict[str, Any]:
        """Waits for a phase."""

        async def there() -> dict[str, Any] | None:
            found = await self.shown()
            return found if found["phase"] in wanted else None

        found = await eventually(there, DEADLINE_SECONDS, f"{wanted}: {await self.shown()}")
        assert found is not None
        return found


@contextlib.asynccontextmanager
async def rigged(databases: Databases, folder: Path, vendor: str) -> AsyncIterator[Rig]:
    """With an account of a vendor."""
    own = await databases("counterparty", *SPEC.migration_folders()[1:])
    database, engine, clock = await own.open(), Engine(SPEC.name, SPEC.stream_kinds()), Clock(rate=60)
    store, directory = SyncStore(database, engine), TenantDirectory(database)
    app = Starlette(routes=SyncApi(database, engine, store, directory, clock).routes())
    async with (
        serve(folder / "sandbox") as sandbox,
        VendorHttp(AddressPolicy(development=True)) as http,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://counterparty") as api,
    ):
        portal = await sandbox.control("/bitrix24/portals", {"slug": "vektor", "title": "ООО «Вектор»"})
        account = await sandbox.control(f"/{vendor}/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
        match vendor:
            case "onec":
                permit = _base(account, clock)
            case "elba":
                permit = await _elba(account, http, clock)
            case _:
                permit = _keyed(account, vendor, clock)
        desk = Desk({CRM: Permit(CRM, portal["webhook_url"], "", 1, clock.now()), permit.account: permit})
        made = Rig(database, engine, clock, sandbox, http, desk, api, account["account"], vendor)
        await made.settle({})
        try:
            yield made
        finally:
            await made.kill()
            await database.close()


async def _elba(account: dict[str, Any], http: VendorHttp, clock: Clock) -> Permit:
    request = TokenRequest(account["token_url"], account["client_id"], account["client_secret"])
    token = await ElbaSeed(http, clock).obtain_token(request)
    assert isinstance(token, Ok), token
    options = {"vendor": "elba", "profile": "seed"}
    return Permit(ACCOUNT, account["api_url"], token.value.access_token, 1, clock.now(), options)


def _keyed(account: dict[str, Any], vendor: str, clock: Clock) -> Permit:
    options = {"vendor": vendor, "profile": "standard", "auth_mode": "api_key"}
    return Permit(f"{vendor}:vektor:main", account["api_url"], account["api_key"], 1, clock.now(), options)


def _base(account: dict[str, Any], clock: Clock) -> Permit:
    access = f"{account['user']}:{account['password']}"
    options = {"vendor": "onec", "profile": "standard", "organization": account["organization"]}
    return Permit(BASE, account["odata_url"], access, 1, clock.now(), options)
