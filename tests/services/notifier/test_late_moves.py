"""Moves to "paid" that leave late: the deal is looked at again by what was told of it meanwhile (R5)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.engine import Command, Engine
from chassis.postgres import Database
from connectors.ports import crm as ports
from services.notifier.app import SPEC
from services.notifier.domain import deal
from services.notifier.handlers import route
from services.notifier.store import DealStore
from services.notifier.workers.writes import CrmWrites
from tests.kit.database import Databases
from tests.services.notifier.parts import balance, envelope
from tests.services.notifier.test_workers import SETTINGS, TEXTS, Directory, Portal, calls
from tests.services.streams import NOW, TENANT


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """The service's own."""
    own = await databases("notifier", *SPEC.migration_folders()[1:])
    opened = await own.open()
    try:
        yield opened
    finally:
        await opened.close()


async def moves(database: Database, *balances: Any) -> list[str]:
    """The stages that a move of the first balance comes to, when all balances were told before it left."""
    engine, portal = Engine(SPEC.name, SPEC.stream_kinds()), Portal()
    for number, message in enumerate(balances):
        (routed,) = route(message, envelope(message, f"m{number}"))
        async with database.transaction([TENANT]) as connection:
            await engine.execute(connection, [Command(TENANT, routed.stream, routed.command, f"m{number}")], NOW)
    crm: Any = portal
    directory: Any = Directory(SETTINGS)
    writes = CrmWrites(crm, crm, directory, DealStore(database, engine), TEXTS)
    await writes.send([call for call in calls(balances[0]) if call.kind == deal.CRM_WRITE])
    return [one.stage_id for one in portal.commands if isinstance(one, ports.MoveStage)]


async def test_a_deal_whose_money_went_back_before_its_move_left_stays(database: Database) -> None:
    assert await moves(database, balance(2, 100_00), balance(3, 0)) == []


async def test_a_deal_that_is_paid_again_when_its_move_leaves_is_moved(database: Database) -> None:
    assert await moves(database, balance(2, 100_00), balance(3, 0), balance(4, 100_00)) == ["FINAL_INVOICE"]


async def test_a_deal_with_another_invoice_by_now_stays(database: Database) -> None:
    unpaid = balance(3, 0, "i2", deal_paid_kopecks=100_00, deal_settled=False)
    assert await moves(database, balance(2, 100_00), unpaid) == []
