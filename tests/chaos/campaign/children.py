"""Services as children of the nursery, with what the keeper asks of a child."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.child import leashed

LOOK_SECONDS: Final = 0.02


class Nursery:
    """The running nursery. Its children end with it, and it ends with this process."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """``modules`` are read in place of those of the services."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            leashed([sys.executable, "-m", "tests.chaos.campaign.nursery", *modules]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_ready(self) -> None:
        """Returns when it has read its modules."""
        assert self._process.stdout is not None, "it was piped"
        if not self._process.stdout.readline():
            raise RuntimeError("the nursery of services did not start; what it said stands above")

    def spawn(self, name: str, module: str, env: Mapping[str, str], log: Path) -> "Forked":
        """Forks a service off."""
        log.parent.mkdir(parents=True, exist_ok=True)
        answer = self._ask({"spawn": module, "env": dict(env), "log": str(log)})
        return Forked(self, name, answer["pid"], log)

    def code(self, pid: int) -> int | None:
        """A child's exit code; None while it runs."""
        found: int | None = self._ask({"poll": pid})["code"]
        return found

    def end(self) -> None:
        """Ends it, and all children that are left."""
        self._process.kill()
        self._process.wait()

    def _ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None, "it was piped"
        assert process.stdout is not None, "it was piped"
        with self._lock:
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer


def _readable(file: int) -> bool:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))


class Forked:
    """One service's process."""

    def __init__(self, nursery: Nursery, name: str, pid: int, log: Path) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self._nursery = nursery
        self._code: int | None = None
        self._ends: int | None = os.pidfd_open(pid)  # tells of the end without a word to the nursery

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        if self._ends is not None and _readable(self._ends):
            self._code = self._nursery.code(self.pid)
            os.close(self._ends)
            self._ends = None
        return self._code

    def send(self, number: int) -> None:
        """Sends a signal; nothing happens if it has ended."""
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to its whole group, and its end waited for."""
        if self.exit_code() is None:
            self._kill_group()
        self.finish(0)

    def finish(self, seconds: float) -> int:
        """Waits for the end that it was asked for, SIGKILL after `seconds`. Exit code."""
        deadline = time.monotonic() + seconds
        while (code := self.exit_code()) is None:
            if time.monotonic() > deadline:
                self._kill_group()
            time.sleep(LOOK_SECONDS)
        return code

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
