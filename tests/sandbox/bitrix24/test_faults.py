"""What the fault plan does to REST calls, single ones and those within a batch."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.bitrix24.client import PortalClient
from tests.sandbox.running import eventually


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("limit_503", 503, "QUERY_LIMIT_EXCEEDED"),
        ("operation_time_limit", 429, "OPERATION_TIME_LIMIT"),
        ("token_expired", 401, "expired_token"),
        ("error_before", 500, "INTERNAL_SERVER_ERROR"),
        ("error_in_200", 200, "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_refusals_do_nothing(crm: PortalClient, kind: str, status: int, code: str) -> None:
    await crm.fault("crm.deal.add", kind)
    assert (await crm.refused("crm.deal.add", {"fields": {"TITLE": "x"}}))[:2] == (status, code)
    assert (await crm.call("crm.deal.list"))["total"] == 0
    await crm.call("crm.deal.add", {"fields": {"TITLE": "x"}})


async def test_an_error_after_the_commit(crm: PortalClient) -> None:
    await crm.fault("crm.deal.add", "error_after", status=502)
    assert (await crm.refused("crm.deal.add", {"fields": {"TITLE": "x"}}))[0] == 502
    assert (await crm.call("crm.deal.list"))["total"] == 1


async def test_a_command_of_a_batch_is_refused_alone(crm: PortalClient) -> None:
    await crm.fault("crm.deal.add", "limit_503")
    batch = await crm.result(
        "batch", {"cmd": {"a": "crm.deal.add?fields[TITLE]=A", "b": "crm.deal.add?fields[TITLE]=B"}}
    )
    assert batch["result_error"]["a"]["error"] == "QUERY_LIMIT_EXCEEDED"
    assert list(batch["result"]) == ["b"]
    lines = [line for line in await crm.sandbox.lines(kind="request") if line["operation"] == "crm.deal.add"]
    assert [(line["via"], line["error"], line["n"]) for line in lines] == [
        ("batch", "QUERY_LIMIT_EXCEEDED", 1), ("batch", None, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "made"), [("timeout_after", 2), ("timeout_before", 1)])
async def test_a_batch_hangs_around_one_of_its_commands(crm: PortalClient, kind: str, made: int) -> None:
    await crm.fault("crm.lead.add", kind)
    commands = {"a": "crm.deal.add?fields[TITLE]=A", "b": "crm.lead.add?fields[TITLE]=B"}
    with pytest.raises(httpx.ReadTimeout):
        await crm.send("batch", {"cmd": commands}, timeout=0.3)
    total = (await crm.call("crm.deal.list"))["total"] + (await crm.call("crm.lead.list"))["total"]
    assert total == made


async def test_a_late_commit_comes_after_the_hang_up(crm: PortalClient) -> None:
    await crm.fault("crm.deal.add", "late_commit", commit_seconds=60)
    with pytest.raises(httpx.RemoteProtocolError):
        await crm.send("crm.deal.add", {"fields": {"TITLE": "поздно"}})
    assert (await crm.call("crm.deal.list"))["total"] == 0
    await crm.sandbox.advance(61)

    async def committed() -> bool:
        return bool((await crm.call("crm.deal.list"))["total"] == 1)

    await eventually(committed, "the late commit")


async def test_answers_that_are_no_json(crm: PortalClient) -> None:
    for kind, start in (("html_200", b"<!DOCTYPE"), ("empty", b"")):
        await crm.fault("server.time", kind)
        answer = await crm.send("server.time")
        assert answer.status_code == 200
        assert answer.content.startswith(start)


async def test_a_page_that_shifts(crm: PortalClient) -> None:
    for _ in range(2):
        await crm.result("batch", {"cmd": {f"c{index}": f"crm.lead.add?fields[TITLE]=L{index}" for index in range(50)}})
    ids = []
    for start in (0, 50):
        if start:
            await crm.fault("crm.lead.list", "paging_shift")
        page = await crm.result("crm.lead.list", {"order": {"ID": "ASC"}, "start": start})
        ids += [int(lead["ID"]) for lead in page]
    assert len(ids) == 99


async def test_every_request_is_in_the_ledger(crm: PortalClient) -> None:
    number = await crm.deal()
    await crm.item(number)
    await crm.refused("crm.deal.get", {"id": 99})
    lines = await crm.sandbox.lines(kind="request", account="vektor")
    assert [(line["operation"], line["status"], line["error"]) for line in lines] == [
        ("crm.item.get", 200, None), ("crm.deal.get", 400, "Not found"),
    ]  # fmt: skip
    assert lines[0]["outcome"] == {"id": number, "entitytypeid": 2}
    changes = await crm.sandbox.lines(kind="change", account="vektor")
    assert changes[0]["op"] == "base"
    assert changes[-1]["data"]["family"] == "stagehistory"


async def test_an_amount_that_is_off_by_a_kopeck(crm: PortalClient) -> None:
    number = await crm.deal(rows=[{"name": "А", "price": "10.00"}])
    await crm.fault("crm.item.get", "kopeck_off", kopecks=-1)
    assert [(await crm.item(number))["opportunity"] for _ in range(2)] == [9.99, 10]
