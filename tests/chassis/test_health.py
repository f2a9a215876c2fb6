"""Liveness follows loops and nothing else; readiness follows dependencies; what is stuck is written down."""

import asyncio
import logging
import time

import pytest

from chassis.health import BlockedLoopDetector, Health, task_stacks


async def test_liveness_is_the_progress_of_loops() -> None:
    health = Health()
    beat = health.heartbeat("relay", age_seconds_max=10)
    health.check("postgres", broken)
    assert health.alive() == {}, "a dependency that is away is no reason for a restart"
    beat.last -= 11
    assert "no progress for 11 s" in health.alive()["relay"]
    beat.beat()
    assert health.alive() == {}
    beat.last -= 11
    health.forget("relay")
    assert health.alive() == {}


async def broken() -> str:
    raise ConnectionRefusedError("no")


async def fine() -> str:
    return ""


async def old_schema() -> str:
    return "the schema is older than this build; run `sverka migrate`"


async def test_readiness_names_what_is_missing() -> None:
    health = Health()
    health.check("kafka", fine)
    health.check("postgres", broken)
    health.check("schema", old_schema)
    assert await health.ready() == {
        "service": "the service is starting",
        "postgres": "ConnectionRefusedError",
        "schema": "the schema is older than this build; run `sverka migrate`",
    }


async def test_ready_and_unready() -> None:
    health = Health()
    health.check("kafka", fine)
    health.set_ready()
    assert await health.ready() == {}
    health.set_unready("the service is ending")
    assert await health.ready() == {"service": "the service is ending"}


async def test_a_service_that_starts_adds_dependencies_while_it_is_asked() -> None:
    health = Health()

    async def adds() -> str:
        health.check("consumer", broken)
        return "not yet"

    health.check("postgres", adds)
    health.set_ready()
    assert await health.ready() == {"postgres": "not yet"}


async def test_a_dependency_that_hangs_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.health.CHECK_SECONDS_MAX", 0.01)
    health = Health()
    health.set_ready()
    health.check("kafka", asyncio.get_running_loop().create_future)
    assert "no answer" in (await health.ready())["kafka"]


@pytest.mark.expects_errors("a loop makes no progress")
async def test_a_stuck_loop_is_written_down_once_with_the_tasks(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.health.LOOP_CHECK_SECONDS", 0.005)
    health = Health()

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    stuck = asyncio.create_task(waits_for_ever(), name="relay")
    beat = health.heartbeat("relay", age_seconds_max=1)
    beat.last -= 2
    watching = asyncio.create_task(health.watch())
    for written in (1, 2):  # the second loop's line tells that the first one was looked at again
        async with asyncio.timeout(5):
            while len(caplog.records) < written:  # noqa: ASYNC110 - a probe with a deadline
                await asyncio.sleep(0.01)
        health.heartbeat("sweep", age_seconds_max=1).last -= 2
    watching.cancel()
    stuck.cancel()
    errors = [record.msg for record in caplog.records if record.levelno == logging.ERROR]
    assert [line["loop"] for line in errors if isinstance(line, dict)] == ["relay", "sweep"]
    assert "waits_for_ever" in str(errors[0])


async def test_task_stacks_say_where_each_task_waits() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(inner(), name="poller")
    await asyncio.sleep(0)
    (line,) = task_stacks([task])
    assert line.startswith("poller: ")
    assert "inner" in line
    task.cancel()


@pytest.mark.expects_errors("the event loop is blocked")
def test_a_blocked_loop_is_written_down_from_outside(caplog: pytest.LogCaptureFixture) -> None:
    with BlockedLoopDetector(blocked_seconds=0.05) as detector:
        deadline = time.monotonic() + 5
        while not caplog.records and time.monotonic() < deadline:
            sum(range(1000))
        detector.beat()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "test_a_blocked_loop_is_written_down_from_outside" in str(caplog.records[0].msg)
