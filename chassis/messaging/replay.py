"""Replay and disposal of dead letters by a person: in the order of each key, under its lock, audited."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.ids import TenantId, lock_number
from chassis.messaging import inbox, letters
from chassis.messaging.intake import Intake, Taken, fault_of
from chassis.messaging.letters import NO_TENANT, Letter
from chassis.postgres import Connection, is_infrastructure, savepoint

KEYS_PER_SECOND_MAX = 20.0
PAGE_LETTERS = 500
ALL = 2**63 - 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a letter: ``result`` is replayed, failed (``error`` says why), waiting (behind a failed one of its
    key) or gone (somebody else settled it)."""

    letter: Letter
    result: str
    error: str = ""


class LetterNotFound(LookupError):  # noqa: N818 - named after what happened
    """No open letter has this id."""


class DeadLetterOffice:
    """The dead letters of one service, of all tenants: for operators only."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._database = intake.database
        self._service = intake.service

    async def search(
        self,
        *,
        tenant: TenantId | None = None,
        topic: str | None = None,
        type: str | None = None,  # noqa: A002 - the envelope's word
        only_open: bool = True,
        after_seq: int = 0,
        limit: int = 100,
    ) -> list[Letter]:
        """Letters in the order of their death; the next page begins after the last one's ``seq``."""
        equal = {"tenant_id": tenant, "topic": topic, "type": type}
        async with self._database.delivery_connection() as connection:
            return await letters.find(
                connection,
                self._service,
                only_open=only_open,
                after_seq=after_seq,
                limit=limit,
                **{name: value for name, value in equal.items() if value is not None},
            )

    async def show(self, event_id: uuid.UUID) -> Letter:
        """One letter, open or settled. Raises LetterNotFound."""
        async with self._database.delivery_connection() as connection:
            found = await letters.find(connection, self._service, only_open=False, limit=1, event_id=event_id)
        if not found:
            raise LetterNotFound(f"no dead letter has the id {event_id}; `sverka dead list` shows those that are open")
        return found[0]

    async def replay(self, event_id: uuid.UUID, by: str, *, dry_run: bool = False) -> list[Replayed]:
        """Replays a letter and, before it, the open ones of its key that came earlier, in one transaction.

        Stops at the first that fails; those before it stay replayed. The key is free again when none is left.
        ``dry_run`` does it all and takes it back. Raises LetterNotFound, and the infrastructure errors of Postgres.
        """
        letter = await self.show(event_id)
        if letter.resolution is not None:
            raise LetterNotFound(f"the letter {event_id} was {letter.resolution} by {letter.resolved_by} already")
        if letter.tenant == NO_TENANT:
            return [await self._replay_nobodys(letter, by, dry_run)]
        return await self._replay_key(letter.tenant, letter.topic, letter.key, letter.seq, by, dry_run)

    async def replay_all(
        self,
        by: str,
        *,
        topic: str | None = None,
        type: str | None = None,  # noqa: A002 - the envelope's word
        tenant: TenantId | None = None,
        before: datetime | None = None,
        dry_run: bool = False,
        progress: Callable[[Sequence[Replayed]], None] = lambda _: None,
        keys_per_second_max: float = KEYS_PER_SECOND_MAX,
    ) -> list[Replayed]:
        """Replays the keys of all open letters that match (``before``: dead before that time), at a limited rate."""
        done: list[Replayed] = []
        seen: set[tuple[str, str, str]] = set()
        after = 0
        while page := await self.search(topic=topic, type=type, tenant=tenant, after_seq=after, limit=PAGE_LETTERS):
            after = page[-1].seq
            for letter in page:
                place = (
                    letter.tenant,
                    letter.topic,
                    letter.key if letter.tenant != NO_TENANT else str(letter.event_id),
                )
                if place in seen or (before is not None and letter.dead_at >= before):
                    continue
                seen.add(place)
                began = time.monotonic()
                if letter.tenant == NO_TENANT:
                    results = [await self._replay_nobodys(letter, by, dry_run)]
                else:
                    results = await self._replay_key(letter.tenant, letter.topic, letter.key, ALL, by, dry_run)
                progress(results)
                done += results
                await asyncio.sleep(max(0.0, 1 / keys_per_second_max - (time.monotonic() - began)))
        return done

    async def discard(self, event_id: uuid.UUID, by: str) -> None:
        """Gives a letter up: its message is never handled, and no longer blocks its key. Raises LetterNotFound."""
        letter = await self.show(event_id)
        if letter.resolution is not None:
            raise LetterNotFound(f"the letter {event_id} was {letter.resolution} by {letter.resolved_by} already")
        if letter.tenant == NO_TENANT:
            async with self._database.delivery() as connection:
                await letters.resolve(connection, self._service, letter, "discarded", by)
        else:
            async with self._database.transaction([letter.tenant], {lock_number(letter.key)}) as connection:
                await letters.resolve(connection, self._service, letter, "discarded", by)
                await self._unblock(connection, letter)
        _log.warning("the dead letter %s was discarded by %s", event_id, by)

    async def _replay_key(
        self, tenant: TenantId, topic: str, key: str, up_to_seq: int, by: str, dry_run: bool
    ) -> list[Replayed]:
        where: dict[str, Any] = {"tenant_id": tenant, "topic": topic, "key": key, "limit": PAGE_LETTERS}
        while True:
            async with self._database.transaction([tenant]) as connection:
                found = await letters.find(connection, self._service, **where)
            waiting = [letter for letter in found if letter.seq <= up_to_seq]
            messages = [self._read(letter) for letter in waiting]
            locks = {lock_number(key)}.union(*(m.locks for m in messages))
            try:
                async with self._database.transaction([tenant], locks) as connection:
                    locked = await letters.find(connection, self._service, **where)
                    if [letter.seq for letter in locked if letter.seq <= up_to_seq] != [w.seq for w in waiting]:
                        continue  # one more came before the lock was ours, and may need locks of its own
                    results = await self._apply_all(connection, waiting, messages, by)
                    if waiting:  # else somebody else settled them
                        await self._unblock(connection, waiting[-1])
                    _take_back_if(dry_run)
            except _TakeBackError:
                return results
            for result in results:
                _log.info("the dead letter %s was %s by %s", result.letter.event_id, result.result, by)
            return results

    async def _unblock(self, connection: Connection, settled: Letter) -> None:
        tenant, topic, key = settled.tenant, settled.topic, settled.key
        if await letters.unblock_if_none_left(connection, self._service, tenant, topic, key):
            await self._intake.free(connection, settled)

    def _read(self, letter: Letter) -> Taken:
        carrier = {n: v.decode(errors="replace") for n, v in letter.headers if n in ("traceparent", "tracestate")}
        return self._intake.read(letters.record_of(letter), letter.topic, carrier)

    async def _apply_all(
        self, connection: Connection, waiting: Sequence[Letter], messages: Sequence[Taken], by: str
    ) -> list[Replayed]:
        results: list[Replayed] = []
        failed = False
        for letter, message in zip(waiting, messages, strict=True):
            if failed:
                results.append(Replayed(letter, "waiting"))
                continue
            result = await self._apply(connection, letter, message, by)
            failed = result.result == "failed"
            results.append(result)
        return results

    async def _apply(self, connection: Connection, letter: Letter, message: Taken, by: str) -> Replayed:
        fault = message.fault
        if fault is None:
            try:
                async with savepoint(connection):
                    await self._intake.execute(connection, [message])
                    await inbox.accept(connection, self._service, [(letter.tenant, letter.event_id)])
                    await letters.resolve(connection, self._service, letter, "replayed", by)
            except Exception as error:
                if is_infrastructure(error):
                    raise
                fault = fault_of(error, 1)
            else:
                return Replayed(letter, "replayed")
        await letters.failed_again(connection, self._service, letter, fault)
        return Replayed(letter, "failed", f"{fault.error_class}: {fault.error}")

    async def _replay_nobodys(self, letter: Letter, by: str, dry_run: bool) -> Replayed:
        # Its row belongs to the delivery role, its streams to a tenant: the inbox bridges a crash between the two.
        message = self._read(letter)
        fault = message.fault
        if fault is None and message.tenant != NO_TENANT:
            try:
                async with self._database.transaction([message.tenant], message.locks) as connection:
                    await self._intake.apply(connection, [message])
                    _take_back_if(dry_run)
            except _TakeBackError:
                return Replayed(letter, "replayed")
            except Exception as error:
                if is_infrastructure(error):
                    raise
                fault = fault_of(error, 1)
        async with self._database.delivery() as delivery:
            if fault is None:
                await letters.resolve(delivery, self._service, letter, "replayed", by)
                return Replayed(letter, "replayed")
            if not dry_run:
                await letters.failed_again(delivery, self._service, letter, fault)
        return Replayed(letter, "failed", f"{fault.error_class}: {fault.error}")


class _TakeBackError(Exception):
    """Ends the transaction of a dry run."""


def _take_back_if(dry_run: bool) -> None:
    if dry_run:
        raise _TakeBackError
