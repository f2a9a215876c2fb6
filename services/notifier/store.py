"""The service's reads of what a deal was told."""

from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database
from services.notifier.domain import deal


class DealStore:
    """Reads of one tenant, each in a short transaction of its own."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def settled(self, tenant: TenantId, deal_id: str) -> bool:
        """Whether every live invoice of a deal is paid, by the newest balance that came."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, f"{deal.PREFIX}-{deal_id}")
        assert isinstance(state, deal.State), "the stream's prefix names a deal"
        return state.settled
