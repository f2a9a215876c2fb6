"""What an answer of a vendor means, as a table: (HTTP status, vendor's code) → how one recovers, and the problem's
code."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, assert_never

from chassis import log, metrics
from chassis.domain import Problem
from chassis.outcomes import Deferred, Failure, Rejected, Retryable, Uncertain

VENDOR_TEXT_LENGTH_MAX: Final = 300

UNKNOWN_ANSWERS: Final = metrics.counter(
    "sverka_connector_unknown_answers_total",
    "Answers of a vendor that no row of its outcome table names; each is treated as pending.",
    "Find the vendor's code in the log and add a row to the vendor's outcomes.py.",
    ["vendor", "status"],
)

_log = log.get(__name__)


class Kind(enum.StrEnum):
    """How one recovers from an answer that is no success."""

    REJECTED = "rejected"  # this call, as it is, will never do: a person reads why
    DEFERRED = "deferred"  # a limit: the same call later, no failure
    BROKEN = "broken"  # nothing was done, and nothing will be until the account is mended: opens the breaker
    RETRY = "retry"  # nothing was done this time: the same call again, the account as such is well
    PENDING = "pending"  # nobody knows: a read is repeated, a write is looked up


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cell of the table: the kind, and the code of the problem that people are told."""

    kind: Kind
    problem: str


UNKNOWN: Final = Verdict(Kind.PENDING, "vendor_answer_unknown")


class OutcomeTable:
    """The rows of one vendor. A key is (status, code), with None for "any".

    Codes are compared in lower case. Looked up from the narrowest to the widest; what no row names is pending and
    counted.
    """

    def __init__(self, vendor: str, rows: Mapping[tuple[int | None, str | None], Verdict]) -> None:
        self.vendor = vendor
        self.rows = dict(rows)

    def find(self, status: int | None, code: str | None) -> tuple[Verdict, bool] | None:
        """The row for an answer, and whether it names the answer's code (or there was none); None without a row.

        A refusal that holds for any status does not hold for a 5xx, after which nobody knows. A 2xx with an error
        inside is judged by its code alone.
        """
        rows = self.rows
        if code is not None:
            if (found := rows.get((status, code))) is not None:
                return found, True
            found = rows.get((None, code))
            if found is not None and (status is None or status < 500 or found.kind is not Kind.REJECTED):
                return found, True
            if status is not None and status < 300:
                return None
        found = rows.get((status, None)) if status is not None else None
        return None if found is None else (found, code is None)

    def judge(
        self,
        status: int | None,
        code: str | None,
        *,
        write: bool,
        values: dict[str, Any] | None = None,
        until: datetime | None = None,
    ) -> Failure:
        """The outcome of an answer that is no success. ``until`` is the vendor's own "not before", used for limits;
        ``write``: whether the call could have changed something."""
        verdict, named = self.find(status, code) or (UNKNOWN, False)
        if not named:
            UNKNOWN_ANSWERS.labels(self.vendor, str(status or "")).inc()
            _log.warning(
                "vendor's answer is not in its table", vendor=self.vendor, status=status, reason=(code or "")[:60]
            )
        return outcome(verdict, write=write, values=values, until=until)


def outcome(
    verdict: Verdict, *, write: bool, values: dict[str, Any] | None = None, until: datetime | None = None
) -> Failure:
    """A verdict as an outcome. Bodies that are no JSON may hold NUL, which the database takes in no text."""
    plain = {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in (values or {}).items()
    }
    problem = Problem(verdict.problem, plain)
    match verdict.kind:
        case Kind.REJECTED:
            return Rejected(problem)
        case Kind.DEFERRED:
            return Deferred(problem, until)
        case Kind.BROKEN:
            return Retryable(problem, outage=True)
        case Kind.RETRY:
            return Retryable(problem, outage=False)
        case Kind.PENDING:
            return Uncertain(problem) if write else Retryable(problem, outage=True)
        case _:
            assert_never(verdict.kind)


def unexpected(vendor: str, field: str, *, write: bool) -> Failure:
    """A success whose body does not have the shape that was asked for: a write may well have happened."""
    problem = Problem("vendor_answer_unexpected", {"vendor": vendor, "field": field[:100]})
    return Uncertain(problem) if write else Retryable(problem, outage=False)


def mismatch(vendor: str, field: str, *, write: bool) -> Failure:
    """A success that is about something else than what was asked for (another buyer's invoice)."""
    problem = Problem("vendor_answer_mismatch", {"vendor": vendor, "field": field})
    return Uncertain(problem) if write else Retryable(problem, outage=False)
