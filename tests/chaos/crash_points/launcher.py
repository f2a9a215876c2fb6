"""`sverka up`, except that a service that died is there again at once, however often it dies.

Reading its modules and texts takes a service more than a second of CPU, some five times as long as the rest of its
start: here it is forked off a process that has read them already. It is a process of its own in every other respect.
"""

import ctypes
import gc
import importlib
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NoReturn, cast

from contracts.topics import SERVICES
from deploy.local import supervisor
from deploy.local.child import Child
from deploy.local.leash import PR_SET_PDEATHSIG
from deploy.local.service import Service
from services.notifier import workers
from services.notifier.workers.texts import load_texts
from sverka.__main__ import main

BACKOFF_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 0.02


class _Forked:
    """What ``Child`` needs of a ``subprocess.Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self._ended(0 if deadline is None else os.WNOHANG)) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired([], timeout or 0.0)
            time.sleep(LOOK_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def _spawn(service: Service) -> Child:
    """Starts a service that this process has read; others as usual."""
    if service.name not in SERVICES:
        return _spawn_as_usual(service)
    log = service._folder.logs / f"{service.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    launcher = os.getpid()
    sys.stdout.flush()  # else the child would say it too
    pid = os.fork()
    if pid == 0:
        _become(service, log, launcher)
    return Child(service.name, cast("subprocess.Popen[bytes]", _Forked(pid)), log)


def _become(service: Service, log: Path, launcher: int) -> NoReturn:
    """Ends with the service; nothing of the launcher is left in it but the modules."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == launcher:
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            # Not closed, since objects of the launcher would close what later has their numbers.
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in map(int, os.listdir("/proc/self/fd")):
                if descriptor not in (1, 2, nothing) and os.path.exists(f"/proc/self/fd/{descriptor}"):
                    os.dup2(nothing, descriptor)
            output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.environ.update(service.spec.env)
            runpy.run_module(f"services.{service.name}", run_name="__main__")
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


_spawn_as_usual = Service.spawn

if __name__ == "__main__":
    for name in (*(f"services.{service}.app" for service in SERVICES), "pydantic.v1"):
        importlib.import_module(name)
    texts = load_texts()
    setattr(workers, "load_texts", lambda: texts)  # noqa: B010 - a function is replaced
    gc.freeze()
    setattr(Service, "spawn", _spawn)  # noqa: B010 - a method is replaced
    for name in ("BACKOFF_SECONDS_MIN", "BACKOFF_SECONDS_MAX"):
        setattr(supervisor, name, BACKOFF_SECONDS)
    main()
