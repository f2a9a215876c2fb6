"""The business clock: revisions, long poll, acknowledgement by services."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sandbox.running import Sandbox, eventually, serve


def business(answer: dict[str, Any]) -> float:
    return datetime.fromisoformat(answer["anchor_business"]).timestamp()


async def test_set_advance_and_rate_make_revisions(sandbox: Sandbox) -> None:
    first = await sandbox.control("/clock", method="GET")
    stopped = await sandbox.control("/clock", {"set": "2026-11-20T09:00:00+03:00", "rate": 0})
    assert stopped["revision"] == first["revision"] + 1
    assert stopped["now"] == stopped["anchor_business"] == "2026-11-20T06:00:00.000Z"
    later = await sandbox.control("/clock", {"advance_seconds": 90})
    assert (later["now"], later["rate"]) == ("2026-11-20T06:01:30.000Z", 0)
    running = await sandbox.control("/clock", {"rate": 1000})
    await eventually(lambda: sandbox.world.clock.unix() - business(running) > 20, "a fast clock runs")


async def test_bad_clock_requests_say_what_to_write(sandbox: Sandbox) -> None:
    for body in ({}, {"set": "2026-11-20T09:00:00"}, {"set": "now"}, {"rate": -1}, {"tempo": 1}, [1]):
        answer = await sandbox.client.post("/control/clock", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]


async def test_what_is_no_time_or_number_is_named(sandbox: Sandbox) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"set": "now"}, "'now' is no time; write for example 2026-11-20T09:00:00+03:00"),
        ({"set": 5}, "5 is no time; write for example 2026-11-20T09:00:00+03:00"),
        ({"rate": "fast"}, "`rate` is a number, not 'fast'"),
        ({"advance_seconds": None}, "`advance_seconds` is a number, not None"),
    ]
    for body, sentence in refusals:
        answer = await sandbox.client.post("/control/clock", json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    answer = await sandbox.client.get("/control/ledger?after=begin")
    assert (answer.status_code, answer.json()) == (400, {"error": "`after` is a number, not 'begin'"})


async def test_long_poll_answers_at_the_change(sandbox: Sandbox) -> None:
    now = await sandbox.control("/clock", method="GET")
    query = {"client": "invoicing", "after": now["revision"], "wait_seconds": 20}
    poll = asyncio.create_task(sandbox.client.get("/control/clock", params=query))
    await eventually(lambda: "invoicing" in sandbox.world.clock._acknowledged, "the poll arrives")
    assert not poll.done()
    await sandbox.control("/clock", {"rate": 60})
    answer = (await poll).json()
    assert (answer["revision"], answer["rate"]) == (now["revision"] + 1, 60)


async def test_long_poll_answers_the_same_revision_at_its_end_and_another_at_once(sandbox: Sandbox) -> None:
    now = await sandbox.control("/clock", method="GET")
    for after, wait in ((now["revision"], 0.05), (0, 20), (now["revision"] + 7, 20)):
        answer = await sandbox.client.get(
            "/control/clock", params={"client": "a", "after": after, "wait_seconds": wait}
        )
        assert answer.json()["revision"] == now["revision"]


async def test_change_waits_for_all_recent_clients(sandbox: Sandbox) -> None:
    revision = (await sandbox.control("/clock", method="GET"))["revision"]

    async def follow(name: str, rounds: int) -> None:
        known = revision
        for _ in range(rounds):
            query = {"client": name, "after": known, "wait_seconds": 20}
            known = (await sandbox.client.get("/control/clock", params=query)).json()["revision"]

    followers = [asyncio.create_task(follow(name, 2)) for name in ("ingest", "payments")]
    await eventually(lambda: len(sandbox.world.clock._acknowledged) == 2, "both poll")
    changed = await sandbox.control("/clock", {"advance_seconds": 60, "wait": True})
    assert changed["behind"] == []
    for follower in followers:
        follower.cancel()


async def test_change_names_who_did_not_follow_and_does_not_wait_for_ever(sandbox: Sandbox) -> None:
    await sandbox.client.get("/control/clock", params={"client": "stuck", "after": 0})
    changed = await asyncio.wait_for(sandbox.control("/clock", {"advance_seconds": 1, "wait": True}), 4)
    assert changed["behind"] == ["stuck"]


async def test_a_client_that_hung_up_is_not_waited_for(sandbox: Sandbox) -> None:
    now = await sandbox.control("/clock", method="GET")
    query = {"client": "gone", "after": now["revision"], "wait_seconds": 20}
    poll = asyncio.create_task(sandbox.client.get("/control/clock", params=query))
    await eventually(lambda: "gone" in sandbox.world.clock._acknowledged, "the poll arrives")
    poll.cancel()
    await eventually(lambda: "gone" not in sandbox.world.clock._acknowledged, "the hang-up is seen")


async def test_clock_survives_a_restart(tmp_path: Path) -> None:
    async with serve(tmp_path) as first:
        before = await first.control("/clock", {"set": "2030-01-01T00:00:00Z", "rate": 0})
    async with serve(tmp_path) as second:
        after = await second.control("/clock", method="GET")
        assert {**after, "behind": []} == before
