"""Takes messages through the inbox into streams: many in one transaction, each exactly once in effect."""

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from chassis.engine import Command, Engine, Executed, MessageTooLarge
from chassis.ids import TenantId, lock_number
from chassis.messaging import inbox, letters
from chassis.messaging.blocked import blocking, freeing, says_blocked
from chassis.messaging.codec import (
    ContentError,
    ForeignTenantError,
    MessageCodec,
    envelope_of,
    event_id_of,
    event_uuid,
    explain,
    key_of,
    place_id_of,
    sending_of,
    tenant_of_key,
)
from chassis.messaging.inbox import Standing
from chassis.messaging.kafka import Record
from chassis.messaging.letters import CONTENT, FOLLOWER, NO_TENANT, UNKNOWN, Fault, Letter, NewLetter
from chassis.messaging.limit import LetterLimit
from chassis.messaging.routing import Route
from chassis.postgres import Connection, Database

CONTENT_ERRORS = (ContentError, MessageTooLarge, asyncpg.DataError, UnicodeError)


@dataclass(slots=True)
class Taken:
    """One message in hand. ``topic`` is without the broker's prefix; without ``commands`` it does not concern us."""

    record: Record
    topic: str
    event_id: uuid.UUID
    key: str
    tenant: TenantId
    type: str = ""
    known: bool = True
    commands: list[Command] = field(default_factory=list)
    locks: set[int] = field(default_factory=set)
    fault: Fault | None = None

    @property
    def identity(self) -> inbox.Identity:
        return self.tenant, self.event_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of messages: how many were taken (from the first), results by topic, why to stop ("" to go on)."""

    taken: int
    results: Mapping[tuple[str, str], int]
    dead: Sequence[Taken] = ()
    stop: str = ""


class Intake:
    """The consuming side of one service, without Kafka: used by its consumer and by replay alike."""

    def __init__(
        self,
        service: str,
        *,
        database: Database,
        engine: Engine,
        codec: MessageCodec,
        route: Route,
        now: Callable[[], datetime],
    ) -> None:
        self.service = service
        self.database = database
        self.limit = LetterLimit()
        self._engine = engine
        self._codec = codec
        self._route = route
        self._now = now
        self._says_blocked = says_blocked(engine)

    def read(self, record: Record, topic: str, metadata: Mapping[str, str]) -> Taken:
        """Decodes and routes one message; never raises, a bad message carries its fault.

        ``metadata`` (the trace) goes into the commands.
        """
        key = key_of(record)
        locks = {lock_number(key)}
        tenant, event_id, kind = NO_TENANT, None, ""
        try:
            envelope, tenant = envelope_of(record, key)
            event_id, kind = event_uuid(envelope.id), envelope.type
            message = self._codec.decode(envelope, record.value or b"")
            if message is None:
                return Taken(record, topic, event_id, key, tenant, kind, known=False)
            metadata = {"cause": envelope.id, **metadata}
            commands = []
            for index, routed in enumerate(self._route(message, envelope)):
                if (own := self._engine.key_of(tenant, routed.stream)) != key:
                    locks.add(lock_number(own))
                commands.append(Command(tenant, routed.stream, routed.command, f"{event_id}:{index}", metadata))
            return Taken(record, topic, event_id, key, tenant, kind, commands=commands, locks=locks)
        except Exception as error:  # noqa: BLE001 - whatever a message does to us becomes its letter
            if event_id is None:
                # One tenant's message is not shown to another: whose key differs from its envelope is nobody's.
                foreign = isinstance(error, ForeignTenantError)
                tenant = NO_TENANT if foreign else tenant_of_key(key) or NO_TENANT
                event_id = place_id_of(record) if tenant == NO_TENANT else event_id_of(record)
            return Taken(record, topic, event_id, key, tenant, kind, locks=locks, fault=fault_of(error, 1))

    async def run(
        self,
        messages: Sequence[Taken],
        *,
        held: Callable[[], None] | None = None,
        my_turn: Callable[[], Awaitable[None]] | None = None,
    ) -> Outcome:
        """Handles messages in their order, all in one transaction, and records where the consumer stands.

        ``held`` is called once the transaction holds its locks; ``my_turn`` is waited for when all is decided and
        nothing is written but the inbox; it may raise. Raises what ``decide`` and Postgres raise; then nothing is done
        but letters without a tenant.
        """
        messages, dead, stop, limit = await self._up_to_the_limit(messages)
        nobodys = [m for m in dead if m.tenant == NO_TENANT]
        if nobodys:
            async with self.database.delivery() as connection:
                await letters.insert(connection, self.service, [_letter(m, m.fault) for m in nobodys if m.fault])
        concerned = [m for m in messages if m.tenant != NO_TENANT and (m.commands or m.fault is not None)]
        results: Counter[tuple[str, str]] = Counter(
            (m.topic, "ignored" if m.known else "unknown") for m in messages if not m.commands and m.fault is None
        )
        results.update((m.topic, "dead") for m in nobodys)
        standings = {
            (m.topic, m.record.partition): Standing(m.record.offset + 1, m.event_id, sending_of(m.record))
            for m in messages
        }
        if concerned:
            locks = set().union(*(m.locks for m in concerned))
            taken = {f"take/{topic}" for topic, _ in standings}
            async with self.database.transaction({m.tenant for m in concerned}, locks, taken) as connection:
                if held is not None:
                    held()
                results.update(await self.apply(connection, concerned, my_turn))
                if my_turn is not None:
                    await my_turn()  # also where nothing was to be written
                await inbox.advance(connection, self.service, standings)
        elif standings:
            if my_turn is not None:
                await my_turn()
            async with self.database.delivery_connection() as connection:
                await inbox.advance(connection, self.service, standings)
        if limit is None:
            self.limit.alive(len(messages))
        else:
            self.limit = limit
        return Outcome(len(messages), results, dead, stop)

    async def apply(
        self,
        connection: Connection,
        messages: Sequence[Taken],
        before_writes: Callable[[], Awaitable[None]] | None = None,
    ) -> Counter[tuple[str, str]]:
        """Handles messages of the transaction's tenants; the caller holds their locks. Results by topic."""
        blocked, dead = await letters.standing(
            connection, self.service, [(m.tenant, m.key, m.event_id) for m in messages]
        )
        before: set[inbox.Identity] = set()
        if blocked or any(m.fault is not None for m in messages):
            before = await inbox.handled(connection, self.service, [m.identity for m in messages])
        results: Counter[tuple[str, str]] = Counter()
        seen = dead | before
        alive: list[Taken] = []
        new: list[NewLetter] = []
        for message in messages:
            place = (message.topic, message.key)
            if message.identity in seen:
                results[message.topic, "repeated"] += 1
                continue
            seen.add(message.identity)
            if message.fault is None and place not in blocked:
                alive.append(message)
                continue
            blocked.add(place)
            new.append(_letter(message, message.fault or FOLLOWER))
            results[message.topic, "dead"] += 1
        fresh = await inbox.accept(connection, self.service, [m.identity for m in alive])
        for message in alive:
            if message.identity not in fresh:
                results[message.topic, "repeated"] += 1
        alive = [m for m in alive if m.identity in fresh]
        executed = await self.execute(connection, alive, before_writes, dead=new)
        position = 0
        for message in alive:
            mine = executed[position : position + len(message.commands)]
            position += len(message.commands)
            results[message.topic, "refused" if any(e.refused for e in mine) else "handled"] += 1
        await letters.insert(connection, self.service, new)
        return results

    async def execute(
        self,
        connection: Connection,
        messages: Sequence[Taken],
        before_writes: Callable[[], Awaitable[None]] | None = None,
        *,
        dead: Sequence[NewLetter] = (),
    ) -> list[Executed]:
        """Runs the messages' commands, then tells of the keys that ``dead`` block; the caller holds the locks and has
        accepted the messages into the inbox."""
        commands = [command for message in messages for command in message.commands]
        if self._says_blocked:
            commands += blocking(dead)
        return await self._engine.execute(connection, commands, self._now(), locked=True, before_writes=before_writes)

    async def free(self, connection: Connection, letter: Letter) -> None:
        """Tells that the key of a settled letter waits no more; the caller holds its lock."""
        if self._says_blocked:
            await self._engine.execute(connection, [freeing(letter)], self._now(), locked=True)

    async def _up_to_the_limit(
        self, messages: Sequence[Taken]
    ) -> tuple[Sequence[Taken], list[Taken], str, LetterLimit | None]:
        """The messages up to the one at which the consumer must stop, those of them that are newly dead, why it must
        stop, and the limit after them; None when all are alive."""
        faulty = [m.identity for m in messages if m.fault is not None]
        if not faulty:
            return messages, [], "", None
        limit = self.limit.copy()
        # A repetition of what is dead already says nothing new about this consumer.
        async with self.database.delivery_connection() as connection:
            known = await letters.existing(connection, self.service, faulty)
        dead: list[Taken] = []
        for count, message in enumerate(messages, start=1):
            if message.fault is None:
                limit.alive()
            elif message.identity not in known:
                known.add(message.identity)
                dead.append(message)
                if stop := limit.dead():
                    return messages[:count], dead, stop, limit
        return messages, dead, "", limit


def fault_of(error: Exception, attempts: int) -> Fault:
    """What is wrong with a message, from what its handling raised."""
    reason = CONTENT if isinstance(error, CONTENT_ERRORS) else UNKNOWN
    return Fault(reason, type(error).__name__, explain(error), attempts)


def _letter(message: Taken, fault: Fault) -> NewLetter:
    return NewLetter(message.tenant, message.event_id, message.topic, message.key, message.type, message.record, fault)
