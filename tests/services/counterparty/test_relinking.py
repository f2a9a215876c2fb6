"""A record that an accountant deletes is made again, once, for the documents that are refused for it."""

from typing import Any

import orjson
import pytest

from chassis.engine import Command
from services.counterparty.domain import deal
from services.counterparty.domain.values import Rules
from tests.kit.kafka import eventually
from tests.services.counterparty.parts import company
from tests.services.counterparty.syncing import ACCOUNT, DEADLINE_SECONDS, Rig
from tests.services.streams import TENANT

pytestmark = [pytest.mark.parts, pytest.mark.timeout(240)]


async def test_deleted_record_is_made_again_once_and_one_that_is_there_is_kept(rig: Rig) -> None:
    await _tell(rig, *(_ask(number) for number in ("15", "16")))
    await rig.start()
    (first,) = set((await _links(rig, 2)).values())
    await _tell(rig, _gone("15", first))
    assert set((await _links(rig, 3)).values()) == {first}
    await rig.sandbox.control(f"/elba/{rig.account}/counterparties/{first}", None, "DELETE")
    await _tell(rig, _gone("15", first), _gone("16", first), turn="again")
    (second,) = set((await _links(rig, 5)).values())
    assert second != first
    assert await rig.records() == {"7736207543": 1}


def _ask(deal_id: str) -> tuple[str, deal.Command]:
    ask = deal.AskLink("vektor", f"r{deal_id}", deal_id, ACCOUNT, company(), Rules(), "a", "7")
    return f"deal-{deal_id}", ask


def _gone(deal_id: str, remote_id: str) -> tuple[str, deal.Command]:
    return f"deal-{deal_id}", deal.SeeRecordGone(f"r{deal_id}", ACCOUNT, remote_id)


async def _tell(rig: Rig, *told: tuple[str, deal.Command], turn: str = "first") -> None:
    commands = [Command(TENANT, stream, body, f"{turn}:{type(body).__name__}") for stream, body in told]
    async with rig.database.transaction([TENANT]) as connection:
        await rig.engine.execute(connection, commands, rig.clock.now())


async def _links(rig: Rig, count: int) -> dict[str, str]:
    """The newest link of each deal, when so many have been told."""
    found: list[dict[str, Any]] = []

    async def told() -> bool:
        async with rig.database.delivery_connection() as connection:
            rows = await connection.fetch("SELECT headers, body FROM outbox ORDER BY seq")
        named = [(dict(orjson.loads(row["headers"]))["ce_type"], orjson.loads(row["body"])) for row in rows]
        found[:] = [body for name, body in named if name == "CounterpartyLinked"]
        return len(found) == count

    await eventually(told, DEADLINE_SECONDS, f"{count} links are told")
    return {one["deal_id"]: one["remote_id"] for one in found}
