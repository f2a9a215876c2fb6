"""Webhooks are forgotten after their time, and not before they were read."""

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.domain import deal
from services.ingest.store import webhooks
from services.ingest.store.webhooks import Webhook
from tests.kit.database import OwnDatabase
from tests.services.ingest.running import TENANT

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def webhook(deal_id: str, *, reads: bool) -> Webhook:
    plan = deal.read_plan(deal_id, "bitrix24:vektor") if reads else None
    return Webhook(TENANT, "ONCRMDEALUPDATE", "deal", deal_id, "", b"", b"", plan=plan)


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
