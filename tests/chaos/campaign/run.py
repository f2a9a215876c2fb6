"""One campaign from its first process to its verdict: a folder with everything that the checker reads."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import yaml

from tests.chaos.campaign.accountant import Accountant
from tests.chaos.campaign.broker import read_logs
from tests.chaos.campaign.chance import chance_of
from tests.chaos.campaign.drawing import make_plan
from tests.chaos.campaign.drawing_faults import Shape, draw_faults, shape_of
from tests.chaos.campaign.driver import Driver
from tests.chaos.campaign.faults.base import Hands
from tests.chaos.campaign.faults.business import deeds
from tests.chaos.campaign.keeper import Keeper
from tests.chaos.campaign.people import People, StagedDeal
from tests.chaos.campaign.plan import INVOICING, PAID, WON, Plan, PlannedTenant, as_json
from tests.chaos.campaign.proxy import HOST
from tests.chaos.campaign.recording import Recorder
from tests.chaos.campaign.settling import settle
from tests.chaos.campaign.share import Allowance, OwnTime
from tests.chaos.campaign.stage import CALL_SECONDS_MAX, LEASE_SECONDS, Stage
from tests.chaos.campaign.view import View
from tests.chaos.campaign.world import Pair, World

ZONE: Final = ZoneInfo("Europe/Moscow")
CLOCK_RATE: Final = 30.0
HEAL_BUSINESS_SECONDS: Final = 20 * 60
FIRE_SECONDS_MAX: Final = 15.0
LOOK_SECONDS: Final = 0.3
SWEEP_SECONDS: Final = 60
PAYMENTS_POLL_SECONDS: Final = 60
BEFORE: Final = timedelta(days=1)
"""Tenants were activated so long before the day: a clock that jumps back by hours, and once more while it is back,
takes no entry out of their time."""
PARTS: Final = {
    "start": ("began", "faults_began"), "faults": ("faults_began", "faults_ended"),
    "heal": ("faults_ended", "settled"), "end": ("settled", "ended"), "rebuild": ("ended", "rebuilt"),
    "check": ("rebuilt", "checked"), "whole": ("began", "checked"),
}  # fmt: skip
FIELDS: Final = {
    "invoice_number": "UF_CRM_INVOICE_NUMBER", "invoice_date": "UF_CRM_INVOICE_DATE",
    "invoice_url": "UF_CRM_INVOICE_URL", "invoice_status": "UF_CRM_INVOICE_STATUS",
    "invoice_pdf": "UF_CRM_INVOICE_PDF", "paid": "UF_CRM_PAID", "overdue_days": "UF_CRM_OVERDUE_DAYS",
    "act_number": "UF_CRM_ACT_NUMBER", "act_pdf": "UF_CRM_ACT_PDF",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `seconds`: how long faults strike, real time; `kinds`: only these faults, by code."""

    seed: int
    deals: int
    tenants: int
    seconds: float
    folder: Path
    injections: int | None = None
    kinds: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    heal_seconds: float = HEAL_BUSINESS_SECONDS / CLOCK_RATE


@dataclass(slots=True)
class Times:
    """Real unix times of a campaign's parts, and the seconds of a machine of one's own (``share``) up to them."""

    marks: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    share: OwnTime = field(default_factory=OwnTime)

    def mark(self, name: str) -> None:
        """Now."""
        self.marks[name] = time.time()
        self.own[name] = round(self.share.seconds(now=True), 2)

    def parts(self) -> dict[str, float]:
        """How long each part took on a machine of its own."""
        own = self.own
        return {part: round(own[end] - own[begin], 1) for part, (begin, end) in PARTS.items()}


class Campaign:
    """One campaign. `play` once."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.shape: Shape = shape_of(wish.seed)
        self.times = Times()
        self.plan: Plan = make_plan(
            deals=wish.deals, tenants=wish.tenants, seed=wish.seed, seconds=wish.seconds, only=wish.scenarios
        )
        self.stage = Stage(wish.folder)
        self.pairs: list[Pair] = []
        self.deals: list[StagedDeal] = []
        self.hooks: dict[str, str] = {}
        self.unsettled = ""

    async def play(self) -> None:
        """Everything up to the files that the checker reads. Postgres runs on; `end` ends it."""
        self.times.mark("began")
        await self.stage.start()
        self.times.mark("started")
        async with World(self.stage.control_url) as world:
            view = View(self.stage.ledger)
            people = People(world, view)
            await self._set_the_stage(world, people)
            accountant = Accountant(self.stage.url("ingest"), self.stage.tokens()["api"], people, view, self.pairs)
            keeper = Keeper(self.stage)
            recorder = Recorder(self.stage, self.wish.folder)
            helpers = [
                asyncio.create_task(work)
                for work in (view.run(), keeper.run(), accountant.run(), recorder.run(), self.times.share.run())
            ]
            try:
                await self._work_under_faults(world, view, people, accountant, keeper, recorder, helpers)
            finally:
                for helper in helpers:
                    helper.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)
                await accountant.close()
                await recorder.close()

    async def _work_under_faults(
        self,
        world: World,
        view: View,
        people: People,
        accountant: Accountant,
        keeper: Keeper,
        recorder: Recorder,
        helpers: Sequence[asyncio.Task[None]],
    ) -> None:
        wish = self.wish
        starts = time.monotonic()
        self.times.mark("faults_began")
        hands = Hands(
            self.stage, keeper, world, view, accountant, self.pairs, self.deals, self.hooks, starts + wish.seconds
        )
        plan = draw_faults(wish.seed, wish.seconds, count=wish.injections, deals=wish.deals, kinds=wish.kinds)
        driver = Driver(hands, plan, starts)
        plays = [
            asyncio.create_task(people.play(deal, starts, chance_of(wish.seed, deal.plan.number)))
            for deal in self.deals
        ]
        driving = asyncio.create_task(driver.run())
        await _watched([driving, asyncio.create_task(asyncio.sleep(wish.seconds))], helpers)
        await _watched([asyncio.create_task(_fired(view, driver))], helpers)
        self.times.mark("faults_ended")
        time_to_heal = Allowance(wish.heal_seconds)
        await self._heal(world, keeper)
        self.unsettled = await settle(self.stage, world, accountant, plays, helpers, time_to_heal)
        self.times.mark("settled")
        for play in plays:
            play.cancel()
        await asyncio.gather(*plays, return_exceptions=True)
        await recorder.last()
        view.look()
        marks = self.times.marks
        driver.injections += deeds(self.deals, view, marks["faults_began"], marks["settled"])
        await self._write(world, view, accountant, keeper, driver)

    async def _heal(self, world: World, keeper: Keeper) -> None:
        await world.clear_rules()
        for proxy in self.stage.proxies.values():
            proxy.clear()
        away = await keeper.all_ready(Allowance(self.wish.heal_seconds))
        if away:
            keeper.unasked.append(f"not ready after faults had stopped: {', '.join(away)}")

    async def _set_the_stage(self, world: World, people: People) -> None:
        start = self.shape.start.replace(tzinfo=ZONE)
        await world.clock(set=start.isoformat(), rate=CLOCK_RATE)
        dials = {"idempotency_honoured": self.shape.idempotency_honoured}
        self.pairs = await world.seed(self.stage.url("elba"), self.wish.tenants, self.wish.seed, dials)
        token = self.stage.tokens()["api"]
        async with httpx.AsyncClient(
            base_url=self.stage.url("ingest"), headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        ) as api:
            for tenant, pair in zip(self.plan.tenants, self.pairs, strict=True):
                file = self._tenant_file(tenant, pair, start)
                name, document = self.stage.tenant_document(file, self._environment(pair))
                answer = (await api.put(f"/api/v1/tenants/{name}", json=document)).raise_for_status().json()
                self.hooks[pair.slug] = answer["webhook_urls"]["bitrix24"].replace(
                    self.stage.url("ingress"), self.stage.url("ingest")
                )
                await world.subscribe(pair.slug, answer["webhook_urls"]["bitrix24"])

        async def of_tenant(number: int, pair: Pair) -> list[StagedDeal]:
            mine = [deal for deal in self.plan.deals if deal.tenant == number]
            return [await people.set_the_stage(deal, pair) for deal in mine]

        staged = await asyncio.gather(
            *(of_tenant(tenant.number, pair) for tenant, pair in zip(self.plan.tenants, self.pairs, strict=True))
        )
        self.deals = [deal for deals in staged for deal in deals]

    def _environment(self, pair: Pair) -> dict[str, str]:
        """The credentials as the tenant's file takes them: the portal behind its own proxy."""
        ours, theirs = self.stage.url("elba"), self.stage.url("bitrix24")
        return {
            name: value.replace(ours, theirs) if name.startswith("B24_") else value for name, value in pair.env.items()
        }

    def _tenant_file(self, tenant: PlannedTenant, pair: Pair, start: datetime) -> Path:
        number = pair.number
        funnel = {
            "category": 0, "issue_invoice": [INVOICING], "issue_act": [WON],
            "waiting_for_payment": [INVOICING, "EXECUTING"], "paid": PAID,
        }  # fmt: skip
        document: dict[str, Any] = {
            "tenant": pair.slug, "name": pair.title, "language": "ru", "timezone": "Europe/Moscow",
            "activated_at": (start - BEFORE).isoformat(),
            "bitrix24": {
                "mode": "webhook", "webhook_url": f"env:B24_{number}_WEBHOOK_URL",
                "application_token": f"env:B24_{number}_APPLICATION_TOKEN", "funnels": [funnel], "fields": FIELDS,
                "admin_chat": pair.env[f"B24_{number}_CHAT"], "sweep_seconds": SWEEP_SECONDS,
            },
            "steps": {"reverse_sync": False},
            "sellers": [{
                "id": "main", "inn": pair.seller_inn,
                "accounting": {
                    "vendor": "elba", "profile": "seed", "api_url": f"env:ELBA_{number}_API_URL",
                    "token_url": f"env:ELBA_{number}_TOKEN_URL", "client_id": f"env:ELBA_{number}_CLIENT_ID",
                    "client_secret": f"env:ELBA_{number}_CLIENT_SECRET", "payments_poll_seconds": PAYMENTS_POLL_SECONDS,
                },
                "tax": [{
                    "from": "2025-01-01", "regime": "osno" if tenant.vat == "standard" else "usn_income",
                    "vat": tenant.vat,
                }],
            }],
        }  # fmt: skip
        path = self.wish.folder / "tenants" / f"{pair.slug}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120), encoding="utf-8")
        return path

    async def _write(self, world: World, view: View, accountant: Accountant, keeper: Keeper, driver: Driver) -> None:
        folder = self.wish.folder
        for pair in self.pairs:
            write_json(folder / "portals" / f"{pair.slug}.json", await world.portal_state(pair.slug))
            write_json(folder / "accounts" / f"{pair.account}.json", await world.account_state(pair.account))
        clock = await world.clock()
        write_json(
            folder / "campaign.json",
            {
                "seed": self.wish.seed,
                "seconds": self.wish.seconds,
                "shape": self.shape.as_json(),
                "clock_rate": CLOCK_RATE,
                "call_seconds_max": CALL_SECONDS_MAX,
                "lease_seconds": LEASE_SECONDS,
                "heal_seconds_max": self.wish.heal_seconds,
                "ended_at": clock["now"],
                "times": self.times.marks,
                "own_times": self.times.own,
                "unsettled": self.unsettled,
                "unasked_deaths": keeper.unasked,
                "kills": dict(keeper.kills),
                "tenants": [
                    asdict(tenant) | {"slug": pair.slug, "account": pair.account, "seller_inn": pair.seller_inn}
                    for tenant, pair in zip(self.plan.tenants, self.pairs, strict=True)
                ],
                "deals": [
                    as_json(deal.plan)
                    | {
                        "slug": deal.pair.slug, "account": deal.pair.account, "deal_id": deal.deal_id,
                        "done": deal.done, "trouble": deal.trouble, "deeds": deal.deeds,
                        "off_kopecks": deal.off_kopecks, "paid_off_kopecks": deal.paid_off_kopecks,
                    }
                    for deal in self.deals
                ],
                "decisions": [asdict(one) for one in accountant.taken],
                "contradicted": [asdict(one) for one in accountant.contradicted],
                "injections": [one.as_json(view) for one in driver.injections],
                "secrets": self._secrets(),
            },
        )  # fmt: skip
        write_json(folder / "broker.json", await read_logs(f"{HOST}:{self.stage.proxies['kafka'].port}"))
        write_json(folder / "databases.json", self.stage.databases())
        write_json(folder / "roles.json", self.stage.roles())

    def _secrets(self) -> list[str]:
        """Values that no log may hold."""
        wanted = ("SECRET", "TOKEN", "WEBHOOK_URL")
        found = {
            value
            for pair in self.pairs
            for name, value in pair.env.items()
            if any(part in name for part in wanted) and not name.endswith("TOKEN_URL")
        }
        found |= {url.rsplit("/", 1)[1] for url in self.hooks.values()}
        found |= {value.rstrip("/").rsplit("/", 1)[1] for value in tuple(found) if value.startswith("http")}
        found |= set(self.stage.tokens().values())
        found |= {deal.buyer.email for deal in self.plan.deals if deal.buyer.email}
        return sorted(value for value in found if not value.startswith("http"))


async def _fired(view: View, driver: Driver) -> None:
    """Waits a little for calls that armed rules wait for."""
    rules = [rule for one in driver.injections for rule in one.rules]
    allowance = Allowance(FIRE_SECONDS_MAX)
    while not all(view.fired[rule] for rule in rules) and allowance.left():  # noqa: ASYNC110 - the ledger tells
        await asyncio.sleep(LOOK_SECONDS)


async def _watched(waits: Sequence[asyncio.Task[Any]], helpers: Sequence[asyncio.Task[None]]) -> None:
    """Waits for all; a helper that ends before is a defect of the rig."""
    everything: asyncio.Future[Any] = asyncio.gather(*waits)
    either: list[asyncio.Future[Any]] = [everything, *helpers]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    for helper in helpers:
        if helper.done():
            everything.cancel()
            helper.result()
    await everything


def write_json(file: Path, document: Any) -> None:
    """One document, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1, default=str), encoding="utf-8")


async def _module(name: str, *arguments: str) -> int:
    """Runs a module as a process; its exit code."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", name, *arguments)
    return await process.wait()


async def run_campaign(wish: Wish) -> dict[str, Any]:
    """Plays, ends the services, rebuilds read rows, has everything checked by another process: its verdict."""
    campaign = Campaign(wish)
    try:
        await campaign.play()
        codes = await campaign.stage.end_services()
        write_json(wish.folder / "exits.json", codes)
        campaign.times.mark("ended")
        if await _module("tests.chaos.campaign.rebuilding", str(wish.folder)):
            raise RuntimeError("read rows could not be made anew; what it said stands above")
        campaign.times.mark("rebuilt")
        code = await _module("tests.chaos.checker", "--run", str(wish.folder))
        campaign.times.mark("checked")
    finally:
        await campaign.stage.end()
    verdict: dict[str, Any] = json.loads((wish.folder / "verdict.json").read_text())
    verdict["exit_code"] = code
    verdict["seconds"] = campaign.times.parts()
    marks = campaign.times.marks
    verdict["real_seconds"] = round(marks["checked"] - marks["began"], 1)
    return verdict
