"""Elba as the sandbox's vendor: its routes, refusals, seed and state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Account
from sandbox.accounting.vendor import AccountingService
from sandbox.core.faults import Fault
from sandbox.core.vendor import EventPost
from sandbox.core.wire import Reply, Route, Router
from sandbox.core.world import World
from sandbox.elba import wire
from sandbox.elba.api import acts, counterparties, invoices, products
from sandbox.elba.api.token import OPERATION as TOKEN_OPERATION
from sandbox.elba.api.token import TokenCalls
from sandbox.elba.book import ElbaBook, signature
from sandbox.elba.gate import Call, Gate

REFUSED = {
    "limit_429": (429, "TooManyRequests", "Слишком много запросов"),
    "limit_503": (503, "ServiceUnavailable", "Сервис временно недоступен"),
    "operation_time_limit": (429, "TooManyRequests", "Слишком долгие запросы"),
    "token_expired": (401, "TokenExpired", "Срок действия токена истёк"),
}
METHODS = ("GET", "POST", "PUT", "DELETE")


class Elba(AccountingService[ElbaBook]):
    """All Elba accounts of the sandbox."""

    name = "elba"
    title = "Эльба"
    seeded_always = True

    def __init__(self, world: World) -> None:
        super().__init__(world, ElbaBook(world, self))
        self._gate = Gate(world, self, self.book, "/api/v1")

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "api_url": f"{base_url}/api/v1",
            "token_url": f"{base_url}/connect/token",
        }

    def routes(self) -> Sequence[Route]:
        gate = self._gate
        served = [
            *counterparties.routes(gate),
            *invoices.routes(gate),
            *acts.routes(gate),
            *products.routes(gate),
        ]
        unserved = _Unserved(Router(served)).refuse
        return [
            *TokenCalls(self._world, self, self.book).routes(),
            *served,
            gate.route("*", "", "unknown", unserved),
            gate.route("*", "/{rest:path}", "unknown", unserved),
        ]

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        if fault.kind == "error_in_200":
            status, code, text = int(fault.number("status", 500)), "InternalError", "Внутренняя ошибка"
        else:
            internal = (int(fault.number("status", 500)), "InternalError", "Внутренняя ошибка")
            status, code, text = REFUSED.get(fault.kind, internal)
        if operation == TOKEN_OPERATION:
            payload = {"error": "temporarily_unavailable", "error_description": text}
            reply = Reply(status=status, payload=payload, error=code)
        else:
            reply = wire.refusal(ApiError(status, code, text), f"{self._world.ledger.seq}|{operation}")
        if fault.kind == "error_in_200":
            reply.status = 200
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def forge(self, post: EventPost) -> EventPost:
        headers = {**post.headers, "X-Elba-Signature": signature("somebody-elses-secret", post.body)}
        return replace(post, headers=headers)

    def clear(self) -> None:
        super().clear()
        self._gate.clear()


class _Unserved:
    """What no route serves: 405 with the path's own methods, 404 on a path that has none."""

    def __init__(self, served: Router) -> None:
        self._served = served

    def refuse(self, call: Call) -> Reply:
        method, path = call.request.method, call.request.path
        allowed = [one for one in METHODS if isinstance(self._served.find(one, path), tuple)]
        if not allowed:
            raise ApiError(404, "NotFound", f"Метод {method} {path} не найден")
        error = ApiError(405, "MethodNotAllowed", f"Метод {method} для {path} не поддерживается")
        error.headers["Allow"] = ", ".join(allowed)
        raise error
