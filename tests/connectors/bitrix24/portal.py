"""Records of an invented portal, as the vendor's documentation prints them."""

from typing import Any

ENDPOINT = "https://romashka-demo.bitrix24.ru/rest/7/k3v9example0code1/"

DEAL: dict[str, Any] = {
    "id": 1734, "createdTime": "2026-09-01T10:02:11+03:00", "updatedTime": "2026-09-10T11:20:04+03:00",
    "assignedById": 7, "opened": "Y", "companyId": 512, "contactId": 901, "contactIds": [901],
    "title": "Поставка стеллажей", "categoryId": 2, "stageId": "C2:EXECUTING", "stageSemanticId": "P",
    "opportunity": 129600, "isManualOpportunity": "N", "taxValue": 21600, "currencyId": "RUB",
    "begindate": "2026-09-01T03:00:00+03:00", "closed": "N", "mycompanyId": None,
    "UF_CRM_ACC_INVOICE_NO": "СЧ-000117", "entityTypeId": 2,
}  # fmt: skip

ROW: dict[str, Any] = {
    "id": 8801, "ownerId": 1734, "ownerType": "D", "productId": 2207, "productName": "Стеллаж СТ-200", "price": 10800,
    "priceAccount": 10800, "priceExclusive": 9000, "priceNetto": 10000, "priceBrutto": 12000, "quantity": 12,
    "discountTypeId": 2, "discountRate": 10, "discountSum": 1000, "taxRate": 20, "taxIncluded": "Y", "customized": "Y",
    "measureCode": 796, "measureName": "шт", "sort": 10, "type": 4,
}  # fmt: skip

REQUISITE: dict[str, Any] = {
    "ID": "77", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "512", "PRESET_ID": "1", "DATE_MODIFY": "", "NAME": "Организация",
    "ACTIVE": "Y", "ADDRESS_ONLY": "N", "SORT": "500", "RQ_COMPANY_NAME": "ООО \"Ромашка-Демо\"",
    "RQ_COMPANY_FULL_NAME": "Общество с ограниченной ответственностью \"Ромашка-Демо\"", "RQ_INN": "9999123456",
    "RQ_KPP": "999901001", "RQ_OGRN": "1199900000013", "RQ_OGRNIP": None, "RQ_NAME": None,
}  # fmt: skip

LINK = {"ENTITY_TYPE_ID": "2", "ENTITY_ID": "1734", "REQUISITE_ID": "77", "BANK_DETAIL_ID": "31",
        "MC_REQUISITE_ID": "4", "MC_BANK_DETAIL_ID": "0"}  # fmt: skip

BANK = {"ID": "31", "ENTITY_ID": "77", "RQ_BANK_NAME": "АО Пример Банк", "RQ_BIK": "044525999",
        "RQ_COR_ACC_NUM": "30101810845250000999",
        "RQ_ACC_NUM": "40702810600000000001", "RQ_ACC_CURRENCY": "RUR"}  # fmt: skip

ADDRESS = {"TYPE_ID": "6", "ENTITY_TYPE_ID": "8", "ENTITY_ID": "77", "ADDRESS_1": "ул. Примерная, 1",
           "ADDRESS_2": "оф. 5", "CITY": "Москва", "POSTAL_CODE": "101000", "REGION": "", "PROVINCE": "",
           "COUNTRY": "Россия"}  # fmt: skip

HISTORY = {"ID": 35101, "TYPE_ID": 2, "OWNER_ID": 1734, "CREATED_TIME": "2026-09-10T11:20:04+03:00", "CATEGORY_ID": 2,
           "STAGE_SEMANTIC_ID": "P", "STAGE_ID": "C2:EXECUTING"}  # fmt: skip

COMPANY = {"id": 512, "title": "Ромашка-Демо", "fm": [
    {"id": 101, "typeId": "PHONE", "valueType": "WORK", "value": "+74950000001"},
    {"id": 102, "typeId": "EMAIL", "valueType": "WORK", "value": "buh@romashka.example"}]}  # fmt: skip

CONTACT = {"id": 901, "name": "Ирина", "secondName": None, "lastName": "Лапина", "fm": []}

NOT_FOUND = {"error": "", "error_description": "Not found"}
BAD_ID = {"error": "", "error_description": "ID is not defined or invalid."}


def parts(**changed: Any) -> dict[str, Any]:
    """Results of the first batch of a deal whose buyer is linked; None leaves a command out."""
    results = {
        "deal": {"item": DEAL},
        "rows": {"productRows": [ROW]},
        "history": {"items": [HISTORY]},
        "link": LINK,
        "company": {"item": COMPANY},
        "contact": {"item": CONTACT},
        "company_requisites": [REQUISITE],
        "contact_requisites": [],
        "linked": REQUISITE,
        "linked_bank": BANK,
        "linked_banks": [BANK],
        "linked_addresses": [ADDRESS],
        "first_banks": [BANK],
        "first_addresses": [ADDRESS],
    } | changed
    return {name: result for name, result in results.items() if result is not None}
