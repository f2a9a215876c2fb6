"""Every kind of fault, as a client meets it, and the plan that decides which call meets it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.core.faults import FaultPlan, parse_rule
from tests.sandbox.elba_client import ElbaClient, invoice_body
from tests.sandbox.running import Sandbox, eventually, serve

SHORT = httpx.Timeout(0.3)


async def make(elba: ElbaClient, **options: Any) -> httpx.Response:
    buyer = (await elba.get("/counterparties")).json()["items"]
    buyer_id = buyer[0]["id"] if buyer else await elba.buyer()
    return await elba.post("/invoices", invoice_body(buyer_id), **options)


async def committed(elba: ElbaClient) -> int:
    return len(await elba.find())


@pytest.mark.parametrize(("kind", "count"), [("timeout_before", 0), ("timeout_after", 1)])
async def test_timeouts(elba: ElbaClient, kind: str, count: int) -> None:
    await elba.fault("invoice.create", kind)
    with pytest.raises(httpx.ReadTimeout):
        await make(elba, timeout=SHORT)
    assert await committed(elba) == count
    (line,) = await elba.sandbox.lines(kind="fault")
    assert (line["fault"], line["operation"], line["n"], line["account"]) == (kind, "invoice.create", 1, elba.id)
    assert (await make(elba)).status_code == 201


@pytest.mark.parametrize(("kind", "count"), [("error_before", 0), ("error_after", 1)])
async def test_errors(elba: ElbaClient, kind: str, count: int) -> None:
    await elba.fault("invoice.create", kind, status=502)
    answer = await make(elba)
    assert (answer.status_code, answer.json()["statusCode"]) == (502, 502)
    assert await committed(elba) == count


@pytest.mark.parametrize(
    ("kind", "status"), [("limit_429", 429), ("limit_503", 503), ("operation_time_limit", 429), ("token_expired", 401)]
)
async def test_refusals_leave_nothing(elba: ElbaClient, kind: str, status: int) -> None:
    await elba.fault("invoice.create", kind)
    bare = await make(elba)
    assert (bare.status_code, "retry-after" in bare.headers) == (status, False)
    await elba.fault("invoice.create", kind, retry_after=7)
    assert (await make(elba)).headers["retry-after"] == "7"
    assert await committed(elba) == 0


async def test_error_in_200(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "error_in_200", status=400)
    answer = await make(elba)
    assert (answer.status_code, answer.json()["statusCode"]) == (200, 400)
    assert await committed(elba) == 0


async def test_late_commit_comes_after_the_hang_up(elba: ElbaClient) -> None:
    await elba.sandbox.control("/clock", {"rate": 0})
    await elba.fault("invoice.create", "late_commit", commit_seconds=170)
    with pytest.raises(httpx.RemoteProtocolError):
        await make(elba)
    await elba.sandbox.advance(169)
    assert await committed(elba) == 0
    await elba.sandbox.advance(1)
    await eventually(lambda: elba.find(), "the late commit")
    late = (await elba.sandbox.lines(kind="request"))[-2]
    assert (late["operation"], late["status"], late["late"]) == ("invoice.create", 201, True)


async def test_late_commit_survives_a_restart_and_an_expired_token(tmp_path: Path) -> None:
    async with serve(tmp_path) as sandbox:
        await sandbox.control("/clock", {"rate": 0})
        account = await sandbox.control("/elba/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
        elba = ElbaClient(sandbox, account)
        await elba.sign_in()
        await elba.fault("invoice.create", "late_commit", commit_seconds=4000)
        with pytest.raises(httpx.RemoteProtocolError):
            await make(elba)
    async with serve(tmp_path) as sandbox:
        assert (await sandbox.control("/status", method="GET"))["timers_pending"] == 1
        await sandbox.advance(4000)
        await eventually(lambda: _invoices(sandbox, account["account"]), "the late commit")
    async with serve(tmp_path) as sandbox:
        assert (await sandbox.control("/status", method="GET"))["timers_pending"] == 0
        assert len(await _invoices(sandbox, account["account"])) == 1


async def _invoices(sandbox: Sandbox, account: str) -> Any:
    return (await sandbox.state("elba", account))["invoices"]


async def test_slow_bytes(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "slow_bytes", bytes_per_second=20)
    got: list[bytes] = []
    buyer = await elba.buyer()

    async def read() -> None:
        headers = {"Authorization": f"Bearer {elba.token}"}
        url = f"{elba.account['api_url']}/invoices"
        async with elba.sandbox.client.stream("POST", url, json=invoice_body(buyer), headers=headers) as answer:
            async for part in answer.aiter_bytes():
                got.append(part)  # noqa: PERF401 - what came before the timeout counts

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(), 1)
    assert 1 <= len(b"".join(got)) <= 21
    assert await committed(elba) == 1


async def test_truncated(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "truncated")
    with pytest.raises(httpx.RemoteProtocolError):
        await make(elba)
    assert await committed(elba) == 1


async def test_reset(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "reset", keep_bytes=10)
    with pytest.raises(httpx.ReadError):
        await make(elba)
    assert await committed(elba) == 1


async def test_html_and_empty(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "html_200")
    page = await make(elba)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    assert page.text.startswith("<!DOCTYPE html>")
    await elba.fault("invoice.create", "empty")
    empty = await make(elba)
    assert (empty.status_code, empty.content) == (201, b"")
    assert await committed(elba) == 2


async def test_fields(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "field_added", field="items.0.brandNew", value=[1])
    assert (await make(elba)).json()["items"][0]["brandNew"] == [1]
    await elba.fault("invoice.create", "field_missing", field="number")
    assert "number" not in (await make(elba)).json()
    await elba.fault("invoice.create", "field_retyped", field="sum")
    assert (await make(elba)).json()["sum"] == "85000.0"
    assert {found["number"] for found in await elba.find()} == {"B24-1042"}


async def test_kopeck_off_stays_off(elba: ElbaClient) -> None:
    await elba.fault("invoice.create", "kopeck_off", kopecks=-1)
    made = (await make(elba)).json()
    assert made["sum"] == 84_999.99
    assert (await elba.get(f"/invoices/{made['id']}")).json()["sum"] == 84_999.99


async def test_read_lag_hides_what_was_written(elba: ElbaClient) -> None:
    await elba.sandbox.control("/clock", {"rate": 0})
    await elba.fault("invoice.create", "read_lag", lag_seconds=45)
    made = (await make(elba)).json()
    await elba.sandbox.advance(44)
    assert await committed(elba) == 0
    assert (await elba.get(f"/invoices/{made['id']}")).status_code == 404
    await elba.sandbox.advance(1)
    assert await committed(elba) == 1


async def test_what_reads_do_not_see_yet_may_be_named_by_a_write(elba: ElbaClient) -> None:
    await elba.sandbox.control("/clock", {"rate": 0})
    await elba.fault("counterparty.create", "read_lag", lag_seconds=45)
    buyer = await elba.buyer()
    assert (await elba.get(f"/counterparties/{buyer}")).status_code == 404
    await elba.invoice(buyer)


async def test_paging_shift_skips_a_row(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    numbers = [f"B24-{number}" for number in range(4)]
    for number in numbers:
        await elba.invoice(buyer, number)
    await elba.sandbox.control(
        "/faults", {"vendor": "elba", "operation": "invoice.find", "kind": "paging_shift", "calls": [2]}
    )
    pages = [(await elba.get(f"/invoices?offset={offset}&limit=2")).json()["items"] for offset in (0, 2)]
    assert [item["number"] for page in pages for item in page] == ["B24-0", "B24-1", "B24-3"]


async def test_pdf_faults(elba: ElbaClient) -> None:
    await elba.sandbox.control("/clock", {"rate": 0})
    path = f"/invoices/{(await make(elba)).json()['id']}/pdf"
    await elba.fault("invoice.pdf", "pdf_empty")
    empty = await elba.get(path)
    assert (empty.status_code, empty.headers["content-type"], empty.content) == (200, "application/pdf", b"")
    await elba.fault("invoice.pdf", "pdf_html")
    assert (await elba.get(path)).headers["content-type"] == "text/html"
    await elba.fault("invoice.pdf", "pdf_late", render_seconds=90)
    late = await elba.get(path)
    assert (late.status_code, late.headers["retry-after"]) == (202, "60")
    await elba.sandbox.advance(60)
    assert (await elba.get(path)).headers["retry-after"] == "30"
    await elba.sandbox.advance(30)
    assert (await elba.get(path)).content.startswith(b"%PDF-")


async def test_token_endpoint_has_its_own_refusals(elba: ElbaClient) -> None:
    await elba.fault("token", "error_before", status=503)
    answer = await elba.sign_in()
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert (await elba.sign_in()).status_code == 200


async def test_rules_are_listed_counted_and_removed(elba: ElbaClient) -> None:
    await elba.fault("invoice.find", "empty")
    await elba.get("/invoices")
    rules = (await elba.sandbox.control("/faults", method="GET"))["rules"]
    assert [(rule["kind"], rule["fired"]) for rule in rules] == [("empty", 1)]
    await elba.sandbox.control(f"/faults/{rules[0]['id']}", method="DELETE")
    await elba.fault("*", "html_200")
    await elba.sandbox.control("/faults", method="DELETE")
    assert (await elba.get("/invoices")).json() == {"items": [], "total": 0}
    assert (await elba.sandbox.client.delete("/control/faults/f0")).status_code == 404


@pytest.mark.parametrize(
    "rule",
    [
        {"operation": "*", "kind": "empty", "calls": [1]},
        {"vendor": "elba", "operation": "*", "kind": "flood", "calls": [1]},
        {"vendor": "elba", "operation": "*", "kind": "empty"},
        {"vendor": "elba", "operation": "*", "kind": "empty", "calls": [1], "rate": 0.5},
        {"vendor": "elba", "operation": "*", "kind": "empty", "rate": 2},
        {"vendor": "elba", "operation": "*", "kind": "empty", "calls": [0]},
        {"vendor": "elba", "operation": "*", "kind": "empty", "calls": [1], "colour": "red"},
    ],
)
async def test_bad_rules_are_refused_with_a_sentence(sandbox: Sandbox, rule: dict[str, Any]) -> None:
    answer = await sandbox.client.post("/control/faults", json=rule)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await sandbox.control("/faults", method="GET"))["rules"] == []


def drawn(seed: int, account: str, order: list[str]) -> list[bool]:
    plan = FaultPlan()
    plan.add(parse_rule({"vendor": "elba", "operation": "invoice.*", "kind": "empty", "rate": 0.3, "seed": seed}, "f1"))
    hits = {(operation, n): False for operation in ("invoice.get", "invoice.create") for n in range(1, 41)}
    for operation in order:
        draw = plan.draw("elba", account, operation)
        hits[operation, draw.n] = draw.fault is not None
    return list(hits.values())


def test_a_seeded_rate_hits_the_same_calls_whatever_the_order() -> None:
    operations = ["invoice.get"] * 40 + ["invoice.create"] * 40
    first = drawn(7, "a", operations)
    assert first == drawn(7, "a", operations[::-1])
    assert first != drawn(8, "a", operations)
    assert 8 <= sum(first) <= 40


def test_rules_hit_only_what_they_name() -> None:
    plan = FaultPlan()
    plan.draw("elba", "a", "invoice.get")
    rules: list[dict[str, Any]] = [
        {"vendor": "bitrix24", "operation": "*", "kind": "empty", "calls": [1]},
        {"vendor": "elba", "account": "b", "operation": "*", "kind": "empty", "calls": [1]},
        {"vendor": "elba", "operation": "*", "kind": "drop", "calls": [1]},
        {"vendor": "elba", "operation": "INVOICE.g?t", "kind": "html_200", "calls": [2], "limit": 1},
    ]
    for number, rule in enumerate(rules):
        plan.add(parse_rule(rule, f"f{number}"))
    draws = [plan.draw("elba", "a", "invoice.get") for _ in range(3)]
    assert [draw.fault.kind if draw.fault else None for draw in draws] == [None, "html_200", None]
    assert [draw.n for draw in draws] == [2, 3, 4]
    dropped = plan.draw("elba", "a", "event:invoice.paid").fault
    assert dropped is not None
    assert dropped.kind == "drop"
