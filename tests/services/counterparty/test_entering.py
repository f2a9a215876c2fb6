"""Handing over what the CRM lacks, killed between the marks of a page and its commit."""

from typing import Any

from chassis.clock import ManualClock
from chassis.tenants import TenantView
from chassis.work.handlers import Done, Task
from services.counterparty.domain import card, sync
from services.counterparty.store.syncs import Item
from services.counterparty.workers.sync.entering import EnterMissing
from tests.services.counterparty.parts import ACCOUNT
from tests.services.streams import NOW, TENANT

PLACE = {"account": ACCOUNT, "run": 1, "handed": True, "read": True}


class Marked:
    """The rows of a run: one is marked as handed over, of a page whose commands were not committed."""

    def __init__(self) -> None:
        self.judged: list[Any] = []

    async def handed(self, run: Any) -> list[Item]:
        return [Item("r7", "", "", "ООО «Лотос»", "7709123453", "770901001", "", "7")]

    async def judge(self, run: Any, items: Any, verdict: str, reason: str = "") -> None:
        self.judged.append((items, verdict, reason))

    async def leave_the_rest(self, run: Any, reason: str) -> None:
        """Nothing is left."""

    async def counts(self, run: Any, *, creating: bool) -> dict[str, int]:
        return {}


class Unaware:
    """Streams of INNs that nothing was said to, and the tenant's settings."""

    async def cards(self, tenant: str, inn: str) -> card.State:
        return card.initial(f"card-{inn}")

    async def view(self, tenant: str) -> TenantView:
        return TenantView("active", 1, {})


async def test_what_was_marked_and_never_handed_over_is_not_taken_for_settled() -> None:
    rows: Any = Marked()
    unaware: Any = Unaware()
    nobody: Any = None
    handler = EnterMissing(rows, unaware, nobody, nobody, unaware, ManualClock(NOW))
    task = Task(TENANT, "w1", sync.ENTER_ALL, "k", PLACE, f"sync-{ACCOUNT}", ACCOUNT, 1, None, NOW)
    assert isinstance(await handler.run(task), Done)
    assert rows.judged == []
