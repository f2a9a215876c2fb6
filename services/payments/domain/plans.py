"""What each event sets in motion: the day on which an invoice becomes overdue, and payments to be read again."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from chassis.aggregate import Lane, Plan, Recorded, TaskPlan
from services.payments.domain import events as e
from services.payments.domain.state import State

LOOK_AT_DUE = "look-at-due"
REREAD = "reread-payments"
POLL = "poll-payments"
POLL_BALANCES = "poll-balances"
POLL_NOW = "poll-payments-now"
STANDING = "look-at-standing"
MATCH_WAITING = "match-waiting"

DOUBT_WAIT = dt.timedelta(seconds=30)
"""After so long a list of payments that came empty is read again, then after ever longer."""
DOUBT_WAIT_MAX = dt.timedelta(minutes=20)

SWITCHED_OFF_FOR = dt.timedelta(hours=1)
"""How soon it is looked again whether payments are followed: what waits for it must not be forgotten."""


def switched_on(settings: Mapping[str, Any]) -> bool:
    """Whether the tenant has Sverka follow payments at all."""
    return bool(settings.get("steps", {}).get("payments", True))


def is_polled(settings: Mapping[str, Any], account: str) -> bool:
    """Whether accounting is asked what was paid over an account."""
    return switched_on(settings) and not told_by_statements(settings, account)


def told_by_statements(settings: Mapping[str, Any], account: str) -> bool:
    """Whether bank statements say what was paid over an accounting account (R21): it is polled no more."""
    sources = [s.get("payments_from") for s in settings.get("sellers", ()) if s["connection"]["account"] == account]
    return bool(sources) and all(source == "statement" for source in sources)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """The tasks of one event. The first look at a due date is early: the worker knows the tenant's zone and moves
    it."""
    event = recorded.event
    match event:
        case e.InvoiceKnown():
            payload = {"invoice_id": event.invoice_id}
            return (_look_at_due(event), TaskPlan(MATCH_WAITING, event.invoice_id, payload, lane=Lane.BULK))
        case e.BalanceChanged() if event.status in ("issued", "partially_paid"):
            # Money may have gone back from an invoice that was settled, and that nobody looks at any more.
            return (_look_at_due(state.invoices[event.invoice_id].known),)
        case e.PaymentsNoticed():
            return (_reread(state.invoices[event.invoice_id].known, None, event.again_at),)
        case e.PaymentsDoubted():
            invoice = state.invoices[event.invoice_id]
            wait = min(DOUBT_WAIT * 2 ** min(invoice.doubts - 1, 10), DOUBT_WAIT_MAX)
            return (_reread(invoice.known, event.at + wait),)
        case _:
            return ()


def _reread(known: e.InvoiceKnown, due_at: dt.datetime | None, again_at: dt.datetime | None = None) -> TaskPlan:
    """The one row of an invoice, so that no older list is committed last; what has it read sooner leaves the later
    look, ``again_at``, in its payload."""
    payload = {"invoice_id": known.invoice_id, "remote_id": known.remote_id}
    if again_at is not None:
        payload["again_at"] = again_at.isoformat()
    return TaskPlan(REREAD, known.invoice_id, payload, account=known.account, due_at=due_at)


def _look_at_due(known: e.InvoiceKnown) -> TaskPlan:
    due_at = dt.datetime.combine(known.due_date, dt.time.min, dt.UTC)
    payload = {"invoice_id": known.invoice_id, "due_date": known.due_date.isoformat()}
    return TaskPlan(LOOK_AT_DUE, known.invoice_id, payload, lane=Lane.BULK, due_at=due_at)
