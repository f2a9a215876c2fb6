"""What PostgreSQL reads for the statements of a first sync whose tables were written a moment ago: nobody has analysed
them, and each row is not to be joined with every other."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from chassis.engine import Engine
from chassis.postgres import Connection
from chassis.work.rows import PLANNER_SETTINGS
from services.counterparty.app import SPEC
from services.counterparty.store.syncs import CompanyRow, RecordRow, RequisiteRow, Run, SyncStore, statements
from tests.kit.database import Databases
from tests.services.counterparty.parts import ACCOUNT
from tests.services.counterparty.syncing import inn
from tests.services.streams import TENANT

COMPANIES = 300
RUN = Run(TENANT, ACCOUNT, 1)
OF_RUN = (TENANT, ACCOUNT, 1)

_LINKED = """
INSERT INTO links (tenant_id, party, account, phase, remote_id, created)
SELECT $1, 'party-p' || n, $2, 'linked', 'e' || n, true FROM generate_series(1, $3::integer) AS n
"""
_ITEMS = """
INSERT INTO sync_items (tenant_id, account, item, run, company_id, requisite_id, name, inn, kpp, party, verdict, reason,
  details, remote_id)
SELECT $1, $2, n::text, 1, n::text, n::text, '', '', '', 'p' || n, 'create', '', '{}', ''
FROM generate_series(1, $3::integer) AS n
"""


@pytest.mark.parametrize(
    ("statement", "more"),
    [
        (statements.COUNTS, (True,)),
        (statements.UNSETTLED, ()),
        (statements.TO_LINK, ("", 100)),
        (statements.ITEMS, (True, "", "created", 100)),
        (statements.INNS, ("", 100)),
        (statements.LISTED, ([inn(number) for number in range(1, 101)],)),
    ],
    ids=["counts", "unsettled", "to link", "items", "inns", "listed"],
)
async def test_no_row_is_joined_with_every_other(databases: Databases, statement: str, more: tuple[Any, ...]) -> None:
    own = await databases("counterparty", *SPEC.migration_folders()[1:])
    database = await own.open()
    try:
        store = SyncStore(database, Engine(SPEC.name, SPEC.stream_kinds()))
        numbers = range(1, COMPANIES + 1)
        await store.keep_companies(
            RUN,
            [CompanyRow(str(n), "", False) for n in numbers],
            [RequisiteRow(str(n), str(n), "", inn(n), "", f"p{n}", "") for n in numbers],
        )
        await store.keep_records(RUN, [RecordRow(f"e{n}", inn(n), "", "") for n in numbers])
        await store.analyze(RUN)
        async with database.transaction([TENANT]) as connection:
            await connection.execute(_LINKED, TENANT, ACCOUNT, COMPANIES)
            await connection.execute(_ITEMS, TENANT, ACCOUNT, COMPANIES)
        async with database.transaction([TENANT], first=PLANNER_SETTINGS) as connection:
            assert await thrown_away(connection, statement, *OF_RUN, *more) <= 2 * COMPANIES
    finally:
        await database.close()


async def thrown_away(connection: Connection, statement: str, *values: Any) -> float:
    """How many rows were read for a statement and were not what it asked for."""
    plan = orjson.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values))
    found = 0.0
    for node in _nodes(plan[0]["Plan"]):
        removed = sum(node.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Join Filter", "Index Recheck"))
        found += removed * node["Actual Loops"]
    return found


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)
