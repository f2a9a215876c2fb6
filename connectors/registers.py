"""What providers of the state register have in common: their day, their answers, what a refusal means."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer, Call, as_read
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from connectors import wire
from connectors.transport import Transport
from connectors.verdicts import Kind, OutcomeTable, Verdict

MOSCOW: Final = timezone(timedelta(hours=3))
"""Both vendors count by days of Moscow, which has had no summer time since 2014."""
BODY_BYTES_MAX: Final = 2 * 1024 * 1024

QUOTA: Final = "register_quota"
REFUSED: Final = "register_refused"

_WRONG: Final = Verdict(Kind.REJECTED, "vendor_request_wrong")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")


def table(vendor: str) -> OutcomeTable:
    """The outcomes of a provider; 401 and 403 are told apart by whoever asked, with the provider's own statistics."""
    return OutcomeTable(
        vendor,
        {
            (400, None): _WRONG,
            (404, None): _WRONG,
            (405, None): _WRONG,
            (413, None): _WRONG,
            (422, None): _WRONG,
            (401, None): Verdict(Kind.BROKEN, REFUSED),
            (403, None): Verdict(Kind.BROKEN, REFUSED),
            (429, None): _LIMIT,
            (408, None): _FAULT,
            (500, None): _FAULT,
            (502, None): _FAULT,
            (503, None): _FAULT,
            (504, None): _FAULT,
            (200, None): Verdict(Kind.PENDING, "vendor_answer_unreadable"),
        },
    )


def next_midnight(now: datetime) -> datetime:
    """When the day of Moscow ends and quotas begin anew."""
    local = now.astimezone(MOSCOW)
    tomorrow = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return tomorrow.astimezone(UTC)


def day_of_moscow(now: datetime) -> str:
    """The day of Moscow, YYYY-MM-DD."""
    return now.astimezone(MOSCOW).date().isoformat()


def quota_used_up(vendor: str, clock: Clock) -> Deferred:
    """Nothing more today."""
    return Deferred(Problem(QUOTA, {"vendor": vendor}), next_midnight(clock.now()))


def key_refused(vendor: str) -> Retryable:
    """The key is wrong, blocked, or has no right to the method: an administrator must look."""
    return Retryable(Problem(REFUSED, {"vendor": vendor}), outage=True)


async def document(http: Transport, clock: Clock, call: Call, outcomes: OutcomeTable) -> Outcome[Any] | Answer:
    """The JSON of a success; the bare answer where access was refused, since only its maker can tell why."""
    answer = await http.send(call)
    if not isinstance(answer, Answer):
        return as_read(answer)
    if answer.status in (401, 403):
        return answer
    values = {"vendor": outcomes.vendor, "status": answer.status}
    if answer.status == 200:
        try:
            return Ok(wire.read_json(answer.body))
        except ValueError:
            return outcomes.judge(200, None, write=False, values=values)
    until = wire.retry_after(answer.headers.get("retry-after"), clock)
    return outcomes.judge(answer.status, None, write=False, values=values, until=until)
