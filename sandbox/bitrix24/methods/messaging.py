"""im.*: notifications with their tags, chats and messages, and users as the messenger shows them."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

ATTACH_CHARACTERS_MAX = 60_000
KEYBOARD_CHARACTERS_MAX = 30_000
MESSAGE_CHARACTERS_MAX = 20_000


def structure(value: Any, name: str, limit: int) -> Any:
    """ATTACH, KEYBOARD and MENU come as an object or as a JSON string."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise RestError(400, f"{name}_ERROR", f"Incorrect {name.lower()} params") from error
    if not isinstance(value, dict | list):
        raise RestError(400, f"{name}_ERROR", f"Incorrect {name.lower()} params")
    if len(orjson.dumps(value)) > limit:
        raise RestError(400, f"{name}_OVERSIZE", f"You have exceeded the maximum allowable size of {name.lower()}")
    return value


def _attach(call: Call) -> Any:
    return structure(call.get("ATTACH"), "ATTACH", ATTACH_CHARACTERS_MAX)


# -- notifications


def _client(call: Call, *, demanded: bool) -> str:
    """Tags belong to an application; a webhook names one by CLIENT_ID."""
    if call.identity.app is not None:
        return call.identity.app
    client = call.text("CLIENT_ID")
    if not client and demanded:
        raise RestError(403, "ACCESS_DENIED", "Access denied! Client ID not specified")
    return "custom" + client


def _notify(call: Call, *, system: bool) -> Any:
    user_id = as_number(call.get("USER_ID") or call.get("TO"))
    if not user_id:
        raise RestError(400, "USER_ID_EMPTY", "User ID can't be empty")
    message = call.text("MESSAGE")
    if not message:
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    attach = _attach(call)
    tag, sub_tag = call.text("TAG"), call.text("SUB_TAG")
    demanded = bool(call.portal.settings["tags_need_client_id"])
    client = _client(call, demanded=demanded) if tag or sub_tag else ""
    if call.portal.get("user", user_id) is None:
        return False
    if tag:
        for record in call.portal.table("notification").find("TAG", f"{client}|{tag}"):
            call.portal.drop("notification", record["ID"])
    return call.portal.put(
        "notification",
        {
            "USER_ID": user_id, "AUTHOR_ID": 0 if system else call.user_id, "DATE": call.portal.now(),
            "MESSAGE": message[:MESSAGE_CHARACTERS_MAX], "MESSAGE_OUT": call.text("MESSAGE_OUT") or None,
            "TAG": f"{client}|{tag}" if tag else None, "SUB_TAG": f"{client}|{sub_tag}" if sub_tag else None,
            "ATTACH": attach, "READ": "N",
        },
    )  # fmt: skip


@method("im.notify.system.add", "im", writes=True)
def notify_system(call: Call) -> Any:
    return _notify(call, system=True)


@method("im.notify.personal.add", "im", writes=True)
def notify_personal(call: Call) -> Any:
    return _notify(call, system=False)


@method("im.notify", "im", writes=True)
def notify(call: Call) -> Any:
    return _notify(call, system=call.text("TYPE").upper() == "SYSTEM")


@method("im.notify.delete", "im", writes=True)
def notify_delete(call: Call) -> Any:
    table = call.portal.table("notification")
    number = as_number(call.get("ID"))
    if number is not None:
        found = [record] if (record := table.get(number)) is not None else []
    elif call.text("TAG"):
        found = table.find("TAG", f"{_client(call, demanded=True)}|{call.text('TAG')}")
    elif call.text("SUB_TAG"):
        wanted = f"{_client(call, demanded=True)}|{call.text('SUB_TAG')}"
        found = [record for record in table if record.get("SUB_TAG") == wanted]
    else:
        raise RestError(400, "PARAMS_ERROR", "Incorrect params")
    for record in list(found):
        call.portal.drop("notification", record["ID"])
    return bool(found)


@method("im.notify.get", "im")
def notify_get(call: Call) -> Any:
    found = call.portal.table("notification").find("USER_ID", call.user_id)
    zone = call.portal.zone
    shown = [
        {"id": record["ID"], "chat_id": call.user_id, "author_id": record["AUTHOR_ID"],
         "date": moment_text(record["DATE"], zone), "notify_type": 2 if record["AUTHOR_ID"] else 4,
         "notify_module": "rest", "notify_event": "rest_notify", "notify_tag": record.get("TAG"),
         "notify_sub_tag": record.get("SUB_TAG"), "notify_title": "", "setting_name": "rest|rest_notify",
         "text": record["MESSAGE"], "notify_read": record["READ"], "params": None}
        for record in reversed(found)
    ]  # fmt: skip
    unread = sum(1 for record in found if record["READ"] == "N")
    return {"total_count": len(found), "total_unread_count": unread, "chat_id": call.user_id,
            "notifications": shown[:50], "users": []}  # fmt: skip


# -- chats and messages


def known_private_chat(portal: Portal, one: int, other: int) -> int:
    """The dialogue of two users; 0 before the first message."""
    pair = sorted((one, other))
    return next((int(r["ID"]) for r in portal.table("chat") if r["TYPE"] == "P" and r["USERS"] == pair), 0)


def private_chat(portal: Portal, one: int, other: int) -> int:
    """The dialogue of two users; made on the first message."""
    if known := known_private_chat(portal, one, other):
        return known
    pair = sorted((one, other))
    return portal.put("chat", {"TYPE": "P", "TITLE": "", "USERS": pair, "OWNER": one, "DATE": portal.now()})


def dialog_of(call: Call, *, write: bool) -> int:
    """DIALOG_ID: `chat42`, `sg42` or the id of a user."""
    raw = call.text("DIALOG_ID")
    if not raw:
        raise RestError(400, "DIALOG_ID_EMPTY", "Dialog ID can't be empty")
    for prefix in ("chat", "sg"):
        if raw.lower().startswith(prefix):
            number = as_number(raw[len(prefix) :])
            if not number:
                raise RestError(400, "CHAT_ID", "Chat ID can't be empty")
            record = call.portal.get("chat", number)
            if record is None or call.user_id not in record["USERS"]:
                raise RestError(400, "CANCELED", "Message sending has been cancelled")
            return number
    user_id = as_number(raw)
    if not user_id:
        raise RestError(400, "USER_ID_EMPTY", "User ID can't be empty")
    if call.portal.get("user", user_id) is None:
        raise RestError(400, "USER_NOT_FOUND", "User not found")
    find = private_chat if write else known_private_chat
    return find(call.portal, call.user_id, user_id)


@method("im.message.add", "im", writes=True)
def message_add(call: Call) -> Any:
    chat_id = dialog_of(call, write=True)
    attach = _attach(call)
    message = call.text("MESSAGE")
    if not message and attach is None:
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    keyboard = structure(call.get("KEYBOARD"), "KEYBOARD", KEYBOARD_CHARACTERS_MAX)
    menu = structure(call.get("MENU"), "MENU", KEYBOARD_CHARACTERS_MAX)
    values: Record = {
        "CHAT_ID": chat_id, "AUTHOR_ID": 0 if call.text("SYSTEM") == "Y" else call.user_id, "DATE": call.portal.now(),
        "TEXT": message[:MESSAGE_CHARACTERS_MAX], "ATTACH": attach, "KEYBOARD": keyboard, "MENU": menu,
        "REPLY_ID": as_number(call.get("REPLY_ID")),
    }  # fmt: skip
    return call.portal.put("message", values)


def message_of(call: Call) -> Record:
    record = call.portal.get("message", as_number(call.get("MESSAGE_ID")) or 0)
    if record is None:
        raise RestError(400, "MESSAGE_ID_ERROR", "Message ID can't be empty")
    return record


def _message(call: Call) -> Record:
    record = message_of(call)
    if record["AUTHOR_ID"] not in (0, call.user_id):
        raise RestError(400, "CANT_EDIT_MESSAGE", "Time has expired for modification or you don't have access")
    return record


@method("im.message.update", "im", writes=True)
def message_update(call: Call) -> Any:
    record = _message(call)
    call.portal.patch("message", record["ID"], {"TEXT": call.text("MESSAGE"), "ATTACH": _attach(call)})
    return True


@method("im.message.delete", "im", writes=True)
def message_delete(call: Call) -> Any:
    call.portal.drop("message", _message(call)["ID"])
    return True


@method("im.dialog.messages.get", "im")
def messages_get(call: Call) -> Any:
    chat_id = dialog_of(call, write=False)
    limit = min(as_number(call.get("LIMIT")) or 20, 50)
    last = as_number(call.get("LAST_ID"))
    found = [
        m for m in reversed(call.portal.table("message").find("CHAT_ID", chat_id)) if last is None or m["ID"] < last
    ]
    shown = [
        {"id": record["ID"], "chat_id": chat_id, "author_id": record["AUTHOR_ID"],
         "date": moment_text(record["DATE"], call.portal.zone), "text": record["TEXT"], "unread": False, "uuid": None,
         "replaces": [], "params": {"ATTACH": record["ATTACH"]} if record.get("ATTACH") else [],
         "disappearing_date": None}
        for record in found[:limit]
    ]  # fmt: skip
    authors = {record["author_id"] for record in shown}
    users = [messenger_user(call.portal, user) for user in call.portal.table("user") if user["ID"] in authors]
    return {"chat_id": chat_id, "messages": shown, "users": users, "files": []}


def add_chat(portal: Portal, title: str, users: list[int], owner: int, number: int | None = None, **more: Any) -> int:
    members = sorted({owner, *users})
    values: Record = {"TYPE": "C", "TITLE": title, "USERS": members, "OWNER": owner, "DATE": portal.now(), **more}
    return portal.put("chat", values, number)


@method("im.chat.add", "im", writes=True)
def chat_add(call: Call) -> Any:
    users = call.get("USERS")
    numbers = [number for number in map(as_number, users if isinstance(users, list) else []) if number]
    made = add_chat(
        call.portal, call.text("TITLE") or "Чат", numbers, call.user_id,
        ENTITY_TYPE=call.text("ENTITY_TYPE") or None, ENTITY_ID=call.text("ENTITY_ID") or None,
        DESCRIPTION=call.text("DESCRIPTION") or None,
    )  # fmt: skip
    if call.text("MESSAGE"):
        call.portal.put("message", {"CHAT_ID": made, "AUTHOR_ID": call.user_id, "DATE": call.portal.now(),
                                    "TEXT": call.text("MESSAGE")})  # fmt: skip
    return made


@method("im.chat.get", "im")
def chat_get(call: Call) -> Any:
    for name in ("ENTITY_TYPE", "ENTITY_ID"):
        if not call.text(name):
            raise RestError(400, f"{name}_EMPTY", f"{name} can't be empty")
    for record in call.portal.table("chat"):
        if record.get("ENTITY_TYPE") == call.text("ENTITY_TYPE") and record.get("ENTITY_ID") == call.text("ENTITY_ID"):
            return {"ID": record["ID"]}
    return None


def chat_of(call: Call) -> Record:
    record = call.portal.get("chat", as_number(call.get("CHAT_ID")) or 0)
    if record is None or call.user_id not in record["USERS"]:
        raise RestError(400, "CHAT_ID_EMPTY", "Chat ID can't be empty")
    return record


@method("im.chat.user.list", "im")
def chat_users(call: Call) -> Any:
    return chat_of(call)["USERS"]


@method("im.chat.user.add", "im", writes=True)
def chat_user_add(call: Call) -> Any:
    record = chat_of(call)
    users = call.get("USERS")
    numbers = [number for number in map(as_number, users if isinstance(users, list) else []) if number]
    call.portal.patch("chat", record["ID"], {"USERS": sorted({*record["USERS"], *numbers})})
    return True


@method("im.chat.user.delete", "im", writes=True)
def chat_user_delete(call: Call) -> Any:
    record = chat_of(call)
    gone = as_number(call.get("USER_ID"))
    call.portal.patch("chat", record["ID"], {"USERS": [number for number in record["USERS"] if number != gone]})
    return True


@method("im.chat.updateTitle", "im", writes=True)
def chat_title(call: Call) -> Any:
    call.portal.patch("chat", chat_of(call)["ID"], {"TITLE": call.text("TITLE")})
    return True


@method("im.dialog.get", "im")
def dialog_get(call: Call) -> Any:
    number = dialog_of(call, write=True)
    record = call.portal.table("chat").records[number]
    messages = call.portal.table("message").find("CHAT_ID", number)
    last = messages[-1]["ID"] if messages else 0
    return {
        "id": number, "name": record["TITLE"], "description": record.get("DESCRIPTION", ""), "owner": record["OWNER"],
        "extranet": False, "avatar": "", "color": record.get("COLOR", "#f76187"), "type": "chat", "counter": 0,
        "user_counter": len(record["USERS"]), "message_count": len(messages), "unread_id": 0,
        "last_message_id": last, "last_id": last, "marked_id": 0, "disk_folder_id": 0,
        "entity_type": record.get("ENTITY_TYPE", ""), "entity_id": record.get("ENTITY_ID", ""),
        "entity_data_1": "", "entity_data_2": "", "entity_data_3": "", "mute_list": [], "manager_list": [],
        "readed_list": [], "date_create": moment_text(record["DATE"], call.portal.zone),
        "message_type": record["TYPE"], "public": "", "role": "owner" if record["OWNER"] == call.user_id else "member",
        "text_field_enabled": True, "is_new": False, "dialog_id": call.text("DIALOG_ID"),
    }  # fmt: skip


# -- users


def messenger_user(portal: Portal, record: Record) -> Record:
    return {
        "id": record["ID"], "active": record["ACTIVE"] == "Y", "name": portal.user_name(record["ID"]),
        "first_name": record.get("NAME", ""), "last_name": record.get("LAST_NAME", ""),
        "work_position": record.get("POSITION", ""), "color": "#048bd0", "avatar": "", "avatar_hr": "",
        "gender": "M", "birthday": "", "extranet": False, "network": False, "bot": False, "connector": False,
        "external_auth_id": "default", "status": "online", "idle": False,
        "last_activity_date": moment_text(portal.now(), portal.zone), "mobile_last_date": False,
        "desktop_last_date": False, "absent": False, "departments": record.get("DEPARTMENTS", [1]), "phones": False,
        "bot_data": None,
        "type": "user", "website": "", "email": record.get("EMAIL", ""),
    }  # fmt: skip


@method("im.user.get", "im")
def user_get(call: Call) -> Any:
    number = as_number(call.get("ID")) or call.user_id
    record = call.portal.get("user", number)
    if record is None:
        raise RestError(400, "USER_NOT_EXISTS", "User does not exist or blocked")
    return messenger_user(call.portal, record)


@method("im.user.list.get", "im")
def user_list(call: Call) -> Any:
    numbers = call.get("ID")
    wanted = [as_number(number) for number in (numbers if isinstance(numbers, list) else [])]
    if not wanted:
        raise RestError(400, "INVALID_FORMAT", "A wrong format for the ID field is passed")
    found = {
        str(user["ID"]): messenger_user(call.portal, user) for user in call.portal.table("user") if user["ID"] in wanted
    }
    return found or []
