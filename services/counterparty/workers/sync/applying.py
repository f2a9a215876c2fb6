"""Comparing, linking and creating in a first sync. Before each hundred creations both sides are asked what changed
since, so that nobody who was entered meanwhile gets a second record."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Failure, Ok
from chassis.tenants import TenantDirectory
from chassis.values.inn import is_person_inn
from chassis.work.handlers import Done, Permit, PermitClass, Permits, StreamCommand, Task, TaskResult
from connectors.ports.accounting import CounterpartyChanges, FeedCursor
from connectors.ports.crm import CompanyDetails, ReadCompanies
from connectors.registry import VendorOf
from services.counterparty.domain import party, sync
from services.counterparty.domain.matching import Compared, Remote, compare, lone
from services.counterparty.domain.values import Party, Rules, check
from services.counterparty.store.syncs import Item, Run, SyncStore
from services.counterparty.workers.records import own_inns
from services.counterparty.workers.sync import again, going_on, reported, run_of
from services.counterparty.workers.sync.reading import OVERLAP, buyer_of, cursor_json, cursor_of, record_row

INNS_PER_RUN: Final = 500
LINKS_PER_RUN: Final = 200
LINKS_BESIDE: Final = 100
"""Pairs that are linked at once while creations are on their way; it takes less than those do."""
CREATES_PER_RUN: Final = 100
ON_THEIR_WAY_MAX: Final = 100
CHANGES_PAGES_PER_RUN: Final = 20
PAUSE: Final = timedelta(seconds=2)
"""Between two looks at whether there is room for more creations, in business time."""


class Compare:
    """What comes of each company; changes nothing outside."""

    kind = sync.COMPARE_ALL
    recurring = False
    permits = 0

    def __init__(self, store: SyncStore, directory: TenantDirectory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The next INNs: those of the CRM, then, where that is wanted, those that accounting alone has."""
        if "lone" in task.payload:
            return await self._lone(task)
        run, after = run_of(task), str(task.payload.get("inn", ""))
        if not after:
            await self._store.analyze(run)
            await self._store.judge_the_rest(run)
        inns = await self._store.inns(run, after, INNS_PER_RUN)
        if not inns and task.payload.get("enter"):
            return Done(again_at=self._clock.now(), payload=going_on(task, lone=""))
        if not inns:
            return await self._compared(task, run)
        await self._store.keep_compared(run, await compared(self._store, run, inns, whole=bool(task.payload["listed"])))
        return Done(again_at=self._clock.now(), payload=going_on(task, inn=inns[-1]))

    async def _lone(self, task: Task) -> TaskResult:
        run = run_of(task)
        inns = await self._store.lone_inns(run, str(task.payload["lone"]), INNS_PER_RUN)
        if not inns:
            return await self._compared(task, run)
        own = own_inns((await self._directory.view(run.tenant)).settings)
        by_inn: dict[str, list[Remote]] = {}
        for record in await self._store.records(run, inns):
            by_inn.setdefault(record.inn, []).append(record)
        await self._store.keep_lone(run, [one for records in by_inn.values() for one in lone(records, own)])
        return Done(again_at=self._clock.now(), payload=going_on(task, lone=inns[-1]))

    async def _compared(self, task: Task, run: Run) -> TaskResult:
        await self._store.analyze(run)
        counts = await self._store.counts(run, creating=False)
        return Done((StreamCommand(task.stream, sync.SeeCompared(run.run, counts), f"compared:{run.run}"),))


class LinkPairs:
    """Tells the parties of found pairs which record is theirs; no vendor is called. Where something is to be created
    too this is done beside it, since creating waits for the vendor's limit most of the time."""

    kind = sync.LINK_ALL
    recurring = False
    permits = 0

    def __init__(self, store: SyncStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The next pairs."""
        run = run_of(task)
        items = await self._store.to_link(run, str(task.payload.get("item", "")), LINKS_PER_RUN)
        if not items or await self._store.to_create(run, "", 1):
            return Done((StreamCommand(task.stream, sync.SeeLinked(run.run), f"linked:{run.run}"),))
        commands = [_adopts(run, item, item.remote_id) for item in items]
        return Done(commands, again_at=self._clock.now(), payload=going_on(task, item=items[-1].item))


class CreateMissing:
    """Has the next companies created, as soon as few enough are on their way; the creations are effects. Meanwhile
    found pairs are linked."""

    kind = sync.CREATE_ALL
    recurring = False
    permits = 0  # most runs only look whether there is room

    def __init__(
        self,
        store: SyncStore,
        permits: Permits,
        crm: ReadCompanies,
        accounting: CounterpartyChanges,
        vendor_of: VendorOf,
        clock: Clock,
    ) -> None:
        self._store = store
        self._permits = permits
        self._vendor_of = vendor_of
        self._crm = crm
        self._accounting = accounting
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Looks whether there is room, then reads anew what it is about to create."""
        run, now = run_of(task), self._clock.now()
        if await self._store.on_their_way(run.tenant, run.account) >= ON_THEIR_WAY_MAX:
            return await self._linked(task, run) or Done(again_at=now + PAUSE, payload=task.payload)
        items = await self._store.to_create(run, str(task.payload.get("item", "")), CREATES_PER_RUN)
        if not items:
            return await self._linked(task, run) or await self._ended(task, run)
        asked_at = str(task.payload.get("asked_at") or now.isoformat())
        if task.payload["listed"]:
            rest = await self._changed(run, _changes_from(task))
            if isinstance(rest, FeedCursor):
                place = going_on(task, cursor=cursor_json(rest), asked_at=asked_at)
                return Done(again_at=now, payload=place)
            if rest is not None:
                return again(rest)
        details = await self._details(task.payload["crm_account"], items)
        if not isinstance(details, dict):
            return again(details)
        commands = await self._judged(task, run, items, details)
        place = going_on(task, item=items[-1].item, since=asked_at, cursor=None, asked_at=None)
        return Done(commands, again_at=self._clock.now(), payload=place)

    async def _linked(self, task: Task, run: Run) -> Done | None:
        """Links the next pairs; None when there are no more."""
        items = await self._store.to_link(run, str(task.payload.get("paired", "")), LINKS_BESIDE)
        if not items:
            return None
        commands = [_adopts(run, item, item.remote_id) for item in items]
        return Done(commands, again_at=self._clock.now(), payload=going_on(task, paired=items[-1].item))

    async def _ended(self, task: Task, run: Run) -> TaskResult:
        if await self._store.unsettled(run):
            return Done(again_at=self._clock.now() + PAUSE, payload=task.payload)
        counts = await self._store.counts(run, creating=True)
        return Done((StreamCommand(task.stream, sync.SeeCreated(run.run, counts), f"created:{run.run}"),))

    async def _changed(self, run: Run, cursor: FeedCursor) -> FeedCursor | Failure | None:
        """What the accounting service has that it did not have before; the place to go on at where that is much, or
        where the account is at its limit: what is read is not read again."""
        began = cursor
        for _ in range(CHANGES_PAGES_PER_RUN):
            permit = await self._permits.acquire(run.account, 1, PermitClass.BULK)
            if not isinstance(permit, Permit):
                return cursor if cursor != began else permit
            page = await self._accounting.counterparty_changes(permit, cursor)
            if not isinstance(page, Ok):
                return await reported(self._permits, run.account, page)
            await self._store.keep_records(run, [record_row(one) for one in page.value.counterparties])
            if page.value.next is None:
                return None
            cursor = page.value.next
        return cursor

    async def _details(self, account: str, items: Sequence[Item]) -> dict[str, CompanyDetails] | Failure:
        permit = await self._permits.acquire(account, 1, PermitClass.BULK)
        if not isinstance(permit, Permit):
            return permit
        read = await self._crm.read_companies(permit, {one.requisite_id: one.company_id for one in items})
        if isinstance(read, Ok):
            return {one.requisite.requisite_id: one for one in read.value}
        return await reported(self._permits, account, read)

    async def _judged(
        self, task: Task, run: Run, items: Sequence[Item], details: dict[str, CompanyDetails]
    ) -> list[StreamCommand]:
        """Commands for those that still have no record, or have one by now; the others get their new verdict."""
        # A list that is silent about what others entered since it was read is not the whole truth any more.
        whole = bool(task.payload["listed"]) and self._vendor_of(run.account).tells_others_buyers
        wanted = {one.requisite_id: one for one in items}
        inns = sorted({one.inn for one in items})
        again_compared = await compared(self._store, run, inns, whole=whole)
        changed: list[Compared] = []
        commands: list[StreamCommand] = []
        for one in again_compared:
            item = wanted.get(one.listed.requisite_id)
            if item is None:
                continue
            buyer = None if (found := details.get(item.requisite_id)) is None else _party(found)
            if buyer is None or buyer.party != item.party:
                changed.append(replace(one, verdict="skip", reason="changed_since_compared", remote_id=""))
            elif one.verdict == "create":
                make = party.MakeRecord(run.tenant, run.account, buyer, look_up=not whole)
                commands.append(_command(run, item, make))
            else:
                changed.append(one)
                if one.verdict == "link":
                    commands.append(_adopts(run, item, one.remote_id))
        if changed:
            await self._store.keep_compared(run, changed)
        return commands


async def compared(store: SyncStore, run: Run, inns: Sequence[str], *, whole: bool) -> list[Compared]:
    """What comes of all companies of these INNs."""
    groups = await store.groups(run, inns)
    return [one for group in groups for one in compare(group.listed, group.records, group.links, whole=whole)]


def _changes_from(task: Task) -> FeedCursor:
    """Where the changes begin that are still to be seen: all since the last hundred, or since the reading began."""
    if (kept := task.payload.get("cursor")) is not None:
        return cursor_of(kept)
    return FeedCursor(datetime.fromisoformat(task.payload.get("since") or task.payload["began_at"]) - OVERLAP)


def _party(details: CompanyDetails) -> Party | None:
    requisite, company = details.requisite, details.company
    buyer = buyer_of(
        requisite,
        requisite.name or company.title,
        address=details.address.text if details.address is not None else "",
        email=next(iter(company.emails), "") or requisite.email,
    )
    return check(buyer, Rules())[0]


def _adopts(run: Run, item: Item, remote_id: str) -> StreamCommand:
    kind: Any = "entrepreneur" if is_person_inn(item.inn) else "company"
    buyer = Party(
        party=item.party,
        kind=kind,
        inn=item.inn,
        kpp=item.kpp,
        name=item.name,
        crm_kind="company",
        crm_id=item.company_id,
    )
    return _command(run, item, party.AdoptRecord(run.tenant, run.account, buyer, remote_id))


def _command(run: Run, item: Item, body: party.Command) -> StreamCommand:
    return StreamCommand(f"{party.PREFIX}-{item.party}", body, f"sync:{run.account}:{run.run}:{item.item}")
