"""The application as a whole: addresses behind a proxy, limits, order at the end, pages, the list of controls."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.core.app import SandboxApp
from tests.sandbox.elba_client import ElbaClient
from tests.sandbox.running import Process, Sandbox, serve
from tests.sandbox.statuses import undeclared


async def test_links_keep_host_proto_and_prefix_of_a_proxy(sandbox: Sandbox) -> None:
    headers = {"Host": "elba.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/box"}
    made = await sandbox.client.post(
        "/box/control/elba/accounts", json={"title": "ООО «Вектор»", "inn": "500123456750"}, headers=headers
    )
    assert made.json()["api_url"] == "https://elba.example/box/api/v1"


async def test_public_url_with_a_path_prefix(tmp_path: Path) -> None:
    async with serve(tmp_path, public_url="https://sandbox.example/deep/prefix/") as sandbox:
        body = {"title": "ООО «Вектор»", "inn": "500123456750"}
        made = await sandbox.client.post("/deep/Prefix/control/elba/accounts", json=body)
        assert made.json()["token_url"] == "https://sandbox.example/deep/prefix/connect/token"
        assert (await sandbox.client.get("/healthz")).status_code == 200


async def test_unknown_places_and_methods(sandbox: Sandbox) -> None:
    assert (await sandbox.client.get("/nothing")).status_code == 404
    assert (await sandbox.client.post("/control/ledger")).status_code == 405
    assert (await sandbox.client.get("/control/elba/state?account=none")).status_code == 404
    assert (await sandbox.client.post("/control/elba/none/payments", json={})).status_code == 404
    assert (await sandbox.client.head("/healthz")).content == b""


async def test_openapi_lists_every_control(sandbox: Sandbox) -> None:
    document = (await sandbox.client.get("/control/openapi.json")).json()
    assert {"/control/clock", "/control/faults/{id}", "/control/elba/{account}/payments"} <= set(document["paths"])
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


async def test_the_whole_is_described_with_the_statuses_of_each_vendor(sandbox: Sandbox) -> None:
    document = (await sandbox.client.get("/openapi.json", headers={"X-Forwarded-Proto": "https"})).json()
    assert document["servers"][0]["url"].startswith("https://")
    paths = document["paths"]
    call = paths["/rest/{tail}"]["post"]
    assert {"200", "302", "401", "403", "429", "503", "default"} <= set(call["responses"])
    assert set(paths["/api/v1/invoices"]) >= {"get", "post"}
    assert {"201", "422", "429"} <= set(paths["/api/v1/invoices"]["post"]["responses"])
    assert "default" not in paths["/control/clock"]["get"]["responses"], "faults are of vendors alone"
    assert {"/openapi.json", "/healthz", "/oauth/token", "/pages/elba/{account}"} <= set(paths)
    assert {"sandbox", "control", "pages", "bitrix24", "elba", "onec"} <= {
        tag for item in paths.values() for operation in item.values() for tag in operation["tags"]
    }


async def test_the_rig_notices_a_status_that_is_not_declared(sandbox: Sandbox) -> None:
    app = SandboxApp(sandbox.world)
    assert undeclared(app, "POST", "/rest/1/secret/profile", 418) == ["POST /rest/1/secret/profile: 418"]
    assert undeclared(app, "POST", "/rest/1/secret/profile", 302) == []
    assert undeclared(app, "GET", "/nothing", 404) == []


async def test_pages_show_people_what_there_is(elba: ElbaClient) -> None:
    buyer = await elba.buyer(fullName='ООО <script>"Лотос"</script>')
    made = await elba.invoice(buyer)
    await elba.control("/payments", {"invoice": "B24-1042", "amount_kopecks": 100})
    index = (await elba.sandbox.client.get("/")).text
    assert f"/pages/elba/{elba.id}" in index
    assert f"/pages/elba/{elba.id}" in (await elba.sandbox.client.get("/pages/")).text
    page = (await elba.sandbox.client.get(f"/pages/elba/{elba.id}")).text
    assert "B24-1042" in page
    assert "Просрочен" in page
    assert "<script>" not in page
    document = await elba.sandbox.client.get(made["url"])
    assert "Счёт на оплату № B24-1042" in document.text
    assert (await elba.sandbox.client.get(made["url"] + "/pdf")).content.startswith(b"%PDF-")
    assert (await elba.sandbox.client.get("/pages/elba/none")).status_code == 404


async def test_limits_are_business_time_and_can_be_switched(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=True) as sandbox:
        await sandbox.control("/clock", {"rate": 0})
        dials = {"limit_burst": 3, "limit_per_second": 0.5, "limit_per_day": 6}
        account = {"title": "ООО «Вектор»", "inn": "500123456750", "dials": dials}
        elba = ElbaClient(sandbox, await sandbox.control("/elba/accounts", account))
        await elba.sign_in()
        assert [(await elba.get("/invoices")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await elba.get("/invoices")
        assert (refused.headers["retry-after"], refused.json()["error"]["code"]) == ("2", "TooManyRequests")
        await sandbox.advance(2)
        assert [(await elba.get("/invoices")).status_code for _ in range(2)] == [200, 429]
        await sandbox.advance(60)
        answers = [await elba.get("/invoices") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[-1].headers["retry-after"]) > 2
        await sandbox.control("/limits", {"enabled": False})
        assert {(await elba.get("/invoices")).status_code for _ in range(20)} == {200}


def test_sigterm_ends_in_order_with_an_open_long_poll(tmp_path: Path) -> None:
    sandbox = Process(tmp_path)

    async def poll_and_end() -> int:
        async with httpx.AsyncClient(base_url=sandbox.url, timeout=20) as client:
            revision = (await client.get("/control/clock")).json()["revision"]
            query = {"client": "ingest", "after": revision, "wait_seconds": 20}
            poll = asyncio.create_task(client.get("/control/clock", params=query))
            while (await client.get("/control/clock")).status_code == 200 and not poll.done():
                await asyncio.sleep(0)
                sandbox.process.terminate()
                break
            code = await asyncio.to_thread(sandbox.process.wait, 10)
            await asyncio.gather(poll, return_exceptions=True)
            return code

    assert asyncio.run(poll_and_end()) == 0


def test_a_taken_port_gets_one_sentence(tmp_path: Path) -> None:
    first = Process(tmp_path / "a")
    port = first.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "sandbox", "--port", port, "--data", str(tmp_path / "b")]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    first.terminate()
    assert second.returncode == 1
    assert second.stderr.strip() == f"cannot listen on 127.0.0.1:{port}: Address already in use; give another --port"


@pytest.mark.parametrize("inn", ["123", "500123456751", ""])
async def test_an_account_needs_a_true_inn(sandbox: Sandbox, inn: str) -> None:
    answer = await sandbox.client.post("/control/elba/accounts", json={"title": "ИП", "inn": inn})
    assert answer.status_code == 400
