"""biconnector.*: connectors, sources and datasets of the portal's analytics."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tests.sandbox.bitrix24.client import PortalClient
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox

ADDRESSES = dict.fromkeys(("urlCheck", "urlData", "urlTableList", "urlTableDescription"), "https://example.ru/bi")
SETTING = {"type": "STRING", "name": "Логин", "code": "login"}
CONNECTOR = {"title": "Склад", "logo": "data:,a", **ADDRESSES, "settings": [SETTING]}
COLUMN = {"name": "SUM", "externalCode": "sum", "type": "double"}


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal whose webhook may fill its analytics."""
    opening = {**OPENING, "scopes": ["biconnector"]}
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", opening))


async def _code(crm: PortalClient, name: str, params: dict[str, Any]) -> str:
    """The refusal's code: it comes with status 200."""
    answer = await crm.send(f"biconnector.{name}", params)
    assert answer.status_code == 200
    return str(answer.json()["error"])


async def test_a_dataset_stands_on_a_source_of_a_connector(crm: PortalClient) -> None:
    connector = (await crm.result("biconnector.connector.add", {"fields": CONNECTOR}))["id"]
    given = {"title": "Касса", "connectorId": connector, "settings": {"login": "ivan"}}
    source = (await crm.result("biconnector.source.add", {"fields": given}))["id"]
    item = (await crm.result("biconnector.source.get", {"id": source}))["item"]
    assert (item["connectorId"], item["connection"]["title"]) == (connector, "Касса")
    assert item["connection"]["active"] is True
    assert item["settings"] == [{**SETTING, "value": "ivan", "id": 1}]
    told = {"name": "sales", "externalName": "Sales", "externalCode": "t1", "sourceId": source, "fields": [COLUMN]}
    dataset = (await crm.result("biconnector.dataset.add", {"fields": told}))["id"]
    more = {"add": [{**COLUMN, "name": "DAY", "externalCode": "day"}], "update": [{"id": 1, "visible": False}]}
    assert await crm.result("biconnector.dataset.fields.update", {"id": dataset, **more}) is True
    columns = (await crm.result("biconnector.dataset.get", {"id": dataset}))["item"]["fields"]
    assert [(one["id"], one["name"], one["visible"]) for one in columns] == [(1, "SUM", False), (2, "DAY", True)]
    listed = await crm.result("biconnector.dataset.list", {"select": ["id", "name"], "filter": {"sourceId": source}})
    assert listed == [{"id": str(dataset), "name": "sales"}]
    assert await crm.result("biconnector.source.update", {"id": source, "fields": {"active": "N"}}) is True
    assert (await crm.result("biconnector.source.list", {"filter": {"active": False}}))[0]["title"] == "Касса"
    assert await _code(crm, "connector.delete", {"id": connector}) == "CONNECTOR_DELETE_RESTRICTED"
    assert await _code(crm, "source.delete", {"id": source}) == "BX_ERROR"
    for name, number in (("dataset", dataset), ("source", source), ("connector", connector)):
        assert await crm.result(f"biconnector.{name}.delete", {"id": number}) is True
        assert await _code(crm, f"{name}.get", {"id": number}) == f"{name.upper()}_NOT_FOUND"


async def test_analytics_refuse_by_the_rules_of_fields(crm: PortalClient) -> None:
    connector = (await crm.result("biconnector.connector.add", {"fields": CONNECTOR}))["id"]
    given = {"title": "Касса", "connectorId": connector, "settings": {"login": "ivan"}}
    source = (await crm.result("biconnector.source.add", {"fields": given}))["id"]
    told = {"name": "sales", "externalName": "Sales", "externalCode": "t1", "sourceId": source, "fields": [COLUMN]}
    dataset = (await crm.result("biconnector.dataset.add", {"fields": told}))["id"]
    for name, params, code in (
        ("connector.add", {}, "VALIDATION_FIELDS_NOT_PROVIDED"),
        ("connector.add", {"fields": CONNECTOR, "x": 1}, "VALIDATION_UNKNOWN_PARAMETERS"),
        ("connector.add", {"fields": {**CONNECTOR, "id": 5}}, "VALIDATION_READ_ONLY_FIELD"),
        ("connector.add", {"fields": {**CONNECTOR, "title": ""}}, "VALIDATION_REQUIRED_FIELD_MISSING"),
        ("connector.add", {"fields": {**CONNECTOR, "sort": "x"}}, "VALIDATION_INVALID_FIELD_TYPE"),
        ("connector.add", {"fields": {**CONNECTOR, "settings": [{"type": "STRING"}]}},
         "VALIDATION_SETTINGS_MISSING_REQUIRED_FIELDS"),
        ("connector.get", {}, "VALIDATION_ID_NOT_PROVIDED"),
        ("connector.get", {"id": "x"}, "VALIDATION_INVALID_ID_FORMAT"),
        ("connector.list", {"select": ["settings"]}, "VALIDATION_FIELD_NOT_ALLOWED_IN_SELECT"),
        ("source.add", {"fields": {**given, "connectorId": 99}}, "CONNECTOR_NOT_FOUND"),
        ("source.update", {"id": source, "fields": {"connectorId": connector}}, "VALIDATION_IMMUTABLE_FIELD"),
        ("dataset.add", {"fields": told}, "DATASET_ALREADY_EXIST"),
        ("dataset.add", {"fields": {**told, "name": "Sales"}}, "VALIDATION_DATASET_NAME_INVALID"),
        ("dataset.add", {"fields": {**told, "name": "b", "fields": [{**COLUMN, "name": "sum"}]}},
         "VALIDATION_FIELD_NAME_INVALID_FORMAT"),
        ("dataset.add", {"fields": {**told, "name": "b", "fields": [{**COLUMN, "externalCode": {}}]}},
         "VALIDATION_FIELD_MISSING_REQUIRED_PARAMETERS"),
        ("dataset.update", {"id": dataset, "fields": {"fields": []}}, "INVALID_METHOD"),
        ("dataset.fields.update", {"id": dataset, "add": [COLUMN]}, "VALIDATION_DUPLICATE_EXIST_NAME"),
        ("dataset.fields.update", {"id": dataset}, "VALIDATION_FIELDS_NOT_PROVIDED"),
    ):  # fmt: skip
        assert (name, await _code(crm, name, params)) == (name, code)
