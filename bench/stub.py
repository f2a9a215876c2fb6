"""A stand-in for an Elba account and for ingest's permits: answers the four calls of a chain after a fixed delay.

Run as ``python -m bench.stub PORT``. It forgets everything; no correctness is measured against it.
"""

import asyncio
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import orjson
import uvloop

from bench.tenants import PDF_BYTES

DELAY_SECONDS: Final = 0.001
HOST: Final = "127.0.0.1"
_PDF: Final = b"%PDF-1.7\n" + b"0" * (PDF_BYTES - 9)


class Stub(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport: Any = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps it."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers each whole request."""
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _length(head)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = head.partition(b"\r\n")[0].decode().split(" ")
        internal = path.startswith(("/internal/", "/readyz"))
        answer = self._answer(method, path, rest[:length])
        if internal:
            self._transport.write(answer)
        else:
            asyncio.get_running_loop().call_later(DELAY_SECONDS, self._transport.write, answer)

    def _answer(self, method: str, path: str, body: bytes) -> bytes:
        if path.startswith("/internal/permits"):
            return _json(200, self._permit(orjson.loads(body)))
        if path.endswith("/pdf"):
            return whole_answer(200, "application/pdf", _PDF)
        if method == "POST" and path.endswith("/counterparties"):
            return _json(201, {**orjson.loads(body), "id": str(uuid.uuid4())})
        if method == "POST" and path.endswith("/invoices"):
            return _json(201, _invoice(orjson.loads(body)))
        return _json(200, {"items": [], "total": 0})

    def _permit(self, wish: dict[str, Any]) -> dict[str, Any]:
        until = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
        given = {"account": wish["account"], "count": wish["count"], "endpoint": f"{self._url}/api/v1"}
        return {"permit": {**given, "access_token": "token", "expires_at": until, "options": {}}}


def _invoice(sent: dict[str, Any]) -> dict[str, Any]:
    number = str(uuid.uuid4())
    total = sum(float(item["price"]) * float(item["count"]) for item in sent["items"])
    facts = {"id": number, "sum": round(total, 2), "ndsSum": 0, "paidSum": 0, "status": "Created"}
    return {**sent, **facts, "url": f"https://elba.example/{number}"}


def _json(status: int, body: Any) -> bytes:
    return whole_answer(status, "application/json", orjson.dumps(body))


def whole_answer(status: int, kind: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """An answer as it goes over the wire."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def serve(port: int) -> None:
    """Until the process is ended."""
    url = f"http://{HOST}:{port}"
    server = await asyncio.get_running_loop().create_server(lambda: Stub(url), HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
