"""The questions that a deal's documents put before a person, and how long each of them stands."""

import datetime as dt

from chassis.cards import CardOpened, CardTaken
from chassis.domain import Event
from chassis.ids import deterministic_id
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.state import DOUBLED, GOODS_UNKNOWN, OVER, STANDING, Document, State, evolve
from services.invoicing.domain.values import Draft, Reason

NAMED_LENGTH_MAX = 100
REVIEW_LATE = "review_late"
"""The question about a draft that its accountant has not posted for long."""
WITHDRAWN = "withdrawn"
"""The choice of a question that nobody took: it is settled by what happened since."""

CARDS: dict[str, tuple[str, ...]] = {
    "document_uncertain": ("found", "resend", "give_up"),
    "document_differs": ("accept", "give_up"),
    "content_changed": ("keep", "replace"),
    "order_cancelled": ("keep", "cancel"),
    "deal_lost": ("keep", "cancel"),
    "vat_rate_not_in_force": ("issue", "wait"),
    GOODS_UNKNOWN: ("try_again", "give_up"),
    "buyer_late": ("wait", "give_up"),
    REVIEW_LATE: ("wait", "cancel"),
    "cancel_refused": ("cancelled_by_hand", "understood"),
    "cancel_by_hand": ("done", "keep"),
    "pdf_refused": ("fetch_again", "understood"),
    DOUBLED: ("cleared", "keep_both"),
}


def stands(opened: CardOpened, state: State) -> bool:
    """Whether an open question still matters in this state."""
    document = state.documents[opened.subject]
    match opened.kind:
        case "document_uncertain":
            return document.phase == "doubtful" and document.issued is None
        case "document_differs":
            return document.phase == "doubtful" and document.issued is not None
        case "content_changed":
            changed = document.changed_deal
            return document.phase == "made" and changed is not None and changed.content_hash == opened.values["content"]
        case "order_cancelled":
            return document.phase == "made" and state.gone
        case "deal_lost":
            return document.phase in STANDING and state.lost and not state.is_settled(document.document_id)
        case "vat_rate_not_in_force":
            codes = {reason.code for reason in document.reasons}
            return document.phase == "blocked" and codes == {"vat_rate_not_in_force"}
        case "goods_unknown":
            codes = {reason.code for reason in document.reasons}
            return document.phase == "blocked" and codes == {GOODS_UNKNOWN}
        case "buyer_late":
            return document.phase == "waiting" and not state.stopped
        case "review_late":
            return document.phase == "review"
        case "cancel_refused" | "cancel_by_hand":
            return document.phase in STANDING
        case "pdf_refused":
            return document.phase not in OVER and not document.blob
        case _:
            return True


class Asking:
    """The events of one command as they come about, with the state that follows each, and the questions among them."""

    def __init__(self, state: State, now: dt.datetime) -> None:
        self.state = state
        self.now = now
        self.events: list[Event] = []

    def say(self, event: e.StoredEvent) -> None:
        """Adds an event."""
        self.events.append(event)
        self.state = evolve(self.state, event)

    def open_card(self, kind: str, document: Document, **values: str | int) -> None:
        """Asks, unless the same question is open."""
        if self.state.cards.open_of(kind, document.document_id) is not None:
            return
        number = str(len(self.state.cards.by_id))
        self.say(
            CardOpened(
                card_id=str(deterministic_id("card", document.tenant, document.document_id, kind, number)),
                kind=kind,
                choices=CARDS[kind],
                subject=document.document_id,
                opened_at=self.now,
                values={"document": document.kind, "deal": document.deal.deal_id, **values},
                deal_id=document.deal.deal_id,
                responsible_id=document.deal.responsible_id,
            )
        )

    def withdraw_settled_cards(self) -> None:
        """Nobody is asked what has been answered by what happened since."""
        for card in tuple(self.state.cards.by_id.values()):
            if card.taken is None and not stands(card.opened, self.state):
                self.say(
                    CardTaken(
                        card_id=card.opened.card_id,
                        kind=card.opened.kind,
                        subject=card.opened.subject,
                        choice=WITHDRAWN,
                        by="",
                        taken_at=self.now,
                        deal_id=card.opened.deal_id,
                    )
                )

    def lose_answer(self, document: Document) -> None:
        """Remembers, once an attempt, that a call may still come into effect."""
        if document.lost_attempt != document.attempt:
            self.say(e.AnswerLost(document_id=document.document_id, attempt=document.attempt))

    def ask_whether_sent(
        self, document: Document, sent: Draft, sent_at: dt.datetime | None = None, why: Reason | None = None
    ) -> None:
        """Asks whether a document exists of which nobody can tell; ``why`` the one that a person named is not it."""
        told = {} if why is None else {"why": why.code, "named": str(why.values.get("number", ""))[:NAMED_LENGTH_MAX]}
        if why is not None and "deal" in why.values:
            told["other_deal"] = str(why.values["deal"])
        self.open_card(
            "document_uncertain",
            document,
            number=sent.number,
            date=sent.date.isoformat(),
            total_kopecks=sent.total_kopecks,
            marker=sent.marker,
            sent_at=sent_at.isoformat() if sent_at else "",
            **told,
        )

    def ask_about_cancelled_order(self, *document_ids: str) -> None:
        """A shop's order is cancelled while its invoice stands: a person says what becomes of it (R14)."""
        for document in [self.state.documents[one] for one in document_ids] if self.state.gone else ():
            if (
                document.kind == "invoice"
                and document.phase == "made"
                and document.issued
                and document.deal.order_number
            ):
                self.open_card(
                    "order_cancelled",
                    document,
                    number=document.issued.number,
                    order=document.deal.order_number,
                    total_kopecks=document.issued.total_kopecks,
                )

    def ask_about_lost_deal(self, *document_ids: str) -> None:
        """A deal went to a lost stage while its invoice stands unpaid: a person says what becomes of it (R14)."""
        for document in [self.state.documents[one] for one in document_ids] if self.state.lost else ():
            unpaid = document.phase in STANDING and not self.state.is_settled(document.document_id)
            if document.kind == "invoice" and document.issued and unpaid:
                number, total = document.issued.number, document.issued.total_kopecks
                self.open_card("deal_lost", document, number=number, total_kopecks=total)

    def miss_review(self, command: c.MissReview) -> None:
        """Asks about a draft that still awaits its accountant."""
        document = self.state.documents.get(command.document_id)
        if document is None or (document.phase, document.attempt) != ("review", command.attempt):
            return
        if document.issued is not None:
            number, total = document.issued.number, document.issued.total_kopecks
            self.open_card(REVIEW_LATE, document, number=number, total_kopecks=total, url=document.issued.url)

    def see_copies(self, command: c.SeeCopies) -> None:
        """Asks about documents that carry our marker and are not the one we know of."""
        document = self.state.documents.get(command.document_id)
        if document is None or document.draft is None or document.phase in ("ordered", "doubtful"):
            return  # nobody can say yet which of them is ours; the next look can
        known = document.issued.remote_id if document.issued else ""
        others = [copy for copy in command.copies if copy.remote_id != known]
        kept = any(
            card.taken is not None and card.taken.choice == "keep_both"
            for card in self.state.cards.by_id.values()
            if (card.opened.kind, card.opened.subject) == (DOUBLED, document.document_id)
        )
        if others and not kept:
            self.open_card(
                DOUBLED,
                document,
                number=command.number or (document.issued.number if document.issued else ""),
                date=command.date.isoformat(),
                attempt=command.attempt,
                marker=document.draft.marker,
                count=len(command.copies),
                url=document.issued.url if document.issued else "",
                urls=", ".join(copy.url or copy.remote_id for copy in others),
            )
