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
    await crm.control("", {"tags_need_client_id": True}, "PATCH")
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
    made = await crm.result("department.add", {"NAME": "Отдел продаж", "PARENT": 1})
    await crm.result("user.update", {"ID": 9, "UF_DEPARTMENT": [made], "ACTIVE": "N"})
    shown = await crm.result("im.user.get", {"ID": 9})
    assert (shown["first_name"], shown["active"], shown["departments"]) == ("Ольга", False, [made])
    assert await crm.result("im.notify.system.add", {"USER_ID": 9, "MESSAGE": "x"})
    made = await crm.control("/webhooks", {"scopes": ["user_brief"]})
    brief = PortalClient(crm.sandbox, {**crm.opened, "webhook_url": made["webhook_url"]})
    assert "EMAIL" not in (await brief.result("user.get", {"ID": 7}))[0]


async def test_the_portal_itself(crm: PortalClient) -> None:
    assert (await crm.result("feature.get", {"CODE": "rest_auth_connector"})) == {"value": "N"}
    assert (await crm.refused("feature.get"))[:2] == (400, "CODE_EMPTY")
    await crm.control("", {"timezone": "Asia/Yekaterinburg"}, "PATCH")
    answer = await crm.call("server.time")
    assert answer["result"].endswith("+05:00")
    number = await crm.deal()
    assert (await crm.item(number))["begindate"].endswith("T05:00:00+05:00")
    assert "ONCRMDEALMOVETOCATEGORY" not in await crm.result("events")


async def test_users_are_searched_and_described(crm: PortalClient) -> None:
    for params in ({"FIND": "климова мария"}, {"FILTER": {"FIND": "Клим"}}):
        assert [user["ID"] for user in await crm.result("user.search", params)] == ["1"]
    assert await crm.result("user.search", {"FIND": "никто"}) == []
    user = await crm.result("user.current")
    described = await crm.result("user.fields")
    assert set(user) <= set(described)
    assert isinstance(user["TIMESTAMP_X"], str)
    assert {"crm", "imbot", "tasks_extended", "user_basic", "sign.b2e"} <= set(
        await crm.result("scope", {"full": True})
    )


async def test_notifications_are_read_and_messages_liked(crm: PortalClient) -> None:
    made = [await crm.result("im.notify.personal.add", {"USER_ID": 1, "MESSAGE": text}) for text in ("a", "b", "c")]

    async def unread() -> int:
        count: int = (await crm.result("im.notify.get"))["total_unread_count"]
        return count

    assert await crm.result("im.notify.read", {"ID": made[1], "ONLY_CURRENT": "Y"}) is True
    assert await unread() == 2
    assert await crm.result("im.notify.read", {"ID": made[1]}) is True
    assert await unread() == 1
    assert await crm.result("im.notify.read.list", {"IDS": [made[2]], "ACTION": "N"}) is True
    assert await unread() == 2
    assert await crm.result("im.notify.read.all") == {"result": True, "newCounter": 0}
    assert await unread() == 0
    message = await crm.result("im.message.add", {"DIALOG_ID": crm.opened["chat"], "MESSAGE": "готово"})
    assert await crm.result("im.message.like", {"MESSAGE_ID": message, "ACTION": "plus"}) is True
    again = await crm.refused("im.message.like", {"MESSAGE_ID": message, "ACTION": "plus"})
    assert again[:2] == (400, "WITHOUT_CHANGES")


async def test_a_bot_of_a_webhook_writes(crm: PortalClient) -> None:
    bot = {"CODE": "acc", "CLIENT_ID": "k", "EVENT_HANDLER": "https://hooks.example.ru/b",
           "PROPERTIES": {"NAME": "Счета"}}  # fmt: skip
    number = await crm.result("imbot.register", bot)
    assert await crm.result("imbot.register", bot) == number
    for left_out, code in (("CLIENT_ID", "ACCESS_DENIED"), ("EVENT_HANDLER", "EVENT_MESSAGE_ADD_ERROR"),
                           ("CODE", "CODE_ERROR"), ("PROPERTIES", "NAME_ERROR")):  # fmt: skip
        assert (await crm.refused("imbot.register", {**bot, left_out: ""}))[1] == code
    listed = await crm.result("imbot.bot.list")
    assert listed == {str(number): {"ID": number, "NAME": "Счета", "CODE": "acc", "OPENLINE": "N"}}
    who = {"BOT_ID": number, "CLIENT_ID": "k"}
    keyboard = [{"TEXT": "Открыть", "LINK": "https://acc.example.ru"}]
    text = {"DIALOG_ID": crm.opened["chat"], "MESSAGE": "Счёт 117", "KEYBOARD": keyboard}
    message = await crm.result("imbot.message.add", {**who, **text})
    shown = (await crm.result("im.dialog.messages.get", {"DIALOG_ID": crm.opened["chat"]}))["messages"][0]
    assert (shown["id"], shown["author_id"], shown["text"]) == (message, number, "Счёт 117")
    assert await crm.result("imbot.message.update", {**who, "MESSAGE_ID": message, "MESSAGE": "Счёт 118"}) is True
    assert await crm.result("imbot.message.delete", {**who, "MESSAGE_ID": message}) is True
    assert (await crm.refused("imbot.message.add", {**who, **text, "CLIENT_ID": "x"}))[1] == "APP_ID_ERROR"
    assert (await crm.refused("imbot.message.add", {**who, "DIALOG_ID": "chat1", "MESSAGE": "x"}))[0] == 400
    assert await crm.result("imbot.unregister", who) is True
    assert await crm.result("imbot.bot.list") == []


async def test_a_bot_of_the_newer_methods_writes(crm: PortalClient) -> None:
    fields = {"code": "acc", "botToken": "secret", "properties": {"name": "Счета"}}
    made = (await crm.result("imbot.v2.Bot.register", {"fields": fields}))["bot"]
    assert (await crm.result("imbot.v2.Bot.register", {"fields": fields}))["bot"]["id"] == made["id"]
    who = {"botId": made["id"], "botToken": "secret"}
    said = {"dialogId": crm.opened["chat"], "fields": {"message": "[b]Оплачен[/b]"}}
    sent = await crm.result("imbot.v2.Chat.Message.send", {**who, **said})
    assert sent["uuidMap"] == {}
    change = {**who, "messageId": sent["id"], "fields": {"message": "Оплачен"}}
    assert await crm.result("imbot.v2.Chat.Message.update", change) == {"result": True}
    shown = (await crm.result("im.dialog.messages.get", {"DIALOG_ID": crm.opened["chat"]}))["messages"][0]
    assert (shown["author_id"], shown["text"]) == (made["id"], "Оплачен")
    assert (await crm.result("imbot.v2.Bot.get", who))["bot"]["countMessage"] == 1
    refusals = [
        ({**said, "botId": made["id"]}, "BOT_TOKEN_NOT_SPECIFIED"), ({**said, "botToken": "secret"}, "BOT_ID_REQUIRED"),
        ({**said, **who, "botToken": "x"}, "BOT_OWNERSHIP_ERROR"), ({**said, **who, "botId": 9}, "BOT_NOT_FOUND"),
        ({**said, **who, "fields": {}}, "EMPTY_MESSAGE"),
    ]  # fmt: skip
    for params, code in refusals:
        assert (await crm.refused("imbot.v2.Chat.Message.send", params))[:2] == (400, code)
    assert await crm.result("imbot.v2.Bot.unregister", who) == {"result": True}
    assert (await crm.result("imbot.v2.Bot.list", who))["bots"] == []
