"""Which deal a record of an account is of, by the rows of a real database."""

from dataclasses import replace

from chassis.engine import Command, Engine
from services.invoicing.app import SPEC
from services.invoicing.domain.values import Issued
from services.invoicing.store import DocumentStore
from tests.kit.database import Databases
from tests.services.invoicing.parts import answer, deal, documents, last, linked, request
from tests.services.streams import NOW, TENANT


async def test_record_is_of_the_deal_whose_document_it_is_and_of_its_account_alone(databases: Databases) -> None:
    own = await databases("invoicing", *SPEC.migration_folders()[1:])
    database, engine = await own.open(), Engine(SPEC.name, SPEC.stream_kinds())
    try:
        asked = replace(request(what=deal(deal_id="16")), tenant=TENANT)
        shadow = documents()
        shadow.ran(asked)
        shadow.ran(linked())
        made = answer(last(shadow), remote_id="e1", number="77")
        commands = [Command(TENANT, "deal-16", one, str(n)) for n, one in enumerate((asked, linked(), made))]
        async with database.transaction([TENANT]) as connection:
            await engine.execute(connection, commands, NOW)
        store = DocumentStore(database, engine)

        async def deal_of(account: str, issued: Issued, but_for: str = "another") -> str:
            return await store.deal_of_record(TENANT, account, issued, but_for=but_for)

        assert await deal_of("elba:main", made.issued) == "16"
        assert await deal_of("elba:main", made.issued, made.document_id) == ""
        assert await deal_of("elba:other", made.issued) == ""
        assert await deal_of("elba:main", made.issued.model_copy(update={"remote_id": "e2"})) == ""
    finally:
        await database.close()
