"""Asks the state register about a company: from what is kept, else of the providers in the tenant's order."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from chassis.work.handlers import Done, Permit, PermitClass, Permits, StreamCommand, Task, TaskResult
from chassis.work.operations import AccountDown, AccountUp, outage_stream
from chassis.work.permits import ACCOUNT_UNKNOWN
from connectors.ports.companies import CompanyByInn, CompanyCard
from connectors.registers import QUOTA, day_of_moscow, next_midnight
from services.counterparty.domain import card, company, deal, party
from services.counterparty.domain.company import Facts
from services.counterparty.domain.values import Register
from services.counterparty.store.companies import CompanyStore, KeptCard, Usage

FRESH: Final = timedelta(hours=24)
"""A buyer's state may be so old when a document is made."""
ABSENT_FRESH: Final = timedelta(hours=1)
STALE_MAX: Final = timedelta(days=7)
"""Where nobody answers, what was told before stands so long."""
ATTEMPTS_MAX: Final = 3
"""After so many attempts a document is made without the register: one that is away says nothing of a company."""
REQUESTS_MAX: Final = 2


@dataclass(slots=True)
class Asked:
    """What came of asking: an answer, or why there is none; and what the vendors' outage streams are told."""

    card: KeptCard | None = None
    problem: Problem | None = None
    told: list[StreamCommand] = field(default_factory=list)


class LookUpCompany:
    """One INN. An answer is kept for a day; a provider whose quota is used up is left alone until the next day. A
    document does not wait for the register for ever; who is ``patient`` does."""

    kind = company.LOOK_UP
    recurring = False
    permits = 0

    def __init__(
        self, store: CompanyStore, permits: Permits, clients: Mapping[str, CompanyByInn], clock: Clock
    ) -> None:
        self._store = store
        self._permits = permits
        self._clients = clients
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Tells the stream that asked. Providers that do not answer are asked again a few times."""
        payload, now = task.payload, self._clock.now()
        inn, kpp = payload["inn"], payload["kpp"]
        registers = [Register.model_validate(one) for one in payload["registers"]]
        kept = await self._store.card(task.tenant, inn, kpp)
        if kept is not None and now - kept.fetched_at < (FRESH if kept.facts is not None else ABSENT_FRESH):
            return Done((self._answer(task, kept.facts),))
        asked = await self._ask(task.tenant, registers, inn, kpp)
        if asked.card is not None:
            await self._store.keep(task.tenant, inn, kpp, asked.card)
            return Done((self._answer(task, asked.card.facts), *asked.told))
        patient = payload.get("patient", False)
        if asked.problem is not None and (patient or task.attempt < ATTEMPTS_MAX):
            return Retryable(asked.problem, outage=False)
        if patient:
            return Done(tuple(asked.told), again_at=next_midnight(now))
        stale = kept is not None and now - kept.fetched_at < STALE_MAX
        return Done((self._answer(task, kept.facts if stale and kept is not None else None), *asked.told))

    async def _ask(self, tenant: TenantId, registers: Sequence[Register], inn: str, kpp: str) -> Asked:
        """The first provider that answers; ``problem`` is set only where trying again soon may help."""
        asked = Asked()
        for register in registers:
            now = self._clock.now()
            day = date.fromisoformat(day_of_moscow(now))
            usage = await self._store.usage(tenant, register.account, day)
            if self._closed(register, usage, now):
                await self._left_alone(tenant, register, usage, now, asked)
                continue
            permit = await self._permits.acquire(
                register.account, REQUESTS_MAX, PermitClass.INTERACTIVE, least=REQUESTS_MAX
            )
            if not isinstance(permit, Permit):
                if permit.problem.code != ACCOUNT_UNKNOWN:  # the tenant may have left the register out since it asked
                    asked.problem = permit.problem
                continue
            await self._store.count(tenant, register.account, day, 1)
            client = self._clients[register.vendor]
            found = await client.by_inn(permit, inn, kpp, answered_today=usage.answered)
            if isinstance(found, Ok):
                await self._store.answered(tenant, register.account)
                if usage.closed_until is not None:
                    asked.told.append(_up(register, now))
                asked.card = KeptCard(None if found.value is None else _facts(found.value, now), now)
                return asked
            if isinstance(found, Deferred) and found.problem.code == QUOTA:
                until = found.until or next_midnight(now)
                await self._store.close(tenant, register.account, until)
                asked.told.append(_down(register, now, found.problem))
            elif isinstance(found, Deferred):
                await self._permits.report(register.account, found.problem, found.until)
                asked.problem = found.problem
            elif not isinstance(found, Rejected):
                asked.problem = found.problem
        return asked

    def _closed(self, register: Register, usage: Usage, now: datetime) -> bool:
        if usage.closed_until is not None and now < usage.closed_until:
            return True
        return usage.calls >= register.per_day

    async def _left_alone(
        self, tenant: TenantId, register: Register, usage: Usage, now: datetime, asked: Asked
    ) -> None:
        """Nothing is asked. The outage stream is told each time and says it once, also after a crash in between."""
        if usage.closed_until is None or usage.closed_until <= now:
            await self._store.close(tenant, register.account, next_midnight(now))
        asked.told.append(_down(register, now, Problem(QUOTA, {"vendor": register.vendor})))

    def _answer(self, task: Task, facts: Facts | None) -> StreamCommand:
        payload = task.payload
        body: deal.Command | party.Command | card.Command
        if task.stream.startswith(f"{card.PREFIX}-"):
            body = card.SeeCompany(payload["kpp"], facts)
        elif task.stream.startswith(f"{deal.PREFIX}-"):
            body = deal.SeeCompany(payload["request_id"], payload["inn"], facts)
        else:
            body = party.SeeRegister(payload["account"], facts)
        return StreamCommand(task.stream, body, f"company:{task.key}")


def _facts(card: CompanyCard, now: datetime) -> Facts:
    return Facts(
        inn=card.inn,
        kpp=card.kpp,
        ogrn=card.ogrn,
        full_name=card.full_name if card.kind == "company" else "",
        short_name=card.short_name if card.kind == "company" else "",
        address=card.address if card.kind == "company" else "",
        status=card.status.value,
        provider=card.provider,
        fetched_at=now,
    )


def _down(register: Register, now: datetime, problem: Problem) -> StreamCommand:
    body = AccountDown(register.vendor, register.account, now, problem)
    return StreamCommand(outage_stream(register.vendor), body, f"down:{uuid.uuid4()}")


def _up(register: Register, now: datetime) -> StreamCommand:
    return StreamCommand(
        outage_stream(register.vendor), AccountUp(register.vendor, register.account, now), f"up:{uuid.uuid4()}"
    )
