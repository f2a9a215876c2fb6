"""Filters with all prefixes, orders, selections and pages of both families."""

from __future__ import annotations

from typing import Any

from tests.sandbox.bitrix24.client import PortalClient

DEALS: list[dict[str, Any]] = [
    {"TITLE": "Альфа", "OPPORTUNITY": 100, "COMMENTS": "x", "CLOSEDATE": "2026-09-01", "UF_CRM_OVERDUE_DAYS": 3},
    {"TITLE": "Бета", "OPPORTUNITY": 250.5, "SOURCE_ID": "CALL", "CLOSEDATE": "2026-09-10"},
    {"TITLE": "альбом", "OPPORTUNITY": 250.5, "STAGE_ID": "EXECUTING", "CLOSEDATE": "2026-09-20"},
    {"TITLE": "Гамма 100%", "OPPORTUNITY": 900, "STAGE_ID": "WON", "SOURCE_ID": "WEB"},
]


async def _fill(crm: PortalClient) -> list[int]:
    return [await crm.result("crm.deal.add", {"fields": fields}) for fields in DEALS]


CLASSIC_FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"TITLE": "бета"}, [1]),
    ({"=OPPORTUNITY": "250.50"}, [1, 2]),
    ({">OPPORTUNITY": 250.5}, [3]),
    ({">=OPPORTUNITY": 250.5}, [1, 2, 3]),
    ({"<OPPORTUNITY": 250}, [0]),
    ({"<=OPPORTUNITY": "250.5"}, [0, 1, 2]),
    ({"!STAGE_ID": "NEW"}, [2, 3]),
    ({"!=STAGE_ID": "NEW"}, [2, 3]),
    ({"@STAGE_ID": ["NEW", "WON"]}, [0, 1, 3]),
    ({"STAGE_ID": ["WON", "EXECUTING"]}, [2, 3]),
    ({"!@STAGE_ID": ["NEW", "WON"]}, [2]),
    ({"%TITLE": "ал"}, [0, 2]),
    ({"!%TITLE": "ал"}, [1, 3]),
    ({"=%TITLE": "аль%"}, [0, 2]),
    ({"%=TITLE": "%100%"}, [3]),
    ({"!=%TITLE": "аль%"}, [1, 3]),
    ({"SOURCE_ID": ""}, [0, 2]),
    ({"!SOURCE_ID": False}, [1, 3]),
    ({"UF_CRM_OVERDUE_DAYS": 3}, [0]),
    ({"CLOSED": "Y"}, [3]),
    ({"NO_SUCH_FIELD": 1}, [0, 1, 2, 3]),
]  # fmt: skip


async def test_classic_filter_prefixes(crm: PortalClient) -> None:
    numbers = await _fill(crm)
    for filter_, places in CLASSIC_FILTERS:
        found = await crm.result("crm.deal.list", {"filter": filter_, "order": {"ID": "ASC"}, "select": ["ID"]})
        assert [int(deal["ID"]) for deal in found] == [numbers[place] for place in places], filter_


UNIVERSAL_FILTERS: list[tuple[Any, list[int]]] = [
    ({"=stageId": "WON"}, [3]),
    ({"logic": "OR", "0": {"=title": "Альфа"}, "1": {"=sourceId": "WEB", ">opportunity": 500}}, [0, 3]),
    ([{"logic": "OR", "0": {"=title": "Альфа"}, "1": {"=title": "Бета"}}, {">opportunity": 200}], [1]),
    ({"><closedate": ["2026-09-01", "2026-09-10"]}, [0, 1]),
    ({"=UF_CRM_OVERDUE_DAYS": 3}, [0]),
    ({"=ufCrmOverdueDays": "3"}, [0]),
    ({"@id": []}, []),
]  # fmt: skip


async def test_universal_filters_and_groups(crm: PortalClient) -> None:
    numbers = await _fill(crm)
    for filter_, places in UNIVERSAL_FILTERS:
        params = {"entityTypeId": 2, "filter": filter_, "order": {"ID": "asc"}, "select": ["id"]}
        found = (await crm.result("crm.item.list", params))["items"]
        assert [deal["id"] for deal in found] == [numbers[place] for place in places], filter_


async def test_orders(crm: PortalClient) -> None:
    await _fill(crm)
    params = {"entityTypeId": 2, "order": {"opportunity": "DESC", "title": "ASC"}, "select": ["title"]}
    found = (await crm.result("crm.item.list", params))["items"]
    assert [deal["title"] for deal in found] == ["Гамма 100%", "альбом", "Бета", "Альфа"]
    classic = await crm.result("crm.deal.list", {"order": {"SOURCE_ID": "DESC", "ID": "ASC"}, "select": ["TITLE"]})
    assert [deal["TITLE"] for deal in classic] == ["Гамма 100%", "Бета", "Альфа", "альбом"]


async def test_selections(crm: PortalClient) -> None:
    await _fill(crm)
    plain = (await crm.result("crm.deal.list"))[0]
    assert "TITLE" in plain
    assert not any(name.startswith("UF_") for name in plain)
    with_user_fields = (await crm.result("crm.deal.list", {"select": ["*", "UF_*"]}))[0]
    assert with_user_fields["UF_CRM_OVERDUE_DAYS"] == "3"
    chosen = (await crm.result("crm.deal.list", {"select": ["TITLE"]}))[0]
    assert set(chosen) == {"ID", "TITLE"}
    typed = await crm.result("crm.item.list", {"entityTypeId": 2, "select": ["title", "UF_CRM_OVERDUE_DAYS"]})
    assert set(typed["items"][0]) == {"id", "title", "ufCrmOverdueDays"}
    everything = (await crm.result("crm.item.list", {"entityTypeId": 2, "useOriginalUfNames": "Y"}))["items"][0]
    assert everything["UF_CRM_OVERDUE_DAYS"] == 3


async def test_pages_of_fifty(crm: PortalClient) -> None:
    commands = {f"c{index}": f"crm.lead.add?fields[TITLE]=L{index}" for index in range(50)}
    for _ in range(2):
        await crm.result("batch", {"cmd": commands})
    await crm.result("crm.lead.add", {"fields": {"TITLE": "last"}})
    first = await crm.call("crm.lead.list", {"order": {"ID": "ASC"}})
    assert (len(first["result"]), first["total"], first["next"]) == (50, 101, 50)
    last = await crm.call("crm.lead.list", {"order": {"ID": "ASC"}, "start": 100})
    assert (len(last["result"]), last["total"]) == (1, 101)
    assert "next" not in last
    odd = await crm.call("crm.lead.list", {"order": {"ID": "ASC"}, "start": 70})
    assert odd["result"][0]["ID"] == str(int(first["result"][0]["ID"]) + 50)
    params = {"entityTypeId": 1, "order": {"id": "ASC"}, "start": -1, "select": ["id"]}
    seen: list[int] = []
    while True:
        page = await crm.call("crm.item.list", {**params, "filter": {">id": seen[-1] if seen else 0}})
        assert page["total"] == 0
        assert "next" not in page
        seen += [item["id"] for item in page["result"]["items"]]
        if len(page["result"]["items"]) < 50:
            break
    assert len(seen) == len(set(seen)) == 101


async def test_changed_since(crm: PortalClient) -> None:
    numbers = await _fill(crm)
    await crm.sandbox.advance(3600)
    since = (await crm.call("server.time"))["result"]
    await crm.update(numbers[2], {"title": "новое"})
    params = {"entityTypeId": 2, "filter": {">=updatedTime": since}, "select": ["id", "updatedTime"]}
    assert [item["id"] for item in (await crm.result("crm.item.list", params))["items"]] == [numbers[2]]
    classic = await crm.result("crm.deal.list", {"filter": {">=DATE_MODIFY": since}})
    assert [int(deal["ID"]) for deal in classic] == [numbers[2]]


async def test_contacts_are_found_by_phone_and_mail(crm: PortalClient) -> None:
    company = (await crm.company(phone="+7 495 000-00-01", email="Buh@lotos.example"))["company"]["id"]
    found = await crm.result("crm.duplicate.findbycomm", {"type": "PHONE", "values": ["84950000001"]})
    assert found == {"COMPANY": [company]}
    found = await crm.result("crm.duplicate.findbycomm", {"type": "EMAIL", "values": ["x@y.example"]})
    assert found == []
    listed = await crm.result("crm.company.list", {"filter": {"EMAIL": "buh@lotos.example"}, "select": ["ID", "EMAIL"]})
    assert listed[0]["EMAIL"][0]["VALUE"] == "Buh@lotos.example"
    fm = (await crm.item(company, 4))["fm"]
    assert [entry["typeId"] for entry in fm] == ["PHONE", "EMAIL"]
    changes = {
        "n0": {"typeId": "PHONE", "valueType": "MOBILE", "value": "+79000000002"},
        str(fm[1]["id"]): {"value": ""},
    }
    await crm.update(company, {"fm": changes}, 4)
    assert [(entry["typeId"], entry["valueType"]) for entry in (await crm.item(company, 4))["fm"]] == [
        ("PHONE", "WORK"), ("PHONE", "MOBILE"),
    ]  # fmt: skip
    mine = (await crm.result("crm.item.list", {"entityTypeId": 4, "filter": {"isMyCompany": "Y"}}))["items"]
    assert mine == []
