"""Crash points: none is armed outside tests, a plan kills the process where it says."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.blobs import Blobs
from chassis.crash_points import arm, crash_point, crash_point_soon
from chassis.ids import TenantId
from chassis.objects import ObjectFolder
from chassis.settings import ServiceSettings, SettingsRefused, load


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("greeter", "production", None)


class Killed(Exception):  # noqa: N818 - what happens instead of SIGKILL in these tests
    """Raised in the place of the kill."""


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        assert (pid, number) == (os.getpid(), signal.SIGKILL)
        raise Killed

    monkeypatch.setattr(os, "kill", kill)


def _plan(folder: Path, *lines: str) -> Path:
    plan = folder / "greeter.plan"
    plan.write_text("".join(f"{line}\n" for line in lines))
    os.utime(plan, ns=(plan.stat().st_atime_ns, plan.stat().st_mtime_ns + 1))  # a second write in one tick of the clock
    return plan


@pytest.mark.parametrize(("environment", "named"), [("development", True), ("production", True), ("test", False)])
def test_nothing_is_armed_outside_tests(tmp_path: Path, environment: str, named: bool) -> None:
    plan = _plan(tmp_path, "commit.before[greet]")
    arm("greeter", environment, tmp_path if named else None)
    crash_point("commit.before", "greet")  # would end this process
    assert plan.read_text() == "commit.before[greet]\n"


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_service_outside_tests_refuses_plans(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: str
) -> None:
    monkeypatch.setenv("SVERKA_ENV", environment)
    monkeypatch.setenv("SVERKA_CRASH_PLANS", str(tmp_path))
    with pytest.raises(SettingsRefused, match="unset SVERKA_CRASH_PLANS"):
        load(ServiceSettings)
    monkeypatch.setenv("SVERKA_ENV", "test")
    assert load(ServiceSettings).crash_plans == tmp_path


@pytest.mark.usefixtures("kills")
def test_the_process_dies_at_the_first_point_of_its_line_and_strikes_it_off(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "commit.before[greet] commit.after[greet]", "send.before[greetings]")
    arm("greeter", "test", tmp_path)
    crash_point("send.before", "greetings")
    crash_point("commit.after", "part")
    with pytest.raises(Killed):
        crash_point("commit.after", "part", "greet")
    assert plan.read_text() == "commit.before[greet]\nsend.before[greetings]\n"
    with pytest.raises(Killed):
        crash_point("commit.before", "greet")
    assert plan.read_text() == "send.before[greetings]\n"
    assert (tmp_path / "greeter.killed").read_text() == "commit.after[greet]\ncommit.before[greet]\n"


@pytest.mark.usefixtures("kills")
def test_a_point_with_a_number_is_passed_until_then(tmp_path: Path) -> None:
    _plan(tmp_path, "commit.after[greet]:3")
    arm("greeter", "test", tmp_path)
    for _ in range(2):
        crash_point("commit.after", "greet")
    with pytest.raises(Killed):
        crash_point("commit.after", "greet")


@pytest.mark.usefixtures("kills")
def test_a_point_that_follows_is_for_the_next_start(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "commit.before[greet]>commit.after[greet]:2 commit.before[greet]>send.before[greetings]")
    arm("greeter", "test", tmp_path)
    crash_point("commit.after", "greet")
    with pytest.raises(Killed):
        crash_point("commit.before", "greet")
    assert plan.read_text() == "commit.before[greet]>send.before[greetings] commit.after[greet]:2\n"
    arm("greeter", "test", tmp_path)
    crash_point("commit.after", "greet")
    with pytest.raises(Killed):
        crash_point("commit.after", "greet")
    assert plan.read_text() == "commit.before[greet]>send.before[greetings]\n"


@pytest.mark.usefixtures("kills")
def test_a_running_process_heeds_a_plan_that_is_written_later(tmp_path: Path) -> None:
    arm("greeter", "test", tmp_path)
    crash_point("commit.before", "greet")
    _plan(tmp_path, "commit.before[greet]")
    with pytest.raises(Killed):
        crash_point("commit.before", "greet")
    crash_point("commit.before", "greet")


async def keep(blobs: Blobs) -> None:
    await blobs.put(TenantId("alpha"), b"%PDF")


@pytest.mark.usefixtures("kills")
async def test_a_point_is_named_after_the_caller_where_nothing_else_names_it(tmp_path: Path) -> None:
    _plan(tmp_path, f"blob.before[{__name__}.keep]")
    arm("greeter", "test", tmp_path)
    with pytest.raises(Killed):
        await keep(Blobs(ObjectFolder(tmp_path / "blobs")))


@pytest.mark.usefixtures("kills")
async def test_a_point_soon_lies_behind_what_is_done_there(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "send.after[greetings]")
    arm("greeter", "test", tmp_path)
    loop = asyncio.get_running_loop()
    killed: asyncio.Future[BaseException] = loop.create_future()
    loop.set_exception_handler(lambda _, context: killed.set_result(context["exception"]))
    crash_point_soon("send.after", "greetings")
    assert plan.read_text()
    assert isinstance(await asyncio.wait_for(killed, 5), Killed)


def test_the_kill_is_a_real_one(tmp_path: Path) -> None:
    _plan(tmp_path, "commit.before[greet]")
    program = textwrap.dedent(f"""
        from pathlib import Path
        from chassis.crash_points import arm, crash_point
        arm("greeter", "test", Path({str(tmp_path)!r}))
        try:
            crash_point("commit.before", "greet")
        finally:
            print("put in order")
    """)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "")
