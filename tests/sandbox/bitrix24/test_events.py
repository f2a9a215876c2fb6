"""Outgoing webhooks: their form, which changes raise them, and what befalls them on the way."""

from __future__ import annotations

from urllib.parse import parse_qsl

from tests.sandbox.bitrix24.client import PortalClient, Receiver
from tests.sandbox.running import eventually


async def _events(crm: PortalClient, *names: str) -> None:
    await crm.control("/subscriptions/1", {"events": list(names)}, "PATCH")


async def test_the_form_of_an_event(crm: PortalClient, receiver: Receiver) -> None:
    number = await crm.deal()
    await receiver.count(1)
    pairs = parse_qsl(receiver.bodies[0])
    assert [name for name, _ in pairs] == [
        "event", "event_handler_id", "data[FIELDS][ID]", "ts", "auth[domain]", "auth[client_endpoint]",
        "auth[server_endpoint]", "auth[member_id]", "auth[application_token]",
    ]  # fmt: skip
    event = dict(pairs)
    assert event["event"] == "ONCRMDEALADD"
    assert event["data[FIELDS][ID]"] == str(number)
    assert event["auth[application_token]"] == crm.opened["application_token"]
    assert event["auth[member_id]"] == crm.opened["member_id"]
    assert event["auth[client_endpoint]"] == "https://vektor.bitrix24.ru/rest/"
    assert "%5B" in receiver.bodies[0]


async def test_own_writes_echo_and_unchanged_ones_do_not(crm: PortalClient, receiver: Receiver) -> None:
    number = await crm.deal()
    await crm.update(number, {"title": "Другая"})
    await crm.update(number, {"title": "Другая"})
    await crm.result("crm.deal.update", {"id": number, "fields": {"TITLE": "Другая"}})
    await crm.result("crm.deal.delete", {"id": number})
    await receiver.count(4)
    assert sorted(receiver.names()) == sorted(["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"])


async def test_a_funnel_move_raises_nothing_for_an_outgoing_webhook(crm: PortalClient, receiver: Receiver) -> None:
    number = await crm.deal()
    await crm.update(number, {"categoryId": 2})
    await crm.update(number, {"title": "после"})
    await receiver.count(2)
    assert sorted(receiver.names()) == ["ONCRMDEALADD", "ONCRMDEALUPDATE"]
    url = f"/control/bitrix24/portals/{crm.slug}/subscriptions"
    refused = await crm.sandbox.client.post(url, json={"events": ["ONCRMDEALMOVETOCATEGORY"]})
    assert refused.status_code == 400


async def test_events_of_the_neighbours(crm: PortalClient, receiver: Receiver) -> None:
    await _events(crm, "ONCRMREQUISITEADD", "ONCRMBANKDETAILADD", "ONCRMADDRESSREGISTER", "ONCRMDYNAMICITEMADD",
                  "ONCRMDYNAMICITEMADD_31", "ONCRMTIMELINECOMMENTADD", "ONCRMDEALUSERFIELDADD")  # fmt: skip
    await crm.company(inn="7709123453", address="ул. Лесная, 1", bank={"bik": "044525999"})
    invoice = (await crm.result("crm.item.add", {"entityTypeId": 31, "fields": {"title": "Счёт"}}))["item"]["id"]
    number = await crm.deal()
    fields = {"ENTITY_ID": number, "ENTITY_TYPE": "deal", "COMMENT": "x"}
    comment = await crm.result("crm.timeline.comment.add", {"fields": fields})
    await crm.result("crm.deal.userfield.add", {"fields": {"USER_TYPE_ID": "string", "FIELD_NAME": "X"}})
    await receiver.count(7)
    by_name = {event["event"]: event for event in receiver.events}
    assert len(by_name) == 7
    assert by_name["ONCRMDYNAMICITEMADD"]["data[FIELDS][ENTITY_TYPE_ID]"] == "31"
    assert by_name["ONCRMDYNAMICITEMADD_31"]["data[FIELDS][ID]"] == str(invoice)
    assert by_name["ONCRMTIMELINECOMMENTADD"]["data[ID]"] == str(comment)
    assert by_name["ONCRMDEALUSERFIELDADD"]["data[FIELDS][FIELD_NAME]"] == "UF_CRM_X"
    assert by_name["ONCRMADDRESSREGISTER"]["data[FIELDS][TYPE_ID]"] == "6"


async def test_product_rows_raise_an_update_as_the_dial_says(crm: PortalClient, receiver: Receiver) -> None:
    await _events(crm, "ONCRMDEALUPDATE", "ONCRMDEALDELETE")
    number = await crm.deal()
    await crm.control(f"/deals/{number}/rows", {"rows": [{"name": "А", "price": "0"}]}, "PUT")
    await receiver.count(1)
    await crm.control("", {"rows_raise_update": False, "unchanged_classic_update_raises": False}, "PATCH")
    await crm.control(f"/deals/{number}/rows", {"rows": [{"name": "Б", "price": "0"}]}, "PUT")
    await crm.result("crm.deal.update", {"id": number, "fields": {"TITLE": "Поставка"}})
    await crm.control(f"/deals/{number}", method="DELETE")
    await receiver.count(2)
    assert receiver.names() == ["ONCRMDEALUPDATE", "ONCRMDEALDELETE"]


async def test_a_failed_event_is_lost_and_never_repeated(crm: PortalClient, receiver: Receiver) -> None:
    receiver.status = 500
    await crm.deal()
    await receiver.count(1)
    lines = await eventually(
        lambda: _failed(crm), "the loss is written down"
    )  # fmt: skip
    assert (lines[0]["status"], lines[0]["next_at"]) == (500, None)
    receiver.status = 200
    await crm.sandbox.advance(86_400)
    await crm.deal()
    await receiver.count(2)
    assert len({event["data[FIELDS][ID]"] for event in receiver.events}) == 2


async def _failed(crm: PortalClient) -> list[dict[str, object]]:
    return [line for line in await crm.sandbox.lines(kind="event") if line["phase"] == "failed"]


async def test_faults_on_the_way(crm: PortalClient, receiver: Receiver) -> None:
    operation = "event:ONCRMDEALADD"
    await crm.fault(operation, "drop")
    await crm.deal()
    await crm.fault(operation, "duplicate", copies=3)
    second = await crm.deal()
    await receiver.count(3)
    assert {event["data[FIELDS][ID]"] for event in receiver.events} == {str(second)}
    await crm.fault(operation, "forged")
    await crm.deal()
    await receiver.count(5)
    tokens = {event["auth[application_token]"] for event in receiver.events[3:]}
    assert len(tokens) == 2
    assert crm.opened["application_token"] in tokens
    await crm.fault(operation, "delay", delay_seconds=600)
    late = await crm.deal()
    await crm.deal()
    await receiver.count(6)
    assert receiver.events[5]["data[FIELDS][ID]"] != str(late)
    await crm.sandbox.advance(601)
    await receiver.count(7)
    assert receiver.events[6]["data[FIELDS][ID]"] == str(late)
