"""The hands of campaigns do a thing once, also when its answer is lost, and go on when a guest leaves badly."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from tests.chaos.campaign.faults.infrastructure import left
from tests.chaos.campaign.proxy import Connection, proxied
from tests.chaos.campaign.world import World
from tests.sandbox.running import serve

HOURS = 2
SLACK_SECONDS = 60


async def test_a_jump_of_the_clock_whose_answer_is_lost_is_made_once(tmp_path: Path) -> None:
    cut: list[bytes] = []

    def lose_the_first_answer(connection: Connection, data: bytes) -> bytes | None:
        if cut or not data.startswith(b"POST /control/clock"):
            return data
        cut.append(data)
        connection.cut_client(data)
        return None

    async with serve(tmp_path) as sandbox, proxied("sandbox", int(sandbox.url.rpartition(":")[2])) as proxy:
        async with World(f"http://127.0.0.1:{proxy.port}/control") as world:
            before = datetime.fromisoformat((await world.clock())["now"])
            proxy.rewrite_question = lose_the_first_answer
            await world.jump(-HOURS * 3600)
            after = datetime.fromisoformat((await world.clock())["now"])
        changes = [line for line in await sandbox.lines(kind="control") if line["op"] == "clock"]
    moved = (after - before).total_seconds() + HOURS * 3600
    assert cut
    assert 0 <= moved < SLACK_SECONDS
    assert len(changes) == 3  # the first of the start, the lost one and its repeat: both to the same moment


async def test_a_guest_whose_own_request_was_cancelled_has_left() -> None:
    async def leaves() -> None:
        raise asyncio.CancelledError

    await left(leaves())


async def test_one_who_is_cancelled_while_a_guest_leaves_is_cancelled() -> None:
    waiting = asyncio.create_task(left(asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
