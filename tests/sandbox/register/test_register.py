"""Simulated DaData and Focus: keys, quotas by the clock, strict requests, ledger, pages, replay."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.running import Sandbox, serve

COMPANY = {"inn": "7709123453", "kpp": "770901001", "ogrn": "1237700012340", "name": "ООО «Лотос»"}


async def dadata(sandbox: Sandbox, body: Any, key: str, method: str = "POST") -> httpx.Response:
    address = "/suggestions/api/4_1/rs/findById/party"
    headers = {"Authorization": f"Token {key}"} if key else {}
    return await sandbox.client.request(method, address, json=body, headers=headers)


@pytest.fixture
async def account(sandbox: Sandbox) -> dict[str, Any]:
    await sandbox.control("/dadata/companies", COMPANY)
    found: dict[str, Any] = await sandbox.control("/dadata/accounts", {"title": "Вектор"})
    return found


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"query": 5}, 400), ({"query": " "}, 400), ({"query": "7" * 301}, 413), ({"query": "1"}, 200)],
)
async def test_dadata_takes_nothing_but_what_its_pages_say(
    sandbox: Sandbox, account: dict[str, Any], body: dict[str, Any], status: int
) -> None:
    assert (await dadata(sandbox, body, account["api_key"])).status_code == status


async def test_dadata_s_keys_and_verbs(sandbox: Sandbox, account: dict[str, Any]) -> None:
    assert (await dadata(sandbox, {"query": "1"}, "")).status_code == 401
    assert (await dadata(sandbox, {"query": "1"}, "wrong")).status_code == 403
    assert (await dadata(sandbox, {"query": "1"}, account["api_key"], "GET")).status_code == 405


async def test_dadata_s_quota_begins_anew_at_midnight_in_moscow(sandbox: Sandbox, account: dict[str, Any]) -> None:
    await sandbox.control("/clock", {"set": "2026-11-20T23:00:00+03:00", "rate": 0})
    await sandbox.control(f"/dadata/{account['account']}/dials", {"per_day": 2})
    statuses = [(await dadata(sandbox, {"query": "1"}, account["api_key"])).status_code for _ in range(3)]
    assert statuses == [200, 200, 403]
    headers = {"Authorization": f"Token {account['api_key']}", "X-Secret": account["secret"]}
    answer = await sandbox.client.get("/api/v2/stat/daily", headers=headers)
    assert (answer.json()["services"]["suggestions"], answer.json()["remaining"]["suggestions"]) == (2, 0)
    await sandbox.advance(3600)
    assert (await dadata(sandbox, {"query": "1"}, account["api_key"])).status_code == 200


async def test_dadata_s_statistics_need_the_secret(sandbox: Sandbox, account: dict[str, Any]) -> None:
    headers = {"Authorization": f"Token {account['api_key']}"}
    assert (await sandbox.client.get("/api/v2/stat/daily", headers=headers)).status_code == 401


async def test_focus_counts_a_company_once_and_leaves_out_whom_it_does_not_know(sandbox: Sandbox) -> None:
    await sandbox.control("/focus/companies", COMPANY)
    account = await sandbox.control("/focus/accounts", {"title": "Вектор", "dials": {"per_day": 1}})

    async def asked(inn: str, **more: str) -> httpx.Response:
        return await sandbox.client.get("/api3/req", params={"key": account["api_key"], "inn": inn, **more})

    for _ in range(3):
        assert [row["inn"] for row in (await asked(f"{COMPANY['inn']},7736207543")).json()] == [COMPANY["inn"]]
    await sandbox.control("/focus/companies", {"inn": "7736207543", "name": "Ромашка"})
    assert (await asked("7736207543")).status_code == 403
    statistics = (await sandbox.client.get("/api3/stat", params={"key": account["api_key"]})).json()
    assert statistics[0] == {"methodName": "req", "spent": 1, "limit": 1}
    assert (await asked("12")).status_code == 422
    assert (await asked(COMPANY["inn"], xml="1")).status_code == 400
    assert (await sandbox.client.get("/api3/req", params={"inn": COMPANY["inn"]})).status_code == 401


async def test_the_rate_is_kept_where_limits_are_on(tmp_path: Path) -> None:
    async with serve(tmp_path / "sandbox", limits=True) as sandbox:
        await sandbox.control("/clock", {"rate": 0})
        account = await sandbox.control("/dadata/accounts", {"dials": {"limit_burst": 2, "limit_per_second": 1}})
        statuses = [(await dadata(sandbox, {"query": "1"}, account["api_key"])).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]


async def test_what_was_told_survives_a_restart(tmp_path: Path) -> None:
    async with serve(tmp_path / "sandbox") as sandbox:
        await sandbox.control("/dadata/companies", {**COMPANY, "status": "BANKRUPT"})
        account = await sandbox.control("/dadata/accounts", {"title": "Вектор"})
        await sandbox.control(f"/dadata/{account['account']}/dials", {"per_day": 7})
        before = await sandbox.state("dadata")
    async with serve(tmp_path / "sandbox") as sandbox:
        assert await sandbox.state("dadata") == before
        found = (await dadata(sandbox, {"query": COMPANY["inn"]}, account["api_key"])).json()
        assert found["suggestions"][0]["data"]["state"]["status"] == "BANKRUPT"


async def test_requests_are_in_the_ledger_and_accounts_have_pages(sandbox: Sandbox, account: dict[str, Any]) -> None:
    await dadata(sandbox, {"query": COMPANY["inn"]}, account["api_key"])
    (line,) = await sandbox.lines(vendor="dadata", kind="request")
    assert (line["operation"], line["status"], line["query"]) == ("find_party", 200, COMPANY["inn"])
    page = await sandbox.client.get(f"/pages/dadata/{account['account']}")
    assert "ООО «Лотос»" in page.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/companies", {"inn": "1"}),
        ("/companies", {"inn": "7709123453", "status": "GONE"}),
        ("/companies", {"inn": "7709123453", "colour": "red"}),
        ("/accounts", {"colour": "red"}),
        ("/accounts", {"dials": {"per_day": -1}}),
        ("/accounts", {"dials": {"refuse_status": 500}}),
    ],
)
async def test_wrong_control_calls_say_what_is_wrong(sandbox: Sandbox, path: str, body: dict[str, Any]) -> None:
    answer = await sandbox.client.post(f"/control/dadata{path}", json=body)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


async def test_the_seeded_world_knows_its_buyers(sandbox: Sandbox) -> None:
    answer = await sandbox.control("/seed", {"portals": 1, "seed": 7, "buyers_per_portal": 3})
    env = answer["env"]
    assert env["DADATA_1_API_KEY"]
    assert env["FOCUS_1_API_URL"].endswith("/api3")
    assert len((await sandbox.state("focus"))["companies"]) == 4


async def test_dadata_finds_and_suggests_banks_and_companies_as_clients_narrow_them(
    sandbox: Sandbox, account: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Token {account['api_key']}"}

    async def found(path: str, **body: Any) -> int:
        answer = await sandbox.client.post(f"/suggestions/api/4_1/rs/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["suggestions"])

    for query in ("044525999", "PRIMRUMM", "7707000008", "9999"):
        assert await found("findById/bank", query=query) == 1
    assert await found("findById/bank", query="7707000008", kpp="1") == 0
    assert await found("suggest/bank", query="пример", type=["BANK"]) == 1
    assert await found("suggest/bank", query="пример", status=["LIQUIDATED"]) == 0
    assert await found("suggest/party", query="лотос 7709") == 1
    assert await found("suggest/party", query="лотос", status=["LIQUIDATED"]) == 0
    assert await found("findById/party", query=COMPANY["inn"], type="INDIVIDUAL") == 0
    unknown = await sandbox.client.post("/suggestions/api/4_1/rs/find/party", json={}, headers=headers)
    assert (unknown.status_code, unknown.json()["family"]) == (404, "CLIENT_ERROR")
    assert "suggestions" in (await sandbox.client.get("/api/v2/version", headers=headers)).json()


async def test_focus_says_what_a_list_would_cost(sandbox: Sandbox) -> None:
    await sandbox.control("/focus/companies", COMPANY)
    key = (await sandbox.control("/focus/accounts", {"title": "Вектор"}))["api_key"]

    async def asked(path: str, inn: str) -> Any:
        return (await sandbox.client.get(f"/api3/{path}", params={"key": key, "inn": inn})).json()

    both = f"{COMPANY['inn']},500100732259"
    assert await asked("req/expectedLimitUsage", both) == {"expectedLimitUsage": 1}
    assert len(await asked("req", both)) == 1
    assert await asked("req/expectedLimitUsage", both) == {"expectedLimitUsage": 0}
    bare = await sandbox.client.get("/api3/req/expectedLimitUsage", params={"key": key})
    assert bare.status_code == 400
