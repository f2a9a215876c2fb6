"""The state of a deal's documents and how each event changes it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from chassis.cards import CardOpened, Cards, CardTaken
from chassis.domain import replace
from services.invoicing.domain import events as e
from services.invoicing.domain.values import Deal, Draft, Issued, Kind, Link, Reason, Terms

Phase = Literal[
    "waiting", "blocked", "held", "ordered", "doubtful", "review", "made", "cancelling", "cancelled", "given_up"
]

IN_PROGRESS: frozenset[Phase] = frozenset({"waiting", "held", "ordered", "doubtful", "review"})
"""It is on its way to be made."""
UNSENT: frozenset[Phase] = frozenset({"waiting", "blocked", "held"})
DOUBLED = "document_doubled"
"""The question about an invoice that accounting has twice."""
GOODS_UNKNOWN = "goods_unknown"
"""Lines that the accounting's nomenclature lacks, where the tenant has them listed instead of made (R25)."""
COUNTERPARTY_GONE = "counterparty_gone"
"""The accounting service does not have the record of the buyer."""
STANDING: frozenset[Phase] = frozenset({"review", "made"})
"""The vendor has it, posted or not."""
SENT: frozenset[Phase] = frozenset({"ordered", "doubtful", "review", "made"})
"""The vendor has it, or may have it, and nobody has ordered it to be void."""
STAYS = frozenset({("cancel_by_hand", "keep"), ("cancel_refused", "understood")})
"""A person leaves the invoice as it is: what waited for its end is answered by it, and what voids it later is another
order, which says itself what follows."""
OVER: frozenset[Phase] = frozenset({"cancelled", "given_up"})


@dataclass(frozen=True)
class Document:
    """One invoice or act of the deal; ``attempt`` counts sends that the vendor may have seen as different calls,
    ``cancels`` orders to void it. ``link`` is the buyer that it was sent with. ``lost_attempt`` is the last one whose
    answer was lost, 0 while none was. ``key_attempt`` is the one whose key what a person has sent once more has, 0 for
    its own: to a vendor that knows keys it is the same call. ``goods_missed`` are products that the nomenclature ever
    lacked, ``goods_known`` those of them that it has by now, since the last refusal. ``gone`` are records of its buyer
    that the vendor said not to have, since it was last refused for another reason. ``undecided``: it was to be void,
    and a person has yet to say whether it is. ``meanwhile`` is the request for another that waits for its end."""

    document_id: str
    kind: Kind
    request_id: str
    tenant: str
    deal: Deal
    terms: Terms
    revision: int
    phase: Phase = "waiting"
    attempt: int = 0
    draft: Draft | None = None
    link: Link | None = None
    issued: Issued | None = None
    reasons: tuple[Reason, ...] = ()
    changed_deal: Deal | None = None
    vat_overridden: bool = False
    cancels: int = 0
    replace_after_cancel: bool = False
    blob: str = ""
    lost_attempt: int = 0
    key_attempt: int = 0
    goods_missed: frozenset[str] = frozenset()
    goods_known: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()
    undecided: bool = False
    meanwhile: e.AskedMeanwhile | None = None

    @property
    def may_end(self) -> bool:
        """Whether it is being voided, by the vendor or by a person's hands: nobody can say yet that it stands."""
        return self.phase == "cancelling" or (self.undecided and self.phase in STANDING)

    def goods_wanted(self) -> Mapping[str, str]:
        """The products that it waits for, each with the item that was tried in vain, "" for none."""
        reason = self.reasons[0] if self.phase == "blocked" and len(self.reasons) == 1 else None
        found = reason.values.get("products", {}) if reason is not None and reason.code == GOODS_UNKNOWN else {}
        return {product: tried for product, tried in found.items() if product not in self.goods_known}

    def is_asked_anew(self, terms: Terms) -> bool:
        """Whether a request takes its place, with what people changed since, be it the deal or the tenant's settings:
        it was not sent. One that waits for its buyer goes on by itself, unless it is to be made elsewhere by now."""
        if self.phase == "waiting":
            return self.terms.account != terms.account
        return self.phase in UNSENT


@dataclass(frozen=True)
class State:
    """All documents of one deal, newest revision last, with what is known of their buyers, and the cards.

    ``asked`` are requests that were heard; ``buyers`` are, by request, all buyers that the deal has shown for it.
    ``heard`` is the newest message about the deal, None before the first with a sequence; ``answered`` is the sequence
    of the newest answer about a request's buyer.
    """

    stream: str
    documents: Mapping[str, Document] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    buyers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    refusals: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)
    settled: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    gone: bool = False
    lost: bool = False
    heard: e.DealHeard | None = None
    answered: Mapping[str, int] = field(default_factory=dict)

    def is_late(self, sequence: int) -> bool:
        """Whether something newer was heard of the deal."""
        return self.heard is not None and 0 < sequence < self.heard.sequence

    @property
    def stopped(self) -> bool:
        """Whether nothing new is made: the deal is gone, or went to a lost stage."""
        return self.gone or self.lost

    def is_settled(self, invoice_id: str) -> bool:
        """Whether an invoice is paid in full, as payments says."""
        return self.settled.get(invoice_id, (0, False))[1]

    def latest(self, seller_id: str, kind: Kind) -> Document | None:
        """The newest document of a seller and kind."""
        found = [d for d in self.documents.values() if d.kind == kind and d.terms.seller_id == seller_id]
        return max(found, key=lambda document: document.revision, default=None)

    def of_others(self, seller_id: str, kind: Kind) -> tuple[Document, ...]:
        """The documents of a kind that are not over, of all sellers but one: the tenant had another seller before."""
        others = (d for d in self.documents.values() if d.kind == kind and d.terms.seller_id != seller_id)
        return tuple(document for document in others if document.phase not in OVER)

    def of_request(self, request_id: str) -> tuple[Document, ...]:
        """The documents that a request is about: one, and those that are replaced by it or repeat it."""
        return tuple(document for document in self.documents.values() if document.request_id == request_id)

    def live_invoice(self, seller_id: str) -> Document | None:
        """The seller's invoice that stands at the vendor."""
        found = [d for d in self.documents.values() if (d.kind, d.terms.seller_id) == ("invoice", seller_id)]
        return next((document for document in reversed(found) if document.phase == "made"), None)

    def invoiced_by_another(self, terms: Terms) -> Document | None:
        """The invoice that was sent for another legal entity, where the one of these terms has none."""
        sent = [one for one in self.documents.values() if one.kind == "invoice" and one.phase in SENT]
        if any(one.terms.sells_as(terms) for one in sent):
            return None
        return sent[-1] if sent else None

    def invoiced_on(self, seller_id: str) -> dt.date | None:
        """The day of the first of the seller's invoices that stand; None without one."""
        found = [d for d in self.documents.values() if (d.kind, d.terms.seller_id) == ("invoice", seller_id)]
        return min((d.issued.date for d in found if d.phase in STANDING and d.issued is not None), default=None)

    def frozen(self) -> bool:
        """Whether nothing more is made for the deal, since accounting has a document twice and a person must look."""
        cards = (card for card in self.cards.by_id.values() if card.taken is None)
        return any(card.opened.kind == DOUBLED for card in cards)

    def paid(self) -> bool:
        """Whether there is a live invoice and every live one is settled, as payments says."""
        live = [d for d in self.documents.values() if d.kind == "invoice" and d.phase == "made"]
        return bool(live) and all(self.is_settled(d.document_id) for d in live)


def initial(stream: str) -> State:
    """A deal without documents."""
    return State(stream)


def evolve(state: State, event: e.StoredEvent) -> State:
    """The state after one event."""
    match event:
        case e.Requested():
            return _requested(state, event)
        case e.BuyerLinked():
            refusals = {k: v for k, v in state.refusals.items() if k != event.request_id}
            links = {**state.links, event.request_id: event.link}
            return replace(state, links=links, refusals=refusals, answered=_answered(state, event))
        case e.BuyerRefused():
            links = {k: v for k, v in state.links.items() if k != event.request_id}
            refusals = {**state.refusals, event.request_id: event.reasons}
            return replace(state, refusals=refusals, links=links, answered=_answered(state, event))
        case e.Blocked():
            return _change(state, event.document_id, phase="blocked", reasons=event.reasons)
        case e.Held():
            return _change(state, event.document_id, phase="held", reasons=())
        case e.Ordered():
            return _ordered(state, event)
        case e.AnswerLost():
            return _change(state, event.document_id, lost_attempt=event.attempt)
        case e.Doubted():
            return _change(state, event.document_id, phase="doubtful", issued=event.issued, undecided=False)
        case e.Drafted():
            return _change(state, event.document_id, phase="review", issued=event.issued)
        case e.Made():
            before = state.documents[event.document_id]
            waits = before.meanwhile if before.undecided else None
            return _change(state, event.document_id, phase="made", issued=event.issued, meanwhile=waits)
        case e.Refused():
            missed = state.documents[event.document_id].goods_missed | set(event.reason.values.get("products", ()))
            refused = _change(state, event.document_id, phase="blocked", reasons=(event.reason,))
            return _change(refused, event.document_id, goods_missed=missed, goods_known=frozenset(), gone=())
        case e.BuyerGone():
            return _buyer_gone(state, event)
        case e.GoodsKnown():
            known = state.documents[event.document_id].goods_known | {event.product_id}
            return _change(state, event.document_id, goods_known=known)
        case e.GoodsUsed():
            return state
        case e.GivenUp():
            return _change(state, event.document_id, phase="given_up", meanwhile=None)
        case e.ContentChanged():
            return _change(state, event.document_id, changed_deal=event.deal)
        case e.DealSeen():
            seen = _change(state, event.document_id, deal=event.deal, changed_deal=None)
            return replace(seen, buyers=_shown(state, event.request_id, event.deal))
        case e.DealHeard():
            return replace(state, heard=event)
        case e.VatOverridden():
            return _change(state, event.document_id, vat_overridden=True)
        case e.Rendered():
            return state if event.draft else _change(state, event.document_id, blob=event.blob)
        case e.BalanceSeen():
            return replace(state, settled={**state.settled, event.invoice_id: (event.version, event.settled)})
        case CardOpened():
            return replace(state, cards=state.cards.evolve(event))
        case CardTaken():
            taken = replace(state, cards=state.cards.evolve(event))
            if (event.kind, event.choice) not in STAYS:
                return taken
            return _change(taken, event.subject, replace_after_cancel=False, undecided=False, meanwhile=None)
        case e.CancelOrdered():
            cancels = state.documents[event.document_id].cancels + 1
            fields = {"phase": "cancelling", "cancels": cancels, "replace_after_cancel": event.replace}
            return _change(state, event.document_id, **fields, undecided=False)
        case e.AskedMeanwhile():
            kept = _change(state, event.document_id, meanwhile=event)
            buyers = _shown(state, event.request_id, event.deal)
            return replace(kept, asked=state.asked | {event.request_id}, buyers=buyers)
        case e.CancelRefused():
            return _cancel_refused(state, event)
        case e.Cancelled():
            return _change(state, event.document_id, phase="cancelled", undecided=False, meanwhile=None)
        case e.DealGone():
            return replace(state, gone=True)
        case e.DealBack():
            return replace(state, gone=False)
        case e.DealLost() | e.DealRegained():
            return replace(state, lost=isinstance(event, e.DealLost))
        case e.Reentered():
            return replace(state, asked=state.asked | {event.request_id})
        case _:
            assert_never(event)


def _requested(state: State, event: e.Requested) -> State:
    before = state.documents.get(event.document_id)
    document = Document(
        document_id=event.document_id,
        kind=event.kind,
        request_id=event.request_id,
        tenant=event.tenant,
        deal=event.deal,
        terms=event.terms,
        revision=event.revision,
        attempt=before.attempt if before else 0,
        lost_attempt=before.lost_attempt if before else 0,
    )
    heard = state.heard
    if event.sequence > (heard.sequence if heard is not None else 0):
        heard = e.DealHeard(sequence=event.sequence, deal=event.deal)
    return replace(
        state,
        heard=heard,
        documents={**state.documents, event.document_id: document},
        asked=state.asked | {event.request_id},
        buyers=_shown(state, event.request_id, event.deal),
    )


def _answered(state: State, event: e.BuyerLinked | e.BuyerRefused) -> Mapping[str, int]:
    return {**state.answered, event.request_id: event.sequence} if event.sequence else state.answered


def _shown(state: State, request_id: str, deal: Deal) -> Mapping[str, frozenset[str]]:
    buyers = state.buyers.get(request_id, frozenset()) | {deal.buyer_party}
    return {**state.buyers, request_id: buyers}


def _buyer_gone(state: State, event: e.BuyerGone) -> State:
    gone = (*state.documents[event.document_id].gone, event.remote_id)
    known = state.links.get(event.request_id)
    lost = known is not None and known.remote_id == event.remote_id  # else it was linked anew meanwhile
    links = {key: link for key, link in state.links.items() if key != event.request_id or not lost}
    return _change(replace(state, links=links), event.document_id, phase="waiting", reasons=(), gone=gone)


def _ordered(state: State, event: e.Ordered) -> State:
    before = state.documents[event.document_id]
    # Sent once more, it goes to the buyer that it was first sent to, whatever the deal shows by now.
    again = before.phase == "doubtful"
    link = before.link if again else state.links[event.request_id]
    fields = {"phase": "ordered", "draft": event.draft, "attempt": event.draft.attempt, "link": link, "reasons": ()}
    key_attempt = (before.key_attempt or before.attempt) if again else 0
    return _change(state, event.document_id, **fields, key_attempt=key_attempt)


def _cancel_refused(state: State, event: e.CancelRefused) -> State:
    document = state.documents[event.document_id]
    phase: Phase = "review" if document.issued is not None and document.issued.unposted else "made"
    waits = document.meanwhile if event.undecided else None
    return _change(state, event.document_id, phase=phase, undecided=event.undecided, meanwhile=waits)


def _change(state: State, document_id: str, **fields: Any) -> State:
    document = replace(state.documents[document_id], **fields)
    return replace(state, documents={**state.documents, document_id: document})
