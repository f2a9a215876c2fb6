"""The deals that wait for a buyer whose record cannot be had at present hear of it, and again when it goes on."""

from typing import Any

import orjson
import pytest

from chassis.engine import Command
from services.counterparty.domain import party
from tests.kit.kafka import eventually
from tests.services.counterparty.parts import checked
from tests.services.counterparty.syncing import ACCOUNT, DEADLINE_SECONDS, Rig
from tests.services.streams import TENANT

pytestmark = [pytest.mark.parts, pytest.mark.timeout(240)]


async def test_each_waiting_deal_hears_that_its_buyer_cannot_be_had_and_that_it_goes_on(rig: Rig) -> None:
    rule = {"vendor": "elba", "operation": "counterparty.find", "kind": "error_before", "calls": [1, 2, 3, 4]}
    await rig.sandbox.control("/faults", rule)
    buyer = checked()
    wants = [party.WantRecord("vektor", ACCOUNT, f"r{deal}", deal, buyer) for deal in ("15", "16")]
    async with rig.database.transaction([TENANT]) as connection:
        stream = f"{party.PREFIX}-{buyer.party}"
        commands = [Command(TENANT, stream, want, want.request_id) for want in wants]
        await rig.engine.execute(connection, commands, rig.clock.now())
    await rig.start()

    async def resumed() -> bool:
        return await _deals(rig, "WorkResumed") >= {"15", "16"}

    await eventually(resumed, DEADLINE_SECONDS, "the work goes on")
    assert await _deals(rig, "WorkDelayed") == {"", "15", "16"}


async def _deals(rig: Rig, name: str) -> set[str]:
    async with rig.database.delivery_connection() as connection:
        rows: list[Any] = await connection.fetch("SELECT headers, body FROM outbox ORDER BY seq")
    return {
        orjson.loads(row["body"])["deal_id"] for row in rows if dict(orjson.loads(row["headers"]))["ce_type"] == name
    }
