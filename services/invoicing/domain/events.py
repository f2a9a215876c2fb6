"""Events of a deal's documents, as stored."""

from datetime import datetime

from chassis.cards import CardOpened, CardTaken
from chassis.domain import Event
from services.invoicing.domain.values import Deal, Draft, Issued, Kind, Link, Reason, Terms, Used


class Requested(Event, name="Requested"):
    """A document was asked for; it waits for the buyer's link."""

    tenant: str
    request_id: str
    document_id: str
    kind: Kind
    deal: Deal
    terms: Terms
    triggered_at: datetime
    revision: int
    history_id: str = ""
    sequence: int = 0


class BuyerLinked(Event, name="BuyerLinked"):
    """The buyer of a request is known. It may come before the request."""

    request_id: str
    link: Link
    sequence: int = 0


class BuyerRefused(Event, name="BuyerRefused"):
    """The buyer of a request cannot be linked."""

    request_id: str
    reasons: tuple[Reason, ...]
    sequence: int = 0


class Blocked(Event, name="Blocked"):
    """The pre-flight check found what a person must change; nothing was sent."""

    request_id: str
    document_id: str
    kind: Kind
    reasons: tuple[Reason, ...]
    responsible_id: str = ""


class Held(Event, name="Held"):
    """The act waits until the deal is paid, by the tenant's policy."""

    request_id: str
    document_id: str


class Ordered(Event, name="Ordered"):
    """A document is on its way to the vendor with this content."""

    request_id: str
    document_id: str
    draft: Draft


class Doubted(Event, name="Doubted"):
    """The vendor may have the document (``issued`` None), or has it with another content; a person is asked."""

    document_id: str
    issued: Issued | None = None


class AnswerLost(Event, name="AnswerLost"):
    """The vendor's answer to a creation was lost. Whatever was found out since, the lost call may still make a second
    document, which nothing on our side can exclude: it is watched for."""

    document_id: str
    attempt: int


class Drafted(Event, name="Drafted"):
    """The vendor has the invoice as a draft: it is issued when its accountant has posted it."""

    document_id: str
    request_id: str
    issued: Issued


class Made(Event, name="Made"):
    """The vendor has the document, and it is what was ordered."""

    document_id: str
    request_id: str
    kind: Kind
    issued: Issued
    rounding_delta_kopecks: int = 0
    unpaid: bool = False


class Refused(Event, name="Refused"):
    """The vendor refused the document; it does not exist there."""

    document_id: str
    request_id: str
    kind: Kind
    attempt: int
    reason: Reason


class BuyerGone(Event, name="BuyerGone"):
    """The vendor refused the document, which does not exist there, since it does not have the record ``remote_id`` of
    its buyer. The document waits until the buyer is linked again."""

    document_id: str
    request_id: str
    attempt: int
    remote_id: str
    reason: Reason


class GoodsKnown(Event, name="GoodsKnown"):
    """A product that the document was refused for has an item in the nomenclature by now."""

    document_id: str
    product_id: str
    item_id: str


class GoodsUsed(Event, name="GoodsUsed"):
    """The document was made with items of the nomenclature that it had been refused for, or that were made for it."""

    document_id: str
    goods: tuple[Used, ...]


class GivenUp(Event, name="GivenUp"):
    """A person decided that this document is not to be made; ``by`` "": another seller's takes its place."""

    document_id: str
    by: str


class VatOverridden(Event, name="VatOverridden"):
    """The accountant lets lines with a rate that is not in force pass (R9)."""

    document_id: str
    by: str


class Reentered(Event, name="Reentered"):
    """The trigger stage was entered again with the same content while the document exists."""

    document_id: str
    number: str
    history_id: str = ""
    request_id: str = ""


class ContentChanged(Event, name="ContentChanged"):
    """The deal no longer shows what was issued. ``total_kopecks`` is None when its lines cannot be computed."""

    document_id: str
    deal: Deal
    total_kopecks: int | None = None


class DealSeen(Event, name="DealSeen"):
    """A document that is not sent yet goes on with the deal as it is now."""

    request_id: str
    document_id: str
    deal: Deal


class DealHeard(Event, name="DealHeard"):
    """What the deal shows, as the newest message about it says; None: it is gone. What comes after it and is older says
    nothing."""

    sequence: int
    deal: Deal | None = None


class DealGone(Event, name="DealGone"):
    """The deal was deleted; what waited for it stops."""


class DealBack(Event, name="DealBack"):
    """The deal can be seen again; what waited for it goes on."""


class DealLost(Event, name="DealLost"):
    """The deal went to a lost stage; what waited for it stops."""


class DealRegained(Event, name="DealRegained"):
    """The deal came back from a lost stage; what waited for it goes on."""


class Rendered(Event, name="Rendered"):
    """The PDF of a document lies in the blobs; ``draft``: the paper of one that its accountant has yet to post."""

    document_id: str
    blob: str
    size_bytes: int
    draft: bool = False


class BalanceSeen(Event, name="BalanceSeen"):
    """Whether the invoice is settled, as payments says."""

    invoice_id: str
    version: int
    settled: bool
    status: str


class CancelOrdered(Event, name="CancelOrdered"):
    """The invoice is to be voided at the vendor; ``replace`` makes a new revision afterwards."""

    document_id: str
    by: str
    replace: bool


class AskedMeanwhile(Event, name="AskedMeanwhile"):
    """While the invoice is being voided, by the vendor or by a person, another was asked for, with what the deal shows
    now. It is begun once this one is void; one that stands after all is the answer."""

    document_id: str
    tenant: str
    request_id: str
    kind: Kind
    deal: Deal
    terms: Terms
    triggered_at: datetime
    history_id: str = ""
    sequence: int = 0


class CancelRefused(Event, name="CancelRefused"):
    """The vendor did not void the invoice; it stands. ``undecided``: a person has yet to say what becomes of it, since
    nobody knows whether it is void, or since the vendor voids none."""

    document_id: str
    reason: Reason
    undecided: bool = False


class Cancelled(Event, name="Cancelled"):
    """The invoice is void at the vendor."""

    document_id: str
    number: str
    by: str = ""


StoredEvent = (
    Requested
    | BuyerLinked
    | BuyerRefused
    | Blocked
    | Held
    | Ordered
    | AnswerLost
    | Doubted
    | Drafted
    | Made
    | Refused
    | BuyerGone
    | GoodsKnown
    | GoodsUsed
    | GivenUp
    | VatOverridden
    | Reentered
    | ContentChanged
    | DealSeen
    | DealHeard
    | DealGone
    | DealBack
    | DealLost
    | DealRegained
    | Rendered
    | BalanceSeen
    | CardOpened
    | CardTaken
    | CancelOrdered
    | AskedMeanwhile
    | CancelRefused
    | Cancelled
)

EVENTS: tuple[type[Event], ...] = (
    Requested,
    BuyerLinked,
    BuyerRefused,
    Blocked,
    Held,
    Ordered,
    AnswerLost,
    Doubted,
    Drafted,
    Made,
    Refused,
    BuyerGone,
    GoodsKnown,
    GoodsUsed,
    GivenUp,
    VatOverridden,
    Reentered,
    ContentChanged,
    DealSeen,
    DealHeard,
    DealGone,
    DealBack,
    DealLost,
    DealRegained,
    Rendered,
    BalanceSeen,
    CardOpened,
    CardTaken,
    CancelOrdered,
    AskedMeanwhile,
    CancelRefused,
    Cancelled,
)
