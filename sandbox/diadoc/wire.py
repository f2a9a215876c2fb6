"""Records as Diadoc writes them in JSON: PascalCase, ticks, words of its enumerations."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.core.wire import BadRequestError
from sandbox.diadoc.records import Account, Document, Organization

DOCUMENT_TYPE = "UniversalTransferDocument"
TICKS_A_SECOND = 10_000_000
EPOCH_SECONDS = 62_135_596_800


def ticks(unix: float) -> int:
    """Ticks of 100 ns since the year 1; 0 for "never"."""
    return 0 if not unix else (int(unix * 1000) * (TICKS_A_SECOND // 1000)) + EPOCH_SECONDS * TICKS_A_SECOND


def index_key(place: int) -> str:
    """An opaque key that grows with the place in the feed."""
    return base64.b64encode(place.to_bytes(16, "big")).decode()


def place_of(key: str) -> int:
    """The place that a key names; raises BadRequestError."""
    try:
        return int.from_bytes(base64.b64decode(key, validate=True), "big")
    except ValueError as error:
        raise BadRequestError("afterIndexKey") from error


def organization(one: Organization) -> dict[str, Any]:
    return {
        "OrgId": one.box_id, "OrgIdGuid": one.box_id, "Inn": one.inn, "Kpp": one.kpp, "FullName": one.full_name,
        "ShortName": one.name, "Ogrn": one.ogrn, "FnsParticipantId": f"2BM-{one.inn}-{one.kpp}-{one.box_id[:8]}",
        "IsTest": True, "IsActive": one.active, "IsRoaming": one.roaming, "IsForeign": False,
        "Sociability": one.sociability, "HasCertificateToSign": True, "LiquidationDate": None, "Departments": [],
        "Boxes": [{"BoxId": f"{one.box_id.replace('-', '')}@diadoc.ru", "BoxIdGuid": one.box_id, "Title": one.name}],
    }  # fmt: skip


def document(one: Document, place: int = 0) -> dict[str, Any]:
    return {
        "MessageId": one.message_id, "EntityId": one.entity_id, "IndexKey": index_key(place),
        "CounteragentBoxId": one.to_box, "DocumentDate": one.date, "DocumentNumber": one.number,
        "FileName": one.file_name, "Title": f"УПД № {one.number} от {one.date}", "TypeNamedId": DOCUMENT_TYPE,
        "Function": one.function, "Version": one.version, "DocumentDirection": "Outbound",
        "CreationTimestampTicks": ticks(one.created_unix), "SendTimestampTicks": ticks(one.sent_unix),
        "DeliveryTimestampTicks": ticks(one.delivered_unix), "CustomDocumentId": one.marker,
        "CustomData": one.custom_data, "Metadata": [], "IsDeleted": one.deleted, "IsTest": True,
        "SenderSignatureStatus": one.sender, "RecipientResponseStatus": one.response,
        "RevocationStatus": one.revocation, "RoamingNotificationStatus": one.roaming,
        "DocflowStatus": {"PrimaryStatus": {"Severity": "Info", "StatusText": one.response}},
    }  # fmt: skip


def message(account: Account, one: Document, *, content: bool = False) -> dict[str, Any]:
    """A message with all that was added to it; contents only where they are asked for."""
    own = {
        "EntityType": "Attachment", "EntityId": one.entity_id, "AttachmentType": DOCUMENT_TYPE,
        "FileName": one.file_name, "NeedRecipientSignature": False, "DocumentInfo": document(one),
        "Content": {"Size": len(base64.b64decode(one.content)), "Data": one.content if content else None},
    }  # fmt: skip
    added = [
        {**entity, "Content": {**entity["Content"], **({} if content else {"Data": None})}} for entity in one.entities
    ]
    partner = account.partners[one.to_box]
    return {
        "MessageId": one.message_id, "TimestampTicks": ticks(one.created_unix),
        "LastPatchTimestampTicks": ticks(one.created_unix), "FromBoxId": account.organization.box_id,
        "FromTitle": account.organization.name, "ToBoxId": one.to_box, "ToTitle": partner.name, "IsDraft": False,
        "IsDeleted": one.deleted, "IsTest": True, "LockMode": "None", "MessageType": "Letter",
        "Entities": [own, *added],
    }  # fmt: skip


def event(account: Account, told: dict[str, Any]) -> dict[str, Any]:
    """An event of the feed: a message, or what was added to one; never with contents."""
    one = account.documents[told["message_id"]]
    row: dict[str, Any] = {"EventId": f"{told['message_id']}-{told['place']}", "IndexKey": index_key(told["place"])}
    if told["kind"] == "message":
        return row | {"Message": message(account, one)}
    entities = [{**entity, "Content": {**entity["Content"], "Data": None}} for entity in told["entities"]]
    return row | {
        "Patch": {
            "MessageId": told["message_id"], "PatchId": f"{told['message_id']}-{told['place']}",
            "TimestampTicks": ticks(told["at_unix"]), "MessageType": "Letter", "Entities": entities,
            "EntityPatches": [{"EntityId": one.entity_id, "DocumentIsDeleted": told["deleted"]}],
            "MessageIsDeleted": told["deleted"], "MessageIsDelivered": told["delivered"],
        }
    }  # fmt: skip


def entity(entity_id: str, parent: str, kind: str, attachment: str, data: bytes, signer: str = "") -> dict[str, Any]:
    """A signature or a further document under a document."""
    row = {
        "EntityType": kind, "EntityId": entity_id, "ParentEntityId": parent,
        "Content": {"Size": len(data), "Data": base64.b64encode(data).decode()},
    }  # fmt: skip
    return row | ({"AttachmentType": attachment} if attachment else {}) | ({"SignerBoxId": signer} if signer else {})
