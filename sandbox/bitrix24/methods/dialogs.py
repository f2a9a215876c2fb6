"""Small chat methods that leave little or no trace: reading, typing, muting, leaving, ownership."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.messaging import chat_of, dialog_of, messenger_user
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
