"""Neighbours of the CRM's methods that public SDKs call: cards, presets, old funnels, templates, bindings."""

from __future__ import annotations

import pytest

from tests.sandbox.bitrix24.application import Application
from tests.sandbox.bitrix24.client import PortalClient

SECTION = {"name": "main", "title": "О сделке", "type": "section", "elements": [{"name": "TITLE", "optionFlags": 1}]}


async def test_app_info_tells_a_webhook_its_scopes_and_the_plan(crm: PortalClient) -> None:
    told = await crm.result("app.info")
    assert told.keys() == {"SCOPE", "LICENSE"}
    assert "crm" in told["SCOPE"]


async def test_a_run_of_slashes_in_an_address_is_one(crm: PortalClient) -> None:
    answer = await crm.sandbox.client.post(f"{crm.url}//profile/", json={})
    assert answer.json()["result"]["ID"] == "1"


@pytest.mark.parametrize("family", ["deal", "lead", "contact", "company", "item"])
async def test_a_card_is_arranged_for_one_and_for_all(crm: PortalClient, family: str) -> None:
    name, common = f"crm.{family}.details.configuration", {"scope": "C", "entityTypeId": 2}
    assert await crm.result(f"{name}.get", common) is None
    assert await crm.result(f"{name}.set", {**common, "data": [SECTION]}) is True
    assert await crm.result(f"{name}.set", {"data": [{**SECTION, "title": "Моя"}], "entityTypeId": 2}) is True
    (section,) = await crm.result(f"{name}.get", common)
    assert section["elements"] == [{"name": "TITLE", "optionFlags": "1"}]
    assert (await crm.result(f"{name}.get", {"entityTypeId": 2}))[0]["title"] == "Моя"
    assert await crm.result(f"{name}.forceCommonScopeForAll", {"entityTypeId": 2}) is True
    assert await crm.result(f"{name}.get", {"entityTypeId": 2}) is None
    assert await crm.result(f"{name}.reset", common) is True
    status, _, text = await crm.refused(f"{name}.set", {"data": [{**SECTION, "type": "tab"}], "entityTypeId": 2})
    assert (status, text) == (400, "Section at index 0 have type tab. The expected type is 'section'.")


async def test_presets_of_requisites_and_their_fields(crm: PortalClient) -> None:
    assert {entry["CODE"] for entry in await crm.result("crm.requisite.preset.countries")} >= {"RU", "US"}
    fields = {"ENTITY_TYPE_ID": 8, "COUNTRY_ID": 122, "NAME": "Firm"}
    made = await crm.result("crm.requisite.preset.add", {"fields": fields})
    assert (await crm.result("crm.requisite.preset.get", {"id": made}))["COUNTRY_ID"] == "122"
    preset = {"preset": {"ID": made}}
    field = await crm.result("crm.requisite.preset.field.add", {**preset, "fields": {"FIELD_NAME": "RQ_NAME"}})
    assert field == 1
    free = await crm.result("crm.requisite.preset.field.availabletoadd", preset)
    assert "RQ_INN" in free
    assert "RQ_NAME" not in free
    refused = await crm.refused("crm.requisite.preset.field.add", {**preset, "fields": {"FIELD_NAME": "RQ_NAME"}})
    assert refused == (400, "", "The field 'RQ_NAME' can not be added.")
    params = {**preset, "id": field, "fields": {"SORT": 580}}
    assert await crm.result("crm.requisite.preset.field.update", params) is True
    assert [
        (one["FIELD_NAME"], one["SORT"]) for one in await crm.result("crm.requisite.preset.field.list", preset)
    ] == [("RQ_NAME", 580)]
    assert await crm.result("crm.requisite.preset.field.delete", {**preset, "id": field}) is True
    assert await crm.result("crm.requisite.preset.delete", {"id": made}) is True
    assert (await crm.refused("crm.requisite.preset.get", {"id": made}))[
        2
    ] == f"The Preset with ID '{made}' is not found"


async def test_funnels_by_the_oldest_methods(crm: PortalClient) -> None:
    made = await crm.result("crm.dealcategory.add", {"fields": {"NAME": "Розница", "SORT": 30}})
    assert (await crm.result("crm.dealcategory.get", {"id": made}))["NAME"] == "Розница"
    assert await crm.result("crm.dealcategory.status", {"id": made}) == f"DEAL_STAGE_{made}"
    assert [one["ID"] for one in await crm.result("crm.dealcategory.list")] == [str(made), "2"]
    deal = await crm.result("crm.deal.add", {"fields": {"CATEGORY_ID": made}})
    assert (await crm.refused("crm.dealcategory.delete", {"id": made}))[0] == 400
    await crm.result("crm.deal.delete", {"id": deal})
    assert await crm.result("crm.dealcategory.delete", {"id": made}) is True
    assert await crm.refused("crm.dealcategory.get", {"id": made}) == (400, "", "Not found")
    assert await crm.result("crm.dealcategory.default.set", {"name": "Главная"}) is True
    assert await crm.result("crm.dealcategory.default.get") == {"ID": 0, "NAME": "Главная"}


async def test_a_deal_becomes_a_template_from_which_deals_are_exposed(crm: PortalClient) -> None:
    deal = await crm.result("crm.deal.add", {"fields": {"TITLE": "Аренда"}})
    fields = {"DEAL_ID": deal, "START_DATE": "2026-12-01", "PARAMS": {"MODE": "multiple", "MULTIPLE_INTERVAL": 1}}
    made = await crm.result("crm.deal.recurring.add", {"fields": fields})
    again = await crm.refused("crm.deal.recurring.add", {"fields": fields})
    assert again == (400, "", "Deal already have had recurring settings.")
    template = await crm.result("crm.deal.recurring.get", {"id": made})
    assert (template["BASED_ID"], template["PARAMS"]["MODE"]) == (str(deal), "multiple")
    assert (await crm.result("crm.deal.get", {"id": template["DEAL_ID"]}))["IS_RECURRING"] == "Y"
    exposed = (await crm.result("crm.deal.recurring.expose", {"id": made}))["DEAL_ID"]
    assert (await crm.result("crm.deal.get", {"id": exposed}))["TITLE"] == "Аренда"
    refused = await crm.refused("crm.deal.recurring.delete", {"id": made})
    assert refused[2] == "Deleting is impossible. Connected recurring deal exists."
    await crm.result("crm.deal.delete", {"id": template["DEAL_ID"]})
    assert await crm.result("crm.deal.recurring.delete", {"id": made}) is True


async def test_an_activity_of_several_objects(crm: PortalClient) -> None:
    deal, other = await crm.deal(), await crm.deal()
    fields = {"OWNER_TYPE_ID": 2, "OWNER_ID": deal, "TYPE_ID": 2, "SUBJECT": "Звонок",
              "COMMUNICATIONS": [{"VALUE": "+79000000001"}]}  # fmt: skip
    activity = await crm.result("crm.activity.add", {"fields": fields})
    assert (await crm.result("crm.activity.get", {"id": activity}))["RESPONSIBLE_ID"] is not None
    second = {"activityId": activity, "entityTypeId": 2, "entityId": other}
    assert await crm.result("crm.activity.binding.add", second) is True
    assert (await crm.refused("crm.activity.binding.add", second))[1] == "ACTIVITY_IS_ALREADY_BOUND"
    assert await crm.result("crm.activity.binding.list", {"activityId": activity}) == [
        {"entityTypeId": 2, "entityId": deal}, {"entityTypeId": 2, "entityId": other},
    ]  # fmt: skip
    assert await crm.result("crm.activity.binding.delete", {**second, "entityId": deal}) is True
    assert (await crm.refused("crm.activity.binding.delete", second))[1] == "LAST_BINDING_CANNOT_BE_DELETED"


async def test_a_currency_in_several_languages(crm: PortalClient) -> None:
    params = {"id": "RUB", "localizations": {"de": {"FULL_NAME": "Rubel"}}}
    assert await crm.result("crm.currency.localizations.set", params) is True
    shown = await crm.result("crm.currency.localizations.get", {"id": "RUB"})
    assert (shown["de"]["FULL_NAME"], shown.keys()) == ("Rubel", {"ru", "en", "de"})
    assert await crm.result("crm.currency.localizations.delete", {"id": "RUB", "lids": ["de"]}) is True
    assert await crm.result("crm.currency.localizations.delete", {"id": "RUB", "lids": ["de"]}) is False


async def test_a_company_takes_its_contacts_and_a_contact_its_smart_parent(crm: PortalClient) -> None:
    contact = await crm.result("crm.contact.add", {"fields": {"NAME": "Анна"}})
    company = await crm.result("crm.company.add", {"fields": {"TITLE": "Лотос", "CONTACT_ID": [contact]}})
    linked = await crm.result("crm.company.contact.items.get", {"id": company})
    assert [entry["CONTACT_ID"] for entry in linked] == [contact]
    relations = {"child": [{"entityTypeId": 3, "isChildrenListEnabled": "N"}]}
    kind = (await crm.result("crm.type.add", {"fields": {"title": "Проект", "relations": relations}}))["type"]
    parent = (await crm.result("crm.item.add", {"entityTypeId": kind["entityTypeId"], "fields": {}}))["item"]["id"]
    name = f"PARENT_ID_{kind['entityTypeId']}"
    child = await crm.result("crm.contact.add", {"fields": {"NAME": "Пётр", name: parent}})
    assert (await crm.result("crm.contact.get", {"id": child}))[name] == str(parent)
    assert (await crm.result("crm.contact.get", {"id": contact}))[name] is None


async def test_triggers_and_activities_of_an_application(app: Application, crm: PortalClient) -> None:
    assert await app.result("crm.automation.trigger.add", {"CODE": "paid", "NAME": "Оплачено"}) is True
    assert await app.result("crm.automation.trigger.list") == [{"NAME": "Оплачено", "CODE": "paid"}]
    target = {"CODE": "paid", "OWNER_TYPE_ID": 2, "OWNER_ID": await crm.deal()}
    assert await app.result("crm.automation.trigger.execute", target) is True
    assert await app.result("crm.automation.trigger.delete", {"CODE": "paid"}) is True
    assert (await app.refused("crm.automation.trigger.delete", {"CODE": "paid"}))[0] == 400
    activity = {"CODE": "md5", "HANDLER": "http://127.0.0.1:9/x", "NAME": {"ru": "MD5"}}
    assert await app.result("bizproc.activity.add", activity) is True
    assert await app.refused("bizproc.activity.add", activity) == (400, "ERROR_ACTIVITY_ALREADY_INSTALLED")
    assert await app.result("bizproc.activity.list") == ["md5"]
    assert await app.result("bizproc.robot.list") == []
    assert await app.result("bizproc.activity.delete", {"CODE": "md5"}) is True


async def test_lists_of_events_and_places_are_narrowed_by_a_scope(app: Application) -> None:
    assert all(name.startswith("ONCRM") for name in await app.result("events", {"SCOPE": "crm"}))
    assert await app.result("placement.list", {"SCOPE": "task"}) == ["TASK_VIEW_TAB"]
