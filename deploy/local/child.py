"""One child process: dies with its parent, leads its own process group, writes to its own log file."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LEASH: Final = Path(__file__).with_name("leash.py")
LOG_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a child is: by default the same as its parent."""

    leash_options: tuple[str, ...] = ()


SAME: Final = Identity()


def leashed(program: Sequence[str], identity: Identity = SAME, on_parent_death: int = signal.SIGKILL) -> list[str]:
    """The command line that runs `program` under the leash of this process.

    The kernel ties the signal to the thread that forks: start children from a thread that lives as long as they should.
    """
    options = ("--parent", str(os.getpid()), "--signal", str(int(on_parent_death)), *identity.leash_options)
    return [sys.executable, "-I", "-S", str(LEASH), *options, "--", *program]


class Child:
    """A running child process."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    def start(
        cls,
        name: str,
        program: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        identity: Identity = SAME,
        on_parent_death: int = signal.SIGKILL,
    ) -> "Child":
        """Start `program`; stdout and stderr are appended to `log`. `env` replaces the whole environment if given."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - the program is ours to choose
                leashed(program, identity, on_parent_death),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """The process id; the leash becomes the program, so it is the program's own."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send a signal to the process alone; nothing happens if it has ended."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """Wait at most `seconds` for its end; returns the exit code or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=seconds)
        return None

    def kill(self) -> None:
        """SIGKILL to its whole process group, and reap it."""
        self._kill_group()
        self._process.wait()

    def finish(self, seconds: float) -> int:
        """Wait for the end that it was asked for, SIGKILL after `seconds`; nothing of its group is left. Exit code."""
        code = self.wait(seconds)
        self._kill_group()
        return self._process.wait() if code is None else code

    def _kill_group(self) -> None:
        # PermissionError: of the group only zombies of another identity are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """An exit code as subprocess gives it, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def log_tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, introduced by its path."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16 * 1024))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return f"It wrote no log ({log})."
    return f"The end of {log}:\n" + "\n".join(text.splitlines()[-lines:])


def limit_log(log: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    """Copy a log that outgrew `bytes_max` to NAME.log.1 and empty it; writers append, so they need not reopen it.

    What is written between the copy and the cut is lost: logs are for people, nothing is derived from them.
    """
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return
    if size <= bytes_max:
        return
    older = log.with_name(log.name + ".1")
    with log.open("r+b") as current, older.open("wb") as copy:
        while block := current.read(1024 * 1024):
            copy.write(block)
        current.truncate(0)
