"""Looks over a portal for what no webhook brought: stage entries, changed deals and buyers, and once a night
everything."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from chassis.clock import Clock
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.crm import BuyersModifiedSince, DealsModifiedSince, StageEntry, StageHistorySince
from services.ingest import metrics
from services.ingest.domain import deal, portal, requisite
from services.ingest.domain.cursor import OVERLAP, Cursor, Search
from services.ingest.domain.values import Config
from services.ingest.store.cards import CardStore
from services.ingest.store.deals import DealStore
from services.ingest.workers.reads import failed
from services.ingest.workers.snapshot import read_entry

PAGES_PER_RUN_MAX: Final = 5
NIGHTLY_AT: Final = time(3, 0)
MODIFIED_OVERLAP: Final = timedelta(minutes=5)


class SweepCrm(StageHistorySince, DealsModifiedSince, BuyersModifiedSince, Protocol):
    """What the sweeps need of a CRM."""


class _History:
    """What the sweep and the nightly check share: the way to the activation moment, and pages turned into notices."""

    def __init__(self, crm: SweepCrm, store: DealStore, clock: Clock) -> None:
        self._crm = crm
        self._store = store
        self._clock = clock

    async def _searched(self, task: Task, search: Search, moment: datetime) -> Search | TaskResult:
        """Goes on with a search; a search that is not at its end is gone on with in the next run."""
        assert task.permit is not None, "the plan names an account"
        for _ in range(PAGES_PER_RUN_MAX):
            if search.found:
                break
            page = await self._crm.stage_history_since(task.permit, search.ask_after)
            if not isinstance(page, Ok):
                return failed(page)
            search = search.seen([(one.history_id, one.created_at) for one in page.value.entries], moment)
        return search

    async def _notices(
        self, task: Task, config: Config, entries: Sequence[StageEntry], *, triggers_only: bool = False
    ) -> list[StreamCommand]:
        settings = config.settings
        counting: dict[str, StageEntry] = {}
        for entry in entries:
            funnel = settings.funnel(str(entry.category_id))
            if funnel is None or entry.created_at < settings.activated_at:
                continue
            if not triggers_only or funnel.kinds_at(entry.stage_id):
                counting[str(entry.history_id)] = entry
        unknown = await self._store.unknown_entries(task.tenant, counting) if counting else frozenset()
        if triggers_only and counting:
            # Noticed once, and the read that followed came to nothing: the deal was out of reach then.
            unread = await self._store.unread_deals(task.tenant, counting)
            await self._store.plan_reads(task.tenant, task.account, unread, self._clock.now(), task.metadata)
        by_deal: dict[str, list[deal.Entry]] = {}
        for history_id in sorted(unknown, key=int):
            by_deal.setdefault(counting[history_id].deal_id, []).append(read_entry(counting[history_id]))
        metrics.STAGES_HEALED.labels(task.kind).inc(len(unknown))
        return [
            StreamCommand(
                f"{deal.PREFIX}-{deal_id}",
                deal.NoticeStages(deal_id, tuple(found), config),
                f"notice:{uuid.uuid4()}",  # an entry is noticed once, whatever the command is called
            )
            for deal_id, found in by_deal.items()
        ]


class SweepTask(_History):
    """The portal's stage entries since the last pass, with an overlap; cursor and commands commit together."""

    kind = portal.SWEEP
    recurring = True
    permits = PAGES_PER_RUN_MAX

    async def run(self, task: Task) -> TaskResult:
        """Up to five pages; the rest at once in the next run."""
        assert task.permit is not None, "the plan names an account"
        config = (await self._store.tenant(task.tenant)).config
        if config is None:
            return Done(found_something=False)
        payload, now = dict(task.payload), self._clock.now()
        if "newest" not in payload:
            return await self._begun(task, config, payload)
        cursor = Cursor.from_json(payload)
        after: int = payload.get("at", cursor.start(now))
        began_at = datetime.fromisoformat(payload["began_at"]) if "began_at" in payload else now
        commands: list[StreamCommand] = []
        more: int | None = after
        for _ in range(PAGES_PER_RUN_MAX):
            assert more is not None, "a pass goes on only where there is more"
            page = await self._crm.stage_history_since(task.permit, more)
            if not isinstance(page, Ok):
                return failed(page)
            commands += await self._notices(task, config, page.value.entries)
            after = max([after, *(entry.history_id for entry in page.value.entries)])
            more = page.value.next_after
            if more is None:
                break
        if more is not None:
            going_on = {**cursor.to_json(), "at": after, "began_at": began_at.isoformat()}
            return Done(tuple(commands), again_at=now, payload=going_on, found_something=bool(commands))
        again_at = now + timedelta(seconds=config.settings.sweep_seconds)
        done = cursor.passed(after, began_at).to_json()
        return Done(tuple(commands), again_at=again_at, payload=done, found_something=bool(commands))

    async def _begun(self, task: Task, config: Config, payload: Mapping[str, Any]) -> TaskResult:
        search = Search.from_json(payload["search"]) if "search" in payload else Search()
        searched = await self._searched(task, search, config.settings.activated_at - OVERLAP)
        if not isinstance(searched, Search):
            return searched
        found = Cursor(searched.low).to_json() if searched.found else {"search": searched.to_json()}
        return Done(again_at=self._clock.now(), payload=found, found_something=True)


class NightlyCheckTask(_History):
    """Every trigger's entries since activation, once a night; deals whose entries were noticed and never read are read
    again."""

    kind = portal.NIGHTLY_CHECK
    recurring = True
    permits = PAGES_PER_RUN_MAX
    polls = False

    async def run(self, task: Task) -> TaskResult:
        """Five pages at a time from the activation moment to the end, then sleeps until the next night."""
        assert task.permit is not None, "the plan names an account"
        config = (await self._store.tenant(task.tenant)).config
        if config is None:
            return Done()
        payload, now = dict(task.payload), self._clock.now()
        activated_at = config.settings.activated_at.isoformat()
        if payload.get("activated_at") != activated_at:
            payload = {"activated_at": activated_at}
        if "at" not in payload and ("night" not in payload or now < datetime.fromisoformat(payload["night"])):
            return self._until_night(config, payload, now)
        if "begin" not in payload:
            search = Search.from_json(payload["search"]) if "search" in payload else Search()
            searched = await self._searched(task, search, config.settings.activated_at - OVERLAP)
            if not isinstance(searched, Search):
                return searched
            key, value = ("begin", searched.low) if searched.found else ("search", searched.to_json())
            return Done(again_at=now, payload={**payload, key: value})
        more: int | None = payload.get("at", payload["begin"])
        commands: list[StreamCommand] = []
        for _ in range(PAGES_PER_RUN_MAX):
            assert more is not None, "a pass goes on only where there is more"
            page = await self._crm.stage_history_since(task.permit, more)
            if not isinstance(page, Ok):
                return failed(page)
            commands += await self._notices(task, config, page.value.entries, triggers_only=True)
            more = page.value.next_after
            if more is None:
                break
        if more is not None:
            return Done(tuple(commands), again_at=now, payload={**payload, "at": more})
        ended = {key: value for key, value in payload.items() if key not in ("at", "night")}
        return self._until_night(config, ended, now, commands)

    def _until_night(
        self, config: Config, payload: Mapping[str, Any], now: datetime, commands: Sequence[StreamCommand] = ()
    ) -> Done:
        night = next_night(now, config.settings.timezone)
        return Done(tuple(commands), again_at=night, payload={**payload, "night": night.isoformat()})


@dataclass(frozen=True, slots=True)
class _Page:
    """The deals to be read of one page, what the next one continues from (None at the end), and how many cards are
    read."""

    deals: Sequence[str]
    after: Any
    cards: int = 0


class _ModifiedTask:
    """What the sweeps of changes share: pages by id of what changed since the last pass began, with an overlap."""

    recurring = True
    permits = PAGES_PER_RUN_MAX

    def __init__(self, crm: SweepCrm, store: DealStore, cards: CardStore, clock: Clock) -> None:
        self._crm = crm
        self._store = store
        self._cards = cards
        self._clock = clock

    async def _page(self, task: Task, config: Config, since: datetime, after: Any) -> Outcome[_Page]:
        """One page after another; ``after`` is None at the beginning."""
        raise NotImplementedError

    async def run(self, task: Task) -> TaskResult:
        """As many pages as there are permits; the rest at once in the next run."""
        assert task.permit is not None, "the plan names an account"
        config = (await self._store.tenant(task.tenant)).config
        if config is None:
            return Done(found_something=False)
        payload, now = dict(task.payload), self._clock.now()
        since = datetime.fromisoformat(payload["since"]) if "since" in payload else now - MODIFIED_OVERLAP
        began_at = datetime.fromisoformat(payload["began_at"]) if "began_at" in payload else now
        after, found_something = payload.get("after"), False
        for _ in range(self.permits):
            page = await self._page(task, config, since, after)
            if not isinstance(page, Ok):
                return failed(page)
            deals, after = page.value.deals, page.value.after
            found_something = found_something or bool(deals or page.value.cards)
            if deals:
                await self._store.plan_reads(task.tenant, task.account, deals, now, task.metadata)
            if after is None:
                break
        if after is not None:
            going_on = {"since": since.isoformat(), "began_at": began_at.isoformat(), "after": after}
            return Done(again_at=now, payload=going_on, found_something=found_something)
        again_at = now + timedelta(seconds=config.settings.sweep_seconds)
        done = {"since": (began_at - MODIFIED_OVERLAP).isoformat()}
        return Done(again_at=again_at, payload=done, found_something=found_something)


class SweepModifiedTask(_ModifiedTask):
    """Deals that were asked for a document and have changed since they were last read."""

    kind = portal.SWEEP_MODIFIED

    async def _page(self, task: Task, config: Config, since: datetime, after: Any) -> Outcome[_Page]:
        assert task.permit is not None, "the plan names an account"
        page = await self._crm.deals_modified_since(task.permit, since, after=after or "0")
        if not isinstance(page, Ok):
            return page
        updated = {one.deal_id: one.updated_at for one in page.value.deals}
        deals = await self._store.changed_since_read(task.tenant, updated) if updated else ()
        return Ok(_Page(deals, page.value.next_after))


class SweepBuyersTask(_ModifiedTask):
    """Deals that were asked for a document and whose buyers have changed since they were last read: a deal itself does
    not change with its company, requisites or bank account. And companies, where the tenant has their cards filled."""

    kind = portal.SWEEP_BUYERS
    permits = 1  # one page is six lists: more are there only after an import

    async def _page(self, task: Task, config: Config, since: datetime, after: Any) -> Outcome[_Page]:
        assert task.permit is not None, "the plan names an account"
        page = await self._crm.buyers_modified_since(task.permit, since, after=after)
        if not isinstance(page, Ok):
            return page
        updated: dict[tuple[str, str], datetime] = {
            (one.entity, one.object_id): one.updated_at for one in page.value.buyers
        }
        deals = await self._store.buyers_changed_since_read(task.tenant, updated) if updated else ()
        companies = {object_id: at for (entity, object_id), at in updated.items() if entity == "company"}
        cards: Sequence[str] = ()
        if companies and requisite.fills(config.settings):
            now = self._clock.now()
            cards = await self._cards.plan_changed(task.tenant, task.account, companies, now, task.metadata)
        return Ok(_Page(deals, page.value.next_after, len(cards)))


def next_night(now: datetime, timezone: str) -> datetime:
    """The next 03:00 in a zone, strictly after a moment."""
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    night = datetime.combine(local.date(), NIGHTLY_AT, zone)
    return night if night > local else datetime.combine(local.date() + timedelta(days=1), NIGHTLY_AT, zone)
