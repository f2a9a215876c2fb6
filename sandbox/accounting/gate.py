"""The way of an API call into an account: access, refusals, quota, then the call itself; what vendors share of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sandbox.accounting.book import Book
from sandbox.accounting.checks import ApiError, obj
from sandbox.accounting.records import MOSCOW, Account, Record
from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.core.world import World

B = TypeVar("B", bound=Book)


@dataclass(slots=True)
class Call(Generic[B]):
    """One call inside an account; `facts` go into the ledger's request line."""

    book: B
    account: Account
    request: Request
    fault: Fault | None
    facts: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return obj(self.json())

    def json(self) -> Any:
        try:
            return self.request.json()
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


class Gate(Generic[B]):
    """Makes routes of call handlers. A vendor's own gate says whose call it is, and how refusals look."""

    def __init__(self, world: World, vendor: Vendor, book: B, prefix: str) -> None:
        self._world, self._vendor, self._book, self._prefix = world, vendor, book, prefix
        self._today: dict[str, tuple[str, int]] = {}

    def clear(self) -> None:
        self._today.clear()

    def authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        """The account, and why it is not to be entered."""
        raise NotImplementedError

    def refusal(self, error: ApiError, trace: str) -> Reply:
        """The vendor's envelope of a refusal."""
        raise NotImplementedError

    def too_many(self, wait_seconds: int, limit: int) -> dict[str, str]:
        """The headers of a refusal by a limit."""
        return {"Retry-After": str(wait_seconds)}

    def answer(self, call: Call[B], handler: Callable[[Call[B]], Reply]) -> Reply:
        """The call itself."""
        return handler(call)

    def route(
        self,
        method: str,
        pattern: str,
        operation: str | Callable[[Request], str],
        handler: Callable[[Call[B]], Reply],
    ) -> Route:
        """A route under the vendor's prefix; where one route serves many operations, the request tells which."""

        async def handle(request: Request) -> Reply:
            facts: dict[str, Any] = {}
            name = operation if isinstance(operation, str) else operation(request)
            account, refusal = self.authorized(request)

            def execute(fault: Fault | None) -> Reply:
                try:
                    if refusal is not None or account is None:
                        raise refusal or ApiError(401, "Unauthorized", "Нет доступа")
                    quota = None if request.late else self._over_quota(account)
                    if quota is not None:
                        return quota
                    return self.answer(Call(self._book, account, request, fault, facts), handler)
                except ApiError as error:
                    return self.refusal(error, f"{self._world.ledger.seq}|{name}")

            self.note(request, facts)
            account_id = account.id if account is not None else ""
            return await self._world.exchange(self._vendor, request, account_id, name, execute, facts)

        return Route(method, f"{self._prefix}{pattern}", handle)

    def note(self, request: Request, facts: dict[str, Any]) -> None:
        """What of a request the ledger keeps, whatever becomes of it."""

    def held_token(self, request: Request, token: str) -> tuple[Account | None, ApiError | None]:
        """The account of an access token that was given out, and why it is not to be entered."""
        account = self._book.by_token.get(token)
        if account is None:
            return None, ApiError(401, "InvalidToken", "Токен неизвестен")
        if request.late:
            return account, None
        held = account.tokens[token]
        if held.state != "valid":
            return account, ApiError(401, "TokenRevoked", "Токен отозван")
        if held.expires_unix <= self._book.now_unix:
            return account, ApiError(401, "TokenExpired", "Срок действия токена истёк")
        return self.open_to(account)

    @staticmethod
    def open_to(account: Account) -> tuple[Account | None, ApiError | None]:
        """The account, refused where its dial says so."""
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
            return self._over(left, dials.limit_per_day, "Исчерпан суточный лимит запросов")
        key = f"{self._vendor.name}|{account.id}"
        wait = self._world.limits.take(key, burst=dials.limit_burst, per_second=dials.limit_per_second)
        if wait > 0:
            return self._over(math.ceil(wait), dials.limit_burst, "Слишком много запросов")
        self._today[account.id] = (day, used + 1)
        return None

    def _over(self, wait_seconds: int, limit: int, text: str) -> Reply:
        reply = self.refusal(ApiError(429, "TooManyRequests", text), f"{self._world.ledger.seq}|quota")
        reply.headers = self.too_many(wait_seconds, limit)
        return reply


REFUSALS = {
    401: ("Unauthorized", "Доступ отозван"),
    402: ("PaymentRequired", "Действие не входит в тариф"),
    403: ("Forbidden", "Нет прав на организацию"),
}
