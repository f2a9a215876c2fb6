"""Wires payments: a deal's payments, operations without an invoice, bank statements, polls of accounting feeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from starlette.routing import BaseRoute

from chassis.aggregate import Lane, Plan, Recorded, StreamKind, TaskPlan
from chassis.blobs import Blobs
from chassis.ids import TenantId
from chassis.outcomes import Outcome
from chassis.service import Parts, ServiceSpec, Work
from chassis.tenants import TENANT_KIND, TenantSeen, TenantView
from chassis.work.handlers import Permit
from chassis.work.operations import OperationMessages
from connectors.bank_statement import STATEMENT_BYTES_MAX
from connectors.registry import Capability, accounting_of
from connectors.router import AccountingRouter
from contracts import topics
from contracts.messages import operations
from services.payments import domain, projections
from services.payments.api import BankApi
from services.payments.domain import bankday, callback, listing, operation, plans, statement
from services.payments.handlers import route
from services.payments.published import published, published_of_day, published_of_operation, published_of_statement
from services.payments.settings import PaymentsSettings
from services.payments.store import PaymentStore
from services.payments.store.bank import BankStore
from services.payments.workers import handlers, matching
from services.payments.workers.statements import LoadStatement

NAME: Final = "payments"

DEALS: StreamKind[domain.State, Any] = StreamKind(
    prefix=domain.DEAL_PREFIX,
    initial=domain.initial,
    decide=domain.decide,
    evolve=domain.evolve,
    codec=domain.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published,
    planned=domain.planned,
    projected=projections.projected,
)
OPERATIONS: StreamKind[operation.State, operation.Command] = StreamKind(
    prefix=operation.PREFIX,
    initial=operation.initial,
    decide=operation.decide,
    evolve=operation.evolve,
    codec=operation.CODEC,
    aggregate=lambda stream: stream,
    published=published_of_operation,
    projected=operation.projected,
)
BANK_DAYS: StreamKind[bankday.State, bankday.Command] = StreamKind(
    prefix=bankday.PREFIX,
    initial=bankday.initial,
    decide=listing.decide,
    evolve=bankday.evolve,
    codec=bankday.CODEC,
    aggregate=lambda stream: stream,
    published=published_of_day,
    planned=listing.planned,
    projected=bankday.projected,
)
STATEMENTS: StreamKind[statement.State, statement.Command] = StreamKind(
    prefix=statement.PREFIX,
    initial=statement.initial,
    decide=statement.decide,
    evolve=statement.evolve,
    codec=statement.CODEC,
    aggregate=lambda stream: stream,
    published=published_of_statement,
    planned=statement.planned,
    projected=statement.projected,
)
CALLBACKS: StreamKind[callback.State, callback.SeeCall] = StreamKind(
    prefix=callback.PREFIX,
    initial=callback.initial,
    decide=callback.decide,
    evolve=callback.evolve,
    codec=callback.CODEC,
    aggregate=lambda stream: stream,
    planned=callback.planned,
)


def _polls(recorded: Recorded, state: TenantView) -> Sequence[Plan]:
    """A poll for each accounting account that tells its payments; one that is polled already goes on as it is."""
    assert isinstance(recorded.event, TenantSeen), "a tenant's stream has one kind of event"
    if state.status == "removed" or not plans.switched_on(state.settings):
        return ()
    sellers = state.settings.get("sellers", ())
    polls = (_poll(seller) for seller in sellers if seller.get("payments_from") != "statement")
    listed = {s["connection"]["account"] for s in sellers if s.get("payments_from") == "statement"}
    allots = (TaskPlan(listing.ALLOT_ACCOUNT, account, lane=Lane.BULK) for account in sorted(listed))
    return (*polls, *allots, *(look for seller in sellers for look in _looks(seller)))


def _poll(seller: Mapping[str, Any]) -> TaskPlan:
    """By payments, or by sums where the account's vendor tells nothing more."""
    account = seller["connection"]["account"]
    kind = plans.POLL_BALANCES if accounting_of(account).can(Capability.BALANCES) else plans.POLL
    payload = {"poll_seconds": seller.get("payments_poll_seconds", 300.0)}
    return TaskPlan(kind, account, payload, account=account, lane=Lane.BULK)


def _looks(seller: Mapping[str, Any]) -> Sequence[TaskPlan]:
    """Whether invoices still stand is looked at where the poll does not see it."""
    account = seller["connection"]["account"]
    vendor = accounting_of(account)
    polled = vendor.can(Capability.BALANCES) and seller.get("payments_from") != "statement"
    if polled or not vendor.can(Capability.READ_INVOICE):
        return ()
    return (TaskPlan(plans.STANDING, account, {}, account=account, lane=Lane.BULK),)


TENANTS = replace(TENANT_KIND, planned=_polls)


def _work(parts: Parts[PaymentsSettings]) -> Work:
    accounting = AccountingRouter(parts.http, parts.clock)
    bank, blobs = BankStore(parts.database, parts.engine), Blobs(parts.objects, bytes_max=STATEMENT_BYTES_MAX)
    store, finder = PaymentStore(parts.database), matching.Finder(bank, parts.tenants, parts.clock)
    tasks = (
        *handlers(accounting_of, accounting, store, parts.tenants, parts.clock, finder),
        LoadStatement(bank, blobs, parts.tenants, parts.clock),
        *matching.handlers(bank, parts.tenants, parts.clock),
    )

    async def ping(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await accounting.ping(permit)

    return Work(tasks=tasks, probe_account=ping)


def _routes(parts: Parts[PaymentsSettings]) -> Sequence[BaseRoute]:
    store = BankStore(parts.database, parts.engine)
    return BankApi(parts.database, parts.engine, store, parts.clock).routes()


def _deal_of(stream: str) -> str:
    prefix, _, deal_id = stream.partition("-")
    return deal_id if prefix == domain.DEAL_PREFIX else ""


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=PaymentsSettings,
    kinds=(DEALS, OPERATIONS, BANK_DAYS, STATEMENTS, CALLBACKS, TENANTS),
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
