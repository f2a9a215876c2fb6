"""The service's reads across streams."""

from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database
from services.counterparty.domain import party


class PartyStore:
    """Reads parties as their streams have them, each in a short transaction of its own."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def party(self, tenant: TenantId, stream: str) -> party.State:
        """The folded state of a party's stream."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, stream)
        assert isinstance(state, party.State), "the stream's prefix names a party"
        return state
