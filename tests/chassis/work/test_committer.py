"""Group commit: one transaction for all that waits, and one bad item fails alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.engine import Command
from chassis.ids import TenantId
from chassis.work.committer import Committer, Settlement
from chassis.work.rows import Intent, Release, Row
from tests.chassis.work.conftest import QUICK, World
from tests.chassis.work.toy import START, BrokenError, End, Vendor, begin


class Counting(Committer):
    """Notes the size of every transaction."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sizes: list[int] = []

    async def _transaction(self, items: Sequence[Intent | Settlement]) -> Any:
        self.sizes.append(len(items))
        return await super()._transaction(items)


@pytest.fixture
async def commits(world: World) -> AsyncIterator[Counting]:
    committer = Counting(world.database, world.engine, world.clock, QUICK, lambda: None)
    running = asyncio.create_task(committer.run())
    yield committer
    running.cancel()


async def claimed(world: World, count: int) -> list[Row]:
    await world.execute(*(begin("aa", str(n)) for n in range(count)))
    return await world.claim(Vendor())


def confirmed(row: Row, remote_id: str = "r") -> Settlement:
    command = Command(row.tenant, row.stream, End(1, 0, "confirmed", remote_id), f"end-{row.name}")
    release = Release(row, "CONFIRMED", None, row.effect)
    return Settlement(
        release,
        (command,),
        otherwise=lambda: Settlement(
            Release(row, "CONFIRMED", START, row.effect, untold=True, reason=Problem("untold"))
        ),
    )


async def test_what_waits_together_is_committed_together(world: World, commits: Counting) -> None:
    rows = await claimed(world, 20)
    held = await asyncio.gather(*(commits.intend([Intent(row, row.effect, None)]) for row in rows))
    assert [list(h) for h in held] == [[row.lease] for row in rows]
    assert commits.sizes == [20]
    await asyncio.gather(*(commits.settle([confirmed(row)]) for row in rows))
    assert commits.sizes == [20, 20]
    assert len((await world.state("aa", "chain-7")).ended) == 1


async def test_a_batch_is_at_most_half_of_what_is_in_flight(world: World, commits: Counting) -> None:
    rows = await claimed(world, 40)
    await asyncio.gather(*(commits.intend([Intent(row, row.effect, None)]) for row in rows))
    assert commits.sizes == [25, 15]


@pytest.mark.expects_errors("could not be told to chain-2")
async def test_one_bad_outcome_fails_alone(world: World, commits: Counting) -> None:
    rows = await claimed(world, 5)
    await asyncio.gather(
        *(commits.settle([confirmed(row, "break-the-domain" if n == 2 else "r")]) for n, row in enumerate(rows))
    )
    states = [(row["queue"], row["untold"]) for row in await world.rows()]
    assert states == [("closed", False)] * 2 + [("ready", True)] + [("closed", False)] * 2
    assert (await world.state("aa", "chain-2")).ended == ()
    assert len((await world.state("aa", "chain-4")).ended) == 1


async def test_what_is_known_beside_a_bad_outcome_is_written(world: World, commits: Counting) -> None:
    """Those who were sent with it kept their INTENT, and what the vendor had said of them was looked up again."""
    rows = await claimed(world, 3)
    bad = replace(confirmed(rows[0], "break-the-domain"), otherwise=None)
    with pytest.raises(BrokenError):
        await commits.settle([bad, confirmed(rows[1]), confirmed(rows[2])])
    assert [row["queue"] for row in await world.rows()] == ["taken", "closed", "closed"]


async def test_several_tenants_share_a_transaction(world: World, commits: Counting) -> None:
    await world.execute(begin("aa", "1"), begin("bb", "1"), begin("cc", "1"))
    rows = await world.claim(Vendor())
    await asyncio.gather(*(commits.settle([confirmed(row)]) for row in rows))
    assert commits.sizes == [3]
    for tenant in ("aa", "bb", "cc"):
        assert len((await world.state(TenantId(tenant), "chain-1")).ended) == 1


async def test_a_caller_who_is_gone_does_not_hold_up_the_rest(world: World, commits: Counting) -> None:
    rows = await claimed(world, 2)
    gone = asyncio.create_task(commits.intend([Intent(rows[0], rows[0].effect, None)]))
    stays = asyncio.create_task(commits.intend([Intent(rows[1], rows[1].effect, None)]))
    await asyncio.sleep(0)
    gone.cancel()
    assert list(await stays) == [rows[1].lease]


async def test_two_claims_of_one_row_in_one_transaction_are_told_apart(world: World, commits: Counting) -> None:
    """A process that was slow for longer than a lease claims the row once more while its first claim still waits."""
    (lost,) = await claimed(world, 1)
    await world.end_leases()
    (holder,) = await world.claim(Vendor())
    answers = await asyncio.gather(*(commits.intend([Intent(row, row.effect, None)]) for row in (lost, holder)))
    assert commits.sizes == [2]
    assert [list(held) for held in answers] == [[], [holder.lease]]
    answers = await asyncio.gather(*(commits.settle([confirmed(row)]) for row in (lost, holder)))
    assert commits.sizes == [2, 2]
    assert [list(held) for held in answers] == [[], [holder.lease]]
    (told,) = (await world.state("aa", "chain-0")).ended
    assert told
