"""A creation that waited, or stood before a person: accountants may have entered the buyer themselves meanwhile."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Retryable, Uncertain
from chassis.work.handlers import EffectCall, Permit, PermitClass
from connectors.ports.accounting import Counterparty, CounterpartyDraft
from connectors.registry import MOEDELO
from services.counterparty.workers.creating import LOOKED_UP_FOR, CreateCounterparty
from tests.services.counterparty.parts import ACCOUNT, checked
from tests.services.streams import NOW, TENANT

PERMIT = Permit(ACCOUNT, "", "", 1, NOW)
THERE = Counterparty("e1", "company", "ООО «Ромашка»", inn="7736207543", kpp="773601001")
TWIN = Counterparty("e2", "company", "Ромашка", inn="7736207543", kpp="773601001")
BRANCH = Counterparty("e3", "company", "Ромашка", inn="7736207543", kpp="997950001")


class Account:
    """An account that takes a second record of an INN, and the permits to it."""

    def __init__(self, *records: Counterparty, refused: Sequence[Any] = (), failing: Any = None) -> None:
        self.records = records
        self.refused = list(refused)
        self.failing = failing
        self.created = 0

    async def acquire(self, account: str, count: int, permit_class: PermitClass) -> Any:
        assert permit_class is PermitClass.BULK, "people's share is left to people"
        return self.refused.pop(0) if self.refused else PERMIT

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        return self.failing or Ok(self.records)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        self.created += 1
        return Ok(Counterparty("new", "company", draft.name))


async def sent(account: Account, *, waited: timedelta = timedelta(), asked: bool = False) -> Outcome[Any]:
    given: Any = account
    nobody: Any = None
    handler = CreateCounterparty(given, lambda name: MOEDELO, nobody, given, ManualClock(NOW))
    request = {**checked().model_dump(mode="json"), "attempt": 1, **({"look_up": True} if asked else {})}
    call = EffectCall(TENANT, "w1", handler.kind, "party-x", ACCOUNT, request, "", 1, PERMIT, planned_at=NOW - waited)
    (outcome,) = await handler.send([call])
    return outcome


LONG = LOOKED_UP_FOR + timedelta(seconds=1)


@pytest.mark.parametrize("how", [{"waited": LONG}, {"asked": True}])
async def test_a_record_that_was_entered_meanwhile_is_taken(how: Any) -> None:
    account = Account(THERE, BRANCH)
    assert (await sent(account, **how), account.created) == (Ok({"remote_id": "e1"}), 0)


async def test_a_fresh_look_up_is_believed() -> None:
    account = Account(THERE)
    assert (await sent(account, waited=LOOKED_UP_FOR), account.created) == (Ok({"remote_id": "new"}), 1)


async def test_a_buyer_who_is_still_not_there_is_created() -> None:
    account = Account(BRANCH)
    assert (await sent(account, waited=LONG), account.created) == (Ok({"remote_id": "new"}), 1)


async def test_a_limit_that_is_used_up_for_a_moment_is_waited_for() -> None:
    """Many that gave up both permits for the want of the second would keep each other from it for ever."""
    account = Account(THERE, refused=[Deferred(Problem("limit_used_up"), NOW)] * 2)
    assert (await sent(account, waited=LONG), account.refused) == (Ok({"remote_id": "e1"}), [])


async def test_several_that_were_entered_meanwhile_come_before_a_person() -> None:
    account = Account(THERE, TWIN)
    assert (type(await sent(account, waited=LONG)), account.created) == (Uncertain, 0)


@pytest.mark.parametrize(
    "away",
    [
        {"refused": [Deferred(Problem("limit_used_up"), NOW + timedelta(minutes=1))]},
        {"failing": Retryable(Problem("vendor_fault"))},
        {"failing": Uncertain(Problem("vendor_fault"))},
    ],
)
async def test_nothing_is_created_while_nobody_can_look(away: Any) -> None:
    account = Account(**away)
    outcome = await sent(account, waited=LONG)
    assert isinstance(outcome, Deferred | Retryable)
    assert account.created == 0
