"""What one deal was told, in order: each fact becomes the writes of one group (R24)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, assert_never

from pydantic import Field

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id
from chassis.values.orders import OrderId
from services.notifier.domain import facts as f
from services.notifier.domain import writes as w

PREFIX = "deal"
CRM_WRITE = "crm-write"
CRM_CHAT = "crm-chat"

WRITES_PER_HOUR_MAX = 60
"""More would be a loop, or a robot that plays with the deal: the rest leaves later, and the admin chat is told."""
HOUR = dt.timedelta(hours=1)


class Told(Event, name="Told"):
    """A fact came; its writes are ordered as one group and leave at ``leaves_at``."""

    tenant: str
    account: str
    fact_id: str
    fact: Annotated[f.AnyFact, Field(discriminator="fact")]
    leaves_at: dt.datetime
    late: bool = False
    writes: tuple[Annotated[w.AnyWrite, Field(discriminator="write")], ...]


class Written(Event, name="Written"):
    """A write reached the CRM, or was refused for good (``refused``)."""

    fact_id: str
    index: int
    write: str
    fact_writes: tuple[str, ...]
    refused: f.Reason | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """A fact for this deal. ``fact_id`` is the id of the message that brought it."""

    tenant: str
    account: str
    fact_id: str
    fact: f.AnyFact


@dataclass(frozen=True, slots=True)
class SeeWritten:
    """What became of one write."""

    fact_id: str
    index: int
    refused: f.Reason | None = None


Command = Tell | SeeWritten
StoredEvent = Told | Written
EVENTS: tuple[type[Event], ...] = (Told, Written)
CODEC = EventCodec(EVENTS)


PENDING = "pending_review"
"""The status of an invoice that its accountant has yet to post."""


@dataclass(frozen=True, slots=True)
class State:
    """What the deal's own fields should show, and which writes are still on their way.

    ``rendered`` is the newest revision with a file, by kind; ``leaving`` are when the last writes leave or left.
    """

    stream: str
    status: str = ""
    invoices: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    overdue: Mapping[str, int] = field(default_factory=dict)
    open_cards: frozenset[str] = frozenset()
    delayed: frozenset[str] = frozenset()
    refused: bool = False
    settled: bool = False
    paid_kopecks: int = 0
    rendered: Mapping[str, int] = field(default_factory=dict)
    conflicts: frozenset[tuple[str, ...]] = frozenset()
    leaving: tuple[dt.datetime, ...] = ()
    late: bool = False
    pending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sent: Mapping[str, frozenset[int]] = field(default_factory=dict)
    order_number: str = ""

    def shown_status(self) -> str:
        """The state field (R6): what needs a person first, then the balance, then what is on its way."""
        if self.open_cards:
            return "needs_decision"
        statuses = [status for _, status in self.invoices.values()]
        live = [status for status in statuses if status != "cancelled"]
        for status in ("overpaid", "partially_paid", "issued", "paid", PENDING):
            if status in live:
                return status
        if self.refused:
            return "needs_data"
        if statuses:
            return "cancelled"
        return "sending" if self.delayed else ""

    def overdue_days(self) -> int:
        """The longest delay among the deal's invoices."""
        return max(self.overdue.values(), default=0)


def initial(stream: str) -> State:
    """A deal that was told nothing."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case Told():
            seen = see(state, event.fact)
            kinds = tuple(write.write for write in event.writes)
            pending = {**seen.pending, event.fact_id: kinds} if kinds else seen.pending
            leaving = (*seen.leaving, *(event.leaves_at for kind in kinds if kind != "chat"))[-WRITES_PER_HOUR_MAX:]
            status = seen.shown_status()
            return replace(seen, status=status, pending=pending, leaving=leaving, late=event.late)
        case Written():
            return _written(state, event)
        case _:
            assert_never(event)


def _written(state: State, event: Written) -> State:
    sent = state.sent.get(event.fact_id, frozenset()) | {event.index}
    if len(sent) < len(state.pending.get(event.fact_id, ())):
        return replace(state, sent={**state.sent, event.fact_id: sent})
    return replace(
        state,
        pending={key: value for key, value in state.pending.items() if key != event.fact_id},
        sent={key: value for key, value in state.sent.items() if key != event.fact_id},
    )


def see(state: State, fact: f.AnyFact) -> State:
    """What a fact changes in what the fields should show."""
    match fact:
        case f.InvoiceIssued():
            version, status = state.invoices.get(fact.invoice_id, (0, "issued"))
            shown = (version, "issued" if status == PENDING else status)
            return replace(state, invoices={**state.invoices, fact.invoice_id: shown}, refused=False)
        case f.InvoicePendingReview():
            pending = state.invoices.get(fact.invoice_id, (0, PENDING))
            return replace(state, invoices={**state.invoices, fact.invoice_id: pending}, refused=False)
        case f.DocumentRefused():
            return replace(state, refused=state.refused or fact.kind == "invoice")
        case f.BalanceChanged():
            invoices = {**state.invoices, fact.invoice_id: (fact.version, fact.status)}
            paid = fact.deal_paid_kopecks
            return replace(state, invoices=invoices, settled=fact.deal_settled, paid_kopecks=paid)
        case f.InvoiceCancelled():
            version = state.invoices.get(fact.invoice_id, (0, ""))[0]
            return replace(state, invoices={**state.invoices, fact.invoice_id: (version, "cancelled")})
        case f.InvoiceOverdue():
            return replace(state, overdue={**state.overdue, fact.invoice_id: fact.days})
        case f.OverdueEnded():
            return replace(state, overdue={k: v for k, v in state.overdue.items() if k != fact.invoice_id})
        case f.CardOpened():
            return replace(state, open_cards=state.open_cards | {fact.card_id})
        case f.CardTaken():
            return replace(state, open_cards=state.open_cards - {fact.card_id})
        case f.WorkDelayed():
            return replace(state, delayed=state.delayed | {fact.work_id})
        case f.WorkResumed():
            return replace(state, delayed=state.delayed - {fact.work_id})
        case f.DocumentRendered():
            newest = max(fact.revision, state.rendered.get(fact.kind, 0))
            return replace(state, rendered={**state.rendered, fact.kind: newest})
        case f.BuyerConflict():
            return replace(state, conflicts=state.conflicts | {tuple(sorted(fact.crm_ids))})
        case f.OrderPlaced():
            return replace(state, order_number=fact.number)
        case f.InvoiceReentered() | f.InvoiceRevised() | f.ActIssued() | f.PaymentReceived() | f.PaymentReversed():
            return state
        case _:
            assert_never(fact)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; a balance older than the one shown is ignored."""
    match command:
        case Tell():
            fact = command.fact
            if isinstance(fact, f.BalanceChanged):
                known = state.invoices.get(fact.invoice_id, (0, ""))[0]
                if fact.version <= known:
                    return ()
            return (_told(state, command, now),)
        case SeeWritten():
            kinds = state.pending.get(command.fact_id, ())
            if command.index >= len(kinds) or command.index in state.sent.get(command.fact_id, frozenset()):
                return ()
            kind = kinds[command.index]
            return (
                Written(
                    fact_id=command.fact_id,
                    index=command.index,
                    write=kind,
                    fact_writes=kinds,
                    refused=command.refused,
                ),
            )
        case _:
            assert_never(command)


def _told(state: State, command: Tell, now: dt.datetime) -> Told:
    writes = _writes(state, command.fact)
    leaves_at = _may_leave(state, now, len(writes))
    late = leaves_at > now
    if late and not state.late:
        writes = (*writes, w.SayInChat(text="writes_delayed", values={"deal": state.stream.partition("-")[2]}))
    return Told(
        tenant=command.tenant,
        account=command.account,
        fact_id=command.fact_id,
        fact=command.fact,
        leaves_at=leaves_at,
        late=late,
        writes=writes,
    )


def _may_leave(state: State, now: dt.datetime, count: int) -> dt.datetime:
    """The first moment when ``count`` more writes keep the deal within its hourly limit, in the order of the facts."""
    at = max([now, *state.leaving[-1:]]) if state.late else now
    over = len(state.leaving) + count - WRITES_PER_HOUR_MAX
    return max(at, state.leaving[over - 1] + HOUR) if over > 0 else at


def _writes(state: State, fact: f.AnyFact) -> tuple[w.AnyWrite, ...]:
    after = see(state, fact)
    order = OrderId.parse(state.stream.partition("-")[2])
    if order is not None:
        # There is no deal to write to: what is not for people only stands in the state.
        about = {"order_number": after.order_number or str(order.order)}
        return tuple(w.SayInChat(text=said.text, values={**said.values, **about}) for said in _notifications(fact)[:1])
    if isinstance(fact, f.BuyerConflict) and after == state:
        return ()
    fields = _fields(state, fact)
    if after.shown_status() != state.status:
        fields["invoice_status"] = after.shown_status()
    if after.overdue_days() != state.overdue_days():
        fields["overdue_days"] = after.overdue_days()
    writes: list[w.AnyWrite] = []
    if fields:
        writes.append(w.SetFields(values=fields))
    if isinstance(fact, f.DocumentRendered) and fact.revision >= state.rendered.get(fact.kind, 0):
        name = "invoice_pdf" if fact.kind == "invoice" else "act_pdf"
        writes.append(w.PutFile(field=name, blob=fact.blob, file_name=fact.file_name))
    if isinstance(fact, f.BalanceChanged) and fact.deal_settled and not state.settled:
        writes.append(w.MoveToPaid(category_id=fact.category_id))
    writes.extend(_comments(fact))
    writes.extend(_notifications(fact))
    return tuple(writes)


def _fields(state: State, fact: f.AnyFact) -> dict[str, str | int]:
    match fact:
        case f.InvoiceIssued():
            return {"invoice_number": fact.number, "invoice_date": fact.date.isoformat(), "invoice_url": fact.url}
        case f.BalanceChanged() if fact.deal_paid_kopecks or state.paid_kopecks:
            return {"paid_kopecks": fact.deal_paid_kopecks}
        case f.ActIssued():
            return {"act_number": fact.number}
        case _:
            return {}


def _comments(fact: f.AnyFact) -> Sequence[w.AddComment]:
    match fact:
        case f.DocumentRendered():
            values = {"number": fact.number, "revision": fact.revision, "form": fact.form}
            text = f"{fact.kind}_pdf"
            return (w.AddComment(text=text, values=values, blob=fact.blob, file_name=fact.file_name),)
        case f.BalanceChanged() | f.OverdueEnded() | f.WorkResumed() | f.OrderPlaced():
            return ()
        case f.InvoiceOverdue():
            return (w.AddComment(text=fact.fact, values=_values(fact)),) if fact.remind else ()
        case f.CardOpened():
            return (w.AddComment(text="card_opened", values={"kind": fact.kind, **fact.values}),)
        case _:
            return (w.AddComment(text=fact.fact, values=_values(fact)),)


_PERSONAL = frozenset({"document_refused", "payment_received", "payment_reversed", "invoice_overdue", "card_opened"})


_FOR_ACCOUNTANT = frozenset({"document_doubled", "cancel_by_hand", "goods_unknown"})
"""Questions that the responsible cannot answer alone: the admin chat hears them too."""


def _notifications(fact: f.AnyFact) -> Sequence[w.NotifyPerson | w.SayInChat]:
    if fact.fact not in _PERSONAL or (isinstance(fact, f.InvoiceOverdue) and not fact.remind):
        return ()
    values = {"kind": fact.kind, **fact.values} if isinstance(fact, f.CardOpened) else _values(fact)
    user_id = getattr(fact, "responsible_id", "")
    if not user_id:
        return (w.SayInChat(text=fact.fact, values=values),)
    person = w.NotifyPerson(user_id=user_id, text=fact.fact, tag=_tag(fact), values=values)
    if isinstance(fact, f.CardOpened) and fact.kind in _FOR_ACCOUNTANT:
        return (person, w.SayInChat(text=fact.fact, values=values))
    return (person,)


def _tag(fact: f.AnyFact) -> str:
    match fact:
        case f.InvoiceOverdue():
            about = fact.invoice_id
        case f.PaymentReceived() | f.PaymentReversed():
            about = fact.payment_id
        case f.CardOpened():
            about = fact.card_id
        case f.DocumentRefused():
            about = fact.request_id
        case _:
            about = ""
    return f"sverka|{fact.fact}|{about}"


def _values(fact: f.AnyFact) -> dict[str, Any]:
    return fact.model_dump(mode="json", exclude={"fact", "responsible_id"})


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One effect per write, all of one fact in one group, so that they travel in one batch."""
    event = recorded.event
    if not isinstance(event, Told):
        return ()
    group = f"{state.stream}:{recorded.version}"
    return tuple(
        EffectPlan(
            kind=CRM_CHAT if isinstance(write, w.SayInChat) else CRM_WRITE,
            key=(event.fact_id, str(index)),
            account=event.account,
            request={
                **write.model_dump(mode="json"),
                "deal_id": state.stream.partition("-")[2],
                "fact_id": event.fact_id,
                "index": index,
            },
            marker=marker(event.tenant, event.fact_id, index),
            group="" if isinstance(write, w.SayInChat) else group,
            due_at=event.leaves_at if event.late and not isinstance(write, w.SayInChat) else None,
        )
        for index, write in enumerate(event.writes)
    )


def marker(tenant: str, fact_id: str, index: int) -> str:
    """The visible marker of a comment, by which it is found before any repeat."""
    return f"[sv:{deterministic_id('comment', tenant, fact_id, str(index)).hex[:12]}]"
