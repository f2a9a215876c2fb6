"""Reading both sides of a first sync: the CRM's companies, and the accounting service's records or, where it lists
none, its answers about one INN after another."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Ok
from chassis.values.inn import InnFound, clean_inn, clean_kpp, is_person_inn
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import Counterparty, CounterpartyChanges, FeedCursor, FindCounterparty
from connectors.ports.crm import CrmRequisite, ListCompanies, ListedCompany
from services.counterparty.domain import sync
from services.counterparty.domain.values import Buyer, BuyerKind, Rules, check
from services.counterparty.store.syncs import CompanyRow, RecordRow, RequisiteRow, SyncStore
from services.counterparty.workers.sync import again, going_on, run_of

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
PAGES_PER_RUN: Final = 5
LOOK_UPS_PER_RUN: Final = 5
OVERLAP: Final = timedelta(seconds=30)
"""Rows become visible late: what changed since a moment is asked for from a little before it."""


class ReadCompanies:
    """The CRM's companies and requisites, one request a run."""

    kind = sync.READ_CRM
    recurring = False
    permits = 1

    def __init__(self, store: SyncStore, crm: ListCompanies, clock: Clock) -> None:
        self._store = store
        self._crm = crm
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """One page of each list."""
        assert task.permit is not None, "the plan names an account"
        run, after = run_of(task), task.payload.get("after")
        if after is None:
            await self._store.forget_others(run)
        page = await self._crm.companies_after(task.permit, after)
        if not isinstance(page, Ok):
            return again(page)
        await self._store.keep_companies(
            run,
            [company_row(one) for one in page.value.companies],
            [requisite_row(one) for one in page.value.requisites],
        )
        if page.value.next_after is not None:
            return Done(again_at=self._clock.now(), payload=going_on(task, after=dict(page.value.next_after)))
        return Done((StreamCommand(task.stream, sync.SeeCrmRead(run.run), f"crm-read:{run.run}"),))


class ReadRecords:
    """The accounting service's whole list, a few pages a run."""

    kind = sync.READ_ACCOUNTING
    recurring = False
    permits = PAGES_PER_RUN

    def __init__(self, store: SyncStore, accounting: CounterpartyChanges, clock: Clock) -> None:
        self._store = store
        self._accounting = accounting
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Pages from where the last run ended."""
        assert task.permit is not None, "the plan names an account"
        run, kept = run_of(task), task.payload.get("cursor")
        cursor = FeedCursor(BEGINNING) if kept is None else cursor_of(kept)
        for _ in range(PAGES_PER_RUN):
            page = await self._accounting.counterparty_changes(task.permit, cursor)
            if not isinstance(page, Ok):
                return again(page)
            await self._store.keep_records(run, [record_row(one) for one in page.value.counterparties])
            if page.value.next is None:
                return Done((StreamCommand(task.stream, sync.SeeAccountingRead(run.run), f"records-read:{run.run}"),))
            cursor = page.value.next
        return Done(again_at=self._clock.now(), payload=going_on(task, cursor=cursor_json(cursor)))


class LookUpRecords:
    """Where the accounting service lists nothing: one look-up for each INN of the CRM."""

    kind = sync.LOOK_UP_ALL
    recurring = False
    permits = LOOK_UPS_PER_RUN

    def __init__(self, store: SyncStore, accounting: FindCounterparty, clock: Clock) -> None:
        self._store = store
        self._accounting = accounting
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The next few INNs."""
        assert task.permit is not None, "the plan names an account"
        run = run_of(task)
        inns = await self._store.inns(run, str(task.payload.get("inn", "")), LOOK_UPS_PER_RUN)
        if not inns:
            return Done((StreamCommand(task.stream, sync.SeeAccountingRead(run.run), f"records-read:{run.run}"),))
        for inn in inns:
            found = await self._accounting.find_counterparty(task.permit, inn)
            if not isinstance(found, Ok):
                return again(found)
            await self._store.keep_records(run, [record_row(one) for one in found.value])
        return Done(again_at=self._clock.now(), payload=going_on(task, inn=inns[-1]))


def company_row(company: ListedCompany) -> CompanyRow:
    """A company as it is kept."""
    return CompanyRow(company.company_id, company.title, company.own)


def requisite_row(requisite: CrmRequisite) -> RequisiteRow:
    """A requisite with its party, or with what keeps it from being one."""
    party, reasons, _ = check(buyer_of(requisite, requisite.name or requisite.title or "–"), Rules())
    found = clean_inn(requisite.inn)
    inn = found.inn if isinstance(found, InnFound) else found.cleaned[:40]
    fault = "" if party is not None else reasons[0].code
    return RequisiteRow(
        requisite_id=requisite.requisite_id,
        company_id=requisite.owner_id,
        name=requisite.name or requisite.title,
        inn=inn,
        kpp="" if party is None else party.kpp,
        party="" if party is None else party.party,
        fault=fault if requisite.active else "requisite_off",
    )


def buyer_of(requisite: CrmRequisite, name: str, *, address: str = "", email: str = "") -> Buyer:
    """The company behind a requisite as a request for a document would bring it."""
    found = clean_inn(requisite.inn)
    kind: BuyerKind = "entrepreneur" if isinstance(found, InnFound) and is_person_inn(found.inn) else "company"
    return Buyer(
        crm_kind="company",
        crm_id=requisite.owner_id,
        kind=kind,
        name=name,
        full_name=requisite.full_name,
        inn=requisite.inn,
        kpp=requisite.kpp,
        ogrn=requisite.ogrn,
        address=address,
        email=email,
    )


def record_row(record: Counterparty) -> RecordRow:
    """A record as it is kept; its INN and KPP in the form that the CRM's are compared in."""
    found = clean_inn(record.inn)
    inn = found.inn if isinstance(found, InnFound) else record.inn.strip()
    return RecordRow(record.counterparty_id, inn, clean_kpp(record.kpp) or record.kpp.strip(), record.name)


def cursor_json(cursor: FeedCursor) -> dict[str, Any]:
    """A place in the list as a task keeps it."""
    return {"since": cursor.since.isoformat(), "offset": cursor.offset, "token": cursor.token}


def cursor_of(kept: dict[str, Any]) -> FeedCursor:
    """The place that ``cursor_json`` wrote."""
    return FeedCursor(datetime.fromisoformat(kept["since"]), int(kept["offset"]), str(kept["token"]))
