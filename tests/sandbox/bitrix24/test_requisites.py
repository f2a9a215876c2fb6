"""Requisites, bank details, links, addresses, presets."""

from __future__ import annotations

from tests.sandbox.bitrix24.client import PortalClient


async def test_a_requisite_is_found_by_inn(crm: PortalClient) -> None:
    made = await crm.company(inn="7709123453", kpp="770901001", address="ул. Лесная, 1", bank={"bik": "044525999"})
    company, requisite = made["company"]["id"], made["requisites"][0]["ID"]
    params = {"filter": {"RQ_INN": "7709123453", "ENTITY_TYPE_ID": 4}, "select": ["ID", "ENTITY_ID", "RQ_KPP"]}
    found = await crm.call("crm.requisite.list", params)
    assert found["result"] == [{"ID": str(requisite), "ENTITY_ID": str(company), "RQ_KPP": "770901001"}]
    assert found["total"] == 1
    shown = await crm.result("crm.requisite.get", {"id": requisite})
    assert (shown["DATE_MODIFY"], shown["MODIFY_BY_ID"], shown["RQ_IFNS"]) == ("", None, None)
    assert (shown["ENTITY_TYPE_ID"], shown["PRESET_ID"], shown["ACTIVE"], shown["SORT"]) == ("4", "1", "Y", "500")
    assert await crm.result("crm.requisite.update", {"id": requisite, "fields": {"RQ_INN": " 77 09 "}}) is True
    changed = await crm.result("crm.requisite.get", {"id": requisite})
    assert changed["RQ_INN"] == " 77 09 "
    assert changed["DATE_MODIFY"].endswith("+03:00")
    addresses = await crm.result("crm.address.list", {"filter": {"ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite}})
    assert (addresses[0]["ADDRESS_1"], addresses[0]["TYPE_ID"], addresses[0]["ANCHOR_ID"]) == (
        "ул. Лесная, 1", "6", str(company),
    )  # fmt: skip
    assert (addresses[0]["REGION"], addresses[0]["COUNTRY_CODE"]) == ("", None)
    banks = await crm.result("crm.requisite.bankdetail.list", {"filter": {"ENTITY_ID": requisite}})
    assert (banks[0]["RQ_BIK"], banks[0]["RQ_ACC_CURRENCY"], banks[0]["COUNTRY_ID"]) == ("044525999", "RUR", "1")


async def test_errors_in_the_vendors_words(crm: PortalClient) -> None:
    assert await crm.refused("crm.requisite.get", {"id": 77}) == (400, "", "The Requisite with ID '77' is not found")
    assert await crm.refused("crm.requisite.bankdetail.get", {"id": 5}) == (
        400, "", "The RequisiteBankDetail with ID '5' is not found",
    )  # fmt: skip
    assert await crm.refused("crm.requisite.get", {"id": ""}) == (400, "", "ID is not defined or invalid.")
    status, code, _ = await crm.refused("crm.requisite.add", {"fields": {"ENTITY_TYPE_ID": 4}})
    assert (status, code) == (400, "")


async def test_presets_are_those_of_a_russian_portal(crm: PortalClient) -> None:
    presets = await crm.result("crm.requisite.preset.list", {"filter": {"COUNTRY_ID": 1}, "select": ["ID", "NAME"]})
    assert presets == [{"ID": "1", "NAME": "Организация"}, {"ID": "2", "NAME": "ИП"}, {"ID": "3", "NAME": "Физ. лицо"}]


async def test_an_entrepreneur_and_a_contact_have_requisites_too(crm: PortalClient) -> None:
    made = await crm.company(title="ИП Лапин Пётр", inn="500100732259", ogrn="304500116000157")
    assert (made["requisites"][0]["RQ_OGRNIP"], made["requisites"][0]["RQ_LAST_NAME"]) == ("304500116000157", "Лапин")
    contact = (await crm.control("/contacts", {"name": "Анна"}))["id"]
    fields = {"ENTITY_TYPE_ID": 3, "ENTITY_ID": contact, "PRESET_ID": 3, "NAME": "Физ. лицо", "RQ_INN": "500100732259"}
    number = await crm.result("crm.requisite.add", {"fields": fields})
    listed = await crm.result("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 3, "ENTITY_ID": contact}})
    assert [entry["ID"] for entry in listed] == [str(number)]


async def test_the_link_of_a_deal(crm: PortalClient) -> None:
    made = await crm.company(inn="7709123453", bank={"bik": "044525999"})
    requisite, bank = made["requisites"][0]["ID"], made["requisites"][0]["bank_details"][0]["ID"]
    number = await crm.deal(company=made["company"]["id"])
    where = {"entityTypeId": 2, "entityId": number}
    assert await crm.refused("crm.requisite.link.get", where) == (400, "", "Not found")
    fields = {"ENTITY_TYPE_ID": 2, "ENTITY_ID": number, "REQUISITE_ID": requisite, "BANK_DETAIL_ID": bank,
              "MC_REQUISITE_ID": 0}  # fmt: skip
    status, code, _ = await crm.refused("crm.requisite.link.register", {"fields": fields})
    assert (status, code) == (400, "")
    assert await crm.result("crm.requisite.link.register", {"fields": {**fields, "MC_BANK_DETAIL_ID": 0}}) is True
    assert await crm.result("crm.requisite.link.get", where) == {
        "ENTITY_TYPE_ID": "2", "ENTITY_ID": str(number), "REQUISITE_ID": str(requisite), "BANK_DETAIL_ID": str(bank),
        "MC_REQUISITE_ID": "0", "MC_BANK_DETAIL_ID": "0",
    }  # fmt: skip
    assert await crm.result("crm.requisite.link.unregister", where) is True
    assert (await crm.refused("crm.requisite.link.get", where))[2] == "Not found"


async def test_an_address_has_no_id_of_its_own(crm: PortalClient) -> None:
    requisite = (await crm.company(inn="7709123453"))["requisites"][0]["ID"]
    fields = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite, "CITY": "Москва"}
    assert await crm.result("crm.address.add", {"fields": fields}) is True
    assert await crm.refused("crm.address.add", {"fields": fields}) == (400, "", "TypeAddress exists")
    assert await crm.result("crm.address.update", {"fields": {**fields, "CITY": "Тула"}}) is True
    assert (await crm.result("crm.address.list", {"filter": {"ENTITY_ID": requisite}}))[0]["CITY"] == "Тула"
    assert await crm.result("crm.address.delete", {"fields": fields}) is True
    assert await crm.result("crm.address.list", {"filter": {"ENTITY_ID": requisite}}) == []


async def test_a_deleted_company_takes_its_requisites(crm: PortalClient) -> None:
    made = await crm.company(inn="7709123453")
    await crm.result("crm.company.delete", {"id": made["company"]["id"]})
    assert await crm.result("crm.requisite.list", {"filter": {"RQ_INN": "7709123453"}}) == []
