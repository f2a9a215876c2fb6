"""The tasks of a first sync, each a page long: read both sides, compare, link, create, enter into the CRM. A page that
is run again does what it did; where the pass is stands in the task itself, committed with what the page said to
streams."""

from collections.abc import Mapping
from typing import Any

from chassis.outcomes import Deferred, Failure, Retryable
from chassis.work.handlers import TOKEN_REFUSED, Permits, Task
from services.counterparty.store.syncs import Run


def run_of(task: Task) -> Run:
    """Whose rows the task reads and writes."""
    return Run(task.tenant, task.payload["account"], int(task.payload["run"]))


def going_on(task: Task, **changes: Any) -> Mapping[str, Any]:
    """The task's payload with the place where the next page begins."""
    return {**task.payload, **changes}


def again(failure: Failure) -> Deferred | Retryable:
    """A read that failed is made again: what the vendor refuses for good waits for whoever can mend it."""
    return failure if isinstance(failure, Deferred | Retryable) else Retryable(failure.problem, outage=False)


async def reported(permits: Permits, account: str, failure: Failure) -> Failure:
    """The failure; a limit or a spent token is told to who gives permits out."""
    spent = isinstance(failure, Retryable) and failure.problem.code == TOKEN_REFUSED
    if isinstance(failure, Deferred) or spent:
        until = failure.until if isinstance(failure, Deferred) else None
        await permits.report(account, failure.problem, until)
    return failure
