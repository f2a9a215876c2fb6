"""The state of a deal's documents and how each event changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never

from chassis.cards import CardOpened, Cards, CardTaken
from services.invoicing.domain import events as e
from services.invoicing.domain.values import Deal, Draft, Issued, Kind, Link, Reason, Terms

Phase = Literal["waiting", "blocked", "held", "ordered", "doubtful", "made", "cancelling", "cancelled", "given_up"]

IN_PROGRESS: frozenset[Phase] = frozenset({"waiting", "held", "ordered", "doubtful", "cancelling"})
OVER: frozenset[Phase] = frozenset({"cancelled", "given_up"})


@dataclass(frozen=True, slots=True)
class Document:
    """One invoice or act of the deal; ``attempt`` counts sends that the vendor may have seen as different calls."""

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
    issued: Issued | None = None
    reasons: tuple[Reason, ...] = ()
    changed_deal: Deal | None = None
    vat_overridden: bool = False
    replace_after_cancel: bool = False
    blob: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All documents of one deal, newest revision last, with what is known of their buyers, and the cards."""

    stream: str
    documents: Mapping[str, Document] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    refusals: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)
    settled: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    gone: bool = False

    def latest(self, seller_id: str, kind: Kind) -> Document | None:
        """The newest document of a seller and kind."""
        found = [d for d in self.documents.values() if d.kind == kind and d.terms.seller_id == seller_id]
        return max(found, key=lambda document: document.revision, default=None)

    def of_request(self, request_id: str) -> Document | None:
        """The document that a request is about now."""
        return next((d for d in self.documents.values() if d.request_id == request_id), None)

    def paid(self) -> bool:
        """Whether there is a live invoice and every live one is settled, as payments says."""
        live = [d for d in self.documents.values() if d.kind == "invoice" and d.phase == "made"]
        return bool(live) and all(self.settled.get(d.document_id, (0, False))[1] for d in live)


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
            return replace(state, links={**state.links, event.request_id: event.link}, refusals=refusals)
        case e.BuyerRefused():
            return replace(state, refusals={**state.refusals, event.request_id: event.reasons})
        case e.Blocked():
            return _change(state, event.document_id, phase="blocked", reasons=event.reasons)
        case e.Held():
            return _change(state, event.document_id, phase="held")
        case e.Ordered():
            draft = event.draft
            return _change(state, event.document_id, phase="ordered", draft=draft, attempt=draft.attempt, reasons=())
        case e.Doubted():
            return _change(state, event.document_id, phase="doubtful", issued=event.issued)
        case e.Made():
            return _change(state, event.document_id, phase="made", issued=event.issued)
        case e.Refused():
            return _change(state, event.document_id, phase="blocked", reasons=(event.reason,))
        case e.GivenUp():
            return _change(state, event.document_id, phase="given_up")
        case e.ContentChanged():
            return _change(state, event.document_id, changed_deal=event.deal)
        case e.DealSeen():
            document = state.of_request(event.request_id)
            assert document is not None, "a deal is seen again for a request that was made"
            return _change(state, document.document_id, deal=event.deal)
        case e.VatOverridden():
            return _change(state, event.document_id, vat_overridden=True)
        case e.Rendered():
            return _change(state, event.document_id, blob=event.blob)
        case e.BalanceSeen():
            return replace(state, settled={**state.settled, event.invoice_id: (event.version, event.settled)})
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case e.CancelOrdered():
            return _change(state, event.document_id, phase="cancelling", replace_after_cancel=event.replace)
        case e.CancelRefused():
            return _change(state, event.document_id, phase="made", replace_after_cancel=False)
        case e.Cancelled():
            return _change(state, event.document_id, phase="cancelled")
        case e.DealGone():
            return replace(state, gone=True)
        case e.Reentered():
            return state
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
    )
    return replace(state, documents={**state.documents, event.document_id: document})


def _change(state: State, document_id: str, **fields: Any) -> State:
    document = replace(state.documents[document_id], **fields)
    return replace(state, documents={**state.documents, document_id: document})
