"""The way of an API call into an account: token, refusals, quota, idempotency key, then the call itself."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.core.world import World
from sandbox.elba import wire
from sandbox.elba.book import Book
from sandbox.elba.checks import ApiError, obj
from sandbox.elba.records import MOSCOW, Account, Record

REFUSALS = {
    401: ("Unauthorized", "Доступ отозван"),
    402: ("PaymentRequired", "Действие не входит в тариф"),
    403: ("Forbidden", "Нет прав на организацию"),
}
KEY_CHARS_MAX = 255


@dataclass(slots=True)
class Call:
    """One call inside an account; `facts` go into the ledger's request line."""

    book: Book
    account: Account
    request: Request
    fault: Fault | None
    facts: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        try:
            return obj(self.request.json())
        except BadRequestError as error:
            raise ApiError(400, "InvalidJson", "Тело запроса не является корректным JSON") from error

    def find(self, kind: str, noun: str) -> Record:
        """The record of the path's `id`; 404 when there is none."""
        record_id = self.request.params["id"].lower()
        self.facts["id"] = record_id
        record = self.book.get(self.account, kind, record_id)
        if record is None:
            raise ApiError(404, "NotFound", f"{noun} не найден", "id")
        return record

    def _fault_number(self, kind: str, name: str, default: float) -> float:
        return self.fault.number(name, default) if self.fault is not None and self.fault.kind == kind else 0.0

    @property
    def lag_seconds(self) -> float:
        return self._fault_number("read_lag", "lag_seconds", 10)

    @property
    def off_kopecks(self) -> int:
        return int(self._fault_number("kopeck_off", "kopecks", 1))

    @property
    def late_render_seconds(self) -> float:
        return self._fault_number("pdf_late", "render_seconds", 60)

    @property
    def page_shift(self) -> int:
        return int(self._fault_number("paging_shift", "shift", 1))


CallHandler = Callable[[Call], Reply]


class Gate:
    """Makes routes of call handlers."""

    def __init__(self, world: World, vendor: Vendor, book: Book) -> None:
        self._world, self._vendor, self._book = world, vendor, book
        self._today: dict[str, tuple[str, int]] = {}

    def clear(self) -> None:
        self._today.clear()

    def route(self, method: str, pattern: str, operation: str, handler: CallHandler) -> Route:
        """A route under /api/v1; a POST honours Idempotency-Key."""

        async def handle(request: Request) -> Reply:
            facts: dict[str, Any] = {}
            account, refusal = self._authorized(request)

            def execute(fault: Fault | None) -> Reply:
                try:
                    if refusal is not None or account is None:
                        raise refusal or ApiError(401, "Unauthorized", "Нет доступа")
                    quota = None if request.late else self._over_quota(account)
                    if quota is not None:
                        return quota
                    return self._answer(Call(self._book, account, request, fault, facts), handler)
                except ApiError as error:
                    return wire.refusal(error, f"{self._world.ledger.seq}|{operation}")

            key = request.headers.get("idempotency-key")
            if key is not None:
                facts["idempotency_key"] = key[:KEY_CHARS_MAX]
            account_id = account.id if account is not None else ""
            return await self._world.exchange(self._vendor, request, account_id, operation, execute, facts)

        return Route(method, f"/api/v1{pattern}", handle)

    def _authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None, ApiError(401, "Unauthorized", "Нужен заголовок Authorization: Bearer")
        account = self._book.by_token.get(token.strip())
        if account is None:
            return None, ApiError(401, "InvalidToken", "Токен неизвестен")
        if request.late:
            return account, None
        held = account.tokens[token.strip()]
        if held.state != "valid":
            return account, ApiError(401, "TokenRevoked", "Токен отозван")
        if held.expires_unix <= self._book.now_unix:
            return account, ApiError(401, "TokenExpired", "Срок действия токена истёк")
        if account.dials.refuse_status is not None:
            return account, ApiError(account.dials.refuse_status, *REFUSALS[account.dials.refuse_status])
        return account, None

    def _over_quota(self, account: Account) -> Reply | None:
        dials = account.dials
        if not self._world.limits.enabled:
            return None
        day = self._book.today
        known_day, used = self._today.get(account.id, (day, 0))
        used = used if known_day == day else 0
        if used >= dials.limit_per_day:
            moment = self._world.clock.now().astimezone(MOSCOW)
            left = 86_400 - (moment.hour * 3600 + moment.minute * 60 + moment.second)
            return self._too_many(left, dials.limit_per_day, "Исчерпан суточный лимит запросов")
        wait = self._world.limits.take(f"elba|{account.id}", burst=dials.limit_burst, per_second=dials.limit_per_second)
        if wait > 0:
            return self._too_many(math.ceil(wait), dials.limit_burst, "Слишком много запросов")
        self._today[account.id] = (day, used + 1)
        return None

    def _too_many(self, wait_seconds: int, limit: int, text: str) -> Reply:
        reply = wire.refusal(ApiError(429, "TooManyRequests", text), f"{self._world.ledger.seq}|quota")
        reply.headers = {
            "Retry-After": str(wait_seconds),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(wait_seconds),
        }
        return reply

    def _answer(self, call: Call, handler: CallHandler) -> Reply:
        request, account = call.request, call.account
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is None or not account.dials.idempotency_honoured:
            return handler(call)
        if not 1 <= len(key) <= KEY_CHARS_MAX:
            raise ApiError(400, "ValidationError", f"Idempotency-Key длиннее {KEY_CHARS_MAX} символов или пуст")
        asked = hashlib.sha256(
            request.path.lower().rstrip("/").encode() + orjson.dumps(_parsed(call), option=orjson.OPT_SORT_KEYS)
        ).hexdigest()
        known = account.answers.get(key)
        if known is not None:
            if known["asked"] != asked:
                raise ApiError(422, "IdempotencyKeyReused", "Idempotency-Key уже использован с другим запросом")
            return Reply(status=known["status"], payload=known["payload"], note={"repeated": True, **known["note"]})
        reply = handler(call)
        if reply.status < 300 and reply.body is None:
            answer = {"asked": asked, "status": reply.status, "payload": reply.payload, "note": reply.note}
            self._book.keep_answer(account, key, answer)
        return reply


def _parsed(call: Call) -> dict[str, Any]:
    return call.body() if call.request.body.strip() else {}


def listed(
    call: Call, records: list[Record], write: Callable[[Record], dict[str, Any]], offset: int, limit: int
) -> Reply:
    """The envelope of a list; a paging fault moves every row by one place towards the front."""
    start = max(0, offset + call.page_shift)
    payload = {"items": [write(record) for record in records[start : start + limit]], "total": len(records)}
    return Reply(payload=payload, note={"offset": offset, "total": len(records)})
