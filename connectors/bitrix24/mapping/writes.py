"""CRM commands → methods of a batch, and their answers → what was written.

Source: the vendor's documentation of crm.item.update, crm.requisite.update, crm.address.*, crm.timeline.comment.*,
im.notify.system.add, im.message.add, im.dialog.messages.get, "Files".
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, assert_never

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.values.money import decimal_from_kopecks
from connectors import wire
from connectors.bitrix24.mapping import cards
from connectors.bitrix24.schema import DEAL, ENTITY_TYPE_IDS, PAGE_ROWS, VENDOR, Base64, Command, item_of
from connectors.ports.crm import (
    RECIPIENT_REFUSED,
    AddComment,
    ChatMessage,
    CrmCommand,
    CrmWritten,
    FieldValue,
    MoneyValue,
    MoveStage,
    NotifyUser,
    PutAddress,
    PutRequisite,
    SetFields,
    UploadFile,
)
from connectors.verdicts import mismatch


def command_of(command: CrmCommand) -> Command:
    """The method that carries out a command."""
    match command:
        case SetFields():
            values = {name: _field_value(value) for name, value in command.fields.items()}
            return _update(ENTITY_TYPE_IDS[command.entity], command.entity_id, values)
        case MoveStage():
            return _update(DEAL, command.deal_id, {"stageId": command.stage_id})
        case UploadFile():
            file = _file(command.file_name, command.content)
            return _update(ENTITY_TYPE_IDS[command.entity], command.entity_id, {command.field: file})
        case AddComment():
            fields: dict[str, Any] = {
                "ENTITY_ID": command.deal_id,
                "ENTITY_TYPE": "deal",
                "COMMENT": plain(f"{command.text}\n{command.marker}"),
            }
            if command.content:
                fields["FILES"] = [_file(command.file_name, command.content)]
            return Command("crm.timeline.comment.add", {"fields": fields})
        case NotifyUser():
            return Command(
                "im.notify.system.add",
                {
                    "USER_ID": command.user_id,
                    "MESSAGE": plain(command.text),
                    "TAG": command.tag,
                    "CLIENT_ID": command.client_id,  # a webhook must name one beside a TAG
                },
            )
        case PutRequisite():
            return cards.put_requisite(replace(command, values=_plain_values(command.values)))
        case PutAddress():
            return cards.put_address(replace(command, text=plain(command.text)))
        case ChatMessage():
            return Command("im.message.add", {"DIALOG_ID": command.dialog_id, "MESSAGE": plain(command.text)})
        case _:
            assert_never(command)


def without_currency(command: CrmCommand) -> SetFields | None:
    """The command with its sums as numbers; None where it has none."""
    if not isinstance(command, SetFields) or not any(isinstance(one, MoneyValue) for one in command.fields.values()):
        return None
    numbers = {
        name: decimal_from_kopecks(value.kopecks) if isinstance(value, MoneyValue) else value
        for name, value in command.fields.items()
    }
    return replace(command, fields=numbers)


def comments_page(deal_id: str, start: int) -> Command:
    """One page of a deal's comments, newest first: what is added meanwhile moves rows to later pages, never past us."""
    return Command(
        "crm.timeline.comment.list",
        {
            "filter": {"ENTITY_ID": deal_id, "ENTITY_TYPE": "deal"},
            "order": {"ID": "DESC"},
            "select": ["ID", "COMMENT"],
            "start": start,
        },
    )


def comment_with(result: Any, marker: str) -> str | None:
    """The id of the newest comment of a page that carries the marker."""
    for record in wire.records(result, "comments"):
        if marker in wire.text(record.get("COMMENT")):
            return wire.identity(record.get("ID"))
    return None


def messages_page(message: ChatMessage) -> Command:
    """The newest messages of its dialogue; any of its participants may read them, so whoever may write may look."""
    return Command("im.dialog.messages.get", {"DIALOG_ID": message.dialog_id, "LIMIT": PAGE_ROWS})


def message_like(result: Any, message: ChatMessage) -> str | None:
    """The id of the message with this text that was said at ``said_after`` or later. Raises ShapeError."""
    for record in wire.records(wire.mapping(result, "messages").get("messages"), "messages"):
        same = wire.text(record.get("text")) == plain(message.text)
        if same and message.said_after is not None and wire.moment(record.get("date"), "date") >= message.said_after:
            return wire.identity(record.get("id"))
    return None


def written(command: CrmCommand, result: Any) -> Outcome[CrmWritten]:
    """What a command's success says. The portal drops fields and files that it does not like without an error, so the
    item it gives back is looked at. Raises ShapeError for a result of another shape."""
    match command:
        case SetFields():
            item = _item(result)
            if wire.identity(item.get("id")) != command.entity_id:
                return mismatch(VENDOR, "id", write=True)
            return _dropped(item, command.fields) or Ok(CrmWritten())
        case MoveStage():
            item = _item(result)
            if wire.identity(item.get("id")) != command.deal_id:
                return mismatch(VENDOR, "id", write=True)
            return Ok(CrmWritten(stage_id=wire.text(item.get("stageId"))))
        case UploadFile():
            item = _item(result)
            if wire.identity(item.get("id")) != command.entity_id:
                return mismatch(VENDOR, "id", write=True)
            if item.get(command.field, command) in (None, "", False, [], {}):
                return Rejected(Problem("crm_file_dropped", {"field": command.field}))
            return _dropped(item, (command.field,)) or Ok(CrmWritten())
        case AddComment() | ChatMessage():
            return Ok(CrmWritten(object_id=_new_id(result)))
        case PutRequisite() | PutAddress():
            if result is not True:
                raise wire.ShapeError("result")
            return Ok(CrmWritten())
        case NotifyUser():
            if result is False:
                return Rejected(Problem(RECIPIENT_REFUSED, {"text": ""}))
            return Ok(CrmWritten(object_id=_new_id(result)))
        case _:
            assert_never(command)


def _update(entity_type_id: int, item_id: str, fields: Mapping[str, Any]) -> Command:
    return Command(
        "crm.item.update",
        {"entityTypeId": entity_type_id, "id": item_id, "useOriginalUfNames": "Y", "fields": fields},
    )


def _field_value(value: FieldValue) -> str:
    if isinstance(value, MoneyValue):
        return f"{decimal_from_kopecks(value.kopecks)}|{value.currency}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        raise TypeError("a field takes a date; write a moment as text")
    if isinstance(value, date):
        return value.isoformat()
    return plain(str(value))


def plain(text: str) -> str:
    """Text that a batch will not take for a reference to one of its results."""
    return text.replace("$result[", "$ result[")


def _plain_values(values: Mapping[str, str]) -> dict[str, str]:
    return {name: plain(value) for name, value in values.items()}


def _file(name: str, content: bytes) -> list[str | Base64]:
    return [plain(name), Base64(b64encode(content).decode("ascii"))]


def _item(result: Any) -> Mapping[str, Any]:
    item = item_of(result)
    if item is None:
        raise wire.ShapeError("item")
    return item


def _dropped(item: Mapping[str, Any], names: Any) -> Rejected | None:
    custom = [name for name in names if name.startswith("UF_")]
    if not any(name.startswith("UF_") for name in item):
        return None  # an answer without custom fields tells nothing about them
    gone = next((name for name in custom if name not in item), None)
    return None if gone is None else Rejected(Problem("crm_field_missing", {"field": gone}))


def _new_id(result: Any) -> str:
    found = wire.identity(result) if not isinstance(result, bool) else None
    if found is None:
        raise wire.ShapeError("result")
    return found
