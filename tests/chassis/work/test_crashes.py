"""A process that dies before or after its commits, again and again: all happens once, or a person knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import orjson
import pytest

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Uncertain
from chassis.work import committer
from chassis.work.committer import Committer
from chassis.work.handlers import EffectCall
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.toy import Vendor, begin

STEPS = 2
DEATHS_MAX = 12


class Died(BaseException):
    """The process is gone at this point; nothing after it runs."""


class Mortal:
    """Kills the process at the n-th commit, before it or after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.left = at
        self.after = after
        self.dead = False

    async def __call__(self, commit: Any, self_: Committer, items: Sequence[Any]) -> Any:
        if self.dead:
            raise Died
        self.left -= 1
        if self.left == 0:
            self.dead = True
            if self.after:
                await commit(self_, items)
            raise Died
        return await commit(self_, items)


class Fickle(Vendor):
    """Loses every third answer: of these every second after it did what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.sends: list[tuple[str, Any, int]] = []
        self.now: Any = None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        (call,) = calls
        self.sends.append((call.effect_id, self.now(), self.probed[call.effect_id]))
        count = len(self.sends)
        if count % 6 == 3:
            return [Uncertain(Problem("no_answer_in_time"))]
        answered = self.create(call)
        assert isinstance(answered, Ok)
        return [Uncertain(Problem("no_answer_in_time")) if count % 6 == 0 else answered]


@pytest.mark.parametrize("after", [False, True], ids=["before a commit", "after a commit"])
async def test_every_effect_happens_once_whatever_commit_the_process_dies_at(
    world: World, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    vendor = Fickle()
    vendor.now = world.clock.now
    commit = Committer._transaction
    await world.execute(*(begin("aa", str(n), steps=STEPS) for n in range(6)))
    for death in range(1, DEATHS_MAX + 1):
        mortal = Mortal(death, after=after)

        async def transaction(self: Committer, items: Sequence[Any], mortal: Mortal = mortal) -> Any:
            return await mortal(commit, self, items)

        monkeypatch.setattr(committer.Committer, "_transaction", transaction)
        runner = await world.start(vendor)
        await eventually(lambda m=mortal: _dead_or_idle(world, m))  # type: ignore[misc]
        await runner.abort()
        await world.end_leases()
        world.clock.advance(20)
    monkeypatch.setattr(committer.Committer, "_transaction", commit)
    await world.start(vendor)
    while not await _all_ended(world):
        await eventually(lambda: _at_rest(world))
        world.clock.advance(70)
    rows = await world.rows()
    assert {row["state"] for row in rows} <= {"CONFIRMED", "HUMAN"}
    confirmed = [row for row in rows if row["state"] == "CONFIRMED"]
    assert {_id(row): orjson.loads(row["outcome"])["result"]["remote_id"] for row in confirmed} == vendor.exists
    assert len(confirmed) >= 6, "the rig must let most of it happen"
    assert max(row["sends"] for row in rows) == 2, "and see a second send"
    assert {row["sends"] for row in rows if row["state"] == "HUMAN"} <= {2}, "a person comes after two lost sends"
    _check_second_sends(vendor)
    for n in range(6):
        told = [ended.how for ended in (await world.state("aa", f"chain-{n}")).ended]
        ours = [row["state"] for row in rows if row["stream"] == f"chain-{n}"]
        assert told == ["confirmed" if state == "CONFIRMED" else "undecidable" for state in ours]


def _id(row: asyncpg.Record) -> str:
    return str(row["work_id"])


def _check_second_sends(vendor: Fickle) -> None:
    first: dict[str, tuple[Any, int]] = {}
    for effect_id, moment, probes in vendor.sends:
        if effect_id in first:
            before, probes_before = first[effect_id]
            assert (moment - before).total_seconds() >= 180
            assert probes - probes_before >= 2
        first[effect_id] = (moment, probes)


async def _dead_or_idle(world: World, mortal: Mortal) -> bool:
    return mortal.dead or await _at_rest(world)


async def _at_rest(world: World) -> bool:
    open_now = "queue IN ('ready', 'taken') OR (queue = 'waiting' AND due_at <= $1)"
    return not await world.rows(open_now, world.clock.now())


async def _all_ended(world: World) -> bool:
    rows = await world.rows("queue IN ('waiting', 'ready', 'taken')")
    return not rows
