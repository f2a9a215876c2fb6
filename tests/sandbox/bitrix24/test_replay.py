"""State after kill -9: everything that was answered is there, ids go on, events not yet sent are sent."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import httpx

from tests.sandbox.bitrix24.client import PDF, receiving
from tests.sandbox.running import Process


async def test_everything_answered_survives_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "sandbox"
    process = await asyncio.to_thread(Process, data)
    with process.client() as client:
        opened = client.post("/control/bitrix24/portals", json={"slug": "vektor"}).json()
        rest = f"/rest/1/{opened['webhook_url'].split('/')[-2]}"
        numbers = [
            client.post(f"{rest}/crm.deal.add", json={"fields": {"TITLE": f"Сделка {place}"}}).json()["result"]
            for place in range(20)
        ]
        pdf = ["1.pdf", base64.b64encode(PDF).decode()]
        fields = {"stageId": "WON", "ufCrmInvoicePdf": pdf}
        params = {"entityTypeId": 2, "id": numbers[0], "fields": fields}
        client.post(f"{rest}/crm.item.update", json=params)
        client.post(f"{rest}/crm.deal.delete", json={"id": numbers[-1]})
        client.post("/control/clock", json={"advance_seconds": 86_400})
        before = client.get("/control/bitrix24/state").json()
        now = client.post(f"{rest}/server.time").json()["result"]
    process.kill()
    process = await asyncio.to_thread(Process, data)
    with process.client() as client:
        assert client.get("/control/bitrix24/state").json() == before
        again = client.post(f"{rest}/server.time").json()["result"]
        assert now <= again < now[:14] + "99"
        made = client.post(f"{rest}/crm.deal.add", json={"fields": {}}).json()["result"]
        assert made == numbers[-1] + 1
        item = client.post(f"{rest}/crm.item.get", json={"entityTypeId": 2, "id": numbers[0]}).json()["result"]["item"]
        assert client.get(httpx.URL(item["ufCrmInvoicePdf"]["urlMachine"]).raw_path.decode()).content == PDF
    assert await asyncio.to_thread(process.terminate) == 0


async def test_an_event_that_waits_survives_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "sandbox"
    async with receiving() as receiver:
        process = await asyncio.to_thread(Process, data)
        with process.client() as client:
            opening = {"slug": "vektor", "event_url": receiver.url}
            await asyncio.to_thread(client.post, "/control/bitrix24/portals", json=opening)
            rule = {"vendor": "bitrix24", "operation": "event:*", "kind": "delay", "calls": [1]}
            await asyncio.to_thread(client.post, "/control/faults", json=rule)
            await asyncio.to_thread(client.post, "/control/bitrix24/portals/vektor/deals", json={})
        process.kill()
        assert receiver.bodies == []
        process = await asyncio.to_thread(Process, data)
        with process.client() as client:
            await asyncio.to_thread(client.post, "/control/clock", json={"advance_seconds": 601})
            await receiver.count(1)
        assert receiver.names() == ["ONCRMDEALADD"]
        await asyncio.to_thread(process.terminate)


async def test_events_of_each_subscription(tmp_path: Path) -> None:
    process = await asyncio.to_thread(Process, tmp_path / "sandbox")
    async with receiving() as receiver:
        with process.client() as client:
            opening = {"slug": "vektor", "event_url": receiver.url}
            await asyncio.to_thread(client.post, "/control/bitrix24/portals", json=opening)
            second = {"url": receiver.url, "events": ["ONCRMDEALADD"]}
            await asyncio.to_thread(client.post, "/control/bitrix24/portals/vektor/subscriptions", json=second)
            await asyncio.to_thread(client.post, "/control/bitrix24/portals/vektor/deals", json={})
            await receiver.count(2)
        tokens = {event["auth[application_token]"] for event in receiver.events}
        assert len(tokens) == 2
    await asyncio.to_thread(process.terminate)
