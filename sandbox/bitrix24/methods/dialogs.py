"""Small methods of the messenger: reading, typing, liking, muting, leaving, ownership."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import drive
from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.messaging import chat_of, dialog_of, message_of, messenger_user
from sandbox.bitrix24.methods.registry import method


@method("im.chat.leave", "im", writes=True)
def chat_leave(call: Call) -> Any:
    record = chat_of(call)
    rest = [number for number in record["USERS"] if number != call.user_id]
    call.portal.patch("chat", record["ID"], {"USERS": rest})
    return True


@method("im.chat.setOwner", "im", writes=True)
def chat_set_owner(call: Call) -> Any:
    record = chat_of(call)
    owner = as_number(call.get("USER_ID"))
    if owner not in record["USERS"]:
        raise RestError(400, "WRONG_REQUEST", "You don't have access or user isn't member in chat")
    call.portal.patch("chat", record["ID"], {"OWNER": owner})
    return True


@method("im.chat.mute", "im", writes=True)
def chat_mute(call: Call) -> Any:
    chat_of(call)
    return True


@method("im.chat.updateColor", "im", writes=True)
def chat_color(call: Call) -> Any:
    call.portal.patch("chat", chat_of(call)["ID"], {"COLOR": call.text("COLOR")})
    return True


@method("im.dialog.read", "im", writes=True)
def dialog_read(call: Call) -> Any:
    return {"dialogId": call.text("DIALOG_ID"), "chatId": dialog_of(call, write=False), "counter": 0}


@method("im.dialog.writing", "im")
def dialog_writing(call: Call) -> Any:
    dialog_of(call, write=False)
    return True


@method("im.dialog.users.list", "im")
def dialog_users(call: Call) -> Any:
    record = call.portal.get("chat", dialog_of(call, write=True))
    members = [] if record is None else record["USERS"]
    return [messenger_user(call.portal, user) for user in call.portal.table("user") if user["ID"] in members]


def _mark(call: Call, numbers: list[int], read: str) -> None:
    for record in call.portal.table("notification").find("USER_ID", call.user_id):
        if record["ID"] in numbers and record["READ"] != read:
            call.portal.patch("notification", record["ID"], {"READ": read})


def _own_notifications(call: Call) -> list[int]:
    return [record["ID"] for record in call.portal.table("notification").find("USER_ID", call.user_id)]


@method("im.notify.read", "im", writes=True)
def notify_read(call: Call) -> Any:
    """The notification and all later ones, unless ONLY_CURRENT is Y; ACTION N makes them unread."""
    first = as_number(call.get("ID"))
    if first is not None:
        alone = call.text("ONLY_CURRENT") == "Y"
        numbers = [number for number in _own_notifications(call) if (number == first if alone else number >= first)]
        _mark(call, numbers, "N" if call.text("ACTION") == "N" else "Y")
    return True


@method("im.notify.read.list", "im", writes=True)
def notify_read_list(call: Call) -> Any:
    given = call.get("IDS")
    numbers = [number for number in map(as_number, given if isinstance(given, list) else []) if number]
    if not numbers:
        raise RestError(400, "PARAMS_ERROR", "No IDS param or it is not an array")
    _mark(call, numbers, "N" if call.text("ACTION") == "N" else "Y")
    return True


@method("im.notify.read.all", "im", writes=True)
def notify_read_all(call: Call) -> Any:
    _mark(call, _own_notifications(call), "Y")
    return {"result": True, "newCounter": 0}


@method("im.message.like", "im", writes=True)
def message_like(call: Call) -> Any:
    """ACTION plus, minus or auto (the other way round)."""
    record = message_of(call)
    likes: list[int] = record.get("LIKES", [])
    wanted = {"plus": True, "minus": False}.get(call.text("ACTION"), call.user_id not in likes)
    if wanted == (call.user_id in likes):
        raise RestError(400, "WITHOUT_CHANGES", "Status doesn't changed after request")
    rest = [number for number in likes if number != call.user_id]
    call.portal.patch("message", record["ID"], {"LIKES": [*rest, call.user_id] if wanted else rest})
    return True


@method("im.disk.folder.get", "im", writes=True)
def chat_folder(call: Call) -> Any:
    """Where a chat's files are kept: a folder of its own in the messenger's storage, made when first asked for."""
    if not call.text("CHAT_ID") and not call.text("DIALOG_ID"):
        raise RestError(400, "CHAT_ID_EMPTY", "Chat ID can't be empty")
    named = call.text("CHAT_ID") or call.text("DIALOG_ID").removeprefix("chat")
    if not call.text("CHAT_ID") and as_number(named) is None:
        raise RestError(400, "DIALOG_ID_EMPTY", "Dialog ID can't be empty")
    chat = call.portal.get("chat", as_number(named) or 0)
    if chat is None or call.user_id not in chat["USERS"]:
        raise RestError(403, "ACCESS_ERROR", "You do not have access to the specified dialog")
    if "FOLDER" not in chat:
        root = drive.storage_of(call.portal, "im", "chats", "Файлы чатов")["ROOT_OBJECT_ID"]
        parent = call.portal.table("diskobject").records[root]
        made = drive.add_folder(call.portal, parent, f"chat{chat['ID']}", call.user_id)
        call.portal.patch("chat", chat["ID"], {"FOLDER": made["ID"]})
    return {"ID": chat["FOLDER"]}
