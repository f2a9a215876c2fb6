"""Deals in both families: types on the wire, stages, history, amounts, relations."""

from __future__ import annotations

from typing import Any

from tests.sandbox.bitrix24.client import PortalClient


async def test_one_record_in_both_spellings(crm: PortalClient) -> None:
    company = (await crm.company())["company"]["id"]
    contact = (await crm.control("/contacts", {"name": "Анна"}))["id"]
    number = await crm.deal(company=company, contact=contact, rows=[{"name": "Стеллаж", "price": "100.50", "vat": 20}])
    classic = await crm.result("crm.deal.get", {"id": number})
    assert classic["ID"] == str(number)
    assert classic["OPPORTUNITY"] == "100.50"
    assert classic["TAX_VALUE"] == "16.75"
    assert classic["COMPANY_ID"] == str(company)
    assert classic["LEAD_ID"] is None
    assert classic["CLOSED"] == "N"
    assert classic["BEGINDATE"].endswith("T03:00:00+03:00")
    assert classic["CATEGORY_ID"] == "0"
    typed = await crm.item(number)
    assert typed["id"] == number
    assert typed["opportunity"] == 100.5
    assert typed["companyId"] == company
    assert typed["contactIds"] == [contact]
    assert typed["observers"] == []
    assert typed["begindate"] == classic["BEGINDATE"]
    assert typed["createdTime"] == classic["DATE_CREATE"]
    assert typed["entityTypeId"] == 2
    assert "previousStageId" not in typed
    contacts = await crm.result("crm.deal.contact.items.get", {"id": number})
    assert contacts == [{"CONTACT_ID": contact, "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"}]


ARGUMENT_ERRORS: list[tuple[str, Any, tuple[int, Any, str]]] = [
    ("crm.deal.get", {}, (400, "", "ID is not defined or invalid.")),
    ("crm.deal.get", {"id": "x"}, (400, "", "ID is not defined or invalid.")),
    ("crm.deal.get", {"id": 99}, (400, "", "Not found")),
    ("crm.deal.update", {"id": 99, "fields": {}}, (400, "", "Not found")),
    ("crm.deal.list", {"filter": "x"}, (400, "", "Parameter 'filter' must be array.")),
    ("crm.deal.list", {"order": "x"}, (400, "", "Parameter 'order' must be array.")),
    ("crm.item.get", {"id": 1}, (400, 100, "Could not find value for parameter {entityTypeId}")),
    ("crm.item.get", {"entityTypeId": 2}, (400, 100, "Could not find value for parameter {id}")),
    ("crm.item.get", {"entityTypeId": 2, "id": 99}, (400, "NOT_FOUND", "Элемент не найден")),
    ("crm.item.get", {"entityTypeId": 999, "id": 1}, (400, "NOT_FOUND", "Смарт-процесс не найден")),
    ("crm.item.list", {"entityTypeId": 2, "filter": {"=nothing": 1}},
     (400, "INVALID_ARG_VALUE", "Invalid filter: field 'nothing' is not allowed in filter")),
    ("crm.item.list", {"entityTypeId": 2, "filter": {"=id": "many"}},
     (400, "INVALID_ARG_VALUE", "Invalid filter: field 'ID' has invalid value")),
    ("crm.item.list", {"entityTypeId": 2, "order": {"nothing": "ASC"}},
     (400, "INVALID_ARG_VALUE", "Invalid order: field 'nothing' is not allowed in order")),
    ("crm.item.get", {"entityTypeId": 5, "id": 1},
     (400, "ENTITY_TYPE_NOT_SUPPORTED", "Тип сущности не поддерживается")),
]  # fmt: skip


async def test_argument_errors(crm: PortalClient) -> None:
    for method, params, error in ARGUMENT_ERRORS:
        assert await crm.refused(method, params) == error, (method, params)


async def test_stage_moves_close_the_deal_and_leave_history(crm: PortalClient) -> None:
    number = await crm.deal()
    before = await crm.item(number)
    assert (before["isNew"], before["stageId"]) == ("Y", "NEW")
    await crm.sandbox.advance(60)
    await crm.update(number, {"stageId": "PREPAYMENT_INVOICE"})
    await crm.result("crm.deal.update", {"id": number, "fields": {"STAGE_ID": "WON"}})
    won = await crm.item(number)
    assert (won["stageSemanticId"], won["closed"], won["movedBy"]) == ("S", "Y", 1)
    assert won["movedTime"] > before["movedTime"]
    await crm.update(number, {"stageId": "EXECUTING"})
    assert (await crm.item(number))["closed"] == "N"
    await crm.control(f"/deals/{number}/move", {"stage": "LOSE"})
    history = await crm.history(number)
    assert [(entry["TYPE_ID"], entry["STAGE_ID"], entry["STAGE_SEMANTIC_ID"]) for entry in history] == [
        (1, "NEW", "P"), (2, "PREPAYMENT_INVOICE", "P"), (3, "WON", "S"), (2, "EXECUTING", "P"), (3, "LOSE", "F"),
    ]  # fmt: skip
    assert [entry["ID"] for entry in history] == sorted(entry["ID"] for entry in history)


async def test_history_is_a_feed_of_the_whole_portal(crm: PortalClient) -> None:
    first, second = await crm.deal(), await crm.deal(category=2)
    last = (await crm.history(second))[-1]["ID"]
    await crm.update(first, {"stageId": "EXECUTING"})
    await crm.update(second, {"stageId": "C2:EXECUTING"})
    feed = await crm.result(
        "crm.stagehistory.list", {"entityTypeId": 2, "filter": {">ID": last}, "order": {"ID": "ASC"}, "start": -1}
    )
    assert [(entry["OWNER_ID"], entry["CATEGORY_ID"]) for entry in feed["items"]] == [(first, 0), (second, 2)]
    status, code, _ = await crm.refused("crm.stagehistory.list", {"entityTypeId": 4})
    assert (status, code) == (400, "ENTITY_TYPE_NOT_SUPPORTED")


async def test_funnel_change_only_by_the_universal_method(crm: PortalClient) -> None:
    number = await crm.deal()
    await crm.result("crm.deal.update", {"id": number, "fields": {"CATEGORY_ID": 2}})
    assert (await crm.item(number))["categoryId"] == 0
    moved = await crm.update(number, {"categoryId": 2})
    assert (moved["categoryId"], moved["stageId"]) == (2, "C2:NEW")
    assert (await crm.history(number))[-1]["TYPE_ID"] == 5


async def test_wrong_values(crm: PortalClient) -> None:
    number = await crm.deal()
    bad = {"entityTypeId": 2, "id": number}
    status, code, text = await crm.refused("crm.item.update", {**bad, "fields": {"stageId": "C2:WON"}})
    assert (status, code) == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    assert text.startswith("Неверное значение поля")
    status, code, _ = await crm.refused("crm.item.update", {**bad, "fields": {"closedate": "завтра"}})
    assert (status, code) == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    status, code, text = await crm.refused("crm.item.update", {**bad, "fields": {"contactIds": "7"}})
    assert (status, code) == (400, 100)
    assert text == "Expected iterable value for multiple field, but got `string` instead"
    assert await crm.refused("crm.deal.update", {**bad, "fields": "x"}) == (
        400,
        "",
        "Parameter 'fields' must be array.",
    )
    assert (await crm.history(number))[-1]["STAGE_ID"] == "NEW"


async def test_unchanged_update_saves_nothing_and_unknown_fields_are_ignored(crm: PortalClient) -> None:
    number = await crm.deal()
    before = await crm.item(number)
    await crm.sandbox.advance(60)
    await crm.update(number, {"title": "Поставка", "noSuchField": 1, "createdBy": 5})
    assert await crm.item(number) == before
    assert await crm.result("crm.deal.update", {"id": number, "fields": {"NO_SUCH": 1}}) is True
    after = await crm.item(number)
    assert after["updatedTime"] > before["updatedTime"]
    assert after["createdBy"] == before["createdBy"]


async def test_amount_follows_the_rows_unless_it_is_manual(crm: PortalClient) -> None:
    number = await crm.deal(rows=[{"name": "А", "price": "10.00", "quantity": 3}])
    await crm.update(number, {"opportunity": 999})
    assert (await crm.item(number))["opportunity"] == 30
    await crm.update(number, {"isManualOpportunity": "Y", "opportunity": 999})
    await crm.result("crm.deal.productrows.set", {"id": number, "rows": [{"PRODUCT_NAME": "Б", "PRICE": 5}]})
    assert (await crm.item(number))["opportunity"] == 999
    await crm.update(number, {"isManualOpportunity": "N"})
    assert (await crm.item(number))["opportunity"] == 5


async def test_required_field_of_a_stage(crm: PortalClient) -> None:
    rule = {"entityTypeId": 2, "stage": "WON", "field": "UF_CRM_ACT_NUMBER"}
    await crm.control("", {"required_fields": [rule]}, "PATCH")
    number = await crm.deal()
    status, code, text = await crm.refused(
        "crm.item.update", {"entityTypeId": 2, "id": number, "fields": {"stageId": "WON"}}
    )
    assert (status, code) == (400, "CRM_FIELD_ERROR_REQUIRED")
    assert "Номер акта" in text
    status, code, _ = await crm.refused("crm.deal.update", {"id": number, "fields": {"STAGE_ID": "WON"}})
    assert (status, code) == (400, "")
    won = await crm.update(number, {"stageId": "WON", "UF_CRM_ACT_NUMBER": "А-1"})
    assert won["stageId"] == "WON"


async def test_delete_takes_what_hangs_on_the_deal(crm: PortalClient) -> None:
    number = await crm.deal(rows=[{"name": "А", "price": "1"}])
    assert await crm.result("crm.item.delete", {"entityTypeId": 2, "id": number}) == []
    assert await crm.refused("crm.deal.get", {"id": number}) == (400, "", "Not found")
    assert await crm.history(number) == []
    assert await crm.result("crm.deal.add", {"fields": {"TITLE": "Новая"}}) == number + 1


async def test_neighbouring_families(crm: PortalClient) -> None:
    lead = await crm.result("crm.lead.add", {"fields": {"TITLE": "Лид", "PHONE": [{"VALUE": "+7 495 000-00-01"}]}})
    shown = await crm.result("crm.lead.get", {"id": lead})
    assert (shown["STATUS_ID"], shown["STATUS_SEMANTIC_ID"], shown["HAS_PHONE"]) == ("NEW", "P", "Y")
    assert (await crm.item(lead, 1))["stageId"] == "NEW"
    quote = await crm.result("crm.quote.add", {"fields": {"TITLE": "КП"}})
    assert (await crm.result("crm.quote.get", {"id": quote}))["STATUS_ID"] == "DRAFT"
    fields = {"title": "Счёт", "parentId2": 5, "begindate": "2026-09-10", "accountNumber": "СЧ-1"}
    invoice = (await crm.result("crm.item.add", {"entityTypeId": 31, "fields": fields}))["item"]
    assert invoice["stageId"] == f"DT31_{invoice['categoryId']}:N"
    assert (invoice["parentId2"], invoice["accountNumber"]) == (5, "СЧ-1")
    sent = await crm.update(invoice["id"], {"stageId": invoice["stageId"].replace(":N", ":P")}, 31)
    assert (sent["previousStageId"], sent["stageSemanticId"]) == (invoice["stageId"], "S")
    await crm.control("/types", {"entity_type_id": 147, "title": "Проект"})
    project = (await crm.result("crm.item.add", {"entityTypeId": 147, "fields": {"title": "П"}}))["item"]
    assert project["stageId"].endswith(":NEW")
    assert (await crm.result("crm.type.list"))["types"][0]["entityTypeId"] == 147


async def test_field_descriptions(crm: PortalClient) -> None:
    classic = await crm.result("crm.deal.fields")
    assert classic["STAGE_ID"]["statusType"] == "DEAL_STAGE"
    assert classic["CATEGORY_ID"]["isImmutable"] is True
    assert classic["UF_CRM_INVOICE_PDF"] == {
        "type": "file", "isRequired": False, "isReadOnly": False, "isImmutable": False, "isMultiple": False,
        "isDynamic": True, "title": "UF_CRM_INVOICE_PDF", "listLabel": "Счёт (PDF)", "formLabel": "Счёт (PDF)",
        "filterLabel": "Счёт (PDF)",
    }  # fmt: skip
    typed = (await crm.result("crm.item.fields", {"entityTypeId": 2}))["fields"]
    assert typed["ufCrmInvoiceNumber"]["upperName"] == "UF_CRM_INVOICE_NUMBER"
    assert typed["opened"]["type"] == "boolean"
    original = (await crm.result("crm.item.fields", {"entityTypeId": 2, "useOriginalUfNames": "Y"}))["fields"]
    assert "UF_CRM_INVOICE_NUMBER" in original
