"""Wires invoicing: a deal's documents and the calls that make them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from starlette.routing import BaseRoute

from chassis.aggregate import Lane, Plan, Recorded, StreamKind, TaskPlan
from chassis.ids import TenantId
from chassis.outcomes import Outcome
from chassis.service import Parts, ServiceSpec, Work
from chassis.tenants import TENANT_KIND, TenantView
from chassis.work.handlers import Permit
from chassis.work.operations import OperationMessages
from connectors.registry import DIADOC, EDI, accounting_of
from connectors.router import AccountingRouter
from contracts import topics
from contracts.messages import operations
from services.invoicing import domain
from services.invoicing.api import GoodsApi, InvoicesApi
from services.invoicing.domain import edi, edi_commands, edi_plans, goods
from services.invoicing.handlers import route
from services.invoicing.projections import projected, projected_edi
from services.invoicing.published import published, published_of_edi
from services.invoicing.settings import InvoicingSettings
from services.invoicing.store import DocumentStore
from services.invoicing.workers import Papers, edi_handlers, handlers
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


EXCHANGES: StreamKind[edi.State, edi_commands.Command] = StreamKind(
    prefix=edi.PREFIX,
    initial=edi.initial,
    decide=edi.decide,
    evolve=edi.evolve,
    codec=edi.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published_of_edi,
    planned=edi_plans.planned,
    projected=projected_edi,
)


GOODS: StreamKind[goods.State, goods.Command] = StreamKind(
    prefix=goods.PREFIX,
    initial=goods.initial,
    decide=goods.decide,
    evolve=goods.evolve,
    codec=goods.CODEC,
    aggregate=lambda stream: stream,
    planned=goods.planned,
    projected=goods.projected,
)


def _polls(recorded: Recorded, state: TenantView) -> Sequence[Plan]:
    """A poll for each seller's box; one that is polled already goes on from its cursor."""
    if state.status == "removed":
        return ()
    boxes = [seller["edi"] for seller in state.settings.get("sellers", ()) if seller.get("edi")]
    return tuple(
        TaskPlan(
            edi_plans.POLL,
            box["account"],
            {"poll_seconds": box.get("poll_seconds", 60.0)},
            account=box["account"],
            lane=Lane.BULK,
        )
        for box in boxes
    )


TENANTS = replace(TENANT_KIND, planned=_polls)


def _work(parts: Parts[InvoicingSettings]) -> Work:
    accounting = AccountingRouter(parts.http, parts.clock)
    store = DocumentStore(parts.database, parts.engine)
    papers = Papers(store, parts.tenants, parts.subjects, Renderer())
    effects, tasks = handlers(accounting_of, accounting, parts.blobs, papers, store, store, parts.permits, parts.clock)
    operator = DIADOC.connect(parts.http, parts.clock)
    exchanging, following = edi_handlers(operator, parts.blobs, store, parts.clock)

    async def ping(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await (operator if account.partition(":")[0] in EDI else accounting).ping(permit)

    return Work(effects=(*effects, *exchanging), tasks=(*tasks, *following), probe_account=ping)


def _routes(parts: Parts[InvoicingSettings]) -> Sequence[BaseRoute]:
    store = DocumentStore(parts.database, parts.engine)
    return [
        *InvoicesApi(parts.database, parts.engine, parts.tenants, parts.clock).routes(),
        *GoodsApi(parts.database, parts.engine, store, parts.clock).routes(),
    ]


def _deal_of(stream: str) -> str:
    prefix, _, deal_id = stream.partition("-")
    return deal_id if prefix in (domain.DEAL_PREFIX, edi.PREFIX) else ""


def _streams_of(deal_id: str) -> Sequence[str]:
    return (f"{domain.DEAL_PREFIX}-{deal_id}", edi.stream_of(deal_id))


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=InvoicingSettings,
    kinds=(DEALS, EXCHANGES, GOODS, TENANTS),
    follows_tenants=False,
    migrations=Path(__file__).parent / "migrations",
    reads=topics.read_by(NAME),
    writes=topics.written_by(NAME),
    route=route,
    work=_work,
    routes=_routes,
    operations=OperationMessages(
        operations.WorkDelayed,
        operations.WorkResumed,
        operations.OutageBegan,
        operations.OutageEnded,
        operations.DeadLettersBegan,
        operations.DeadLettersEnded,
    ),
    operations_topic=topics.operations_topic(NAME),
    deal_of=_deal_of,
    deal_streams=_streams_of,
)
