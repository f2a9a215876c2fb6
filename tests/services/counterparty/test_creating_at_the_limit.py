"""Creating in a first sync, at the account's limit: pairs are linked meanwhile, and what was read is not read again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome
from chassis.work.handlers import Done, Permit, PermitClass, Task
from connectors.ports.accounting import CounterpartiesPage, FeedCursor
from services.counterparty.domain import sync
from services.counterparty.store.syncs import Item
from services.counterparty.workers.sync.applying import ON_THEIR_WAY_MAX, CreateMissing, LinkPairs
from tests.services.counterparty.parts import ACCOUNT
from tests.services.streams import NOW, TENANT


def item(name: str) -> Item:
    return Item(name, name, name, "ООО «Лотос»", "7709123453", "770901001", f"7709123453-{name}", f"e{name}")


class Rows:
    """The rows of a run: two pairs, and whether something is to be created."""

    def __init__(self, *, to_create: bool) -> None:
        self.lacking = [item("9")] if to_create else []

    async def on_their_way(self, tenant: str, account: str) -> int:
        return ON_THEIR_WAY_MAX

    async def to_link(self, run: Any, after: str, limit: int) -> Sequence[Item]:
        return [one for one in (item("1"), item("2")) if one.item > after]

    async def to_create(self, run: Any, after: str, limit: int) -> Sequence[Item]:
        return self.lacking


def task(kind: str, **more: Any) -> Task:
    payload = {"account": ACCOUNT, "run": 1, **more}
    return Task(TENANT, "w1", kind, "k", payload, f"sync-{ACCOUNT}", ACCOUNT, 1, None, NOW)


async def test_pairs_are_linked_while_there_is_no_room_for_more_creations() -> None:
    rows: Any = Rows(to_create=True)
    nobody: Any = None
    handler = CreateMissing(rows, nobody, nobody, nobody, nobody, ManualClock(NOW))
    done = await handler.run(task(sync.CREATE_ALL))
    assert isinstance(done, Done)
    assert [told.stream for told in done.commands] == ["party-7709123453-1", "party-7709123453-2"]
    assert done.payload is not None
    after = await handler.run(task(sync.CREATE_ALL, paired=done.payload["paired"]))
    assert isinstance(after, Done)
    assert (tuple(after.commands), after.again_at and after.again_at > NOW) == ((), True)


async def test_linking_makes_way_for_creating_where_something_is_missing() -> None:
    for to_create, linked in ((True, 0), (False, 2)):
        rows: Any = Rows(to_create=to_create)
        done = await LinkPairs(rows, ManualClock(NOW)).run(task(sync.LINK_ALL))
        assert isinstance(done, Done)
        assert sum(told.stream.startswith("party-") for told in done.commands) == linked


class Paged(Rows):
    """An account whose second page may not be read now, and rows for what the first one brings."""

    def __init__(self) -> None:
        super().__init__(to_create=True)
        self.leave = [PERMIT]

    async def on_their_way(self, tenant: str, account: str) -> int:
        return 0

    async def keep_records(self, run: Any, records: Any) -> None:
        """They are kept."""

    async def acquire(self, account: str, count: int, permit_class: PermitClass) -> Permit | Deferred:
        return self.leave.pop() if self.leave else LATER

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        return Ok(CounterpartiesPage((), FeedCursor(cursor.since, cursor.offset + 100)))


PERMIT = Permit(ACCOUNT, "", "", 1, NOW)
LATER = Deferred(Problem("limit_used_up"), NOW)


async def test_a_page_that_was_read_is_not_read_again_after_the_limit() -> None:
    both: Any = Paged()
    nobody: Any = None
    handler = CreateMissing(both, both, nobody, both, nobody, ManualClock(NOW))
    begun = task(sync.CREATE_ALL, listed=True, began_at=NOW.isoformat())
    done = await handler.run(begun)
    assert isinstance(done, Done)
    assert done.payload is not None
    assert done.payload["cursor"]["offset"] == 100
    assert await handler.run(replace(begun, payload=done.payload)) == LATER
