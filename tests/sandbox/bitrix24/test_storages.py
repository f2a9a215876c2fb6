"""entity.*: what an application keeps in the portal, over HTTP."""

from __future__ import annotations

import base64

from tests.sandbox.bitrix24.application import Application
from tests.sandbox.bitrix24.client import PDF, PortalClient

ROOM = {"ENTITY": "dish", "NAME": "Блюда", "ACCESS": {"AU": "R", "U7": "Z"}}
PICTURE = ["a.pdf", base64.b64encode(PDF).decode()]


async def test_a_storage_keeps_items_in_sections_with_properties(app: Application, crm: PortalClient) -> None:
    assert await app.result("entity.add", ROOM) is True
    (room,) = await app.result("entity.get")
    assert (room["IBLOCK_TYPE_ID"], room["ENTITY"], room["NAME"]) == ("rest_entity", "dish", "Блюда")
    assert await app.result("entity.rights", {"ENTITY": "dish"}) == {"AU": "R", "U1": "X"}
    price = {"ENTITY": "dish", "PROPERTY": "price", "NAME": "Цена", "TYPE": "N"}
    assert await app.result("entity.item.property.add", price) is True
    assert await app.result("entity.item.property.get", {"ENTITY": "dish", "PROPERTY": "price"}) == {
        "PROPERTY": "price", "NAME": "Цена", "TYPE": "N", "SORT": "500"}  # fmt: skip
    top = await app.result("entity.section.add", {"ENTITY": "dish", "NAME": "Супы"})
    below = await app.result("entity.section.add", {"ENTITY": "dish", "NAME": "Щи", "SECTION": top})
    tree = await app.result("entity.section.get", {"ENTITY": "dish"})
    margins = [(one["SECTION"], one["LEFT_MARGIN"], one["RIGHT_MARGIN"], one["DEPTH_LEVEL"]) for one in tree]
    assert margins == [(None, "1", "4", "1"), (str(top), "2", "3", "2")]
    item = {"ENTITY": "dish", "NAME": "Борщ", "SECTION": below, "DATE_ACTIVE_FROM": "2026-03-25T10:00:00+03:00",
            "PROPERTY_VALUES": {"price": 350, "unknown": 1}, "PREVIEW_PICTURE": PICTURE}  # fmt: skip
    number = await app.result("entity.item.add", item)
    await app.result("entity.item.add", {"ENTITY": "dish", "NAME": "Окрошка", "PROPERTY_VALUES": {"price": 90}})
    dear = {"ENTITY": "dish", "FILTER": {">PROPERTY_price": 100}, "SORT": {"NAME": "ASC"}}
    (found,) = await app.result("entity.item.get", dear)
    assert (found["ID"], found["SECTION"], found["ENTITY"]) == (str(number), str(below), "dish")
    assert (found["PROPERTY_VALUES"], found["DATE_ACTIVE_TO"]) == ({"price": "350"}, "")
    picture = await crm.sandbox.client.get(found["PREVIEW_PICTURE"])
    assert picture.content == PDF
    await app.result("entity.item.property.update", {**price, "PROPERTY_NEW": "cost"})
    changes = {"ENTITY": "dish", "ID": number, "NAME": "Щи", "PREVIEW_PICTURE": False}
    assert await app.result("entity.item.update", changes) is True
    (found,) = await app.result("entity.item.get", {"ENTITY": "dish", "FILTER": {"ID": number}})
    assert (found["NAME"], found["PROPERTY_VALUES"], found["PREVIEW_PICTURE"]) == ("Щи", {"cost": "350"}, None)
    assert await app.result("entity.section.delete", {"ENTITY": "dish", "ID": top}) is True
    assert [one["NAME"] for one in await app.result("entity.item.get", {"ENTITY": "dish"})] == ["Окрошка"]
    assert await app.result("entity.update", {"ENTITY": "dish", "ENTITY_NEW": "food"}) is True
    assert await app.result("entity.delete", {"ENTITY": "food"}) is True
    assert await app.result("entity.get") == []
    assert await app.result("entity.rights", {"ENTITY": "food"}) is None


async def test_a_storage_is_refused_in_the_vendors_words(app: Application, crm: PortalClient) -> None:
    longest = 50 - len(f"APP_{crm.opened['client_id']}_")
    await app.result("entity.add", {**ROOM, "ENTITY": "d" * longest})
    assert await app.refused("entity.add", {**ROOM, "ENTITY": "d" * (longest + 1)}) == (400, "ERROR_ARGUMENT")
    assert await app.refused("entity.add", {**ROOM, "ENTITY": "D" * longest}) == (400, "ERROR_ENTITY_ALREADY_EXISTS")
    assert await app.refused("entity.get", {"ENTITY": "-"}) == (400, "ERROR_ARGUMENT")
    assert await app.refused("entity.item.get", {"ENTITY": "x"}) == (400, "ERROR_ENTITY_NOT_FOUND")
    named = {"ENTITY": "d" * longest}
    assert await app.refused("entity.item.update", named) == (400, "ERROR_ARGUMENT")
    assert await app.refused("entity.item.delete", {**named, "ID": 1}) == (400, "ERROR_ITEM_NOT_FOUND")
    assert await app.refused("entity.section.delete", {**named, "ID": 1}) == (400, "ERROR_SECTION_NOT_FOUND")
    assert await app.refused("entity.section.add", {**named, "NAME": "a", "SECTION": 1}) == (400, "ERROR_CORE")
    listed = {**named, "PROPERTY": "a", "TYPE": "L"}
    assert await app.refused("entity.item.property.add", listed) == (400, "ERROR_UNSUPPORTED_PROPERTY_TYPE")
    assert await app.refused("entity.item.property.delete", listed) == (400, "ERROR_PROPERTY_NOT_FOUND")
    assert (await crm.refused("entity.get"))[0] == 403
    pair = await crm.control("/tokens", {"state": "valid", "user_id": 7})
    reader = Application(crm, pair)
    assert await reader.result("entity.item.get", named) == []
    assert await reader.refused("entity.item.add", {**named, "NAME": "a"}) == (403, "ACCESS_DENIED")
