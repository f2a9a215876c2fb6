"""History for an installation's stores: deals that were played are copied by the server, with all rows they left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.stores import Connection, Stores
from bench.whole import PRODUCT

SCHEMA: Final = "bench_history"
ROWS_A_STATEMENT: Final = 200_000

_TEXT: Final = "{0} || '-old-' || n"
_UUID: Final = "md5({0}::text || n)::uuid"
"""The same everywhere, so that copies name each other as their originals do."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that grows with every deal: which of its rows are copied, and which columns say whose a row is."""

    name: str
    rows: str = "true"
    texts: tuple[str, ...] = ()
    uuids: tuple[str, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)


_OF_ALL: Final = (
    Table("events", r"stream !~ '^(tenant|outage)-'", ("stream", "command_id")),
    Table("inbox", uuids=("event_id",)),
    Table("outbox", "published_at IS NOT NULL", ("key",), ("message_id",)),
    Table("work", "queue = 'closed'", ("key", "stream"), ("work_id",)),
)
# Ids of entries below those that the vendor gives: a pass over its list goes on after the highest.
_GROWING: Final[Mapping[str, tuple[Table, ...]]] = {
    "ingest": (
        Table("webhooks", "status <> 'stored'", ("object_id",), ("work_id",),
              {"delivery_id": "nextval('webhooks_delivery_id')"}),
        Table("deals", texts=("deal_id", "crm_id")),
        Table("stage_entries", texts=("deal_id",), others={"history_id": "-(history_id + n * 1000000000)"}),
        Table("deal_reads", texts=("deal_id",)),
    ),
    "counterparty": (Table("links", texts=("party", "remote_id")),),
    "invoicing": (Table("documents", texts=("deal_id", "number", "remote_id"), uuids=("document_id",)),),
    "payments": (
        Table("invoices", texts=("stream", "remote_id", "number"), uuids=("invoice_id",)),
        Table("counted_payments", texts=("operation_id",), uuids=("payment_id", "invoice_id")),
    ),
    "notifier": (Table("deals_shown", texts=("deal_id",)),),
}  # fmt: skip


class History:
    """Made once the originals have come to their end; copies are made of those alone."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._copies = 0

    async def keep_originals(self) -> dict[str, int]:
        """Puts aside the rows that are copied from now on; how many, by service and table."""
        kept = {}
        for service in PRODUCT:
            async with self._stores.session(service) as connection:
                await connection.execute(f"CREATE SCHEMA {SCHEMA}")
                for table in _tables(service):
                    await connection.execute(
                        f"CREATE TABLE {SCHEMA}.{table.name} AS SELECT * FROM {table.name} WHERE {table.rows}"  # noqa: S608 - constants
                    )
                    count = f"SELECT count(*) FROM {SCHEMA}.{table.name}"  # noqa: S608 - as above
                    kept[f"{service}.{table.name}"] = int(await connection.fetchval(count))
        return kept

    async def fill(self, events: int) -> int:
        """Copies all originals equally often until the stores hold about so many events; how many they hold then."""
        originals = await self._stores.count(f"{SCHEMA}.events")
        more = max(0, (events - await self._stores.count("events")) // max(1, originals))
        for service in PRODUCT:
            async with self._stores.session(service) as connection:
                await connection.execute("SET synchronous_commit = off")
                for table in _tables(service):
                    await _copy(connection, table, self._copies + 1, self._copies + more)
                await connection.execute("VACUUM ANALYZE")
        self._copies += more
        return await self._stores.count("events")


def _tables(service: str) -> tuple[Table, ...]:
    return (*_OF_ALL, *_GROWING[service])


async def _copy(connection: Connection, table: Table, first: int, last: int) -> None:
    """The copies from ``first`` to ``last`` of all its originals, in statements of a bounded size."""
    given = dict(table.others)
    given |= {name: _TEXT.format(name) for name in table.texts} | {name: _UUID.format(name) for name in table.uuids}
    columns = [row["name"] for row in await connection.fetch(_COLUMNS, table.name)]
    count = int(await connection.fetchval(f"SELECT count(*) FROM {SCHEMA}.{table.name}"))  # noqa: S608 - constants
    statement = (
        f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(given.get(one, one) for one in columns)} "  # noqa: S608 - as above
        f"FROM generate_series($1::bigint, $2::bigint) n, {SCHEMA}.{table.name}"
    )
    step = max(1, ROWS_A_STATEMENT // max(1, count))
    for begin in range(first, last + 1, step):
        await connection.execute(statement, begin, min(last, begin + step - 1))


_COLUMNS: Final = """
SELECT quote_ident(attname) AS name FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
ORDER BY attnum
"""
