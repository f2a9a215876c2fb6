"""Commands of acts that are exchanged electronically: what was found, sent, heard and decided."""

from dataclasses import dataclass

from chassis.cards import TakeCard
from services.invoicing.domain.edi_events import EdiOrder, EdiTitle, Obstacle
from services.invoicing.domain.values import Reason


@dataclass(frozen=True, slots=True)
class BeginEdi:
    """An act was made that is to be signed electronically."""

    order: EdiOrder


@dataclass(frozen=True, slots=True)
class SeePrepared:
    """The title is written for the partner's box."""

    document_id: str
    box_id: str
    title: EdiTitle


@dataclass(frozen=True, slots=True)
class SeeUnprepared:
    """Nothing can be prepared as things are. ``box_id`` as far as the partner was found."""

    document_id: str
    obstacle: Obstacle
    box_id: str = ""


@dataclass(frozen=True, slots=True)
class SeeInvitation:
    """The partner was invited before; or, with ``invites``, this is what became of our invitation."""

    document_id: str
    box_id: str
    invites: int = 0
    task: str = ""
    refused: Reason | None = None


@dataclass(frozen=True, slots=True)
class SeePartner:
    """What an invited partner answered: nothing for too long, or no (``obstacle``), or yes."""

    document_id: str
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class SeePosted:
    """The operator has the document."""

    document_id: str
    attempt: int
    message_id: str
    entity_id: str


@dataclass(frozen=True, slots=True)
class RefusePost:
    """The operator refused the document; or, ``doubtful``, nobody can tell whether it has it."""

    document_id: str
    attempt: int
    reason: Reason
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class HearNews:
    """The feed says that something happened to a message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class SeeStatus:
    """The document's state as the operator has it."""

    document_id: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SeeFiles:
    """The files of a signed document lie in the blobs."""

    document_id: str
    archive: str
    archive_bytes: int
    print_form: str
    print_bytes: int


@dataclass(frozen=True, slots=True)
class MeetEdiDeadline:
    """A document has waited too long in a state."""

    document_id: str
    status: str


Command = (
    BeginEdi
    | SeePrepared
    | SeeUnprepared
    | SeeInvitation
    | SeePartner
    | SeePosted
    | RefusePost
    | HearNews
    | SeeStatus
    | SeeFiles
    | MeetEdiDeadline
    | TakeCard
)
