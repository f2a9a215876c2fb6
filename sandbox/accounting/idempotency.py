"""Idempotency-Key of a POST: the same key with the same body gets the first answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson

from sandbox.accounting.checks import ApiError
from sandbox.accounting.gate import B, Call
from sandbox.core.wire import Reply

KEY_CHARS_MAX = 255


def once(call: Call[B], handler: Callable[[Call[B]], Reply], conflict: ApiError) -> Reply:
    """The call, or the answer that its key had already; `conflict` refuses a key of another request."""
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
            raise conflict
        return Reply(status=known["status"], payload=known["payload"], note={"repeated": True, **known["note"]})
    reply = handler(call)
    if reply.status < 300 and reply.body is None:
        answer = {"asked": asked, "status": reply.status, "payload": reply.payload, "note": reply.note}
        call.book.keep_answer(account, key, answer)
    return reply


def _parsed(call: Call[B]) -> dict[str, Any]:
    return call.body() if call.request.body.strip() else {}
