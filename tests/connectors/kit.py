"""A scripted transport, a permit and a clock: what connector tests need without a network."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from chassis.clock import ManualClock
from chassis.http import Answer, Call, NotSent, SentUnknown
from chassis.outcomes import Deferred, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit

FailureType = type[Rejected] | type[Deferred] | type[Retryable] | type[Uncertain]

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def clock() -> ManualClock:
    return ManualClock(NOW)


def permit(endpoint: str, token: str = "") -> Permit:
    return Permit("account-1", endpoint, token, 10, NOW)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer; anything but bytes goes out as JSON."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(status, dict(headers or {}), content)


class Script:
    """Gives its answers in order and keeps the calls."""

    def __init__(self, *answers: Answer | NotSent | SentUnknown) -> None:
        self._answers = list(answers)
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Answer | NotSent | SentUnknown:
        self.calls.append(call)
        return self._answers.pop(0)

    def sent(self, place: int = 0) -> Any:
        """The JSON body of a call."""
        return orjson.loads(self.calls[place].content or b"null")


def batch(
    results: Mapping[str, Any],
    errors: Mapping[str, Any] | None = None,
    totals: Mapping[str, int] | None = None,
    times: Mapping[str, Any] | None = None,
    nexts: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """A batch's answer as the portal writes it: empty maps are lists."""
    inner: dict[str, Any] = {
        "result": dict(results) or [],
        "result_error": dict(errors or {}) or [],
        "result_total": dict(totals or {}) or [],
        "result_next": dict(nexts or {}) or [],
        "result_time": dict(times or {}) or [],
    }
    return {"result": inner, "time": {"start": 1.5, "operating": 0.09}}


def page(name: str, rows: Sequence[Any]) -> dict[str, Any]:
    return {name: list(rows)}
