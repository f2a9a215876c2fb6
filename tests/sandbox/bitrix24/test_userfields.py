"""User fields: making them, and their values by type in both families."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bitrix24.client import PortalClient


async def _field(crm: PortalClient, kind: str, name: str = "TEST", **more: Any) -> int:
    fields = {"USER_TYPE_ID": kind, "FIELD_NAME": name, "EDIT_FORM_LABEL": {"ru": "Проба", "en": "Probe"}, **more}
    made: int = await crm.result("crm.deal.userfield.add", {"fields": fields})
    return made


VALUES: list[tuple[str, Any, str, Any]] = [
    ("string", "СЧ-117", "СЧ-117", "СЧ-117"),
    ("integer", "12", "12", 12),
    ("double", "3,5", "3.5", 3.5),
    ("boolean", "Y", "1", "Y"),
    ("boolean", 0, "0", "N"),
    ("date", "2026-09-17", "2026-09-17T03:00:00+03:00", "2026-09-17T03:00:00+03:00"),
    ("date", "17.09.2026", "2026-09-17T03:00:00+03:00", "2026-09-17T03:00:00+03:00"),
    ("datetime", "2026-09-17T10:00:00+05:00", "2026-09-17T08:00:00+03:00", "2026-09-17T08:00:00+03:00"),
    ("money", "1500|RUB", "1500|RUB", "1500|RUB"),
    ("url", "https://x.example/1", "https://x.example/1", "https://x.example/1"),
    ("employee", 7, "7", 7),
    ("crm", "CO_3", "CO_3", "CO_3"),
]  # fmt: skip


async def test_values_by_type(crm: PortalClient) -> None:
    for place, (kind, given, classic, typed) in enumerate(VALUES):
        name = f"UF_CRM_TEST_{place}"
        await _field(crm, kind, name)
        number = await crm.deal()
        assert (await crm.update(number, {name: given}))[name] == typed, kind
        assert (await crm.result("crm.deal.get", {"id": number}))[name] == classic, kind
        found = await crm.result("crm.deal.list", {"filter": {f"={name}": 1 if given == "Y" else given or False}})
        assert str(number) in [deal["ID"] for deal in found], kind
        assert (await crm.update(number, {name: ""}))[name] is None, kind


async def test_multiple_and_list_fields(crm: PortalClient) -> None:
    await _field(crm, "string", "TAGS", MULTIPLE="Y")
    options = [{"VALUE": "Да", "DEF": "Y"}, {"VALUE": "Нет"}]
    made = await _field(crm, "enumeration", "CHOICE", LIST=options)
    shown = await crm.result("crm.deal.userfield.get", {"id": made})
    first, second = (int(option["ID"]) for option in shown["LIST"])
    number = await crm.deal()
    blank = await crm.result("crm.deal.get", {"id": number})
    assert (blank["UF_CRM_TAGS"], blank["UF_CRM_CHOICE"]) == (False, None)
    item = await crm.update(number, {"UF_CRM_TAGS": ["а", "б"], "UF_CRM_CHOICE": second})
    assert (item["UF_CRM_TAGS"], item["UF_CRM_CHOICE"]) == (["а", "б"], second)
    assert await crm.result("crm.deal.list", {"filter": {"UF_CRM_TAGS": "б"}, "select": ["ID"]}) == [
        {"ID": str(number)}
    ]
    fields = (await crm.result("crm.item.fields", {"entityTypeId": 2}))["fields"]
    assert fields["ufCrmChoice"]["items"] == [{"ID": str(first), "VALUE": "Да"}, {"ID": str(second), "VALUE": "Нет"}]


async def test_making_reading_and_deleting(crm: PortalClient) -> None:
    made = await _field(crm, "string", "ACC_NO", XML_ID="ACC_NO", SORT=500)
    params = {"filter": {"FIELD_NAME": "UF_CRM_ACC_NO"}}
    listed = await crm.call("crm.deal.userfield.list", params)
    entry = listed["result"][0]
    assert (entry["ID"], entry["XML_ID"], entry["EDIT_FORM_LABEL"], entry["MULTIPLE"]) == (
        str(made), "ACC_NO", "Проба", "N",
    )  # fmt: skip
    assert await crm.result("crm.deal.userfield.update", {"id": made, "fields": {"SORT": 10}}) is True
    number = await crm.deal(fields={"UF_CRM_ACC_NO": "1"})
    assert await crm.result("crm.deal.userfield.delete", {"id": made}) is True
    assert "UF_CRM_ACC_NO" not in await crm.item(number)
    assert (await crm.call("crm.deal.userfield.list", params))["total"] == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"USER_TYPE_ID": "string"}, ""),
        ({"FIELD_NAME": "X"}, ""),
        ({"USER_TYPE_ID": "string", "FIELD_NAME": "X" * 50}, "ERROR_CORE"),
        ({"USER_TYPE_ID": "string", "FIELD_NAME": "ПОЛЕ"}, "ERROR_CORE"),
        ({"USER_TYPE_ID": "nothing", "FIELD_NAME": "X"}, "ERROR_CORE"),
        ({"USER_TYPE_ID": "string", "FIELD_NAME": "INVOICE_NUMBER"}, "ERROR_CORE"),
    ],
)
async def test_refusals(crm: PortalClient, fields: dict[str, Any], code: str) -> None:
    assert (await crm.refused("crm.deal.userfield.add", {"fields": fields}))[:2] == (400, code)


async def test_only_administrators_make_fields(crm: PortalClient) -> None:
    made = await crm.control("/webhooks", {"user_id": 7})
    manager = PortalClient(crm.sandbox, {**crm.opened, "webhook_url": made["webhook_url"]})
    fields = {"USER_TYPE_ID": "string", "FIELD_NAME": "X"}
    assert await manager.refused("crm.deal.userfield.add", {"fields": fields}) == (400, "", "Access denied")


async def test_fields_of_companies_and_requisites(crm: PortalClient) -> None:
    for name in ("company", "requisite"):
        fields = {"USER_TYPE_ID": "integer", "FIELD_NAME": "DEBT"}
        assert await crm.result(f"crm.{name}.userfield.add", {"fields": fields}) > 0
    made = await crm.company(inn="7709123453")
    company, requisite = made["company"]["id"], made["requisites"][0]["ID"]
    assert (await crm.update(company, {"UF_CRM_DEBT": 12}, 4))["UF_CRM_DEBT"] == 12
    await crm.result("crm.requisite.update", {"id": requisite, "fields": {"UF_CRM_DEBT": "5"}})
    assert (await crm.result("crm.requisite.get", {"id": requisite}))["UF_CRM_DEBT"] == "5"


async def test_booleans_as_json_where_the_dial_says_so(crm: PortalClient) -> None:
    await _field(crm, "boolean", "FLAG")
    number = await crm.deal(fields={"UF_CRM_FLAG": 1})
    await crm.control("", {"uf_boolean_json": True}, "PATCH")
    assert (await crm.item(number))["UF_CRM_FLAG"] is True


async def test_fields_of_smart_processes_and_invoices(crm: PortalClient) -> None:
    made = await crm.control("/webhooks", {"user_id": 1, "scopes": ["crm", "userfieldconfig"]})
    crm = PortalClient(crm.sandbox, {**crm.opened, "webhook_url": made["webhook_url"]})
    kind = (await crm.result("crm.type.add", {"fields": {"title": "Договоры", "entityTypeId": 177}}))["type"]
    entity = f"CRM_{kind['id']}"
    field = {"entityId": entity, "fieldName": f"UF_{entity}_STATE", "userTypeId": "enumeration", "multiple": "N",
             "editFormLabel": {"ru": "Состояние"}, "enum": [{"value": "Черновик"}, {"value": "Подписан"}]}  # fmt: skip
    added = (await crm.result("userfieldconfig.add", {"moduleId": "crm", "field": field}))["field"]
    assert (added["entityId"], added["editFormLabel"]) == (entity, {"ru": "Состояние", "en": None})
    assert [option["value"] for option in added["enum"]] == ["Черновик", "Подписан"]
    item = {"title": "Договор 5", f"UF_{entity}_STATE": int(added["enum"][1]["id"])}
    params = {"entityTypeId": 177, "fields": item, "useOriginalUfNames": "Y"}
    stored = (await crm.result("crm.item.add", params))["item"]
    assert stored[f"UF_{entity}_STATE"] == int(added["enum"][1]["id"])
    wrong = {"moduleId": "crm", "field": {**field, "entityId": "CRM_177", "fieldName": "UF_CRM_177_STATE"}}
    assert await crm.refused("userfieldconfig.add", wrong) == (400, "", "Вы не можете создавать пользовательские поля")
    url = {"entityId": "CRM_SMART_INVOICE", "fieldName": "UF_CRM_SMART_INVOICE_ACC_URL", "userTypeId": "string"}
    made = (await crm.result("userfieldconfig.add", {"moduleId": "crm", "field": url}))["field"]
    params = {"entityTypeId": 31, "fields": {"title": "Счёт", "ufCrmSmartInvoiceAccUrl": "https://acc.example.ru/1"}}
    assert (await crm.result("crm.item.add", params))["item"]["ufCrmSmartInvoiceAccUrl"] == "https://acc.example.ru/1"
    find = {"moduleId": "crm", "filter": {"entityId": "CRM_SMART_INVOICE"}, "select": {"0": "*", "language": "ru"}}
    listed = await crm.call("userfieldconfig.list", find)
    assert ([entry["id"] for entry in listed["result"]["fields"]], listed["total"]) == ([made["id"]], 1)
    change = {"moduleId": "crm", "id": made["id"], "field": {"mandatory": "Y", "editFormLabel": {"ru": "Адрес"}}}
    changed = (await crm.result("userfieldconfig.update", change))["field"]
    assert (changed["mandatory"], changed["editFormLabel"]["ru"]) == ("Y", "Адрес")
    assert await crm.result("userfieldconfig.delete", {"moduleId": "crm", "id": made["id"]}) is None
    gone = await crm.refused("userfieldconfig.get", {"moduleId": "crm", "id": made["id"]})
    assert gone == (400, "", f"The entity with ID '{made['id']}' is not found.")
    assert "boolean" in (await crm.result("userfieldconfig.getTypes", {"moduleId": "crm"}))["types"]


async def test_the_two_fields_of_a_payment(crm: PortalClient) -> None:
    invoice = (await crm.result("crm.item.add", {"entityTypeId": 31, "fields": {"title": "Счёт"}}))["item"]["id"]
    number = await crm.result("crm.item.payment.add", {"entityTypeId": 31, "entityId": invoice})
    change = {"id": number, "fields": {"paid": "Y", "paySystemId": 110}}
    assert await crm.result("crm.item.payment.update", change) is True
    payment = await crm.result("crm.item.payment.get", {"id": number})
    assert (payment["paid"], payment["paySystemId"], payment["empPaidId"]) == ("Y", 110, 1)
    await crm.result("crm.item.payment.update", {"id": number, "fields": {"paid": "N"}})
    assert (await crm.result("crm.item.payment.get", {"id": number}))["datePaid"] is None
