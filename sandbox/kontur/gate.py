"""The way of an API call into a Kontur.Accounting account: token or key, organisation, quota, idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.accounting import gate
from sandbox.accounting.checks import ApiError
from sandbox.accounting.family import refusal
from sandbox.accounting.idempotency import KEY_CHARS_MAX, once
from sandbox.accounting.records import Account, Record
from sandbox.core.wire import Reply, Request
from sandbox.kontur import asked, wire
from sandbox.kontur.book import KonturBook

Call = gate.Call[KonturBook]
CallHandler = Callable[[Call], Reply]
CODES = {400: "ValidationFailed", 401: "Unauthenticated", 402: "TariffRestriction", 403: "AccessDenied",
         404: "NotFound", 422: "IdempotencyConflict", 429: "TooManyRequests"}  # fmt: skip
OWN_CODES = frozenset({
    "InvalidInn", "CounterpartyAlreadyExists", "DocumentNumberTaken", "InvalidState", "PeriodClosed",
    "MethodNotAllowed",
})  # fmt: skip


class ContextError(ApiError):
    """A refusal with the `context` member of the envelope."""

    def __init__(self, status: int, code: str, message: str, context: dict[str, Any]) -> None:
        super().__init__(status, code, message)
        self.context = context


class Gate(gate.Gate[KonturBook]):
    """Routes under /budget/v1; a POST honours Idempotency-Key."""

    def authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        key = request.headers.get("x-kontur-apikey")
        if key is not None:
            account = self._book.by_key.get(key)
            if account is None:
                return None, ApiError(401, "Unauthenticated", "Ключ неизвестен")
            found, refused = (account, None) if request.late else self.open_to(account)
        else:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                return None, ApiError(401, "Unauthenticated", "Нужен заголовок Authorization: Bearer")
            found, refused = self.held_token(request, token.strip())
        if found is not None and refused is None and self._book.switched(found, "address_refused"):
            return found, ApiError(403, "AccessDenied", "Вызовы с этого адреса не разрешены", "ip")
        wanted = request.headers.get("x-organization-id")
        if found is not None and refused is None and wanted and wanted.lower() != self._book.organization(found):
            return found, ApiError(403, "AccessDenied", "Нет прав на организацию", "X-Organization-Id")
        return found, refused

    def refusal(self, error: ApiError, trace: str) -> Reply:
        if error.code not in OWN_CODES:
            error.code = CODES.get(error.status, error.code)
        return refusal(error, trace, error.context if isinstance(error, ContextError) else None)

    def too_many(self, wait_seconds: int, limit: int) -> dict[str, str]:
        return {
            "Retry-After": str(wait_seconds),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(self._book.now_unix) + wait_seconds),
        }

    def note(self, request: Request, facts: dict[str, Any]) -> None:
        key = request.headers.get("idempotency-key")
        if key is not None:
            facts["idempotency_key"] = key[:KEY_CHARS_MAX]

    def answer(self, call: Call, handler: CallHandler) -> Reply:
        conflict = ApiError(422, "IdempotencyConflict", "Idempotency-Key уже использован с другим запросом")
        reply = once(call, handler, conflict)
        if (wanted := call.request.headers.get("x-request-id")) is not None:
            reply.headers = {**reply.headers, "X-Request-Id": wanted[:100]}
        return reply


def listed(
    call: Call,
    records: list[Record],
    write: Callable[[Record], dict[str, Any]],
    *,
    twice: bool = False,
    kind: str = "",
    form: str | None = None,
) -> Reply:
    """A page of records in the order of their changes. A row that changes between two pages moves to the end and leaves
    no gap; `twice` shows what is marked so twice; changes of a `kind` since a moment have its deletions among them."""
    query = call.request.query()
    after, limit = asked.place(query), asked.limit(query)
    if kind and (since := asked.since(query)) is not None:
        gone = call.book.gone(call.account, kind, since, form)
        records = sorted([*records, *gone], key=lambda one: (one["updated_at"], one["order"]))
    rows = [one for one in records if after is None or (one["updated_at"], one["order"]) > after]
    shown = rows[:limit]
    payload = {
        "items": [
            wire.deleted(one) if "of" in one else write(one)
            for one in shown
            for _ in range(2 if twice and one["listed_twice"] else 1)
        ],
        "nextCursor": asked.cursor(shown[-1]) if len(rows) > limit else None,
    }
    return Reply(payload=payload, note={"shown": len(shown), "left": len(rows) - len(shown)})
