"""An installation of stand-ins that the tests of a module share, and ways to look at it from outside."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.folder import DataFolder, Run
from deploy.local.launch import start_detached, stop_running

LAUNCHER = Path(__file__).with_name("launcher.py")


def until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Probe until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Installed:
    """An installation of stand-ins on one folder, driven as the commands drive it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def up(self) -> Run:
        argv = [sys.executable, str(LAUNCHER), str(self.folder)]
        return start_detached(self.folder, argv, say=lambda _: None, end_with_caller=True)

    def down(self) -> bool:
        return stop_running(self.folder)

    @property
    def run(self) -> Run:
        run = DataFolder(self.folder).running()
        assert run is not None
        return run

    def processes(self) -> dict[int, str]:
        """Everything alive that has to do with the folder: by its command line, environment or working folder."""
        found = {}
        for pid in processes.all_pids():
            if pid == os.getpid() or processes.start_ticks(pid) is None:
                continue
            command = processes.command_line(pid)
            folder = str(self.folder)
            if (
                folder in command
                or folder in processes.environment(pid).values()
                or str(processes.working_folder(pid)).startswith(folder)
            ):
                found[pid] = command
        return found

    def journal(self) -> list[str]:
        return [line.split(" ", 1)[1] for line in (self.folder / "journal").read_text().splitlines()]


@pytest.fixture(scope="module")
def own_parts() -> Iterator[None]:
    """What is tested here starts its own PostgreSQL and Kafka."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.delenv("KAFKA_BOOTSTRAP", raising=False)
        patch.setenv("PYTHONPATH", str(LAUNCHER.parents[2]))
        yield


@pytest.fixture(scope="module")
def installed(own_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Runs from the first test of a module to its last; its folder lies in one that is closed to other users."""
    installed = Installed(tmp_path_factory.mktemp("closed", numbered=True) / "data")
    installed.folder.parent.chmod(0o700)
    installed.up()
    yield installed
    installed.down()


@pytest.fixture(autouse=True)
def _signals_are_heard() -> Iterator[None]:
    """A test run that a shell put into the background has SIGINT ignored, and would hand that on to all it starts."""
    ignored = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
