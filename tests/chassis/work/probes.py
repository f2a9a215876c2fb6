"""What tests of effects wait for, and the vendor that answers by a list."""

from collections.abc import Mapping
from typing import Any

import orjson

from chassis.domain import Problem
from chassis.outcomes import Outcome
from chassis.work.handlers import EffectCall, EffectPolicy
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.toy import Vendor

P = Problem("because")


def attempts(row: Any) -> list[Any]:
    found: list[Any] = orjson.loads(row["attempts"])
    return found


class Answers(Vendor):
    """A vendor that gives the listed answers one after another, and then creates."""

    def __init__(self, *answers: Outcome[Mapping[str, Any]], policy: EffectPolicy | None = None) -> None:
        super().__init__(policy)
        self.answers = list(answers)
        self.answer = self.next_answer

    def next_answer(self, call: EffectCall) -> Outcome[Mapping[str, Any]]:
        return self.answers.pop(0) if self.answers else self.create(call)


async def value(of: bool) -> bool:
    return of


async def waiting(world: World) -> Any:
    found = await world.rows("queue = 'waiting'")
    return found[0] if found else None


async def moved(world: World, epoch: int) -> bool:
    (row,) = await world.rows()
    return bool(row["epoch"] > epoch and row["queue"] != "taken")


async def closed(world: World, count: int) -> bool:
    return len(await world.rows("queue = 'closed'")) == count


async def stays(world: World, state: str) -> bool:
    for _ in range(20):
        if (await world.row("aa", "1"))["state"] != state:
            return False
        await world.rows()
    return True


async def through_the_doubt(world: World) -> None:
    """Moves the clock from one look-up to the next until the doubt is over."""

    async def left() -> Any:
        (row,) = await world.rows("key = 'chain-1/1/0'")
        if row["queue"] == "taken" or row["queue"] == "ready":
            return None
        return row

    row = await world.settled("aa", "1", "UNCERTAIN")
    while row["state"] == "UNCERTAIN":
        epoch = row["epoch"]
        world.clock.set(row["due_at"])

        async def again(epoch: int = epoch) -> Any:
            found = await left()
            return found if found is not None and found["epoch"] > epoch else None

        row = await eventually(again)
