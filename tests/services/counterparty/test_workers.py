"""How a lost creation of a buyer without INN is proven: as the account's vendor can, never by the name alone (R11)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.subjects import SubjectErased, SubjectRef
from chassis.work.handlers import Done, EffectCall, Found, Inconclusive, NotFound, Permit, PermitClass, Task
from connectors.ports.accounting import CounterpartiesPage, Counterparty, CounterpartyDraft, FeedCursor
from connectors.registry import ELBA_SEED, ELBA_VENDOR, KONTUR, MOEDELO, ONEC, AccountingVendor
from services.counterparty.domain import party
from services.counterparty.domain.values import Party
from services.counterparty.workers import CheckNamed
from services.counterparty.workers.creating import CreateCounterparty
from tests.services.counterparty.parts import checked
from tests.services.streams import NOW, TENANT

PERSON = Counterparty("p1", "person", "Лапина Ирина", email="irina@lapina.example")
COMPANY = Counterparty("e1", "company", "ООО «Ромашка»", inn="7736207543", kpp="773601001")
REQUEST = {
    "party": "c7", "kind": "person", "name": "Лапина Ирина", "full_name": "Лапина Ирина",
    "email": "irina@lapina.example", "inn": "", "kpp": "", "attempt": 1,
}  # fmt: skip


class Accounting:
    """An account with the people that it is given, which tells what it was asked."""

    def __init__(self, *people: Counterparty, failing: bool = False) -> None:
        self.people = people
        self.asked: list[str] = []
        self.failing = failing

    def answered(self, name: str, value: Any) -> Outcome[Any]:
        self.asked.append(name)
        return Retryable(Problem("vendor_fault")) if self.failing else Ok(value)

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        return self.answered("inn", tuple(one for one in self.people if one.inn == inn))

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        return self.answered("changes", CounterpartiesPage(self.people, None))

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]:
        equal = tuple(one for one in self.people if (one.name, one.email) == (name, email))
        return self.answered("person", equal)


async def probed(vendor: AccountingVendor, accounting: Accounting, *, forgotten: bool = False, **fields: str) -> Any:
    """What a look-up says; of a creation that a restored database has ``forgotten`` it knows no beginning."""
    given: Any = accounting
    nobody: Any = None
    handler = CreateCounterparty(given, lambda account: vendor, nobody, nobody, ManualClock(NOW))
    permit = Permit("a:t:s", "", "", 1, NOW)
    call = EffectCall(TENANT, "w1", "create-counterparty", "party-c7", "a:t:s", {**REQUEST, **fields}, "", 1, permit)
    return await handler.probe(replace(call, cursor_before=None if forgotten else await handler.before(call)))


@pytest.mark.parametrize(("vendor", "asked"), [(ELBA_SEED, "changes"), (ELBA_VENDOR, "person")])
async def test_a_person_is_looked_for_as_the_vendor_can(vendor: AccountingVendor, asked: str) -> None:
    there = Accounting(PERSON)
    assert await probed(vendor, there) == Found({"remote_id": "p1"})
    assert there.asked == [asked]
    assert await probed(vendor, Accounting()) == NotFound()
    assert await probed(vendor, Accounting(replace(PERSON, email="other@lapina.example"))) == NotFound()
    assert isinstance(await probed(vendor, Accounting(PERSON, failing=True)), Inconclusive)


class Changed(Accounting):
    """An account whose list of changes is from a moment on, by a clock that may differ from ours."""

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        listed = tuple(one for one in self.people if one.updated_at is not None and one.updated_at >= cursor.since)
        return self.answered("changes", CounterpartiesPage(listed, None))


@pytest.mark.parametrize("vendor", [ELBA_SEED, KONTUR])
async def test_a_person_is_found_though_the_vendors_clock_is_behind(vendor: AccountingVendor) -> None:
    there = Changed(replace(PERSON, updated_at=NOW - timedelta(seconds=2)))
    assert await probed(vendor, there) == Found({"remote_id": "p1"})
    assert await probed(vendor, Changed(replace(PERSON, updated_at=NOW - timedelta(hours=1)))) == NotFound()


@pytest.mark.parametrize("vendor", [ELBA_SEED, ELBA_VENDOR])
async def test_r11_record_of_the_same_name_proves_nothing_of_a_person_without_an_address(
    vendor: AccountingVendor,
) -> None:
    outcome = await probed(vendor, Accounting(replace(PERSON, email="")), email="")
    assert isinstance(outcome, Inconclusive)
    assert outcome.problem.code == "person_lookup_missing"
    assert await probed(vendor, Accounting(), email="") == NotFound()


async def test_two_of_one_name_and_address_are_for_a_person_to_tell_apart() -> None:
    outcome = await probed(ELBA_VENDOR, Accounting(PERSON, replace(PERSON, counterparty_id="p2")))
    assert isinstance(outcome, Inconclusive)
    assert outcome.problem.code == "counterparty_double"


async def test_a_vendor_without_addresses_cannot_prove_an_absence() -> None:
    there = Accounting()
    outcome = await probed(MOEDELO, there)
    assert isinstance(outcome, Inconclusive)
    assert (outcome.problem.code, there.asked) == ("person_lookup_missing", [])


@pytest.mark.parametrize("vendor", [ELBA_SEED, KONTUR, ONEC])
async def test_a_creation_of_which_a_restore_forgot_when_it_began_cannot_be_looked_for(
    vendor: AccountingVendor,
) -> None:
    there = Accounting()
    outcome = await probed(vendor, there, forgotten=True)
    assert outcome == Inconclusive(Problem("perhaps_sent_before_a_restore"))
    assert there.asked == [], "a list that begins anywhere proves nothing"


class Taken(Accounting):
    """An account that has the buyer, and a desk that gives leave to look for it, or none."""

    def __init__(self, *people: Counterparty, leave: bool) -> None:
        super().__init__(*people)
        self.leave = leave
        self.used: list[Permit] = []

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        return Rejected(Problem("already_exists"))

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        self.used.append(permit)
        return await super().find_counterparty(permit, inn)

    async def acquire(self, account: str, count: int, permit_class: PermitClass) -> Permit | Deferred:
        assert (account, permit_class) == ("a:t:s", PermitClass.INTERACTIVE)
        return replace(FIRST, count=count, endpoint="second") if self.leave else Deferred(Problem("limit_used_up"))


FIRST = Permit("a:t:s", "first", "", 1, NOW)


async def created(there: Taken) -> Outcome[Mapping[str, Any]]:
    given: Any = there
    nobody: Any = None
    handler = CreateCounterparty(given, lambda account: ELBA_SEED, nobody, given, ManualClock(NOW))
    assert handler.policy_for("elba:t:s").calls == 1
    request = {**REQUEST, "kind": "company", "inn": COMPANY.inn, "kpp": COMPANY.kpp, "email": ""}
    call = EffectCall(TENANT, "w1", "create-counterparty", "party-c7", "a:t:s", request, "", 1, FIRST)
    (outcome,) = await handler.send([call])
    return outcome


async def test_a_record_that_is_there_is_looked_for_with_a_permit_of_its_own() -> None:
    there = Taken(COMPANY, leave=True)
    assert await created(there) == Ok({"remote_id": COMPANY.counterparty_id})
    assert [permit.endpoint for permit in there.used] == ["second"]


async def test_a_record_that_is_there_and_must_not_be_looked_for_now_is_in_doubt() -> None:
    there = Taken(COMPANY, leave=False)
    assert await created(there) == Uncertain(Problem("already_exists"), outage=False)
    assert there.used == []


class Forgotten:
    """Subjects whose data was erased."""

    async def read(self, reference: SubjectRef) -> dict[str, Any]:
        raise SubjectErased(str(reference))


async def test_person_whose_data_was_erased_is_refused_and_not_asked_for_without_end() -> None:
    accounting, erased = Accounting(), Forgotten()
    given: Any = accounting
    subjects: Any = erased
    handler = CreateCounterparty(given, lambda account: ELBA_SEED, subjects, given, ManualClock(NOW))
    request = {**REQUEST, "subject_ref": f"vektor/{'0' * 32}"}
    permit = Permit("a:t:s", "", "", 1, NOW)
    call = EffectCall(TENANT, "w1", "create-counterparty", "party-c7", "a:t:s", request, "", 1, permit)
    (outcome,) = await handler.send([call])
    assert outcome == Rejected(Problem("subject_erased", {}))
    assert accounting.asked == []


class Links:
    """The records that other buyers have."""

    def __init__(self, **held: str) -> None:
        self.held = held

    async def holder(self, tenant: str, account: str, remote_id: str) -> str:
        return self.held.get(remote_id, "")


async def checked_named(
    vendor: AccountingVendor, accounting: Accounting, named: str, buyer: Party, links: Links | None = None
) -> Any:
    """What the party is told of the record that a person named."""
    given: Any = (accounting, lambda account: vendor, links or Links(), None)
    payload = {
        "card_id": "c1", "account": "a:t:s", "named": named, "party": buyer.model_dump(mode="json"),
        "since": NOW.isoformat(),
    }  # fmt: skip
    permit = Permit("a:t:s", "", "", 3, NOW)
    task = Task(TENANT, "w1", party.CHECK, "c1", payload, f"party-{buyer.party}", "a:t:s", 1, permit, NOW)
    result = await CheckNamed(*given).run(task)
    if not isinstance(result, Done):
        return result
    (told,) = result.commands
    assert (told.stream, told.body.account, told.body.card_id) == (task.stream, "a:t:s", "c1")
    return told.body.remote_id or told.body.why


ROMASHKA = Counterparty("0D7D-a1", "company", "Ромашка", inn="7736207543", kpp="773601001")
IRINA = Party(party="c7", kind="person", name=PERSON.name, full_name=PERSON.name, email=PERSON.email)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("0D7D-a1", "0D7D-a1"),
        ("https://elba.example/counterparties/0d7d-A1/", "0D7D-a1"),
        ("0D7D-a2", "other_kpp"),
        ("0D7D-a3", "absent"),
        ("0D7D-a9", "absent"),
    ],
)
async def test_record_that_a_person_named_is_taken_by_its_inn_and_kpp_alone(named: str, told: str) -> None:
    branch = replace(ROMASHKA, counterparty_id="0D7D-a2", kpp="781343001")
    stranger = replace(ROMASHKA, counterparty_id="0D7D-a3", inn="7707083893")
    accounting = Accounting(ROMASHKA, branch, stranger)
    assert await checked_named(ELBA_SEED, accounting, named, checked()) == told
    assert accounting.asked == ["inn"]


@pytest.mark.parametrize("vendor", [ELBA_SEED, ELBA_VENDOR, MOEDELO])
async def test_record_that_a_person_named_is_not_taken_from_another_buyer(vendor: AccountingVendor) -> None:
    assert await checked_named(vendor, Accounting(PERSON), "p1", IRINA, Links(p1="party-c8")) == "taken"
    assert await checked_named(vendor, Accounting(PERSON), "p1", IRINA, Links(p1="party-c7")) == "p1"


async def test_record_of_somebody_without_inn_is_looked_for_as_the_vendor_can() -> None:
    other = replace(PERSON, counterparty_id="p2", email="other@lapina.example")
    trade = replace(PERSON, counterparty_id="p3", kind="company", inn="7736207543")
    there = Accounting(PERSON, other, trade)
    assert await checked_named(ELBA_SEED, there, "p1", IRINA) == "p1"
    assert await checked_named(ELBA_SEED, there, "p2", IRINA) == "other_email"
    assert await checked_named(ELBA_SEED, there, "p3", IRINA) == "absent"
    assert await checked_named(ELBA_SEED, there, "p9", IRINA) == "absent"
    assert await checked_named(ELBA_VENDOR, there, "p1", IRINA) == "p1"
    assert await checked_named(ELBA_VENDOR, there, "p2", IRINA) == "absent"
    assert await checked_named(MOEDELO, there, "p9", IRINA) == "p9"


async def test_record_that_a_person_named_is_read_again_where_accounting_does_not_answer() -> None:
    for buyer in (checked(), IRINA):
        assert isinstance(await checked_named(ELBA_SEED, Accounting(failing=True), "p1", buyer), Retryable)
