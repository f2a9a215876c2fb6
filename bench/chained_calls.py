"""A service whose only work is chains of four calls to Elba: find a buyer, create it, create an invoice, fetch its PDF.

Reads are tasks, creates are effects with their INTENT and outcome committed. The last task of a chain begins the next
one, so that as many chains are under way as were begun by ``POST /begin``. Run as ``python -m bench.chained_calls``.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded, StreamKind, TaskPlan
from chassis.blobs import Blobs
from chassis.domain import Event
from chassis.engine import Command
from chassis.ids import TenantId
from chassis.internal_api.requests import json_of, reply
from chassis.openapi import answers
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from chassis.postgres import Database
from chassis.service import Parts, ServiceSpec, Work
from chassis.service.running import main
from chassis.settings import ServiceSettings
from chassis.values.lines import DocumentLine
from chassis.values.units import Unit
from chassis.work.handlers import (
    Confirmed,
    Done,
    EffectCall,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    ProbeResult,
    Settled,
    StreamCommand,
    Task,
    TaskResult,
)
from connectors.ports.accounting import Accounting, CounterpartyDraft, InvoiceDraft
from connectors.registry import ELBA_SEED, Capability

NAME: Final = "bench"
TENANTS: Final = 10
INN: Final = "7736207543"
LINES: Final = (DocumentLine("Стеллаж", Decimal(2), Unit("796", "шт"), Decimal("1000.00"), "none", True, 200_000, 0),)


class Step(Event, name="Step"):
    """What was reached: begun, sought, buyer, invoice, ended; with the vendor's id of what was made."""

    reached: str
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain."""

    reached: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """The next step is done."""

    reached: str
    remote_id: str = ""


def decide(state: Chain, command: Reach, now: datetime) -> Sequence[Event]:
    """Every step once."""
    return [] if state.reached == command.reached else [Step(reached=command.reached, remote_id=command.remote_id)]


def evolve(state: Chain, event: Step) -> Chain:
    """Where it stands."""
    return Chain(event.reached)


def planned(recorded: Recorded, state: Chain) -> Sequence[Plan]:
    """The call after each step."""
    event, chain = recorded.event, recorded.stream
    account = f"elba:{recorded.tenant}:main"
    assert isinstance(event, Step)
    match event.reached:
        case "begun":
            return [TaskPlan("find-buyer", chain, {}, account)]
        case "sought":
            return [EffectPlan("create-buyer", (chain,), account, {"inn": INN})]
        case "buyer":
            request = {"buyer": event.remote_id, "number": chain, "date": recorded.recorded_at.date().isoformat()}
            return [EffectPlan("create-invoice", (chain,), account, request, marker=f"[{chain}]")]
        case "invoice":
            return [TaskPlan("fetch-pdf", chain, {"remote_id": event.remote_id}, account)]
        case _:
            return []


class FindBuyer:
    """Nobody of this INN is there."""

    kind = "find-buyer"
    recurring = False
    permits = 1

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

    async def run(self, task: Task) -> TaskResult:
        """One GET."""
        assert task.permit is not None, "the plan names an account"
        found = await self._accounting.find_counterparty(task.permit, INN)
        if not isinstance(found, Ok):
            return _again(found)
        return Done((StreamCommand(task.stream, Reach("sought"), f"sought:{task.stream}"),))


class FetchPdf:
    """Fetches 60 KiB into the blobs, ends the chain and begins the next."""

    kind = "fetch-pdf"
    recurring = False
    permits = 1

    def __init__(self, accounting: Accounting, blobs: Blobs) -> None:
        self._accounting = accounting
        self._blobs = blobs

    async def run(self, task: Task) -> TaskResult:
        """One GET."""
        assert task.permit is not None, "the plan names an account"
        fetched = await self._accounting.invoice_pdf(task.permit, task.payload["remote_id"])
        if not isinstance(fetched, Ok):
            return _again(fetched)
        blob = str(await self._blobs.put(task.tenant, fetched.value.content))
        _, lane, number = task.stream.split("-")
        following = f"chain-{lane}-{int(number) + 1}"
        end = StreamCommand(task.stream, Reach("ended", blob), f"ended:{task.stream}")
        return Done((end, StreamCommand(following, Reach("begun"), f"begun:{following}")))


class _Create:
    """What the two creates share."""

    batch_max = 1
    reached = ""

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing."""
        return None

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The chain goes on; it stops at anything unexpected, which then shows in the rate."""
        return Reach(self.reached, settled.result["id"]) if isinstance(settled, Confirmed) else None


class CreateBuyer(_Create):
    """Creates a counterparty."""

    kind = "create-buyer"
    reached = "buyer"

    def policy_for(self, account: str) -> EffectPolicy:
        """As the registry has it."""
        return ELBA_SEED.policies[Capability.CREATE_COUNTERPARTY]

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST."""
        (call,) = calls
        draft = CounterpartyDraft("company", "ООО «Покупатель»", inn=call.request["inn"], kpp="773601001")
        made = await self._accounting.create_counterparty(call.permit, draft, key=call.effect_id)
        return (Ok({"id": made.value.counterparty_id}) if isinstance(made, Ok) else made,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By INN."""
        found = await self._accounting.find_counterparty(call.permit, call.request["inn"])
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        return Found({"id": found.value[0].counterparty_id}) if found.value else NotFound()


class CreateInvoice(_Create):
    """Creates an invoice."""

    kind = "create-invoice"
    reached = "invoice"

    def policy_for(self, account: str) -> EffectPolicy:
        """As the registry has it."""
        return ELBA_SEED.policies[Capability.CREATE_INVOICE]

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST."""
        (call,) = calls
        day = date.fromisoformat(call.request["date"])
        number = call.request["number"]
        draft = InvoiceDraft(day, day, call.request["buyer"], LINES, "Счёт по сделке", call.marker, number)
        made = await self._accounting.create_invoice(call.permit, draft, key=call.effect_id)
        return (Ok({"id": made.value.invoice_id}) if isinstance(made, Ok) else made,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By number and date."""
        day = date.fromisoformat(call.request["date"])
        number = call.request["number"]
        found = await self._accounting.find_invoice(call.permit, number=number, issued_on=day, marker=call.marker)
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        return Found({"id": found.value.matches[0].invoice_id}) if found.value.matches else NotFound()


def _again(failure: Any) -> Deferred | Retryable:
    return failure if isinstance(failure, Deferred | Retryable) else Retryable(failure.problem, outage=False)


def _work(parts: Parts[ServiceSettings]) -> Work:
    accounting = ELBA_SEED.connect(parts.http, parts.clock)

    async def ping(tenant: TenantId, account: str, permit: Any) -> Outcome[None]:
        return await accounting.ping(permit)

    return Work(
        effects=(CreateBuyer(accounting), CreateInvoice(accounting)),
        tasks=(FindBuyer(accounting), FetchPdf(accounting, parts.blobs)),
        probe_account=ping,
    )


def _routes(parts: Parts[ServiceSettings]) -> Sequence[BaseRoute]:
    database: Database = parts.database

    @answers(200)
    async def begin(request: Request) -> Response:
        chains = int((await json_of(request))["chains"])
        for lane in range(chains):
            tenant, stream = TenantId(f"tenant-{lane % TENANTS}"), f"chain-{lane}-0"
            async with database.transaction([tenant]) as connection:
                command = Command(tenant, stream, Reach("begun"), f"begun:{stream}")
                await parts.engine.execute(connection, [command], parts.clock.now())
        return reply({"begun": chains})

    return [Route("/begin", begin, methods=["POST"])]


CHAINS: Final = StreamKind(
    prefix="chain",
    initial=lambda stream: Chain(),
    decide=decide,
    evolve=evolve,
    codec=EventCodec([Step]),
    aggregate=lambda stream: stream,
    planned=planned,
)

SPEC: Final = ServiceSpec(name=NAME, settings=ServiceSettings, kinds=(CHAINS,), work=_work, routes=_routes)

if __name__ == "__main__":
    sys.exit(main(SPEC))
