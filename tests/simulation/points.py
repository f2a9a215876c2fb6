"""Which paths a run went, counted: a campaign that never went one of them has proven nothing about it."""

from collections import Counter

from chassis.cards import TABLE
from chassis.work.machine import State
from chassis.work.operations import AccountCameBack, WorkWentOn
from services.payments.domain import events as money
from tests.simulation.vendor import Fate
from tests.simulation.world import World

EVENTS = (
    money.PaymentCounted,
    money.PaymentCorrected,
    money.PaymentRenamed,
    money.PaymentRevoked,
    money.OverdueSeen,
    money.OverdueEnded,
    AccountCameBack,
    WorkWentOn,
)


def reached(world: World) -> Counter[str]:
    """How often each path was gone."""
    points: Counter[str] = Counter()
    for vendor in (world.accounting, world.crm):
        points.update(f"{vendor.name} {line.operation} {line.fate.value}" for line in vendor.ledger)
    for service in world.services.values():
        points.update(f"card {row['kind']}" for row in service.memory.table(TABLE).values())
        points[f"{service.name} outcome unheard"] += len(service.desk.unheard)
        for entry in service.desk.entries.values():
            if entry.is_effect and entry.effect.sends > 1:
                points[f"{entry.kind} sent again"] += 1
            if entry.is_effect and entry.effect.state is State.HUMAN:
                points[f"{entry.kind} before a person"] += 1
        for stream in service.memory.streams.values():
            points.update(f"event {event.NAME}" for event in stream.events if isinstance(event, EVENTS))
    points.update(f"bus {what}" for what in world.bus.mishaps.elements())
    return points


MUST_BE_REACHED = frozenset(
    {
        *(f"elba create_invoice {fate.value}" for fate in Fate),
        *(f"elba create_counterparty {fate.value}" for fate in Fate),
        *(f"elba create_act {fate.value}" for fate in Fate if fate is not Fate.REFUSED),
        *(f"bitrix24 write {fate.value}" for fate in Fate if fate not in (Fate.REFUSED, Fate.LATE)),
        *(f"event {event.NAME}" for event in EVENTS),
        "bus died before a commit",
        "bus died before an acknowledgement",
        "bus rewound",
        "bus sent twice",
        "bus held",
        "bus lost a log",
        *(f"{name} outcome unheard" for name in ("ingest", "counterparty", "invoicing", "payments", "notifier")),
        "card branch_unknown",
        "card content_changed",
        "card counterparty_double",
        "card document_uncertain",
        "card overpaid",
        "card payment_vanished",
        "card refunded_after_paid",
        "create-act before a person",
        "create-invoice sent again",
    }
)
"""Paths that some hundred seeds together must have gone."""
