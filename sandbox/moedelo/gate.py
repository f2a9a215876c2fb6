"""The way of an API call into a MoeDelo account: an API key or a bearer token, and what clients ask lists for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.accounting import gate
from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Account, Record, utc_seconds
from sandbox.core.wire import Reply, Request
from sandbox.moedelo import wire
from sandbox.moedelo.book import MoedeloBook

PAGE_ROWS = 50
"""What a page has where nobody asks, and the most that it ever has: a larger one is cut without a word."""
PAGE_ROWS_MAX = 1000
Call = gate.Call[MoedeloBook]
CallHandler = Callable[[Call], Reply]


class Gate(gate.Gate[MoedeloBook]):
    """Routes under /moedelo; nothing is remembered of a POST, so that a second one makes a second object."""

    def authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        key = request.headers.get("md-api-key", "").strip()
        if key:
            account = self._book.by_key.get(key.lower())
            if account is None:
                return None, ApiError(401, "Unauthorized", "Ключ API не найден или отозван")
            return (account, None) if request.late else self.open_to(account)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None, ApiError(401, "Unauthorized", "Нужен заголовок md-api-key или Authorization")
        return self.held_token(request, token.strip())

    def refusal(self, error: ApiError, trace: str) -> Reply:
        return wire.refusal(error)


def asked(call: Call) -> dict[str, str]:
    """Query parameters by their names in lower case."""
    return {name.lower(): value for name, value in call.request.query().items() if value != ""}


def moment(query: dict[str, str], name: str) -> str | None:
    """A bound of the modification time, brought to the book's form; times without a zone are UTC."""
    value = query.get(name.lower())
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError as error:
        text = f"Параметр {name} должен быть временем вида 2026-03-12T00:00:00"
        raise ApiError(400, "Invalid", text, name) from error
    return utc_seconds((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def listed(call: Call, records: Sequence[Record], write: Callable[[Record], dict[str, Any]]) -> Reply:
    """A page in order of ids of what was changed between `afterDate` and `beforeDate`."""
    query = asked(call)
    after, before = moment(query, "afterDate"), moment(query, "beforeDate")
    found = [
        record
        for record in sorted(records, key=lambda record: int(record["id"]))
        if (after is None or record["updated_at"] >= after) and (before is None or record["updated_at"] <= before)
    ]
    return paged(call, found, write)


def paged(call: Call, found: Sequence[Record], write: Callable[[Record], dict[str, Any]]) -> Reply:
    """A page; a paging fault moves every row by one place towards the front."""
    query = asked(call)
    try:
        page, size = int(query.get("pageno", 1)), int(query.get("pagesize", PAGE_ROWS))
    except ValueError as error:
        raise ApiError(400, "Invalid", "Параметры pageNo и pageSize должны быть целыми числами") from error
    if page < 1 or not 1 <= size <= PAGE_ROWS_MAX:
        raise ApiError(400, "Invalid", f"pageNo начинается с 1, pageSize не больше {PAGE_ROWS_MAX}", "pageNo")
    size = min(size, PAGE_ROWS)
    start = max(0, (page - 1) * size + call.page_shift)
    rows = [write(record) for record in found[start : start + size]]
    payload = {"Count": len(rows), "TotalCount": len(found), "ResourceList": rows}
    return Reply(payload=payload, note={"page": page, "total": len(found)})
