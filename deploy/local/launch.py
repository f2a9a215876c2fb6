"""Starts an installation in the background, waits for it, and stops one that runs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.local import processes
from deploy.local.child import describe_exit, leashed
from deploy.local.folder import DataFolder, Run
from deploy.local.kafka_jars import to_stderr
from deploy.local.refusal import Refusal
from deploy.local.supervisor import Say

START_SECONDS_MAX: Final = 600  # packages may have to be fetched over a slow line
STOP_SECONDS_MAX: Final = 120
LOOK_SECONDS: Final = 0.05


def start_detached(folder: Path, argv: Sequence[str], *, say: Say = to_stderr, end_with_caller: bool = False) -> Run:
    """Run `argv`, which calls `Installation.run` on the folder, in the background; returns when everything is ready.

    What it says meanwhile is repeated through `say`, and stays in `logs/launcher.log`. With `end_with_caller` it ends
    in order when the calling process ends, however that ends. Refusal if it does not come up.
    """
    data = DataFolder(folder)
    data.require_unheld()
    log = data.logs / "launcher.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output, log.open("rb") as said:
        said.seek(0, os.SEEK_END)
        launcher = subprocess.Popen(  # noqa: S603 - the caller's own command
            leashed(argv, on_parent_death=signal.SIGTERM) if end_with_caller else list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            run = _wait_until_ready(data, launcher, lambda: _repeat(said.readlines(), say))
        except BaseException:
            launcher.terminate()
            raise
    launcher.returncode = 0  # it is on its own from here; nobody waits for it
    return run


def _repeat(lines: list[bytes], say: Say) -> None:
    for line in lines:
        say(line.decode("utf-8", "replace").rstrip("\n"))


def _wait_until_ready(data: DataFolder, launcher: "subprocess.Popen[bytes]", repeat: Callable[[], None]) -> Run:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        code = launcher.poll()
        repeat()
        if code is not None:
            raise Refusal(
                f"The installation in {data.path} did not start ({describe_exit(code)}). "
                f"What it said stands above and in {data.logs / 'launcher.log'}."
            )
        run = data.running()
        if run is not None and run.launcher.pid == launcher.pid:
            return run
        if time.monotonic() > deadline:
            raise Refusal(f"The installation in {data.path} was not ready within {START_SECONDS_MAX} s.")
        time.sleep(LOOK_SECONDS)


def stop_running(folder: Path) -> bool:
    """End the installation that runs on the folder, in order; returns when it has ended. False if none runs."""
    data = DataFolder(folder)
    holder = data.holder()
    if holder is None:
        return False
    processes.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while data.holder() == holder or processes.start_ticks(holder.pid) == holder.started:
        if time.monotonic() > deadline:
            raise Refusal(f"{holder} has not ended within {STOP_SECONDS_MAX} s. See {data.logs}.")
        time.sleep(LOOK_SECONDS)
    return True


def running(folder: Path) -> Run | None:
    """What runs on the folder and is ready; None if nothing is."""
    return DataFolder(folder).running()
