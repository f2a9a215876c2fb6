"""The due work of one service in memory: claimed, settled and taken over as the work table's statements do it."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from chassis.aggregate import EffectPlan, TaskPlan
from chassis.clock import Clock
from chassis.engine import Command
from chassis.ids import TenantId
from chassis.work import breaker
from chassis.work.committer import Committer, Settlement
from chassis.work.guard import lease_clock
from chassis.work.machine import Effect, State
from chassis.work.plans import PlannedWork, as_json, effect_id, task_id
from chassis.work.rows import Intent, Lease, Row
from chassis.work.settings import WorkSettings
from tests.simulation.chance import Chance, Rates

LEASE = timedelta(seconds=60)
LONG_SECONDS = 1e6
SETTINGS = WorkSettings(
    lease_seconds=4 * LONG_SECONDS,
    send_seconds_max=LONG_SECONDS,
    probe_seconds_max=LONG_SECONDS,
    task_seconds_max=LONG_SECONDS,
)
"""Real seconds have no part in a simulation: no call may run into its deadline because the machine is busy."""


class Died(BaseException):
    """The process ends here; nothing of its memory is left."""


@dataclass(slots=True)
class Entry:
    """One row of the work table."""

    tenant: TenantId
    work_id: UUID
    is_effect: bool
    kind: str
    key: str
    stream: str
    account: str
    plan: EffectPlan | TaskPlan
    seq: int
    planned_at: datetime
    request: dict[str, Any]
    due_at: datetime | None
    metadata: dict[str, str]
    queue: str = "waiting"
    effect: Effect = field(default_factory=Effect)
    epoch: int = 0
    lease_until: datetime | None = None
    wanted: int = 0
    debounce: timedelta = timedelta()
    cursor_before: Any = None
    outcome: Any = None
    pass_started_at: datetime | None = None
    pass_found: bool = True

    @property
    def urgent(self) -> bool:
        """What may be outside already is looked after whatever else is closed."""
        return self.is_effect and self.effect.state in (State.INTENT, State.SENT)


@dataclass(slots=True)
class Pending:
    """An outcome on its way into the database; one that comes ``late`` may find that another has taken over."""

    settlement: Settlement
    late: datetime | None = None


class Desk(Committer):
    """The committer of a service's runner, and the table behind it. An INTENT is committed at once; outcomes wait in
    ``pending`` until the scheduler commits them, so that others act between a call and its outcome."""

    def __init__(self, clock: Clock, chance: Chance, rates: Rates) -> None:
        self._now = clock.now
        self._chance = chance
        self.rates = rates
        self.entries: dict[UUID, Entry] = {}
        self.open: dict[UUID, Entry] = {}
        self.ready: dict[UUID, Entry] = {}
        self.pending: list[Pending] = []
        self.unheard: set[UUID] = set()
        self.delayed: set[tuple[TenantId, str, str]] = set()
        """Work whose outcome was lost with a process, or came too late."""
        self.closed_accounts: dict[tuple[TenantId, str], datetime] = {}
        self._times: list[tuple[datetime, int, UUID]] = []
        self._order: dict[tuple[TenantId, str, str], list[UUID]] = {}
        self._busy: set[tuple[TenantId, str]] = set()
        self._seq = 0

    # Plans

    def plan(self, works: Sequence[PlannedWork]) -> None:
        """Effects once per key; a task that is open wants one more run."""
        now = self._now()
        for work in works:
            if isinstance(work.plan, EffectPlan):
                self._plan_effect(work, work.plan, now)
            else:
                self._plan_task(work, work.plan, now)

    def _plan_effect(self, work: PlannedWork, plan: EffectPlan, now: datetime) -> None:
        work_id = effect_id(work.tenant, plan.kind, plan.key)
        if work_id in self.entries:
            return
        request = orjson.loads(as_json(plan.request))
        entry = self._entry(work, work_id, "/".join(plan.key), request, plan.due_at or now, now)
        self._order.setdefault((entry.tenant, entry.stream, entry.account), []).append(work_id)
        self._schedule(entry)

    def _plan_task(self, work: PlannedWork, plan: TaskPlan, now: datetime) -> None:
        work_id, due = task_id(work.tenant, plan.kind, plan.key), plan.due_at or now
        entry = self.entries.get(work_id)
        request = orjson.loads(as_json(plan.payload))
        if entry is None:
            self._schedule(self._entry(work, work_id, plan.key, request, due, now))
            return
        entry.wanted += 1
        entry.stream, entry.account = work.stream, plan.account
        due += entry.debounce
        entry.due_at = due if entry.due_at is None else min(entry.due_at, due)
        if entry.queue == "closed":
            entry.request, entry.planned_at, entry.effect = request, now, Effect()
            self.open[work_id] = entry
        else:
            entry.request = {**entry.request, **request}
        if entry.queue in ("closed", "waiting"):
            self._schedule(entry)

    def _entry(
        self, work: PlannedWork, work_id: UUID, key: str, request: dict[str, Any], due: datetime, now: datetime
    ) -> Entry:
        self._seq += 1
        plan, is_effect = work.plan, isinstance(work.plan, EffectPlan)
        made = Entry(
            tenant=work.tenant,
            work_id=work_id,
            is_effect=is_effect,
            kind=plan.kind,
            key=key,
            stream=work.stream,
            account=plan.account,
            plan=plan,
            seq=self._seq,
            planned_at=now,
            request=request,
            due_at=due,
            metadata=dict(work.metadata),
        )
        self.entries[work_id] = self.open[work_id] = made
        return made

    def _schedule(self, entry: Entry) -> None:
        due = entry.due_at or self._now()
        if not self._is_first(entry):
            entry.queue = "waiting"  # until those before it are settled
        elif due <= self._now():
            entry.queue = "ready"
            self.ready[entry.work_id] = entry
        else:
            entry.queue = "waiting"
            heapq.heappush(self._times, (due, entry.seq, entry.work_id))

    # Time

    def waken(self) -> None:
        """Makes claimable what is due, and what a dead process held until its lease ended."""
        now = self._now()
        while self._times and self._times[0][0] <= now:
            _, _, work_id = heapq.heappop(self._times)
            entry = self.entries[work_id]
            if entry.queue == "waiting" and entry.due_at is not None and entry.due_at <= now and self._is_first(entry):
                self._schedule(entry)
            elif entry.queue == "taken" and entry.lease_until is not None and entry.lease_until <= now:
                self._free(entry)
                self._schedule(entry)

    def next_moment(self) -> datetime | None:
        """When something becomes claimable by itself."""
        while self._times:
            at, _, work_id = self._times[0]
            entry = self.entries[work_id]
            if (entry.queue == "waiting" and entry.due_at == at) or (
                entry.queue == "taken" and entry.lease_until == at
            ):
                break
            heapq.heappop(self._times)
        moments = [pending.late for pending in self.pending if pending.late is not None]
        moments += self.closed_accounts.values()
        if self._times:
            moments.append(self._times[0][0])
        return min(moments, default=None)

    # Claims

    def claimable(self, paused: Sequence[tuple[TenantId, str]]) -> list[Entry]:
        """What may be taken now: one piece of work of a stream at a time, effects of an account in their order."""
        return [
            entry
            for entry in self.ready.values()
            if (not entry.stream or (entry.tenant, entry.stream) not in self._busy)
            and ((entry.tenant, entry.account) not in paused)
            and ((entry.tenant, entry.account) not in self.closed_accounts or self._may_go_closed(entry))
        ]

    def _may_go_closed(self, entry: Entry) -> bool:
        decide_by = entry.effect.decide_by
        return entry.urgent or (decide_by is not None and decide_by <= self._now())

    def take(self, head: Entry, riders_max: int) -> list[Row]:
        """Takes a piece of work with those that may travel with it."""
        taken = [head]
        plan = head.plan
        fresh = not head.is_effect or head.effect.state in (State.PLANNED, State.ABSENT)
        if isinstance(plan, EffectPlan) and plan.group and fresh:
            now = self._now()
            for work_id in self._order[head.tenant, head.stream, head.account][1:]:
                other = self.entries[work_id]
                assert isinstance(other.plan, EffectPlan), "a line has effects alone"
                if len(taken) > riders_max or (other.kind, other.plan.group) != (head.kind, plan.group):
                    break
                if other.effect.state in (State.PLANNED, State.ABSENT) and other.due_at and other.due_at <= now:
                    taken.append(other)
        return [self._row(entry) for entry in taken]

    def _row(self, entry: Entry) -> Row:
        now = self._now()
        due, entry.due_at = entry.due_at, None
        entry.queue, entry.epoch, entry.lease_until = "taken", entry.epoch + 1, now + LEASE
        heapq.heappush(self._times, (entry.lease_until, entry.seq, entry.work_id))
        self.ready.pop(entry.work_id, None)
        if entry.stream:
            self._busy.add((entry.tenant, entry.stream))
        plan = entry.plan
        return Row(
            tenant=entry.tenant,
            work_id=entry.work_id,
            is_effect=entry.is_effect,
            kind=entry.kind,
            key=entry.key,
            stream=entry.stream,
            account=entry.account,
            group=plan.group if isinstance(plan, EffectPlan) else "",
            lane=plan.lane,
            epoch=entry.epoch,
            lease_ends=lease_clock() + LONG_SECONDS,
            claimed_at=now,
            due_at=due or now,
            planned_at=entry.planned_at,
            request=entry.request,
            marker=plan.marker if isinstance(plan, EffectPlan) else "",
            metadata=entry.metadata,
            cursor_before=entry.cursor_before,
            effect=entry.effect,
            wanted=entry.wanted,
            outcome=entry.outcome,
            untold=False,
            after_outage=False,
        )

    # Commits

    async def intend(self, intents: Sequence[Intent]) -> dict[Lease, float]:
        """Commits at once; the process may die right after it."""
        held: dict[Lease, float] = {}
        for intent in intents:
            entry = self.entries[intent.row.work_id]
            if self._is_ours(entry, intent.row):
                entry.effect = intent.effect
                entry.cursor_before = intent.cursor_before
                held[intent.row.lease] = lease_clock() + LONG_SECONDS
        self._may_die([work_id for work_id, _ in held])
        return held

    async def settle(self, settlements: Sequence[Settlement]) -> dict[Lease, float]:
        """Leaves the outcomes to the scheduler; the process may die before they are committed, or stand still."""
        self._may_die([settlement.release.row.work_id for settlement in settlements])
        late = None
        if self._chance.happens(self.rates.outcome_late):
            late = self._now() + timedelta(seconds=self._chance.between(1, 2 * LEASE.total_seconds()))
        self.pending += [Pending(settlement, late) for settlement in settlements]
        return {}

    def _may_die(self, held: Iterable[UUID]) -> None:
        if self._chance.happens(self.rates.worker_dies):
            self.unheard.update(held)
            raise Died

    def commit(self, pending: Pending) -> Sequence[Command] | None:
        """Writes an outcome; None when another has taken the row over. The commands are the caller's to execute."""
        self.pending.remove(pending)
        release = pending.settlement.release
        entry = self.entries[release.row.work_id]
        if not self._is_ours(entry, release.row):
            self.unheard.add(entry.work_id)
            return None
        planned_again = entry.wanted != release.row.wanted
        dues = [due for due in (release.due_at, entry.due_at) if due is not None]
        entry.due_at = min(dues, default=None)
        entry.effect = release.effect
        if entry.effect.delayed_since is not None and entry.stream:
            self.delayed.add((entry.tenant, entry.stream, release.row.name))
        if release.outcome is not None:
            entry.outcome = release.outcome
        if release.payload is not None:
            payload = orjson.loads(as_json(release.payload))
            entry.request = {**entry.request, **payload} if planned_again else payload
        if release.passed_found is not None:
            entry.pass_started_at, entry.pass_found = release.row.claimed_at, release.passed_found
        if release.debounce_seconds is not None:
            entry.debounce = timedelta(seconds=release.debounce_seconds)
        self._free(entry)
        if planned_again:
            entry.effect = replace(entry.effect, state=State.PLANNED)
        if release.state == State.HUMAN:
            entry.queue = "person"
        elif not planned_again and release.due_at is None:
            entry.queue = "closed"
        else:
            self._schedule(entry)
        if entry.queue in ("person", "closed"):
            del self.open[entry.work_id]
            if entry.is_effect:
                self._pass_on(entry)
        opened = pending.settlement.opened
        if opened is not None:
            self._close_account(opened)
        return pending.settlement.told

    def _close_account(self, opened: breaker.Opened) -> None:
        self.closed_accounts.setdefault((opened.tenant, opened.account), opened.probe_at)

    def _is_ours(self, entry: Entry, row: Row) -> bool:
        return entry.epoch == row.epoch and entry.queue == "taken"

    def _is_first(self, entry: Entry) -> bool:
        return not entry.is_effect or self._order[entry.tenant, entry.stream, entry.account][0] == entry.work_id

    def _free(self, entry: Entry) -> None:
        entry.lease_until = None
        self._busy.discard((entry.tenant, entry.stream))

    def _pass_on(self, entry: Entry) -> None:
        line = self._order[entry.tenant, entry.stream, entry.account]
        was_first = line[0] == entry.work_id
        line.remove(entry.work_id)
        if line and was_first:
            following = self.entries[line[0]]
            if following.queue == "waiting":
                self._schedule(following)
