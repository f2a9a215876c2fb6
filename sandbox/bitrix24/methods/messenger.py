"""im.*: the list of recent dialogues, search, departments, counters and presence.

Vendor documentation, "Чаты": https://apidocs.bitrix24.ru/api-reference/chats/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.messaging import chat_of, dialog_of, message_of, messenger_user
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

FIND_CHARACTERS_MIN = 3
PAGE = 50
STATUSES = ("online", "dnd", "away", "break")
REVISION = {"rest": 32, "web": 130, "mobile": 22, "desktop": 6, "im_revision_mobile": 22}


def _mine(call: Call) -> list[Record]:
    """The caller's dialogues, the newest in front."""
    found = [chat for chat in call.portal.table("chat") if call.user_id in chat["USERS"]]
    return sorted(found, key=lambda chat: (_last(call, chat)["DATE"], _last(call, chat)["ID"]), reverse=True)


def _last(call: Call, chat: Record) -> Record:
    messages = call.portal.table("message").find("CHAT_ID", chat["ID"])
    return messages[-1] if messages else {"ID": 0, "DATE": chat["DATE"], "TEXT": "", "AUTHOR_ID": 0}


def _dialog(call: Call, chat: Record) -> str:
    if chat["TYPE"] != "P":
        return f"chat{chat['ID']}"
    return str(next((user for user in chat["USERS"] if user != call.user_id), call.user_id))


def chat_json(call: Call, chat: Record) -> Record:
    """A chat as lists show it."""
    last, count = _last(call, chat), len(call.portal.table("message").find("CHAT_ID", chat["ID"]))
    return {
        "id": chat["ID"], "parent_chat_id": 0, "parent_message_id": 0, "name": chat["TITLE"],
        "description": chat.get("DESCRIPTION"), "owner": chat["OWNER"], "extranet": False, "avatar": "",
        "color": chat.get("COLOR", "#f76187"), "type": "lines" if chat.get("LINE") else "chat", "counter": 0,
        "user_counter": len(chat["USERS"]), "message_count": count,
        "unread_id": 0, "last_message_id": last["ID"], "last_id": last["ID"], "marked_id": 0, "disk_folder_id": 0,
        "entity_type": chat.get("ENTITY_TYPE", ""), "entity_id": chat.get("ENTITY_ID", ""), "entity_data_1": "",
        "entity_data_2": "", "entity_data_3": "", "mute_list": [], "manager_list": [chat["OWNER"]],
        "date_create": moment_text(chat["DATE"], call.portal.zone), "message_type": chat["TYPE"],
    }  # fmt: skip


def _entry(call: Call, chat: Record) -> Record:
    key, last = _dialog(call, chat), _last(call, chat)
    own = key.isdigit()
    state = chat.get("STATE", {}).get(str(call.user_id), {})
    when = moment_text(last["DATE"], call.portal.zone)
    entry: Record = {
        "id": int(key) if own else key, "chat_id": chat["ID"], "type": "user" if own else "chat",
        "avatar": {"url": "", "color": chat.get("COLOR", "#f76187")},
        "title": call.portal.user_name(int(key)) if own else chat["TITLE"],
        "message": {"id": last["ID"], "text": last["TEXT"], "file": False, "author_id": last["AUTHOR_ID"],
                    "attach": bool(last.get("ATTACH")), "sticker": None, "date": when, "status": "received",
                    "uuid": None},
        "counter": 0, "last_id": last["ID"], "pinned": state.get("pinned", False), "unread": state.get("unread", False),
        "has_reminder": False, "date_update": when, "date_last_activity": when,
    }  # fmt: skip
    if own:
        entry["user"] = messenger_user(call.portal, call.portal.table("user").records[int(key)])
    else:
        entry["chat"] = chat_json(call, chat)
    return {**entry, "options": []}


def _visible(call: Call) -> list[Record]:
    return [chat for chat in _mine(call) if not chat.get("STATE", {}).get(str(call.user_id), {}).get("hidden")]


@method("im.recent.get", "im")
def recent_get(call: Call) -> Any:
    return [_entry(call, chat) for chat in _visible(call)][:PAGE]


@method("im.recent.list", "im")
def recent_list(call: Call) -> Any:
    chats = _visible(call)
    size = min(as_number(call.get("LIMIT")) or PAGE, 200)
    start = max(as_number(call.get("OFFSET")) or 0, 0)
    return {"items": [_entry(call, chat) for chat in chats[start : start + size]],
            "hasMorePages": len(chats) > start + size, "hasMore": len(chats) > start + size}  # fmt: skip


def _set_state(call: Call, name: str, *, on: bool) -> Any:
    number = dialog_of(call, write=True)
    chat = call.portal.table("chat").records[number]
    known, key = chat.get("STATE", {}), str(call.user_id)
    call.portal.patch("chat", number, {"STATE": {**known, key: {**known.get(key, {}), name: on}}})
    return True


for _name, _flag in (("pin", "PIN"), ("unread", "ACTION")):

    @method(f"im.recent.{_name}", "im", writes=True)
    def recent_mark(call: Call, name: str = _name, flag: str = _flag) -> Any:
        return _set_state(call, "pinned" if name == "pin" else "unread", on=call.text(flag) != "N")


@method("im.recent.hide", "im", writes=True)
def recent_hide(call: Call) -> Any:
    return _set_state(call, "hidden", on=True)


# -- search


def _phrase(call: Call) -> str:
    phrase = call.text("FIND")
    if len(phrase) < FIND_CHARACTERS_MIN:
        raise RestError(400, "FIND_SHORT", "Too short a search phrase.")
    return phrase.casefold()


def _some(call: Call, found: list[Any]) -> list[Any]:
    start = max(as_number(call.get("OFFSET")) or 0, 0)
    return found[start : start + min(as_number(call.get("LIMIT")) or 10, PAGE)]


@method("im.search.chat.list", "im")
def search_chats(call: Call) -> Any:
    phrase = _phrase(call)
    return _some(call, [chat_json(call, chat) for chat in _mine(call)
                        if chat["TYPE"] != "P" and phrase in chat["TITLE"].casefold()])  # fmt: skip


@method("im.search.user.list", "im")
def search_users(call: Call) -> Any:
    phrase = _phrase(call)
    found = [user for user in call.portal.table("user") if phrase in call.portal.user_name(user["ID"]).casefold()]
    return {str(user["ID"]): messenger_user(call.portal, user) for user in _some(call, found)} or []


@method("im.search.department.list", "im")
def search_departments(call: Call) -> Any:
    phrase = _phrase(call)
    found = [one for one in call.portal.table("department") if phrase in one["NAME"].casefold()]
    return _some(call, [_department(call, one) for one in found])


@method("im.search.last.get", "im")
def search_last(call: Call) -> Any:
    keys = call.identity.user.get("LAST_SEARCH", [])
    by_key = {_dialog(call, chat): chat for chat in _mine(call)}
    shown = [_entry(call, by_key[key]) for key in keys if key in by_key]
    return [{name: one[name] for name in ("id", "type", "avatar", "title", "chat", "user") if name in one}
            for one in shown]  # fmt: skip


for _name in ("add", "delete"):

    @method(f"im.search.last.{_name}", "im", writes=True)
    def search_last_change(call: Call, name: str = _name) -> Any:
        number = dialog_of(call, write=True)
        key = _dialog(call, call.portal.table("chat").records[number])
        rest = [one for one in call.identity.user.get("LAST_SEARCH", []) if one != key]
        call.portal.patch("user", call.user_id, {"LAST_SEARCH": [key, *rest] if name == "add" else rest})
        return True


# -- dialogues


@method("im.dialog.read.all", "im", writes=True)
def read_all(call: Call) -> Any:
    return True


@method("im.dialog.unread", "im", writes=True)
def dialog_unread(call: Call) -> Any:
    dialog_of(call, write=False)
    if as_number(call.get("MESSAGE_ID")) is None:
        raise RestError(400, "MESSAGE_ID_ERROR", "First unread message id can't be empty")
    return _set_state(call, "unread", on=True)


@method("im.dialog.messages.search", "im")
def messages_search(call: Call) -> Any:
    """Keys are camel here, unlike in the older im.dialog.messages.get."""
    chat = chat_of(call)
    phrase = call.text("SEARCH_MESSAGE").casefold()
    found = [
        one for one in call.portal.table("message").find("CHAT_ID", chat["ID"]) if phrase in one["TEXT"].casefold()
    ]
    zone = call.portal.zone
    shown = [
        {"id": one["ID"], "chat_id": chat["ID"], "author_id": one["AUTHOR_ID"],
         "date": moment_text(one["DATE"], zone), "text": one["TEXT"], "unread": False, "uuid": None, "replaces": [],
         "params": [], "disappearing_date": None}
        for one in reversed(found)
    ][: min(as_number(call.get("LIMIT")) or 20, PAGE)]  # fmt: skip
    authors = {one["author_id"] for one in shown}
    users = [messenger_user(call.portal, user) for user in call.portal.table("user") if user["ID"] in authors]
    return {"users": users, "files": [], "additionalMessages": [], "copilot": None, "stickers": [], "reactions": [],
            "usersShort": [], "reminders": [], "messages": shown}  # fmt: skip


@method("im.message.share", "im", writes=True)
def message_share(call: Call) -> Any:
    message_of(call)
    dialog_of(call, write=True)
    if call.text("TYPE").upper() not in ("CHAT", "TASK", "POST", "CALEND"):
        raise RestError(400, "PARAMS_ERROR", "Incorrect params")
    return True


# -- departments


def _department(call: Call, record: Record) -> Record:
    parent = call.portal.get("department", record.get("PARENT") or 0)
    full = record["NAME"] if parent is None else f"{record['NAME']} / {parent['NAME']}"
    head = record.get("UF_HEAD") or 0
    shown: Record = {"id": record["ID"], "name": record["NAME"], "full_name": full, "manager_user_id": head}
    if call.text("USER_DATA") == "Y":
        user = call.portal.get("user", head)
        shown["manager_user_data"] = None if user is None else messenger_user(call.portal, user)
    return shown


def _wanted(call: Call) -> list[Record]:
    given = call.get("ID")
    numbers = [as_number(one) for one in (given if isinstance(given, list) else [given])]
    found = [record for number in numbers if (record := call.portal.get("department", number or 0)) is not None]
    if given is None or not numbers:
        raise RestError(400, "ID_EMPTY", "Department ID can't be empty")
    return found


def _people(call: Call, numbers: list[int]) -> list[Any]:
    if call.text("USER_DATA") != "Y":
        return list(numbers)
    users = (call.portal.get("user", number) for number in numbers)
    return [messenger_user(call.portal, user) for user in users if user is not None]


def _staff(call: Call, department: int) -> list[int]:
    return [user["ID"] for user in call.portal.table("user") if department in user.get("DEPARTMENTS", [1])]


@method("im.department.get", "im")
def department_get(call: Call) -> Any:
    if not isinstance(call.get("ID"), list):
        raise RestError(400, "INVALID_FORMAT", "A wrong format for the ID field is passed")
    return [_department(call, record) for record in _wanted(call)]


@method("im.department.colleagues.list", "im")
def colleagues(call: Call) -> Any:
    mine = set(call.identity.user.get("DEPARTMENTS", [1]))
    users = [user["ID"] for user in call.portal.table("user") if mine & set(user.get("DEPARTMENTS", [1]))]
    return _people(call, [number for number in users if number != call.user_id])


@method("im.department.employees.get", "im")
def employees(call: Call) -> Any:
    return {str(one["ID"]): _people(call, _staff(call, one["ID"])) for one in _wanted(call)} or []


@method("im.department.managers.get", "im")
def managers(call: Call) -> Any:
    return {
        str(one["ID"]): _people(call, [one["UF_HEAD"]] if one.get("UF_HEAD") else []) for one in _wanted(call)
    } or []


# -- counters, presence, notifications of the past


@method("im.counters.get", "im")
def counters(call: Call) -> Any:
    unread = sum(1 for one in call.portal.table("notification").find("USER_ID", call.user_id) if one["READ"] == "N")
    return {"TYPE": {"ALL": unread, "NOTIFY": unread, "CHAT": 0, "LINES": 0, "DIALOG": 0, "MESSENGER": 0}, "CHAT": [],
            "CHAT_MUTED": [], "CHAT_UNREAD": [], "LINES": [], "DIALOG": [], "DIALOG_UNREAD": []}  # fmt: skip


@method("im.revision.get", "im")
def revision(call: Call) -> Any:
    return dict(REVISION)


@method("im.user.status.get", "im")
def status_get(call: Call) -> Any:
    return call.identity.user.get("STATUS", "online")


@method("im.user.status.set", "im", writes=True)
def status_set(call: Call) -> Any:
    if call.text("STATUS") not in STATUSES:
        raise RestError(400, "STATUS_ERROR", "Status is not available")
    call.portal.patch("user", call.user_id, {"STATUS": call.text("STATUS")})
    return True


for _name in ("start", "end"):

    @method(f"im.user.status.idle.{_name}", "im", writes=True)
    def status_idle(call: Call) -> Any:
        return True


@method("im.notify.schema.get", "im")
def notify_schema(call: Call) -> Any:
    return {"rest": {"NAME": "Приложения", "MODULE_ID": "rest",
                     "LIST": [{"ID": "rest|rest_notify", "NAME": "Уведомления приложений"}]}}  # fmt: skip


@method("im.notify.history.search", "im")
def notify_search(call: Call) -> Any:
    phrase = call.text("SEARCH_TEXT").casefold()
    if len(phrase) < FIND_CHARACTERS_MIN and not (call.get("SEARCH_TYPE") or call.get("SEARCH_DATE")):
        raise RestError(400, "SEARCH_TEXT_ERROR", "SEARCH_TEXT can't be less then 3 symbols")
    mine = call.portal.table("notification").find("USER_ID", call.user_id)
    found = [one for one in reversed(mine) if phrase in one["MESSAGE"].casefold()]
    shown = [
        {"id": one["ID"], "chat_id": call.user_id, "author_id": one["AUTHOR_ID"],
         "date": moment_text(one["DATE"], call.portal.zone), "notify_type": 2 if one["AUTHOR_ID"] else 4,
         "notify_module": "rest", "notify_event": "rest_notify", "notify_tag": one.get("TAG"),
         "notify_sub_tag": one.get("SUB_TAG"), "notify_title": "", "setting_name": "rest|rest_notify",
         "text": one["MESSAGE"], "notify_read": one["READ"], "params": None}
        for one in found
    ]  # fmt: skip
    return {"chat_id": call.user_id, "total_results": len(shown), "notifications": shown[:PAGE], "users": []}


def _own_notification(call: Call) -> Record:
    record = call.portal.get("notification", as_number(call.get("ID") or call.get("NOTIFY_ID")) or 0)
    if record is None or record["USER_ID"] != call.user_id:
        raise RestError(400, "ID_ERROR", "Notification ID can't be empty")
    return record


@method("im.notify.answer", "im", writes=True)
def notify_answer(call: Call) -> Any:
    record = _own_notification(call)
    if not call.text("ANSWER_TEXT"):
        raise RestError(400, "ANSWER_TEXT_ERROR", "ANSWER_TEXT can't be empty")
    call.portal.patch("notification", record["ID"], {"READ": "Y", "ANSWER": call.text("ANSWER_TEXT")})
    return {"result_message": ["Ваш ответ успешно отправлен."]}


@method("im.notify.confirm", "im", writes=True)
def notify_confirm(call: Call) -> Any:
    record = _own_notification(call)
    if not call.text("NOTIFY_VALUE"):
        raise RestError(400, "NOTIFY_VALUE_ERROR", "Notification Value can't be empty")
    call.portal.patch("notification", record["ID"], {"READ": "Y", "ANSWER": call.text("NOTIFY_VALUE")})
    return {"result_message": []}
