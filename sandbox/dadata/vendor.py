"""DaData as the sandbox's vendor: `findById`, `suggest`, statistics, and its refusals.

Source: the vendor's pages dadata.ru/api/find-party, /api/suggest/party, /api/find-bank, /api/stat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.dadata import wire
from sandbox.register.book import Account, Dials
from sandbox.register.vendor import RegisterVendor

QUERY_CHARS_MAX = 300
COUNT_MAX = 20
API = "/suggestions/api/4_1/rs"
REASONS = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "REQUEST_ENTITY_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
}

Answer = Callable[[Account, dict[str, Any]], Reply]


class Dadata(RegisterVendor):
    """All DaData accounts."""

    name = "dadata"
    statuses = (200, 400, 401, 403, 404, 405, 413, 429)
    title = "DaData"
    dials = Dials(per_day=10_000, limit_burst=30, limit_per_second=30.0)

    def routes(self) -> Sequence[Route]:
        asked = (
            ("/findById/party", "find_party", self._find_party),
            ("/suggest/party", "suggest_party", self._suggest_party),
            ("/findById/bank", "find_bank", self._find_bank),
            ("/suggest/bank", "suggest_bank", self._suggest_bank),
        )
        return [
            *(Route("*", f"{API}{path}", self._asked(operation, answer)) for path, operation, answer in asked),
            Route("GET", "/api/v2/stat/daily", self._statistics),
            Route("GET", "/api/v2/profile/balance", self._balance),
            Route("GET", "/api/v2/version", self._version),
            Route("*", f"{API}/{{rest:path}}", self._unknown),
        ]

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {"api_url": f"{base_url}{API}", "api_key": account.key, "secret": account.secret}

    def refusal(self, status: int, text: str) -> Reply:
        family = "CLIENT_ERROR" if status < 500 else "SERVER_ERROR"
        reason = REASONS.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_SERVER_ERROR")
        return Reply(status=status, payload={"family": family, "reason": reason, "message": text}, error=reason)

    def _asked(self, operation: str, answer: Answer) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Reply:
            facts: dict[str, Any] = {}

            def answered(account: Account) -> Reply:
                if request.method != "POST":
                    return self.refusal(405, "use POST")
                try:
                    body = request.json()
                except BadRequestError:
                    return self.refusal(400, "the body is not JSON")
                query = body.get("query") if isinstance(body, dict) else None
                if not isinstance(query, str) or not query.strip():
                    return self.refusal(400, "query is required")
                if len(query) > QUERY_CHARS_MAX:
                    return self.refusal(413, "query is too long")
                facts["query"] = query
                if not self.book.use(account):
                    return self.refusal(403, f"Feature 'SUGGESTIONS' disabled for token {account.key[:6]}")
                return answer(account, body)

            return await self.exchanged(request, operation, _key(request), answered, facts)

        return handle

    def _find_party(self, account: Account, body: dict[str, Any]) -> Reply:
        query, kpp, branch_type = body["query"].strip(), body.get("kpp"), body.get("branch_type")
        companies = [one for found in self.book.companies.values() for one in found if query in (one.inn, one.ogrn)]
        rows = [row for one in companies for row in wire.party(one, self.book.now)]
        rows = [
            row
            for row in rows
            if (not kpp or row["data"].get("kpp") == kpp)
            and (not branch_type or row["data"].get("branch_type", "MAIN") == branch_type)
            and _kept(row, body)
        ]
        return _page(rows, body)

    def _suggest_party(self, account: Account, body: dict[str, Any]) -> Reply:
        words = body["query"].casefold().split()
        companies = [one for found in self.book.companies.values() for one in found]
        named = [one for one in companies if all(w in f"{one.full_name} {one.inn}".casefold() for w in words)]
        rows = [wire.party(one, self.book.now)[0] for one in named]
        return _page([row for row in rows if _kept(row, body)], body)

    def _find_bank(self, account: Account, body: dict[str, Any]) -> Reply:
        """By BIC, SWIFT, INN or registration number."""
        bank, kpp = wire.BANK["data"], body.get("kpp")
        known = {bank["bic"], bank["swift"], bank["inn"], bank["registration_number"]}
        return _page([wire.BANK] if body["query"].strip() in known and kpp in (None, "", bank["kpp"]) else [], body)

    def _suggest_bank(self, account: Account, body: dict[str, Any]) -> Reply:
        bank = wire.BANK["data"]
        told = f"{wire.BANK['value']} {bank['bic']} {bank['inn']} {bank['swift']}".casefold()
        fits = all(word in told for word in body["query"].casefold().split())
        fits = fits and bank["state"]["status"] in (body.get("status") or [bank["state"]["status"]])
        fits = fits and bank["opf"]["type"] in (body.get("type") or [bank["opf"]["type"]])
        return _page([wire.BANK] if fits else [], body)

    async def _statistics(self, request: Request) -> Reply:
        def answered(account: Account) -> Reply:
            if request.headers.get("x-secret") != account.secret:
                return self.refusal(401, "X-Secret is needed")
            used = self.book.used(account)
            spent = {"suggestions": used, "clean": 0, "merging": 0, "company": 0}
            left = {**spent, "suggestions": max(0, account.dials.per_day - used)}
            day = request.query().get("date", self.book.today)
            return Reply(payload={"date": day, "services": spent, "remaining": left})

        return await self.exchanged(request, "statistics", _key(request), answered, {})

    async def _balance(self, request: Request) -> Reply:
        return await self.exchanged(request, "balance", _key(request), lambda _: Reply(payload={"balance": 0.0}), {})

    async def _version(self, request: Request) -> Reply:
        fresh = {"suggestions": {"version": "24.1", "resources": {"ЕГРЮЛ": self.book.today, "ЕГРИП": self.book.today}}}
        return await self.exchanged(request, "version", _key(request), lambda _: Reply(payload=fresh), {})

    async def _unknown(self, request: Request) -> Reply:
        return await self.exchanged(
            request, "unknown", _key(request), lambda _: self.refusal(404, "no such method"), {}
        )


def _kept(row: dict[str, Any], body: dict[str, Any]) -> bool:
    """By the states and the kind that are asked for."""
    data = row["data"]
    return (not body.get("status") or data["state"]["status"] in body["status"]) and (
        not body.get("type") or data["type"] == body["type"]
    )


def _key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "token" else ""


def _page(rows: list[dict[str, Any]], body: dict[str, Any]) -> Reply:
    count = body.get("count", 10)
    size = min(COUNT_MAX, math.floor(count)) if isinstance(count, int | float) and count > 0 else 10
    return Reply(payload={"suggestions": rows[:size]}, note={"found": len(rows)})
