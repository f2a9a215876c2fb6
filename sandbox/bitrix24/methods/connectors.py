"""imconnector.*: an application's own channel into the portal's open lines.

Vendor documentation, "Коннекторы мессенджеров": https://apidocs.bitrix24.ru/api-reference/imopenlines/imconnector/

The client of a channel is no user here, so `user` is the id of the chat
at the other end; what an operator answers is not sent to the channel.
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.applications import empty
from sandbox.bitrix24.methods.messaging import add_chat
from sandbox.bitrix24.methods.openlines import CONNECTORS
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE = "imopenlines"
SWITCHED_OFF = ("", "0", "False")


def _failed(code: str, text: str) -> Record:
    """Registration is refused inside a success."""
    return {"result": False, "error": code, "error_description": text}


def _own(call: Call, code: str) -> Record | None:
    known = (one for one in call.portal.table("connector") if one["APP_ID"] == call.identity.app_id)
    return next((one for one in known if one["CODE"] == code), None)


@method("imconnector.register", SCOPE, app_only=True, writes=True)
def connector_register(call: Call) -> Any:
    """A second registration of the same code changes the connector."""
    code, icon = call.text("ID").lower(), call.get("ICON")
    for wrong, error, text in (
        ("." in code, "APPLICATION_REGISTRATION_ERROR_POINT",
         "Ошибка регистрации приложения. В идентификаторе коннектора недопустимо использовать точку"),
        (not code, "CONNECTOR_ID_REQUIRED", "Не указан ID коннектора"),
        (not call.text("NAME"), "NAME_REQUIRED", "Не указано имя коннектора"),
        (not isinstance(icon, dict) or not icon.get("DATA_IMAGE"), "ICON_REQUIRED", "Не указана иконка коннектора"),
        (not call.text("PLACEMENT_HANDLER"), "NO_PLACEMENT_HANDLER",
         "Не удалось получить URL обработчика встраивания"),
    ):  # fmt: skip
        if wrong:
            return _failed(error, text)
    known = _own(call, code)
    values = {"APP_ID": call.identity.app_id, "CODE": code, "NAME": call.text("NAME"),
              "HANDLER": call.text("PLACEMENT_HANDLER"), "LINES": {} if known is None else known["LINES"]}  # fmt: skip
    call.portal.put("connector", values, None if known is None else known["ID"])
    return {"result": True}


@method("imconnector.unregister", SCOPE, app_only=True, writes=True)
def connector_unregister(call: Call) -> Any:
    known = _own(call, call.text("ID").lower())
    if known is None:
        return _failed("APPLICATION_UNREGISTRATION_ERROR", "Ошибка снятия регистрации приложения")
    call.portal.drop("connector", known["ID"])
    return {"result": True}


@method("imconnector.list", SCOPE, app_only=True)
def connector_list(call: Call) -> Any:
    return {**CONNECTORS, **{one["CODE"]: one["NAME"] for one in call.portal.table("connector")}}


# -- a connector in a line


def _needed(call: Call, *names: str) -> None:
    for name in names:
        if call.get(name) in (None, "", []):
            raise empty(name)


def _line(call: Call) -> int:
    """The open line of the call. Raises RestError where it is not there or rests."""
    number = as_number(call.get("LINE")) or 0
    record = call.portal.get("line", number)
    if record is None or record["ACTIVE"] != "Y":
        raise RestError(400, "NOT_ACTIVE_LINE", "Линия c таким ID неактивна или не существует")
    return number


def _connector(call: Call) -> Record:
    _needed(call, "CONNECTOR", "LINE")
    known = _own(call, call.text("CONNECTOR").lower())
    if known is None:
        text = "Не удалось найти подходящий провайдер для коннектора"
        raise RestError(400, "IMCONNECTOR_NO_CORRECT_PROVIDER", text)
    return known


def _set(call: Call, record: Record, line: int, **values: Any) -> None:
    lines: Record = record["LINES"]
    held = {**lines, str(line): {**lines.get(str(line), {}), **values}}
    call.portal.patch("connector", record["ID"], {"LINES": held})


@method("imconnector.activate", SCOPE, app_only=True, writes=True)
def connector_activate(call: Call) -> Any:
    if call.get("ACTIVE") is None:
        _needed(call, "CONNECTOR", "LINE")
        raise empty("ACTIVE")
    _set(call, _connector(call), _line(call), ACTIVE=call.text("ACTIVE") not in SWITCHED_OFF)
    return True


@method("imconnector.connector.data.set", SCOPE, app_only=True, writes=True)
def connector_data(call: Call) -> Any:
    record = _connector(call)
    _needed(call, "DATA")
    _set(call, record, _line(call), DATA=call.get("DATA"))
    return True


@method("imconnector.status", SCOPE, app_only=True)
def connector_status(call: Call) -> Any:
    """Of line 0 where none is named, so nothing is set there."""
    _needed(call, "CONNECTOR")
    code, line = call.text("CONNECTOR").lower(), as_number(call.get("LINE")) or 0
    known = _own(call, code)
    held: Record = {} if known is None else known["LINES"].get(str(line), {})
    active = bool(held.get("ACTIVE"))
    return {"LINE": line, "CONNECTOR": code, "ERROR": False, "CONFIGURED": active, "STATUS": active}


# -- messages


def _chat(call: Call, record: Record, line: int, entry: Record) -> Record:
    """The chat of a client of the channel, made at the first message."""
    mark = f"{record['CODE']}|{line}|{entry['chat'].get('id')}|{entry['user'].get('id')}"
    found = next((one for one in call.portal.table("chat") if one.get("ENTITY_ID") == mark), None)
    if found is not None:
        return found
    title = str(entry["chat"].get("name") or entry["user"].get("name") or record["NAME"])
    made = add_chat(call.portal, title, [], call.user_id, LINE=record["CODE"], TYPE="L", ENTITY_TYPE="LINES",
                    ENTITY_ID=mark)  # fmt: skip
    return call.portal.table("chat").records[made]


def _entries(call: Call) -> list[Record]:
    _needed(call, "MESSAGES")
    given = call.get("MESSAGES")
    if not isinstance(given, list):
        text = "The value of an argument 'MESSAGES' must be of type array"
        raise RestError(400, "ERROR_ARGUMENT", text, argument="MESSAGES")
    if not all(isinstance(one, dict) for one in given):
        text = "The MESSAGES parameter must be an array of messages (arrays)"
        raise RestError(400, "ERROR_ARGUMENT", text, argument="MESSAGES")
    return given


def _whole(entries: list[Record], *names: str) -> None:
    for one in entries:
        if not all(isinstance(one.get(name), dict) for name in names):
            text = "The incorrect structure of a message inside MESSAGES parameter"
            raise RestError(400, "ERROR_ARGUMENT", text, argument="MESSAGES")


def _said(call: Call, chat: Record, mark: str) -> Record | None:
    found = call.portal.table("message").find("CHAT_ID", chat["ID"])
    return next((one for one in found if mark and one.get("EXTERNAL_ID") == mark), None)


def _write(call: Call, chat: Record, said: Record, what: str) -> None:
    mark, text = str(said.get("id") or ""), str(said.get("text") or "")
    known = _said(call, chat, mark)
    if what == "send":
        call.portal.put("message", {"CHAT_ID": chat["ID"], "AUTHOR_ID": 0, "DATE": call.portal.now(), "TEXT": text,
                                    "EXTERNAL_ID": mark})  # fmt: skip
    elif known is not None and what == "update":
        call.portal.patch("message", known["ID"], {"TEXT": text})
    elif known is not None:
        call.portal.drop("message", known["ID"])


for _what in ("send", "update", "delete"):

    @method(f"imconnector.{_what}.messages", SCOPE, app_only=True, writes=True)
    def messages(call: Call, what: str = _what) -> Any:
        record, entries = _connector(call), _entries(call)
        _whole(entries, "user", "message", "chat")
        line, shown = _line(call), []
        for one in entries:
            chat = _chat(call, record, line, one)
            _write(call, chat, one["message"], what)
            place = {name: one["chat"][name] for name in ("id", "name") if name in one["chat"]}
            if one["chat"].get("url"):
                place["description"] = f"Ссылка на исходный пост: {one['chat']['url']}"
            said = {**one["message"], **({} if what == "delete" else {"date": {}})}
            told = {"user": str(chat["ID"]), "message": said, "chat": place, "SUCCESS": True}
            session = {"session": {"ID": str(chat["ID"]), "CHAT_ID": str(chat["ID"])}} if what == "send" else {}
            shown.append({**told, **session})
        return {"SUCCESS": True, "DATA": {"RESULT": shown}}


for _what in ("delivery", "reading"):

    @method(f"imconnector.send.status.{_what}", SCOPE, app_only=True)
    def status(call: Call) -> Any:
        """What became of an operator's message at the other end; nobody here asks for it later."""
        _connector(call)
        _whole(_entries(call), "im", "message", "chat")
        _line(call)
        return {"SUCCESS": True, "DATA": []}


@method("imconnector.chat.name.set", SCOPE, app_only=True, writes=True)
def chat_name(call: Call) -> Any:
    record = _connector(call)
    _needed(call, "CHAT_ID", "NAME")
    line = _line(call)
    entry = {"chat": {"id": call.text("CHAT_ID")}, "user": {"id": call.text("USER_ID")}}
    chat = _chat(call, record, line, entry)
    call.portal.patch("chat", chat["ID"], {"TITLE": call.text("NAME")})
    return {"SUCCESS": True, "DATA": {"RESULT": {}}}
