"""Commands of a deal's documents: requests, facts from other services, answers of the vendor, decisions of people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from chassis.cards import TakeCard
from services.invoicing.domain.values import Deal, Issued, Kind, Link, Reason, Tax, Terms, Used


@dataclass(frozen=True, slots=True)
class Request:
    """A trigger asks for a document. ``sequence`` is the place of what the deal shows among all that it showed, 0 where
    that is not known: a topic that was lost and is sent again brings older messages after newer ones."""

    tenant: str
    request_id: str
    kind: Kind
    deal: Deal
    terms: Terms
    triggered_at: datetime
    history_id: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class KnowBuyer:
    """The buyer of a request is linked to an accounting record."""

    request_id: str
    link: Link
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class RefuseBuyer:
    """The buyer of a request cannot be linked as things are."""

    request_id: str
    reasons: tuple[Reason, ...]
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeeDeal:
    """The deal's content changed since it was asked; None: the deal is gone."""

    deal: Deal | None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeeBalance:
    """What payments says of an invoice."""

    invoice_id: str
    version: int
    settled: bool
    status: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """The vendor has the document. ``doubted``: the answer to a creation was lost before that was known. ``goods`` are
    the items of the nomenclature that its lines refer to."""

    document_id: str
    attempt: int
    issued: Issued
    doubted: bool = False
    goods: tuple[Used, ...] = ()


@dataclass(frozen=True, slots=True)
class SeeGoods:
    """A product that the document was refused for has an item in the nomenclature by now."""

    document_id: str
    product_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class SeeReview:
    """What became of a draft that awaited its accountant: it was posted, or, without ``issued``, thrown away."""

    document_id: str
    attempt: int
    issued: Issued | None


@dataclass(frozen=True, slots=True)
class MissReview:
    """A draft has awaited its accountant for another day."""

    document_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Reject:
    """The vendor refused the document for good; it does not exist. ``doubted`` as above."""

    document_id: str
    attempt: int
    reason: Reason
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Nobody can tell whether the vendor has the document."""

    document_id: str
    attempt: int
    reason: Reason
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Render:
    """The PDF of a document lies in the blobs; ``draft``: the paper of one that its accountant has yet to post."""

    document_id: str
    blob: str
    size_bytes: int
    draft: bool = False


@dataclass(frozen=True, slots=True)
class MissPdf:
    """The vendor refuses to give a document's PDF, or what there is of it does not make one of our own."""

    document_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class ConfirmCancel:
    """The vendor voided the invoice; a reason means that it refused to, or, with ``undecided``, that nobody knows
    whether it did. ``cancel`` counts the document's orders."""

    document_id: str
    cancel: int
    refused: Reason | None = None
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class CancelInvoice:
    """A person orders an invoice to be voided, and, with ``replace``, made anew. ``number`` may be left out where one
    alone stands."""

    by: str
    number: str = ""
    replace: bool = False


@dataclass(frozen=True, slots=True)
class RepeatInvoice:
    """A person asks for one more invoice like an earlier one (R19). ``taxes`` are the tax profiles of the tenant's
    sellers as its file has them now, by account; without any the earlier one's own stands."""

    by: str
    number: str = ""
    taxes: Mapping[str, tuple[Tax, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeeCancelChecked:
    """Whether an invoice that a person has voided by hand is void at the vendor."""

    document_id: str
    by: str
    void: bool


@dataclass(frozen=True, slots=True)
class SeeVoid:
    """Accounting has the invoice no more, and a person said that it is void; ``replace``: another is to be made."""

    document_id: str
    by: str
    replace: bool


@dataclass(frozen=True, slots=True)
class SeeCopies:
    """The invoices in force that carry a document's marker, under the number and date that an attempt was sent with."""

    document_id: str
    attempt: int
    number: str
    date: date
    copies: tuple[Issued, ...]


@dataclass(frozen=True, slots=True)
class MeetDeadline:
    """A request has waited too long."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """The invoice that a person found by its number, or why it cannot be taken."""

    document_id: str
    card_id: str
    issued: Issued | None
    reason: Reason | None = field(default=None)


Command = (
    Request
    | KnowBuyer
    | RefuseBuyer
    | SeeDeal
    | SeeBalance
    | Confirm
    | SeeGoods
    | SeeReview
    | MissReview
    | Reject
    | Doubt
    | Render
    | MissPdf
    | ConfirmCancel
    | CancelInvoice
    | RepeatInvoice
    | SeeCancelChecked
    | SeeVoid
    | SeeCopies
    | MeetDeadline
    | TakeCard
    | Adopt
)
