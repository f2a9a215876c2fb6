"""What each event sets in motion: the day on which an invoice becomes overdue."""

import datetime as dt
from collections.abc import Sequence

from chassis.aggregate import Lane, Plan, Recorded, TaskPlan
from services.payments.domain import events as e
from services.payments.domain.state import State

LOOK_AT_DUE = "look-at-due"


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """The tasks of one event. The first look is early: the worker knows the tenant's zone and hours, and moves it."""
    event = recorded.event
    if not isinstance(event, e.InvoiceKnown):
        return ()
    due_at = dt.datetime.combine(event.due_date, dt.time(0, 0), dt.UTC)
    payload = {"invoice_id": event.invoice_id, "stream": state.stream, "due_date": event.due_date.isoformat()}
    return (TaskPlan(LOOK_AT_DUE, event.invoice_id, payload, lane=Lane.BULK, due_at=due_at),)
