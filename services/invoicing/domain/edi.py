"""A deal's acts on their way through an operator of electronic documents: prepared by us, signed there by people."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never

from chassis.aggregate import EventCodec
from chassis.cards import CardOpened, Cards, CardTaken, TakeCard
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id
from services.invoicing.domain import edi_commands as c
from services.invoicing.domain import edi_events as e
from services.invoicing.domain.edi_events import EdiOrder, EdiTitle, Obstacle

PREFIX = "edi"
CODEC = EventCodec(e.EVENTS)

Phase = Literal["preparing", "blocked", "inviting", "invited", "posting", "doubtful", "following", "given_up"]

WITHDRAWN = "withdrawn"
AWAITING_OWN = "awaiting_own_signature"
SIGNED = "signed"
WAITING = frozenset({AWAITING_OWN, "sending", "roaming", "awaiting_counterparty", "partially_signed"})
"""States in which somebody has yet to do something."""
AGAIN = ("look_again", "give_up")
CARDS: dict[str, tuple[str, ...]] = {
    "edi_no_box": AGAIN,
    "edi_other_operator": AGAIN,
    "edi_not_acquainted": ("invite", *AGAIN),
    "edi_partner_refuses": AGAIN,
    "edi_title_refused": AGAIN,
    "edi_not_posted": AGAIN,
    "edi_uncertain": ("resend", "give_up"),
    "edi_waits_long": ("wait", "give_up"),
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One act on its way; ``attempt`` counts posts that the operator may have seen as different ones. ``key_attempt``
    is the one whose key what a person has sent once more has, 0 for its own: to the operator it is the same call."""

    order: EdiOrder
    phase: Phase = "preparing"
    box_id: str = ""
    title: EdiTitle | None = None
    invites: int = 0
    attempt: int = 0
    key_attempt: int = 0
    message_id: str = ""
    entity_id: str = ""
    status: str = ""
    reason: str = ""
    archive: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All acts of a deal that are exchanged, by document, and the questions about them."""

    stream: str
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)


def stream_of(deal_id: str) -> str:
    """The stream of a deal's exchanges."""
    return f"{PREFIX}-{deal_id}"


def initial(stream: str) -> State:
    """A deal of which nothing is exchanged."""
    return State(stream)


def evolve(state: State, event: e.StoredEvent) -> State:
    """The state after one event."""
    match event:
        case e.EdiBegun():
            begun = Exchange(event.order)
            return replace(state, exchanges={**state.exchanges, event.order.document_id: begun})
        case e.EdiRetried():
            return _change(state, event.document_id, phase="preparing")
        case e.EdiBlocked():
            return _change(state, event.document_id, phase="blocked", box_id=event.box_id)
        case e.EdiInviting():
            return _change(state, event.document_id, phase="inviting", box_id=event.box_id, invites=event.invites)
        case e.EdiInvited():
            return _change(state, event.document_id, phase="invited", box_id=event.box_id)
        case e.EdiPrepared():
            before = state.exchanges[event.document_id]
            key_attempt = (before.key_attempt or before.attempt) if before.phase == "doubtful" else 0
            fields = {"box_id": event.box_id, "title": event.title, "attempt": event.attempt}
            fields |= {"key_attempt": key_attempt}
            return _change(state, event.document_id, phase="posting", **fields)
        case e.EdiDoubted():
            return _change(state, event.document_id, phase="doubtful")
        case e.EdiPosted():
            fields = {"message_id": event.message_id, "entity_id": event.entity_id, "status": AWAITING_OWN}
            return _change(state, event.document_id, phase="following", **fields)
        case e.EdiMoved():
            return _change(state, event.document_id, status=event.status, reason=event.reason)
        case e.EdiFiled():
            return _change(state, event.document_id, archive=event.archive)
        case e.EdiGivenUp():
            return _change(state, event.document_id, phase="given_up")
        case e.EdiNewsHeard():
            return state
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def _change(state: State, document_id: str, **fields: Any) -> State:
    changed = replace(state.exchanges[document_id], **fields)
    return replace(state, exchanges={**state.exchanges, document_id: changed})


def decide(state: State, command: c.Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; an answer that comes when nobody waits for it changes nothing."""
    made = _Decision(state, now)
    if isinstance(command, TakeCard):
        refused = made.take_card(command)
        if refused is not None:
            return refused
    elif isinstance(command, c.BeginEdi):
        if command.order.document_id not in state.exchanges:
            made.say(e.EdiBegun(order=command.order))
    elif isinstance(command, c.HearNews):
        for document_id, one in state.exchanges.items():
            if one.message_id == command.message_id and one.phase == "following":
                made.say(e.EdiNewsHeard(document_id=document_id))
    elif (exchange := state.exchanges.get(command.document_id)) is not None:
        made.hear(exchange, command)
    made.withdraw_settled_cards()
    return made.events


class _Decision:
    """The events of one command as they come about, with the state that follows each."""

    def __init__(self, state: State, now: dt.datetime) -> None:
        self.state = state
        self.now = now
        self.events: list[Event] = []

    def say(self, event: e.StoredEvent) -> None:
        self.events.append(event)
        self.state = evolve(self.state, event)

    def hear(
        self,
        exchange: Exchange,
        command: c.SeePrepared
        | c.SeeUnprepared
        | c.SeeInvitation
        | c.SeePartner
        | c.SeePosted
        | c.RefusePost
        | c.SeeStatus
        | c.SeeFiles
        | c.MeetEdiDeadline,
    ) -> None:
        """What one act comes to."""
        document_id = exchange.order.document_id
        match command:
            case c.SeePrepared() if exchange.phase == "preparing":
                self._post(exchange, command.box_id, command.title)
            case c.SeeUnprepared() if exchange.phase == "preparing":
                self._block(exchange, command.obstacle, command.box_id)
            case c.SeeInvitation():
                self._invitation(exchange, command)
            case c.SeePartner() if exchange.phase == "invited":
                if command.obstacle is None:
                    self.say(e.EdiRetried(document_id=document_id))
                else:
                    self._block(exchange, command.obstacle, exchange.box_id)
            case c.SeePosted() if exchange.phase in ("posting", "doubtful") and exchange.attempt == command.attempt:
                self.say(
                    e.EdiPosted(document_id=document_id, message_id=command.message_id, entity_id=command.entity_id)
                )
            case c.RefusePost() if exchange.phase == "posting" and exchange.attempt == command.attempt:
                if command.doubtful:
                    self.say(e.EdiDoubted(document_id=document_id))
                    self._ask("edi_uncertain", exchange, marker=exchange.order.marker)
                else:
                    text = str(command.reason.values.get("text") or "")
                    self._block(exchange, Obstacle(question="edi_not_posted", text=text), exchange.box_id)
            case c.SeeStatus() if exchange.phase == "following":
                if (command.status, command.reason) != (exchange.status, exchange.reason):
                    self.say(e.EdiMoved(document_id=document_id, status=command.status, reason=command.reason))
            case c.SeeFiles() if command.archive != exchange.archive:
                self.say(
                    e.EdiFiled(
                        document_id=document_id,
                        archive=command.archive,
                        archive_bytes=command.archive_bytes,
                        print_form=command.print_form,
                        print_bytes=command.print_bytes,
                    )
                )
            case c.MeetEdiDeadline() if exchange.phase == "following" and exchange.status == command.status:
                self._ask("edi_waits_long", exchange, status=command.status)
            case _:
                return

    def _post(self, exchange: Exchange, box_id: str, title: EdiTitle) -> None:
        order, attempt = exchange.order, exchange.attempt + 1
        self.say(e.EdiPrepared(document_id=order.document_id, box_id=box_id, title=title, attempt=attempt))

    def _block(self, exchange: Exchange, obstacle: Obstacle, box_id: str) -> None:
        self.say(e.EdiBlocked(document_id=exchange.order.document_id, obstacle=obstacle, box_id=box_id))
        self._ask(obstacle.question, exchange, text=obstacle.text)

    def _invitation(self, exchange: Exchange, command: c.SeeInvitation) -> None:
        asked = exchange.phase == "inviting" and exchange.invites == command.invites
        if not asked and exchange.phase != "preparing":
            return
        if command.refused is not None:
            text = str(command.refused.values.get("text") or "")
            self._block(exchange, Obstacle(question="edi_partner_refuses", text=text), command.box_id)
            return
        self.say(e.EdiInvited(document_id=exchange.order.document_id, box_id=command.box_id, task=command.task))

    def _ask(self, kind: str, exchange: Exchange, **values: str | int) -> None:
        order = exchange.order
        if self.state.cards.open_of(kind, order.document_id) is not None:
            return
        place = str(len(self.state.cards.by_id))
        self.say(
            CardOpened(
                card_id=str(deterministic_id("card", order.tenant, order.document_id, kind, place)),
                kind=kind,
                choices=CARDS[kind],
                subject=order.document_id,
                opened_at=self.now,
                values={"number": order.number, "buyer": order.buyer, "inn": order.inn, **values},
                deal_id=order.deal_id,
                responsible_id=order.responsible_id,
            )
        )

    def take_card(self, command: TakeCard) -> Refused | None:
        """A person's answer, and what follows of it."""
        taken = self.state.cards.take(command, self.now)
        if isinstance(taken, Refused):
            return taken
        self.say(taken)
        exchange = self.state.exchanges[taken.subject]
        match command.choice:
            case "look_again" if exchange.phase == "blocked":
                self.say(e.EdiRetried(document_id=taken.subject))
            case "invite" if exchange.phase == "blocked":
                invites = exchange.invites + 1
                self.say(e.EdiInviting(document_id=taken.subject, box_id=exchange.box_id, invites=invites))
            case "resend" if exchange.phase == "doubtful" and exchange.title is not None:
                self._post(exchange, exchange.box_id, exchange.title)
            case "give_up":
                self.say(e.EdiGivenUp(document_id=taken.subject, by=command.by))
            case _:
                return None
        return None

    def withdraw_settled_cards(self) -> None:
        """Nobody is asked what has been answered by what happened since."""
        for card in tuple(self.state.cards.by_id.values()):
            if card.taken is None and not _stands(card.opened, self.state.exchanges[card.opened.subject]):
                opened = card.opened
                self.say(
                    CardTaken(
                        card_id=opened.card_id,
                        kind=opened.kind,
                        subject=opened.subject,
                        choice=WITHDRAWN,
                        by="",
                        taken_at=self.now,
                        deal_id=opened.deal_id,
                    )
                )


def _stands(opened: CardOpened, exchange: Exchange) -> bool:
    match opened.kind:
        case "edi_uncertain":
            return exchange.phase == "doubtful"
        case "edi_waits_long":
            return exchange.phase == "following" and exchange.status == opened.values["status"]
        case _:
            return exchange.phase == "blocked"
