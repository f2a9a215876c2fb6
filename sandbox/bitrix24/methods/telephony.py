"""telephony.*: an application's own lines and calls, and the statistics that calls leave.

Vendor documentation, "Телефония": https://apidocs.bitrix24.ru/api-reference/telephony/

The pages of calls say that an application alone may register one; the vendor's own PHP SDK is served with an inbound
webhook, so is everyone here. Lines stay an application's. A found client's call gets an activity, of an unknown number
none; what is created automatically is a lead. Records are taken from `FILE_CONTENT` and by the form, not by an address.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any
from urllib.parse import quote_plus

from sandbox.bitrix24 import files, items, multifields
from sandbox.bitrix24.call import Call, as_number, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.families import BY_NAME
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.disk import UPLOAD
from sandbox.bitrix24.methods.diskversions import UPLOADS
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.relations import owners_of
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, decimal, moment_text, number, parse_moment, plain

SCOPE = "telephony"
KINDS = ("1", "2", "3", "4", "5")
OUTGOING = "1"
CLIENTS = ("contact", "company", "lead")
SAME_CALL_SECONDS = 1800
PHONE_DIGITS = range(3, 16)
CALL_ACTIVITY = 2
COLUMNS = {
    "ID": "integer", "CALL_ID": "string", "EXTERNAL_CALL_ID": "string", "CALL_CATEGORY": "string",
    "PORTAL_USER_ID": "integer", "PORTAL_NUMBER": "string", "PHONE_NUMBER": "string", "CALL_TYPE": "integer",
    "CALL_DURATION": "integer", "CALL_START_DATE": "datetime", "CALL_LOG": "string", "CALL_RECORD_URL": "string",
    "CALL_VOTE": "integer", "COST": "uf_double", "COST_CURRENCY": "string", "CALL_FAILED_CODE": "string",
    "CALL_FAILED_REASON": "string", "CRM_ENTITY_TYPE": "string", "CRM_ENTITY_ID": "integer",
    "CRM_ACTIVITY_ID": "integer", "REST_APP_ID": "integer", "REST_APP_NAME": "string", "TRANSCRIPT_ID": "integer",
    "TRANSCRIPT_PENDING": "string", "SESSION_ID": "integer", "REDIAL_ATTEMPT": "integer", "COMMENT": "string",
    "RECORD_DURATION": "integer",
}  # fmt: skip


def core(text: str) -> RestError:
    return RestError(400, "ERROR_CORE", text)


# -- lines


def _lines(call: Call) -> list[Record]:
    return [one for one in call.portal.table("externalline") if one["APP_ID"] == call.identity.app_id]


def _line(call: Call) -> Record:
    wanted = call.text("NUMBER")
    if not wanted:
        raise core("NUMBER should not be empty")
    found = next((one for one in _lines(call) if one["NUMBER"] == wanted), None)
    if found is None:
        raise core(f"Could not find line with number {wanted}")
    return found


def _line_values(call: Call) -> Record:
    values: Record = {"NAME": call.text("NAME")} if "NAME" in call.params else {}
    if "CRM_AUTO_CREATE" in call.params:
        values["CRM_AUTO_CREATE"] = "N" if call.text("CRM_AUTO_CREATE") in ("N", "False", "0", "") else "Y"
    return values


@method("telephony.externalLine.add", SCOPE, app_only=True, writes=True)
def line_add(call: Call) -> Any:
    wanted = call.text("NUMBER")
    if not wanted:
        raise core("NUMBER should not be empty")
    if any(one["NUMBER"] == wanted for one in _lines(call)):
        raise core("Line already exists")
    fresh = {"APP_ID": call.identity.app_id, "NUMBER": wanted, "NAME": "", "CRM_AUTO_CREATE": "Y"}
    return {"ID": call.portal.put("externalline", {**fresh, **_line_values(call)})}


@method("telephony.externalLine.get", SCOPE, app_only=True)
def line_get(call: Call) -> Any:
    return [{name: one[name] for name in ("NUMBER", "NAME", "CRM_AUTO_CREATE")} for one in _lines(call)]


@method("telephony.externalLine.update", SCOPE, app_only=True, writes=True)
def line_update(call: Call) -> Any:
    values = _line_values(call)
    record = _line(call)
    if not values:
        raise core("There are no fields to update")
    call.portal.patch("externalline", record["ID"], values)
    return {"ID": str(record["ID"])}


@method("telephony.externalLine.delete", SCOPE, app_only=True, writes=True)
def line_delete(call: Call) -> Any:
    call.portal.drop("externalline", _line(call)["ID"])
    return []


# -- calls


def _caller(call: Call) -> Record:
    """The employee by the id or the inner number."""
    inner = call.text("USER_PHONE_INNER")
    wanted = as_number(call.get("USER_ID"))
    if not wanted and not inner:
        raise core("USER_ID or USER_PHONE_INNER should be set")
    found = call.portal.get("user", wanted) if wanted else next(
        (one for one in call.portal.table("user") if one.get("UF_PHONE_INNER") == inner), None
    )  # fmt: skip
    if found is None or found["ACTIVE"] != "Y":
        raise core("User is not found or is not active")
    return found


def _client(call: Call, phone: str) -> tuple[str, int] | None:
    """Who is called: the object that is named, else the one with this phone, contacts first."""
    kind, wanted = call.text("CRM_ENTITY_TYPE").lower(), as_number(call.get("CRM_ENTITY_ID"))
    if kind in CLIENTS and wanted and call.portal.get(kind, wanted) is not None:
        return kind, wanted
    known = sorted((CLIENTS.index(name), owner) for name, owner in owners_of(call, "PHONE", phone) if name in CLIENTS)
    return (CLIENTS[known[0][0]], known[0][1]) if known else None


def _new_lead(call: Call, phone: str, kind: str, user: int) -> int:
    family = BY_NAME["lead"]
    title = f"{phone} - {'Исходящий' if kind == OUTGOING else 'Входящий'} звонок"
    values = {"TITLE": title, "SOURCE_ID": call.text("CRM_SOURCE") or "CALL", "ASSIGNED_BY_ID": user}
    entries = multifields.from_classic({"PHONE": [{"VALUE": phone, "VALUE_TYPE": "WORK"}]}) or []

    def give_phone(made: int) -> None:
        multifields.write(call.portal, family, made, entries)

    return items.create(call.portal, family, values, user, before_event=give_phone)


def _same_call(call: Call, values: Record) -> Record | None:
    """A call that was registered with the same marks in the last half hour."""
    since = call.portal.now() - SAME_CALL_SECONDS
    marks = ("APP_ID", "PHONE_NUMBER", "CALL_TYPE", "PORTAL_USER_ID", "PORTAL_NUMBER", "EXTERNAL_CALL_ID")
    for one in call.portal.table("call"):
        if one["REGISTERED"] >= since and all(one.get(name) == values.get(name) for name in marks):
            return one
    return None


@method("telephony.externalCall.register", SCOPE, writes=True)
def call_register(call: Call) -> Any:
    user, kind, phone = _caller(call), call.text("TYPE"), call.text("PHONE_NUMBER")
    if kind not in KINDS:
        raise core("Unknown TYPE")
    try:
        start = parse_moment(call.get("CALL_START_DATE") or call.portal.now(), call.portal.zone)
    except BadValueError as error:
        raise core("CALL_START_DATE should be in the ISO-8601 format") from error
    if len([letter for letter in phone if letter.isdigit()]) not in PHONE_DIGITS:
        raise core("Unsupported phone number format")
    values: Record = {
        "APP_ID": call.identity.app_id, "PHONE_NUMBER": phone, "CALL_TYPE": int(kind), "PORTAL_USER_ID": user["ID"],
        "PORTAL_NUMBER": call.text("LINE_NUMBER") or None, "EXTERNAL_CALL_ID": call.text("EXTERNAL_CALL_ID") or None,
        "CALL_START_DATE": start, "REGISTERED": call.portal.now(),
    }  # fmt: skip
    record, created = _same_call(call, values), None
    if record is None:
        client = _client(call, phone)
        if client is None and call.text("CRM_CREATE") in ("1", "Y", "True", "true"):
            created = _new_lead(call, phone, kind, user["ID"])
            client = ("lead", created)
        mark = hashlib.md5(f"{call.portal.table('call').last_id}|{phone}".encode(), usedforsecurity=False).hexdigest()
        values |= {"CALL_ID": f"externalCall.{mark}.{call.portal.now()}"}
        if client is not None:
            values |= {"CRM_ENTITY_TYPE": client[0].upper(), "CRM_ENTITY_ID": client[1]}
        record = call.portal.table("call").records[call.portal.put("call", values)]
    return {
        "CALL_ID": record["CALL_ID"], "CRM_CREATED_LEAD": created,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": created}] if created else [],
        "CRM_ENTITY_TYPE": record.get("CRM_ENTITY_TYPE"), "CRM_ENTITY_ID": record.get("CRM_ENTITY_ID"),
    }  # fmt: skip


def _registered(call: Call) -> Record | None:
    wanted = call.text("CALL_ID")
    return next((one for one in call.portal.table("call") if one["CALL_ID"] == wanted), None)


for _name in ("show", "hide"):

    @method(f"telephony.externalCall.{_name}", SCOPE)
    def call_card(call: Call) -> Any:
        return _registered(call) is not None


def _activity(call: Call, record: Record, user: int) -> int | None:
    """The activity of the call in the client's timeline; None where the client is not known."""
    family = BY_NAME.get(str(record.get("CRM_ENTITY_TYPE") or "").lower())
    if family is None:
        return None
    now, outgoing = call.portal.now(), record["CALL_TYPE"] == int(OUTGOING)
    subject = f"{'Исходящий' if outgoing else 'Входящий'} звонок"
    made = call.portal.put("activity", {
        "OWNER_TYPE_ID": family.entity_type_id, "OWNER_ID": record["CRM_ENTITY_ID"], "TYPE_ID": CALL_ACTIVITY,
        "PROVIDER_ID": "VOXIMPLANT_CALL", "PROVIDER_TYPE_ID": "CALL", "SUBJECT": subject,
        "DIRECTION": 2 if outgoing else 1, "START_TIME": record["CALL_START_DATE"], "END_TIME": now,
        "COMPLETED": "Y", "STATUS": 2, "RESPONSIBLE_ID": user, "AUTHOR_ID": user, "EDITOR_ID": user, "CREATED": now,
        "LAST_UPDATED": now, "COMMUNICATIONS": [{"TYPE": "PHONE", "VALUE": record["PHONE_NUMBER"]}],
    })  # fmt: skip
    call.portal.raise_event("ONCRMACTIVITYADD", {"FIELDS": {"ID": str(made)}})
    return made


@method("telephony.externalCall.finish", SCOPE, writes=True)
def call_finish(call: Call) -> Any:
    """Writes the call into the statistics; CALL_START_DATE comes back as an empty object, as at the vendor."""
    if isinstance(call.get("CALL_ID"), dict | list):
        raise RestError(400, "INVALID_ARGUMENT", "CALL_ID must be a string")
    user, record = _caller(call), _registered(call)
    if record is None:
        raise core("Call is not found (call should be registered prior to finishing")
    seconds = as_number(call.get("DURATION")) or 0
    try:
        cost = plain(decimal(call.get("COST") or 0))
    except BadValueError:
        cost = "0"
    code = call.text("STATUS_CODE") or ("200" if seconds else "304")
    held = _finished(call)
    app = call.portal.get("app", record["APP_ID"])
    values: Record = {
        **{name: value for name, value in record.items() if name in COLUMNS and name != "ID"},
        "PORTAL_USER_ID": user["ID"], "CALL_DURATION": seconds, "COST": cost, "CALL_CATEGORY": "external",
        "COST_CURRENCY": call.text("COST_CURRENCY"), "CALL_FAILED_CODE": code, "TRANSCRIPT_PENDING": "N",
        "CALL_FAILED_REASON": call.text("FAILED_REASON"), "CALL_VOTE": as_number(call.get("VOTE")) or 0,
        "REST_APP_ID": record["APP_ID"] or None, "REST_APP_NAME": app["CLIENT_ID"] if app is not None else None,
        "CALL_RECORD_URL": call.text("RECORD_URL") or None,
        "CRM_ACTIVITY_ID": _activity(call, record, user["ID"]) if held is None else held.get("CRM_ACTIVITY_ID"),
    }  # fmt: skip
    made = call.portal.put("callstatistic", values, None if held is None else held["ID"])
    app_id = values["REST_APP_ID"]
    return {
        "CALL_ID": record["CALL_ID"], "EXTERNAL_CALL_ID": record.get("EXTERNAL_CALL_ID"),
        "PORTAL_USER_ID": user["ID"], "PHONE_NUMBER": record["PHONE_NUMBER"],
        "PORTAL_NUMBER": record.get("PORTAL_NUMBER") or "", "INCOMING": str(record["CALL_TYPE"]),
        "CALL_DURATION": seconds, "CALL_START_DATE": {}, "CALL_STATUS": int(code == "200"),
        "CALL_VOTE": values["CALL_VOTE"], "COST": number(cost), "COST_CURRENCY": values["COST_CURRENCY"],
        "CALL_FAILED_CODE": code, "CALL_FAILED_REASON": values["CALL_FAILED_REASON"],
        "REST_APP_ID": str(app_id) if app_id else None, "REST_APP_NAME": values["REST_APP_NAME"],
        "CRM_ACTIVITY_ID": values["CRM_ACTIVITY_ID"], "COMMENT": None,
        "CRM_ENTITY_TYPE": record.get("CRM_ENTITY_TYPE"), "CRM_ENTITY_ID": record.get("CRM_ENTITY_ID"), "ID": made,
    }  # fmt: skip


def _finished(call: Call) -> Record | None:
    wanted = call.text("CALL_ID")
    return next((one for one in call.portal.table("callstatistic") if one["CALL_ID"] == wanted), None)


@method("telephony.externalCall.searchCrmEntities", SCOPE)
def search_clients(call: Call) -> Any:
    phone = call.text("PHONE_NUMBER")
    if not phone:
        raise core("PHONE_NUMBER is empty")
    found = [(name, owner) for name, owner in owners_of(call, "PHONE", phone) if name in CLIENTS]
    return [_shown_client(call, name, call.portal.table(name).records[owner]) for name, owner in found]


def _shown_client(call: Call, kind: str, record: Record) -> Record:
    user = call.portal.get("user", record.get("ASSIGNED_BY_ID") or 0) or {}
    person = f"{record.get('NAME', '')} {record.get('LAST_NAME', '')}".strip()
    phones = ("WORK_PHONE", "PERSONAL_PHONE", "PERSONAL_MOBILE")
    return {
        "CRM_ENTITY_TYPE": kind.upper(), "CRM_ENTITY_ID": record["ID"], "ASSIGNED_BY_ID": record.get("ASSIGNED_BY_ID"),
        "NAME": (person if kind == "contact" else record.get("TITLE")) or "",
        "ASSIGNED_BY": {"ID": str(user.get("ID", "")), "TIMEMAN_STATUS": "CLOSED",
                        "USER_PHONE_INNER": user.get("UF_PHONE_INNER"), **{name: user.get(name) for name in phones}},
    }  # fmt: skip


# -- what is attached to a finished call


def _keep_record(call: Call, held: Record, name: str, content: bytes) -> Record:
    made = files.keep(call.portal, name, content, f"call:{held['ID']}", call.user_id)
    call.portal.patch("callstatistic", held["ID"], {"RECORD_FILE_ID": made})
    return {"FILE_ID": made}


@method("telephony.externalCall.attachRecord", SCOPE, writes=True)
def attach_record(call: Call) -> Any:
    """The file at once, or, without a content, the address to which it is to be posted as a form's file."""
    if "FILENAME" not in call.params and not call.text("RECORD_URL"):
        raise core("Required parameters are not set. Request should contain or URL or FILENAME parameter")
    held = _finished(call)
    if held is None:
        raise core("Call is not found in the statistic table. Looks like it is not finished yet.")
    name = call.text("FILENAME")
    if not name:
        raise core("File name is empty")
    if not name.lower().endswith((".wav", ".mp3")):
        raise core("Wrong file extension. Only wav and mp3 are allowed")
    if "FILE_CONTENT" not in call.params:
        token = files.make_token(call.portal, SCOPE, UPLOAD, {"call": held["ID"], "name": name})
        return {"uploadUrl": call.identity.links.rest(UPLOAD, f"token={quote_plus(token)}"), "fieldName": "file"}
    if not call.text("FILE_CONTENT"):
        raise core("File content is empty.")
    try:
        content = base64.b64decode("".join(call.text("FILE_CONTENT").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise core("File content is not properly encoded. Base64 encoding is expected.") from error
    return _keep_record(call, held, name, content)


def _posted(call: Call, query: dict[str, str], _: str, content: bytes) -> Any:
    held = call.portal.get("callstatistic", as_number(query.get("call")) or 0)
    if held is None:
        raise RestError(403, "INVALID_TOKEN", "Invalid token")
    return _keep_record(call, held, query.get("name", ""), content)


UPLOADS[SCOPE] = _posted


@method("telephony.call.attachTranscription", SCOPE, writes=True)
def attach_transcription(call: Call) -> Any:
    if not call.text("CALL_ID"):
        raise core("CALL_ID should be set")
    lines = call.get("MESSAGES")
    if not isinstance(lines, list):
        raise core("MESSAGES should be an array")
    for place, line in enumerate(lines):
        said = line if isinstance(line, dict) else {}
        for name, wrong, text in (
            ("SIDE", said.get("SIDE") not in ("Client", "User"), "should be either Client or User"),
            ("START_TIME", (as_number(said.get("START_TIME")) or 0) < 0, "should be greater or equal to zero"),
            ("STOP_TIME", (as_number(said.get("STOP_TIME")) or 0) <= 0, "should be greater than zero"),
            ("MESSAGE", not said.get("MESSAGE"), "is empty"),
        ):
            if wrong:
                raise core(f"MESSAGES[{place}][{name}] {text}")
    held = _finished(call)
    if held is None:
        raise core(f"Call {call.text('CALL_ID')} is not found. Is it finished?")
    made = call.portal.put("transcript", {"CALL": held["ID"], "LINES": lines})
    call.portal.patch("callstatistic", held["ID"], {"TRANSCRIPT_ID": made})
    return {"TRANSCRIPT_ID": made}


@method("voximplant.statistic.get", SCOPE)
def statistic_get(call: Call) -> Any:
    """SORT names one field, ORDER its direction."""

    def resolve(name: str) -> Column | None:
        return Column(name.upper(), COLUMNS[name.upper()]) if name.upper() in COLUMNS else None

    query = compile_filter(call.get("FILTER"), resolve, call.portal.zone, strict=False)
    sort = call.text("SORT")
    order = compile_order({sort: call.text("ORDER") or "ASC"} if sort else None, resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("callstatistic"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([_shown(call, one) for one in found], total=total, offset=offset, shown=len(found))


def _shown(call: Call, record: Record) -> Record:
    shown = {name: None if record.get(name) is None else str(record[name]) for name in COLUMNS}
    cost = f"{decimal(record['COST']):.4f}"
    return {**shown, "COST": cost, "RECORD_FILE_ID": record.get("RECORD_FILE_ID"),
            "CALL_START_DATE": moment_text(record["CALL_START_DATE"], call.portal.zone)}  # fmt: skip
