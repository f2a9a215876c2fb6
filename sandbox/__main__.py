"""`python -m sandbox`: runs the simulated vendors as one process in front."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import uvloop

from sandbox.app import make_world
from sandbox.core.app import SandboxApp
from sandbox.core.world import Secure
from sandbox.server import SandboxServer, address, listen
from sandbox.settings import Settings
from sandbox.tls import Authority, names_of, serving

GARBAGE_THRESHOLDS: Final = (10_000, 10, 20)
"""Objects and rounds between collections: the interpreter's own 700 walk through young objects many times a request."""


def parse(argv: list[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Simulated Bitrix24 portals and accounting services over HTTP and HTTPS; control API at /control.",
        epilog="Example: python -m sandbox --port 8190 --data .sandbox --limits off",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8190, help="port to listen on, 0 for a free one (8190)")
    parser.add_argument("--https-port", type=int, default=0, help="port for HTTPS, 0 for a free one (0)")
    parser.add_argument("--data", type=Path, required=True, help="folder of the ledger, which is the whole state")
    parser.add_argument("--public-url", help="address under which others reach it, path prefix included")
    parser.add_argument("--limits", choices=("on", "off"), default="on", help="vendors' rate limits (on)")
    arguments = parser.parse_args(argv)
    return Settings(
        data=arguments.data,
        host=arguments.host,
        port=arguments.port,
        https_port=arguments.https_port,
        public_url=arguments.public_url,
        limits=arguments.limits == "on",
    )


async def _serve(settings: Settings, listener: socket.socket, secure: socket.socket) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        world = make_world(settings)
        authority = Authority(settings.data / "tls")
    except OSError as error:
        raise SystemExit(f"cannot use {settings.data}: {error.strerror}; give another --data") from error
    world.secure = Secure(f"https://{address(secure)}", authority.file)
    context = serving(authority, names_of(settings.host, settings.public_url))
    server = SandboxServer(SandboxApp(world), listener, (secure, context))
    await server.start()
    gc.collect()
    gc.freeze()  # what was imported and replayed stays
    where = f"data={settings.data} https={world.secure.url} ca={authority.file}"
    print(f"sandbox ready {server.url} pid={os.getpid()} {where}", flush=True)
    await ended.wait()
    await server.stop()


def main(argv: list[str] | None = None) -> None:
    settings = parse(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    listener = _listen(settings.host, settings.port, "--port")
    secure = _listen(settings.host, settings.https_port, "--https-port")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, secure))


def _listen(host: str, port: int, option: str) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise SystemExit(f"cannot listen on {host}:{port}: {error.strerror}; give another {option}") from error


if __name__ == "__main__":
    main()
