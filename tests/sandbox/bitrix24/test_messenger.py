"""The messenger's lists, search and presence, and chats of clients in open lines."""

from __future__ import annotations

from tests.sandbox.bitrix24.client import PortalClient


async def test_recent_dialogues_pinned_and_hidden(crm: PortalClient) -> None:
    await crm.result("im.message.add", {"DIALOG_ID": "7", "MESSAGE": "Добрый день"})
    listed = (await crm.result("im.recent.list"))["items"]
    assert [one["type"] for one in listed] == ["user", "chat"]
    assert (listed[0]["id"], listed[0]["title"], listed[0]["message"]["text"]) == (7, "Пётр Лапин", "Добрый день")
    assert await crm.result("im.recent.pin", {"DIALOG_ID": "7", "PIN": "Y"}) is True
    assert (await crm.result("im.recent.get"))[0]["pinned"] is True
    assert await crm.result("im.recent.hide", {"DIALOG_ID": "7"}) is True
    assert [one["type"] for one in await crm.result("im.recent.get")] == ["chat"]
    assert (await crm.refused("im.recent.pin"))[1] == "DIALOG_ID_EMPTY"


async def test_search_of_people_chats_and_what_was_found_last(crm: PortalClient) -> None:
    assert (await crm.refused("im.search.user.list", {"FIND": "Ла"}))[1] == "FIND_SHORT"
    assert list(await crm.result("im.search.user.list", {"FIND": "Лапин"})) == ["7"]
    assert await crm.result("im.search.user.list", {"FIND": "никого"}) == []
    assert [one["name"] for one in await crm.result("im.search.chat.list", {"FIND": "счета"})] == ["Счета и оплаты"]
    chat = crm.opened["chat"]
    assert await crm.result("im.search.last.add", {"DIALOG_ID": chat}) is True
    assert [one["id"] for one in await crm.result("im.search.last.get")] == [chat]
    assert await crm.result("im.search.last.delete", {"DIALOG_ID": chat}) is True
    assert await crm.result("im.search.last.get") == []


async def test_departments_and_presence(crm: PortalClient) -> None:
    assert await crm.result("im.department.employees.get", {"ID": [1]}) == {"1": [1, 7, 9]}
    assert await crm.result("im.department.colleagues.list") == [7, 9]
    (head,) = (await crm.result("im.department.managers.get", {"ID": [1], "USER_DATA": "Y"}))["1"]
    assert head["name"] == "Мария Климова"
    assert (await crm.refused("im.department.get", {"ID": 1}))[1] == "INVALID_FORMAT"
    assert await crm.result("im.user.status.set", {"STATUS": "dnd"}) is True
    assert await crm.result("im.user.status.get") == "dnd"
    assert (await crm.refused("im.user.status.set", {"STATUS": "asleep"}))[1] == "STATUS_ERROR"


async def test_a_tag_without_a_client_is_taken_unless_the_dial_says_otherwise(crm: PortalClient) -> None:
    params = {"USER_ID": 1, "MESSAGE": "Счёт оплачен", "TAG": "paid"}
    first = await crm.result("im.notify.personal.add", params)
    assert isinstance(await crm.result("im.notify.personal.add", params), int)
    kept = (await crm.result("im.notify.get"))["notifications"]
    assert first not in [one["id"] for one in kept]
    assert (await crm.refused("im.notify.delete", {"TAG": "paid"}))[:2] == (403, "ACCESS_DENIED")
    found = await crm.result("im.notify.history.search", {"SEARCH_TEXT": "оплачен"})
    assert found["total_results"] == 1
    assert (await crm.result("im.notify.answer", {"ID": kept[0]["id"], "ANSWER_TEXT": "Спасибо"}))["result_message"]
    await crm.control("", {"tags_need_client_id": True}, "PATCH")
    assert (await crm.refused("im.notify.personal.add", params))[:2] == (403, "ACCESS_DENIED")


async def test_a_client_writes_and_is_answered_through_an_open_line(crm: PortalClient) -> None:
    company = (await crm.company())["company"]["id"]
    body = {"entity": "company", "id": company, "text": "Где счёт?", "connector": "telegrambot"}
    chat = (await crm.control("/openlines", body))["chat"]
    owner = {"CRM_ENTITY_TYPE": "company", "CRM_ENTITY": company}
    assert await crm.result("imopenlines.crm.chat.get", owner) == [
        {"CHAT_ID": str(chat), "CONNECTOR_ID": "telegrambot", "CONNECTOR_TITLE": "Telegram"}
    ]
    message = {**owner, "USER_ID": 7, "CHAT_ID": chat, "MESSAGE": "Выслали"}
    assert (await crm.refused("imopenlines.crm.message.add", message))[1] == "MESSAGE_ADD_ERROR"
    assert await crm.result("imopenlines.crm.chat.user.add", {**owner, "USER_ID": 7, "CHAT_ID": chat}) == chat
    assert isinstance(await crm.result("imopenlines.crm.message.add", message), int)
    strange = {**message, "CHAT_ID": 999}
    assert (await crm.refused("imopenlines.crm.message.add", strange))[:2] == (400, "CHAT_NOT_IN_CRM")
    assert await crm.result("imopenlines.operator.finish", {"CHAT_ID": chat}) is True
    assert await crm.result("imopenlines.crm.chat.get", owner) == []
    assert await crm.result("imopenlines.crm.chat.getLastId", owner) == chat
    refused = await crm.refused("imopenlines.crm.chat.get", {"CRM_ENTITY_TYPE": "company"})
    assert refused == (400, "ERROR_ARGUMENT", "Argument 'CRM_ENTITY' is null or empty")


async def test_lines_and_lines_of_other_portals(crm: PortalClient) -> None:
    made = await crm.result("imopenlines.config.add", {"PARAMS": {"LINE_NAME": "Продажи"}})
    assert (await crm.result("imopenlines.config.get", {"CONFIG_ID": made}))["LINE_NAME"] == "Продажи"
    assert [line["ID"] for line in await crm.result("imopenlines.config.list.get")] == [str(made)]
    assert await crm.result("imopenlines.config.delete", {"CONFIG_ID": made}) is True
    assert (await crm.refused("imopenlines.network.join", {"CODE": "x"}))[:2] == (400, "CODE")
