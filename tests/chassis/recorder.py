# mypy: ignore-errors
# The library is no dependency of this project, so its types are unknown to it.
"""The event store behind the recorder interface of the ``eventsourcing`` library, so that its suites can judge it.

Versions begin at 0 there and at 1 here. Each recorder is a tenant of its own in an empty database.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent

from chassis import event_store
from chassis.ids import tenant_id


class StoreRecorder(ApplicationRecorder):
    def __init__(self, database, loop):
        self._database, self._loop = database, loop
        self._tenant = tenant_id(uuid4().hex)

    def insert_events(self, stored_events, **kwargs):
        appends = [self._append(event) for event in stored_events]
        try:
            return self._run(lambda connection: event_store.append(connection, appends, datetime.now(UTC)))
        except event_store.StreamConflict as error:
            raise IntegrityError(str(error)) from error

    def select_events(self, originator_id, *, gt=None, lte=None, desc=False, limit=None):
        stream = (self._tenant, str(originator_id))
        loaded = self._run(lambda connection: event_store.load(connection, [stream]))[stream]
        chosen = loaded[0 if gt is None else gt + 1 : None if lte is None else lte + 1]
        return [_as(StoredEvent, e) for e in (chosen[::-1] if desc else chosen)][:limit]

    def select_notifications(self, start, limit, stop=None, topics=(), *, inclusive_of_start=True):
        after = 0 if start is None else start - inclusive_of_start
        read = self._run(lambda c: event_store.read(c, after, limit, upto_position=stop, types=topics))
        return [_as(Notification, e, e.position) for e in read]

    def max_notification_id(self):
        return self._run(event_store.last_position) or None

    def subscribe(self, gt=None, topics=()):
        raise NotImplementedError("a position is no cursor: subscriptions read Kafka")

    def _append(self, event):
        stored = event_store.StoredEvent(event.topic, 1, f'"{event.state.hex()}"')
        return event_store.StreamAppend(self._tenant, str(event.originator_id), event.originator_version, [stored])

    def _run(self, work):
        async def transact():
            async with self._database.transaction([self._tenant]) as connection:
                return await work(connection)

        return asyncio.run_coroutine_threadsafe(transact(), self._loop).result()


def _as(kind, event, *more):
    return kind(UUID(event.stream), event.version - 1, event.type, bytes.fromhex(event.data[1:-1]), *more)
