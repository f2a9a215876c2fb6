"""Wires counterparty: its streams and its calls to accounting services."""

from pathlib import Path
from typing import Any, Final

from chassis.aggregate import StreamKind
from chassis.ids import TenantId
from chassis.outcomes import Outcome
from chassis.service import Parts, ServiceSpec, Work
from chassis.work.handlers import Permit
from chassis.work.operations import OperationMessages
from connectors.registry import accounting_of
from connectors.router import AccountingRouter
from contracts import topics
from contracts.messages import operations
from services.counterparty import projections, published
from services.counterparty.domain import deal, party
from services.counterparty.handlers import route
from services.counterparty.settings import CounterpartySettings
from services.counterparty.store import PartyStore
from services.counterparty.workers import handlers

NAME: Final = "counterparty"

DEALS: StreamKind[deal.State, deal.Command] = StreamKind(
    prefix=deal.PREFIX,
    initial=deal.initial,
    decide=deal.decide,
    evolve=deal.evolve,
    codec=deal.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published.published_of_deal,
    planned=deal.planned,
)
PARTIES: StreamKind[party.State, Any] = StreamKind(
    prefix=party.PREFIX,
    initial=party.initial,
    decide=party.decide,
    evolve=party.evolve,
    codec=party.CODEC,
    aggregate=lambda stream: stream,
    published=published.published_of_party,
    planned=party.planned,
    projected=projections.projected_of_party,
)


def _work(parts: Parts[CounterpartySettings]) -> Work:
    accounting = AccountingRouter(parts.http, parts.clock)
    store = PartyStore(parts.database, parts.engine)
    effects, tasks = handlers(accounting_of, accounting, store, parts.subjects, parts.clock)

    async def ping(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await accounting.ping(permit)

    return Work(effects=effects, tasks=tasks, probe_account=ping)


def _deal_of(stream: str) -> str:
    prefix, _, deal_id = stream.partition("-")
    return deal_id if prefix == deal.PREFIX else ""


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=CounterpartySettings,
    kinds=(DEALS, PARTIES),
    migrations=Path(__file__).parent / "migrations",
    reads=topics.read_by(NAME),
    writes=topics.written_by(NAME),
    route=route,
    work=_work,
    operations=OperationMessages(
        operations.WorkDelayed, operations.WorkResumed, operations.OutageBegan, operations.OutageEnded
    ),
    operations_topic=topics.operations_topic(NAME),
    deal_of=_deal_of,
)
