"""How each method words what it does not take (vendor documentation, "Обработка ошибок" of each page)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bitrix24.client import PortalClient

NONE = 999_999
ACTIVITY = {"OWNER_TYPE_ID": 2, "OWNER_ID": NONE, "SUBJECT": "Звонок", "RESPONSIBLE_ID": 1, "TYPE_ID": 2,
            "COMMUNICATIONS": [{"VALUE": "+74950000001"}]}  # fmt: skip

Refusal = tuple[str, Any, str | int, str]
CARDS: list[Refusal] = [
    ("crm.company.update", {"id": NONE, "fields": {}}, "", "Company is not found"),
    ("crm.company.delete", {"id": NONE}, "", "Company is not found"),
    ("crm.contact.update", {"id": NONE, "fields": {}}, "", "Contact is not found"),
    ("crm.contact.delete", {"id": NONE}, "ERROR_CORE", "Элемент не найден"),
    ("crm.lead.delete", {"id": NONE}, "", "Not found"),
    ("crm.deal.add", {"fields": {"TITLE": "x"}, "params": "x"}, "", "Parameter 'params' must be array."),
    ("crm.deal.add", {"fields": {"CURRENCY_ID": "ZZZ"}}, "", 'Неверное значение поля "Валюта"'),
    ("crm.contact.add", {"fields": {"EMAIL": [{"VALUE": "адрес"}]}}, "ERROR_CORE",
     'Поле "E-mail" содержит некорректный адрес'),
    ("crm.deal.userfield.get", {"id": NONE}, "ERROR_NOT_FOUND", f"The entity with ID '{NONE}' is not found."),
    ("crm.deal.userfield.add", {"fields": {"FIELD_NAME": "Ё", "USER_TYPE_ID": "string"}}, "ERROR_CORE",
     "Имя поля содержит недопустимые символы. Допустимыми являются: A-Z, 0-9 и _."),
    ("crm.deal.contact.items.get", {}, "", "The parameter ownerEntityID is invalid or not defined."),
    ("crm.deal.contact.add", {"id": 0}, "", "The parameter 'ownerEntityID' is invalid or not defined."),
    ("crm.deal.contact.items.get", {"id": NONE}, "", "Not found."),
    ("crm.lead.contact.items.get", {"id": NONE}, "NOT_FOUND", "Not found."),
    ("crm.duplicate.findbycomm", {}, "", "Communication type is not defined"),
    ("crm.duplicate.findbycomm", {"type": "WEB", "values": ["x"]}, "",
     "Communication type 'WEB' is not supported in current context"),
    ("crm.duplicate.findbycomm", {"type": "EMAIL"}, "", "Communication values is not defined"),
    ("crm.item.list", {"entityTypeId": 2, "order": {"id": "UP"}}, "INVALID_ARG_VALUE",
     "Invalid order: allowed sort directions are `ASC, DESC`. But got 'UP' for field 'id'"),
]  # fmt: skip
LEGAL: list[Refusal] = [
    ("crm.requisite.add", {"fields": {"ENTITY_ID": 1}}, "", "ENTITY_TYPE_ID is not defined or invalid."),
    ("crm.requisite.add", {"fields": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": NONE, "PRESET_ID": 1, "NAME": "x"}}, "",
     "Entity not found."),
    ("crm.requisite.bankdetail.add", {"fields": {"NAME": "x"}}, "", "ENTITY_ID is not defined or invalid."),
    ("crm.requisite.link.get", {"entityId": 1}, "", "entityTypeId is not defined or invalid."),
    ("crm.requisite.link.unregister", {"entityTypeId": 2}, "", "entityId is not defined or invalid."),
    ("crm.requisite.link.register", {"fields": {"ENTITY_TYPE_ID": 2, "ENTITY_ID": 1}}, "",
     "REQUISITE_ID is not defined or invalid."),
    ("crm.address.delete", {"fields": {"TYPE_ID": 6, "ENTITY_ID": 1}}, "", "ENTITY_TYPE_ID is not defined or invalid."),
    ("crm.address.update", {"fields": {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 1}}, "",
     "TypeAddress not found"),
]  # fmt: skip
DICTIONARIES: list[Refusal] = [
    ("crm.category.list", {"entityTypeId": 1}, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type `LEAD` is not supported"),
    ("crm.category.get", {"entityTypeId": 2, "id": NONE}, "NOT_FOUND", "Элемент не найден"),
    ("crm.category.add", {"entityTypeId": 2, "fields": {"sort": 5}}, 0, "Field 'NAME' is required"),
    ("crm.category.delete", {"entityTypeId": 2, "id": 0}, 0, "Default deal category can not be deleted"),
    ("crm.status.get", {"id": NONE}, "", "Status is not found."),
    ("crm.status.update", {}, "", "Invalid identifier."),
    ("crm.status.add", {"fields": {"ENTITY_ID": "SOURCE"}}, "", "The field STATUS_ID is required."),
    ("crm.status.add", {"fields": {"ENTITY_ID": "NOTHING", "STATUS_ID": "A", "NAME": "А"}}, "",
     "Specified entity type is not supported."),
    ("crm.status.add", {"fields": {"ENTITY_ID": "SOURCE", "STATUS_ID": "CALL", "NAME": "Звонок"}}, "ERROR_CORE",
     "Указанный идентификатор статуса, уже существует."),
    ("crm.status.entity.items", {}, "", "The parameter entityId is not defined or invalid."),
    ("crm.stagehistory.list", {}, 100, "Could not find value for parameter {entityTypeId}"),
    ("crm.stagehistory.list", {"entityTypeId": 3}, "ENTITY_TYPE_NOT_SUPPORTED",
     "Entity type `CONTACT` is not supported"),
    ("crm.stagehistory.list", {"entityTypeId": 2, "order": {"NOTHING": "ASC"}}, "INVALID_ARG_VALUE",
     "Invalid order: field 'NOTHING' is not allowed in order"),
    ("crm.type.list", {"filter": {"nothing": 1}}, "INVALID_ARG_VALUE",
     "Invalid filter: field 'nothing' is not allowed in filter"),
]  # fmt: skip
TIMELINE: list[Refusal] = [
    ("crm.timeline.comment.get", {}, "", "ID is not defined or invalid."),
    ("crm.timeline.comment.update", {"id": NONE, "fields": {}}, "NOT_FOUND", "Not found."),
    ("crm.timeline.bindings.list", {"filter": {"OWNER_ID": NONE}}, "", "OWNER_ID is not defined or invalid."),
    ("crm.timeline.logmessage.add", {"fields": {"entityTypeId": 2}}, 100,
     "Could not find value for parameter {entityId}"),
    ("crm.activity.get", {"id": NONE}, "", "Activity is not found"),
    ("crm.activity.add", {"fields": {**ACTIVITY, "SUBJECT": ""}}, "", "The field SUBJECT is not defined or empty"),
    ("crm.activity.add", {"fields": {**ACTIVITY, "COMMUNICATIONS": []}}, "",
     "The field COMMUNICATIONS is not defined or invalid"),
    ("crm.activity.add", {"fields": ACTIVITY}, "",
     "Could not build binding. Please ensure that owner info and communications are defined correctly"),
]  # fmt: skip


@pytest.mark.parametrize(
    "refusals", [CARDS, LEGAL, DICTIONARIES, TIMELINE], ids=["cards", "legal", "dictionaries", "timeline"]
)
async def test_refusals_are_worded_as_documented(crm: PortalClient, refusals: list[Refusal]) -> None:
    for method, params, code, text in refusals:
        assert await crm.refused(method, params) == (400, code, text), method


async def test_a_requisite_of_another_company_cannot_be_linked(crm: PortalClient) -> None:
    buyer, other = await crm.company(inn="7709123453"), await crm.company(inn="5001000001")
    number = await crm.deal(company=buyer["company"]["id"])
    requisite = other["requisites"][0]["ID"]
    fields = {"ENTITY_TYPE_ID": 2, "ENTITY_ID": number, "REQUISITE_ID": requisite, "BANK_DETAIL_ID": 0,
              "MC_REQUISITE_ID": 0, "MC_BANK_DETAIL_ID": 0}  # fmt: skip
    text = f"The Requisite with ID '{requisite}' is not assigned to Company with ID '{buyer['company']['id']}'"
    assert await crm.refused("crm.requisite.link.register", {"fields": fields}) == (400, "", text)
    strange = {**fields, "REQUISITE_ID": 0, "MC_REQUISITE_ID": NONE}
    text = f"The Requisite of your company with ID '{NONE}' is not found"
    assert await crm.refused("crm.requisite.link.register", {"fields": strange}) == (400, "", text)
    own = {**fields, "REQUISITE_ID": buyer["requisites"][0]["ID"]}
    assert await crm.result("crm.requisite.link.register", {"fields": own}) is True


async def test_a_stage_in_which_deals_stand_is_kept(crm: PortalClient) -> None:
    params = {"fields": {"ENTITY_ID": "DEAL_STAGE_2", "STATUS_ID": "C2:UC_1", "NAME": "Проверка", "SORT": 15}}
    stage = await crm.result("crm.status.add", params)
    number = await crm.deal(category=2, stage="C2:UC_1")
    text = "There are active items in this status."
    assert await crm.refused("crm.status.delete", {"id": stage}) == (400, "", text)
    await crm.update(number, {"stageId": "C2:NEW"})
    assert await crm.result("crm.status.delete", {"id": stage}) is True


async def test_smart_processes_are_found_by_all_their_fields(crm: PortalClient) -> None:
    fields = {"title": "Договоры", "isCategoriesEnabled": "N"}
    made = (await crm.result("crm.type.add", {"fields": fields}))["type"]
    assert (made["isCategoriesEnabled"], made["isStagesEnabled"], made["isCountersEnabled"]) == ("N", "Y", "N")
    assert made["customSections"] == []
    by_flag = {"filter": {"isCategoriesEnabled": "N"}, "order": {"ID": "ASC"}}
    assert [kind["id"] for kind in (await crm.result("crm.type.list", by_flag))["types"]] == [made["id"]]
    totals = [(await crm.call("crm.type.list", {"filter": {"createdBy": user}}))["total"] for user in (1, 2)]
    assert totals == [1, 0]
    changed = await crm.result("crm.type.update", {"id": made["id"], "fields": {"isCategoriesEnabled": "Y"}})
    assert changed["type"]["isCategoriesEnabled"] == "Y"


async def test_fields_of_a_funnel_are_described_in_full(crm: PortalClient) -> None:
    fields = (await crm.result("crm.category.fields", {"entityTypeId": 2}))["fields"]
    assert fields["originId"] == {
        "type": "string", "isRequired": False, "isReadOnly": False, "isImmutable": False, "isMultiple": False,
        "isDynamic": False, "title": "ORIGIN_ID", "upperName": "ORIGIN_ID",
    }  # fmt: skip
