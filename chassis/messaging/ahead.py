"""A batch that is decided while the one before it is written and committed, and is itself written in its turn."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from chassis import metrics
from chassis.cancelling import cancel_all
from chassis.messaging.intake import Intake, Outcome, Taken

WAIT_SECONDS_MAX = 2.0
"""For one's turn, with locks in hand: Postgres does not see what waits in a process, so no deadlock with it either."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Place:
    """A batch among those in hand: the locks that its transaction takes, and whether it holds them or is over."""

    locks: frozenset[int]
    plain: bool
    """No message of it is faulty: a letter counts towards the limit, in order."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    @classmethod
    def of(cls, taken: Sequence[Taken]) -> "Place":
        """The place of messages that were just read."""
        return cls(frozenset().union(*(m.locks for m in taken)), all(m.fault is None for m in taken))

    def leave(self) -> None:
        """Its batch is over."""
        self.over = True
        self.held.set()


class Ahead:
    """One batch on its way ahead of its turn, if the one before it lets it: they must have no lock in common.

    It begins once the other holds all its locks, and before its turn it writes nothing but the inbox of its own keys,
    so neither waits for the other in Postgres.
    """

    def __init__(self, intake: Intake, taken: Sequence[Taken], mine: Place, before: Place | None) -> None:
        self._intake = intake
        self._taken = taken
        self._mine = mine
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[Outcome] | None = None
        self._decided = "alone"
        if before is not None and not before.over:
            self._decided = "ahead" if _can_overlap(before, mine) else "shared"
        if before is not None and self._decided == "ahead":
            self._task = asyncio.create_task(self._run(before), name="consumer-ahead")

    async def outcome(self) -> Outcome | None:
        """Its turn has come: what it came to, None when it was not on its way or failed and is to be handled anew."""
        outcome = await self._on_its_way()
        metrics.CONSUME_BATCHES.labels(self._decided).inc()
        return outcome

    async def end(self) -> None:
        """Undoes what is not committed."""
        task, self._task = self._task, None
        if task is not None:
            self._decided = "undone"
            await cancel_all([task])

    async def _on_its_way(self) -> Outcome | None:
        if self._task is None:
            return None
        if not self._turn.done():
            self._turn.set_result(None)
        try:
            return await self._task
        except Exception as error:  # noqa: BLE001 - rolled back; what it means is found out when it is handled anew
            _log.info("a batch that was taken ahead is taken again: %s", type(error).__name__)
            self._decided = "undone"
            return None

    async def _run(self, before: Place) -> Outcome:
        await before.held.wait()
        return await self._intake.run(self._taken, held=self._mine.held.set, my_turn=self._my_turn)

    async def _my_turn(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await asyncio.shield(self._turn)


def _can_overlap(one: Place, other: Place) -> bool:
    return one.plain and other.plain and one.locks.isdisjoint(other.locks)
