"""Looks again at payments that came before their invoice, once it is known."""

import uuid
from datetime import timedelta
from typing import Final

from chassis.clock import Clock
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from services.payments.domain import bankday, operation, plans
from services.payments.domain import commands as c
from services.payments.store import PaymentStore
from services.payments.workers.matching import Finder

WAITS_MAX: Final = timedelta(days=62)
"""So old may be what is shown or asked about since an invoice became known: many pay the same each month."""


class MatchWaiting:
    """What accounting has tied to the invoice is read and counted; what it has tied to nothing, and may pay it, is
    shown; what statements list is matched again, by the rules of matching."""

    kind = plans.MATCH_WAITING
    recurring = False
    permits = 0

    def __init__(self, store: PaymentStore, finder: Finder, clock: Clock) -> None:
        self._store = store
        self._finder = finder
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Once for each invoice; what is listed later sees the invoice by itself."""
        since = self._clock.now().date() - WAITS_MAX
        waiting = await self._store.waiting(task.tenant, task.payload["invoice_id"], since)
        if waiting.days and (later := await self._finder.later(task.tenant)):
            return later
        commands: list[StreamCommand] = []
        if waiting.tied:
            notice = c.NoticePayments(task.payload["invoice_id"])
            commands.append(StreamCommand(task.stream, notice, f"waiting:{uuid.uuid4()}"))
        commands += [
            StreamCommand(stream, operation.SeeWaited(), f"waiting:{uuid.uuid4()}") for stream in waiting.loose
        ]
        for stream in waiting.days:
            if found := await self._finder.matches(task.tenant, stream):
                commands.append(StreamCommand(stream, bankday.SettleMatches(found), f"matched:{uuid.uuid4()}"))
        return Done(tuple(commands), found_something=bool(commands))
