"""`python -m sandbox`: runs the simulated vendors as one process in front."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from sandbox.app import make_app
from sandbox.settings import Settings

SHUTDOWN_SECONDS = 3


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are taken by `_serve`, so that SIGTERM ends with exit code 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says that the sandbox is ready once its state is replayed and its port is open."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"sandbox ready http://{host}:{port} pid={os.getpid()}", flush=True)


def parse(argv: list[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Simulated Bitrix24 portals and Elba accounts over HTTP, with a control API under /control.",
        epilog="Example: python -m sandbox --port 8190 --data .sandbox --limits off",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8190, help="port to listen on, 0 for a free one (8190)")
    parser.add_argument("--data", type=Path, required=True, help="folder of the ledger, which is the whole state")
    parser.add_argument("--public-url", help="address under which others reach it, path prefix included")
    parser.add_argument("--limits", choices=("on", "off"), default="on", help="vendors' rate limits (on)")
    arguments = parser.parse_args(argv)
    return Settings(
        data=arguments.data,
        host=arguments.host,
        port=arguments.port,
        public_url=arguments.public_url,
        limits=arguments.limits == "on",
    )


async def _serve(settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        make_app(settings),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    await server.serve(sockets=[listener])
    if not server.started:
        raise SystemExit(1)


def main(argv: list[str] | None = None) -> None:
    settings = parse(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        sentence = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; give another --port"
        raise SystemExit(sentence) from error
    with asyncio.Runner(loop_factory=uvicorn.Config(app="", loop="uvloop").get_loop_factory()) as runner:
        runner.run(_serve(settings, listener))


if __name__ == "__main__":
    main()
