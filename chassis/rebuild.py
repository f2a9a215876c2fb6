"""Rebuilds tables of read rows from the events beside the live ones, then switches; sets nothing else in motion."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chassis import event_store
from chassis.aggregate import ReadRow
from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.read_rows import write_rows
from chassis.walk import steps

SWITCH_TIMEOUT_SECONDS = 600.0


async def rebuild(
    database: Database, engine: Engine, tables: Sequence[str], progress: Callable[[int], None] = lambda _: None
) -> dict[str, int]:
    """Fills the next version of each table stream by stream, under the stream's lock, while live appends write both;
    then puts it in place at once. ``progress`` gets the number of streams done. The number of rows of each table.

    All processes of the service must run the build whose projections are wanted. After a failure the old tables stay.
    """
    for table in tables:
        async with database.delivery() as connection:
            await connection.execute("SELECT chassis.begin_rebuild($1)", table)
    try:
        done = 0
        async for step in steps(database, engine):
            async with database.transaction([step.tenant], step.locks) as connection:
                stored = await event_store.load(connection, step.streams)
                rows: list[tuple[TenantId, ReadRow]] = []
                for (tenant, stream), events in stored.items():
                    state = engine.folded(stream, events)
                    projected = engine.kinds.of(stream).projected(stream, state)
                    rows += [(tenant, _next(row)) for row in projected if row.table in tables]
                await write_rows(connection, rows)
            done += len(step.streams)
            progress(done)
        return await _switch(database, tables)
    except BaseException:
        for table in tables:
            async with database.delivery() as connection:
                await connection.execute("SELECT chassis.abandon_rebuild($1)", table)
        raise


async def _switch(database: Database, tables: Sequence[str]) -> dict[str, int]:
    counts = {}
    async with database.delivery() as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        for table in sorted(tables):
            counts[table] = await connection.fetchval(
                "SELECT chassis.finish_rebuild($1)", table, timeout=SWITCH_TIMEOUT_SECONDS
            )
    return counts


def _next(row: ReadRow) -> ReadRow:
    return replace(row, table=f"{row.table}__next")
