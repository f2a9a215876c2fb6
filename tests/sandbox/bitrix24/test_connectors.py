"""imconnector.*: messages of clients through an application's own channel."""

from __future__ import annotations

import pytest_asyncio

from tests.sandbox.bitrix24.application import installed
from tests.sandbox.bitrix24.client import PortalClient, Receiver
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox

CHANNEL = {"ID": "Sverka_Sms", "NAME": "СМС", "ICON": {"DATA_IMAGE": "data:image/svg+xml,a"},
           "PLACEMENT_HANDLER": "https://example.ru/settings"}  # fmt: skip


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal whose application may connect channels."""
    opening = {**OPENING, "scopes": ["im", "imopenlines", "imconnector"]}
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", opening))


async def test_a_client_writes_through_a_connector(crm: PortalClient, hears: Receiver) -> None:
    app = await installed(crm, hears)
    refused = await app.result("imconnector.register", {**CHANNEL, "ID": "a.b"})
    assert (refused["result"], refused["error"]) == (False, "APPLICATION_REGISTRATION_ERROR_POINT")
    assert await app.result("imconnector.register", CHANNEL) == {"result": True}
    line = await crm.result("imopenlines.config.add", {"PARAMS": {"LINE_NAME": "Касса"}})
    place = {"CONNECTOR": "sverka_sms", "LINE": line}
    assert (await app.result("imconnector.status", place))["STATUS"] is False
    assert await app.result("imconnector.activate", {**place, "ACTIVE": 1}) is True
    assert await app.result("imconnector.connector.data.set", {**place, "DATA": {"ID": "7"}}) is True
    assert (await app.result("imconnector.status", place))["STATUS"] is True
    assert (await app.result("imconnector.list"))["sverka_sms"] == "СМС"
    entry = {"user": {"id": "u1", "name": "Иван"}, "message": {"id": "m1", "text": "Где счёт?"}, "chat": {"id": "c1"}}
    (sent,) = (await app.result("imconnector.send.messages", {**place, "MESSAGES": [entry]}))["DATA"]["RESULT"]
    dialog = {"DIALOG_ID": f"chat{sent['session']['CHAT_ID']}"}
    assert [one["text"] for one in (await crm.result("im.dialog.messages.get", dialog))["messages"]] == ["Где счёт?"]
    later = {**entry, "message": {"id": "m1", "text": "Где акт?"}}
    assert (await app.result("imconnector.update.messages", {**place, "MESSAGES": [later]}))["SUCCESS"] is True
    assert [one["text"] for one in (await crm.result("im.dialog.messages.get", dialog))["messages"]] == ["Где акт?"]
    await app.result("imconnector.delete.messages", {**place, "MESSAGES": [later]})
    assert (await crm.result("im.dialog.messages.get", dialog))["messages"] == []
    named = {**place, "CHAT_ID": "c1", "USER_ID": "u1", "NAME": "Иван Петров"}
    assert (await app.result("imconnector.chat.name.set", named))["SUCCESS"] is True
    status = {"im": {"chat_id": 1, "message_id": 1}, "message": {"id": ["m1"]}, "chat": {"id": "c1"}}
    read = await app.result("imconnector.send.status.reading", {**place, "MESSAGES": [status]})
    assert read == {"SUCCESS": True, "DATA": []}
    for params, code in (
        ({**place, "LINE": 5, "MESSAGES": [entry]}, "NOT_ACTIVE_LINE"),
        ({**place, "CONNECTOR": "x", "MESSAGES": [entry]}, "IMCONNECTOR_NO_CORRECT_PROVIDER"),
        ({**place, "MESSAGES": [{"user": {}}]}, "ERROR_ARGUMENT"),
        ({**place, "MESSAGES": "x"}, "ERROR_ARGUMENT"),
        (place, "ERROR_ARGUMENT"),
    ):
        assert await app.refused("imconnector.send.messages", params) == (400, code)
    assert await app.result("imconnector.unregister", {"ID": "sverka_sms"}) == {"result": True}
    assert (await app.result("imconnector.unregister", {"ID": "sverka_sms"}))["result"] is False
