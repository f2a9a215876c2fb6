"""One service of a simulation: its own streams, routes, handlers and effect machine over memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.service import ServiceSpec
from chassis.work.committer import Committer
from chassis.work.effects import Effects
from chassis.work.handlers import EffectHandler, Permit, PermitClass, TaskHandler
from chassis.work.operations import AccountUp, outage_stream
from chassis.work.permits import PERMITS_AWAY, PermitAnswer, PermitBlocks
from chassis.work.runner import vendor_before_colon
from chassis.work.settings import TenantRules
from chassis.work.tasks import Tasks, is_poll
from chassis.work.vendors import Vendors
from tests.simulation.bus import Bus, Queue, Record
from tests.simulation.chance import Chance, Rates, Trace
from tests.simulation.desk import SETTINGS, Desk, Died, Entry, Pending
from tests.simulation.memory import Memory, Writes
from tests.simulation.vendor import Vendor

PERMIT_SECONDS = 5


class MemoryPermits(PermitBlocks):
    """Leave to call whoever one likes, unless chance has it otherwise."""

    def __init__(self, clock: Clock, chance: Chance, rates: Rates) -> None:
        self._now = clock.now
        self._chance = chance
        self.rates = rates

    async def take(self, account: str, count: int, permit_class: PermitClass) -> PermitAnswer:
        """A permit, or "not now"."""
        if self._chance.happens(self.rates.no_permit):
            if self._chance.happens(0.5):
                return Retryable(Problem(PERMITS_AWAY, {}), outage=False)
            return Deferred(Problem("permits_used_up", {}), self._now() + timedelta(seconds=2))
        return Permit(account, "memory", "", count, self._now() + timedelta(seconds=PERMIT_SECONDS))

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> PermitAnswer:
        """A permit for a look-up that a handler makes of its own accord."""
        return await self.take(account, count, permit_class)

    def give_back(self, account: str, count: int, permit_class: PermitClass) -> None:
        """Nobody counts."""

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """Nobody counts."""


class SeededVendors(Vendors):
    """The runner's knowledge of its vendors, its jitter by the seed."""

    def __init__(self, chance: Chance, **parts: Any) -> None:
        super().__init__(**parts)
        self._chance = chance
        self.rules = TenantRules()

    def roll(self) -> float:
        """Jitter from -1 to 1."""
        return self._chance.between(-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all services of a run share."""

    clock: Clock
    bus: Bus
    trace: Trace
    chance: Chance
    rates: Rates


class Service:
    """One of the five. ``add_handlers`` gives it the workers that its own code has."""

    def __init__(self, spec: ServiceSpec[Any], shared: Shared) -> None:
        self.name = spec.name
        self.shared = shared
        self.memory = Memory(spec.name, spec.stream_kinds(), shared.trace)
        self.desk = Desk(shared.clock, shared.chance, shared.rates)
        self.permits = MemoryPermits(shared.clock, shared.chance, shared.rates)
        self.inbox = shared.bus.waiting(spec.name)
        self.polls: set[str] = set()
        self._route = spec.route
        self._handled: set[str] = set()
        self._vendors_by_name: dict[str, Vendor] = {}

    def add_handlers(self, effects: Sequence[EffectHandler], tasks: Sequence[TaskHandler], *vendors: Vendor) -> None:
        """The service's workers, over the vendors in memory."""
        committer: Committer = self.desk
        self.vendors = SeededVendors(
            self.shared.chance,
            engine=self.memory.engine,
            clock=self.shared.clock,
            settings=SETTINGS,
            committer=committer,
            blocks=self.permits,
            vendor_of=vendor_before_colon,
            read_rules=_no_rules,
        )
        self._effects = Effects(self.vendors, effects)
        self._tasks = Tasks(self.vendors, tasks)
        self._riders = {**self._effects.kinds, **self._tasks.kinds}
        self._recurring = set(self._tasks.recurring_kinds)
        self.polls = {task.kind for task in tasks if is_poll(task)}
        self._vendors_by_name = {vendor.name: vendor for vendor in vendors}

    # Streams

    def execute(self, commands: Sequence[Command]) -> None:
        """Commands in one transaction, with their messages and due work."""
        self._write(self.memory.execute(commands, self.shared.clock.now()))

    def _write(self, writes: Writes) -> None:
        bus, chance = self.shared.bus, self.shared.chance
        for key, message, envelope, body in writes.messages:
            read = type(message.body).model_validate_json(body)
            bus.send(Record(message.topic, key, envelope, read))
            if chance.happens(self.shared.rates.sent_twice):
                bus.send_again((message.topic, key), chance.whole(1, 4))
        if writes.plans:
            self.desk.plan(writes.plans)

    # Messages

    def consume(self, queues: Sequence[tuple[Queue, int]]) -> None:
        """Takes messages of several keys in one transaction; the consumer may die before its commit or before its
        acknowledgement, and gets them again."""
        shared = self.shared
        taken = [(queue, shared.bus.read(self.name, queue, count)) for queue, count in queues]
        if shared.chance.happens(shared.rates.consumer_dies):
            self._mishap("died before a commit")
            return
        commands: list[Command] = []
        for _, records in taken:
            for record in records:
                commands += self._commands(record)
        self.execute(commands)
        if shared.chance.happens(shared.rates.offset_lost):
            self._mishap("died before an acknowledgement")
            return
        for queue, records in taken:
            shared.bus.acknowledge(self.name, queue, len(records))
            if shared.chance.happens(shared.rates.rewound):
                shared.bus.rewind(self.name, queue, shared.chance.whole(1, 6))

    def _mishap(self, what: str) -> None:
        self.shared.bus.mishaps[what] += 1
        self.shared.trace.add(f"{self.name} {what}")

    def _commands(self, record: Record) -> list[Command]:
        envelope = record.envelope
        if envelope.id in self._handled:
            return []
        self._handled.add(envelope.id)
        tenant = TenantId(envelope.tenant_id)
        assert record.key.startswith(f"{tenant}:"), "a message under another tenant's key"
        self.shared.trace.add(f"{self.name} takes {envelope.type} {envelope.id}")
        return [
            Command(tenant, routed.stream, routed.command, f"{envelope.id}:{index}", {"cause": envelope.id})
            for index, routed in enumerate(self._route(record.message, envelope))
        ]

    # Due work

    def claimable(self) -> list[Entry]:
        """What may be taken now."""
        return self.desk.claimable(self.vendors.paused()) if self.desk.ready else []

    async def work(self, head: Entry) -> None:
        """Takes one piece of work a step further, with its real handler; the process may die on the way."""
        rows = self.desk.take(head, self._riders[head.kind] - 1)
        self.shared.trace.add(f"{self.name} works {head.tenant} {head.kind} {head.key} x{len(rows)}")
        try:
            if head.is_effect:
                await self._effects.run(rows)
            else:
                await self._tasks.run(rows[0])
        except Died:
            self.shared.trace.add(f"{self.name} dies at work")

    def commit(self, pending: Pending) -> None:
        """Commits an outcome with its commands."""
        commands = self.desk.commit(pending)
        if commands is None:
            self.shared.trace.add(f"{self.name} is too late with {pending.settlement.release.row.name}")
        elif commands:
            self.execute(commands)

    async def probe_accounts(self) -> bool:
        """Looks whether vendors that were away answer again, as the runner's watch does; False when it is too early."""
        now, probed = self.shared.clock.now(), False
        for (tenant, account), at in list(self.desk.closed_accounts.items()):
            if at > now:
                continue
            probed = True
            vendor = self._vendors_by_name[vendor_before_colon(account)]
            permit = Permit(account, "memory", "", 1, now + timedelta(seconds=PERMIT_SECONDS))
            outcome: Outcome[Any] = await vendor.ping(permit)  # type: ignore[attr-defined]  # both have one
            if not isinstance(outcome, Ok | Rejected):
                self.desk.closed_accounts[tenant, account] = now + self.vendors.probe_interval()
                continue
            del self.desk.closed_accounts[tenant, account]
            self.vendors.answered(tenant, account)
            name = vendor_before_colon(account)
            up = AccountUp(name, account, now)
            self.execute([Command(tenant, outage_stream(name), up, f"up:{account}:{now.isoformat()}")])
        return probed

    # Quiet

    def is_busy(self) -> bool:
        """Whether anything is under way that will end by itself."""
        return bool(self.desk.pending) or any(entry.kind not in self._recurring for entry in self.desk.open.values())

    def polls_quiet_since(self, moment: datetime) -> bool:
        """Whether every poll has gone over its vendor after a moment and found nothing."""
        return all(
            entry.pass_started_at is not None and entry.pass_started_at > moment and not entry.pass_found
            for entry in self.desk.entries.values()
            if entry.kind in self.polls
        )


async def _no_rules() -> TenantRules:
    return TenantRules()
