"""What is written to a CRM: commands that may travel together, each with its own outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from connectors.ports.crm.cards import PutAddress, PutRequisite
from connectors.ports.crm.records import Entity


@dataclass(frozen=True, slots=True)
class MoneyValue:
    """A value of a money field; written as ``1500.00|RUB``."""

    kopecks: int
    currency: str = "RUB"


FieldValue = str | int | Decimal | date | MoneyValue
"""What a field takes. ``""`` empties it. Decimal is written with its digits as they stand."""


@dataclass(frozen=True, slots=True)
class SetFields:
    """Absolute values of fields: repeating it changes nothing. Rejected ``crm_field_missing`` when the portal dropped
    one."""

    entity: Entity
    entity_id: str
    fields: Mapping[str, FieldValue]


@dataclass(frozen=True, slots=True)
class MoveStage:
    """Moves a deal inside its funnel; robots may carry it further at once, so the stage that came out is in the
    result."""

    deal_id: str
    stage_id: str


@dataclass(frozen=True, slots=True)
class UploadFile:
    """Puts a file into a single file field; the newest replaces the one before."""

    entity: Entity
    entity_id: str
    field: str
    file_name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class AddComment:
    """A comment in the timeline, once per ``marker``: with ``search_first`` the newest comments are looked through,
    and one that carries the marker is the result. Without it (a first send) the comment is added at once."""

    deal_id: str
    text: str
    marker: str
    file_name: str = ""
    content: bytes = b""
    search_first: bool = True


RECIPIENT_REFUSED: Final = "crm_recipient_refused"
"""The problem of a message whose user or chat does not exist, or does not take it."""


@dataclass(frozen=True, slots=True)
class NotifyUser:
    """A notification; a later one with the same ``tag`` replaces it, so it may be repeated. One for a user who does not
    exist or was dismissed is refused with :data:`RECIPIENT_REFUSED`."""

    user_id: str
    text: str
    tag: str
    client_id: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message to a chat (``chat42``) or a user (``7``). With ``said_after`` the newest messages of the dialogue are
    looked through, and one with this text that was said then or later is the result; without it (a first send) it is
    said at once."""

    dialog_id: str
    text: str
    said_after: datetime | None = None


CrmCommand = SetFields | MoveStage | UploadFile | AddComment | NotifyUser | ChatMessage | PutRequisite | PutAddress


@dataclass(frozen=True, slots=True)
class CrmWritten:
    """What a command left behind: the id of the comment, notification or message; ``found`` when a look showed that
    it was there already; ``stage_id`` and ``semantics`` after a move."""

    object_id: str = ""
    found: bool = False
    stage_id: str = ""
