"""Looks at an account's feed at once, since the account itself told that there is news of money."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from chassis.work.handlers import Done, Task, TaskResult
from services.payments.domain import plans

CALLED_OVERLAP: Final = timedelta(minutes=10)
"""How far back a call's look goes; what it misses is found by the poll, which never stops."""
DEBOUNCE_SECONDS: Final = 2.0

Look = Callable[[Task, timedelta], Awaitable[TaskResult]]
"""One pass over an account's feed, so far back."""


class PollNow:
    """One look for all calls that wait; the poll's own place in the feed stays where it is."""

    kind = plans.POLL_NOW
    recurring = False
    permits = 1

    def __init__(self, look: Look) -> None:
        self._look = look

    async def run(self, task: Task) -> TaskResult:
        """What is news makes its invoice's payments be read again."""
        looked = await self._look(task, CALLED_OVERLAP)
        if not isinstance(looked, Done):
            return looked
        return Done(looked.commands, found_something=looked.found_something, debounce_seconds=DEBOUNCE_SECONDS)
