"""What each event sets in motion: the day on which an invoice becomes overdue, and payments to be read again."""

import datetime as dt
from collections.abc import Sequence

from chassis.aggregate import Lane, Plan, Recorded, TaskPlan
from services.payments.domain import events as e
from services.payments.domain.state import State

LOOK_AT_DUE = "look-at-due"
REREAD = "reread-payments"
POLL = "poll-payments"


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """The tasks of one event. The first look at a due date is early: the worker knows the tenant's zone and moves
    it."""
    event = recorded.event
    match event:
        case e.InvoiceKnown():
            due_at = dt.datetime.combine(event.due_date, dt.time(0, 0), dt.UTC)
            payload = {"invoice_id": event.invoice_id, "due_date": event.due_date.isoformat()}
            return (TaskPlan(LOOK_AT_DUE, event.invoice_id, payload, lane=Lane.BULK, due_at=due_at),)
        case e.PaymentsNoticed():
            known = state.invoices[event.invoice_id].known
            payload = {"invoice_id": event.invoice_id, "remote_id": known.remote_id}
            return (TaskPlan(REREAD, event.invoice_id, payload, account=known.account),)
        case _:
            return ()
