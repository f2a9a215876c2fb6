"""Webhooks are forgotten after their time, and not before they were read."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from chassis.clock import ManualClock
from chassis.ids import TenantId
from services.ingest.domain import deal
from services.ingest.store import webhooks
from services.ingest.store.orders import REPEATED_DAYS_MAX, OrderStore
from services.ingest.store.webhooks import Webhook
from tests.kit.database import OwnDatabase
from tests.services.ingest.running import TENANT

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def webhook(deal_id: str, *, reads: bool) -> Webhook:
    plan = deal.read_plan(deal_id, "bitrix24:vektor") if reads else None
    return Webhook(TenantId(TENANT), "ONCRMDEALUPDATE", "deal", deal_id, "", b"", b"", plan=plan)


async def test_those_that_wait_to_be_read_stay_and_keep_no_others(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_DROPPED_AT_ONCE_MAX", 2)
    database = await own.open()
    async with database.delivery() as connection:
        old = [webhook("1", reads=True), webhook("2", reads=True), webhook("3", reads=False), webhook("4", reads=False)]
        await webhooks.insert(connection, old, NOW - timedelta(days=40))
        await webhooks.insert(connection, [webhook("5", reads=False)], NOW)
        assert await webhooks.drop_before(connection, NOW - timedelta(days=30)) == 2
        left = await webhooks.deliveries(connection, 0, 10, None)
    assert [(one.object_id, one.status) for one in left] == [("1", "stored"), ("2", "stored"), ("5", "done")]
    await database.close()


async def test_a_push_of_a_shop_stays_until_it_was_read(own: OwnDatabase) -> None:
    """Of a suspended tenant it may wait for months; without it the order would be read as one that nobody pushed."""
    database, old = await own.open(), NOW - timedelta(days=REPEATED_DAYS_MAX + 1)
    async with database.delivery() as connection:
        ids = await webhooks.insert(connection, [webhook("1", reads=True), webhook("2", reads=False)], old)
        for delivery_id in ids:
            await connection.execute(
                "INSERT INTO shop_pushes (tenant_id, shop_id, push_id, delivery_id, order_id, version, occurred_at, "
                "received_at) VALUES ($1, 'main', $2, $3, 236, 1, $4, $4)",
                TENANT,
                uuid.uuid4(),
                delivery_id,
                old,
            )
    await OrderStore(database, cast(Any, None), cast(Any, None), ManualClock(NOW)).drop_old()
    async with database.delivery() as connection:
        left = await connection.fetch("SELECT delivery_id FROM shop_pushes")
    assert [row["delivery_id"] for row in left] == ids[:1]
    await database.close()
