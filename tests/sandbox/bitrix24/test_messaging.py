"""Notifications, chats, messages and users."""

from __future__ import annotations

from tests.sandbox.bitrix24.client import PortalClient


async def test_a_tag_replaces_the_notification(crm: PortalClient) -> None:
    params = {"USER_ID": 7, "MESSAGE": " Счёт просрочен ", "TAG": "ACC|OVERDUE|1", "CLIENT_ID": "sverka"}
    first = await crm.result("im.notify.system.add", params)
    second = await crm.result("im.notify.system.add", {**params, "MESSAGE": "Счёт просрочен, 3 дня"})
    other = await crm.result("im.notify.personal.add", {**params, "CLIENT_ID": "another"})
    assert isinstance(first, int)
    shown = (await crm.control("/notifications", method="GET"))["notifications"]
    assert [(entry["id"], entry["text"]) for entry in shown] == [
        (second, "Счёт просрочен, 3 дня"), (other, "Счёт просрочен"),
    ]  # fmt: skip
    assert await crm.result("im.notify.delete", {"TAG": "ACC|OVERDUE|1", "CLIENT_ID": "sverka"}) is True
    assert await crm.result("im.notify.delete", {"ID": second}) is False


async def test_notification_refusals(crm: PortalClient) -> None:
    assert (await crm.refused("im.notify.system.add", {"MESSAGE": "x"}))[:2] == (400, "USER_ID_EMPTY")
    assert (await crm.refused("im.notify.system.add", {"USER_ID": 7}))[:2] == (400, "MESSAGE_EMPTY")
    tagged = {"USER_ID": 7, "MESSAGE": "x", "TAG": "t"}
    assert (await crm.refused("im.notify.system.add", tagged))[0] == 403
    assert await crm.result("im.notify.system.add", {"USER_ID": 999, "MESSAGE": "x"}) is False
    bad = {"USER_ID": 7, "MESSAGE": "x", "ATTACH": "{not json"}
    assert (await crm.refused("im.notify.system.add", bad))[1] == "ATTACH_ERROR"
    huge = {"USER_ID": 7, "MESSAGE": "x", "ATTACH": {"BLOCKS": [{"MESSAGE": "m" * 60_001}]}}
    assert (await crm.refused("im.notify.system.add", huge))[1] == "ATTACH_OVERSIZE"


async def test_messages_to_a_chat_and_to_a_user(crm: PortalClient) -> None:
    chat = crm.opened["chat"]
    made = await crm.result("im.message.add", {"DIALOG_ID": chat, "MESSAGE": "[b]Сбой[/b]", "SYSTEM": "Y"})
    await crm.result("im.message.add", {"DIALOG_ID": 7, "MESSAGE": "лично"})
    chats = (await crm.control("/chats", method="GET"))["chats"]
    assert [[message["text"] for message in one["messages"]] for one in chats] == [["[b]Сбой[/b]"], ["лично"]]
    got = await crm.result("im.dialog.messages.get", {"DIALOG_ID": chat})
    assert (got["messages"][0]["id"], got["messages"][0]["author_id"]) == (made, 0)
    assert (await crm.refused("im.message.add", {"DIALOG_ID": "chat99", "MESSAGE": "x"}))[:2] == (400, "CANCELED")
    assert (await crm.refused("im.message.add", {"DIALOG_ID": chat}))[1] == "MESSAGE_EMPTY"
    assert (await crm.refused("im.message.add", {"DIALOG_ID": 999, "MESSAGE": "x"}))[1] == "USER_NOT_FOUND"


async def test_chats_are_found_by_their_object(crm: PortalClient) -> None:
    params = {"TYPE": "CHAT", "TITLE": "Сделка", "USERS": [7], "ENTITY_TYPE": "CRM", "ENTITY_ID": "DEAL|5"}
    made = await crm.result("im.chat.add", params)
    assert await crm.result("im.chat.get", {"ENTITY_TYPE": "CRM", "ENTITY_ID": "DEAL|5"}) == {"ID": made}
    assert await crm.result("im.chat.user.list", {"CHAT_ID": made}) == [1, 7]
    assert await crm.result("im.chat.user.add", {"CHAT_ID": made, "USERS": [9]}) is True
    assert await crm.result("im.chat.user.list", {"CHAT_ID": made}) == [1, 7, 9]


async def test_users(crm: PortalClient) -> None:
    assert (await crm.result("profile"))["ADMIN"] is True
    assert (await crm.result("user.current"))["ID"] == "1"
    listed = await crm.call("user.get", {"FILTER": {"ID": 7}})
    assert (listed["result"][0]["LAST_NAME"], listed["result"][0]["EMAIL"], listed["total"]) == (
        "Лапин", "user7@vektor.example", 1,
    )  # fmt: skip
    assert (await crm.result("user.get", {"ID": 9}))[0]["NAME"] == "Ольга"
    assert (await crm.result("im.user.get", {"ID": 9}))["first_name"] == "Ольга"
    made = await crm.control("/webhooks", {"scopes": ["user_brief"]})
    brief = PortalClient(crm.sandbox, {**crm.opened, "webhook_url": made["webhook_url"]})
    assert "EMAIL" not in (await brief.result("user.get", {"ID": 7}))[0]


async def test_the_portal_itself(crm: PortalClient) -> None:
    assert (await crm.result("feature.get", {"CODE": "rest_auth_connector"})) == {"value": "N"}
    assert (await crm.refused("feature.get"))[:2] == (400, "ERROR_ARGUMENT")
    await crm.control("", {"timezone": "Asia/Yekaterinburg"}, "PATCH")
    answer = await crm.call("server.time")
    assert answer["result"].endswith("+05:00")
    number = await crm.deal()
    assert (await crm.item(number))["begindate"].endswith("T05:00:00+05:00")
    assert "ONCRMDEALMOVETOCATEGORY" not in await crm.result("events")
