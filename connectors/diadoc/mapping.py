"""Diadoc's payloads ↔ our words; pure.

Source: https://developer.kontur.ru/doc/diadoc-api, structures Organization, Counteragent, Message, Document, BoxEvent.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree import ElementTree

import orjson

from connectors import wire
from connectors.diadoc.schema import DOCUMENT_TYPE, PAGE_ROWS, REJECTIONS, VERSION
from connectors.ports.edi import DocumentRef, EdiBox, EdiDocument, EdiState, News, Posting, Relation
from connectors.wire import ShapeError

RELATIONS: Final[Mapping[str, Relation]] = {
    "IsMyCounteragent": Relation.PARTNER,
    "InvitesMe": Relation.INVITES_US,
    "IsInvitedByMe": Relation.INVITED,
    "RejectsMe": Relation.REJECTS_US,
    "IsRejectedByMe": Relation.REJECTED,
    "NotInCounteragentList": Relation.NONE,
}
ONE_SIDED: Final = frozenset({"", "RecipientResponseStatusNotAcceptable", "RecipientResponseStatusUnknown"})
REASON_CHARS_MAX: Final = 500
REASON_BYTES_MAX: Final = 1024 * 1024


def read_boxes(document: Any) -> tuple[EdiBox, ...]:
    """The first box of each organisation that is in force; the operator's own come first."""
    rows = wire.records(wire.filled_mapping(document, "body").get("Organizations"), "Organizations")
    found = [box for row in rows for box in _boxes_of(row)]
    return tuple(sorted(found, key=lambda box: (not box.active, box.roaming)))


def own_box_ids(document: Any) -> frozenset[str]:
    """The keys of all boxes of the organisations that the access opens."""
    rows = wire.records(wire.filled_mapping(document, "body").get("Organizations"), "Organizations")
    return frozenset(box_key(_id(box, "BoxIdGuid")) for row in rows for box in wire.records(row.get("Boxes"), "Boxes"))


def box_key(box_id: str) -> str:
    """What both forms of a box's id have in common, ``…@diadoc.ru`` and the GUID, in any case of letters."""
    return box_id.partition("@")[0].replace("-", "").lower()


def _boxes_of(row: Mapping[str, Any]) -> Iterator[EdiBox]:
    for box in wire.records(row.get("Boxes"), "Boxes")[:1]:
        yield EdiBox(
            box_id=_id(box, "BoxIdGuid"),
            title=wire.text(row.get("ShortName")) or wire.text(row.get("FullName")),
            inn=wire.text(row.get("Inn")),
            kpp=wire.text(row.get("Kpp")),
            active=row.get("IsActive") is not False and not row.get("LiquidationDate"),
            roaming=row.get("IsRoaming") is True,
            partners_only=wire.text(row.get("Sociability")) == "CounteragentsOnly",
        )


def read_relation(document: Any) -> Relation:
    """How a counterparty stands to us."""
    status = wire.text(wire.required(wire.filled_mapping(document, "body"), "CurrentStatus"))
    return RELATIONS.get(status, Relation.UNKNOWN)


def posting_body(posting: Posting, own_box_id: str) -> bytes:
    """A message of one document that is kept unsigned until a person signs it (``DelaySend``)."""
    title = posting.title
    return orjson.dumps(
        {
            "FromBoxId": own_box_id,
            "ToBoxId": posting.partner_box_id,
            "DelaySend": True,
            "IsDraft": False,
            "LockMode": "None",
            "DocumentAttachments": [
                {
                    "TypeNamedId": title.document_type,
                    "Function": title.function,
                    "Version": title.version,
                    "SignedContent": {"Content": base64.b64encode(title.content).decode()},
                    "CustomDocumentId": posting.marker,
                    "Comment": posting.comment,
                    "NeedReceipt": False,
                    "NeedRecipientSignature": False,
                    "Metadata": [],
                    "CustomData": [{"Key": "deal", "Value": posting.deal_id}],
                }
            ],
        }
    )


def read_posted(document: Any, posting: Posting) -> DocumentRef:
    """The document of a message that was just posted. Raises ShapeError for a message about something else."""
    message = wire.filled_mapping(document, "body")
    if box_key(wire.text(message.get("ToBoxId"))) not in ("", box_key(posting.partner_box_id)):
        raise ShapeError("ToBoxId")
    for entity in wire.records(message.get("Entities"), "Entities"):
        if wire.text(entity.get("EntityType")) == "Attachment" and not wire.text(entity.get("ParentEntityId")):
            info = wire.mapping(entity.get("DocumentInfo"), "DocumentInfo")
            if wire.text(info.get("CustomDocumentId")) not in ("", posting.marker):
                raise ShapeError("CustomDocumentId")
            return DocumentRef(_id(message, "MessageId"), _id(entity, "EntityId"))
    raise ShapeError("Entities")


def read_document(document: Any) -> EdiDocument:
    """A document with its state."""
    row = wire.filled_mapping(document, "body")
    ref = DocumentRef(_id(row, "MessageId"), _id(row, "EntityId"))
    return EdiDocument(ref, state_of(row), wire.text(row.get("CustomDocumentId")))


def state_of(row: Mapping[str, Any]) -> EdiState:
    """What the words of a document come to together; the first row that fits stands."""
    sender = wire.text(row.get("SenderSignatureStatus"))
    response = wire.text(row.get("RecipientResponseStatus"))
    revocation = wire.text(row.get("RevocationStatus"))
    roaming = wire.text(row.get("RoamingNotificationStatus"))
    delivered = wire.text(row.get("DeliveryTimestampTicks")) not in ("", "0")
    rows: tuple[tuple[bool, EdiState], ...] = (
        (row.get("IsDeleted") is True, EdiState.DELETED),
        (revocation == "RevocationAccepted", EdiState.REVOKED),
        (revocation in ("RequestsMyRevocation", "RevocationIsRequestedByMe"), EdiState.REVOCATION_REQUESTED),
        (sender == "SenderSignatureCheckedAndInvalid", EdiState.INVALID_SIGNATURE),
        (response == "InvalidRecipientSignature", EdiState.INVALID_SIGNATURE),
        (response == "RecipientSignatureRequestRejected", EdiState.REJECTED),
        (response == "WithRecipientSignature", EdiState.SIGNED),
        (response == "WithRecipientPartiallySignature", EdiState.PARTIALLY_SIGNED),
        (sender == "WaitingForSenderSignature", EdiState.AWAITING_OWN_SIGNATURE),
        (roaming == "RoamingNotificationStatusError", EdiState.DELIVERY_FAILED),
        (not delivered and roaming == "RoamingNotificationStatusSuccess", EdiState.ROAMING),
        (not delivered, EdiState.SENDING),
        (response == "WaitingForRecipientSignature", EdiState.AWAITING_COUNTERPARTY),
        (
            response in ("RecipientResponseStatusNotAcceptable", "RecipientResponseStatusUnknown", ""),
            EdiState.DELIVERED,
        ),
    )
    return next((state for fits, state in rows if fits), EdiState.UNKNOWN)


def read_listed(document: Any) -> tuple[list[tuple[EdiDocument, str]], bool]:
    """A page of documents, each with the key that the next page begins after, and whether there is one."""
    page = wire.filled_mapping(document, "body")
    rows = wire.records(wire.required(page, "Documents"), "Documents")
    return [(read_document(row), wire.text(row.get("IndexKey"))) for row in rows], page.get("HasMoreResults") is True


def read_news(document: Any, cursor: str) -> News:
    """A page of the feed; a key of an event is the cursor past it."""
    page = wire.filled_mapping(document, "body")
    ids: list[str] = []
    rows = wire.records(wire.required(page, "Events"), "Events")
    for row in rows:
        told = wire.mapping(row.get("Message"), "Message") or wire.mapping(row.get("Patch"), "Patch")
        cursor = _id(row, "IndexKey")
        if (message := wire.text(told.get("MessageId"))) and message not in ids:
            ids.append(message)
    return News(tuple(ids), cursor, more=len(rows) >= PAGE_ROWS)


def read_reason(document: Any, entity_id: str) -> str:
    """The words of the last refusal of a document, out of a message with its contents; "" where there are none."""
    found = ""
    for entity in wire.records(wire.filled_mapping(document, "body").get("Entities"), "Entities"):
        if wire.text(entity.get("ParentEntityId")) != entity_id:
            continue
        if wire.text(entity.get("AttachmentType")) in REJECTIONS:
            content = wire.mapping(entity.get("Content"), "Content")
            found = _words(wire.text(content.get("Data"))) or found
    return found[:REASON_CHARS_MAX]


def _words(data: str) -> str:
    """The text of a refusal: of an XML form its elements and attributes «Текст…», else the bytes themselves."""
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return ""
    if len(content) > REASON_BYTES_MAX or b"<!" in content:
        return ""  # a form has no declarations of entities
    if not content.lstrip().startswith(b"<"):
        return content.decode("utf-8", "replace").strip()
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without declarations, as looked at above
    except (ElementTree.ParseError, LookupError, ValueError):
        return ""
    told = []
    for element in root.iter():
        if element.tag.startswith("Текст") and element.text:
            told.append(element.text.strip())
        told += [value.strip() for name, value in element.attrib.items() if name.startswith("Текст")]
    return "; ".join(part for part in told if part)


def knows_title(document: Any) -> bool:
    """Whether a box may send the kind of title that we write."""
    types = wire.records(wire.filled_mapping(document, "body").get("DocumentTypes"), "DocumentTypes")
    for one in types:
        if wire.text(one.get("Name")) == DOCUMENT_TYPE:
            functions = wire.records(one.get("Functions"), "Functions")
            versions = [row for each in functions for row in wire.records(each.get("Versions"), "Versions")]
            return any(wire.text(row.get("Version")) == VERSION for row in versions)
    return False


def _id(record: Mapping[str, Any], name: str) -> str:
    found = wire.identity(record.get(name))
    if found is None:
        raise ShapeError(name)
    return found
