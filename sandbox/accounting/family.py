"""What services of SKB Kontur have in common: the envelope of errors, refusals by faults, calls that nothing serves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from sandbox.accounting.checks import ApiError
from sandbox.accounting.control import Control
from sandbox.accounting.gate import B, Call
from sandbox.accounting.records import Account
from sandbox.accounting.token import OPERATION as TOKEN_OPERATION
from sandbox.accounting.vendor import AccountingService
from sandbox.core.faults import Fault
from sandbox.core.wire import BadRequestError, Reply, Request, Route, Router

METHODS = ("GET", "POST", "PUT", "DELETE")
INTERNAL_TEXT = "Внутренняя ошибка"
REFUSED: Mapping[str, tuple[int, str, str]] = {
    "limit_429": (429, "TooManyRequests", "Слишком много запросов"),
    "limit_503": (503, "ServiceUnavailable", "Сервис временно недоступен"),
    "operation_time_limit": (429, "TooManyRequests", "Слишком долгие запросы"),
    "token_expired": (401, "TokenExpired", "Срок действия токена истёк"),
}


class FamilyControl(Control):
    """Beside the hands of every vendor: switches that only one vendor has, by their names and types."""

    switches: ClassVar[Mapping[str, type]] = {}

    def routes(self) -> list[Route]:
        example = {name: kind() for name, kind in self.switches.items()}
        return [*super().routes(), self._of("POST", "/switches", self._switch, "the vendor's own switches", example)]

    def _switch(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        for name, value in body.items():
            if name not in self.switches:
                raise BadRequestError(f"unknown switch {name!r}; known are {', '.join(self.switches) or 'none'}")
            if type(value) is not self.switches[name]:
                raise BadRequestError(f"switch {name} is a {self.switches[name].__name__}")
        return Reply(payload=self._book.switch(account, body))


class FamilyService(AccountingService[B]):
    """The base of Kontur's services. `refused` are its refusals by the fault's kind, `internal` its code of a 500."""

    refused: ClassVar[Mapping[str, tuple[int, str, str]]] = REFUSED
    internal = "InternalError"
    hands: type[FamilyControl] = FamilyControl

    def control_routes(self) -> Sequence[Route]:
        return self.hands(self._world, self.book, self.name, self.connection).routes()

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        internal = (int(fault.number("status", 500)), self.internal, INTERNAL_TEXT)
        status, code, text = internal if fault.kind == "error_in_200" else self.refused.get(fault.kind, internal)
        if operation == TOKEN_OPERATION:
            payload = {"error": "temporarily_unavailable", "error_description": text}
            reply = Reply(status=status, payload=payload, error=code)
        else:
            reply = refusal(ApiError(status, code, text), f"{self._world.ledger.seq}|{operation}")
        if fault.kind == "error_in_200":
            reply.status = 200
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply


def unserved(served: Router) -> Callable[[Call[B]], Reply]:
    """What no route serves: 405 with the path's own methods, 404 on a path that has none."""

    def refuse(call: Call[B]) -> Reply:
        method, path = call.request.method, call.request.path
        allowed = [one for one in METHODS if isinstance(served.find(one, path), tuple)]
        if not allowed:
            raise ApiError(404, "NotFound", f"Метод {method} {path} не найден")
        error = ApiError(405, "MethodNotAllowed", f"Метод {method} для {path} не поддерживается")
        error.headers["Allow"] = ", ".join(allowed)
        raise error

    return refuse


def refusal(error: ApiError, trace: str, context: dict[str, Any] | None = None) -> Reply:
    """A refusal in the envelope; `trace` makes the trace id."""
    details = [_error(error.code, text, target) for target, text in error.details]
    payload = {
        "statusCode": error.status,
        "traceId": hashlib.blake2b(trace.encode(), digest_size=16).hexdigest(),
        "error": {
            **_error(error.code, error.message, error.target),
            "details": details,
            "context": context,
            "innerError": None,
        },
    }
    return Reply(status=error.status, payload=payload, headers=error.headers, error=error.code)


def _error(code: str, message: str, target: str | None) -> dict[str, Any]:
    return {"code": code, "message": message, "target": target}
