"""What an operator of electronic document interchange can do for us, in our own words."""

import enum
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from chassis.outcomes import Outcome
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.ports.accounting import AccessToken, CheckAccount, PdfFile, Ping


@dataclass(frozen=True, slots=True)
class EdiToken:
    """Credentials of one account. With ``refresh_token`` a token is refreshed at ``token_url`` (RFC 6749 §6), else
    ``login`` and ``password`` are exchanged for one at ``endpoint``; secrets are never logged."""

    endpoint: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    token_url: str = ""
    refresh_token: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EdiBox:
    """A box of an organisation. ``roaming``: it is reached through another operator; ``partners_only``: it takes
    documents from partners alone."""

    box_id: str
    title: str
    inn: str
    kpp: str
    active: bool
    roaming: bool
    partners_only: bool


class Relation(enum.StrEnum):
    """How another box stands to ours; UNKNOWN is a word we do not know."""

    PARTNER = "partner"
    INVITES_US = "invites_us"
    INVITED = "invited"
    REJECTS_US = "rejects_us"
    REJECTED = "rejected"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ClosingDraft:
    """A closing document to be written as a title: number and date are those of accounting. ``function`` "" leaves
    the kind of title to the lines: with VAT it serves as an invoice for VAT too."""

    number: str
    issued_on: date
    lines: tuple[DocumentLine, ...]
    partner_box_id: str
    comment: str
    function: str = ""


@dataclass(frozen=True, slots=True)
class Title:
    """The seller's title as the operator wrote it; ``content`` are its bytes."""

    content: bytes = field(repr=False)
    file_name: str
    document_type: str
    function: str
    version: str


@dataclass(frozen=True, slots=True)
class Posting:
    """A title on its way to a partner. ``marker`` is our key that the operator keeps with the document."""

    partner_box_id: str
    title: Title
    marker: str
    comment: str
    deal_id: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """What names a document: its message, and itself in it."""

    message_id: str
    document_id: str


class EdiState(enum.StrEnum):
    """How far a document is; UNKNOWN is a combination we do not know: information, never a state."""

    AWAITING_OWN_SIGNATURE = "awaiting_own_signature"
    SENDING = "sending"
    ROAMING = "roaming"
    AWAITING_COUNTERPARTY = "awaiting_counterparty"
    DELIVERED = "delivered"
    PARTIALLY_SIGNED = "partially_signed"
    SIGNED = "signed"
    REJECTED = "rejected"
    REVOCATION_REQUESTED = "revocation_requested"
    REVOKED = "revoked"
    INVALID_SIGNATURE = "invalid_signature"
    DELIVERY_FAILED = "delivery_failed"
    DELETED = "deleted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class EdiDocument:
    """A document as the operator holds it. ``reason`` are the words of whoever refused it, "" without any."""

    ref: DocumentRef
    state: EdiState
    marker: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """A page of a box's feed: the messages that something happened to, the cursor past it, and whether it was full."""

    message_ids: tuple[str, ...]
    cursor: str
    more: bool


class Edi(CheckAccount, Ping, Protocol):
    """All that is asked of an operator. Our own box is that of the permit (its option ``box_id``)."""

    async def find_boxes(self, permit: Permit, inn: str, kpp: str) -> Outcome[tuple[EdiBox, ...]]:
        """Boxes of organisations of exactly this INN, and KPP where it is given, the operator's own first."""
        ...

    async def relation(self, permit: Permit, box_id: str) -> Outcome[Relation]:
        """How a box stands to ours."""
        ...

    async def invite(self, permit: Permit, box_id: str, message: str) -> Outcome[str]:
        """Invites a box, or takes its invitation; the operator's task. Repeating it changes nothing."""
        ...

    async def invited(self, permit: Permit, task: str) -> Outcome[None]:
        """Whether an invitation went out; Deferred while it does."""
        ...

    async def write_title(self, permit: Permit, draft: ClosingDraft) -> Outcome[Title]:
        """The seller's title by the operator's own generator, checked there; changes nothing."""
        ...

    async def post(self, permit: Permit, posting: Posting, *, key: str) -> Outcome[DocumentRef]:
        """Puts a title into our box for a person to sign. One ``key`` makes one document, however often it is sent."""
        ...

    async def find_posted(self, permit: Permit, posting: Posting) -> Outcome[tuple[DocumentRef, ...]]:
        """Look-up of a lost post: documents to the partner of that date that carry our marker."""
        ...

    async def document(self, permit: Permit, ref: DocumentRef) -> Outcome[EdiDocument]:
        """A document's state, with the words of a refusal. Two requests at most."""
        ...

    async def last_event(self, permit: Permit) -> Outcome[str]:
        """The cursor of a box's feed as it is now, "" where nothing ever happened."""
        ...

    async def news(self, permit: Permit, cursor: str) -> Outcome[News]:
        """What happened past a cursor, oldest first."""
        ...

    async def print_form(self, permit: Permit, ref: DocumentRef) -> Outcome[PdfFile]:
        """The document on paper. Deferred while it is made."""
        ...

    async def archive(self, permit: Permit, ref: DocumentRef) -> Outcome[bytes]:
        """The document with its titles and signatures, as a ZIP. Deferred while it is made. Two requests at most."""
        ...

    async def obtain_token(self, credentials: EdiToken) -> Outcome[AccessToken]:
        """A fresh token, as the whole value of the header that carries it."""
        ...
