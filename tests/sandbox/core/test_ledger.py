"""The ledger: durable before the answer, whole transactions only, the state after kill -9."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from sandbox.core.clock import SandboxClock
from sandbox.core.ledger import Ledger
from tests.sandbox.elba_client import ElbaClient, invoice_body
from tests.sandbox.running import Process, Sandbox, serve

SEED = {"portals": 2, "seed": 7, "elba": {"pdf_render_seconds": 0}}


def sign_in(client: httpx.Client, env: dict[str, str]) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": env["ELBA_1_CLIENT_ID"],
            "client_secret": env["ELBA_1_CLIENT_SECRET"]}  # fmt: skip
    return {"Authorization": f"Bearer {client.post('/connect/token', data=form).json()['access_token']}"}


async def test_no_answer_without_fsync(elba: ElbaClient, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = await elba.buyer()

    def fail(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sandbox.core.ledger.os.fdatasync", fail)
    answer = await elba.post("/invoices", invoice_body(buyer))
    assert answer.status_code == 503
    assert "No space left" in answer.json()["error"]
    assert (await elba.get("/invoices")).status_code == 503
    assert (await elba.sandbox.client.get("/healthz")).status_code == 503


async def test_lines_are_fsynced_after_they_are_written_and_shared(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sandbox.world.ledger._path
    seen: list[int] = []
    fdatasync = os.fdatasync

    def watched(fd: int) -> None:
        seen.append(len(path.read_bytes().splitlines()))
        fdatasync(fd)

    monkeypatch.setattr("sandbox.core.ledger.os.fdatasync", watched)
    before = sandbox.world.ledger.seq
    for enabled in (True, False):
        sandbox.world.set_limits(enabled)
    await sandbox.world.ledger.durable()
    assert seen == [before + 2]


async def test_every_line_carries_what_it_must(elba: ElbaClient) -> None:
    await elba.invoice(await elba.buyer(), comment="[b24:1042:invoice:1:7c1f09aa]")
    lines = await elba.sandbox.lines()
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert all({"at", "real_at", "vendor", "account", "kind"} <= set(line) for line in lines)
    request = (await elba.sandbox.lines(vendor="elba", kind="request", account=elba.id))[-1]
    assert (request["operation"], request["method"], request["status"], request["n"]) == (
        "invoice.create", "POST", 201, 1,
    )  # fmt: skip
    assert request["number"] == "B24-1042"
    assert request["comment"] == "[b24:1042:invoice:1:7c1f09aa]"
    assert request["outcome"]["sum_kopecks"] == 8_500_000
    assert (await elba.sandbox.lines(after=lines[-1]["seq"])) == []
    assert [line["seq"] for line in await elba.sandbox.lines(after=2, limit=2)] == [3, 4]


async def test_a_torn_transaction_is_cut(tmp_path: Path) -> None:
    clock = SandboxClock()
    ledger = Ledger(tmp_path, clock)
    ledger.replay(lambda line: None)
    ledger.append("control", "core", "", {"op": "one"})
    with ledger.together():
        for op in ("two", "three"):
            ledger.append("control", "core", "", {"op": op})
    await ledger.durable()
    ledger.close()
    path = tmp_path / "ledger.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for torn, left in [(b"".join(lines[:2]), 1), (whole[:-1], 1), (lines[0] + lines[1][:10], 1), (whole, 3)]:
        path.write_bytes(torn)
        again = Ledger(tmp_path, clock)
        seen: list[Any] = []
        again.replay(seen.append)
        again.close()
        assert [line["op"] for line in seen] == ["one", "two", "three"][:left]
        assert path.read_bytes() == b"".join(lines[:left])


async def test_damage_inside_is_not_cut_but_named(tmp_path: Path) -> None:
    async with serve(tmp_path) as sandbox:
        await sandbox.control("/limits", {"enabled": True})
    path = tmp_path / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"{damage\n" + b"".join(lines))
    ledger = Ledger(tmp_path, SandboxClock())
    with pytest.raises(SystemExit, match="damaged at byte 0"):
        ledger.replay(lambda line: None)
    ledger.close()
    assert path.read_bytes() == b"{damage\n" + b"".join(lines)


async def test_a_second_sandbox_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with serve(tmp_path):
        with pytest.raises(SystemExit, match="in use by another sandbox"):
            Ledger(tmp_path, SandboxClock())


async def test_blobs_are_named_by_their_content(sandbox: Sandbox) -> None:
    ledger = sandbox.world.ledger
    digest = ledger.store_blob(b"content")
    assert ledger.store_blob(b"content") == digest
    assert ledger.blob(digest) == b"content"
    with pytest.raises(FileNotFoundError):
        ledger.blob("../ledger")


async def test_reset_empties_everything(elba: ElbaClient) -> None:
    await elba.buyer()
    elba.sandbox.world.ledger.store_blob(b"content")
    await elba.fault("*", "empty")
    before = await elba.sandbox.control("/clock", {"rate": 5})
    await elba.sandbox.control("/reset")
    assert await elba.sandbox.state("elba") == {}
    assert (await elba.sandbox.control("/faults", method="GET"))["rules"] == []
    assert [line["op"] for line in await elba.sandbox.lines()] == ["clock"]
    clock = await elba.sandbox.control("/clock", method="GET")
    assert (clock["rate"], clock["revision"]) == (1.0, before["revision"] + 1)
    assert list(elba.sandbox.world.ledger._folder.glob("blobs/*")) == []


async def test_seed_is_reproducible_and_may_be_repeated(tmp_path: Path) -> None:
    envs = []
    for folder in ("a", "b"):
        async with serve(tmp_path / folder, public_url="https://sandbox.example") as sandbox:
            first = await sandbox.control("/seed", SEED)
            lines = len(await sandbox.lines(vendor="elba"))
            assert await sandbox.control("/seed", SEED) == first
            assert len(await sandbox.lines(vendor="elba")) == lines
            plain = await sandbox.client.post("/control/seed", json=SEED, headers={"Accept": "text/plain"})
            assert plain.text.splitlines() == first["env_lines"]
            envs.append((first["env"], _without_times(await sandbox.state("elba"))))
    assert envs[0] == envs[1]
    assert envs[0][0]["ELBA_2_API_URL"] == "https://sandbox.example/api/v1"


async def test_the_ids_that_seed_prints_are_there(tmp_path: Path) -> None:
    async with serve(tmp_path) as sandbox:
        env = (await sandbox.control("/seed", {**SEED, "deals_per_portal": 2}))["env"]
        hook = env["B24_2_WEBHOOK_URL"]
        for kind, name in (("company", "COMPANY"), ("deal", "DEAL"), ("product", "PRODUCT")):
            for number in env[f"B24_2_{name}_IDS"].split(","):
                answer = await sandbox.client.get(f"{hook}crm.{kind}.get?id={number}")
                assert answer.status_code == 200, answer.text
        mine = (await sandbox.client.get(f"{hook}crm.company.get?id={env['B24_2_SELLER_COMPANY_ID']}")).json()["result"]
        assert mine["IS_MY_COMPANY"] == "Y"
        assert env["B24_2_USER_ID"] in env["B24_2_USER_IDS"].split(",")
        known = (await sandbox.state("elba", env["ELBA_2_ACCOUNT"]))["counterparties"]
        assert env["ELBA_2_COUNTERPARTY_IDS"].split(",") == list(known)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"portals": "many"}, "`portals` is a whole number between 1 and 100"),
        ({"buyers_per_portal": -1}, "`buyers_per_portal` is a whole number between 0 and 10000"),
        ({"bitrix24": "x"}, "`bitrix24` is a JSON object of dials"),
    ],
)
async def test_a_wrong_seed_is_refused_in_words(tmp_path: Path, body: dict[str, Any], sentence: str) -> None:
    async with serve(tmp_path) as sandbox:
        answer = await sandbox.client.post("/control/seed", json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})


def _without_times(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _without_times(value) for key, value in state.items() if key not in ("updated_at", "order")}
    return state


def test_kill_minus_nine_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    sandbox = Process(tmp_path)
    with sandbox.client() as client:
        env = client.post("/control/seed", json=SEED).json()["env"]
        headers = sign_in(client, env)
        buyer = client.get("/api/v1/counterparties", headers=headers).json()["items"][0]["id"]
    answered: list[str] = []
    enough = threading.Event()

    def work(worker: int) -> None:
        with sandbox.client() as client:
            for number in range(10_000):
                try:
                    body = invoice_body(buyer, f"W{worker}-{number}")
                    answer = client.post("/api/v1/invoices", json=body, headers=headers)
                except httpx.TransportError:
                    return
                answered.append(answer.json()["id"])
                if len(answered) > 60:
                    enough.set()

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    assert enough.wait(20)
    sandbox.kill()
    for worker in workers:
        worker.join()
    torn = tmp_path / "ledger.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"seq":')

    second = Process(tmp_path)
    with second.client() as client:
        state = client.get("/control/elba/state").json()
        held = state[env["ELBA_1_ACCOUNT"]]["invoices"]
        assert set(answered) <= set(held)
        assert client.get(f"/api/v1/invoices/{answered[0]}", headers=headers).status_code == 200
        clock = client.get("/control/clock").json()
    second.kill()
    third = Process(tmp_path)
    with third.client() as client:
        assert client.get("/control/elba/state").json() == state
        assert client.get("/control/clock").json()["anchor_unix"] == clock["anchor_unix"]
    assert third.terminate() == 0
    assert all(json.loads(line) for line in torn.read_bytes().splitlines())


async def test_live_state_equals_replayed_state_after_every_kind_of_change(tmp_path: Path) -> None:
    async with serve(tmp_path) as sandbox:
        account = await sandbox.control("/elba/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
        elba = ElbaClient(sandbox, account)
        await elba.sign_in()
        buyer = await elba.buyer()
        await elba.post("/webhooks", {"url": "http://127.0.0.1:9/", "events": ["invoice.paid"], "secret": "s"})
        await elba.post("/invoices", invoice_body(buyer), headers={"Idempotency-Key": "k"})
        paid = await elba.control("/payments", {"invoice": "B24-1042", "late_seconds": 500})
        await elba.control(f"/payments/{paid['id']}/rename")
        await elba.control("/payments", {"invoice": "B24-1042", "amount_kopecks": 5, "listed_twice": True})
        await elba.control("/invoices/B24-1042", {"comment": "x"}, "PATCH")
        await elba.invoice(buyer, "B24-2")
        await elba.control("/invoices/B24-2", method="DELETE")
        await elba.fault("invoice.create", "read_lag", lag_seconds=500)
        await elba.invoice(buyer, "B24-3")
        await elba.control("/tokens", {"state": "revoked"})
        await elba.control("/dials", {"pdf_bytes": 5000})
        await elba.fault("invoice.find", "empty")
        live = await sandbox.state("elba")
        faults = await sandbox.control("/faults", method="GET")
    async with serve(tmp_path) as sandbox:
        again = await sandbox.state("elba")
        assert orjson.dumps(again) == orjson.dumps(live)
        assert await sandbox.control("/faults", method="GET") == faults
