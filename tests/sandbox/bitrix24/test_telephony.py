"""telephony.* and voximplant.* over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest_asyncio

from tests.sandbox.bitrix24.application import installed
from tests.sandbox.bitrix24.client import PortalClient, Receiver
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox

PHONE = "+7 978 000-11-22"
SERVER = {"SERVER": "sip.example.ru", "LOGIN": "a", "PASSWORD": "b", "TITLE": "Офис"}


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal whose webhook and application have telephony."""
    opening = {**OPENING, "scopes": ["crm", "user", "telephony"]}
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", opening))


def _call(**more: Any) -> dict[str, Any]:
    return {"USER_ID": 1, "PHONE_NUMBER": PHONE, "TYPE": 2, **more}


async def test_a_call_goes_from_its_registration_into_the_statistics_and_the_timeline(crm: PortalClient) -> None:
    fields = {"NAME": "Иван", "PHONE": [{"VALUE": "79780001122"}]}
    client = await crm.result("crm.contact.add", {"fields": fields})
    made = await crm.result("telephony.externalCall.register", _call(EXTERNAL_CALL_ID="x1", LINE_NUMBER="3"))
    assert (made["CRM_ENTITY_TYPE"], made["CRM_ENTITY_ID"], made["CRM_CREATED_LEAD"]) == ("CONTACT", client, None)
    again = await crm.result("telephony.externalCall.register", _call(EXTERNAL_CALL_ID="x1", LINE_NUMBER="3"))
    other = await crm.result("telephony.externalCall.register", _call(EXTERNAL_CALL_ID="x2", LINE_NUMBER="3"))
    number = made["CALL_ID"]
    assert (again["CALL_ID"], other["CALL_ID"] == number) == (number, False)
    assert await crm.result("telephony.externalCall.show", {"CALL_ID": number}) is True
    assert await crm.result("telephony.externalCall.hide", {"CALL_ID": "no"}) is False
    early = await crm.refused("telephony.externalCall.attachRecord", {"CALL_ID": number, "FILENAME": "a.mp3"})
    assert early[:2] == (400, "ERROR_CORE")
    finish = {"CALL_ID": number, "USER_ID": 1, "DURATION": 95, "COST": "1,50", "COST_CURRENCY": "RUB", "VOTE": 5}
    done = await crm.result("telephony.externalCall.finish", finish)
    assert (done["CALL_STATUS"], done["CALL_FAILED_CODE"], done["COST"], done["INCOMING"]) == (1, "200", 1.5, "2")
    activity = await crm.result("crm.activity.get", {"id": done["CRM_ACTIVITY_ID"]})
    assert (activity["OWNER_ID"], activity["TYPE_ID"], activity["PROVIDER_ID"]) == (str(client), "2", "VOXIMPLANT_CALL")
    content = base64.encodebytes(b"ID3" * 40).decode()
    record = {"CALL_ID": number, "FILENAME": "a.mp3", "FILE_CONTENT": content}
    file_id = (await crm.result("telephony.externalCall.attachRecord", record))["FILE_ID"]
    lines = [{"SIDE": "User", "START_TIME": 0, "STOP_TIME": 1, "MESSAGE": "Алло"}]
    text = await crm.result("telephony.call.attachTranscription", {"CALL_ID": number, "MESSAGES": lines})
    (told,) = await crm.result("voximplant.statistic.get", {"FILTER": {">CALL_DURATION": 90}})
    assert (told["CALL_ID"], told["COST"], told["CALL_VOTE"]) == (number, "1.5000", "5")
    assert (told["RECORD_FILE_ID"], told["TRANSCRIPT_ID"]) == (file_id, str(text["TRANSCRIPT_ID"]))
    address = await crm.result("telephony.externalCall.attachRecord", {"CALL_ID": number, "FILENAME": "b.wav"})
    files = {address["fieldName"]: ("b.wav", b"RIFF")}
    posted = await crm.sandbox.client.post(address["uploadUrl"], files=files)
    assert posted.json()["result"]["FILE_ID"] != file_id
    (found,) = await crm.result("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": PHONE})
    assert (found["CRM_ENTITY_ID"], found["NAME"], found["ASSIGNED_BY"]["ID"]) == (client, "Иван", "1")


async def test_a_call_of_a_stranger_makes_a_lead_when_it_is_asked_for(crm: PortalClient) -> None:
    made = await crm.result("telephony.externalCall.register", _call(CRM_CREATE=1))
    assert made["CRM_CREATED_ENTITIES"] == [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": made["CRM_CREATED_LEAD"]}]
    lead = await crm.result("crm.lead.get", {"id": made["CRM_ENTITY_ID"]})
    assert lead["PHONE"][0]["VALUE"] == PHONE
    for more, text in (
        ({"TYPE": 9}, "Unknown TYPE"),
        ({"USER_ID": 0}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": 5}, "User is not found or is not active"),
        ({"PHONE_NUMBER": "a"}, "Unsupported phone number format"),
        ({"CALL_START_DATE": "a"}, "CALL_START_DATE should be in the ISO-8601 format"),
    ):
        refused = await crm.refused("telephony.externalCall.register", _call(**more))
        assert refused == (400, "ERROR_CORE", text)
    unknown = await crm.refused("telephony.externalCall.finish", {"CALL_ID": "no", "USER_ID": 1})
    assert unknown[2] == "Call is not found (call should be registered prior to finishing"
    wrong = {"CALL_ID": "no", "MESSAGES": [{"SIDE": "Robot"}]}
    refused = await crm.refused("telephony.call.attachTranscription", wrong)
    assert refused[2] == "MESSAGES[0][SIDE] should be either Client or User"


async def test_lines_belong_to_the_application_that_made_them(crm: PortalClient, hears: Receiver) -> None:
    app = await installed(crm, hears)
    made = await app.result("telephony.externalLine.add", {"NUMBER": "7495", "NAME": "Офис"})
    assert await app.refused("telephony.externalLine.add", {"NUMBER": "7495"}) == (400, "ERROR_CORE")
    changed = {"NUMBER": "7495", "CRM_AUTO_CREATE": "N"}
    assert await app.result("telephony.externalLine.update", changed) == {"ID": str(made["ID"])}
    assert await app.result("telephony.externalLine.get") == [{"NAME": "Офис", **changed}]
    assert await app.refused("telephony.externalLine.update", {"NUMBER": "7495"}) == (400, "ERROR_CORE")
    assert await app.result("telephony.externalLine.delete", {"NUMBER": "7495"}) == []
    assert (await crm.refused("telephony.externalLine.get"))[0] == 403
    assert await app.refused("voximplant.user.get", {"USER_ID": 1}) == (401, "METHOD_CONFIRM_WAITING")
    line = await crm.result("voximplant.sip.add", SERVER)
    assert (line["TYPE"], line["REGISTRATION_STATUS_CODE"]) == ("cloud", None)
    named = {"CONFIG_ID": line["CONFIG_ID"]}
    assert await app.refused("voximplant.sip.update", {**named, "TITLE": "x"}) == (400, "ERROR_NOT_FOUND")
    assert await crm.result("voximplant.sip.update", {**named, "TITLE": "Дом"}) == 1
    (held,) = await crm.result("voximplant.sip.get", {"FILTER": {"TITLE": "Дом"}})
    assert (held["REG_ID"], held["REGISTRATION_STATUS_CODE"]) == (str(line["REG_ID"]), "200")
    assert (await crm.result("voximplant.sip.status", {"REG_ID": line["REG_ID"]}))["STATUS_RESULT"] == "success"
    assert await crm.result("voximplant.line.outgoing.sip.set", named) == 1
    assert await crm.result("voximplant.line.outgoing.get") == f"reg{line['REG_ID']}"
    robot = {"FROM_LINE": f"reg{line['REG_ID']}", "TO_NUMBER": PHONE, "TEXT_TO_PRONOUNCE": "Оплатите счёт"}
    assert (await crm.result("voximplant.infocall.startwithtext", robot))["RESULT"] is True
    assert await crm.result("voximplant.sip.delete", named) == 1
    assert (await crm.refused("voximplant.infocall.startwithtext", robot))[1] == "ERROR_CORE"
    assert list(await crm.result("voximplant.line.get")) == ["reg150000"]
    assert (await crm.refused("voximplant.sip.add", {"LOGIN": "a"}))[1] == "CHECK_FIELDS_ERROR"
    assert await crm.result("voximplant.user.activatePhone", {"USER_ID": 7}) == 1
    phones = await crm.result("voximplant.user.get", {"USER_ID": [1, 7]})
    assert [one["PHONE_ENABLED"] for one in phones] == ["N", "Y"]
