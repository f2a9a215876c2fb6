"""A help desk as a service: a ticket is opened over HTTP or Kafka, a call is made, and a person answers a card."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.aggregate import EffectPlan, EventCodec, Plan, PublicMessage, ReadRow, Recorded, StreamKind
from chassis.cards import CardOpened, Cards, CardTaken, TakeCard, card_rows
from chassis.domain import Event, Problem, Refused
from chassis.engine import Command
from chassis.ids import TenantId
from chassis.internal_api.requests import reply
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.routing import Routed
from chassis.openapi import answers
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from chassis.service import Parts, Service, ServiceSpec, Work
from chassis.settings import ServiceSettings
from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import SeeTenant
from chassis.work.handlers import (
    EffectCall,
    EffectPolicy,
    NotFound,
    Permit,
    PermitClass,
    Probe,
    ProbeResult,
    Settled,
)
from contracts.envelope import Envelope, Message
from tests.kit.database import OwnDatabase

TOKEN = "desk-service-token"
TENANT = TenantId("vektor")


class TicketOpened(Event, name="TicketOpened"):
    deal: str


class Opened(Message, name="Opened"):
    """What the desk says."""

    deal: str


class Open(Message, name="Open"):
    """What the desk hears: a ticket of a deal."""

    deal: str


@dataclass(frozen=True)
class Topic:
    name: str
    messages: tuple[type[Message], ...]
    partitions: int = 3
    compacted: bool = False
    retention_seconds: int = 86_400


REQUESTS, TICKETS = Topic("requests", (Open,)), Topic("tickets", (Opened,))


@dataclass(frozen=True)
class Ticket:
    opened: bool = False
    cards: Cards = field(default_factory=Cards)


def decide(state: Ticket, command: Open | TakeCard, now: datetime) -> Sequence[Event] | Refused:
    if isinstance(command, TakeCard):
        taken = state.cards.take(command, now)
        return taken if isinstance(taken, Refused) else [taken]
    if state.opened:
        return []
    card = CardOpened(
        card_id=f"card-{command.deal}",
        kind="who",
        choices=("found", "close"),
        subject=command.deal,
        opened_at=now,
        deal_id=command.deal,
    )
    return [TicketOpened(deal=command.deal), card]


def evolve(state: Ticket, event: Event) -> Ticket:
    if isinstance(event, CardOpened | CardTaken):
        return replace(state, cards=state.cards.evolve(event))
    return replace(state, opened=True)


def published(recorded: Recorded, state: Ticket) -> Sequence[PublicMessage]:
    event = recorded.event
    return [PublicMessage("tickets", Opened(deal=event.deal))] if isinstance(event, TicketOpened) else []


def planned(recorded: Recorded, state: Ticket) -> Sequence[Plan]:
    event = recorded.event
    if not isinstance(event, TicketOpened):
        return []
    return [EffectPlan("call", (event.deal,), "phone:1", {"deal": event.deal})]


def projected(stream: str, state: Ticket) -> Sequence[ReadRow]:
    return list(card_rows(stream, state.cards))


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    return [Routed(f"deal-{message.deal}", message)] if isinstance(message, Open) else []


TICKET = StreamKind(
    "deal",
    lambda stream: Ticket(),
    decide,
    evolve,
    EventCodec([TicketOpened, CardOpened, CardTaken]),
    lambda stream: stream.partition("-")[2],
    published,
    planned,
    projected,
)


class Phone:
    """Calls when it is allowed to; waits at ``gate``."""

    kind = "call"
    batch_max = 1

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.calling = asyncio.Event()

    def policy_for(self, account: str) -> EffectPolicy:
        return EffectPolicy(Probe.EXACT)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        self.calling.set()
        await self.gate.wait()
        return [Ok({"remote_id": f"call-{call.request['deal']}"}) for call in calls]

    async def probe(self, call: EffectCall) -> ProbeResult:
        return NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        return None


class Free:
    """Permits without limits; ``refuse`` makes the account unavailable."""

    refuse = False

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        if self.refuse:
            return Retryable(Problem("no_line"), outage=False)
        now = datetime.now().astimezone()
        return Permit(account, "http://127.0.0.1:1", "", count, now + timedelta(hours=1))

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        pass


class Desk:
    """One desk in this process, and how to talk to it."""

    def __init__(self, own: OwnDatabase, kafka: KafkaSettings, **settings: Any) -> None:
        self.phone = Phone()
        self.permits = Free()
        self.loop_error: Exception | None = None
        self.broken = asyncio.Event()
        spec = ServiceSpec(
            "desk",
            ServiceSettings,
            [TICKET],
            reads=[REQUESTS] if settings.pop("reads", True) else [],
            writes=[TICKETS],
            route=route,
            work=lambda parts: Work(effects=[self.phone], permits=self.permits),
            routes=self._routes,
            loops=lambda parts: {"breakable": self._breakable()},
        )
        values = {
            "env": "test",
            "port": 0,
            "database_url": own.urls.app,
            "delivery_database_url": own.urls.delivery,
            "kafka_bootstrap": kafka.bootstrap,
            "topic_prefix": kafka.prefix,
            "service_token": TOKEN,
            "blobs_url": "file:/nonexistent/unused",
            **settings,
        }
        self.service = Service(spec, ServiceSettings.model_validate(values))
        self.stop = asyncio.Event()
        self.client = httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=20)
        self._task: asyncio.Task[int] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.service.run(self.stop))

    async def ended(self) -> int:
        assert self._task is not None
        return await asyncio.wait_for(asyncio.shield(self._task), 60)

    async def ready(self) -> None:
        assert self._task is not None
        wait = asyncio.create_task(self.service.ready.wait())
        await asyncio.wait([wait, self._task], return_when=asyncio.FIRST_COMPLETED, timeout=60)
        wait.cancel()
        if self._task.done():
            self._task.result()
        assert self.service.ready.is_set()

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.client.request(method, self.service.url + path, json=body)

    async def until(self, path: str, wanted: Any) -> Any:
        async with asyncio.timeout(30):
            while not wanted(found := (await self.call("GET", path)).json()):  # noqa: ASYNC110 - a probe
                await asyncio.sleep(0.02)
        return found

    def _routes(self, parts: Parts[ServiceSettings]) -> list[BaseRoute]:
        @answers(200)
        async def opened(request: Request) -> Response:
            deal = request.path_params["deal"]
            tenant = Command(TENANT, TENANT_STREAM, SeeTenant("active", 1, {}), "tenant")
            ticket = Command(TENANT, f"deal-{deal}", Open(deal=deal), f"open:{deal}", {"by": "anna"})
            async with parts.database.transaction([TENANT]) as connection:
                await parts.engine.execute(connection, [tenant, ticket], parts.clock.now())
            return reply({"deal": deal})

        return [Route("/tickets/{deal}", opened, methods=["POST"])]

    async def _breakable(self) -> None:
        await self.broken.wait()
        assert self.loop_error is not None
        raise self.loop_error


@contextlib.asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Desk]:
    """Starts a desk, and ends it in order after the block."""
    desk.start()
    try:
        await desk.ready()
        yield desk
    finally:
        await finish(desk)


async def finish(desk: Desk) -> int:
    """Ends a desk in order."""
    desk.stop.set()
    code = await desk.ended()
    await desk.client.aclose()
    return code
