"""The service's reads across streams."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final

from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.work.rows import PLANNER_SETTINGS
from services.counterparty.domain import card, deal, party

DEALS_TOLD_MAX: Final = 100
"""So many deals hear of one delay: they are told in one transaction. Who waits first is told first, so that the same
ones hear of its end."""


class PartyStore:
    """Reads parties as their streams have them, each in a short transaction of its own."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def parties(self, tenant: TenantId, streams: Collection[str]) -> dict[str, party.State]:
        """The folded states of many parties' streams."""
        async with self._database.transaction([tenant]) as connection:
            return await self._engine.states(connection, tenant, streams)

    async def party(self, tenant: TenantId, stream: str) -> party.State:
        """The folded state of a party's stream."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, stream)
        assert isinstance(state, party.State), "the stream's prefix names a party"
        return state

    async def waiting_deals(self, tenant: TenantId, stream: str, account: str) -> list[str]:
        """The streams of the first 100 deals that wait for a party's record in an account; none of other streams."""
        if not stream.startswith(f"{party.PREFIX}-"):
            return []
        record = (await self.party(tenant, stream)).records.get(account)
        deals = {} if record is None else dict.fromkeys(record.waiting.values())
        return [f"{deal.PREFIX}-{one}" for one in islice(deals, DEALS_TOLD_MAX)]

    async def cards(self, tenant: TenantId, inn: str) -> card.State:
        """The folded state of an INN's stream of cards."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, f"{card.PREFIX}-{inn}")
        assert isinstance(state, card.State), "the stream's prefix names cards"
        return state

    async def made(self, tenant: TenantId, account: str, likely: Mapping[str, str]) -> dict[str, str]:
        """The streams of parties whose records of an account we made, by the ids of the records; also of those whose
        creation is under way, by ``likely``: the stream that a record's INN and KPP name → the record's id."""
        async with self._database.transaction([tenant], first=PLANNER_SETTINGS) as connection:
            rows = await connection.fetch(
                "SELECT party, remote_id, created FROM links WHERE tenant_id = $1 AND account = $2 "
                "AND (remote_id = ANY ($3) AND created OR party = ANY ($4) AND phase IN ('creating', 'doubtful'))",
                tenant,
                account,
                list(likely.values()),
                list(likely),
            )
        return {row["remote_id"] if row["created"] else likely[row["party"]]: row["party"] for row in rows}

    async def holder(self, tenant: TenantId, account: str, remote_id: str) -> str:
        """The stream of the party that a record of an account is linked to; "" for a record that is nobody's."""
        async with self._database.transaction([tenant]) as connection:
            stream = await connection.fetchval(
                "SELECT party FROM links WHERE tenant_id = $1 AND account = $2 AND remote_id = $3 AND phase = 'linked'",
                tenant,
                account,
                remote_id,
            )
        return stream or ""
