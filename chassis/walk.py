"""Goes through every stream of every tenant, key by key, for tools that rebuild something from the events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from chassis import event_store
from chassis.engine import Engine
from chassis.ids import TenantId, lock_number
from chassis.postgres import Database

KEYS_PER_STEP = 200


@dataclass(frozen=True, slots=True)
class Step:
    """Some keys of one tenant, with all streams of each."""

    tenant: TenantId
    keys: dict[str, list[str]]

    @property
    def streams(self) -> list[tuple[TenantId, str]]:
        """The streams of all keys."""
        return [(self.tenant, stream) for streams in self.keys.values() for stream in streams]

    @property
    def locks(self) -> list[int]:
        """The locks under which these streams do not change."""
        return [lock_number(key) for key in self.keys]


async def steps(database: Database, engine: Engine, keys_per_step: int = KEYS_PER_STEP) -> AsyncIterator[Step]:
    """Every stream that existed when its tenant's turn came. Streams that begin later are the live appends' own."""
    async with database.delivery_connection() as connection:
        tenants = [TenantId(row[0]) for row in await connection.fetch("SELECT chassis.known_tenants()")]
    for tenant in tenants:
        async with database.transaction([tenant]) as connection:
            names = await event_store.stream_names(connection, tenant)
        keys: dict[str, list[str]] = {}
        for name in names:
            keys.setdefault(engine.key_of(tenant, name), []).append(name)
        for chunk in _chunks(list(keys), keys_per_step):
            yield Step(tenant, {key: keys[key] for key in chunk})


def _chunks(keys: Sequence[str], size: int) -> list[Sequence[str]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]
