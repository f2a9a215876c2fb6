"""Keeps the portal telling us: which events it posts to our address, looked over once a day and after each change."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Final

from chassis import log
from chassis.clock import Clock
from chassis.ids import TenantId
from chassis.outcomes import Ok
from chassis.work.handlers import Done, Task, TaskResult
from connectors.ports.crm.access import KeepHandlers
from services.ingest.domain import portal
from services.ingest.workers.reads import failed

AGAIN_AFTER: Final = timedelta(days=1)

HookUrl = Callable[[TenantId], Awaitable[str | None]]
"""Where a tenant's portal posts to; None for a tenant without a connection."""

_log = log.get(__name__)


class KeepHandlersTask:
    """Binds what is missing at the portal and lets go what is too much."""

    kind = portal.KEEP_HANDLERS
    recurring = True
    permits = 2
    polls = False

    def __init__(self, crm: KeepHandlers, events: Collection[str], hook_url: HookUrl, clock: Clock) -> None:
        self._crm = crm
        self._events = tuple(events)
        self._hook_url = hook_url
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """One look, and one request more where something is to be changed."""
        assert task.permit is not None, "the plan names an account"
        url = await self._hook_url(task.tenant)
        if url is None or task.permit.options.get("profile") != portal.APP:
            return Done()
        kept = await self._crm.keep_handlers(task.permit, self._events, url)
        if not isinstance(kept, Ok):
            return failed(kept)
        if kept.value.refused:
            _log.warning("a portal does not know some events", tenant=task.tenant, reason=", ".join(kept.value.refused))
        return Done(again_at=self._clock.now() + AGAIN_AFTER)
