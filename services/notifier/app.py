"""Wires notifier: what deals and admin chats are told, and the writes to the CRM."""

from pathlib import Path
from typing import Final

from chassis import log
from chassis.aggregate import StreamKind
from chassis.ids import TenantId
from chassis.outcomes import Outcome
from chassis.service import Parts, ServiceSpec, Work
from chassis.work.handlers import Permit
from chassis.work.operations import OperationMessages
from connectors.ports.crm import PortalMoved
from connectors.registry import BITRIX24
from contracts import topics
from contracts.messages import operations
from services.notifier.domain import alerts, company, deal, newcomer
from services.notifier.handlers import route
from services.notifier.projections import projected
from services.notifier.published import published
from services.notifier.settings import NotifierSettings
from services.notifier.store import DealStore
from services.notifier.workers import handlers, task_handlers

NAME: Final = "notifier"

_log = log.get(__name__)

DEALS: StreamKind[deal.State, deal.Command] = StreamKind(
    prefix=deal.PREFIX,
    initial=deal.initial,
    decide=deal.decide,
    evolve=deal.evolve,
    codec=deal.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published,
    planned=deal.planned,
    projected=projected,
)
ALERTS: StreamKind[alerts.State, alerts.Command] = StreamKind(
    prefix=alerts.PREFIX,
    initial=alerts.initial,
    decide=alerts.decide,
    evolve=alerts.evolve,
    codec=alerts.CODEC,
    aggregate=lambda stream: stream,
    planned=alerts.planned,
)
COMPANIES: StreamKind[company.State, company.Command] = StreamKind(
    prefix=company.PREFIX,
    initial=company.initial,
    decide=company.decide,
    evolve=company.evolve,
    codec=company.CODEC,
    aggregate=lambda stream: stream,
    planned=company.planned,
)
NEWCOMERS: StreamKind[newcomer.State, newcomer.Command] = StreamKind(
    prefix=newcomer.PREFIX,
    initial=newcomer.initial,
    decide=newcomer.decide,
    evolve=newcomer.evolve,
    codec=newcomer.CODEC,
    aggregate=lambda stream: stream,
    planned=newcomer.planned,
)


def _moved(moved: PortalMoved) -> None:
    # ingest owns the address and meets the same redirect at its next sweep; until then each call is sent on.
    _log.info("a portal answers at a new address", account=moved.account)


def _work(parts: Parts[NotifierSettings]) -> Work:
    crm = BITRIX24.connect(parts.http, parts.clock, _moved)

    async def ping(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await crm.ping(permit)

    deals = DealStore(parts.database, parts.engine)
    effects = handlers(crm, parts.blobs, parts.tenants, deals)
    return Work(effects=effects, tasks=task_handlers(), probe_account=ping)


def _deal_of(stream: str) -> str:
    prefix, _, deal_id = stream.partition("-")
    return deal_id if prefix == deal.PREFIX else ""


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=NotifierSettings,
    kinds=(DEALS, ALERTS, COMPANIES, NEWCOMERS),
    migrations=Path(__file__).parent / "migrations",
    reads=topics.read_by(NAME),
    writes=topics.written_by(NAME),
    route=route,
    work=_work,
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
