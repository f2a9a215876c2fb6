"""Tenants with one and the same portal are told of each other."""

from typing import Any

import pytest

from chassis.ids import TenantId
from services.ingest.api.portals import is_one_portal
from services.ingest.store.connections import ENDPOINT, MEMBER_ID, Account
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import TENANT, Ingest, document


def crm(endpoint: str, member_id: str = "") -> Account:
    return Account(TenantId("aa"), "bitrix24:aa", "bitrix24", "app", {ENDPOINT: endpoint, MEMBER_ID: member_id})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (crm("https://a.bitrix24.ru/rest/"), crm("https://A.bitrix24.ru/rest/1/secret/"), True),
        (crm("https://a.bitrix24.ru/rest/"), crm("https://b.bitrix24.ru/rest/"), False),
        (crm("https://old.bitrix24.ru/rest/", "m"), crm("https://new.bitrix24.ru/rest/", "m"), True),
        (crm("https://a.bitrix24.ru/rest/", "m"), crm("https://a.bitrix24.ru/rest/", "n"), False),
        (crm("https://a.bitrix24.ru/rest/", "m"), crm("https://a.bitrix24.ru/rest/"), True),
        (crm(""), crm(""), False),
    ],
)
def test_a_portal_is_known_by_its_id_or_by_its_address(one: Account, other: Account, *, same: bool) -> None:
    assert is_one_portal(one, other) is same


@pytest.mark.parts
async def test_a_second_tenant_of_one_portal_is_taken_and_both_are_warned(
    ingest: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    assert (await ingest.apply(document(sandbox, portal, account)))["warnings"] == []
    again = await ingest.apply(document(sandbox, portal, account, tenant="gamma"))
    assert again["warnings"] == [{"code": "portal_shared", "values": {"tenants": TENANT}}]
    answer = (await ingest.api.post(f"/api/v1/tenants/{TENANT}/check")).json()
    warned = [one for one in answer["checks"] if one["ok"] and one["problems"]]
    assert [one["problems"] for one in warned] == [[{"code": "portal_shared", "values": {"tenants": "gamma"}}]]
    await ingest.api.post("/api/v1/tenants/gamma/remove")
    assert (await ingest.apply(document(sandbox, portal, account)))["warnings"] == []
