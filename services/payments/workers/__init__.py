"""Polls the accounting feed, reads an invoice's payments again where it has news, and looks at due dates."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from chassis.clock import Clock
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable
from chassis.tenants import TenantDirectory
from chassis.values.calendar import QuietHours, local_day, when_allowed
from chassis.values.inn import is_person_inn
from chassis.work.handlers import Done, StreamCommand, Task, TaskHandler, TaskResult
from connectors.ports.accounting import Accounting, FeedCursor, PaymentRow
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.payments.domain import commands as c
from services.payments.domain import operation, plans
from services.payments.domain.events import Operation, digest
from services.payments.store import InvoiceRow, KnownRow, PaymentStore, UnmatchedRow
from services.payments.workers.balances import PollBalances
from services.payments.workers.calls import PollNow
from services.payments.workers.matching import Finder
from services.payments.workers.standing import LookAtStanding
from services.payments.workers.waiting import MatchWaiting

PAGES_PER_RUN_MAX = 5
LAGGING_TRIES_MAX, LAGGING_ENDS = 3, 10
"""So often an accounting service whose lists lag behind its invoices is asked again before its list is in doubt, and
at all where nothing is counted that it could take back."""


class PollPayments:
    """One pass over an account's feed; what is news makes its invoice's payments be read again."""

    kind = plans.POLL
    recurring = True
    permits = PAGES_PER_RUN_MAX

    def __init__(
        self,
        vendor_of: VendorOf,
        accounting: Accounting,
        store: PaymentStore,
        clock: Clock,
        directory: TenantDirectory | None = None,
    ) -> None:
        self._vendor_of = vendor_of
        self._accounting = accounting
        self._store = store
        self._clock = clock
        self._directory = directory

    async def run(self, task: Task) -> TaskResult:
        """Up to five pages; the rest at once in the next run. The cursor moves with the commands, in one
        transaction."""
        return await self.look(task, timedelta(seconds=self._vendor_of(task.account).feed_overlap_seconds))

    async def look(self, task: Task, overlap: timedelta) -> TaskResult:
        """One pass, from ``overlap`` before the newest row; none where payments are switched off, or statements say
        what was paid (R21)."""
        if self._directory is not None:
            settings = (await self._directory.view(task.tenant)).settings
            if not plans.is_polled(settings, task.account):
                return Done(found_something=False)
        if self._vendor_of(task.account).can(Capability.PAYMENTS):
            return await self._payments(task, overlap)
        return await self._invoices(task, overlap)

    async def _payments(self, task: Task, overlap: timedelta) -> TaskResult:
        assert task.permit is not None, "the plan names an account"
        payload = dict(task.payload)
        newest = datetime.fromisoformat(payload["newest"]) if payload.get("newest") else self._clock.now()
        cursor: FeedCursor | None = FeedCursor(
            datetime.fromisoformat(payload["since"]) if payload.get("since") else newest - overlap,
            payload.get("offset", 0),
            payload.get("token", ""),
        )
        commands: list[StreamCommand] = []
        for _ in range(PAGES_PER_RUN_MAX):
            assert cursor is not None, "a pass goes on only with a cursor"
            page = await self._accounting.payments_changed(task.permit, cursor)
            if not isinstance(page, Ok):
                return _again(page)
            commands += await self._news(task, page.value.payments)
            newest = max([newest, *(row.updated_at for row in page.value.payments)])
            cursor = page.value.next
            if cursor is None:
                break
        # A row dated in the future would take every later pass past what comes until then.
        payload["newest"] = min(newest, self._clock.now()).isoformat()
        for place in ("since", "offset", "token"):
            payload.pop(place, None)
        if cursor is None:
            again = self._clock.now() + timedelta(seconds=payload.get("poll_seconds", 0))
        else:
            payload |= {"since": cursor.since.isoformat(), "offset": cursor.offset, "token": cursor.token}
            again = self._clock.now()
        return Done(tuple(commands), again_at=again, payload=payload, found_something=bool(commands))

    async def _invoices(self, task: Task, overlap: timedelta) -> TaskResult:
        """Where no feed of payments exists: invoices that changed, whose paid sum is not the one that is counted."""
        assert task.permit is not None, "the plan names an account"
        payload, now = dict(task.payload), self._clock.now()
        payload.setdefault("began", now.isoformat())
        newest = datetime.fromisoformat(payload["newest"]) if payload.get("newest") else now
        cursor: FeedCursor | None = FeedCursor(newest - overlap, payload.get("offset", 0))
        told: dict[str, int] = payload.get("told", {})
        commands: list[StreamCommand] = []
        found_something = False
        for _ in range(PAGES_PER_RUN_MAX):
            assert cursor is not None, "a pass goes on only with a cursor"
            page = await self._accounting.invoice_changes(task.permit, cursor)
            if not isinstance(page, Ok):
                return _again(page)
            sums = {card.invoice_id: card.paid_kopecks for card in page.value.invoices if card.paid_kopecks is not None}
            ours = await self._store.invoices(task.tenant, task.account, sums.keys())
            for remote_id, invoice in ours.items():
                paid = sums[remote_id]
                if paid == invoice.paid_kopecks:
                    told.pop(remote_id, None)
                    continue
                # Told anew in each pass until it is counted; a sum that was told already is no news.
                found_something = found_something or told.get(remote_id) != paid
                told[remote_id] = paid
                notice = c.NoticePayments(invoice.invoice_id)
                commands.append(StreamCommand(invoice.stream, notice, f"news:{uuid.uuid4()}"))
            cursor = page.value.next
            if cursor is None:
                break
        payload["told"] = told
        if cursor is None:
            payload["newest"] = payload.pop("began")
            payload.pop("offset", None)
            again = now + timedelta(seconds=payload.get("poll_seconds", 0))
        else:
            payload["newest"], payload["offset"] = newest.isoformat(), cursor.offset
            again = now
        return Done(tuple(commands), again_at=again, payload=payload, found_something=found_something)

    async def _news(self, task: Task, rows: Sequence[PaymentRow]) -> list[StreamCommand]:
        known = await self._store.known(task.tenant, task.account, {row.payment_id for row in rows})
        ours = await self._store.invoices(task.tenant, task.account, {row.invoice_id for row in rows if row.invoice_id})
        streams = {row.payment_id: operation.stream_of(task.account, row.payment_id) for row in rows}
        unmatched = await self._store.unmatched(task.tenant, streams.values())
        waited = await self._waited(task, rows)
        commands: dict[str, StreamCommand] = {}
        newly_paid: dict[str, InvoiceRow] = {}
        for row in rows:
            invoice = ours.get(row.invoice_id or "")
            news = invoices_with_news(row, invoice, known.get(row.payment_id, ()))
            if invoice is not None and invoice.invoice_id in news and not row.removed:
                newly_paid[row.share_of] = invoice
            for invoice_id, its_stream in news.items():
                # Told anew in each pass until it is counted: a re-read that came too early must not be the last one.
                notice = c.NoticePayments(invoice_id)
                commands[invoice_id] = StreamCommand(its_stream, notice, f"news:{uuid.uuid4()}")
            stream = streams[row.payment_id]
            told = of_operation(task.account, row, invoice, unmatched.get(stream), ours=row.payment_id in waited)
            if told is not None:
                commands[stream] = StreamCommand(stream, told, f"operation:{uuid.uuid4()}")
        operations = {row.share_of for row in rows if row.share_of}
        shares = await self._store.shares(task.tenant, task.account, operations) if operations else {}
        for share in shares.keys() - known.keys() - {row.payment_id for row in rows}:
            # All shares of an operation come together: what no longer comes does not count any more.
            for gone in shares[share]:
                notice = c.NoticePayments(gone.invoice_id)
                commands[gone.invoice_id] = StreamCommand(gone.stream, notice, f"news:{uuid.uuid4()}")
        loose = await self._store.unmatched_shares(task.tenant, task.account, operations) if operations else frozenset()
        for stream in loose - set(streams.values()):
            whole = stream.removeprefix(operation.stream_of(task.account, "")).partition("/")[0]
            found = newly_paid.get(whole)  # what it paid before is not where a loose share went
            over = operation.SeeGone() if found is None else operation.SeeMatched(found.invoice_id, found.number)
            commands[stream] = StreamCommand(stream, over, f"operation:{uuid.uuid4()}")
        return list(commands.values())

    async def _waited(self, task: Task, rows: Sequence[PaymentRow]) -> frozenset[str]:
        """Payments that accounting has tied to nothing, and that an unpaid invoice of ours waits for."""
        loose = [row for row in rows if not row.invoice_id and row.amount_kopecks > 0 and not row.removed]
        if not loose:
            return frozenset()
        inns, sums = await self._store.waited_for(
            task.tenant, task.account, {row.payer_inn for row in loose}, {row.amount_kopecks for row in loose}
        )
        return frozenset(row.payment_id for row in loose if row.payer_inn in inns or row.amount_kopecks in sums)


def of_operation(
    account: str, row: PaymentRow, invoice: InvoiceRow | None, listed: UnmatchedRow | None, *, ours: bool = False
) -> operation.Command | None:
    """What an operation's own stream is told; ``listed`` is how it stands among the unmatched ones, ``ours`` whether it
    looks like a payment of an invoice of ours."""
    if row.removed:
        return operation.SeeGone() if listed is not None else None
    if invoice is not None:
        return operation.SeeMatched(invoice.invoice_id, invoice.number) if listed is not None else None
    if listed == UnmatchedRow(row.invoice_id or "", row.amount_kopecks, row.paid_on):
        return None
    return operation.SeeUnmatched(account, row.invoice_id or "", _operation(row), ours)


def invoices_with_news(row: PaymentRow, invoice: InvoiceRow | None, counted: Sequence[KnownRow]) -> dict[str, str]:
    """Our invoices, with their streams, whose payments a row of the feed contradicts: the one that it should count for,
    and those that count it although it was removed or tied to another."""
    digests = {known.invoice_id: known.digest for known in counted}
    wanted = {invoice.invoice_id: digest(_operation(row))} if invoice is not None and not row.removed else {}
    streams = {known.invoice_id: known.stream for known in counted}
    if invoice is not None:
        streams[invoice.invoice_id] = invoice.stream
    return {name: streams[name] for name in {**digests, **wanted} if digests.get(name) != wanted.get(name)}


class RereadPayments:
    """Reads all payments of one invoice; the whole list is what the deal's payments are decided from (R20)."""

    kind = plans.REREAD
    recurring = False
    permits = 1

    def __init__(
        self,
        vendor_of: VendorOf,
        accounting: WholeAccounting,
        store: PaymentStore,
        directory: TenantDirectory,
        clock: Clock,
    ) -> None:
        self._vendor_of = vendor_of
        self._accounting = accounting
        self._store = store
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """One list, whole, and what of it was listed as belonging to no invoice; none where payments are switched off,
        or statements say what was paid by now (R21). Once more later, where the plan says so."""
        result = await self._read(task)
        again = task.payload.get("again_at")
        if isinstance(result, Done) and again and (later := datetime.fromisoformat(again)) > self._clock.now():
            # No payload: a later look that was planned meanwhile stays in the row.
            return replace(result, again_at=later)
        return result

    async def _read(self, task: Task) -> TaskResult:
        assert task.permit is not None, "the plan names an account"
        if not plans.is_polled((await self._directory.view(task.tenant)).settings, task.account):
            return Done(found_something=False)
        listed = await self._accounting.payments_of_invoice(task.permit, task.payload["remote_id"])
        empty = _is_empty(listed, task)
        if empty:
            told = await self._told(task)
            if isinstance(told, Failure):
                return _again(told)
            if told:
                doubt = c.DoubtPayments(task.payload["invoice_id"], told)
                return Done((StreamCommand(task.stream, doubt, f"doubt:{uuid.uuid4()}"),), found_something=False)
        if not isinstance(listed, Ok):
            # Where nothing counts, nothing is in doubt: the next news, or the look at standing invoices, has it read.
            return Done(found_something=False) if empty and task.attempt > LAGGING_ENDS else _again(listed)
        live = tuple(_operation(row) for row in listed.value if not row.removed)
        observe = c.ObservePayments(task.payload["invoice_id"], live)
        # The list is a moment's truth: an equal list later is decided again, since the state may differ by then.
        counted = StreamCommand(task.stream, observe, f"listing:{uuid.uuid4()}")
        return Done((counted, *await self._matched(task, live), *await self._elsewhere(task, live)))

    async def _told(self, task: Task) -> int | Failure:
        """What the invoice's card says is paid where the list is empty, 0 where that takes nothing back: vendors in
        trouble answer with empty lists, and all that counts would go. This rare call has no permit of its own."""
        assert task.permit is not None, "the plan names an account"
        invoice = await self._store.invoice(task.tenant, task.payload["invoice_id"])
        can_tell = self._vendor_of(task.account).can(Capability.READ_INVOICE)
        if invoice is None or invoice.paid_kopecks <= 0 or not can_tell:
            return 0
        card = await self._accounting.read_invoice(task.permit, task.payload["remote_id"])
        if isinstance(card, Rejected) and card.problem.code == "document_not_found":
            return 0  # deleted with its payments
        return (card.value.paid_kopecks or 0) if isinstance(card, Ok) else card

    async def _elsewhere(self, task: Task, live: Sequence[Operation]) -> list[StreamCommand]:
        """Other invoices that count what this one is about to: it was tied to them before, perhaps longer ago than any
        poll looks back. They are told once; what counts for both already is left, else each would have the other read
        for ever."""
        known = await self._store.known(task.tenant, task.account, {one.operation_id for one in live}) if live else {}
        streams: dict[str, str] = {}
        for counted in known.values():
            names = {one.invoice_id: one.stream for one in counted}
            if task.payload["invoice_id"] not in names:
                streams |= names
        return [
            StreamCommand(stream, c.NoticePayments(name, moved=True), f"news:{uuid.uuid4()}")
            for name, stream in streams.items()
        ]

    async def _matched(self, task: Task, live: Sequence[Operation]) -> list[StreamCommand]:
        """The feed may have passed them by before they were tied: money must not be counted and stand unmatched."""
        streams = [operation.stream_of(task.account, one.operation_id) for one in live]
        listed = await self._store.unmatched(task.tenant, streams) if streams else {}
        if not listed:
            return []
        invoice = await self._store.invoice(task.tenant, task.payload["invoice_id"])
        number = "" if invoice is None else invoice.number
        matched = operation.SeeMatched(task.payload["invoice_id"], number)
        return [StreamCommand(stream, matched, f"operation:{uuid.uuid4()}") for stream in sorted(listed)]


class LookAtDue:
    """Looks at an unpaid invoice once a day, from the day after its due date, at the tenant's reminder time."""

    kind = plans.LOOK_AT_DUE
    recurring = True
    permits = 0

    def __init__(self, store: PaymentStore, directory: TenantDirectory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Ends with the invoice; until then comes back the next day, or when people may be disturbed again."""
        invoice = await self._store.invoice(task.tenant, task.payload["invoice_id"])
        if invoice is None or not invoice.open:
            return Done(found_something=False)
        settings = (await self._directory.view(task.tenant)).settings
        reminders = settings.get("reminders", {})
        zone = ZoneInfo(settings.get("timezone", "Europe/Moscow"))
        at = time.fromisoformat(reminders.get("at", "09:00"))
        hours = QuietHours(
            zone,
            time.fromisoformat(reminders.get("quiet_from", "20:00")),
            time.fromisoformat(reminders.get("quiet_until", "09:00")),
        )
        now = self._clock.now()
        today = local_day(now, zone)
        first = datetime.combine(invoice.due_date + timedelta(days=1), at, tzinfo=zone)
        if now < first:
            return Done(again_at=first, found_something=False)
        tomorrow = datetime.combine(today + timedelta(days=1), at, tzinfo=zone)
        if not plans.switched_on(settings):
            return Done(again_at=tomorrow, found_something=False)  # nobody sees whether it is paid
        allowed = when_allowed(now, hours)
        command = c.LookAtDue(
            invoice.invoice_id, today, tuple(reminders.get("days", (3, 7))), may_remind=allowed <= now
        )
        again = min(tomorrow, allowed) if allowed > now else tomorrow
        # Decided anew at every look: money may have gone back since the day's first.
        command_id = f"due:{uuid.uuid4()}"
        return Done((StreamCommand(task.stream, command, command_id),), again_at=again, found_something=False)


def _again(failure: Failure) -> Deferred | Retryable:
    """A read that failed is made again; an answer about one invoice says nothing of the account."""
    return failure if isinstance(failure, Deferred | Retryable) else Retryable(failure.problem, outage=False)


def _is_empty(listed: Outcome[tuple[PaymentRow, ...]], task: Task) -> bool:
    """Whether accounting lists no payment; also where its connector sees by itself that this is not what the invoice
    says, and quick readings have not mended it."""
    if isinstance(listed, Ok):
        return not listed.value
    differs = isinstance(listed, Retryable) and listed.problem.values.get("listed_kopecks") == 0
    return differs and task.attempt > LAGGING_TRIES_MAX


def _operation(row: PaymentRow) -> Operation:
    person = is_person_inn(row.payer_inn) or not row.payer_inn
    return Operation(
        operation_id=row.payment_id,
        direction="in" if row.amount_kopecks >= 0 else "out",
        amount_kopecks=abs(row.amount_kopecks),
        date=row.paid_on,
        order_number=row.order_number,
        own_account=row.own_account,
        payer_inn=row.payer_inn,
        payer_name="" if person else row.payer_name,
    )


def handlers(
    vendor_of: VendorOf,
    accounting: WholeAccounting,
    store: PaymentStore,
    directory: TenantDirectory,
    clock: Clock,
    finder: Finder,
) -> tuple[TaskHandler, ...]:
    """All task handlers of the service; it changes nothing outside."""
    poll = PollPayments(vendor_of, accounting, store, clock, directory)
    return (
        poll,
        PollNow(poll.look),
        PollBalances(accounting, store, directory, clock),
        RereadPayments(vendor_of, accounting, store, directory, clock),
        LookAtDue(store, directory, clock),
        LookAtStanding(vendor_of, accounting, store, directory, clock),
        MatchWaiting(store, finder, clock),
    )
