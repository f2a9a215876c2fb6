"""The list of an account's changed counterparties: from when it is read, how far, and what of it is news."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Retryable
from chassis.tenants import TenantView
from chassis.work.handlers import Done, Permit, Task
from connectors.ports import crm as ports
from connectors.ports.accounting import CounterpartiesPage, Counterparty, FeedCursor
from services.counterparty.domain import party, records
from services.counterparty.domain.card import SeeCards, SeeRecord
from services.counterparty.workers.records import OVERLAP, PAGES_PER_RUN_MAX, FindCards, WatchRecords, watched
from tests.services.counterparty.parts import ACCOUNT, a_party, want
from tests.services.streams import NOW, TENANT

INN, KPP, OWN = "7736207543", "773601001", "7707083893"
LOTOS = Counterparty("e1", "company", "ООО «Лотос»", "Лотос", INN, KPP, phone="+7 495 000-00-00")
SELLER: dict[str, Any] = {
    "seller_id": "main", "inn": OWN, "connection": {"account": ACCOUNT}, "counterparties_poll_seconds": 600.0,
}  # fmt: skip
SETTINGS: dict[str, Any] = {"crm_account": "bitrix24:vektor", "sellers": [SELLER]}


@dataclass
class Accounting:
    """An account whose list is given, a row a page; it tells from where it was read."""

    rows: list[Counterparty] = field(default_factory=list)
    asked: list[FeedCursor] = field(default_factory=list)
    failing: bool = False

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        self.asked.append(cursor)
        if self.failing:
            return Retryable(Problem("vendor_fault"))
        further = FeedCursor(cursor.since, cursor.offset + 1) if cursor.offset + 1 < len(self.rows) else None
        return Ok(CounterpartiesPage(tuple(self.rows[cursor.offset : cursor.offset + 1]), further))


@dataclass
class Parties:
    """Which records we made."""

    ours: dict[str, str] = field(default_factory=dict)
    state: party.State | None = None

    async def made(self, tenant: str, account: str, likely: Any) -> dict[str, str]:
        return {remote: stream for remote, stream in self.ours.items() if remote in likely.values()}

    async def parties(self, tenant: str, streams: Collection[str]) -> dict[str, party.State]:
        assert self.state is not None
        return dict.fromkeys(streams, self.state)


@dataclass
class Directory:
    """The tenant's settings."""

    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))

    async def view(self, tenant: str) -> TenantView:
        return TenantView("active", 1, self.settings)


@dataclass
class Watch:
    """The task as the runner runs it, its payload kept between runs."""

    accounting: Accounting = field(default_factory=Accounting)
    parties: Parties = field(default_factory=Parties)
    directory: Directory = field(default_factory=Directory)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    payload: Any = field(default_factory=dict)

    async def run(self) -> Any:
        given: Any = (self.accounting, self.parties, self.directory, self.clock)
        permit = Permit(ACCOUNT, "https://elba.example", "", 5, NOW)
        task = Task(TENANT, "w", records.WATCH, ACCOUNT, self.payload, "tenant-state", ACCOUNT, 1, permit, NOW)
        result = await WatchRecords(*given).run(task)
        if isinstance(result, Done):
            self.payload = result.payload or {}
        return result

    async def begun(self) -> "Watch":
        await self.run()
        self.clock.set(NOW + timedelta(hours=1))
        return self


def seen(result: Any) -> list[tuple[str, SeeRecord]]:
    """The commands of a run by stream."""
    return [(one.stream, one.body) for one in result.commands]


async def test_what_was_there_before_is_left_to_the_first_sync() -> None:
    watch = Watch(Accounting([LOTOS]))
    first = await watch.run()
    assert (first.commands, first.again_at, watch.accounting.asked) == ((), NOW + timedelta(seconds=600), [])
    watch.clock.set(NOW + timedelta(minutes=1))
    await watch.run()
    assert [one.since for one in watch.accounting.asked] == [NOW], "the overlap does not reach back to before"


async def test_each_pass_begins_before_the_last_one_did() -> None:
    watch = await Watch(Accounting([LOTOS])).begun()
    result = await watch.run()
    ((stream, command),) = seen(result)
    assert (stream, command.crm_account, command.sent) == (f"card-{INN}", "bitrix24:vektor", None)
    assert command.record.values == {
        "name": "Лотос", "full_name": "ООО «Лотос»", "kpp": KPP, "phone": "+7 495 000-00-00",
    }  # fmt: skip
    assert result.again_at == watch.clock.now() + timedelta(seconds=600)
    last = watch.clock.now()
    watch.clock.set(last + timedelta(hours=1))
    await watch.run()
    assert watch.accounting.asked[-1].since == last - OVERLAP


async def test_a_long_list_goes_on_where_it_stopped_and_counts_from_its_beginning() -> None:
    rows = [replace(LOTOS, counterparty_id=f"e{number}") for number in range(PAGES_PER_RUN_MAX + 2)]
    watch = await Watch(Accounting(rows)).begun()
    began: datetime = watch.clock.now()
    first = await watch.run()
    assert (len(first.commands), first.again_at) == (PAGES_PER_RUN_MAX, began)
    watch.clock.set(began + timedelta(minutes=5))
    second = await watch.run()
    assert len(second.commands) == 2
    assert watch.payload["began_at"] == began.isoformat()


async def test_a_list_that_cannot_be_read_is_read_again_from_the_same_place() -> None:
    watch = await Watch(Accounting([LOTOS], failing=True)).begun()
    before = dict(watch.payload)
    assert isinstance(await watch.run(), Retryable)
    assert watch.payload == before


async def test_what_is_nobodys_company_is_left_alone() -> None:
    rows = [replace(LOTOS, inn=""), replace(LOTOS, inn="7736207544"), replace(LOTOS, inn=OWN)]
    watch = await Watch(Accounting(rows)).begun()
    assert seen(await watch.run()) == []


async def test_a_record_that_we_made_comes_with_what_we_made_it_of() -> None:
    stream = a_party()
    stream.ran(want())
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
    watch = await Watch(Accounting([LOTOS]), Parties({"e1": stream.name}, stream.state)).begun()
    ((_, command),) = seen(await watch.run())
    assert stream.state.party is not None
    assert command.sent is not None
    assert (command.sent["name"], command.sent["kpp"]) == (stream.state.party.name, stream.state.party.kpp)


async def test_switched_off_it_ends_and_reads_nothing() -> None:
    watch = await Watch(Accounting([LOTOS])).begun()
    watch.directory.settings = {**SETTINGS, "steps": {"reverse_sync": False}}
    ended = await watch.run()
    assert (ended.commands, ended.again_at, watch.accounting.asked) == ((), None, [])


def test_accounts_are_watched_that_tell_what_others_enter() -> None:
    def settings(account: str, **steps: Any) -> dict[str, Any]:
        return {"crm_account": "bitrix24:v", "sellers": [{"connection": {"account": account}}], "steps": steps}

    for vendor, follows in (
        ("elba", True),
        ("moedelo", True),
        ("kontur", True),
        ("onec", False),
        ("elba-vendor", False),
    ):
        account = f"{vendor}:v:main"
        assert list(watched(settings(account, reverse_sync=None))) == ([account] if follows else [])
    assert not watched(settings("elba:v:main", reverse_sync=False))
    assert not watched({**settings("elba:v:main"), "crm_account": ""})


class Portal:
    """A portal with one company, whose contacts are the company's own."""

    async def companies_by_inn(self, permit: Permit, inn: str, marker: str = "") -> Outcome[ports.SameInn]:
        requisite = ports.CrmRequisite("77", "company", "512", True, 500, "Организация", "Лотос", "", inn, KPP, "")
        company = ports.CrmCompany("512", "Лотос", phones=("+7 495 000-00-00",), assigned_by_id="7")
        return Ok(ports.SameInn((ports.CompanyDetails(requisite, company, None),)))


async def test_the_crm_is_looked_at_as_it_is_now() -> None:
    permit = Permit("bitrix24:vektor", "https://portal.example", "", 3, NOW)
    payload = {"inn": INN}
    task = Task(TENANT, "w", records.FIND_CARDS, "k", payload, f"card-{INN}", permit.account, 1, permit, NOW)
    result = await FindCards(Portal()).run(task)
    assert isinstance(result, Done)
    (command,) = result.commands
    assert isinstance(command.body, SeeCards)
    (found,) = command.body.requisites
    assert (found.company_id, found.requisite_id, found.kpp, found.responsible_id) == ("512", "77", KPP, "7")
    assert (found.phone, found.email) == ("+7 495 000-00-00", "")
