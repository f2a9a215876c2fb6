"""Whose a record of an account is, by the rows of a real database."""

from chassis.engine import Command, Engine
from services.counterparty.app import SPEC
from services.counterparty.domain import party
from services.counterparty.store import PartyStore
from tests.kit.database import Databases
from tests.services.counterparty.parts import ACCOUNT, ROMASHKA, checked
from tests.services.streams import NOW, TENANT


async def test_record_is_of_the_party_that_is_linked_to_it_in_that_account_alone(databases: Databases) -> None:
    own = await databases("counterparty", *SPEC.migration_folders()[1:])
    database, engine = await own.open(), Engine(SPEC.name, SPEC.stream_kinds())
    try:
        adopt = party.AdoptRecord(TENANT, ACCOUNT, checked(), "e1")
        async with database.transaction([TENANT]) as connection:
            await engine.execute(connection, [Command(TENANT, f"party-{ROMASHKA}", adopt, "1")], NOW)
        store = PartyStore(database, engine)
        assert await store.holder(TENANT, ACCOUNT, "e1") == f"party-{ROMASHKA}"
        assert await store.holder(TENANT, ACCOUNT, "e2") == ""
        assert await store.holder(TENANT, "elba:other", "e1") == ""
    finally:
        await database.close()
