"""What accounting alone has goes into the CRM the way of a company that an accountant enters: the record is handed to
the stream of its INN, which looks into the CRM once more before anything is made there."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Failure, Ok
from chassis.tenants import TenantDirectory
from chassis.work.handlers import Done, Permit, PermitClass, Permits, StreamCommand, Task, TaskResult
from connectors.ports.accounting import CounterpartiesPage, Counterparty, CounterpartyChanges, FeedCursor
from services.counterparty.domain import card, records, sync
from services.counterparty.store import PartyStore
from services.counterparty.store.syncs import Run, SyncStore
from services.counterparty.workers.records import inn_of, party_stream, record_of, sent_of
from services.counterparty.workers.sync import again, going_on, reported, run_of
from services.counterparty.workers.sync.reading import BEGINNING, PAGES_PER_RUN, cursor_json, cursor_of

PAUSE: Final = timedelta(seconds=2)
"""Between two looks at whether the CRM was asked about all that were handed over, in business time."""


class EnterMissing:
    """Reads the account's list again, page by page, and hands over what the comparison found; a page waits until the
    CRM was asked about all of the page before it. The state register is not asked: its quota is for documents."""

    kind = sync.ENTER_ALL
    recurring = False
    permits = 0  # most runs only look how far the last page is

    def __init__(
        self,
        store: SyncStore,
        parties: PartyStore,
        permits: Permits,
        accounting: CounterpartyChanges,
        directory: TenantDirectory,
        clock: Clock,
    ) -> None:
        self._store = store
        self._parties = parties
        self._permits = permits
        self._accounting = accounting
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Sees what became of the last page, then hands over the next."""
        run = run_of(task)
        if task.payload.get("handed") and not await self._settled(run):
            return Done(again_at=self._clock.now() + PAUSE, payload=task.payload)
        settings = (await self._directory.view(run.tenant)).settings
        if task.payload.get("read") or not records.wanted(settings) or not await self._store.lacking(run):
            await self._store.leave_the_rest(run, "record_gone" if records.wanted(settings) else "reverse_sync_off")
            counts = await self._store.counts(run, creating=True)
            return Done((StreamCommand(task.stream, sync.SeeEntered(run.run, counts), f"entered:{run.run}"),))
        kept = task.payload.get("cursor")
        cursor = FeedCursor(BEGINNING) if kept is None else cursor_of(kept)
        return await self._next(task, run, settings, cursor)

    async def _next(self, task: Task, run: Run, settings: Mapping[str, Any], cursor: FeedCursor) -> TaskResult:
        """A page with something to hand over, or the last of a few without."""
        for _ in range(PAGES_PER_RUN):
            page = await self._page(run, cursor)
            if not isinstance(page, Ok):
                return again(page)
            commands = await self._handed(run, settings, page.value.counterparties)
            if page.value.next is None:
                place = going_on(task, read=True, handed=bool(commands))
                return Done(commands, again_at=self._clock.now(), payload=place)
            cursor = page.value.next
            if commands:
                break
        place = going_on(task, cursor=cursor_json(cursor), handed=bool(commands))
        return Done(commands, again_at=self._clock.now(), payload=place)

    async def _page(self, run: Run, cursor: FeedCursor) -> Ok[CounterpartiesPage] | Failure:
        permit = await self._permits.acquire(run.account, 1, PermitClass.BULK)
        if not isinstance(permit, Permit):
            return permit
        page = await self._accounting.counterparty_changes(permit, cursor)
        return page if isinstance(page, Ok) else await reported(self._permits, run.account, page)

    async def _handed(self, run: Run, settings: Mapping[str, Any], rows: Sequence[Counterparty]) -> list[StreamCommand]:
        """Commands for those of a page that the CRM lacks and nobody spoke of before; a page that is read again after
        a fall gives the same."""
        items = {one.remote_id: one for one in await self._store.to_enter(run, [row.counterparty_id for row in rows])}
        found = {row.counterparty_id: row for row in rows if row.counterparty_id in items}
        streams = {party_stream(inn_of(row), row): key for key, row in found.items()}
        sent = await sent_of(self._parties, run.tenant, run.account, streams)
        commands: list[StreamCommand] = []
        for remote_id, row in found.items():
            item, inn = items[remote_id], inn_of(row)
            if inn != item.inn:
                await self._store.judge(run, [item.item], "skip", "changed_since_compared")
                continue
            see = card.SeeRecord(record_of(run.account, inn, row), sent.get(remote_id), settings["crm_account"])
            known = (await self._parties.cards(run.tenant, inn)).places.known.get(see.record.key)
            if records.seen(known, see) is None:
                reason = "known_before" if known is not None else "record_ours"
                await self._store.judge(run, [item.item], "skip", reason)
                continue
            command_id = f"sync:{run.account}:{run.run}:{item.item}"
            commands.append(StreamCommand(f"{card.PREFIX}-{inn}", see, command_id))
            await self._store.judge(run, [item.item], "handed")
        return commands

    async def _settled(self, run: Run) -> bool:
        """Whether the CRM was asked about all that were handed over; each gets what came of it. What was marked for a
        page that did not come to its commit is unknown to its stream, and is handed over with that page."""
        for item in await self._store.handed(run):
            state, key = await self._parties.cards(run.tenant, item.inn), f"{run.account}/{item.remote_id}"
            if key in state.places.waiting:
                return False
            if key in state.places.known:
                await self._store.judge(run, [item.item], *_verdict(state, key))
        return True


def _verdict(state: card.State, key: str) -> tuple[str, str]:
    if state.questions.open_of(records.COMPANY_DOUBLE, key) is not None:
        return "conflict", "waits_for_person"
    if state.places.placed.get(key):
        return "placed", ""
    if key in state.places.missing:
        return "entered", ""
    return "skip", "contact_has_inn"
