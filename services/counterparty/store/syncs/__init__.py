"""What a first sync read, compared and did; tables that any run writes anew, since everything in them can be read
again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.work.rows import PLANNER_SETTINGS
from services.counterparty.domain import sync
from services.counterparty.domain.matching import Compared, Link, Listed, Lone, Remote
from services.counterparty.store.syncs import statements


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company of the CRM; ``own`` is one of the tenant's."""

    company_id: str
    title: str
    own: bool


@dataclass(frozen=True, slots=True)
class RequisiteRow:
    """A requisite; ``party`` names its party, or ``fault`` says why there is none."""

    requisite_id: str
    company_id: str
    name: str
    inn: str
    kpp: str
    party: str
    fault: str


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record of the accounting service."""

    remote_id: str
    inn: str
    kpp: str
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """All requisites of one INN with all records of it."""

    listed: Sequence[Listed]
    records: Sequence[Remote]
    links: Mapping[str, Link]


@dataclass(frozen=True, slots=True)
class Item:
    """One requisite with its verdict, as the carrying out takes it."""

    item: str
    company_id: str
    requisite_id: str
    name: str
    inn: str
    kpp: str
    party: str
    remote_id: str


@dataclass(frozen=True, slots=True)
class Run:
    """Whose rows: one run of one account."""

    tenant: TenantId
    account: str
    run: int


class SyncStore:
    """Reads and writes of one run, each in a short transaction of its own; rows of other runs are not seen."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def state(self, tenant: TenantId, account: str) -> sync.State:
        """How far an account's sync is."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, sync.stream_of(account))
        assert isinstance(state, sync.State), "the stream's prefix names a sync"
        return state

    async def forget_others(self, run: Run) -> None:
        """Drops what earlier runs of the account left."""
        async with self._database.transaction([run.tenant]) as connection:
            for table in statements.TABLES:
                await connection.execute(
                    f"DELETE FROM {table} WHERE tenant_id = $1 AND account = $2 AND run <> $3",  # noqa: S608 - a constant
                    *_of(run),
                )

    async def keep_companies(
        self, run: Run, companies: Sequence[CompanyRow], requisites: Sequence[RequisiteRow]
    ) -> None:
        """A page of the CRM; one that comes again changes nothing."""
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.KEEP_COMPANIES, *_of(run), _json(companies))
            await connection.execute(statements.KEEP_REQUISITES, *_of(run), _json(requisites))

    async def keep_records(self, run: Run, records: Sequence[RecordRow]) -> None:
        """A page of the accounting service; the newest words about a record stand."""
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.KEEP_RECORDS, *_of(run), _json(records))

    async def inns(self, run: Run, after: str, limit: int) -> list[str]:
        """The INNs of companies that are in order, ascending."""
        async with self._database.transaction([run.tenant]) as connection:
            rows = await connection.fetch(statements.INNS, *_of(run), after, limit)
        return [row["inn"] for row in rows]

    async def groups(self, run: Run, inns: Sequence[str]) -> list[Group]:
        """Everything known of these INNs, one group each."""
        async with self._database.transaction([run.tenant], first=PLANNER_SETTINGS) as connection:
            listed = await connection.fetch(statements.LISTED, *_of(run), inns)
            records = await connection.fetch(statements.RECORDS, *_of(run), inns)
            parties = [f"party-{row['party']}" for row in listed]
            links = await connection.fetch(statements.LINKS, run.tenant, run.account, parties)
        by_inn: dict[str, tuple[list[Listed], list[Remote]]] = {inn: ([], []) for inn in inns}
        for row in listed:
            by_inn[row["inn"]][0].append(Listed(**dict(row)))
        for row in records:
            by_inn[row["inn"]][1].append(Remote(**dict(row)))
        known = {row["party"].removeprefix("party-"): Link(row["phase"], row["remote_id"]) for row in links}
        return [Group(mine, theirs, known) for mine, theirs in by_inn.values()]

    async def analyze(self, run: Run) -> None:
        """Has the planner learn how many rows there are, once they are read and once they are compared: it would take
        the tables for as small as they were before."""
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.ANALYZE)

    async def judge_the_rest(self, run: Run) -> None:
        """Verdicts that need no comparing: what is out of order in the CRM, what has no requisites, own companies, and
        records that are there twice with no company of the CRM beside them."""
        async with self._database.transaction([run.tenant]) as connection:
            for statement in statements.JUDGE_THE_REST:
                await connection.execute(statement, *_of(run))

    async def keep_compared(self, run: Run, compared: Iterable[Compared]) -> None:
        """Verdicts, which replace those that a requisite had."""
        rows = [
            {
                **asdict(one.listed),
                "item": one.listed.requisite_id,
                "verdict": one.verdict,
                "reason": one.reason,
                "details": dict(one.values),
                "remote_id": one.remote_id,
            }
            for one in compared
        ]
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.KEEP_ITEMS, *_of(run), orjson.dumps(rows).decode())

    async def lone_inns(self, run: Run, after: str, limit: int) -> list[str]:
        """The INNs of records that no company of the CRM has, ascending."""
        async with self._database.transaction([run.tenant]) as connection:
            rows = await connection.fetch(statements.LONE_INNS, *_of(run), after, limit)
        return [row["inn"] for row in rows]

    async def records(self, run: Run, inns: Sequence[str]) -> list[Remote]:
        """All records of these INNs."""
        async with self._database.transaction([run.tenant]) as connection:
            rows = await connection.fetch(statements.RECORDS, *_of(run), inns)
        return [Remote(**dict(row)) for row in rows]

    async def keep_lone(self, run: Run, judged: Iterable[Lone]) -> None:
        """Verdicts on records that no company of the CRM has; they replace those that a record had."""
        rows = [
            {
                "item": f"r{one.record.remote_id}",
                "company_id": "",
                "requisite_id": "",
                "name": one.record.name,
                "inn": one.record.inn,
                "kpp": one.record.kpp,
                "party": "",
                "verdict": one.verdict,
                "reason": one.reason,
                "details": dict(one.values),
                "remote_id": one.record.remote_id,
            }
            for one in judged
        ]
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.KEEP_ITEMS, *_of(run), orjson.dumps(rows).decode())

    async def to_enter(self, run: Run, remote_ids: Sequence[str]) -> list[Item]:
        """Those of these records that the CRM is to have."""
        async with self._database.transaction([run.tenant]) as connection:
            rows = await connection.fetch(statements.TO_ENTER, *_of(run), remote_ids)
        return [Item(**dict(row)) for row in rows]

    async def lacking(self, run: Run) -> bool:
        """Whether there is a record left that the CRM is to have and that was not handed over."""
        async with self._database.transaction([run.tenant]) as connection:
            return bool(await connection.fetchval(statements.LACKING, *_of(run)))

    async def handed(self, run: Run) -> list[Item]:
        """Records that were handed to the streams of their INNs and not seen again, by item."""
        async with self._database.transaction([run.tenant]) as connection:
            rows = await connection.fetch(statements.HANDED, *_of(run))
        return [Item(**dict(row)) for row in rows]

    async def judge(self, run: Run, items: Sequence[str], verdict: str, reason: str = "") -> None:
        """Another verdict for these items."""
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.JUDGE, *_of(run), items, verdict, reason)

    async def leave_the_rest(self, run: Run, reason: str) -> None:
        """What is left that the CRM was to have is skipped."""
        async with self._database.transaction([run.tenant]) as connection:
            await connection.execute(statements.LEAVE_THE_REST, *_of(run), reason)

    async def to_link(self, run: Run, after: str, limit: int) -> list[Item]:
        """Pairs that are found and not linked yet, by item."""
        return await self._items(run, statements.TO_LINK, after, limit)

    async def to_create(self, run: Run, after: str, limit: int) -> list[Item]:
        """Companies without a record, by item."""
        return await self._items(run, statements.TO_CREATE, after, limit)

    async def _items(self, run: Run, statement: str, after: str, limit: int) -> list[Item]:
        async with self._database.transaction([run.tenant], first=PLANNER_SETTINGS) as connection:
            rows = await connection.fetch(statement, *_of(run), after, limit)
        return [Item(**dict(row)) for row in rows]

    async def on_their_way(self, tenant: TenantId, account: str) -> int:
        """How many records of the account are looked for or created right now, whoever wanted them."""
        async with self._database.transaction([tenant], first=PLANNER_SETTINGS) as connection:
            return int(await connection.fetchval(statements.ON_THEIR_WAY, tenant, account))

    async def unsettled(self, run: Run) -> int:
        """How many of the run's own creations have no end yet."""
        async with self._database.transaction([run.tenant], first=PLANNER_SETTINGS) as connection:
            return int(await connection.fetchval(statements.UNSETTLED, *_of(run)))

    async def counts(self, run: Run, *, creating: bool) -> dict[str, int]:
        """How many items came to what, as ``listed`` names it, and how many companies and records were read.
        ``creating`` whether the run has come so far."""
        async with self._database.transaction([run.tenant], first=PLANNER_SETTINGS) as connection:
            outcomes = await connection.fetch(statements.COUNTS, *_of(run), creating)
            read = await connection.fetchrow(statements.READ, *_of(run))
        return {row["outcome"]: row["items"] for row in outcomes} | ({} if read is None else dict(read))

    async def listed(
        self, run: Run, *, creating: bool, after: str = "", outcome: str = "", limit: int
    ) -> list[dict[str, Any]]:
        """Items in the order of their names, each with what came of it up to now; of one ``outcome`` alone, if any."""
        async with self._database.transaction([run.tenant], first=PLANNER_SETTINGS) as connection:
            rows = await connection.fetch(statements.ITEMS, *_of(run), creating, after, outcome, limit)
        return [{**dict(row), "details": orjson.loads(row["details"])} for row in rows]


def _of(run: Run) -> tuple[TenantId, str, int]:
    return run.tenant, run.account, run.run


def _json(rows: Sequence[Any]) -> str:
    return orjson.dumps([asdict(row) for row in rows]).decode().replace("\\u0000", "�")
