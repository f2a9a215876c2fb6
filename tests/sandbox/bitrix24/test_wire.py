"""Envelopes, spellings of a request, rights and limits over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.bitrix24.client import PortalClient
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox, serve


async def test_every_spelling_of_a_request_gives_the_same_result(crm: PortalClient) -> None:
    number = await crm.deal()
    client = crm.sandbox.client
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    query = f"entityTypeId=2&filter[=id]={number}&select[]=id&select[]=title"
    answers = [
        await client.get(f"{crm.url}/crm.item.list?{query}"),
        await client.get(f"{crm.url}/CRM.Item.List.json?{query}"),
        await client.get(f"{crm.url}/crm.item.list/?{query}"),
        await client.post(f"{crm.url}/crm.item.list", content=query, headers=form),
        await client.post(f"{crm.url}/crm.item.list.json", content=query.replace("[", "%5B"), headers=form),
        await client.post(f"{crm.url}/crm.item.list?ENTITYTYPEID=2", json={"FILTER": {"=id": number},
                                                                            "Select": ["id", "title"]}),
        await client.get(f"{crm.url.replace('/rest/', '/REST/')}/crm.item.list?{query}"),
        await client.get(f"/bitrix24/vektor/rest/{'/'.join(crm.url.split('/')[-2:])}/crm.item.list?{query}"),
    ]  # fmt: skip
    for answer in answers:
        body = answer.json()
        assert body["result"] == {"items": [{"id": number, "title": "Поставка"}]}, answer.url
        assert body["total"] == 1
        assert "next" not in body


async def test_time_is_in_every_answer(crm: PortalClient) -> None:
    time = (await crm.call("server.time"))["time"]
    assert set(time) == {"start", "finish", "duration", "processing", "date_start", "date_finish",
                         "operating_reset_at", "operating"}  # fmt: skip
    assert time["date_start"].endswith("+03:00")
    assert isinstance(time["start"], float)
    assert isinstance(time["operating_reset_at"], int)


async def test_unknown_method_is_404(crm: PortalClient) -> None:
    assert await crm.refused("crm.nothing.get") == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")


@pytest.mark.parametrize("path", ["/rest/1/wrong/profile", "/rest/7/{code}/profile", "/bitrix24/none/rest/1/x/profile"])
async def test_bad_code_is_401(crm: PortalClient, path: str) -> None:
    answer = await crm.sandbox.client.get(path.replace("{code}", crm.url.split("/")[-1]))
    assert answer.status_code == 401
    assert answer.json()["error"] == "INVALID_CREDENTIALS"


async def test_without_a_webhook_there_is_no_authorisation(crm: PortalClient) -> None:
    client, path = crm.sandbox.client, "/bitrix24/vektor/rest/crm.deal.get"
    for answer in (
        await client.get(path),
        await client.get("/rest/crm.deal.get.json"),
        await client.post("/rest/crm.deal.get", json={"id": 1, "auth": ""}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "NO_AUTH_FOUND")


async def test_a_token_of_no_application_is_told_apart_wherever_it_stands(crm: PortalClient) -> None:
    client, path = crm.sandbox.client, "/bitrix24/vektor/rest/crm.deal.get"
    for answer in (
        await client.get(f"{path}?auth=token"),
        await client.post(path, json={"id": 1, "AUTH": "token"}),
        await client.post(path, data={"id": 1, "auth": "token"}),
        await client.post("/rest/crm.deal.get?auth=token"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


async def test_a_webhook_without_a_method_names_no_method(crm: PortalClient) -> None:
    assert (await crm.refused(""))[:2] == (404, "ERROR_METHOD_NOT_FOUND")
    answer = await crm.sandbox.client.get(crm.url.rsplit("/", 1)[0] + "/wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_CREDENTIALS")


async def test_the_crm_has_no_methods_of_rest_3(crm: PortalClient) -> None:
    newer = crm.url.replace("/rest/", "/rest/api/")
    for name in ("crm.item.list", "batch"):
        answer = await crm.sandbox.client.post(f"{newer}/{name}", json={})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"].endswith("METHODNOTFOUNDEXCEPTION")
    answer = await crm.sandbox.client.post(newer[:-1] + "x/crm.item.list", json={})
    assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_CREDENTIALS")


async def test_answers_come_as_xml_where_the_name_ends_so(crm: PortalClient) -> None:
    number = await crm.deal(title="Стол & стул")
    answer = await crm.sandbox.client.get(f"{crm.url}/batch.xml?cmd[d]=crm.deal.list%3Fselect[]%3DTITLE")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    found = f"<d><item><ID>{number}</ID><TITLE>Стол &amp; стул</TITLE></item></d>"
    assert answer.text.startswith(f"<response><result><result>{found}</result><result_error></result_error>")
    refused = await crm.sandbox.client.get(f"{crm.url}/crm.deal.get.xml/")
    assert (refused.status_code, refused.text) == (
        400, "<response><error></error><error_description>ID is not defined or invalid.</error_description></response>",
    )  # fmt: skip


async def test_a_browser_may_ask_first(crm: PortalClient) -> None:
    asked = await crm.sandbox.client.options(f"{crm.url}/crm.deal.add?fields[TITLE]=x")
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "content-type" in asked.headers["access-control-allow-headers"]
    assert (await crm.send("crm.deal.list")).headers["access-control-allow-origin"] == "*"
    assert (await crm.call("crm.deal.list"))["total"] == 0


@pytest.mark.parametrize("method", ["event.bind", "placement.bind", "crm.activity.configurable.add"])
async def test_methods_of_applications_refuse_a_webhook(crm: PortalClient, method: str) -> None:
    status, code, _ = await crm.refused(method)
    assert (status, code) == (403, "WRONG_AUTH_TYPE")


async def test_scopes_limit_a_webhook(crm: PortalClient) -> None:
    made = await crm.control("/webhooks", {"user_id": 1, "scopes": ["im"]})
    narrow = PortalClient(crm.sandbox, {**crm.opened, "webhook_url": made["webhook_url"]})
    status, code, _ = await narrow.refused("crm.deal.list")
    assert (status, code) == (401, "insufficient_scope")
    assert await narrow.result("scope") == ["im"]
    assert await narrow.result("method.get", {"name": "crm.deal.get"}) == {"isExisting": True, "isAvailable": False}
    assert (await crm.result("method.get", {"name": "no.such"}))["isExisting"] is False
    assert "crm.item.get" in await crm.result("methods")


async def test_dismissed_user_cannot_be_authorised(crm: PortalClient) -> None:
    await crm.control("/users/1", {"active": False}, "PATCH")
    status, code, _ = await crm.refused("profile")
    assert (status, code) == (401, "authorization_error")


async def test_rights_of_the_user_bound_the_webhook(crm: PortalClient) -> None:
    number = await crm.deal(assigned_by=9)
    await crm.control("/users/1", {"access": "read"}, "PATCH")
    assert await crm.refused("crm.deal.update", {"id": number, "fields": {"TITLE": "x"}}) == (400, "", "Access denied")
    status, code, _ = await crm.refused("crm.item.update", {"entityTypeId": 2, "id": number, "fields": {"title": "x"}})
    assert (status, code) == (400, "ACCESS_DENIED")
    await crm.control("/users/1", {"access": "own"}, "PATCH")
    assert await crm.refused("crm.deal.get", {"id": number}) == (400, "", "Access denied")
    assert (await crm.result("crm.item.list", {"entityTypeId": 2}))["items"] == []
    await crm.control("/users/1", {"access": "none"}, "PATCH")
    assert await crm.refused("crm.requisite.list") == (400, 0, "Access denied.")


async def test_renamed_portal_redirects_and_then_serves(crm: PortalClient) -> None:
    port = crm.sandbox.url.rsplit(":", 1)[1]
    await crm.control("/rename", {"host": f"localhost:{port}", "domain": "vektor-new.bitrix24.ru"})
    answer = await crm.send("crm.deal.list")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"http://localhost:{port}/rest/1/{crm.url.split('/')[-1]}/crm.deal.list"
    again = await crm.sandbox.client.post(answer.headers["location"], json={})
    assert again.status_code == 200
    assert again.json()["total"] == 0


async def test_a_suspended_or_html_portal(crm: PortalClient) -> None:
    await crm.control("", {"suspended": "PAYMENT_REQUIRED"}, "PATCH")
    status, code, _ = await crm.refused("profile")
    assert (status, code) == (401, "PAYMENT_REQUIRED")
    await crm.control("", {"html_errors": True}, "PATCH")
    answer = await crm.send("profile")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    await crm.control("", {"suspended": None, "html_errors": False, "https_only": True}, "PATCH")
    assert (await crm.refused("profile"))[:2] == (400, "INVALID_REQUEST")
    secure = await crm.send("profile", headers={"X-Forwarded-Proto": "https"})
    assert secure.status_code == 200


async def test_bucket_overflows_and_drains_in_business_time(tmp_path: Path) -> None:
    async with serve(tmp_path / "sandbox", limits=True) as sandbox:
        crm = PortalClient(sandbox, await sandbox.control("/bitrix24/portals", OPENING))
        await sandbox.control("/clock", {"rate": 0})
        statuses = [(await crm.send("server.time")).status_code for _ in range(52)]
        assert statuses == [200] * 50 + [503] * 2
        assert (await crm.refused("server.time"))[:2] == (503, "QUERY_LIMIT_EXCEEDED")
        await sandbox.advance(1)
        assert [(await crm.send("server.time")).status_code for _ in range(3)] == [200, 200, 503]
        await crm.control("", {"limit_burst": 250, "limit_per_second": 5}, "PATCH")
        assert (await crm.send("server.time")).status_code == 200


async def test_operating_time_blocks_one_method_until_its_bucket_leaves(tmp_path: Path) -> None:
    async with serve(tmp_path / "sandbox", limits=True) as sandbox:
        crm = PortalClient(sandbox, await sandbox.control("/bitrix24/portals", OPENING))
        dials = {"operating_limit_seconds": 100, "operating_cost_seconds": {"crm.deal.list": 60}}
        await crm.control("", dials, "PATCH")
        assert (await crm.call("crm.deal.list"))["time"]["operating"] >= 60
        reset_at = (await crm.call("crm.deal.list"))["time"]["operating_reset_at"]
        assert (await crm.refused("crm.deal.list"))[:2] == (429, "OPERATION_TIME_LIMIT")
        assert (await crm.send("crm.lead.list")).status_code == 200
        batch = await crm.result("batch", {"cmd": {"a": "crm.deal.list"}})
        assert batch["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
        await sandbox.advance(reset_at - sandbox.world.clock.unix() + 1)
        assert (await crm.send("crm.deal.list")).status_code == 200


async def test_portals_are_apart_though_their_ids_are_equal(sandbox: Sandbox) -> None:
    portals = []
    for slug in ("vektor", "romashka"):
        opened = await sandbox.control("/bitrix24/portals", {"slug": slug, "id_base": 500})
        portals.append(PortalClient(sandbox, opened))
    numbers = [await portal.deal(title=portal.slug) for portal in portals]
    assert numbers == [501, 501]
    titles = [(await portal.item(501))["title"] for portal in portals]
    assert titles == ["vektor", "romashka"]
