"""Ports on 127.0.0.1: free ones, stable ones, and a clear sentence when one is taken."""

import secrets
import socket
from typing import Final

from deploy.local import processes
from deploy.local.refusal import Refusal

HOST: Final = "127.0.0.1"
# Below the kernel's range for outgoing connections (from 32768): a server that dies finds its port free again.
RANGE: Final = range(20_000, 32_000)
TRIES_MAX: Final = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port that is free now and not in `taken`."""
    for _ in range(TRIES_MAX):
        port = secrets.choice(RANGE)
        if port not in taken and is_free(port):
            return port
    raise Refusal(f"No free port was found on {HOST} in {TRIES_MAX} tries. Stop servers that are not needed.")


def holder(port: int) -> str:
    """Who listens on the port, in words, as far as this user may know."""
    pid = processes.listener(port)
    return "another process" if pid is None else f"process {pid} ({processes.command_line(pid)[:80]})"


def require_free(port: int, purpose: str) -> None:
    """Refusal if the port is taken."""
    if not is_free(port):
        raise Refusal(
            f"Port {port}, needed for {purpose}, is taken by {holder(port)}. "
            f"Stop that process or choose other ports with --port-base."
        )
