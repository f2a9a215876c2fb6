"""Wires counterparty: its streams and its calls to accounting services."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from starlette.routing import BaseRoute

from chassis import log
from chassis.aggregate import Lane, Plan, Recorded, StreamKind, TaskPlan
from chassis.ids import TenantId
from chassis.outcomes import Outcome
from chassis.service import Parts, ServiceSpec, Work
from chassis.tenants import TENANT_KIND, TenantView
from chassis.work.handlers import Permit
from chassis.work.operations import OperationMessages
from connectors.ports.crm import PortalMoved
from connectors.registry import BITRIX24, REGISTERS, accounting_of
from connectors.router import AccountingRouter
from contracts import topics
from contracts.messages import operations
from services.counterparty import projections, published
from services.counterparty.api import SyncApi
from services.counterparty.domain import card, deal, party, party_plans, records, sync
from services.counterparty.handlers import route
from services.counterparty.settings import CounterpartySettings
from services.counterparty.store import PartyStore
from services.counterparty.store.companies import CompanyStore
from services.counterparty.store.syncs import SyncStore
from services.counterparty.workers import handlers
from services.counterparty.workers.companies import LookUpCompany
from services.counterparty.workers.records import FindCards, WatchRecords, watched
from services.counterparty.workers.sync.applying import Compare, CreateMissing, LinkPairs
from services.counterparty.workers.sync.entering import EnterMissing
from services.counterparty.workers.sync.reading import LookUpRecords, ReadCompanies, ReadRecords

NAME: Final = "counterparty"

_log = log.get(__name__)

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
    planned=party_plans.planned,
    projected=projections.projected_of_party,
)
CARDS: StreamKind[card.State, card.Command] = StreamKind(
    prefix=card.PREFIX,
    initial=card.initial,
    decide=card.decide,
    evolve=card.evolve,
    codec=card.CODEC,
    aggregate=lambda stream: stream,
    published=published.published_of_card,
    planned=card.planned,
    projected=projections.projected_of_card,
)
SYNCS: StreamKind[sync.State, sync.Command] = StreamKind(
    prefix=sync.PREFIX,
    initial=sync.initial,
    decide=sync.decide,
    evolve=sync.evolve,
    codec=sync.CODEC,
    aggregate=lambda stream: stream,
    planned=sync.planned,
)


def _watches(recorded: Recorded, state: TenantView) -> Sequence[Plan]:
    """A look at each account's list of changed counterparties; one that is watched already goes on as it is."""
    if state.status == "removed":
        return ()
    return [
        TaskPlan(records.WATCH, account, {}, account=account, lane=Lane.BULK) for account in watched(state.settings)
    ]


TENANTS = replace(TENANT_KIND, planned=_watches)


def _moved(moved: PortalMoved) -> None:
    # ingest owns the address and meets the same redirect at its next sweep; until then each call is sent on.
    _log.info("a portal answers at a new address", account=moved.account)


def _work(parts: Parts[CounterpartySettings]) -> Work:
    accounting = AccountingRouter(parts.http, parts.clock)
    store = PartyStore(parts.database, parts.engine)
    effects, tasks = handlers(accounting_of, accounting, store, parts.subjects, parts.permits, parts.clock)

    crm = BITRIX24.connect(parts.http, parts.clock, _moved)

    async def ping(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await (crm if account.startswith(f"{BITRIX24.vendor}:") else accounting).ping(permit)

    clients = {name: register.connect(parts.http, parts.clock) for name, register in REGISTERS.items()}
    companies = LookUpCompany(CompanyStore(parts.database), parts.permits, clients, parts.clock)
    syncs = SyncStore(parts.database, parts.engine)
    pages = (
        ReadCompanies(syncs, crm, parts.clock),
        ReadRecords(syncs, accounting, parts.clock),
        LookUpRecords(syncs, accounting, parts.clock),
        Compare(syncs, parts.tenants, parts.clock),
        LinkPairs(syncs, parts.clock),
        CreateMissing(syncs, parts.permits, crm, accounting, accounting_of, parts.clock),
        EnterMissing(syncs, store, parts.permits, accounting, parts.tenants, parts.clock),
    )
    entered = (WatchRecords(accounting, store, parts.tenants, parts.clock), FindCards(crm))
    return Work(
        effects=effects,
        tasks=(*tasks, companies, *pages, *entered),
        probe_account=ping,
        waiters_of=store.waiting_deals,
    )


def _routes(parts: Parts[CounterpartySettings]) -> Sequence[BaseRoute]:
    store = SyncStore(parts.database, parts.engine)
    return SyncApi(parts.database, parts.engine, store, parts.tenants, parts.clock).routes()


def _deal_of(stream: str) -> str:
    prefix, _, deal_id = stream.partition("-")
    return deal_id if prefix == deal.PREFIX else ""


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=CounterpartySettings,
    kinds=(DEALS, PARTIES, CARDS, SYNCS, TENANTS),
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
)
