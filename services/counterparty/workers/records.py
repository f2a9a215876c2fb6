"""What accountants enter by themselves: the list of changes of each account, and a look at whether the CRM has it."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from chassis.clock import Clock
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Retryable
from chassis.tenants import TenantDirectory
from chassis.values.inn import InnFound, clean_inn, clean_kpp, is_person_inn
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import Counterparty, CounterpartyChanges, FeedCursor
from connectors.ports.crm import CompaniesByInn, CompanyDetails
from connectors.registry import accounting_of
from services.counterparty.domain import card, party, records
from services.counterparty.domain.fields import ALL_NAMES, Name
from services.counterparty.domain.records import AccountingRecord
from services.counterparty.domain.values import Party, Register
from services.counterparty.store import PartyStore

PAGES_PER_RUN_MAX: Final = 5
RECORDS_PER_RUN: Final = 500
"""After so many no further page is read in this run: all of a run's commands are one transaction."""
OVERLAP: Final = timedelta(minutes=10)
"""Rows become visible late: each pass begins so long before the last one did, and never before the first."""
POLL_SECONDS: Final = 900.0


class WatchRecords:
    """One pass over the list of an account's counterparties that were changed; what was there before the first pass is
    left to the first sync."""

    kind = records.WATCH
    recurring = True
    permits = PAGES_PER_RUN_MAX
    polls = False  # nobody who waits for a deal waits for it

    def __init__(
        self, accounting: CounterpartyChanges, store: PartyStore, directory: TenantDirectory, clock: Clock
    ) -> None:
        self._accounting = accounting
        self._store = store
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Up to five pages; the rest at once in the next run. The cursor moves with the commands, in one
        transaction."""
        assert task.permit is not None, "the plan names an account"
        settings, now = (await self._directory.view(task.tenant)).settings, self._clock.now()
        seller = _seller(settings, task.account)
        if seller is None or not records.wanted(settings):
            return Done(found_something=False)
        again = now + timedelta(seconds=seller.get("counterparties_poll_seconds", POLL_SECONDS))
        first = datetime.fromisoformat(task.payload.get("first") or now.isoformat())
        kept = {"first": first.isoformat()}
        if "began_at" not in task.payload:
            return Done(again_at=again, payload={**kept, "began_at": now.isoformat()}, found_something=False)
        last = datetime.fromisoformat(task.payload["began_at"])
        begun = task.payload.get("begun") or now.isoformat()
        cursor: FeedCursor | None = _cursor(task.payload) or FeedCursor(max(first, last - OVERLAP))
        commands: list[StreamCommand] = []
        for _ in range(PAGES_PER_RUN_MAX):
            assert cursor is not None, "a pass goes on only with a cursor"
            page = await self._accounting.counterparty_changes(task.permit, cursor)
            if not isinstance(page, Ok):
                return page if isinstance(page, Deferred | Retryable) else Retryable(page.problem, outage=False)
            commands += await self._commands(task, settings, page.value.counterparties)
            cursor = page.value.next
            if cursor is None or len(commands) >= RECORDS_PER_RUN:
                break
        news = bool(commands)
        if cursor is None:
            return Done(tuple(commands), again_at=again, payload={**kept, "began_at": begun}, found_something=news)
        place = {"since": cursor.since.isoformat(), "offset": cursor.offset, "token": cursor.token}
        going_on = {**kept, "began_at": last.isoformat(), "begun": begun, "cursor": place}
        return Done(tuple(commands), again_at=now, payload=going_on, found_something=news)

    async def _commands(
        self, task: Task, settings: Mapping[str, Any], rows: Sequence[Counterparty]
    ) -> list[StreamCommand]:
        """One command per record with an INN that is nobody's own; those of one page in their order."""
        own = own_inns(settings)
        found = {row.counterparty_id: (inn, row) for row in rows if (inn := inn_of(row)) and inn not in own}
        streams = {party_stream(inn, row): key for key, (inn, row) in found.items()}
        sent = await sent_of(self._store, task.tenant, task.account, streams)
        registers: tuple[Register, ...] = ()
        if settings.get("policies", {}).get("fill_companies", True):
            registers = tuple(Register.model_validate(one) for one in settings.get("registers", ()))
        return [
            StreamCommand(
                f"{card.PREFIX}-{inn}",
                card.SeeRecord(record_of(task.account, inn, row), sent.get(key), settings["crm_account"], registers),
                f"record:{uuid.uuid4()}",  # what was seen already is no news, whatever the command is called
            )
            for key, (inn, row) in found.items()
        ]


class FindCards:
    """Looks in the CRM for the companies with an INN."""

    kind = records.FIND_CARDS
    recurring = False
    permits = 3

    def __init__(self, crm: CompaniesByInn) -> None:
        self._crm = crm

    async def run(self, task: Task) -> TaskResult:
        """Tells the INN's stream what is there now."""
        assert task.permit is not None, "the plan names an account"
        found = await self._crm.companies_by_inn(task.permit, task.payload["inn"])
        if not isinstance(found, Ok):
            return found if isinstance(found, Deferred | Retryable) else Retryable(found.problem, outage=False)
        see = card.SeeCards(tuple(requisite_of(one) for one in found.value.companies), found.value.contact)
        return Done((StreamCommand(task.stream, see, f"cards:{uuid.uuid4()}"),))


async def sent_of(
    store: PartyStore, tenant: TenantId, account: str, streams: Mapping[str, str]
) -> dict[str, dict[Name, str]]:
    """What we made, or are making, records of, by their ids: an account's list brings our own creations too.
    ``streams``: the stream that a record's INN and KPP name → the record's id."""
    made = await store.made(tenant, account, streams) if streams else {}
    states = await store.parties(tenant, set(made.values())) if made else {}
    sent: dict[str, dict[Name, str]] = {}
    for remote_id, stream in made.items():
        state = states[stream]
        record = state.records.get(account)
        buyer = None if record is None else record.told or state.party
        if buyer is not None:
            sent[remote_id] = _sent_of(buyer)
    return sent


def own_inns(settings: Mapping[str, Any]) -> frozenset[str]:
    """The sellers' own INNs."""
    return frozenset(str(seller.get("inn", "")) for seller in settings.get("sellers", ()))


def _seller(settings: Mapping[str, Any], account: str) -> Mapping[str, Any] | None:
    sellers: Sequence[Mapping[str, Any]] = settings.get("sellers", ())
    return next((one for one in sellers if one["connection"]["account"] == account), None)


def _cursor(payload: Mapping[str, Any]) -> FeedCursor | None:
    kept = payload.get("cursor")
    return kept and FeedCursor(datetime.fromisoformat(kept["since"]), int(kept["offset"]), str(kept["token"]))


def inn_of(row: Counterparty) -> str:
    """A record's INN, clean; "" where it has no right one."""
    found = clean_inn(row.inn) if row.inn.strip() else None
    return found.inn if isinstance(found, InnFound) else ""


def party_stream(inn: str, row: Counterparty) -> str:
    """The stream of the buyer that a record's INN and KPP name."""
    kpp = "" if is_person_inn(inn) else clean_kpp(row.kpp) or ""
    return f"{party.PREFIX}-{inn}-{kpp}" if kpp else f"{party.PREFIX}-{inn}"


def record_of(account: str, inn: str, row: Counterparty) -> AccountingRecord:
    """A record as the stream of its INN sees it; an entrepreneur has no KPP."""
    kind: Literal["company", "entrepreneur"] = "entrepreneur" if is_person_inn(inn) else "company"
    told: dict[Name, str] = {
        "name": row.short_name or row.name,
        "full_name": row.name,
        "kpp": row.kpp if kind == "company" else "",
        "ogrn": row.ogrn,
        "address": row.address,
        "phone": row.phone,
        "email": row.email,
    }
    values = {name: text for name in ALL_NAMES if (text := told[name].strip())}
    return AccountingRecord(account=account, remote_id=row.counterparty_id, kind=kind, values=values)


def _sent_of(buyer: Party) -> dict[Name, str]:
    return {
        "name": buyer.name,
        "full_name": buyer.full_name,
        "kpp": buyer.kpp,
        "ogrn": buyer.ogrn,
        "address": buyer.address,
        "email": buyer.email,
    }


def requisite_of(details: CompanyDetails) -> records.Requisite:
    """Requisites as the CRM has them; without contacts of their own they have the company's."""
    requisite, company = details.requisite, details.company
    return records.Requisite(
        company_id=requisite.owner_id,
        requisite_id=requisite.requisite_id,
        kpp=requisite.kpp,
        ogrn=requisite.ogrn,
        name=requisite.name,
        full_name=requisite.full_name,
        address=details.address.text if details.address is not None else "",
        responsible_id=company.assigned_by_id or "",
        phone=requisite.phone or next(iter(company.phones), ""),
        email=requisite.email or next(iter(company.emails), ""),
    )


def watched(settings: Mapping[str, Any]) -> Sequence[str]:
    """The accounts whose lists of changes are read: they must tell what others enter too."""
    if not records.wanted(settings):
        return ()
    accounts = [str(one["connection"]["account"]) for one in settings.get("sellers", ())]
    return [account for account in accounts if accounting_of(account).follows_buyers]
