"""File fields of both families, downloads, timeline comments with files."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox.bitrix24.client import PDF, PortalClient

FIELD = "UF_CRM_INVOICE_PDF"


def _pair(name: str = "счёт 117.pdf", content: bytes = PDF) -> list[str]:
    return [name, base64.b64encode(content).decode()]


async def _many(crm: PortalClient) -> str:
    fields = {"USER_TYPE_ID": "file", "FIELD_NAME": "SCANS", "MULTIPLE": "Y"}
    await crm.result("crm.deal.userfield.add", {"fields": fields})
    return "UF_CRM_SCANS"


async def test_a_single_file_field(crm: PortalClient) -> None:
    number = await crm.deal()
    item = await crm.update(number, {FIELD: _pair()})
    first = item[FIELD]
    assert set(first) == {"id", "url", "urlMachine"}
    download = await crm.sandbox.client.get(first["urlMachine"])
    assert (download.status_code, download.content) == (200, PDF)
    assert download.headers["content-type"] == "application/pdf"
    assert (await crm.sandbox.client.get(first["url"])).status_code == 401
    forged = await crm.sandbox.client.get(first["urlMachine"][:-4] + "0000")
    assert (forged.status_code, forged.json()["error"]) == (403, "INVALID_TOKEN")
    second = (await crm.update(number, {FIELD: _pair(content=b"other")}))[FIELD]
    assert second["id"] > first["id"]
    assert (await crm.sandbox.client.get(first["urlMachine"])).status_code == 404
    assert (await crm.update(number, {FIELD: ""}))[FIELD] is None


async def test_a_wrong_format_loses_the_file_without_an_error(crm: PortalClient) -> None:
    number = await crm.deal()
    await crm.update(number, {FIELD: _pair()})
    assert (await crm.update(number, {FIELD: "JVBERi0="}))[FIELD] is None


async def test_a_multiple_field_is_set_as_a_whole(crm: PortalClient) -> None:
    name = await _many(crm)
    number = await crm.deal()
    two = (await crm.update(number, {name: [_pair("a.pdf"), _pair("b.pdf", b"b")]}))[name]
    assert len(two) == 2
    kept = (await crm.update(number, {name: [{"id": two[1]["id"]}, _pair("c.pdf", b"c")]}))[name]
    assert [entry["id"] for entry in kept] == [two[1]["id"], two[1]["id"] + 1]
    assert (await crm.update(number, {name: []}))[name] == []


async def test_the_classic_form(crm: PortalClient) -> None:
    number = await crm.deal()
    await crm.result("crm.deal.update", {"id": number, "fields": {FIELD: {"fileData": _pair()}}})
    shown = (await crm.result("crm.deal.get", {"id": number}))[FIELD]
    assert set(shown) == {"id", "showUrl", "downloadUrl"}
    assert shown["showUrl"].startswith("/bitrix/components/bitrix/crm.deal.show/show_file.php?ownerId=")
    assert (await crm.sandbox.client.get(shown["downloadUrl"])).content == PDF
    assert (await crm.sandbox.client.get(shown["showUrl"])).status_code == 401
    removal = {"id": shown["id"], "remove": "Y"}
    await crm.result("crm.deal.update", {"id": number, "fields": {FIELD: removal}})
    assert (await crm.result("crm.deal.get", {"id": number}))[FIELD] is None


async def test_a_file_in_a_batch_and_by_a_form(crm: PortalClient) -> None:
    number = await crm.deal()
    name, content = _pair("a+b.pdf", bytes(range(256)))
    escaped = content.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    field = "fields[ufCrmInvoicePdf]"
    command = f"crm.item.update?entityTypeId=2&id={number}&{field}[0]={name}&{field}[1]={escaped}"
    batch = await crm.result("batch", {"cmd": {"file": command.replace("a+b", "a%2Bb")}})
    url = batch["result"]["file"]["item"]["ufCrmInvoicePdf"]["urlMachine"]
    assert (await crm.sandbox.client.get(url)).content == bytes(range(256))
    assert (await crm.control(f"/deals/{number}", method="GET"))["deal"][FIELD]["name"] == "a+b.pdf"


async def test_downloads_may_need_browser_headers(crm: PortalClient) -> None:
    await crm.control("", {"downloads_need_browser_headers": True}, "PATCH")
    number = await crm.deal()
    url = (await crm.update(number, {FIELD: _pair()}))[FIELD]["urlMachine"]
    assert (await crm.sandbox.client.get(url)).status_code == 404
    browser = {"User-Agent": "Mozilla/5.0", "Accept": "*/*"}
    assert (await crm.sandbox.client.get(url, headers=browser)).content == PDF


async def _comment(crm: PortalClient, number: int, **fields: Any) -> int:
    given = {"ENTITY_ID": number, "ENTITY_TYPE": "deal", "COMMENT": "Счёт [b]117[/b]", **fields}
    made: int = await crm.result("crm.timeline.comment.add", {"fields": given})
    return made


async def test_timeline_comments(crm: PortalClient) -> None:
    number = await crm.deal()
    made = await _comment(crm, number, FILES=[_pair(), _pair("b.txt", b"b")])
    plain = await _comment(crm, number, COMMENT="без файла")
    params = {"filter": {"ENTITY_ID": number, "ENTITY_TYPE": "deal"}, "order": {"ID": "DESC"}}
    listed = await crm.call("crm.timeline.comment.list", params)
    assert [comment["ID"] for comment in listed["result"]] == [str(plain), str(made)]
    assert listed["total"] == 2
    assert listed["result"][0]["FILES"] == []
    files = listed["result"][1]["FILES"]
    assert [files[place]["name"] for place in ("1", "2")] == ["счёт 117.pdf", "b.txt"]
    assert (files["1"]["size"], files["1"]["authorName"]) == (len(PDF), "Мария Климова")
    assert urlsplit(files["1"]["urlDownload"]).path.startswith("/disk/downloadFile/")
    assert await crm.result("crm.timeline.comment.update", {"id": made, "fields": {"FILES": [_pair("c.pdf")]}}) == made
    shown = await crm.result("crm.timeline.comment.get", {"id": made})
    assert [entry["name"] for entry in shown["FILES"].values()] == ["c.pdf"]
    assert shown["COMMENT"] == "Счёт [b]117[/b]"
    assert await crm.result("crm.timeline.comment.delete", {"id": plain}) is None
    assert await crm.refused("crm.timeline.comment.get", {"id": plain}) == (400, "", "Not found.")


async def test_comment_refusals(crm: PortalClient) -> None:
    number = await crm.deal()
    fields = {"ENTITY_ID": number, "ENTITY_TYPE": "deal", "COMMENT": "x"}
    assert (await crm.refused("crm.timeline.comment.add", {"FIELDS": fields}))[:2] == (400, 100)
    assert (await crm.refused("crm.timeline.comment.add", {"fields": {**fields, "COMMENT": " "}}))[
        1
    ] == "INVALID_ARG_VALUE"
    assert (await crm.refused("crm.timeline.comment.add", {"fields": {**fields, "ENTITY_ID": 99}}))[
        1
    ] == "OWNER_NOT_FOUND"
    assert (await crm.refused("crm.timeline.comment.list", {"filter": {"ENTITY_ID": number}}))[1] == "INVALID_ARG_VALUE"


async def test_a_comment_is_bound_to_several_objects(crm: PortalClient) -> None:
    number, company = await crm.deal(), (await crm.company())["company"]["id"]
    made = await _comment(crm, number)
    binding = {"OWNER_ID": made, "ENTITY_ID": company, "ENTITY_TYPE": "company"}
    assert await crm.result("crm.timeline.bindings.bind", {"fields": binding}) is True
    listed = await crm.result("crm.timeline.comment.list", {"filter": {"ENTITY_ID": company, "ENTITY_TYPE": "company"}})
    assert (listed[0]["ID"], listed[0]["ENTITY_TYPE"]) == (str(made), "company")
    assert len(await crm.result("crm.timeline.bindings.list", {"filter": {"OWNER_ID": made}})) == 2


async def test_log_messages_and_todos(crm: PortalClient) -> None:
    number = await crm.deal()
    fields = {"entityTypeId": 2, "entityId": number, "title": "Оплата", "text": "129 600 ₽", "iconCode": "info"}
    made = (await crm.result("crm.timeline.logmessage.add", {"fields": fields}))["logMessage"]
    listed = await crm.call("crm.timeline.logmessage.list", {"entityTypeId": 2, "entityId": number})
    assert (listed["result"], listed["total"]) == ([made], 1)
    todo = {"ownerTypeId": 2, "ownerId": number, "title": "Позвонить", "deadline": "2026-12-17T18:00:00+03:00"}
    added = await crm.result("crm.activity.todo.add", todo)
    found = await crm.result("crm.activity.list", {"filter": {"OWNER_TYPE_ID": 2, "OWNER_ID": number}})
    assert (found[0]["ID"], found[0]["SUBJECT"], found[0]["PROVIDER_ID"], found[0]["DEADLINE"]) == (
        str(added["id"]), "Позвонить", "CRM_TODO", "2026-12-17T18:00:00+03:00",
    )  # fmt: skip
    assert (await crm.refused("crm.activity.todo.add", {**todo, "deadline": "скоро"}))[1] == "WRONG_DATETIME_FORMAT"
    moved = {"id": added["id"], "ownerTypeId": 2, "ownerId": number, "value": "2026-12-20T12:00:00+03:00"}
    assert await crm.result("crm.activity.todo.updateDeadline", moved) == added
    shown = await crm.result("crm.activity.get", added)
    assert shown["DEADLINE"] == "2026-12-20T12:00:00+03:00"
    assert (shown["RESULT_MARK"], shown["PROVIDER_PARAMS"], shown["PROVIDER_DATA"]) == ("0", [], None)
    assert set(shown) <= set(await crm.result("crm.activity.fields"))
    assert (await crm.refused("crm.activity.todo.updateDeadline", {**moved, "value": None}))[1] == 100
    assert (await crm.refused("crm.activity.todo.updateDeadline", {**moved, "ownerId": 1}))[1] == "OWNER_NOT_FOUND"
    await crm.result("crm.activity.update", {"id": added["id"], "fields": {"COMPLETED": "Y"}})
    status, code, _ = await crm.refused("crm.activity.todo.updateDescription", {**moved, "value": "x"})
    assert (status, code) == (400, "CAN_NOT_UPDATE_COMPLETED_TODO")


async def test_mail_leaves_only_with_the_three_marks(crm: PortalClient) -> None:
    number = await crm.deal()
    mail = {"OWNER_TYPE_ID": 2, "OWNER_ID": number, "TYPE_ID": 4, "DIRECTION": 2, "SUBJECT": "Счёт",
            "RESPONSIBLE_ID": 7, "COMMUNICATIONS": [{"VALUE": "buh@lotos.example"}]}  # fmt: skip
    await crm.result("crm.activity.add", {"fields": mail})
    await crm.result("crm.activity.add", {"fields": {**mail, "COMPLETED": "Y"}})
    nobody = {**mail, "COMPLETED": "Y", "COMMUNICATIONS": [{"VALUE": "+74950000001"}]}
    refusal = await crm.refused("crm.activity.add", {"fields": nobody})
    assert refusal[2].startswith("Email send error.")
    activities = (await crm.control(f"/deals/{number}", method="GET"))["activities"]
    assert [entry["mail_sent_to"] for entry in activities] == [None, "buh@lotos.example", None]
