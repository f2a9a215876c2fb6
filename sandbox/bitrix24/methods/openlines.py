"""imopenlines.*: chats of clients that belong to objects of the CRM, and the lines through which they come.

Vendor documentation, "Открытые линии": https://apidocs.bitrix24.ru/api-reference/imopenlines/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.messaging import add_chat
from sandbox.bitrix24.methods.messenger import chat_json
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

SCOPE = "imopenlines"
OWNERS = ("lead", "deal", "company", "contact")
CONNECTORS = {"livechat": "Онлайн-чат", "telegrambot": "Telegram", "vkgroup": "ВКонтакте", "wz_whatsapp": "WhatsApp"}


def add_line_chat(portal: Portal, owner: str, number: int, text: str, connector: str, operator: int) -> int:
    """A chat in which a client wrote; the operator takes it."""
    title = f"{CONNECTORS.get(connector, connector)}: клиент"
    made = add_chat(portal, title, [], operator, LINE=connector, CRM=[owner, number], TYPE="L", ENTITY_TYPE="LINES",
                    ENTITY_ID=f"{connector}|1|{number}|{operator}")  # fmt: skip
    portal.put("message", {"CHAT_ID": made, "AUTHOR_ID": 0, "DATE": portal.now(), "TEXT": text})
    return made


def _argument(name: str, *, kind: bool = False) -> RestError:
    text = (f"The value of an argument '{name}' has an invalid type" if kind
            else f"Argument '{name}' is null or empty")  # fmt: skip
    return RestError(400, "ERROR_ARGUMENT", text, argument=name)


def _needed(call: Call, name: str) -> int:
    if call.get(name) in (None, "", 0, "0", [], {}):
        raise _argument(name)
    number = as_number(call.get(name))
    if number is None:
        raise _argument(name, kind=True)
    return number


def _owner(call: Call) -> list[Any]:
    kind = call.text("CRM_ENTITY_TYPE").lower()
    if not kind:
        raise _argument("CRM_ENTITY_TYPE")
    number = _needed(call, "CRM_ENTITY")
    if kind not in OWNERS or call.portal.get(kind, number) is None:
        raise RestError(403, "ACCESS_DENIED", "Access denied! You dont have access to this action")
    return [kind, number]


def _chats(call: Call, owner: list[Any], *, active: bool) -> list[Record]:
    found = [chat for chat in call.portal.table("chat") if chat.get("CRM") == owner]
    return [chat for chat in found if not (active and chat.get("CLOSED") == "Y")]


def _chat(call: Call, owner: list[Any]) -> Record:
    """The chat that CHAT_ID names, the owner's last one without it."""
    chats = _chats(call, owner, active=False)
    number = as_number(call.get("CHAT_ID"))
    chosen = chats[-1:] if number is None else [chat for chat in chats if chat["ID"] == number]
    if not chosen:
        raise RestError(400, "CHAT_NOT_IN_CRM", "Chat does not belong to the CRM entity being checked")
    return chosen[0]


@method("imopenlines.crm.chat.get", SCOPE)
def crm_chats(call: Call) -> Any:
    owner = _owner(call)
    chats = _chats(call, owner, active=call.text("ACTIVE_ONLY") != "N")
    return [{"CHAT_ID": str(chat["ID"]), "CONNECTOR_ID": chat["LINE"],
             "CONNECTOR_TITLE": CONNECTORS.get(chat["LINE"], chat["LINE"])} for chat in chats]  # fmt: skip


@method("imopenlines.crm.chat.getLastId", SCOPE)
def crm_last_chat(call: Call) -> Any:
    if not call.text("CRM_ENTITY_TYPE") or not call.get("CRM_ENTITY"):
        raise RestError(400, "CRM_CHAT_EMPTY_CRM_DATA", "Empty CRM data")
    chats = _chats(call, _owner(call), active=False)
    return chats[-1]["ID"] if chats else None


def _user(call: Call) -> int:
    number = _needed(call, "USER_ID")
    user = call.portal.get("user", number)
    if user is None or user["ACTIVE"] != "Y":
        raise RestError(400, "CRM_CHAT_USER_NOT_ACTIVE", "User not active")
    return number


@method("imopenlines.crm.chat.user.add", SCOPE, writes=True)
def crm_chat_user_add(call: Call) -> Any:
    owner = _owner(call)
    user, chat = _user(call), _chat(call, owner)
    if user in chat["USERS"]:
        raise RestError(400, "WRONG_REQUEST", "You don't have access or user already member in chat")
    call.portal.patch("chat", chat["ID"], {"USERS": sorted([*chat["USERS"], user])})
    return chat["ID"]


@method("imopenlines.crm.chat.user.delete", SCOPE, writes=True)
def crm_chat_user_delete(call: Call) -> Any:
    owner = _owner(call)
    user, chat = _user(call), _chat(call, owner)
    if user not in chat["USERS"]:
        raise RestError(400, "WRONG_REQUEST", "You don't have access or user already not in chat")
    call.portal.patch("chat", chat["ID"], {"USERS": [one for one in chat["USERS"] if one != user]})
    return chat["ID"]


@method("imopenlines.crm.message.add", SCOPE, writes=True)
def crm_message_add(call: Call) -> Any:
    """Text to the client, from an employee who is in the chat."""
    owner = _owner(call)
    user = _needed(call, "USER_ID")
    _needed(call, "CHAT_ID")
    if not call.text("MESSAGE"):
        raise _argument("MESSAGE")
    chat = _chat(call, owner)
    if user not in chat["USERS"]:
        raise RestError(400, "MESSAGE_ADD_ERROR", "Message has not been added. See description for details")
    return call.portal.put("message", {"CHAT_ID": chat["ID"], "AUTHOR_ID": user, "DATE": call.portal.now(),
                                       "TEXT": call.text("MESSAGE"), "TO_CLIENT": "Y"})  # fmt: skip


@method("imopenlines.dialog.get", SCOPE)
def dialog_get(call: Call) -> Any:
    raw = call.text("CHAT_ID") or call.text("DIALOG_ID").removeprefix("chat")
    chat = call.portal.get("chat", as_number(raw) or 0)
    if chat is None or not chat.get("LINE") or (call.user_id not in chat["USERS"] and not is_admin(call)):
        raise RestError(400, "ACCESS_ERROR", "You do not have access to the specified dialog")
    return {**chat_json(call, chat), "dialog_id": f"chat{chat['ID']}"}


for _name, _closed in (("finish", "Y"), ("answer", None)):

    @method(f"imopenlines.operator.{_name}", SCOPE, writes=True)
    def operator_act(call: Call, closed: str | None = _closed) -> Any:
        """An operator ends a dialogue, or takes it."""
        chat = call.portal.get("chat", as_number(call.get("CHAT_ID")) or 0)
        if chat is None or not chat.get("LINE"):
            raise RestError(400, "CHAT_ID", "Chat ID can't be empty")
        call.portal.patch("chat", chat["ID"], {"CLOSED": closed, "USERS": sorted({*chat["USERS"], call.user_id})})
        return True


# -- lines


def _line(record: Record) -> Record:
    return {"ID": str(record["ID"]), "ACTIVE": record["ACTIVE"], "LINE_NAME": record["LINE_NAME"],
            "CRM": record.get("CRM", "Y"), "CRM_CREATE": record.get("CRM_CREATE", "lead"),
            "QUEUE_TYPE": record.get("QUEUE_TYPE", "evenly"), "LANGUAGE_ID": record.get("LANGUAGE_ID", "ru"),
            "QUEUE": [str(one) for one in record.get("QUEUE", [])]}  # fmt: skip


@method("imopenlines.config.list.get", SCOPE)
def config_list(call: Call) -> Any:
    return [_line(record) for record in call.portal.table("line")]


def _config(call: Call) -> Record:
    record = call.portal.get("line", as_number(call.get("CONFIG_ID")) or 0)
    if record is None:
        raise RestError(400, "CONFIG_ID_EMPTY", "Config ID can't be empty")
    return record


@method("imopenlines.config.get", SCOPE)
def config_get(call: Call) -> Any:
    return _line(_config(call))


def _params(call: Call) -> Record:
    given = call.get("PARAMS")
    fields = {key.upper(): value for key, value in given.items()} if isinstance(given, dict) else {}
    kept: Record = {name: str(fields[name]) for name in ("LINE_NAME", "ACTIVE", "CRM", "CRM_CREATE", "QUEUE_TYPE",
                                                         "LANGUAGE_ID") if name in fields}  # fmt: skip
    queue = fields.get("QUEUE")
    if isinstance(queue, list):
        numbers = (as_number(one.get("ENTITY_ID") if isinstance(one, dict) else one) for one in queue)
        kept["QUEUE"] = [number for number in numbers if number]
    return kept


@method("imopenlines.config.add", SCOPE, writes=True)
def config_add(call: Call) -> Any:
    fresh = {"LINE_NAME": "Открытая линия", "ACTIVE": "Y", "QUEUE": [call.user_id]}
    return call.portal.put("line", {**fresh, **_params(call)})


@method("imopenlines.config.update", SCOPE, writes=True)
def config_update(call: Call) -> Any:
    call.portal.patch("line", _config(call)["ID"], _params(call))
    return True


@method("imopenlines.config.delete", SCOPE, writes=True)
def config_delete(call: Call) -> Any:
    call.portal.drop("line", _config(call)["ID"])
    return True


# -- lines of other portals: none is reachable from here


for _name in ("join", "message.add"):

    @method(f"imopenlines.network.{_name}", SCOPE, writes=True)
    def network(call: Call) -> Any:
        code = call.text("CODE")
        if len(code) != 32:
            raise RestError(400, "CODE", "You entered an invalid code")
        raise RestError(400, "NOT_FOUND", "Line not found")
