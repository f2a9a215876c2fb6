"""voximplant.*: SIP lines of an application, the outgoing line, employees' SIP phones, voices and pages.

Vendor documentation, "Телефония Битрикс24": https://apidocs.bitrix24.ru/api-reference/telephony/voximplant/

Not told by the vendor and chosen here: a fresh portal has one SIP line of nobody's application; a
registration succeeds at once, calls of the robot reach nobody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, classic, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE = "telephony"
CLOUD, OFFICE = "cloud", "office"
CLOUD_LINES_MAX, PASSWORD_CHARACTERS = 10, 100
FIRST_REGISTRATION = 150_000
FIRST_LINE = f"reg{FIRST_REGISTRATION}"
REGISTERED = 200
COLUMNS = {
    "ID": "integer", "TYPE": "string", "TITLE": "string", "CONFIG_ID": "integer", "REG_ID": "integer",
    "SERVER": "string", "LOGIN": "string", "PASSWORD": "string", "INCOMING_SERVER": "string",
    "INCOMING_LOGIN": "string", "INCOMING_PASSWORD": "string",
}  # fmt: skip
VOICES = {
    "ruinternalfemale": "Русский (женский) (Default)", "ruinternalmale": "Русский (мужской) (Default)",
    "ukenglishfemale": "Английский (женский) (Amazon)", "ukenglishmale": "Английский (мужской) (Amazon)",
    "usenglishfemale": "Американский английский (женский) (Default)",
}  # fmt: skip


def _allowed(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _wrong(text: str) -> RestError:
    return RestError(400, "CHECK_FIELDS_ERROR", text)


# -- SIP lines


def _own(call: Call) -> list[Record]:
    return [one for one in call.portal.table("sipline") if one["APP_ID"] == call.identity.app_id]


def _named(call: Call, code: str = "ERROR_NOT_FOUND") -> Record:
    wanted = as_number(call.get("CONFIG_ID"))
    found = next((one for one in _own(call) if one["CONFIG_ID"] == wanted), None)
    if found is None:
        raise RestError(400, code, "Specified CONFIG_ID is not found")
    return found


def _values(call: Call, *, new: bool) -> Record:
    for name, text in (("SERVER", "Не указан адрес сервера"), ("LOGIN", "Не указан логин для подключения к серверу")):
        if (new or name in call.params) and not call.text(name):
            raise _wrong(text)
    if len(call.text("PASSWORD")) > PASSWORD_CHARACTERS:
        raise _wrong("Пароль для подключения к серверу не может быть более 100 символов")
    return {name: call.text(name) for name in ("SERVER", "LOGIN", "PASSWORD", "TITLE") if name in call.params}


def _shown(record: Record, *, made: bool = False) -> Record:
    """`made`: as the making prints it, before there was a registration."""
    cloud = record["TYPE"] == CLOUD
    incoming = {name: record.get(name) for name in ("INCOMING_SERVER", "INCOMING_LOGIN", "INCOMING_PASSWORD")}
    code = REGISTERED if cloud else 0
    return {
        **({"ID": str(record["ID"])} if made else {}), "TYPE": record["TYPE"], "CONFIG_ID": str(record["CONFIG_ID"]),
        **({"REG_ID": record["REG_ID"] if made else str(record["REG_ID"])} if cloud else {}),
        "SERVER": record["SERVER"], "LOGIN": record["LOGIN"], "PASSWORD": record.get("PASSWORD", ""),
        **({} if cloud else incoming), "AUTH_USER": None, "OUTBOUND_PROXY": None, "DETECT_LINE_NUMBER": "N",
        "LINE_DETECT_HEADER_ORDER": "diversion;to", "REGISTRATION_STATUS_CODE": None if made else str(code),
        "REGISTRATION_ERROR_MESSAGE": None, "TITLE": record.get("TITLE", ""),
    }  # fmt: skip


@method("voximplant.sip.add", SCOPE, writes=True)
def sip_add(call: Call) -> Any:
    _allowed(call)
    values, kind = _values(call, new=True), call.text("TYPE") or CLOUD
    if kind not in (CLOUD, OFFICE):
        raise _wrong("Не указан тип АТС")
    if kind == CLOUD and sum(one["TYPE"] == CLOUD for one in call.portal.table("sipline")) >= CLOUD_LINES_MAX:
        raise RestError(400, "MAX_CLOUD_PBX", "Превышено максимальное количество облачных АТС")
    number = call.portal.table("sipline").last_id + 1
    values |= {"APP_ID": call.identity.app_id, "TYPE": kind, "CONFIG_ID": number}
    if kind == CLOUD:
        values["REG_ID"] = FIRST_REGISTRATION + number
    else:
        values |= {"INCOMING_SERVER": f"ip.{call.portal.slug}.bitrixphone.com", "INCOMING_LOGIN": f"sip{number}",
                   "INCOMING_PASSWORD": call.portal.sign(f"sip{number}")[:32]}  # fmt: skip
    call.portal.put("sipline", values, number)
    return _shown(call.portal.table("sipline").records[number], made=True)


@method("voximplant.sip.get", SCOPE)
def sip_get(call: Call) -> Any:
    """The caller's own lines; SORT names one field, ORDER its direction."""
    _allowed(call)

    def resolve(name: str) -> Column | None:
        return Column(name.upper(), COLUMNS[name.upper()]) if name.upper() in COLUMNS else None

    query = compile_filter(call.get("FILTER"), resolve, call.portal.zone, strict=False)
    query.predicates.append(lambda record: record["APP_ID"] == call.identity.app_id)
    sort = call.text("SORT")
    order = compile_order({sort: call.text("ORDER") or "ASC"} if sort else None, resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("sipline"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([_shown(one) for one in found], total=total, offset=offset, shown=len(found))


@method("voximplant.sip.update", SCOPE, writes=True)
def sip_update(call: Call) -> Any:
    _allowed(call)
    record = _named(call)
    call.portal.patch("sipline", record["ID"], _values(call, new=False))
    return 1


@method("voximplant.sip.delete", SCOPE, writes=True)
def sip_delete(call: Call) -> Any:
    _allowed(call)
    call.portal.drop("sipline", _named(call)["ID"])
    return 1


@method("voximplant.sip.status", SCOPE)
def sip_status(call: Call) -> Any:
    _allowed(call)
    wanted = as_number(call.get("REG_ID"))
    if wanted is None or not any(one.get("REG_ID") == wanted for one in call.portal.table("sipline")):
        raise RestError(400, "REG_ID_NOT_FOUND", "Настройки не найдены")
    now = datetime.fromtimestamp(call.portal.now(), call.portal.zone).strftime("%Y-%m-%d %H:%M:%S")
    return {"REG_ID": wanted, "LAST_UPDATED": now, "ERROR_MESSAGE": "", "STATUS_CODE": REGISTERED,
            "STATUS_RESULT": "success"}  # fmt: skip


@method("voximplant.sip.connector.status", SCOPE)
def connector_status(call: Call) -> Any:
    _allowed(call)
    return {"FREE_MINUTES": 60, "PAID": False}


# -- outgoing lines


def _line_id(record: Record) -> str:
    return f"reg{record['REG_ID']}" if record["TYPE"] == CLOUD else f"sip{record['ID']}"


def _lines(call: Call) -> dict[str, str]:
    names = {CLOUD: "Облачная АТС", OFFICE: "Офисная АТС"}
    own = {_line_id(one): one.get("TITLE") or f"{names[one['TYPE']]} ({one['ID']})"
           for one in call.portal.table("sipline")}  # fmt: skip
    return {FIRST_LINE: "SIP line", **own}


def _choose(call: Call, line: str) -> None:
    call.portal.put("outgoingline", {"LINE_ID": line}, 1)


@method("voximplant.line.get", SCOPE)
def line_get(call: Call) -> Any:
    _allowed(call)
    return _lines(call)


@method("voximplant.line.outgoing.get", SCOPE)
def outgoing_get(call: Call) -> Any:
    _allowed(call)
    chosen = call.portal.get("outgoingline", 1)
    return FIRST_LINE if chosen is None or chosen["LINE_ID"] not in _lines(call) else chosen["LINE_ID"]


@method("voximplant.line.outgoing.set", SCOPE, writes=True)
def outgoing_set(call: Call) -> Any:
    """A line that is not there changes nothing, and 1 comes back all the same."""
    _allowed(call)
    if call.text("LINE_ID") in _lines(call):
        _choose(call, call.text("LINE_ID"))
    return 1


@method("voximplant.line.outgoing.sip.set", SCOPE, writes=True)
def outgoing_sip_set(call: Call) -> Any:
    _allowed(call)
    _choose(call, _line_id(_named(call, "ERROR_ARGUMENT")))
    return 1


# -- employees


def _users(call: Call) -> list[Record]:
    given = call.get("USER_ID")
    wanted = [as_number(one) for one in (given if isinstance(given, list) else [given])]
    if not any(wanted):
        raise classic("Parameter USER_ID is not set")
    return [one for one in call.portal.table("user") if one["ID"] in wanted]


@method("voximplant.user.get", SCOPE)
def user_get(call: Call) -> Any:
    """An application waits for an administrator's confirmation, which nobody gives here."""
    if call.identity.app is not None:
        raise RestError(401, "METHOD_CONFIRM_WAITING", "Waiting for confirmation")
    _allowed(call)
    server = f"ip.{call.portal.slug}.bitrixphone.com"
    return [
        {"ID": str(one["ID"]), "DEFAULT_LINE": None, "PHONE_ENABLED": one.get("SIP_PHONE", "N"), "SIP_SERVER": server,
         "SIP_LOGIN": f"phone{one['ID']}", "SIP_PASSWORD": call.portal.sign(f"phone{one['ID']}")[:12],
         "INNER_NUMBER": one.get("UF_PHONE_INNER")}
        for one in _users(call)
    ]  # fmt: skip


for _name, _flag in (("activatePhone", "Y"), ("deactivatePhone", "N")):

    @method(f"voximplant.user.{_name}", SCOPE, writes=True)
    def user_phone(call: Call, flag: str = _flag) -> Any:
        users = _users(call)
        if not is_admin(call):
            raise classic("You are not allowed to modify user's settings")
        for one in users:
            call.portal.patch("user", one["ID"], {"SIP_PHONE": flag})
        return 1


# -- the rest

for _name, _said in (("startwithtext", "TEXT_TO_PRONOUNCE"), ("startwithsound", "URL")):

    @method(f"voximplant.infocall.{_name}", SCOPE, writes=True)
    def infocall(call: Call, said: str = _said) -> Any:
        """A call of the robot; the page names no words for a parameter that is missing, so these are chosen."""
        for name in ("FROM_LINE", "TO_NUMBER", said):
            if not call.text(name):
                raise RestError(400, "ERROR_ARGUMENT", f"Argument '{name}' is null or empty", argument=name)
        line = call.text("FROM_LINE")
        if line not in _lines(call):
            raise RestError(400, "ERROR_CORE", f"Could not find config for number {line}")
        values = {"FROM_LINE": line, "TO_NUMBER": call.text("TO_NUMBER"), "SAID": call.text(said)}
        made = call.portal.put("infocall", values)
        return {"RESULT": True, "CALL_ID": f"infocall.{call.portal.sign(f'infocall{made}')[:32]}.{call.portal.now()}"}


@method("voximplant.tts.voices.get", SCOPE)
def voices(call: Call) -> Any:
    """Five of the vendor's forty-two."""
    return VOICES


@method("voximplant.url.get", SCOPE)
def pages(call: Call) -> Any:
    base = f"https://{call.portal.settings['domain']}"
    return {
        "detail_statistics": f"{base}/telephony/detail.php",
        "buy_connector": f"{base}/settings/license_phone_sip.php",
        "edit_config": f"{base}/telephony/edit.php?ID=#CONFIG_ID#",
        "lines": f"{base}/telephony/lines.php",
    }
