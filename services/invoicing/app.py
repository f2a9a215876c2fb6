"""Wires invoicing: a deal's documents and the calls that make them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from starlette.routing import BaseRoute

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
from services.invoicing import domain
from services.invoicing.api import InvoicesApi
from services.invoicing.handlers import route
from services.invoicing.projections import projected
from services.invoicing.published import published
from services.invoicing.settings import InvoicingSettings
from services.invoicing.store import DocumentStore
from services.invoicing.workers import Papers, handlers
from services.invoicing.workers.rendering import Renderer

NAME: Final = "invoicing"

DEALS: StreamKind[domain.State, Any] = StreamKind(
    prefix=domain.DEAL_PREFIX,
    initial=domain.initial,
    decide=domain.decide,
    evolve=domain.evolve,
    codec=domain.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published,
    planned=domain.planned,
    projected=projected,
)


def _work(parts: Parts[InvoicingSettings]) -> Work:
    accounting = AccountingRouter(parts.http, parts.clock)
    papers = Papers(DocumentStore(parts.database, parts.engine), parts.tenants, parts.subjects, Renderer())
    effects, tasks = handlers(accounting_of, accounting, parts.blobs, papers, parts.clock)

    async def ping(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await accounting.ping(permit)

    return Work(effects=effects, tasks=tasks, probe_account=ping)


def _routes(parts: Parts[InvoicingSettings]) -> Sequence[BaseRoute]:
    return InvoicesApi(parts.database, parts.engine, parts.clock).routes()


def _deal_of(stream: str) -> str:
    return stream.partition("-")[2]


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=InvoicingSettings,
    kinds=(DEALS,),
    migrations=Path(__file__).parent / "migrations",
    reads=topics.read_by(NAME),
    writes=topics.written_by(NAME),
    route=route,
    work=_work,
    routes=_routes,
    operations=OperationMessages(
        operations.WorkDelayed, operations.WorkResumed, operations.OutageBegan, operations.OutageEnded
    ),
    operations_topic=topics.operations_topic(NAME),
    deal_of=_deal_of,
)
