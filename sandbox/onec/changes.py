"""The extension's journal of a base: what was written and what was deleted, each once, in order of the last time."""

from __future__ import annotations

from sandbox.accounting.checks import ApiError
from sandbox.core.wire import Reply, Route
from sandbox.onec.book import GONE
from sandbox.onec.gate import Call, Gate
from sandbox.onec.printing import PATH, installed
from sandbox.onec.view import STORED, belongs

ROWS_MAX = 500


def routes(gate: Gate) -> list[Route]:
    """The journal of every base."""
    return [gate.route("GET", f"{PATH}/changes", "changes", _changes)]


def _changes(call: Call) -> Reply:
    """What is past a cursor. What is not yet to be seen holds back all that was written after it: the cursor never
    passes it."""
    installed(call)
    query = call.request.query()
    since, limit = _number(query.get("since") or "0", "since"), _number(query.get("limit") or str(ROWS_MAX), "limit")
    rows = sorted(_rows(call), key=lambda row: row[0])
    unseen = min((order for order, seen_at, *_ in rows if seen_at > call.book.now_unix), default=None)
    found = [row for row in rows if row[0] > since and (unseen is None or row[0] < unseen)][: min(limit, ROWS_MAX)]
    items = [{"entity": entity, "ref": ref, "kind": kind} for _, _, entity, ref, kind in found]
    cursor = str(found[-1][0] if found else since)
    return Reply(payload={"cursor": cursor, "items": items}, note={"items": len(items)})


def _rows(call: Call) -> list[tuple[int, float, str, str, str]]:
    """Order, moment from which it is seen, entity, reference, and what happened."""
    written = [
        (record["order"], record["visible_unix"], entity, record["id"], "upsert")
        for entity, kind in STORED.items()
        for record in call.account.records[kind].values()
        if belongs(entity, record)
    ]
    gone = call.account.records[GONE].values()
    return [*written, *((one["order"], 0.0, one["entity"], one["id"], "delete") for one in gone)]


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ApiError(400, "bad_request", f"{name} должен быть целым числом")
    return int(text)
