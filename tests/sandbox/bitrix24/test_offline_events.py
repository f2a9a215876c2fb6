"""Offline events: a queue that an application fetches itself."""

from __future__ import annotations

from tests.sandbox.bitrix24.application import Application
from tests.sandbox.bitrix24.client import PortalClient

BIND = {"event": "ONCRMDEALUPDATE", "event_type": "offline"}


async def test_a_queue_holds_an_object_once_until_it_is_taken(crm: PortalClient, app: Application) -> None:
    assert await app.result("event.bind", BIND) is True
    assert await app.refused("event.bind", BIND) == (400, "ERROR_CORE")
    assert await app.refused("event.bind", {**BIND, "event": "ONAPPUPDATE"}) == (400, "ERROR_ARGUMENT")
    (bound,) = await app.result("event.get")
    assert (bound["handler"], bound["offline"]) == ("", 1)
    deals = [await crm.deal() for _ in range(2)]
    for title in ("a", "b"):
        await crm.result("crm.deal.update", {"id": deals[0], "fields": {"TITLE": title}})
    await crm.result("crm.deal.update", {"id": deals[1], "fields": {"TITLE": "c"}})
    listed = await app.result("event.offline.list")
    assert [one["EVENT_DATA"] for one in listed] == [{"FIELDS": {"ID": str(number)}} for number in deals]
    assert (listed[0]["PROCESS_ID"], listed[0]["ERROR"]) == ("", "0")
    first = await app.result("event.offline.get", {"limit": 1})
    assert (first["process_id"], len(first["events"])) == (None, 1)
    rest = await app.result("event.offline.get", {"filter": {"=EVENT_NAME": "ONCRMDEALUPDATE"}})
    assert [one["MESSAGE_ID"] for one in first["events"] + rest["events"]] == [one["ID"] for one in listed]
    assert await app.result("event.offline.list") == []
    assert await app.refused("event.offline.get", {"clear": 0}) == (403, "WRONG_LICENSE")
    assert (await app.result("feature.get", {"CODE": "rest_offline_extended"}))["value"] == "N"
    assert await app.result("event.unbind", BIND) == {"count": 1}


async def test_a_larger_plan_confirms_what_it_took_and_does_not_hear_itself(
    crm: PortalClient, app: Application
) -> None:
    await crm.control("", {"offline_extended": True}, "PATCH")
    await app.result("event.bind", {**BIND, "auth_connector": "sverka"})
    deals = [await crm.deal() for _ in range(2)]
    for number in deals:
        await crm.result("crm.deal.update", {"id": number, "fields": {"TITLE": "a"}})
    own = {"id": deals[0], "fields": {"TITLE": "b"}, "auth_connector": "sverka"}
    queue = {"auth_connector": "sverka"}
    taken = await app.result("event.offline.get", {**queue, "clear": 0, "limit": 1})
    await crm.result("crm.deal.update", own)
    assert await app.result("event.offline.list") == []
    assert len(await app.result("event.offline.list", queue)) == 2
    process = taken["process_id"]
    assert len((await app.result("event.offline.get", {**queue, "clear": 0}))["events"]) == 1
    assert await app.result("event.offline.clear", {"process_id": process, "message_id": ["1"]}) is True
    failed = {"process_id": process, "message_id": [taken["events"][0]["MESSAGE_ID"]]}
    assert await app.result("event.offline.error", failed) is True
    assert (await app.result("event.offline.get", queue))["events"] == []
    told = (await app.result("event.offline.get", {**queue, "error": 1}))["events"]
    assert [one["ID"] for one in told] == [taken["events"][0]["ID"]]
    assert await app.refused("event.offline.clear") == (400, "ERROR_ARGUMENT")
