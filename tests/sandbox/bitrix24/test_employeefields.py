"""user.userfield.* over HTTP."""

from __future__ import annotations

from tests.sandbox.bitrix24.client import PortalClient


async def test_a_field_of_employees_is_made_filled_and_taken_away(crm: PortalClient) -> None:
    fields = {"FIELD_NAME": "uf_skills", "USER_TYPE_ID": "string", "LABEL": "Навыки", "MULTIPLE": "Y"}
    made = await crm.result("user.userfield.add", {"fields": fields})
    assert (await crm.refused("user.userfield.add", {"fields": fields}))[:2] == (400, "ERROR_CORE")
    (field,) = await crm.result("user.userfield.list", {"filter": {"FIELD_NAME": "UF_USR_SKILLS"}})
    assert (field["ID"], field["ENTITY_ID"], "LIST_COLUMN_LABEL" in field) == (str(made), "USER", False)
    assert (await crm.result("user.fields"))["UF_USR_SKILLS"] == "Навыки"
    assert await crm.result("user.update", {"ID": 1, "UF_USR_SKILLS": ["Python", "1С"]}) is True
    assert (await crm.result("user.get", {"ID": 1}))[0]["UF_USR_SKILLS"] == ["Python", "1С"]
    changes = {"id": made, "fields": {"SORT": 200, "MANDATORY": "Y"}}
    assert await crm.result("user.userfield.update", changes) is True
    (field,) = await crm.result("user.userfield.list")
    assert (field["SORT"], field["MANDATORY"]) == ("200", "Y")
    assert await crm.result("user.userfield.delete", {"id": made}) is True
    assert await crm.result("user.userfield.list") == []
    assert "UF_USR_SKILLS" not in (await crm.result("user.get", {"ID": 1}))[0]


async def test_a_field_of_employees_is_refused_in_the_vendors_words(crm: PortalClient) -> None:
    deals = {"fields": {"FIELD_NAME": "X", "USER_TYPE_ID": "string"}}
    of_deals = await crm.result("crm.deal.userfield.add", deals)
    assert await crm.refused("user.userfield.update", {"id": of_deals, "fields": {}}) == (400, "", "Access denied.")
    assert (await crm.refused("user.userfield.delete", {"id": "x"}))[2].startswith("ID is not defined or invalid")
    assert (await crm.refused("user.userfield.add", {"fields": {"USER_TYPE_ID": "string"}}))[2] == (
        "The 'FIELD_NAME' field is not found."
    )
    assert await crm.result("user.userfield.list") == []
