"""Loops that end take the service with them, waits end when what they wait for is there, signals end in order."""

import asyncio
import os
import resource
import signal

import pytest

from chassis.runtime import LoopEnded, Loops, open_files, pause_seconds, run_process, stop_on_signals, until_available


@pytest.mark.expects_errors("a loop has ended")
async def test_a_loop_that_fails_is_the_failure_of_all(caplog: pytest.LogCaptureFixture) -> None:
    loops = Loops()

    async def fails() -> None:
        raise KeyError("x")

    async def goes_on() -> None:
        await asyncio.Event().wait()

    other = loops.start("other", goes_on())
    loops.start("relay", fails())
    assert isinstance(await asyncio.wait_for(loops.failure(), 5), KeyError)
    await loops.stop()
    assert other.cancelled()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.expects_errors("a loop has ended")
async def test_a_loop_that_ends_quietly_is_a_failure_too() -> None:
    loops = Loops()

    async def ends() -> None:
        pass

    loops.start("consumer", ends())
    assert isinstance(await asyncio.wait_for(loops.failure(), 5), LoopEnded)
    await loops.stop()


async def test_stopping_is_no_failure() -> None:
    loops = Loops()
    loops.start("relay", asyncio.Event().wait())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await loops.stop()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loops.failure(), 0.01)


async def test_waiting_goes_on_until_there_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.runtime.WAIT_FIRST_SECONDS", 0.001)
    answers: list[object] = [ConnectionRefusedError(), None, "here"]
    said: list[str] = []

    async def attempt() -> str | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert answer is None or isinstance(answer, str)
        return answer

    assert await until_available("Postgres", attempt, (OSError,), said.append) == "here"
    assert said == ["waiting for Postgres (ConnectionRefusedError)", "waiting for Postgres (not yet)"]


async def test_other_errors_are_not_waited_out() -> None:
    async def attempt() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await until_available("Postgres", attempt, (OSError,), lambda _: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_ask_for_an_end_in_order(number: signal.Signals) -> None:
    async def main() -> int:
        stop = asyncio.Event()
        with stop_on_signals(stop):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), 5)
        return 7

    assert run_process(main) == 7


def test_what_is_done_now_and_then_takes_a_twentieth_of_the_time_at_most() -> None:
    assert pause_seconds(0.01, 5.0) == 5.0
    assert pause_seconds(15.0, 5.0) == 300.0


def test_a_process_may_open_as_many_files_as_it_is_allowed_to() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        most = open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, hard)
        assert most > 512
        assert open_files() == most, "a second time changes nothing"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
