"""MoeDelo as the sandbox's vendor: its routes and refusals."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Account
from sandbox.accounting.vendor import AccountingService
from sandbox.core.faults import Fault
from sandbox.core.mangle import HTML_PAGE
from sandbox.core.wire import Reply, Route
from sandbox.core.world import World
from sandbox.moedelo import wire
from sandbox.moedelo.api import acts, bills, goods, kontragents, money
from sandbox.moedelo.api.token import OPERATION as TOKEN_OPERATION
from sandbox.moedelo.api.token import TokenCalls
from sandbox.moedelo.book import MoedeloBook, refresh_tokens
from sandbox.moedelo.gate import Call, Gate

PREFIX = "/moedelo"
REFUSED = {
    "limit_429": (429, "Слишком много запросов"),
    "limit_503": (503, "Сервис временно недоступен"),
    "operation_time_limit": (429, "Слишком долгие запросы"),
    "token_expired": (401, "Нет доступа"),
}


class Moedelo(AccountingService[MoedeloBook]):
    """All MoeDelo accounts of the sandbox."""

    name = "moedelo"
    statuses = (200, 201, 204, 302, 400, 401, 402, 403, 404, 405, 409, 429)
    title = "МоёДело"

    def __init__(self, world: World) -> None:
        super().__init__(world, MoedeloBook(world, self))
        self._gate = Gate(world, self, self.book, PREFIX)

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        tokens = refresh_tokens(account)
        return {
            "api_key": account.api_key,
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": tokens[-1] if tokens else "",
            "api_url": f"{base_url}{PREFIX}",
            "token_url": f"{base_url}{PREFIX}/connect/token",
            "authorize_url": f"{base_url}{PREFIX}/connect/authorize",
        }

    def routes(self) -> Sequence[Route]:
        gate = self._gate
        return [
            *TokenCalls(self._world, self, self.book, PREFIX).routes(),
            *kontragents.routes(gate),
            *bills.routes(gate),
            *acts.routes(gate),
            *money.routes(gate),
            *goods.routes(gate),
            gate.route("*", "/{rest:path}", "unknown", _unserved),
        ]

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        status, text = REFUSED.get(fault.kind, (int(fault.number("status", 500)), "Внутренняя ошибка"))
        if operation == TOKEN_OPERATION:
            error = {"error": "temporarily_unavailable", "error_description": text}
            reply = Reply(status=status, payload=error, error="temporarily_unavailable")
        elif status >= 500 and fault.kind != "error_in_200":
            reply = Reply(status=status, body=HTML_PAGE, content_type="text/html; charset=utf-8", error=str(status))
        else:
            details = [("Items", "Документ должен содержать хотя бы одну позицию")] if status == 400 else []
            reply = wire.refusal(ApiError(status, str(status), text, None, details))
        if fault.kind == "error_in_200":
            reply.status = 200
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def clear(self) -> None:
        super().clear()
        self._gate.clear()


def _unserved(call: Call) -> Reply:
    raise ApiError(404, "NotFound", f"Метод {call.request.method} {call.request.path} не найден")
