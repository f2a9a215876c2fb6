"""What one deal was told, in order: each fact becomes the writes of one group (R24)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, assert_never

from pydantic import Field

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded
from chassis.domain import Event, Refused, replace
from chassis.values.orders import OrderId
from services.notifier.domain import facts as f
from services.notifier.domain import shown, spoken
from services.notifier.domain import writes as w

PREFIX = "deal"
CRM_WRITE = "crm-write"
CRM_CHAT = "crm-chat"

WRITES_PER_HOUR_MAX = 60
"""More would be a loop, or a robot that plays with the deal: the rest leaves later, and the admin chat is told."""
HOUR = dt.timedelta(hours=1)


class Told(Event, name="Told"):
    """A fact came; its writes are ordered as one group and leave at ``leaves_at``. ``sequence`` is its place among
    those of its kind, 0 where that is not known."""

    tenant: str
    account: str
    fact_id: str
    fact: Annotated[f.AnyFact, Field(discriminator="fact")]
    leaves_at: dt.datetime
    late: bool = False
    sequence: int = 0
    writes: tuple[Annotated[w.AnyWrite, Field(discriminator="write")], ...]


class Written(Event, name="Written"):
    """A write reached the CRM, or was refused for good (``refused``). ``complained``: the account whose admin chat is
    told of it, "" where the deal told of such a refusal before. ``unheard``: what the responsible could not be told.
    ``of``: the fields that were refused, by our names."""

    fact_id: str
    index: int
    write: str
    fact_writes: tuple[str, ...]
    refused: f.Reason | None = None
    complained: str = ""
    unheard: w.NotifyPerson | None = None
    of: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """A fact for this deal. ``fact_id`` is the id of the message that brought it, ``sequence`` its place in what its
    source says of the deal: a topic that was lost and is sent again brings older messages after newer ones."""

    tenant: str
    account: str
    fact_id: str
    fact: f.AnyFact
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeeWritten:
    """What became of one write; of a refused one, ``account`` is where it was refused, and ``unheard`` a notification
    whose addressee cannot be told, ``of`` the fields that it is of."""

    fact_id: str
    index: int
    refused: f.Reason | None = None
    account: str = ""
    unheard: w.NotifyPerson | None = None
    of: tuple[str, ...] = ()


Command = Tell | SeeWritten
StoredEvent = Told | Written
EVENTS: tuple[type[Event], ...] = (Told, Written)
CODEC = EventCodec(EVENTS)


EARLY_MAX = 100
"""So many endings wait for what they end; of more, which no order of messages explains, the oldest are forgotten."""


@dataclass(frozen=True)
class State:
    """What the deal's own fields should show, and which writes are still on their way.

    ``rendered`` is the newest revision with a file, by kind; ``leaving`` are when the last writes leave or left.
    ``early`` are cards taken and work resumed before it was told that they are open and delayed; ``newest`` is the
    place of the newest of facts that replace each other; ``complaints`` are the refusals that the admin chat heard of;
    ``papers`` are the deal's invoices.
    """

    stream: str
    status: str = ""
    invoices: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    overdue: Mapping[str, int] = field(default_factory=dict)
    open_cards: frozenset[str] = frozenset()
    delayed: tuple[str, ...] = ()
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
    early: tuple[str, ...] = ()
    newest: Mapping[str, int] = field(default_factory=dict)
    complaints: frozenset[spoken.Complaint] = frozenset()
    papers: shown.Papers = field(default_factory=dict)

    def shown_status(self) -> str:
        """The state field (R6)."""
        statuses = [status for _, status in self.invoices.values()]
        return shown.status_of(statuses, asked=bool(self.open_cards), refused=self.refused, late=bool(self.delayed))

    def overdue_days(self) -> int:
        """The longest delay among the deal's invoices."""
        return max(self.overdue.values(), default=0)

    def balance(self) -> int:
        """The version of the newest balance of the deal, whichever invoice it is of."""
        return max((version for version, _ in self.invoices.values()), default=0)

    def is_late(self, place: str, sequence: int) -> bool:
        """Whether a fact comes after a newer one that replaces it."""
        return 0 < sequence < self.newest.get(place, 0)


def initial(stream: str) -> State:
    """A deal that was told nothing."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case Told():
            seen = see(state, event.fact, event.sequence)
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
    if event.complained and event.refused is not None and event.unheard is None:
        about = spoken.complaints(event.write, event.of or (), event.refused)
        state = replace(state, complaints=state.complaints | about)
    sent = state.sent.get(event.fact_id, frozenset()) | {event.index}
    if len(sent) < len(state.pending.get(event.fact_id, ())):
        return replace(state, sent={**state.sent, event.fact_id: sent})
    return replace(
        state,
        pending={key: value for key, value in state.pending.items() if key != event.fact_id},
        sent={key: value for key, value in state.sent.items() if key != event.fact_id},
    )


def see(state: State, fact: f.AnyFact, sequence: int) -> State:
    """What a fact changes in what the fields should show; whatever order facts come in, the newest stands."""
    seen = replace(_seen(state, fact, sequence), papers=shown.seen(state.papers, fact, sequence))
    newest = {place: sequence for place in f.places(fact) if sequence > state.newest.get(place, 0)}
    return replace(seen, newest={**state.newest, **newest}) if newest else seen


def _seen(state: State, fact: f.AnyFact, sequence: int) -> State:
    late = any(state.is_late(place, sequence) for place in f.places(fact)[:1])
    match fact:
        case f.InvoiceIssued():
            version, status = state.invoices.get(fact.invoice_id, (0, "issued"))
            stands = (version, "issued" if status == shown.PENDING else status)
            refused = state.refused and late
            return replace(state, invoices={**state.invoices, fact.invoice_id: stands}, refused=refused)
        case f.InvoicePendingReview():
            pending = state.invoices.get(fact.invoice_id, (0, shown.PENDING))
            refused = state.refused and late
            return replace(state, invoices={**state.invoices, fact.invoice_id: pending}, refused=refused)
        case f.DocumentRefused():
            return replace(state, refused=state.refused or (fact.kind == "invoice" and not late))
        case f.BalanceChanged():
            invoices = {**state.invoices, fact.invoice_id: (fact.version, fact.status)}
            if fact.version < state.balance():
                return replace(state, invoices=invoices)
            paid = fact.deal_paid_kopecks
            return replace(state, invoices=invoices, settled=fact.deal_settled, paid_kopecks=paid)
        case f.InvoiceCancelled():
            version = state.invoices.get(fact.invoice_id, (0, ""))[0]
            return replace(state, invoices={**state.invoices, fact.invoice_id: (version, "cancelled")})
        case f.InvoiceOverdue() | f.OverdueEnded() if late:
            return state
        case f.InvoiceOverdue():
            return replace(state, overdue={**state.overdue, fact.invoice_id: fact.days})
        case f.OverdueEnded():
            return replace(state, overdue={k: v for k, v in state.overdue.items() if k != fact.invoice_id})
        case f.CardOpened():
            if fact.card_id in state.early:
                return replace(state, early=_without(state.early, fact.card_id))
            return replace(state, open_cards=state.open_cards | {fact.card_id})
        case f.CardTaken():
            if fact.card_id not in state.open_cards:
                return replace(state, early=(*state.early, fact.card_id)[-EARLY_MAX:])
            return replace(state, open_cards=state.open_cards - {fact.card_id})
        case f.WorkDelayed():
            if fact.work_id in state.early:
                return replace(state, early=_without(state.early, fact.work_id))
            return replace(state, delayed=(*state.delayed, fact.work_id))
        case f.WorkResumed():
            if fact.work_id not in state.delayed:
                return replace(state, early=(*state.early, fact.work_id)[-EARLY_MAX:])
            return replace(state, delayed=_without(state.delayed, fact.work_id))
        case f.DocumentRendered() if fact.draft:
            return state
        case f.DocumentRendered():
            newest = max(fact.revision, state.rendered.get(fact.kind, 0))
            return replace(state, rendered={**state.rendered, fact.kind: newest})
        case f.BuyerConflict():
            return replace(state, conflicts=state.conflicts | {tuple(sorted(fact.crm_ids))})
        case f.OrderPlaced():
            return replace(state, order_number=fact.number)
        case f.InvoiceReentered() | f.InvoiceRevised() | f.ActIssued() | f.PaymentReceived() | f.PaymentReversed():
            return state
        case f.EdiMoved() | f.EdiSigned():
            return state
        case _:
            assert_never(fact)


def _without(several: tuple[str, ...], one: str) -> tuple[str, ...]:
    """Once less: work may be delayed twice before it is told that it went on in between."""
    place = several.index(one)
    return several[:place] + several[place + 1 :]


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
            kind, refused = kinds[command.index], command.refused
            about = spoken.complaints(kind, command.of, refused)
            known = spoken.is_known(about, refused, state.complaints)
            left = command.unheard is not None  # each notification is told to somebody
            return (
                Written(
                    fact_id=command.fact_id,
                    index=command.index,
                    write=kind,
                    fact_writes=kinds,
                    refused=refused,
                    complained=command.account if (left or not known) and spoken.is_sayable(kind, refused) else "",
                    unheard=command.unheard,
                    of=command.of or None,
                ),
            )
        case _:
            assert_never(command)


def _told(state: State, command: Tell, now: dt.datetime) -> Told:
    writes = _writes(state, command.fact, command.sequence)
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
        sequence=command.sequence,
        writes=writes,
    )


def _may_leave(state: State, now: dt.datetime, count: int) -> dt.datetime:
    """The first moment when ``count`` more writes keep the deal within its hourly limit, in the order of the facts."""
    at = max([now, *state.leaving[-1:]]) if state.late else now
    over = len(state.leaving) + count - WRITES_PER_HOUR_MAX
    return max(at, state.leaving[over - 1] + HOUR) if over > 0 else at


def _writes(state: State, fact: f.AnyFact, sequence: int) -> tuple[w.AnyWrite, ...]:
    after = see(state, fact, sequence)
    told = () if _is_over(state, fact, sequence) else spoken.notifications(fact)
    order = OrderId.parse(state.stream.partition("-")[2])
    if order is not None:
        # There is no deal to write to: what is not for people only stands in the state.
        about = {"shop_order": after.order_number or str(order.order)}
        return tuple(w.SayInChat(text=said.text, values={**said.values, **about}) for said in told[:1])
    if isinstance(fact, f.BuyerConflict) and after == state:
        return ()
    fields = _fields(state, fact, sequence)
    if after.shown_status() != state.status:
        fields["invoice_status"] = after.shown_status()
    if after.overdue_days() != state.overdue_days():
        fields["overdue_days"] = after.overdue_days()
    writes: list[w.AnyWrite] = []
    back, files = shown.comes_back(state.papers, after.papers)
    if fields or back:
        writes.append(w.SetFields(values={**fields, **back}))
    writes.extend(files)
    if isinstance(fact, f.DocumentRendered) and _is_shown(state, fact):
        name = shown.FILE if fact.kind == "invoice" else "act_pdf"
        writes.append(w.PutFile(field=name, blob=fact.blob, file_name=fact.file_name))
    if isinstance(fact, f.BalanceChanged) and after.settled and not state.settled:
        writes.append(w.MoveToPaid(category_id=fact.category_id))
    writes.extend(spoken.comments(fact))
    writes.extend(told)
    return tuple(writes)


def _is_shown(state: State, fact: f.DocumentRendered) -> bool:
    """Whether the field gets a file, the newest revision's: never that of a draft, nor while invoices stand, whose own
    file is there."""
    if fact.draft or (fact.kind == "invoice" and shown.standing(state.papers)):
        return False
    return fact.revision >= state.rendered.get(fact.kind, 0)


def _is_over(state: State, fact: f.AnyFact, sequence: int) -> bool:
    """Whether a fact is history when it comes: nobody is asked or called by what ended before."""
    match fact:
        case f.CardOpened():
            return fact.card_id in state.early
        case f.DocumentRefused():
            return state.is_late(fact.kind, sequence)
        case f.InvoiceOverdue():
            return fact.invoice_id not in see(state, fact, sequence).overdue
        case _:
            return False


def _fields(state: State, fact: f.AnyFact, sequence: int) -> dict[str, str | int]:
    match fact:
        case f.InvoiceIssued() if shown.is_over(state.papers, fact.invoice_id):
            return {}
        case f.InvoiceIssued() if not state.is_late("invoice number", sequence):
            return {"invoice_number": fact.number, "invoice_date": fact.date.isoformat(), "invoice_url": fact.url}
        case f.BalanceChanged() if fact.version < state.balance():
            return {}
        case f.BalanceChanged() if fact.deal_paid_kopecks or state.paid_kopecks:
            return {"paid_kopecks": fact.deal_paid_kopecks}
        case f.ActIssued() if not state.is_late("act number", sequence):
            return {"act_number": fact.number}
        case _:
            return {}


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One effect per write, all of one fact in one group, so that they travel in one batch; and one for a refusal that
    the admin chat is told of, since who reads the deal cannot mend it, or that leaves a notification to others."""
    event = recorded.event
    if isinstance(event, Written) and event.complained and event.refused is not None:
        deal_id = state.stream.partition("-")[2]
        said = spoken.instead(deal_id, event.unheard) or spoken.complaint(deal_id, event.write, event.refused)
        request = {**said, "fact_id": event.fact_id, "index": event.index}
        key = (event.fact_id, str(event.index), "refused")
        return (EffectPlan(kind=CRM_CHAT, key=key, account=event.complained, request=request),)
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
            marker=w.marker(event.tenant, event.fact_id, index),
            group="" if isinstance(write, w.SayInChat) else group,
            due_at=event.leaves_at if event.late and not isinstance(write, w.SayInChat) else None,
        )
        for index, write in enumerate(event.writes)
    )
