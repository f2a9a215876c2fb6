# mypy: ignore-errors
# The library is no dependency of this project, so its types are unknown to it.
"""The event store behind the recorder interface of the ``eventsourcing`` library, so that its suites can judge it.

Versions begin at 0 there and at 1 here. Each recorder is a tenant of its own, and numbers that tenant's events from 1.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, IntegrityError, Notification, StoredEvent

from chassis import event_store
from chassis.ids import tenant_id
from chassis.postgres import Database

T = TypeVar("T")


class StoreRecorder(AggregateRecorder):
    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._database = database
        self._loop = loop
        self._tenant = tenant_id(f"t-{secrets.token_hex(6)}")

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        self._run(self._insert(stored_events))
        return None

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        loaded = self._run(self._load(str(originator_id)))
        events = [StoredEvent(originator_id, e.version - 1, e.type, bytes.fromhex(e.data[1:-1])) for e in loaded]
        chosen = [
            e
            for e in events
            if (gt is None or e.originator_version > gt) and (lte is None or e.originator_version <= lte)
        ]
        return (chosen[::-1] if desc else chosen)[:limit]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _insert(self, events: Sequence[StoredEvent]) -> None:
        changes = [
            event_store.StreamAppend(
                self._tenant,
                str(event.originator_id),
                event.originator_version,
                [event_store.StoredEvent(event.topic, 1, f'"{event.state.hex()}"')],
            )
            for event in events
        ]
        try:
            async with self._database.transaction([self._tenant]) as connection:
                await event_store.append(connection, changes, datetime.now(UTC))
        except event_store.StreamConflict as error:
            raise IntegrityError(str(error)) from error

    async def _load(self, stream: str) -> list[event_store.StoredEvent]:
        async with self._database.transaction([self._tenant]) as connection:
            return (await event_store.load(connection, [(self._tenant, stream)]))[self._tenant, stream]


class StoreApplicationRecorder(StoreRecorder, ApplicationRecorder):
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        super().insert_events(stored_events)
        last = self.max_notification_id() or 0
        return list(range(last - len(stored_events) + 1, last + 1))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        first = 1 if start is None else start if inclusive_of_start else start + 1
        found = [
            Notification(UUID(e.stream), e.version - 1, e.type, bytes.fromhex(e.data[1:-1]), number)
            for number, e in enumerate(self._run(self._all()), start=1)
            if first <= number and (stop is None or number <= stop) and (not topics or e.type in topics)
        ]
        return found[:limit]

    def max_notification_id(self) -> int | None:
        return len(self._run(self._all())) or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Any:
        raise NotImplementedError("a position is no cursor: subscriptions read Kafka")

    async def _all(self) -> list[event_store.StoredEvent]:
        async with self._database.transaction([self._tenant]) as connection:
            return [event async for event in event_store.read_all(connection)]
