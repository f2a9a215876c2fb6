"""Groups of employees, flows of tasks, the news feed and services that applications add, over HTTP."""

from __future__ import annotations

import pytest_asyncio

from tests.sandbox.bitrix24.application import installed
from tests.sandbox.bitrix24.client import PortalClient, Receiver
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox

SCOPES = ["crm", "task", "sonet_group", "log", "mailservice", "messageservice", "ai_admin", "userconsent"]


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal whose webhook and application have what this page tries."""
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", {**OPENING, "scopes": SCOPES}))


async def test_a_group_has_an_owner_and_members_with_roles(crm: PortalClient) -> None:
    group = await crm.result("sonet_group.create", {"NAME": "Отгрузки", "PROJECT": "Y"})
    named = {"GROUP_ID": group}
    assert await crm.result("sonet_group.user.add", {**named, "USER_ID": [7, 5]}) == [7]
    assert await crm.result("sonet_group.user.invite", {**named, "USER_ID": 9}) == [9]
    assert await crm.result("sonet_group.user.update", {**named, "USER_ID": [7, 9], "ROLE": "E"}) == [7]
    people = await crm.result("sonet_group.user.get", {"ID": group})
    assert people == [{"USER_ID": "1", "ROLE": "A"}, {"USER_ID": "7", "ROLE": "E"}]
    (shown,) = await crm.result("sonet_group.get", {"FILTER": {"%NAME": "отгруз"}})
    assert (shown["NUMBER_OF_MEMBERS"], shown["PROJECT"], shown["OWNER_ID"]) == ("2", "Y", "1")
    (mine,) = await crm.result("sonet_group.user.groups")
    assert (mine["GROUP_ID"], mine["ROLE"]) == (str(group), "A")
    told = await crm.result("socialnetwork.api.workgroup.get", {"params": {"groupId": group}})
    assert (told["MEMBERS"], told["INVITED_MEMBERS"], told["TYPE"]) == ([1, 7], [9], "project")
    listed = await crm.call("socialnetwork.api.workgroup.list", {"filter": {"ACTIVE": "Y"}})
    assert (listed["result"]["workgroups"][0]["id"], listed["total"]) == (str(group), 1)
    assert await crm.result("sonet_group.setowner", {**named, "USER_ID": 7}) is True
    assert await crm.result("sonet_group.user.delete", {**named, "USER_ID": [1, 7]}) == [1]
    assert await crm.result("sonet_group.update", {**named, "CLOSED": "Y"}) == group
    assert await crm.result("sonet_group.delete", named) is True
    assert await crm.refused("sonet_group.delete", named) == (400, "", "Socialnetwork group not found")


async def test_a_flow_makes_its_group_and_is_switched(crm: PortalClient) -> None:
    path = "tasks.flow.Flow"
    data = {"name": "Заявки", "plannedCompletionTime": 7200, "distributionType": "manually",
            "responsibleList": [["user", 7]]}  # fmt: skip
    flow = await crm.result(f"{path}.create", {"flowData": data})
    assert (flow["responsibleList"], flow["active"], flow["matchWorkTime"]) == ([["user", "7"]], True, True)
    (group,) = await crm.result("sonet_group.get")
    assert (group["ID"], group["NAME"]) == (str(flow["groupId"]), "Заявки")
    again = await crm.refused(f"{path}.create", {"flowData": data})
    assert again == (400, 0, "Поток с таким названием уже существует")
    assert await crm.result(f"{path}.isExists", {"flowData": {"name": "заявки"}}) == {"exists": True}
    assert await crm.result(f"{path}.activate", {"flowId": flow["id"]}) is True
    changed = await crm.result(f"{path}.update", {"flowData": {"id": flow["id"], "name": "Счета", "taskControl": 1}})
    assert (changed["name"], changed["active"], changed["taskControl"]) == ("Счета", False, True)
    pins = [await crm.result(f"{path}.pin", {"flowId": flow["id"]}) for _ in range(2)]
    assert pins == [True, False]
    wrong = await crm.refused(f"{path}.update", {"flowData": {"id": flow["id"], "distributionType": "x"}})
    assert wrong[2] == "'distributionType': field's value has an invalid value"
    assert await crm.result(f"{path}.delete", {"flowData": {"id": flow["id"]}}) == {"deleted": True}
    assert await crm.refused(f"{path}.get", {"flowId": flow["id"]}) == (400, 0, "Flow not found")


async def test_the_feed_the_mail_and_the_consents_are_kept(crm: PortalClient) -> None:
    post = await crm.result("log.blogpost.add", {"POST_MESSAGE": "Отгрузили", "DEST": ["UA"]})
    assert (await crm.refused("log.blogpost.add"))[1] == "SONET_CONTROLLER_LIVEFEED_BLOGPOST_ADD_ERROR"
    assert await crm.result("log.blogpost.delete", {"POST_ID": post}) is True
    assert await crm.refused("log.blogpost.delete", {"POST_ID": post}) == (400, 100, "Wrong post ID")
    box = await crm.result("mailservice.add", {"NAME": "Почта", "SERVER": "IMAP.Example.RU", "PORT": 993, "SORT": 50})
    services = await crm.result("mailservice.list")
    assert [one["NAME"] for one in services] == ["Почта", "gmail"]
    assert await crm.result("mailservice.update", {"ID": box, "ACTIVE": "N"}) is True
    held = await crm.result("mailservice.get", {"ID": box})
    assert (held["SERVER"], held["PORT"], held["ACTIVE"]) == ("imap.example.ru", "993", "N")
    assert await crm.result("mailservice.delete", {"ID": box}) is True
    assert await crm.refused("mailservice.get", {"ID": box}) == (400, "ERROR_CORE", "Не найден почтовый сервис")
    (agreement,) = await crm.result("userconsent.agreement.list")
    text = await crm.result("userconsent.agreement.text", {"id": agreement["ID"], "replace": {"button_caption": "Да"}})
    assert "«Да»" in text["LABEL"]
    consent = {"AGREEMENT_ID": agreement["ID"], "IP": "192.0.2.1"}
    assert await crm.result("userconsent.consent.add", consent) > 0
    assert (await crm.refused("userconsent.consent.add", {**consent, "IP": "a"}))[1] == "ERROR_ARGUMENT"


async def test_an_application_registers_senders_and_engines(crm: PortalClient, hears: Receiver) -> None:
    app = await installed(crm, hears)
    sender = {"CODE": "sms.1", "TYPE": "SMS", "HANDLER": "https://example.ru/sms", "NAME": "СМС"}
    assert await app.result("messageservice.sender.add", sender) is True
    assert await app.refused("messageservice.sender.add", sender) == (400, "ERROR_SENDER_ALREADY_INSTALLED")
    assert await app.refused("messageservice.sender.add", {**sender, "CODE": "ж"}) == (
        400, "ERROR_SENDER_VALIDATION_FAILURE")  # fmt: skip
    assert await app.result("messageservice.sender.list") == ["sms.1"]
    assert await app.result("messageservice.sender.update", {"CODE": "sms.1", "NAME": "a"}) is True
    alone = await app.refused("messageservice.sender.update", {"CODE": "sms.1"})
    assert alone == (400, "ERROR_SENDER_OTHER_PARAMS_REQUIRED")
    assert await app.result("messageservice.sender.delete", {"CODE": "sms.1"}) is True
    assert await app.refused("messageservice.sender.delete", {"CODE": "sms.1"}) == (400, "ERROR_SENDER_NOT_FOUND")
    engine = {"name": "A", "code": "a_1", "category": "text", "completions_url": "https://example.ru/ai"}
    number = await app.result("ai.engine.register", engine)
    assert await app.refused("ai.engine.register", engine) == (400, "ENGINE_REGISTER_ERROR_CODE_UNIQUE")
    wrong = await app.refused("ai.engine.register", {**engine, "category": "video"})
    assert wrong == (400, "ENGINE_REGISTER_ERROR_CATEGORY_FORMAT")
    (held,) = await app.result("ai.engine.list", {"filter": {"CODE": "a_1"}})
    assert (held["id"], held["settings"]["model_context_limit"]) == (number, 15666)
    assert await crm.result("ai.engine.unregister", {"code": "a_1"}) is False
    assert await app.result("ai.engine.unregister", {"code": "a_1"}) is True
