"""Bots of webhooks: the older imbot.* and imbot.v2.*; they register, write, change and delete messages.

Nothing is sent to a bot: nobody writes to it here.
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError, missing_parameter
from sandbox.bitrix24.methods.messaging import MESSAGE_CHARACTERS_MAX, private_chat, structure
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE = "imbot"
BLOCK_CHARACTERS_MAX = 30_000
BOTS_MAX, NEWER_BOTS_MAX = 5, 100
TOKEN_CHARACTERS_MAX = 40
HANDLERS = {
    "EVENT_MESSAGE_ADD": "Message add", "EVENT_WELCOME_MESSAGE": "Welcome message", "EVENT_BOT_DELETE": "Bot delete",
}  # fmt: skip


def _owned(call: Call, owner: str) -> list[Record]:
    return [record for record in call.portal.table("bot") if record["OWNER"] == owner]


def _message_values(text: Any, blocks: dict[str, Any]) -> Record:
    values: Record = {"TEXT": str(text or "").strip()[:MESSAGE_CHARACTERS_MAX]}
    for name in ("ATTACH", "KEYBOARD", "MENU"):
        values[name] = structure(blocks.get(name), name, BLOCK_CHARACTERS_MAX)
    return values


def _chat(call: Call, bot: Record, dialog: str) -> int:
    """`chat42` or the id of a user, with whom the bot has a dialogue of its own."""
    number = as_number(dialog.lower().removeprefix("chat").removeprefix("sg"))
    if dialog.isdigit() and call.portal.get("user", number or 0) is not None:
        return private_chat(call.portal, bot["ID"], int(dialog))
    if number is None or dialog.isdigit() or call.portal.get("chat", number) is None:
        raise RestError(400, "DIALOG_ID_EMPTY", "Dialog ID can't be empty")
    return number


def _written(call: Call, bot: Record, code: str) -> Record:
    record = call.portal.get("message", as_number(call.get("MESSAGE_ID") or call.get("messageId")) or 0)
    if record is None or record["AUTHOR_ID"] != bot["ID"]:
        raise RestError(400, code, "Message not found")
    return record


# -- imbot.*


def _client(call: Call) -> str:
    if call.identity.app is not None:
        return call.identity.app
    client = call.text("CLIENT_ID")
    if not client:
        raise RestError(403, "ACCESS_DENIED", "Access denied! Client ID not specified")
    return "custom" + client


def _bot(call: Call) -> Record:
    """By BOT_ID, or the client's first one."""
    owner = _client(call)
    number = as_number(call.get("BOT_ID"))
    record = call.portal.get("bot", number) if number else next(iter(_owned(call, owner)), None)
    if record is None:
        raise RestError(400, "BOT_ID_ERROR", "Bot not found")
    if record["OWNER"] != owner:
        raise RestError(400, "APP_ID_ERROR", "Bot was installed by another rest application")
    return record


@method("imbot.register", SCOPE, writes=True)
def register(call: Call) -> Any:
    """The id of the bot; the same code of the same client gives the same bot."""
    owner, code = _client(call), call.text("CODE")
    for name, title in HANDLERS.items():
        url = call.text(name) or call.text("EVENT_HANDLER")
        if not url:
            raise RestError(400, f"{name}_ERROR", f'Handler for "{title}" event isn\'t specified')
        if not url.startswith(("http://", "https://")):
            raise RestError(400, f"{name}_ERROR", "Wrong handler URL")
    if not code:
        raise RestError(400, "CODE_ERROR", "Bot code isn't specified")
    given = call.get("PROPERTIES")
    given = given if isinstance(given, dict) else {}
    name = " ".join(str(given[key]) for key in ("NAME", "LAST_NAME") if given.get(key))
    if not name:
        raise RestError(400, "NAME_ERROR", "Bot name isn't specified")
    known = _owned(call, owner)
    for record in known:
        if record["CODE"] == code:
            return record["ID"]
    if len(known) >= BOTS_MAX:
        text = f"Has reached the maximum number of bots for application (max: {BOTS_MAX})"
        raise RestError(400, "MAX_COUNT_ERROR", text)
    openline = "Y" if call.text("OPENLINE") == "Y" else "N"
    return call.portal.put("bot", {"OWNER": owner, "CODE": code, "NAME": name, "OPENLINE": openline})


@method("imbot.update", SCOPE, writes=True)
def update(call: Call) -> Any:
    record, fields = _bot(call), call.get("FIELDS")
    if not isinstance(fields, dict) or not fields:
        raise RestError(400, "WRONG_REQUEST", "Bot can't be updated")
    given = fields.get("PROPERTIES")
    values: Record = {"CODE": str(fields["CODE"])} if fields.get("CODE") else {}
    if isinstance(given, dict) and given.get("NAME"):
        values["NAME"] = str(given["NAME"])
    call.portal.patch("bot", record["ID"], values)
    return True


@method("imbot.unregister", SCOPE, writes=True)
def unregister(call: Call) -> Any:
    call.portal.drop("bot", _bot(call)["ID"])
    return True


@method("imbot.bot.list", SCOPE)
def bots(call: Call) -> Any:
    return {
        str(record["ID"]): {name: record[name] for name in ("ID", "NAME", "CODE", "OPENLINE")}
        for record in call.portal.table("bot")
    } or []


@method("imbot.message.add", SCOPE, writes=True)
def message_add(call: Call) -> Any:
    bot = _bot(call)
    dialog = call.text("DIALOG_ID") or call.text("TO_USER_ID")
    if not call.text("MESSAGE") and not call.get("ATTACH"):
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    values = _message_values(call.get("MESSAGE"), {name: call.get(name) for name in ("ATTACH", "KEYBOARD", "MENU")})
    return _send(call, bot, dialog, values)


def _send(call: Call, bot: Record, dialog: str, values: Record) -> int:
    chat = _chat(call, bot, dialog)
    stamp = {"CHAT_ID": chat, "AUTHOR_ID": bot["ID"], "DATE": call.portal.now()}
    return call.portal.put("message", {**values, **stamp})


@method("imbot.message.update", SCOPE, writes=True)
def message_update(call: Call) -> Any:
    """What is not given stays; an empty MESSAGE deletes."""
    record = _written(call, _bot(call), "MESSAGE_ID_ERROR")
    if "MESSAGE" in call.params and not call.text("MESSAGE"):
        call.portal.drop("message", record["ID"])
        return True
    blocks = {name: call.get(name) for name in ("ATTACH", "KEYBOARD", "MENU")}
    values = _message_values(call.get("MESSAGE"), blocks)
    keys = {"TEXT": "MESSAGE"}
    call.portal.patch(
        "message",
        record["ID"],
        {name: value or None for name, value in values.items() if keys.get(name, name) in call.params},
    )
    return True


@method("imbot.message.delete", SCOPE, writes=True)
def message_delete(call: Call) -> Any:
    call.portal.drop("message", _written(call, _bot(call), "MESSAGE_ID_ERROR")["ID"])
    return True


# -- imbot.v2.*


def _token(given: Any) -> str:
    token = str(given or "")
    if not token:
        raise RestError(400, "BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified")
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise RestError(400, "BOT_TOKEN_INVALID_LENGTH", f"Bot token is over {TOKEN_CHARACTERS_MAX} characters")
    return "token" + token


def _newer_bot(call: Call) -> Record:
    owner, number = _token(call.get("botToken")), as_number(call.get("botId"))
    code = call.text("code")
    if number is None and not code:
        raise RestError(400, "BOT_ID_REQUIRED", "Bot ID is required")
    found = [record for record in call.portal.table("bot") if record["ID"] == number or record["CODE"] == code]
    if not found:
        raise RestError(400, "BOT_NOT_FOUND", "Bot not found")
    if found[0]["OWNER"] != owner:
        raise RestError(400, "BOT_OWNERSHIP_ERROR", "Bot is registered by another application")
    return found[0]


def _newer(record: Record, call: Call) -> Record:
    written = [m["CHAT_ID"] for m in call.portal.table("message") if m["AUTHOR_ID"] == record["ID"]]
    return {
        "id": record["ID"], "code": record["CODE"], "type": record.get("TYPE", "bot"), "isHidden": False,
        "isSupportOpenline": False, "isReactionsEnabled": True, "backgroundId": None,
        "language": call.portal.settings["language"], "moduleId": "rest", "eventMode": record.get("MODE", "fetch"),
        "countMessage": len(written), "countCommand": 0, "countChat": len(set(written)), "countUser": 0,
    }  # fmt: skip


def _as_user(record: Record) -> Record:
    return {"id": record["ID"], "active": True, "name": record["NAME"], "bot": True, "type": "bot"}


@method("imbot.v2.Bot.register", SCOPE, writes=True)
def newer_register(call: Call) -> Any:
    """The same code of the same token gives the same bot."""
    fields = call.get("fields")
    if not isinstance(fields, dict):
        raise missing_parameter("fields")
    owner, code = _token(fields.get("botToken")), str(fields.get("code") or "")
    if not code:
        raise RestError(400, "BOT_CODE_REQUIRED", "Bot code is required")
    given = fields.get("properties")
    if not isinstance(given, dict) or not given.get("name"):
        raise RestError(400, "BOT_PROPERTIES_REQUIRED", "Bot properties are required")
    mode = str(fields.get("eventMode") or "fetch")
    if mode not in ("fetch", "webhook"):
        raise RestError(400, "BOT_INVALID_EVENT_MODE", "Invalid event mode")
    if mode == "webhook" and not fields.get("webhookUrl"):
        raise RestError(400, "BOT_WEBHOOK_URL_REQUIRED", "Webhook URL is required")
    record = next((record for record in _owned(call, owner) if record["CODE"] == code), None)
    if record is None:
        if len(_owned(call, owner)) >= NEWER_BOTS_MAX:
            raise RestError(400, "BOT_LIMIT_EXCEEDED", "Bot limit exceeded")
        values: Record = {"OWNER": owner, "CODE": code, "NAME": str(given["name"]), "OPENLINE": "N", "MODE": mode,
                          "TYPE": str(fields.get("type") or "bot")}  # fmt: skip
        record = call.portal.table("bot").records[call.portal.put("bot", values)]
    return {"bot": _newer(record, call), "users": [_as_user(record)]}


@method("imbot.v2.Bot.get", SCOPE)
def newer_get(call: Call) -> Any:
    record = _newer_bot(call)
    return {"bot": _newer(record, call), "users": [_as_user(record)]}


@method("imbot.v2.Bot.list", SCOPE)
def newer_list(call: Call) -> Any:
    found = _owned(call, _token(call.get("botToken")))
    return {"bots": [_newer(record, call) for record in found], "users": [_as_user(record) for record in found],
            "hasNextPage": False}  # fmt: skip


@method("imbot.v2.Bot.unregister", SCOPE, writes=True)
def newer_unregister(call: Call) -> Any:
    call.portal.drop("bot", _newer_bot(call)["ID"])
    return {"result": True}


def _newer_values(call: Call) -> Record:
    fields = call.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    blocks = {"ATTACH": fields.get("attach"), "KEYBOARD": fields.get("keyboard")}
    values = _message_values(fields.get("message"), blocks)
    if not values["TEXT"] and values["ATTACH"] is None:
        raise RestError(400, "EMPTY_MESSAGE", "Message is empty")
    return values


@method("imbot.v2.Chat.Message.send", SCOPE, writes=True)
def newer_send(call: Call) -> Any:
    bot = _newer_bot(call)
    return {"id": _send(call, bot, call.text("dialogId"), _newer_values(call)), "uuidMap": {}}


@method("imbot.v2.Chat.Message.update", SCOPE, writes=True)
def newer_message_update(call: Call) -> Any:
    record = _written(call, _newer_bot(call), "MESSAGE_NOT_FOUND")
    call.portal.patch("message", record["ID"], {name: v for name, v in _newer_values(call).items() if v})
    return {"result": True}


@method("imbot.v2.Chat.Message.delete", SCOPE, writes=True)
def newer_message_delete(call: Call) -> Any:
    call.portal.drop("message", _written(call, _newer_bot(call), "MESSAGE_NOT_FOUND")["ID"])
    return {"result": True}
