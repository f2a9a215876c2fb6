"""Tasks end when they are told to, also those that lose a cancellation in what they await."""

import asyncio

import pytest

from chassis.cancelling import cancel_all


async def test_a_task_that_swallows_a_cancellation_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.cancelling.AGAIN_SECONDS", 0.01)
    begun, swallowed = asyncio.Event(), 0

    async def loop() -> None:
        nonlocal swallowed
        while True:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed == 2:
                    raise
                swallowed += 1

    task = asyncio.create_task(loop())
    await begun.wait()
    await asyncio.wait_for(cancel_all([task]), 10)
    assert task.cancelled()


async def test_what_has_ended_and_what_fails_meanwhile_is_passed_over() -> None:
    async def failing() -> None:
        raise ValueError

    async def failing_at_its_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError

    done, failed = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(failing())
    late = asyncio.create_task(failing_at_its_end())
    await asyncio.wait([done, failed])
    await cancel_all([done, failed, late])
    assert isinstance(late.exception(), ValueError)
