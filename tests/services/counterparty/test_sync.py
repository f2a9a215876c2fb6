"""A first sync on a real database, with a portal and an account over HTTP: killed again and again, and answered by
silence; nobody gets a second record."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
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
from services.counterparty.domain import sync
from services.counterparty.store.syncs import SyncStore
from tests.kit.database import Databases
from tests.kit.kafka import eventually
from tests.sandbox.running import Sandbox, serve
from tests.services.streams import TENANT

pytestmark = [pytest.mark.parts, pytest.mark.timeout(240)]

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

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        self.classes[permit_class] += count
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

    async def start(self) -> None:
        """Begins to work."""
        parts: Any = SimpleNamespace(
            http=self.http, clock=self.clock, database=self.database, engine=self.engine, subjects=None,
            tenants=TenantDirectory(self.database),
            once=lambda make: self.desk,
        )  # fmt: skip
        work = SPEC.work(parts)
        self.runner = WorkRunner(
            self.database, self.engine, self.clock, self.desk, effects=work.effects, tasks=work.tasks,
            probe_account=work.probe_account, settings=QUICK, tenant_rules=tenant_rules,
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


@pytest.fixture
async def rig(databases: Databases, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """With an account of Elba, or of the vendor that a test names."""
    vendor = getattr(request, "param", "elba")
    own = await databases("counterparty", *SPEC.migration_folders()[1:])
    database, engine, clock = await own.open(), Engine(SPEC.name, SPEC.stream_kinds()), Clock(rate=60)
    store, directory = SyncStore(database, engine), TenantDirectory(database)
    app = Starlette(routes=SyncApi(database, engine, store, directory, clock).routes())
    async with (
        serve(tmp_path / "sandbox") as sandbox,
        VendorHttp(AddressPolicy(development=True)) as http,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://counterparty") as api,
    ):
        portal = await sandbox.control("/bitrix24/portals", {"slug": "vektor", "title": "ООО «Вектор»"})
        account = await sandbox.control(f"/{vendor}/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
        permit = _base(account, clock) if vendor == "onec" else await _elba(account, http, clock)
        desk = Desk({CRM: Permit(CRM, portal["webhook_url"], "", 1, clock.now()), permit.account: permit})
        seller = {"seller_id": "main", "connection": {"account": permit.account}}
        settings = {"crm_account": CRM, "sellers": [seller]}
        command = Command(TENANT, TENANT_STREAM, SeeTenant("active", 1, settings), "tenant")
        async with database.transaction([TENANT]) as connection:
            await engine.execute(connection, [command], clock.now())
        made = Rig(database, engine, clock, sandbox, http, desk, api, account["account"], vendor)
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


def _base(account: dict[str, Any], clock: Clock) -> Permit:
    access = f"{account['user']}:{account['password']}"
    options = {"vendor": "onec", "profile": "standard", "organization": account["organization"]}
    return Permit(BASE, account["odata_url"], access, 1, clock.now(), options)


async def test_killed_again_and_again_it_goes_on_and_gives_nobody_a_second_record(rig: Rig) -> None:
    for number in range(40):
        await rig.company(number)
    for number in range(10):
        await rig.record(number)
    await rig.start()
    await rig.begin(apply=True)
    for enough in (11, 18, 27):
        await rig.phase("creating", "done")
        await eventually(lambda enough=enough: _has(rig, enough), DEADLINE_SECONDS, f"{enough} records")  # type: ignore[misc]
        await rig.kill()
        again = await rig.begin(apply=True)
        assert again["run"] == 1, "what is under way is not begun anew"
        await rig.start()
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["created"]) == (10, 30)
    assert await rig.records() == Counter(inn(number) for number in range(40))
    assert rig.desk.classes[PermitClass.INTERACTIVE] == 0, "people's share is left to people"


async def _has(rig: Rig, enough: int) -> bool:
    return (await rig.records()).total() >= enough


async def test_an_answer_that_is_lost_makes_no_second_record(rig: Rig) -> None:
    rule = {"vendor": "elba", "operation": "counterparty.create", "kind": "timeout_after", "calls": [1, 3]}
    await rig.sandbox.control("/faults", rule)
    for number in range(4):
        await rig.company(number)
    await rig.start()
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert done["outcomes"]["created"] == 4
    assert await rig.records() == Counter(inn(number) for number in range(4))


async def test_a_service_without_a_list_is_looked_up_one_by_one_and_once_more_before_creating(rig: Rig) -> None:
    for number in range(6):
        await rig.company(number)
    await rig.record(0)
    command = Command(TENANT, sync.stream_of(ACCOUNT), sync.BeginSync(TENANT, ACCOUNT, CRM, False, False), "begin")
    async with rig.database.transaction([TENANT]) as connection:
        await rig.engine.execute(connection, [command], rig.clock.now())
    await rig.start()
    compared = await rig.phase("compared")
    assert (compared["outcomes"]["to_pair"], compared["outcomes"]["to_create"]) == (1, 5)
    await rig.record(1)
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["created"]) == (2, 4)
    assert await rig.records() == Counter(inn(number) for number in range(6))


@pytest.mark.parametrize("rig", ["onec"], indirect=True)
async def test_a_list_that_does_not_tell_what_others_enter_is_looked_up_once_more_before_creating(rig: Rig) -> None:
    for number in range(6):
        await rig.company(number)
    await rig.record(0)
    await rig.start()
    shown = await rig.begin(apply=False)
    assert shown["listed"]
    compared = await rig.phase("compared")
    assert (compared["outcomes"]["to_pair"], compared["outcomes"]["to_create"]) == (1, 5)
    await rig.record(1)
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["created"]) == (2, 4)
    assert await rig.records() == Counter(inn(number) for number in range(6))


async def test_a_refused_creation_is_listed_with_the_vendors_reason(rig: Rig) -> None:
    await rig.company(1, ogrn="1", title="ООО «Без отказа»")
    rule = {
        "vendor": "elba",
        "operation": "counterparty.create",
        "kind": "error_before",
        "calls": [1],
        "params": {"status": 400},
    }
    await rig.sandbox.control("/faults", rule)
    await rig.start()
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert done["outcomes"]["skipped"] == 1
    answer = await rig.api.get("/internal/sync/vektor/items", params={"outcome": "skipped"})
    (item,) = answer.json()["items"]
    assert item["reason"]


async def test_companies_are_listed_page_by_page(rig: Rig) -> None:
    for number in range(7):
        await rig.company(number)
    await rig.start()
    await rig.begin(apply=False)
    await rig.phase("compared")
    seen, after = [], ""
    while after is not None:
        page = (await rig.api.get("/internal/sync/vektor/items", params={"after": after, "limit": 3})).json()
        seen += [item["inn"] for item in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(inn(number) for number in range(7))
    assert (await rig.api.get("/internal/sync/vektor/items", params={"outcome": "odd"})).status_code == 400
    assert (await rig.api.get("/internal/sync/nobody")).status_code == 404
