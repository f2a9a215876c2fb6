"""The way of an API call into an Elba account: bearer token, quota with its headers, idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.accounting import gate
from sandbox.accounting.checks import ApiError
from sandbox.accounting.family import refusal
from sandbox.accounting.idempotency import KEY_CHARS_MAX, once
from sandbox.accounting.records import Account, Record
from sandbox.core.wire import Reply, Request
from sandbox.elba.book import ElbaBook

Call = gate.Call[ElbaBook]
CallHandler = Callable[[Call], Reply]


class Gate(gate.Gate[ElbaBook]):
    """Routes under /api/v1; a POST honours Idempotency-Key."""

    def authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None, ApiError(401, "Unauthorized", "Нужен заголовок Authorization: Bearer")
        return self.held_token(request, token.strip())

    def refusal(self, error: ApiError, trace: str) -> Reply:
        return refusal(error, trace)

    def too_many(self, wait_seconds: int, limit: int) -> dict[str, str]:
        return {
            "Retry-After": str(wait_seconds),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(wait_seconds),
        }

    def note(self, request: Request, facts: dict[str, Any]) -> None:
        key = request.headers.get("idempotency-key")
        if key is not None:
            facts["idempotency_key"] = key[:KEY_CHARS_MAX]

    def answer(self, call: Call, handler: CallHandler) -> Reply:
        conflict = ApiError(422, "IdempotencyKeyReused", "Idempotency-Key уже использован с другим запросом")
        return once(call, handler, conflict)


def listed(
    call: Call, records: list[Record], write: Callable[[Record], dict[str, Any]], offset: int, limit: int
) -> Reply:
    """The envelope of a list; a paging fault moves every row by one place towards the front."""
    start = max(0, offset + call.page_shift)
    payload = {"items": [write(record) for record in records[start : start + limit]], "total": len(records)}
    return Reply(payload=payload, note={"offset": offset, "total": len(records)})
