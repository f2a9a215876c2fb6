"""The way of a call into an account: API key, and the organisation of the path."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.accounting import gate
from sandbox.accounting.checks import ApiError
from sandbox.accounting.family import refusal
from sandbox.accounting.records import Account
from sandbox.core.wire import Reply, Request
from sandbox.elba_vendor.book import ElbaVendorBook

Call = gate.Call[ElbaVendorBook]
CallHandler = Callable[[Call], Reply]


class Gate(gate.Gate[ElbaVendorBook]):
    """Routes under /v1; there is no idempotency."""

    def authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        account = self._book.by_key.get(request.headers.get("x-kontur-apikey", ""))
        if account is None:
            return None, ApiError(401, "Unauthorized", "Ключ API не указан или отозван")
        wanted = request.params.get("organization")
        if wanted is not None and wanted.lower() != self._book.organization(account):
            return account, ApiError(403, "Forbidden", "Нет прав на организацию")
        return (account, None) if request.late else self.open_to(account)

    def refusal(self, error: ApiError, trace: str) -> Reply:
        error.headers.pop("WWW-Authenticate", None)
        return refusal(error, trace)
