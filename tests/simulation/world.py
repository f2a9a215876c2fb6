"""One run: people, vendors, topics and five services, moved step by step by the scheduler until all is quiet."""

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.engine import Command
from chassis.ids import TenantId
from chassis.work.plans import PlannedWork
from services.ingest.domain import deal as ingest_deal
from services.ingest.domain import hints
from services.ingest.domain.portal import STREAM as PORTAL
from services.ingest.domain.portal import ApplyTenant
from tests.simulation.accounting import MemoryAccounting
from tests.simulation.chance import NOTHING, Chance, Order, Rates, Trace
from tests.simulation.clock import VirtualClock
from tests.simulation.crm import Buyer, Deal, MemoryCrm
from tests.simulation.people import People
from tests.simulation.plan import BEGIN, PHASES, DealPlan, Plan
from tests.simulation.service import Service, Shared
from tests.simulation.wiring import services, topics

STEPS_MAX = 100_000
KEYS_PER_BATCH_MAX = 6
MESSAGES_PER_KEY_MAX = 4
HINT_SECONDS_MAX = 90.0
ECHOES = 0.1
CREEPS = 0.02
CREEP_SECONDS_MAX = 10.0
ANSWERS = 0.02
PROMPT = 0.6
OUTAGE_SECONDS_MAX = 600.0
HELD_SECONDS_MIN = 60.0
HELD_SECONDS_MAX = 1_800.0
LOST_WHEN_HELD = 0.8
OF_DEALS = ("deals", "counterparties", "documents", "payments")
AT_ONCE = 0.3
RESTS_SECONDS_MAX = 600.0
"""Between two acts at a deal: long enough for the services to see the first before the second."""

MORNING_HOUR, LATE_HOUR = 7, 15
"""Of UTC."""

Waiting = list[tuple[DealPlan, int]]
"""Acts, by their number, that have not happened yet; a deal's own in their order."""


class Restless(AssertionError):  # noqa: N818 - what a run is
    """A run that does not come to its end: something is tried for ever."""


class World:
    """A run of a plan. ``calm``: nothing goes wrong and everything keeps its order. ``phased``: the next act of every
    deal waits until all have come to rest from the one before."""

    def __init__(
        self, plan: Plan, seed: int, rates: Rates, *, phased: bool, calm: bool = False, keep_trace: bool = False
    ) -> None:
        self.plan = plan
        self.phased = phased
        self.chance: Chance = Order() if calm else Chance("run", seed)
        self.rates = NOTHING if calm else rates
        self.trace = Trace(keep=keep_trace)
        self.clock = VirtualClock(BEGIN)
        self.bus = topics()
        self.steps = 0
        self._calm = calm
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._rests: dict[tuple[str, str], datetime] = {}
        self.accounting = MemoryAccounting(self.clock, self.chance, self.rates, self.trace, self._at)
        # A write to the CRM that comes late cannot be told from one that never comes: it is repeated at once.
        in_time = replace(self.rates, commit_late=0.0)
        self.crm = MemoryCrm(self.clock, self.chance, in_time, self.trace, self._at)
        self.crm.changed = self._hint
        shared = Shared(self.clock, self.bus, self.trace, self.chance, self.rates)
        self.services = services(shared, self.accounting, self.crm)
        later = None if phased else self._at  # runs that are compared may not differ by what was seen in between
        self.people = People(self.services, self.accounting, self.crm, plan, self.clock, later)
        self._readings = [reading for reading in self.bus.readings if reading[1] in OF_DEALS]
        for reader, topic in self._readings:
            if self.chance.happens(self.rates.held_at_first):
                self._hold(reader, topic)
        for deal in plan.deals:
            self._found(deal)
        for tenant in plan.tenants:
            applied = ApplyTenant(tenant.settings)
            self.services["ingest"].execute([Command(tenant.tenant, PORTAL, applied, f"apply:{tenant.tenant}")])

    def _found(self, plan: DealPlan) -> None:
        tenant = next(one for one in self.plan.tenants if one.tenant == plan.tenant)
        portal, buyer = self.crm.portal(tenant.crm_account), plan.buyer
        if buyer.buyer_id not in portal.buyers:
            name = f"Покупатель {buyer.buyer_id}"
            email = f"{buyer.buyer_id}@example.org" if buyer.is_person else ""
            inn = buyer.wrong_inn or buyer.inn
            portal.buyers[buyer.buyer_id] = Buyer(buyer.buyer_id, name, inn, buyer.kpp, email, buyer.is_person)
            for kpp in buyer.records:
                record = self.accounting.add_counterparty(tenant.account, name, buyer.inn, kpp)
                if len(buyer.records) > 1:  # which of several is seen first is not for luck to say
                    self.accounting.books(tenant.account).seen[record.counterparty_id] = BEGIN
        portal.deals[plan.deal_id] = Deal(plan.deal_id, buyer.buyer_id, plan.rows, self.crm.moment())

    # Time

    def _at(self, moment: datetime, act: Callable[[], None]) -> None:
        self._timer_count += 1
        heapq.heappush(self._timers, (moment, self._timer_count, act))

    def _hint(self, account: str, entity: str, object_id: str, *, echo: bool) -> None:
        """A webhook: lost, late, or several times. Of those that our own writes cause a few will do."""
        if self.chance.happens(self.rates.hint_lost) or (echo and not self.chance.happens(ECHOES)):
            return
        times = 1 + self.chance.whole(1, 2) if self.chance.happens(self.rates.hint_repeated) else 1
        for _ in range(times):
            at = self.clock.now() + timedelta(seconds=self.chance.between(0, HINT_SECONDS_MAX))
            self._at(at, lambda: self._read(account, entity, object_id))

    def _read(self, account: str, entity: str, object_id: str) -> None:
        tenant = TenantId(account.partition(":")[2])
        if entity == "deal":
            work = PlannedWork(tenant, f"deal-{object_id}", ingest_deal.read_plan(object_id, account))
        else:
            work = PlannedWork(tenant, "", hints.read_buyer_plan(account, entity, object_id))
        self.services["ingest"].desk.plan([work])

    def _go_to(self, moment: datetime) -> None:
        """Moves the clock; what was due until then happens now."""
        if moment > self.clock.now():
            self.clock.set(moment)
        now = self.clock.now()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        for service in self.services.values():
            service.desk.waken()

    def _next_moment(self) -> datetime | None:
        moments = [self._timers[0][0]] if self._timers else []
        for service in self.services.values():
            moments += [at for at in (service.desk.next_moment(), service.vendors.pause_ends()) if at is not None]
        moments += [card.answered_at for card in self.people.cards()]
        return min(moments, default=None)

    # The run

    async def run(self) -> None:
        """Plays the plan to its end. Raises Restless, and whatever a domain raises."""
        if not self.phased:
            await self._until_quiet([(deal, n) for deal in self.plan.deals for n in range(len(deal.acts))])
            self._go_to(_by_day(self.clock.now() + timedelta(days=8)))
            await self._until_quiet([])
            return
        for number, begins in enumerate(PHASES):
            assert self.clock.now() <= begins, "a phase took longer than there is time for it"
            self._go_to(begins)
            await self._until_quiet([(deal, number) for deal in self.plan.deals if number < len(deal.acts)])

    async def _until_quiet(self, waiting: Waiting) -> None:
        quiet_since: datetime | None = None
        while True:
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise Restless(f"no rest after {STEPS_MAX} steps")
            if await self._step(waiting):
                continue
            if self._is_busy():
                quiet_since = None
            else:
                quiet_since = quiet_since or self.clock.now()
                if all(service.polls_quiet_since(quiet_since) for service in self.services.values()):
                    if not waiting:
                        return
                    deal, number = waiting.pop(0)
                    self.trace.add(f"never: {deal.tenant} {deal.deal_id} {deal.acts[number]}")
            moment = self._next_moment()
            if moment is None:
                raise Restless("nothing will ever happen again, and not all is done")
            self._go_to(moment)

    async def _step(self, waiting: Waiting) -> bool:
        """One thing that can happen now; False when nothing can."""
        self._mishap(going_on=bool(waiting))
        choices: list[tuple[tuple[str, str], float]] = [(("act", ""), 0.5)] if waiting else []
        for name, service in self.services.items():
            if service.desk.pending:
                choices.append((("commit", name), 2.0))
            if service.inbox:
                choices.append((("consume", name), 1.5))
            if service.desk.ready:
                choices.append((("work", name), 1.5))
            if service.desk.closed_accounts:
                choices.append((("probe", name), 1.0))
        if self.chance.happens(ANSWERS):
            choices.append((("answer", ""), 3.0))
        while choices:
            one = self.chance.weighed(choices)
            if await self._do(*one, waiting):
                return True
            choices = [choice for choice in choices if choice[0] != one]
        return self._answer()

    async def _do(self, what: str, name: str, waiting: Waiting) -> bool:
        match what:
            case "act":
                return self._act(waiting)
            case "answer":
                return self._answer()
        service = self.services[name]
        match what:
            case "commit":
                return self._commit(service)
            case "consume":
                self._consume(service)
                return True
            case "work":
                heads = service.claimable()
                if heads:
                    await service.work(self.chance.pick(heads))
                    if self.chance.happens(PROMPT):
                        self._commit(service)
                return bool(heads)
            case _:
                return await service.probe_accounts()

    def _mishap(self, *, going_on: bool) -> None:
        """Time passes while everybody is at work, and now and then a vendor is away for a while. A reader is held while
        people still act or something is on its way: else holds would follow one another and nothing come to rest."""
        if self.chance.happens(CREEPS):
            self._go_to(self.clock.now() + timedelta(seconds=self.chance.between(0, CREEP_SECONDS_MAX)))
        unread = self.bus.unread() if self.chance.happens(self.rates.log_lost) else []
        if unread:
            self.bus.lose(self.chance.pick(unread), self.chance.whole(1, 3))
        if (going_on or not self.bus.is_quiet()) and self.chance.happens(self.rates.reader_held):
            self._hold(*self.chance.pick(self._readings))
        if self.chance.happens(self.rates.outage):
            tenant = self.chance.pick(self.plan.tenants)
            seconds = self.chance.between(10, OUTAGE_SECONDS_MAX)
            if self.chance.happens(0.5):
                self.crm.begin_outage(tenant.crm_account, seconds)
            else:
                self.accounting.begin_outage(tenant.account, seconds)

    def _hold(self, reader: str, topic: str) -> None:
        """A reader stands still at a topic until several messages of a key lie there; then mostly their log is lost,
        and what it takes first is the newest."""
        self.bus.hold(reader, topic)
        seconds = self.chance.between(HELD_SECONDS_MIN, HELD_SECONDS_MAX)
        self._at(self.clock.now() + timedelta(seconds=seconds), lambda: self._let_go(reader, topic))

    def _let_go(self, reader: str, topic: str) -> None:
        for queue, left in self.bus.gathered(reader, topic):
            if left > 1 and self.chance.happens(LOST_WHEN_HELD):
                self.bus.lose(queue, self.chance.whole(1, 2))
        self.bus.let_go(reader, topic)

    def _act(self, waiting: Waiting) -> bool:
        first: dict[tuple[str, str], tuple[DealPlan, int]] = {}
        for deal, number in waiting:
            first.setdefault((deal.tenant, deal.deal_id), (deal, number))
        now = self.clock.now()
        ripe = [one for name, one in first.items() if self._rests.get(name, now) <= now]
        if not ripe:
            return False
        one = self.chance.pick(ripe)
        done = self.people.perform(one[0], one[0].acts[one[1]])
        if done or self.phased:
            waiting.remove(one)
        if done and not self.phased and not self.chance.happens(AT_ONCE):
            rests_until = now + timedelta(seconds=self.chance.between(0, RESTS_SECONDS_MAX))
            self._rests[one[0].tenant, one[0].deal_id] = rests_until
            self._at(rests_until, lambda: None)
        return done

    def _answer(self) -> bool:
        now = self.clock.now()
        cards = [card for card in self.people.cards() if card.answered_at <= now]
        if cards:
            card = self.chance.pick(cards)
            self.trace.add(f"a person answers {card.tenant} {card.kind} {card.card_id}")
            self.people.answer(card)
        return bool(cards)

    def _commit(self, service: Service) -> bool:
        now = self.clock.now()
        here = [one for one in service.desk.pending if one.late is None or one.late <= now]
        if here:
            service.commit(self.chance.pick(here))
        return bool(here)

    def _consume(self, service: Service) -> None:
        queues = list(service.inbox)
        if self._calm:
            service.consume([(queue, 1_000) for queue in queues])
            return
        chosen = {
            self.chance.pick(queues): self.chance.whole(1, MESSAGES_PER_KEY_MAX)
            for _ in range(self.chance.whole(1, KEYS_PER_BATCH_MAX))
        }
        service.consume(list(chosen.items()))

    def _is_busy(self) -> bool:
        return (
            bool(self._timers)
            or not self.bus.is_empty()
            or any(service.is_busy() for service in self.services.values())
            or any(True for _ in self.people.cards())
        )


def _by_day(moment: datetime) -> datetime:
    """A moment late in the day is put off to the next morning: a new day is told of at nine o'clock in Moscow, and
    what deals show before that is of the day before."""
    return moment if moment.hour < LATE_HOUR else (moment + timedelta(days=1)).replace(hour=MORNING_HOUR)
