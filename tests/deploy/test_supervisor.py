"""Restarts: the pause doubles while a part keeps dying, and is short again after ten good seconds."""

import signal
import subprocess
from pathlib import Path

import pytest

from deploy.local.child import Child, leashed
from deploy.local.leash import PARENT_GONE
from deploy.local.refusal import Refusal
from deploy.local.supervisor import Stopped, Supervisor


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Sleeper:
    """A part that sleeps until it is killed, or ends at once with exit code 3."""

    name = title = "sleeper"
    ready_seconds_max = 5.0

    def __init__(self, folder: Path, *, dies: bool = False, ready: bool = True) -> None:
        self.log = folder / "sleeper.log"
        self.dies = dies
        self.ready = ready
        self.children: list[Child] = []

    def spawn(self) -> Child:
        program = ["sh", "-c", "echo cannot work; exit 3"] if self.dies else ["sleep", "600"]
        self.children.append(Child.start(self.name, program, log=self.log))
        return self.children[-1]

    def is_ready(self, child: Child) -> bool:
        return self.ready and not self.dies and child.exit_code() is None

    def ask_to_end(self, child: Child) -> None:
        child.kill()

    def finish(self, child: Child) -> None:
        child.finish(5)


def supervisor(clock: Clock, said: list[str]) -> Supervisor:
    return Supervisor(said.append, stop_asked=lambda: False, clock=clock)


def test_the_pause_doubles_and_resets_after_ten_seconds_alive(tmp_path: Path) -> None:
    clock, said, part = Clock(), list[str](), Sleeper(tmp_path)
    keeper = supervisor(clock, said)
    keeper.start([part])
    pauses = []
    try:
        for seconds_alive in (1.0, 1.0, 1.0, 1.0, 10.0, 1.0):
            clock.now += seconds_alive
            part.children[-1].kill()
            keeper.tick()
            died, count = clock.now, len(part.children)
            while len(part.children) == count:
                clock.now += 0.1
                keeper.tick()
            pauses.append(clock.now - died)
    finally:
        keeper.stop([part.name])
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 0.2, 0.4], abs=0.11)
    assert "ended with SIGKILL after 1 s; it is started again in 0.2 s" in said[1]


def test_a_part_that_dies_at_the_start_is_given_up_with_the_end_of_its_log(tmp_path: Path) -> None:
    part = Sleeper(tmp_path, dies=True)
    said = list[str]()
    with pytest.raises(Refusal, match=r"(?s)sleeper does not start.*sleeper\.log:\n.*cannot work"):
        Supervisor(said.append, stop_asked=lambda: False).start([part])
    assert "ended with exit code 3" in said[0]


def test_a_part_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    part = Sleeper(tmp_path, ready=False)
    part.ready_seconds_max = 0.1
    keeper = Supervisor(lambda _: None, stop_asked=lambda: False)
    with pytest.raises(Refusal, match="sleeper was not ready within"):
        keeper.start([part])
    keeper.stop([part.name])
    assert part.children[0].exit_code() is not None


def test_a_start_can_be_broken_off(tmp_path: Path) -> None:
    part = Sleeper(tmp_path, ready=False)
    keeper = Supervisor(lambda _: None, stop_asked=lambda: True)
    with pytest.raises(Stopped):
        keeper.start([part])
    keeper.kill()


def test_the_leash_does_not_hold_a_program_whose_parent_is_gone() -> None:
    command = leashed(["echo", "started"])
    command[command.index("--parent") + 1] = "1"
    done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (PARENT_GONE, b"")


def test_the_leash_hands_on_no_ignored_or_blocked_signal() -> None:
    done = subprocess.run(leashed(["cat", "/proc/self/status"]), capture_output=True, text=True, timeout=20, check=True)
    masks = dict(line.split(":\t") for line in done.stdout.splitlines() if line.startswith("Sig") and "Q" not in line)
    # A program may set every signal but those that the C library keeps for itself (32 and 33 on Linux).
    settable = sum(1 << (number - 1) for number in signal.valid_signals())
    assert (int(masks["SigIgn"], 16) & settable, int(masks["SigBlk"], 16) & settable) == (0, 0)
