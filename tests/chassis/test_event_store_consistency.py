"""The event store under concurrent writers whose connections are cut: judged by its history alone."""

import asyncio
import itertools
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from chassis import event_store
from chassis.event_store import StoredEvent, StreamAppend, StreamConflict
from chassis.ids import tenant_id
from chassis.postgres import Database, is_infrastructure
from tests.kit.database import OwnDatabase

ONE = tenant_id("one")
WRITERS = 8
STREAMS = 4
APPENDS_PER_WRITER = 60
CUT_EVERY_APPENDS = 12


@dataclass(slots=True)
class Operation:
    stream: str
    value: str
    expected: int
    began: float
    ended: float = 0.0
    result: str = "unknown"


async def test_a_history_with_cut_connections_has_no_anomaly(database: Database, own_database: OwnDatabase) -> None:
    """An append is there once at its version (ok), never (conflict), or at most once (cut)."""
    history: list[Operation] = []
    numbers = itertools.count()
    cuts = asyncio.Queue[None]()
    seeded = random.Random(20260820)  # noqa: S311 - a seed makes it repeatable

    async def write() -> None:
        for _ in range(APPENDS_PER_WRITER):
            stream = f"deal-{seeded.randrange(STREAMS)}"
            operation = Operation(stream, f"v{next(numbers)}", -1, time.monotonic())
            try:
                async with database.transaction([ONE]) as connection:
                    last = await event_store.versions(connection, [(ONE, stream)])
                    operation.expected = last.get((ONE, stream), 0)
                history.append(operation)
                operation.began = time.monotonic()
                async with database.transaction([ONE]) as connection:
                    event = StoredEvent("Said", 1, f'"{operation.value}"')
                    await event_store.append(
                        connection, [StreamAppend(ONE, stream, operation.expected, [event])], datetime.now(UTC)
                    )
                operation.result = "ok"
            except StreamConflict:
                operation.result = "conflict"
            except Exception as error:
                if not is_infrastructure(error):
                    raise
            operation.ended = time.monotonic()
            if len(history) % CUT_EVERY_APPENDS == 0:
                cuts.put_nowait(None)

    async def cut() -> None:
        admin = await asyncpg.connect(own_database.admin_url)
        try:
            while True:
                await cuts.get()
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND state <> 'idle'",
                    own_database.names.app,
                )
        finally:
            await admin.close()

    cutter = asyncio.create_task(cut())
    await asyncio.gather(*(write() for _ in range(WRITERS)))
    cutter.cancel()
    await asyncio.gather(cutter, return_exceptions=True)

    results = {result: sum(o.result == result for o in history) for result in ("ok", "conflict", "unknown")}
    assert all(results.values()), f"a history without {results} proves nothing"
    for number in range(STREAMS):
        await check(database, f"deal-{number}", [o for o in history if o.stream == f"deal-{number}"])


async def check(database: Database, stream: str, history: list[Operation]) -> None:
    async with database.transaction([ONE]) as connection:
        events = (await event_store.load(connection, [(ONE, stream)]))[ONE, stream]
    assert [event.version for event in events] == list(range(1, len(events) + 1)), "no gap, no repetition"
    at: dict[str, list[int]] = {}
    for event in events:
        at.setdefault(event.data.strip('"'), []).append(event.version)
    for operation in history:
        versions = at.pop(operation.value, [])
        if operation.result == "ok":
            assert versions == [operation.expected + 1]
        elif operation.result == "conflict":
            assert versions == []
        else:
            assert versions in ([], [operation.expected + 1])
    assert at == {}, "nothing that nobody wrote"
    done = sorted((o for o in history if o.result == "ok"), key=lambda o: o.expected)
    for earlier, later in itertools.pairwise(done):
        assert earlier.began < later.ended, "versions follow real time"
