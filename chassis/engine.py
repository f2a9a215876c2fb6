"""Runs commands on streams inside one transaction: lock, load, decide, append, and write what follows from the
events."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis import event_store
from chassis.aggregate import Lane, Plan, PublicMessage, Recorded, StreamKind, StreamKinds
from chassis.domain import Event, Refused
from chassis.event_store import StoredEvent, StreamAppend
from chassis.ids import TenantId, deterministic_id, kafka_key, lock_number
from chassis.metrics import STREAM_EVENTS
from chassis.outbox import OutboxRow, append_with_messages
from chassis.postgres import Connection, wake_after_commit
from chassis.read_rows import write_rows
from chassis.wakeups import OUTBOX, WORK
from chassis.work.plans import PlannedWork, insert_plans
from contracts.envelope import BODY_BYTES_MAX, Envelope


@dataclass(frozen=True, slots=True)
class Command:
    """One command for one stream. The same ``command_id`` on the same stream is decided once.

    ``metadata`` is stored with the events: the cause's id, the user, and the trace (``traceparent``, ``tracestate``).
    """

    tenant: TenantId
    stream: str
    body: Any
    command_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command came to: its new events (or those of its first run, when ``repeated``), or a refusal."""

    command: Command
    recorded: tuple[Recorded, ...] = ()
    refused: Refused | None = None
    repeated: bool = False


@dataclass(slots=True)
class _Stream:
    tenant: TenantId
    name: str
    key: str
    kind: StreamKind[Any, Any]
    state: Any
    stored_version: int
    version: int
    by_command: dict[str, list[Recorded]]


@dataclass(slots=True)
class _Writes:
    appends: list[StreamAppend] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    plans: list[PlannedWork] = field(default_factory=list)


class MessageTooLarge(ValueError):  # noqa: N818 - named after the limit
    """A public message over the limit; large bytes belong into blobs, with a reference in the message."""


class Engine:
    """The command side of one service. Its callers own the transaction; it commits nothing and calls nobody."""

    def __init__(self, service: str, kinds: StreamKinds) -> None:
        self.service = service
        self.kinds = kinds
        self._stream_events = {kind.prefix: STREAM_EVENTS.labels(kind.prefix) for kind in kinds}

    def key_of(self, tenant: TenantId, stream: str) -> str:
        """The Kafka key, and so the lock, of a stream."""
        return kafka_key(tenant, self.kinds.of(stream).aggregate(stream))

    async def lock(self, connection: Connection, keys: Iterable[str]) -> None:
        """Takes the advisory locks of Kafka keys until the transaction ends, in one sorted order everywhere."""
        await connection.execute(
            "SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", sorted({lock_number(key) for key in keys})
        )

    async def execute(
        self,
        connection: Connection,
        commands: Sequence[Command],
        now: datetime,
        *,
        locked: bool = False,
        before_writes: Callable[[], Awaitable[None]] | None = None,
    ) -> list[Executed]:
        """Decides all commands in order and writes events, read rows, outbox and due work in bulk.

        ``locked``: the caller already holds the keys' locks. ``before_writes`` is waited for when all is decided and
        there is something to write. Several commands of one stream fold in memory. Raises MessageTooLarge before
        anything is written, and the infrastructure errors of Postgres.
        """
        if not commands:
            return []
        if not locked:
            await self.lock(connection, (self.key_of(c.tenant, c.stream) for c in commands))
        stored = await event_store.load(connection, list({(c.tenant, c.stream): None for c in commands}))
        streams = {key: self._fold(*key, events) for key, events in stored.items()}
        for stream in streams.values():
            self._stream_events[stream.kind.prefix].observe(stream.stored_version)
        writes = _Writes()
        executed = [self._run(streams[(c.tenant, c.stream)], c, now, writes) for c in commands]
        changed = [stream for stream in streams.values() if stream.version > stream.stored_version]
        if changed:
            if before_writes is not None:
                await before_writes()
            await append_with_messages(connection, writes.appends, writes.outbox, now)
            rows = [(s.tenant, row) for s in changed for row in s.kind.projected(s.name, s.state)]
            await write_rows(connection, rows)
            if writes.outbox:
                wake_after_commit(OUTBOX)
            if writes.plans:
                await insert_plans(connection, writes.plans, now)
                wake_after_commit(WORK)
        return executed

    async def state(self, connection: Connection, tenant: TenantId, stream: str) -> tuple[int, Any]:
        """The stream's version and folded state, without a lock; for reads and for planning a call."""
        stored = await event_store.load(connection, [(tenant, stream)])
        folded = self._fold(tenant, stream, stored[(tenant, stream)])
        return folded.version, folded.state

    async def states(self, connection: Connection, tenant: TenantId, streams: Iterable[str]) -> dict[str, Any]:
        """The folded states of many streams of a tenant, as ``state`` has each."""
        stored = await event_store.load(connection, [(tenant, stream) for stream in streams])
        return {stream: self._fold(tenant, stream, events).state for (_, stream), events in stored.items()}

    def messages(self, recorded: Recorded, state: Any) -> list[tuple[PublicMessage, Envelope, bytes]]:
        """The public messages of one event with the state after it; deterministic, so a topic can be rebuilt."""
        return self._messages(self.kinds.of(recorded.stream), recorded, state)

    def _messages(
        self, kind: StreamKind[Any, Any], recorded: Recorded, state: Any
    ) -> list[tuple[PublicMessage, Envelope, bytes]]:
        found = []
        for index, message in enumerate(kind.published(recorded, state)):
            body = message.body.model_dump_json(exclude_none=True).encode()
            if len(body) > BODY_BYTES_MAX:
                raise MessageTooLarge(
                    f"{message.body.NAME} of {recorded.stream} has {len(body)} bytes, at most {BODY_BYTES_MAX} travel"
                )
            envelope = Envelope(
                id=str(
                    deterministic_id(self.service, recorded.tenant, recorded.stream, str(recorded.version), str(index))
                ),
                type=message.body.NAME,
                type_version=message.body.VERSION,
                source=self.service,
                subject=recorded.stream,
                time=recorded.recorded_at,
                tenant_id=recorded.tenant,
                traceparent=recorded.metadata.get("traceparent", ""),
                tracestate=recorded.metadata.get("tracestate", ""),
                sequence=recorded.version,
            )
            found.append((message, envelope, body))
        return found

    def decode(self, stored: StoredEvent) -> Recorded:
        """A stored event as the domain knows it."""
        return self._decode(self.kinds.of(stored.stream), stored)

    def _decode(self, kind: StreamKind[Any, Any], stored: StoredEvent) -> Recorded:
        assert stored.recorded_at is not None, "an event read back has its time"
        event = kind.codec.decode(stored.type, stored.type_version, stored.data)
        return Recorded(
            tenant=stored.tenant,
            stream=stored.stream,
            version=stored.version,
            event=event,
            recorded_at=stored.recorded_at,
            position=stored.position,
            metadata={**stored.metadata, "command_id": stored.command_id},
        )

    def replayed(self, name: str, events: Iterable[StoredEvent]) -> Iterator[tuple[Recorded, Any]]:
        """Each stored event of one stream, from its first, with the state after it."""
        kind = self.kinds.of(name)
        state = kind.initial(name)
        for stored in events:
            recorded = self._decode(kind, stored)
            state = kind.evolve(state, recorded.event)
            yield recorded, state

    def folded(self, name: str, events: Iterable[StoredEvent]) -> Any:
        """The state after a stream's stored events."""
        state = self.kinds.of(name).initial(name)
        for _, state in self.replayed(name, events):  # noqa: B007 - the last one is the answer
            pass
        return state

    def _fold(self, tenant: TenantId, name: str, events: Sequence[StoredEvent]) -> _Stream:
        kind = self.kinds.of(name)
        state = kind.initial(name)
        by_command: dict[str, list[Recorded]] = {}
        for stored, (recorded, after) in zip(events, self.replayed(name, events), strict=True):
            state = after
            by_command.setdefault(stored.command_id, []).append(recorded)
        key = kafka_key(tenant, kind.aggregate(name))
        return _Stream(tenant, name, key, kind, state, len(events), len(events), by_command)

    def _run(self, stream: _Stream, command: Command, now: datetime, writes: _Writes) -> Executed:
        first = stream.by_command.get(command.command_id)
        if first is not None:
            return Executed(command, tuple(first), repeated=True)
        decided = stream.kind.decide(stream.state, command.body, now)
        if isinstance(decided, Refused):
            return Executed(command, refused=decided)
        if not decided:
            return Executed(command)
        append = StreamAppend(
            tenant=stream.tenant,
            stream=stream.name,
            expected_version=stream.version,
            events=[StoredEvent(e.NAME, e.VERSION, stream.kind.codec.encode(e)) for e in decided],
            command_id=command.command_id,
            metadata=command.metadata,
        )
        recorded = [self._record(stream, event, command, now, writes) for event in decided]
        writes.appends.append(append)
        stream.by_command[command.command_id] = recorded
        return Executed(command, tuple(recorded))

    def _record(self, stream: _Stream, event: Event, command: Command, now: datetime, writes: _Writes) -> Recorded:
        stream.version += 1
        stream.state = stream.kind.evolve(stream.state, event)
        metadata = {**command.metadata, "command_id": command.command_id}
        recorded = Recorded(stream.tenant, stream.name, stream.version, event, now, 0, metadata)
        for message, envelope, body in self._messages(stream.kind, recorded, stream.state):
            writes.outbox.append(OutboxRow(stream.tenant, message.topic, stream.key, envelope, body, message.lane))
        writes.plans.extend(
            PlannedWork(stream.tenant, stream.name, plan, command.metadata)
            for plan in stream.kind.planned(recorded, stream.state)
        )
        return recorded


__all__ = ["Command", "Engine", "Executed", "Lane", "MessageTooLarge", "Plan"]
