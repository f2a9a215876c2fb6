"""A process in the place of a service: `stand_in.py PORT [journal]`; answers 200 to every GET.

It writes its start and its ordered end into the journal, and has a child of its own, as a server with workers has.
"""

import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType


class _Yes(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        return


def main(port: int, journal: Path, name: str) -> None:
    def note(what: str) -> None:
        with journal.open("a") as file:
            file.write(f"{time.monotonic()} {name} {what}\n")

    def end(_number: int, _frame: FrameType | None) -> None:
        note("ended")
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    server = HTTPServer(("127.0.0.1", port), _Yes)
    subprocess.Popen(["sleep", "600"])
    note("started")
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
