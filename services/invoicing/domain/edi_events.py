"""Events of acts that are exchanged electronically, as stored; a stream per deal, ``edi-<deal>``."""

import datetime as dt

from chassis.cards import CardOpened, CardTaken
from chassis.domain import Event
from services.invoicing.domain.values import Line, Value


class EdiOrder(Value):
    """An act of accounting that is to be signed electronically: what its title says, and between whom.

    ``account`` is the seller's box; ``function`` is the kind of title, "" for the lines to say."""

    tenant: str
    deal_id: str
    document_id: str
    account: str
    function: str = ""
    number: str
    date: dt.date
    lines: tuple[Line, ...]
    inn: str
    kpp: str = ""
    buyer: str = ""
    comment: str = ""
    responsible_id: str = ""

    @property
    def marker(self) -> str:
        """Our key that the operator keeps with the document, the same however often it is sent."""
        return f"sverka:{self.document_id}"


class EdiTitle(Value):
    """The seller's title as the operator wrote it; its bytes lie in the blobs."""

    blob: str
    file_name: str
    document_type: str
    function: str
    version: str


class Obstacle(Value):
    """What stands in the way: the question that a person is asked, and the operator's words, "" without any."""

    question: str
    text: str = ""


class EdiBegun(Event, name="EdiBegun"):
    """An act was made whose seller exchanges documents electronically."""

    order: EdiOrder


class EdiRetried(Event, name="EdiRetried"):
    """The partner is looked for, and the title is written, once more."""

    document_id: str


class EdiBlocked(Event, name="EdiBlocked"):
    """The act cannot be prepared as things are; a person is asked. ``box_id`` is the partner's, where there is one."""

    document_id: str
    obstacle: Obstacle
    box_id: str = ""


class EdiInviting(Event, name="EdiInviting"):
    """The partner is invited to exchange documents; ``invites`` counts."""

    document_id: str
    box_id: str
    invites: int


class EdiInvited(Event, name="EdiInvited"):
    """The partner has the invitation; it is waited for. ``task`` is the operator's, "" where it was invited before."""

    document_id: str
    box_id: str
    task: str = ""


class EdiPrepared(Event, name="EdiPrepared"):
    """The title is written; it is put into our box for a person to sign."""

    document_id: str
    box_id: str
    title: EdiTitle
    attempt: int


class EdiDoubted(Event, name="EdiDoubted"):
    """The operator may have the document; a person is asked."""

    document_id: str


class EdiPosted(Event, name="EdiPosted"):
    """The operator has the document."""

    document_id: str
    message_id: str
    entity_id: str


class EdiNewsHeard(Event, name="EdiNewsHeard"):
    """The feed says that something happened to the document."""

    document_id: str


class EdiMoved(Event, name="EdiMoved"):
    """The document is in another state. ``reason`` are the words of whoever refused it."""

    document_id: str
    status: str
    reason: str = ""


class EdiFiled(Event, name="EdiFiled"):
    """The signed document with its signatures, and its form on paper, lie in the blobs."""

    document_id: str
    archive: str
    archive_bytes: int
    print_form: str
    print_bytes: int


class EdiGivenUp(Event, name="EdiGivenUp"):
    """A person decided that this act is not exchanged electronically, or no longer followed."""

    document_id: str
    by: str


StoredEvent = (
    EdiBegun
    | EdiRetried
    | EdiBlocked
    | EdiInviting
    | EdiInvited
    | EdiPrepared
    | EdiDoubted
    | EdiPosted
    | EdiNewsHeard
    | EdiMoved
    | EdiFiled
    | EdiGivenUp
    | CardOpened
    | CardTaken
)

EVENTS: tuple[type[Event], ...] = (
    EdiBegun,
    EdiRetried,
    EdiBlocked,
    EdiInviting,
    EdiInvited,
    EdiPrepared,
    EdiDoubted,
    EdiPosted,
    EdiNewsHeard,
    EdiMoved,
    EdiFiled,
    EdiGivenUp,
    CardOpened,
    CardTaken,
)
