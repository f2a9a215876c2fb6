"""Reads statement files: every section becomes an operation of its day or a problem of the file."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from chassis.blobs import BlobBroken, BlobMissing, BlobRef, Blobs, BlobStoreAway, BlobTooLarge
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Retryable
from chassis.tenants import TenantDirectory
from chassis.values.bank import mask_account
from chassis.values.inn import is_person_inn
from chassis.values.payment_identity import OperationFacts, natural_key
from chassis.values.purpose import read_purpose
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.bank_statement import Statement, open_statement
from connectors.ports.bank import BankOperation, LineProblem, StatementAccount, StatementHead
from services.payments.domain import bankday, plans
from services.payments.domain import statement as s
from services.payments.domain.bank import BankRow, Hints
from services.payments.store.bank import BankStore

ROWS_PER_RUN_MAX: Final = 5_000
ITEMS_PER_TURN: Final = 500
"""So many sections are read between two turns of the loop, which other work shares."""
EMPTY_DAYS_MAX: Final = 400
LOST_EVERY: Final = timedelta(minutes=10)
LOST_FOR: Final = timedelta(days=14)
"""So often, and so long, it is looked whether bytes that were not there are there by now: people are asked to load the
file once more, which puts them where they were."""

Day = tuple[str, date]


@dataclass(slots=True)
class Tally:
    """What one pass over a file counted; ``taken`` are the rows of the days that this run takes."""

    by_day: Counter[Day] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    internal: set[str] = field(default_factory=set)
    problems: list[LineProblem] = field(default_factory=list)
    problem_count: int = 0
    sections: int = 0
    broken: bool = False

    def add(self, item: BankOperation | LineProblem) -> None:
        """Counts one item."""
        if isinstance(item, LineProblem):
            self.sections += item.section
            self.report(item)
            return
        self.sections += 1
        self.by_day[item.own_account, item.statement_day] += 1
        if item.internal:
            self.internal |= {item.payer_account, item.payee_account}
        (self.received if item.direction == "in" else self.spent)[item.own_account] += item.amount_kopecks

    def report(self, problem: LineProblem) -> None:
        """Counts what was not taken; after one section that was not, nothing can be said by what is missing."""
        self.problem_count += 1
        self.broken = self.broken or problem.section
        if len(self.problems) < s.PROBLEMS_KEPT_MAX:
            self.problems.append(problem)


class LoadStatement:
    """One file, some days a run; what was taken is known by its day, so that a run that is repeated changes nothing."""

    kind = s.LOAD
    recurring = False
    permits = 0

    def __init__(self, store: BankStore, blobs: Blobs, directory: TenantDirectory, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Reads the whole file, and takes the next days of it; not before the tenant's settings, which a file may
        overtake: they say whose money it is, and what was matched without them would never be matched again. Nor while
        payments are switched off."""
        view = await self._directory.view(task.tenant)
        if not view.version:
            return Retryable(Problem("tenant_unknown", {}), outage=False)
        if not plans.switched_on(view.settings):
            return Done(again_at=self._clock.now() + plans.SWITCHED_OFF_FOR, found_something=False)
        try:
            data = await self._blobs.get(BlobRef.parse(task.payload["blob"]))
        except BlobStoreAway:
            return Retryable(Problem("blobs_away"), outage=False)
        except (BlobMissing, BlobBroken, BlobTooLarge):
            return self._lost(task)
        opened = open_statement(data)
        if isinstance(opened, Problem):
            return self._refused(task, opened, "read")
        head, tally = opened.head(), Tally()
        await _each(opened, tally.add)
        for problem in _sums_that_differ(head, tally):
            tally.report(problem)
        days = await self._days(task, head, tally)
        chosen = _next(days, task.payload.get("after", ""), tally)
        rows: dict[Day, list[BankRow]] = {day: [] for day in chosen}
        await _each(opened, lambda item: _collect(item, rows))
        zone = ZoneInfo(view.settings.get("timezone", "Europe/Moscow"))
        name = task.payload["statement_id"]
        commands = [
            StreamCommand(bankday.stream_of(*day), _listed(name, day, taken, head, tally, zone), f"list:{name}")
            for day, taken in rows.items()
        ]
        if chosen and chosen[-1] != days[-1]:
            again = task.due_at  # long past: at once
            return Done(tuple(commands), again_at=again, payload={**task.payload, "after": _text(chosen[-1])})
        return Done((*commands, StreamCommand(task.stream, s.SeeRead(_report(tally)), f"read:{name}")))

    def _lost(self, task: Task) -> Done:
        """A person hears of it at once; what is there again later is read after all."""
        told, now = self._refused(task, Problem(s.BYTES_LOST), "lost"), self._clock.now()
        since = datetime.fromisoformat(task.payload.get("lost_since") or now.isoformat())
        if now - since >= LOST_FOR:
            return told
        payload = {**task.payload, "lost_since": since.isoformat()}
        return Done(told.commands, again_at=now + LOST_EVERY, payload=payload, found_something=False)

    def _refused(self, task: Task, problem: Problem, name: str) -> Done:
        refused = s.LineProblem(
            line=problem.values.get("line", 0), code=problem.code, values=problem.values, section=False
        )
        read = s.StatementRead(sections=0, taken=0, refused=refused)
        return Done((StreamCommand(task.stream, s.SeeRead(read), f"{name}:{task.payload['statement_id']}"),))

    async def _days(self, task: Task, head: StatementHead, tally: Tally) -> list[Day]:
        """The days that the file has rows of, and those that it lists without any."""
        days = set(tally.by_day)
        for account in head.accounts:
            for first, last in account.periods:
                known = await self._store.days_known(task.tenant, account.account, first, last)
                days |= {(account.account, day) for day in known}
                if (last - first).days < EMPTY_DAYS_MAX:
                    days |= {(account.account, first + timedelta(days=n)) for n in range((last - first).days + 1)}
        return sorted(days)


async def _each(statement: Statement, take: Callable[[BankOperation | LineProblem], None]) -> None:
    """Gives every item of a file, letting others have their turn."""
    for number, item in enumerate(statement.items(), start=1):
        take(item)
        if number % ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)


def _next(days: Sequence[Day], after: str, tally: Tally) -> list[Day]:
    """The days that this run takes: some thousands of rows, at least one day."""
    chosen: list[Day] = []
    rows = 0
    for day in days:
        if _text(day) <= after:
            continue
        if chosen and rows + tally.by_day[day] > ROWS_PER_RUN_MAX:
            break
        chosen.append(day)
        rows += tally.by_day[day]
    return chosen


def _text(day: Day) -> str:
    return f"{day[0]}/{day[1].isoformat()}"


def _collect(item: BankOperation | LineProblem, rows: dict[Day, list[BankRow]]) -> None:
    if isinstance(item, BankOperation) and (item.own_account, item.statement_day) in rows:
        rows[item.own_account, item.statement_day].append(row_of(item))


def _listed(
    name: str, day: Day, rows: Sequence[BankRow], head: StatementHead, tally: Tally, zone: ZoneInfo
) -> bankday.ListDay:
    account = next((one for one in head.accounts if one.account == day[0]), StatementAccount(day[0]))
    made_at = None if head.made_at is None else head.made_at.replace(tzinfo=zone)
    complete = account.lists(day[1]) and not tally.broken and not _sums_differ(account, tally)
    whole = complete and made_at is not None and made_at.date() > day[1]
    return bankday.ListDay(name, tuple(rows), made_at, complete, whole)


def _sums_differ(account: StatementAccount, tally: Tally) -> bool:
    if account.account in tally.internal:
        return False  # money between own accounts stands once in the file, and counts for both
    pairs = (
        (account.received_kopecks, tally.received[account.account]),
        (account.spent_kopecks, tally.spent[account.account]),
    )
    return any(said is not None and said != counted for said, counted in pairs)


def _sums_that_differ(head: StatementHead, tally: Tally) -> list[LineProblem]:
    """The bank's own sums differ from those of the rows: some are not in the file. After a bad section they must."""
    if tally.broken:
        return []
    return [
        LineProblem(0, Problem("statement_sums_differ", {"found": mask_account(one.account)}), section=False)
        for one in head.accounts
        if _sums_differ(one, tally)
    ]


def _report(tally: Tally) -> s.StatementRead:
    days = [day for _, day in tally.by_day]
    return s.StatementRead(
        sections=tally.sections,
        taken=sum(tally.by_day.values()),
        accounts=tuple(sorted({mask_account(account) for account, _ in tally.by_day})),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        problems=tuple(
            s.LineProblem(line=one.line, code=one.problem.code, values=dict(one.problem.values), section=one.section)
            for one in tally.problems
        ),
        problem_count=tally.problem_count,
    )


def row_of(operation: BankOperation) -> BankRow:
    """What is kept of an operation: its identity from all facts, names and accounts of companies alone."""
    facts = OperationFacts(
        direction=operation.direction,
        own_account=operation.own_account,
        number=operation.number,
        order_date=operation.order_date,
        amount_kopecks=operation.amount_kopecks,
        payer_account=operation.payer_account,
        payer_inn=operation.payer_inn,
        payee_account=operation.payee_account,
        payee_inn=operation.payee_inn,
    )
    told = (operation.payer_name, operation.payer_inn, operation.payee_name, operation.payee_inn, operation.purpose)
    return BankRow(
        direction=operation.direction,
        own_account=operation.own_account,
        statement_day=operation.statement_day,
        number=operation.number,
        order_date=operation.order_date,
        amount_kopecks=operation.amount_kopecks,
        payer_account=mask_account(operation.payer_account),
        payer_inn=operation.payer_inn,
        payer_name=_company(operation.payer_name, operation.payer_inn),
        payee_account=mask_account(operation.payee_account),
        payee_inn=operation.payee_inn,
        payee_name=_company(operation.payee_name, operation.payee_inn),
        internal=operation.internal,
        hints=Hints.of(read_purpose(operation.purpose)),
        details=hashlib.sha256("\x1f".join(told).encode()).hexdigest()[:32],
        key=natural_key(facts),
        line=operation.line,
    )


def _company(name: str, inn: str) -> str:
    return "" if not inn or is_person_inn(inn) else name
