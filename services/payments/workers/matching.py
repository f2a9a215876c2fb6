"""Finds the invoices that operations of bank statements pay, and tells the deals what counts for them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.ids import TenantId
from chassis.tenants import TenantDirectory
from chassis.values.purpose import plain_number
from chassis.work.handlers import Done, StreamCommand, Task, TaskHandler, TaskResult
from services.payments.domain import bankday, listing, plans
from services.payments.domain import commands as c
from services.payments.domain.bank import Candidate, Match
from services.payments.domain.events import Operation
from services.payments.domain.matching import Matcher, Payable
from services.payments.store.bank import AROUND, AllottedRow, BankStore, OrderRow, PayableRow

LOOKS_MAX: Final = 12
INVOICES_PER_RUN_MAX: Final = 200
OF_NOBODY_FOR: Final = timedelta(days=62)
"""So old may be what is matched again since the tenant's sellers are others."""
FIRST_LOOK_AFTER: Final = timedelta(minutes=10)
LOOK_AFTER_MAX: Final = timedelta(days=7)
_FROM_THE_FIRST: Final[Mapping[str, Any]] = {"after": ""}


class Finder:
    """Invoices that operations may pay, with what the tenant's settings say of their sellers."""

    def __init__(self, store: BankStore, directory: TenantDirectory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def later(self, tenant: TenantId) -> Done | None:
        """While payments are switched off nobody's invoices may be meant, and who says what was paid is not known."""
        if plans.switched_on((await self._directory.view(tenant)).settings):
            return None
        return Done(again_at=self._clock.now() + plans.SWITCHED_OFF_FOR, found_something=False)

    async def matches(self, tenant: TenantId, stream: str) -> tuple[Match, ...]:
        """What becomes of the unsettled operations of a day."""
        day = await self._store.day(tenant, stream)
        waiting = [operation for operation in day.operations.values() if operation.unsettled]
        waiting.sort(key=lambda one: one.row.direction)  # what came before what went back
        if not waiting:
            return ()
        sellers = await self.sellers(tenant)
        if not sellers:
            return ()
        numbers = {plain_number(one.number) for operation in waiting for one in operation.row.hints.references}
        inns = {operation.row.their_inn for operation in waiting if operation.row.their_inn}
        rows = await self._store.payables(tenant, numbers, inns)
        payables = tuple(payable(row, sellers) for row in rows)
        dates, signed = ({one.row.order_date for one in waiting}, {one.row.signed_kopecks for one in waiting})
        around = await self._store.orders_around(tenant, stream, dates, signed)
        repeated = repeated_of(waiting, around, bankday.day_of(stream))
        matcher = Matcher(payables, frozenset(seller["inn"] for seller in sellers.values()), repeated)
        return tuple(matcher.match(operation) for operation in waiting)

    async def by_number(self, tenant: TenantId, number: str) -> tuple[PayableRow, ...]:
        """Invoices of a number as a person writes it; those that have it to the letter come alone."""
        rows = await self._store.payables(tenant, {plain_number(number)}, ())
        exact = tuple(row for row in rows if row.number.casefold() == number.strip().casefold())
        return exact or rows

    async def told_by_statements(self, tenant: TenantId, account: str) -> bool:
        """Whether bank statements say what was paid over an accounting account (R21)."""
        return plans.told_by_statements((await self._directory.view(tenant)).settings, account)

    async def sellers(self, tenant: TenantId) -> Mapping[str, Mapping[str, Any]]:
        """The tenant's sellers by their accounting accounts."""
        settings = (await self._directory.view(tenant)).settings
        return {seller["connection"]["account"]: seller for seller in settings.get("sellers", ())}


def repeated_of(waiting: Sequence[bankday.BankOperation], around: Sequence[OrderRow], day: date) -> frozenset[str]:
    """Operations whose order stands on another day too, and counts there, or is asked about, or came first."""

    there = {
        _order(one.order_number, one.order_date, one.signed_kopecks, one.their_inn)
        for one in around
        if one.state in ("allotted", "asked")
        or (one.state in ("open", "unmatched", "released") and one.operation_day < day)
    }
    rows = ((one.payment_id, one.row) for one in waiting if one.row.number)
    return frozenset(
        payment_id
        for payment_id, row in rows
        if _order(row.number, row.order_date, row.signed_kopecks, row.their_inn) in there
    )


def doubled_of(rows: Sequence[AllottedRow], counted: frozenset[str]) -> tuple[AllottedRow, ...]:
    """Of what is allotted to an invoice the operations whose order is allotted to it on another day too: days that are
    matched at one moment do not see each other, and one may come back that another stands for by now. What is counted
    already stays, else the earliest day."""
    orders: dict[tuple[object, ...], list[AllottedRow]] = {}
    for row in rows:
        if row.order_number:
            order = _order(row.order_number, row.order_date, row.order_kopecks, row.their_inn)
            orders.setdefault((row.own_account, *order), []).append(row)
    doubled: list[AllottedRow] = []
    for same in orders.values():
        stays = min(same, key=lambda one: (one.payment_id not in counted, one.operation_day)).operation_day
        doubled += [one for one in same if timedelta() < abs(one.operation_day - stays) <= AROUND]
    return tuple(doubled)


def _order(number: str, order_date: date, signed_kopecks: int, their_inn: str) -> tuple[object, ...]:
    return number.lstrip("0"), order_date, signed_kopecks, their_inn


class MatchOperations:
    """Matches what a statement has brought."""

    kind = listing.MATCH
    recurring = False
    permits = 0

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    async def run(self, task: Task) -> TaskResult:
        """One day, all its unsettled operations in their order."""
        if later := await self._finder.later(task.tenant):
            return later
        found = await self._finder.matches(task.tenant, task.stream)
        return Done((_settle(task.stream, found),) if found else ())


class MatchLater:
    """Looks at unmatched operations again, ever more seldom: their invoices may become known after them."""

    kind = listing.MATCH_LATER
    recurring = True
    permits = 0

    def __init__(self, finder: Finder, clock: Clock) -> None:
        self._finder = finder
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Ends when nothing of the day is unsettled, or after two months."""
        if later := await self._finder.later(task.tenant):
            return later
        looks = task.payload.get("looks", 0) + 1
        found = await self._finder.matches(task.tenant, task.stream)
        if not any(one.what == "unmatched" and one.ours for one in found) or looks >= LOOKS_MAX:
            return Done((_settle(task.stream, found),) if found else (), payload={"looks": 0}, found_something=False)
        again = self._clock.now() + min(FIRST_LOOK_AFTER * 2**looks, LOOK_AFTER_MAX)
        return Done((_settle(task.stream, found),), again_at=again, payload={"looks": looks}, found_something=False)


class LookUpPointed:
    """Looks up the invoice that a person named for an operation."""

    kind = listing.POINT
    recurring = False
    permits = 0

    def __init__(self, store: BankStore, finder: Finder) -> None:
        self._store = store
        self._finder = finder

    async def run(self, task: Task) -> TaskResult:
        """One invoice of that number is taken; of none or several the person is asked again."""
        payload = task.payload
        day = await self._store.day(task.tenant, task.stream)
        operation = day.operations[payload["payment_id"]]
        rows = await self._finder.by_number(task.tenant, payload["number"])
        found = pointed(operation, rows, payload["by"])
        return Done((_settle(task.stream, (found,)),))


def pointed(operation: bankday.BankOperation, rows: Sequence[PayableRow], by: str) -> Match:
    """What a person's number comes to."""
    if len(rows) == 1:
        (row,) = rows
        return listing.tied(operation, invoice_id=row.invoice_id, number=row.number, deal_id=deal_of(row.stream), by=by)
    candidates = tuple(
        Candidate(
            invoice_id=row.invoice_id,
            number=row.number,
            deal_id=deal_of(row.stream),
            rest_kopecks=max(row.total_kopecks - row.paid_kopecks, 0),
            score=0,
        )
        for row in rows[:5]
    )
    return Match(
        payment_id=operation.payment_id,
        what="asked",
        details=operation.row.details,
        candidates=candidates,
        reasons=("number_of_several",) if rows else ("number_unknown",),
        ours=True,
        by=by,
    )


class AllotPayments:
    """Tells a deal all that statements list for one of its invoices; who says what was paid is the seller's setting."""

    kind = listing.ALLOT
    recurring = False
    permits = 0

    def __init__(self, store: BankStore, finder: Finder) -> None:
        self._store = store
        self._finder = finder

    async def run(self, task: Task) -> TaskResult:
        """The whole list as it is now, so that a later one simply replaces it."""
        if later := await self._finder.later(task.tenant):
            return later
        return Done(tuple(await self._told(task.tenant, task.payload["invoice_id"])))

    async def _told(self, tenant: TenantId, invoice_id: str) -> Sequence[StreamCommand]:
        """What the deal of an invoice is told, and the days whose operations are matched again."""
        invoice = await self._store.payable(tenant, invoice_id)
        assert invoice is not None, "only invoices that are known are allotted to"
        rows = await self._store.allotted(tenant, invoice_id)
        again = await self._doubled(tenant, invoice.account, rows)
        doubled = {name for names in again.values() for name in names}
        listed = tuple(operation_of(row) for row in rows if row.payment_id not in doubled)
        seller = (await self._finder.sellers(tenant)).get(invoice.account, {})
        command: c.Command = c.SeeStatementRows(invoice_id, listed)
        if seller.get("payments_from") == "statement":
            command = c.ObservePayments(invoice_id, listed)
        # The list is a moment's truth: an equal one later is decided again, since the state may differ by then.
        told = StreamCommand(invoice.stream, command, f"allotted:{uuid.uuid4()}")
        looks = (
            StreamCommand(stream, bankday.LookAgain(names), f"doubled:{uuid.uuid4()}")
            for stream, names in again.items()
        )
        return (told, *looks)

    async def _doubled(
        self, tenant: TenantId, account: str, rows: Sequence[AllottedRow]
    ) -> Mapping[str, tuple[str, ...]]:
        """By the streams of their days, the operations that must not count beside the same order of another day."""
        if len(rows) < 2:
            return {}
        counted = await self._store.counted(tenant, account, [row.payment_id for row in rows])
        again: dict[str, tuple[str, ...]] = {}
        for row in doubled_of(rows, counted):
            day = await self._store.day(tenant, row.stream)
            if day.operations[row.payment_id].alone:
                again[row.stream] = (*again.get(row.stream, ()), row.payment_id)
        return again


class AllotAccount:
    """After a change of the tenant's file: where statements say what is paid over an account, has the deals told what
    they had listed before, which only explained what accounting told then (R21); and matches again what was of no
    seller."""

    kind = listing.ALLOT_ACCOUNT
    recurring = False
    permits = 0

    def __init__(self, store: BankStore, finder: Finder, clock: Clock) -> None:
        self._store = store
        self._finder = finder
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Some unpaid invoices a run for which more is listed than counts, in the order of their ids."""
        if later := await self._finder.later(task.tenant):
            return later
        if not await self._finder.told_by_statements(task.tenant, task.key):
            return Done(payload=_FROM_THE_FIRST, found_something=False)
        now, after = self._clock.now(), task.payload.get("after", "")
        found = await self._store.underpaid(task.tenant, task.key, after, INVOICES_PER_RUN_MAX)
        await self._store.plan_allots(task.tenant, found, now, task.metadata)
        if len(found) == INVOICES_PER_RUN_MAX:
            return Done(again_at=task.due_at, payload={"after": max(found)})  # long past: at once
        days = await self._store.days_of_nobody(task.tenant, now.date() - OF_NOBODY_FOR)
        matches = [(stream, await self._finder.matches(task.tenant, stream)) for stream in days]
        commands = tuple(_settle(stream, matched) for stream, matched in matches if matched)
        return Done(commands, payload=_FROM_THE_FIRST, found_something=bool(found or commands))


def operation_of(row: AllottedRow) -> Operation:
    """What of a bank operation counts for an invoice, as the deal's payments take it."""
    return Operation(
        operation_id=row.payment_id,
        direction="in" if row.signed_kopecks >= 0 else "out",
        amount_kopecks=abs(row.signed_kopecks),
        date=row.operation_day,
        order_number=row.order_number,
        own_account=row.own_account,
        payer_inn=row.their_inn,
        payer_name=row.their_name,
        source="statement",
    )


def payable(row: PayableRow, sellers: Mapping[str, Mapping[str, Any]]) -> Payable:
    """An invoice as the rules of matching take it."""
    return Payable(
        invoice_id=row.invoice_id,
        number=row.number,
        deal_id=deal_of(row.stream),
        total_kopecks=row.total_kopecks,
        paid_kopecks=row.paid_kopecks,
        issued_on=row.issued_on,
        buyer_inn=row.buyer_inn,
        seller_inn=str(sellers.get(row.account, {}).get("inn", "")),
        vat_kopecks=row.vat_kopecks,
    )


def deal_of(stream: str) -> str:
    """The deal of a deal's stream."""
    return stream.partition("-")[2]


def _settle(stream: str, found: Sequence[Match]) -> StreamCommand:
    return StreamCommand(stream, bankday.SettleMatches(tuple(found)), f"matched:{uuid.uuid4()}")


def handlers(store: BankStore, directory: TenantDirectory, clock: Clock) -> tuple[TaskHandler, ...]:
    """All that matches."""
    finder = Finder(store, directory, clock)
    return (
        MatchOperations(finder),
        MatchLater(finder, clock),
        LookUpPointed(store, finder),
        AllotPayments(store, finder),
        AllotAccount(store, finder, clock),
    )
