"""Ports on 127.0.0.1: free ones, stable ones, and a clear sentence when one is taken."""

import errno
import secrets
import socket
from typing import Final

from deploy.local import processes
from deploy.local.refusal import Refusal

HOST: Final = "127.0.0.1"
# Below the kernel's range for outgoing connections (from 32768): a server that dies finds its port free again.
RANGE: Final = range(20_000, 32_000)
TRIES_MAX: Final = 200


PORT_MAX: Final = 65_535


def is_free(port: int) -> bool:
    """Whether a server of this user could listen on the port now."""
    return _obstacle(port) is None


def _obstacle(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not matter
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
    return None


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
    """Refusal if the port cannot be used."""
    if port > PORT_MAX:
        raise Refusal(f"Port {port}, needed for {purpose}, does not exist: choose a smaller --port-base.")
    obstacle = _obstacle(port)
    if obstacle is None:
        return
    if obstacle.errno == errno.EADDRINUSE:
        raise Refusal(
            f"Port {port}, needed for {purpose}, is taken by {holder(port)}. "
            f"Stop that process or choose other ports with --port-base."
        )
    raise Refusal(
        f"Port {port}, needed for {purpose}, cannot be used ({obstacle.strerror}): choose other ports with --port-base."
    )
