"""lists.*: universal lists, their fields, elements and sections."""

from __future__ import annotations

import base64
from typing import Any

import pytest_asyncio

from tests.sandbox.bitrix24.client import PortalClient
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox

CONTENT = base64.b64encode(b"%PDF").decode()
Place = dict[str, Any]


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal whose webhook may keep lists."""
    opening = {**OPENING, "scopes": ["lists", "disk"]}
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", opening))


async def _list(crm: PortalClient, code: str = "debts", **more: Any) -> Place:
    kind = {"IBLOCK_TYPE_ID": "lists"}
    made = await crm.result("lists.add", {**kind, "IBLOCK_CODE": code, "FIELDS": {"NAME": "Долги"}, **more})
    return {**kind, "IBLOCK_ID": made}


async def _field(crm: PortalClient, place: Place, code: str, kind: str, **more: Any) -> str:
    fields = {"NAME": code, "TYPE": kind, "CODE": code, **more}
    return str(await crm.result("lists.field.add", {**place, "FIELDS": fields}))


async def test_a_list_is_made_shown_and_deleted_with_all_it_holds(crm: PortalClient) -> None:
    place = await _list(crm, MESSAGES={"ELEMENT_NAME": "Долг"})
    fields = {"NAME": "Долги 2026", "SORT": 50, "BIZPROC": "Y"}
    assert await crm.result("lists.update", {**place, "FIELDS": fields}) is True
    answer = (await crm.send("lists.get", place)).json()
    (shown,) = answer["result"]
    assert answer["total"] == 1
    told = {"ID": str(place["IBLOCK_ID"]), "CODE": "debts", "NAME": "Долги 2026", "SORT": "50", "BIZPROC": "Y",
            "ELEMENT_NAME": "Долг", "SECTION_NAME": "Раздел", "LID": "s1", "SOCNET_GROUP_ID": None}  # fmt: skip
    assert {name: shown[name] for name in told} == told
    assert await crm.result("lists.get.iblock.type.id", {"IBLOCK_CODE": "debts"}) == "lists"
    assert await crm.result("lists.get.iblock.type.id", {"IBLOCK_ID": 999}) is None
    assert await crm.result("lists.get", {**place, "IBLOCK_ID": 999}) == []
    await crm.result("lists.element.add", {**place, "ELEMENT_CODE": "a", "FIELDS": {"NAME": "А"}})
    assert await crm.result("lists.delete", place) is True
    assert (await crm.refused("lists.element.get", place))[1] == "ERROR_IBLOCK_NOT_FOUND"


async def test_fields_of_a_list(crm: PortalClient) -> None:
    place = await _list(crm)
    status = await _field(crm, place, "STATUS", "L", LIST={"n0": {"VALUE": "Новый", "SORT": 10}},
                          LIST_TEXT_VALUES="В суде\nСписан", LIST_DEF=["n0"])  # fmt: skip
    named = {**place, "FIELD_ID": status}
    shown = (await crm.result("lists.field.get", named))["L"]
    assert list(shown["DISPLAY_VALUES_FORM"].values()) == ["Новый", "В суде", "Списан"]
    assert shown["DEFAULT_VALUE"] == next(iter(shown["DISPLAY_VALUES_FORM"]))
    assert (shown["FIELD_ID"], shown["PROPERTY_USER_TYPE"], shown["ROW_COUNT"]) == (status, False, "1")
    fields = {"NAME": "Состояние", "TYPE": "L", "SETTINGS": {"SHOW_ADD_FORM": "N"}}
    assert await crm.result("lists.field.update", {**named, "FIELDS": fields}) is True
    assert await _field(crm, place, "", "SORT", NAME="Порядок") == "SORT"
    everything = await crm.result("lists.field.get", place)
    assert set(everything) == {"NAME", status, "SORT"}
    assert everything[status]["SETTINGS"]["SHOW_ADD_FORM"] == "N"
    types = await crm.result("lists.field.type.get", place)
    assert ("SORT" in types, types["S:ECrm"]) == (False, "Привязка к элементам CRM")
    for params, text in (
        ({"NAME": "А", "TYPE": "S"}, "Please fill the code fields"),
        ({"NAME": "А", "TYPE": "S", "CODE": "STATUS"}, "Property already exists"),
        ({"NAME": "А", "TYPE": "?", "CODE": "A"}, "Error saving the field"),
        ({"NAME": "А", "TYPE": "E", "CODE": "A", "LINK_IBLOCK_ID": 999}, "Incorrect lists specified for 'А' property"),
        ({"NAME": "А", "TYPE": "S", "CODE": "A", "SETTINGS": {"ADD_READ_ONLY_FIELD": "Y"}},
         "The default value of the field 'А' is required"),
    ):  # fmt: skip
        assert await crm.refused("lists.field.add", {**place, "FIELDS": params}) == (400, "ERROR_SAVE_FIELD", text)
    other = {**named, "FIELDS": {"NAME": "А", "TYPE": "S"}}
    assert await crm.refused("lists.field.update", other) == (400, "ERROR_UPDATE_FIELD", "Error update the field")
    assert await crm.result("lists.field.delete", named) is True
    assert await crm.result("lists.field.get", named) == []


async def test_elements_of_a_list(crm: PortalClient) -> None:
    place = await _list(crm)
    who = await _field(crm, place, "WHO", "S:employee", MULTIPLE="Y")
    summed, day = await _field(crm, place, "SUM", "N", IS_REQUIRED="Y"), await _field(crm, place, "DAY", "S:Date")
    paper = await _field(crm, place, "PAPER", "F", MULTIPLE="Y")
    fields = {"NAME": "ООО Ромашка", who: ["1", "2"], summed: "1500.5", day: "2026-10-27", paper: ["акт.pdf", CONTENT]}
    debt = await crm.result("lists.element.add", {**place, "ELEMENT_CODE": "d1", "FIELDS": fields})
    await crm.result("lists.element.add", {**place, "ELEMENT_CODE": "d2", "FIELDS": {"NAME": "Б", summed: 90}})
    found = await crm.result("lists.element.get", {**place, "FILTER": {f">{summed}": 100}})
    (shown,) = found
    assert {name: shown[name] for name in ("ID", "NAME", "CODE", "CREATED_BY", "IBLOCK_SECTION_ID")} == {
        "ID": str(debt), "NAME": "ООО Ромашка", "CODE": "d1", "CREATED_BY": "1", "IBLOCK_SECTION_ID": None}  # fmt: skip
    assert [list(shown[name].values()) for name in (who, summed, day)] == [["1", "2"], ["1500.5"], ["27.10.2026"]]
    one = {**place, "ELEMENT_ID": debt}
    number = {"FIELD_ID": paper.removeprefix("PROPERTY_")}
    (link,) = await crm.result("lists.element.get.file.url", {**one, **number})
    ((cell, file),) = shown[paper].items()
    assert link == f"/company/lists/{place['IBLOCK_ID']}/file/0/{debt}/{paper}/{file}/?ncc=y&download=y"
    later = {"NAME": "ООО Ромашка", summed: 1, paper: [["счёт.pdf", CONTENT]]}
    assert await crm.result("lists.element.update", {**one, "FIELDS": later}) is True
    (shown,) = await crm.result("lists.element.get", {**one, "SELECT": ["NAME", who, paper]})
    assert (set(shown), len(shown[paper])) == ({"ID", "NAME", paper}, 2)
    gone = {"NAME": "А", summed: 1, f"{paper}_DEL": {cell: "Y"}}
    assert await crm.result("lists.element.update", {**one, "FIELDS": gone}) is True
    (shown,) = await crm.result("lists.element.get", {**one, "ELEMENT_ORDER": {"NAME": "desc"}})
    assert cell not in shown[paper]
    assert await crm.result("lists.element.delete", {**place, "ELEMENT_CODE": "d1"}) is True
    assert (await crm.refused("lists.element.delete", one))[1:] == ("ERROR_ELEMENT_NOT_FOUND", "Element not found")
    for params, code in (
        ({"FIELDS": {"NAME": "А", summed: 1}}, "ERROR_REQUIRED_PARAMETERS_MISSING"),
        ({"ELEMENT_CODE": "d2", "FIELDS": {"NAME": "А", summed: 1}}, "ERROR_ELEMENT_ALREADY_EXISTS"),
        ({"ELEMENT_CODE": "d3", "FIELDS": {"NAME": "А"}}, "ERROR_ADD_ELEMENT"),
        ({"ELEMENT_CODE": "d3", "FIELDS": {"NAME": "А", summed: "x"}}, "ERROR_ADD_ELEMENT"),
        ({"ELEMENT_CODE": "d3", "FIELDS": {"NAME": "А", summed: 1, "ACTIVE_TO": 1e308}}, "ERROR_ADD_ELEMENT"),
        ({"ELEMENT_CODE": "d3", "FIELDS": {"NAME": "А", summed: 1, paper: file}}, "ERROR_ELEMENT_FIELD_VALUE"),
    ):
        assert (await crm.refused("lists.element.add", {**place, **params}))[1] == code


async def test_sections_of_a_list_hold_each_other_and_elements(crm: PortalClient) -> None:
    place = await _list(crm)
    made = {**place, "SECTION_CODE": "court", "FIELDS": {"NAME": "Суд", "ACTIVE": "N", "EXTERNAL_ID": "x1"}}
    court = await crm.result("lists.section.add", made)
    below = {**place, "SECTION_CODE": "first", "IBLOCK_SECTION_ID": court, "FIELDS": {"NAME": "Первая инстанция"}}
    first = await crm.result("lists.section.add", below)
    (shown,) = await crm.result("lists.section.get", {**place, "FILTER": {"DEPTH_LEVEL": 2}})
    told = {"ID": str(first), "IBLOCK_SECTION_ID": str(court), "LEFT_MARGIN": "2", "RIGHT_MARGIN": "3",
            "ACTIVE": "Y", "GLOBAL_ACTIVE": "N", "SORT": "500"}  # fmt: skip
    assert {name: shown[name] for name in told} == told
    element = {**place, "ELEMENT_CODE": "d", "IBLOCK_SECTION_ID": first, "FIELDS": {"NAME": "А"}}
    await crm.result("lists.element.add", element)
    assert len(await crm.result("lists.element.get", {**place, "FILTER": {"IBLOCK_SECTION_ID": first}})) == 1
    changed = {**place, "SECTION_CODE": "court", "FIELDS": {"NAME": "Суды", "ACTIVE": "Y"}}
    assert await crm.result("lists.section.update", changed) is True
    asked = {**place, "FILTER": {"ID": court}, "SELECT": ["NAME", "XML_ID", "GLOBAL_ACTIVE"]}
    told = {"NAME": "Суды", "XML_ID": "x1", "GLOBAL_ACTIVE": "Y"}
    assert await crm.result("lists.section.get", asked) == [told]
    assert await crm.result("lists.section.delete", {**place, "SECTION_ID": court}) is True
    assert await crm.result("lists.section.get", place) == await crm.result("lists.element.get", place) == []
    assert (await crm.refused("lists.section.delete", {**place, "SECTION_ID": court}))[1] == "ERROR_SECTION_NOT_FOUND"


async def test_lists_refuse_what_is_missing_and_who_may_not(crm: PortalClient) -> None:
    kind = {"IBLOCK_TYPE_ID": "lists"}
    place = await _list(crm, RIGHTS={"U7": "R"})
    for method, params, refusal in (
        ("lists.add", {}, ("ERROR_REQUIRED_PARAMETERS_MISSING", "Required parameter `IBLOCK_TYPE_ID` is missing")),
        ("lists.add", {**kind, "IBLOCK_CODE": "b", "FIELDS": {"SORT": 1}},
         ("ERROR_REQUIRED_PARAMETERS_MISSING", "Required parameter `NAME` is missing")),
        ("lists.add", {**kind, "IBLOCK_CODE": "debts", "FIELDS": {"NAME": "А"}},
         ("ERROR_IBLOCK_ALREADY_EXISTS", "Iblock already exists")),
        ("lists.element.get", kind, ("ERROR_REQUIRED_PARAMETERS_MISSING", "Required parameter `IBLOCK_ID` is missing")),
        ("lists.get", {"IBLOCK_TYPE_ID": "news"}, ("0", "Неверный тип инфоблока")),
        ("lists.get", {"IBLOCK_TYPE_ID": "lists_socnet"}, ("ACCESS_DENIED", "Access denied")),
    ):  # fmt: skip
        assert await crm.refused(method, params) == (400, *refusal)
    hook = await crm.control("/webhooks", {"user_id": 7, "scopes": ["lists"]})
    clerk = PortalClient(crm.sandbox, {**crm.opened, "webhook_url": hook["webhook_url"]})
    assert len(await clerk.result("lists.get", kind)) == 1
    fields = {"ELEMENT_CODE": "d", "FIELDS": {"NAME": "А"}}
    assert (await clerk.refused("lists.element.add", {**place, **fields}))[1] == "ACCESS_DENIED"
    assert (await clerk.refused("lists.add", {**kind, "IBLOCK_CODE": "b", "FIELDS": {"NAME": "А"}}))[
        1
    ] == "ACCESS_DENIED"
