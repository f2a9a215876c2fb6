"""Kontur.Focus as the sandbox's vendor: `req`, `egrDetails`, `briefReport`, `stat`, and its refusals.

Source: developer.kontur.ru/doc/focus and the vendor's try-out forms. The bodies of its errors are not published, and
plain text here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sandbox.core.wire import Reply, Request, Route
from sandbox.focus import wire
from sandbox.register.book import Account, Company, Dials
from sandbox.register.vendor import RegisterVendor

API = "/api3"
LIST_MAX = 100


class Focus(RegisterVendor):
    """All Focus accounts. A company that was paid for today is not paid for again."""

    name = "focus"
    statuses = (200, 400, 401, 403, 404, 405, 422, 429)
    title = "Контур.Фокус"
    dials = Dials(per_day=5_000, limit_burst=5, limit_per_second=5.0)

    def routes(self) -> Sequence[Route]:
        methods = (("req", wire.requisites), ("egrDetails", wire.details), ("briefReport", wire.brief))
        return [
            *(Route("*", f"{API}/{method}", self._method(method, write)) for method, write in methods),
            Route("GET", f"{API}/stat", self._statistics),
            Route("GET", f"{API}/req/expectedLimitUsage", self._expected),
            Route("*", f"{API}/{{rest:path}}", self._unknown),
        ]

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {"api_url": f"{base_url}{API}", "api_key": account.key}

    def refusal(self, status: int, text: str) -> Reply:
        return Reply(status=status, body=text.encode(), content_type="text/plain; charset=utf-8", error=str(status))

    def _method(self, method: str, write: Callable[[Company], dict[str, Any]]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Reply:
            query = request.query()
            inns = [one for one in query.get("inn", "").split(",") if one]
            ogrns = [one for one in query.get("ogrn", "").split(",") if one]

            def answered(account: Account) -> Reply:
                if request.method != "GET":
                    return self.refusal(405, "use GET")
                if "xml" in query or not (inns or ogrns) or len(inns) + len(ogrns) > LIST_MAX:
                    return self.refusal(400, "inn or ogrn is needed; XML is not simulated")
                if any(not one.isdigit() or len(one) not in (10, 12) for one in inns):
                    return self.refusal(422, "malformed inn")
                found = self._found(inns, ogrns)
                for one in found:
                    if not self.book.use(account, f"{method}|{one.inn}"):
                        return self.refusal(403, "the limit of the method is exhausted")
                return Reply(payload=[write(one) for one in found], note={"found": len(found)})

            return await self.exchanged(request, method, query.get("key", ""), answered, {"inn": ",".join(inns)})

        return handle

    def _found(self, inns: list[str], ogrns: list[str]) -> list[Company]:
        """One row for an INN: of several registrations the last one."""
        rows = [self.book.companies[inn][-1] for inn in inns if self.book.companies.get(inn)]
        by_ogrn = [one for found in self.book.companies.values() for one in found if one.ogrn in ogrns]
        return [*rows, *(one for one in by_ogrn if one not in rows)]

    async def _statistics(self, request: Request) -> Reply:
        def answered(account: Account) -> Reply:
            spent = {"methodName": "req", "spent": self.book.used(account), "limit": account.dials.per_day}
            return Reply(payload=[spent, {"methodName": "egrDetails", "spent": 0, "limit": account.dials.per_day}])

        return await self.exchanged(request, "stat", request.query().get("key", ""), answered, {})

    async def _expected(self, request: Request) -> Reply:
        """How much of the limit a list would cost; what was paid for today costs nothing."""
        query = request.query()
        inns = [one for one in query.get("inn", "").split(",") if one]
        ogrns = [one for one in query.get("ogrn", "").split(",") if one]

        def answered(account: Account) -> Reply:
            if not (inns or ogrns):
                return self.refusal(400, "inn or ogrn is needed")
            new = [one for one in self._found(inns, ogrns) if not self.book.paid(account, f"req|{one.inn}")]
            return Reply(payload={"expectedLimitUsage": len(new)})

        return await self.exchanged(request, "expected", query.get("key", ""), answered, {})

    async def _unknown(self, request: Request) -> Reply:
        key = request.query().get("key", "")
        return await self.exchanged(request, "unknown", key, lambda _: self.refusal(404, "no such method"), {})
