"""A vendor that repeats recorded answers after a fixed delay: ``python -m bench.replaying PORT FILE``.

It answers by method, address and body, or by as much of these as was recorded; what never was is a 404.
"""

import base64
import sys
from asyncio import get_running_loop
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.stub import Stub, whole_answer

READY: Final = "/replaying/ready"
KEPT_HEADERS: Final = ("content-disposition", "location")
"""What of an answer's headers is repeated, besides its type: clients read files' names and new objects' addresses."""
ADDRESSES: Final = tuple(f"127.0.0.{number}" for number in range(1, 21))
"""All of these answer the same: to a client they are so many vendors."""
Asked = tuple[str, str, bytes]
"""Method, address from its path on, and body; an address without its query and no body stand for any."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange: what was asked, and what came."""

    method: str
    url: str
    sent: bytes
    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, str | int | dict[str, str]]:
        """As JSON."""
        sent, body = (base64.b64encode(one).decode() for one in (self.sent, self.body))
        return {
            "headers": {name: self.headers[name] for name in KEPT_HEADERS if name in self.headers},
            "method": self.method,
            "url": self.url,
            "sent": sent,
            "status": self.status,
            "type": self.content_type,
            "body": body,
        }


def write(file: Path, recorded: Sequence[Recorded]) -> None:
    """What a stub is given."""
    file.write_bytes(orjson.dumps([one.document() for one in recorded]))


def read(file: Path) -> dict[Asked, bytes]:
    """Whole answers by what was asked; the last of each is kept."""
    answers: dict[Asked, bytes] = {}
    for one in orjson.loads(file.read_bytes()):
        target, sent = urlsplit(one["url"]), base64.b64decode(one["sent"])
        answer = whole_answer(one["status"], one["type"], base64.b64decode(one["body"]), one["headers"])
        address = target.path + (f"?{target.query}" if target.query else "")
        for asked in ((address, sent), (address, b""), (target.path, b"")):
            answers[one["method"], *asked] = answer
    return answers


class Replaying(Stub):
    """One connection."""

    def __init__(self, answers: Mapping[Asked, bytes]) -> None:
        super().__init__("")
        self._answers = answers

    def _answer(self, method: str, path: str, body: bytes) -> bytes:
        if path == READY:
            return whole_answer(200, "text/plain", b"ready")
        for address, sent in ((path, body), (path, b""), (path.partition("?")[0], b"")):
            if found := self._answers.get((method, address, sent)):
                return found
        return whole_answer(404, "text/plain", f"never recorded: {method} {path}".encode())


async def serve(port: int, file: Path) -> None:
    """Until the process is ended."""
    answers = read(file)
    server = await get_running_loop().create_server(lambda: Replaying(answers), ADDRESSES, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
