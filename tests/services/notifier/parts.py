"""What one deal is told, as messages of other services bring it, and the CRM that the writes end in."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from chassis.aggregate import EffectPlan
from chassis.work.handlers import Done, Task, TaskHandler
from contracts.envelope import Envelope, Message
from contracts.messages import invoicing, operations, payments
from contracts.messages.values import Reason
from services.notifier.app import ALERTS, DEALS
from services.notifier.domain import alerts, deal
from services.notifier.handlers import route
from services.notifier.workers.delays import LookAtDelays
from services.notifier.workers.letters import LookAtLetters
from tests.services.streams import NOW, TENANT, Stream

MOSCOW = ZoneInfo("Europe/Moscow")

T = TypeVar("T")
Told = Stream[deal.State, deal.Command]
Alerts = Stream[alerts.State, alerts.Command]


def told(now: dt.datetime = NOW) -> Told:
    """Deal 15, which was told nothing yet."""
    return Stream(DEALS, "deal-15", now)


def outages(vendor: str = "elba") -> Alerts:
    """A vendor without outages."""
    return Stream(ALERTS, f"alerts-{vendor}")


def tell(
    stream: Stream[Any, Any],
    message: Message,
    message_id: str = "",
    source: str = "invoicing",
    sequence: int = 0,
    at: dt.datetime | None = None,
) -> list[Any]:
    """Routes a message and gives its command to the stream; the events that it led to."""
    message_id = message_id or f"m{len(stream.events)}-{len(stream.effects)}"
    sent = Envelope(message_id, message.NAME, 1, source, "", at or stream.now, "vektor", sequence=sequence)
    events: list[Any] = []
    for routed in route(message, sent):
        assert routed.stream == stream.name
        events += stream.ran(routed.command, message_id)
    return events


def envelope(message: Message, message_id: str) -> Envelope:
    """How a message travels."""
    return Envelope(message_id, message.NAME, 1, "payments", "", NOW, "vektor")


def lost(said: Sequence[T], taken: int, newer: int) -> list[T]:
    """What a reader gets of a topic that was lost after it took ``taken`` messages: those that are written before the
    loss is seen, then all others; what it took before it leaves alone."""
    newer = max(newer, taken)
    return [*said[:taken], *said[newer:], *said[taken:newer]]


def writes(events: list[Any]) -> list[str]:
    """The kinds of the writes that events ordered."""
    return [write.write for event in events for write in event.writes]


def in_order(stream: Told) -> Iterator[EffectPlan]:
    """The effects of a deal as the CRM gets them."""
    yield from stream.effects.values()


def shown(stream: Told) -> dict[str, Any]:
    """The deal's fields after all writes, by our names; files by their field."""
    fields: dict[str, Any] = {}
    for sent in in_order(stream):
        if sent.request["write"] == "fields":
            fields |= sent.request["values"]
        if sent.request["write"] == "file":
            fields[sent.request["field"]] = sent.request["blob"]
    return fields


def issued(invoice_id: str = "i1", **fields: Any) -> invoicing.InvoiceIssued:
    """An invoice stands in accounting."""
    given: dict[str, Any] = {
        "deal_id": "15",
        "request_id": "r1",
        "seller_id": "main",
        "account": "elba:main",
        "revision": 1,
        "number": f"B24-{invoice_id}",
        "date": dt.date(2026, 3, 12),
        "due_date": dt.date(2026, 3, 16),
        "url": "https://elba.example/1",
        "remote_id": "e1",
        "total_kopecks": 100_00,
        "vat_kopecks": 0,
        "counterparty_id": "cp",
        "buyer_kind": "company",
        "responsible_id": "7",
    }
    return invoicing.InvoiceIssued(invoice_id=invoice_id, **(given | fields))


def rejected(code: str = "inn_missing", responsible_id: str = "7") -> invoicing.InvoiceRejected:
    """Something is missing."""
    return invoicing.InvoiceRejected(
        deal_id="15", request_id="r1", reasons=(Reason(code=code),), responsible_id=responsible_id
    )


def balance(version: int, paid: int = 0, invoice_id: str = "i1", **fields: Any) -> payments.InvoiceBalanceChanged:
    """What an invoice of 100 roubles owes."""
    status = "issued" if paid == 0 else "partially_paid" if paid < 100_00 else "paid" if paid == 100_00 else "overpaid"
    given: dict[str, Any] = {
        "deal_id": "15",
        "invoice_number": f"B24-{invoice_id}",
        "total_kopecks": 100_00,
        "paid_kopecks": paid,
        "rest_kopecks": max(0, 100_00 - paid),
        "status": status,
        "deal_paid_kopecks": paid,
        "deal_settled": paid >= 100_00,
        "category_id": "0",
    }
    return payments.InvoiceBalanceChanged(invoice_id=invoice_id, version=version, **(given | fields))


def received(kopecks: int = 100_00, payment_id: str = "p1") -> payments.PaymentReceived:
    """Money came."""
    return payments.PaymentReceived(
        payment_id=payment_id,
        deal_id="15",
        invoice_id="i1",
        invoice_number="B24-i1",
        amount_kopecks=kopecks,
        date=dt.date(2026, 3, 14),
        responsible_id="7",
    )


def overdue(days: int, *, remind: bool = False, invoice_id: str = "i1") -> payments.InvoiceOverdue:
    """An unpaid invoice is past its due date."""
    return payments.InvoiceOverdue(
        deal_id="15",
        invoice_id=invoice_id,
        invoice_number=f"B24-{invoice_id}",
        due_date=dt.date(2026, 3, 16),
        days_overdue=days,
        rest_kopecks=100_00,
        remind=remind,
        responsible_id="7",
    )


def rendered(revision: int = 1, kind: str = "invoice", blob: str = "blob-1") -> invoicing.DocumentRendered:
    """A PDF lies in the blobs."""
    return invoicing.DocumentRendered.model_validate(
        {
            "deal_id": "15",
            "document_id": f"d{revision}",
            "kind": kind,
            "number": "B24-15",
            "blob": blob,
            "size_bytes": 60_000,
            "file_name": "Счёт B24-15.pdf",
            "revision": revision,
        }
    )


def asked(card_id: str = "c1", kind: str = "overpaid", **fields: Any) -> operations.DecisionNeeded:
    """A decision is needed."""
    values = {"number": "B24-15", "deal": "15", "total_kopecks": 100_00, "paid_kopecks": 130_00}
    given: dict[str, Any] = {
        "choices": ("refund_planned", "keep_as_advance"),
        "values": values,
        "deal_id": "15",
        "responsible_id": "7",
    }
    return operations.DecisionNeeded(card_id=card_id, kind=kind, **(given | fields))


def decided(card_id: str = "c1", choice: str = "keep_as_advance", by: str = "Анна") -> operations.DecisionTaken:
    """A decision was taken."""
    return operations.DecisionTaken(card_id=card_id, kind="overpaid", choice=choice, by=by, deal_id="15")


def delayed(work_id: str = "w1") -> operations.WorkDelayed:
    """Work on the deal waits for a vendor."""
    return operations.WorkDelayed(
        work_id=work_id,
        kind="create-invoice",
        vendor="elba",
        account="elba:main",
        reason=Reason(code="vendor_fault"),
        since=NOW,
        deal_id="15",
    )


def waits(
    work_id: str = "w1",
    kind: str = "poll-payments",
    account: str = "elba:main",
    vendor: str = "elba",
    since: dt.datetime = NOW,
) -> operations.WorkDelayed:
    """Work that belongs to no deal waits."""
    reason = Reason(code="answer_not_understood")
    return operations.WorkDelayed(
        work_id=work_id, kind=kind, vendor=vendor, account=account, reason=reason, since=since
    )


def waited(work_id: str = "w1") -> operations.WorkResumed:
    """Such work went through."""
    return operations.WorkResumed(work_id=work_id, kind="poll-payments", vendor="elba", account="elba:main")


def look_at_delays(stream: Alerts) -> None:
    """Runs the looks that are due, of delays and of dead letters, each once, as their handlers do."""
    looks: dict[str, TaskHandler] = {look.kind: look for look in (LookAtDelays(), LookAtLetters())}
    for key, plan in [*stream.tasks.items()]:
        if plan.kind not in looks or plan.due_at is None or plan.due_at > stream.now:
            continue
        del stream.tasks[key]
        task = Task(TENANT, plan.key, plan.kind, plan.key, plan.payload, stream.name, "", 1, None, stream.now)
        done = asyncio.run(looks[plan.kind].run(task))
        assert isinstance(done, Done)
        for one in done.commands:
            assert one.stream == stream.name
            stream.ran(one.body, one.command_id)


def letters_began(key: str = "15", since: dt.datetime = NOW, topic: str = "deals") -> operations.DeadLettersBegan:
    """A key waits behind a dead letter."""
    return operations.DeadLettersBegan(topic=topic, key=key, since=since)


def letters_ended(key: str = "15", since: dt.datetime = NOW, topic: str = "deals") -> operations.DeadLettersEnded:
    """It waits no more."""
    return operations.DeadLettersEnded(topic=topic, key=key, since=since, ended_at=since)


def resumed(work_id: str = "w1") -> operations.WorkResumed:
    """Delayed work went through."""
    return operations.WorkResumed(
        work_id=work_id, kind="create-invoice", vendor="elba", account="elba:main", deal_id="15"
    )
