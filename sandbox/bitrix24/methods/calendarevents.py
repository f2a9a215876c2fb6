"""calendar.event.*, calendar.meeting.status.* and calendar.accessibility.get.

Vendor documentation, "События календаря": https://apidocs.bitrix24.ru/api-reference/calendar/calendar-event/

Not told by the vendor and chosen here: a series is printed once, where any of it may fall into the period; an invited
employee's own copy of an event is not made, the event carries everyone's answer; single occurrences of a series
cannot be changed (`recurrence_mode` other than `all` ends with the vendor's words for other errors).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError, classic
from sandbox.bitrix24.methods.calendars import (
    SCOPE,
    check_owner,
    make_section,
    may_own,
    need,
    owner_of,
    sections,
    texts,
)
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, parse_day, parse_moment

TABLE = "calendarevent"
TEXTS = {"name": "NAME", "description": "DESCRIPTION", "color": "COLOR", "text_color": "TEXT_COLOR",
         "accessibility": "ACCESSIBILITY", "importance": "IMPORTANCE", "location": "LOCATION"}  # fmt: skip
DAY_SECONDS = 86400
FLAGS = ("notify", "reinvite", "allow_invite", "hide_guests")
DEFAULT_COLOR = "#9dcf00"
ANSWERS = ("Q", "Y", "N")


def _failed(verb: str) -> RestError:
    return classic(f"При {verb} события произошла ошибка")


def _zone(call: Call, name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(call.text(name)) if call.text(name) else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _times(call: Call, held: Record) -> Record:
    """Where the event begins and ends; a date with an offset outweighs `timezone_from`, that the portal's zone.

    Whole days are kept as midnights of UTC (calendar.resource.booking.list, DATE_FROM_TS_UTC of the example).
    """
    values: Record = {}
    whole_days = call.text("skip_time") == "Y" if "skip_time" in call.params else held.get("DT_SKIP_TIME") == "Y"
    values["DT_SKIP_TIME"] = "Y" if whole_days else "N"
    for side, fallback in (("from", ""), ("to", "timezone_from")):
        raw, zone = call.get(side), _zone(call, f"timezone_{side}") or (_zone(call, fallback) if fallback else None)
        upper = side.upper()
        if zone is not None:
            values[f"TZ_{upper}"] = zone.key
        seconds = as_number(call.get(f"{side}_ts"))
        if seconds is None and raw in (None, ""):
            continue
        try:
            if whole_days and seconds is None:
                raw, zone = parse_day(raw, call.portal.zone), ZoneInfo("UTC")
            values[upper] = seconds if seconds is not None else parse_moment(raw, zone or call.portal.zone)
        except BadValueError as error:
            raise _failed("изменении" if held else "создании") from error
    return values


def _rule(call: Call, given: Any) -> Record | None:
    """A rule of repetition as it is kept, None where there is none."""
    if not isinstance(given, dict) or given.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        return None
    rule: Record = {"FREQ": given["FREQ"], "INTERVAL": as_number(given.get("INTERVAL")) or 1}
    days = given.get("BYDAY")
    if days:
        named = days if isinstance(days, list) else list(days.values()) if isinstance(days, dict) else [str(days)]
        rule["BYDAY"] = {str(day): str(day) for day in named}
    if as_number(given.get("COUNT")):
        rule["COUNT"] = as_number(given["COUNT"])
    if given.get("UNTIL"):
        try:
            rule["UNTIL"] = parse_day(given["UNTIL"], call.portal.zone)
        except BadValueError:
            return rule
    return rule


def _meeting(call: Call, held: Record) -> Record:
    """Who takes part: those named, or the caller alone; answers that were given stay."""
    if "is_meeting" not in call.params and "attendees" not in call.params:
        return {}
    named = call.get("attendees")
    people = [number for number in map(as_number, named) if number] if isinstance(named, list) else []
    if call.text("is_meeting") == "N" or ("is_meeting" not in call.params and not people):
        return {"IS_MEETING": False, "ATTENDEES": {}}
    host = held.get("MEETING_HOST") or call.user_id
    before = held.get("ATTENDEES") or {}
    answers = {str(one): "H" if one == host else before.get(str(one), "Q") for one in people or [host]}
    return {"IS_MEETING": True, "MEETING_HOST": host, "ATTENDEES": answers}


def _values(call: Call, held: Record) -> Record:
    values = {**texts(call, TEXTS), **_times(call, held), **_meeting(call, held)}
    links = call.get("crm_fields")
    if links is not None:
        if not isinstance(links, list):
            raise classic("Список связей события с CRM должен быть массивом")
        values["UF_CRM_CAL_EVENT"] = [str(link) for link in links]
    if "private_event" in call.params:
        values["PRIVATE_EVENT"] = "1" if call.text("private_event") == "Y" else ""
    if isinstance(call.get("remind"), list):
        reminders = [one for one in call.get("remind") if isinstance(one, dict)]
        values["REMIND"] = [{"type": str(one.get("type")), "count": as_number(one.get("count")) or 0}
                            for one in reminders]  # fmt: skip
    if "rrule" in call.params:
        values["RRULE"] = _rule(call, call.get("rrule")) or {}
    if isinstance(given := call.get("meeting"), dict):
        values["MEETING"] = {name.upper(): given.get(name) in (True, "true", "Y", 1, "1") for name in FLAGS}
    return values


def _section_of(call: Call, kind: str, owner: int) -> int:
    """The calendar that is named, else the owner's first, which is made where there is none."""
    number = as_number(call.get("section"))
    known = sections(call, kind, owner)
    if number is not None and call.text("auto_detect_section") != "Y":
        if not any(one["ID"] == number for one in known):
            raise classic("Вы задали неверный ID секции календаря или у данного пользователя нет к ней доступа")
        return number
    if known:
        return int(known[0]["ID"])
    return make_section(call, kind, owner, {"NAME": call.portal.user_name(owner) or "Календарь"})


@method("calendar.event.add", SCOPE, writes=True)
def event_add(call: Call) -> Any:
    need(call, "type", "ownerId", "name")
    for side in ("from", "to"):
        if as_number(call.get(f"{side}_ts")) is None:
            need(call, side)
    kind, owner = owner_of(call)
    check_owner(call, kind, owner)
    values, now = _values(call, {}), call.portal.now()
    if values["FROM"] > values["TO"]:
        raise _failed("создании")
    zone = call.portal.settings["timezone"]
    return call.portal.put(TABLE, {
        "CAL_TYPE": kind, "OWNER_ID": owner, "SECTION_ID": _section_of(call, kind, owner), "TZ_FROM": zone,
        "TZ_TO": zone, "CREATED_BY": call.user_id, "DATE_CREATE": now, "TIMESTAMP_X": now, "DESCRIPTION": "",
        "ACCESSIBILITY": "busy", "IMPORTANCE": "normal", "PRIVATE_EVENT": "", "LOCATION": "", "IS_MEETING": False,
        "COLOR": "", "TEXT_COLOR": "", "REMIND": [], "VERSION": 1, "MEETING_HOST": call.user_id, **values,
    })  # fmt: skip


@method("calendar.event.update", SCOPE, writes=True)
def event_update(call: Call) -> Any:
    need(call, "id", "type", "ownerId")
    record = call.portal.get(TABLE, as_number(call.get("id")) or 0)
    if record is None:
        raise _failed("изменении")
    check_owner(call, record["CAL_TYPE"], record["OWNER_ID"])
    if (mode := call.text("recurrence_mode")) not in ("", "all", "this", "next"):
        raise classic("Указан несуществующий тип редактирования повторяемого события")
    if mode in ("this", "next") and record.get("RRULE"):
        raise _failed("изменении")
    values = {**_values(call, record), "VERSION": record["VERSION"] + 1, "TIMESTAMP_X": call.portal.now()}
    if "section" in call.params:
        values["SECTION_ID"] = _section_of(call, *owner_of(call))
    merged = record | values
    if merged["FROM"] > merged["TO"]:
        raise _failed("изменении")
    call.portal.patch(TABLE, record["ID"], values)
    return record["ID"]


@method("calendar.event.delete", SCOPE, writes=True)
def event_delete(call: Call) -> Any:
    number = as_number(call.get("id")) or 0
    if number <= 0:
        raise classic("Не задан id события")
    record = call.portal.get(TABLE, number)
    if record is None or not may_own(call, record["CAL_TYPE"], record["OWNER_ID"]):
        raise _failed("удалении")
    call.portal.drop(TABLE, number)
    return True


# -- reading


def _clock(unix: int, zone: str) -> datetime:
    return datetime.fromtimestamp(unix, ZoneInfo(zone))


def _edges(record: Record) -> tuple[datetime, datetime]:
    """The first and the last moment on the event's own clock."""
    if record["DT_SKIP_TIME"] == "Y":
        return _clock(record["FROM"], "UTC"), _clock(record["TO"], "UTC")
    return _clock(record["FROM"], record["TZ_FROM"]), _clock(record["TO"], record["TZ_TO"])


def _offset(unix: int, zone: str) -> int:
    return int((_clock(unix, zone).utcoffset() or timedelta()).total_seconds())


def _stamp(moment: datetime) -> str:
    return moment.strftime("%d.%m.%Y %H:%M:%S")


def _length(record: Record) -> int:
    return int(record["TO"] - record["FROM"]) + (DAY_SECONDS if record["DT_SKIP_TIME"] == "Y" else 0)


def _span(record: Record) -> Record:
    """What every printed event says of its time."""
    start, end = (record["FROM"], record["TZ_FROM"]), (record["TO"], record["TZ_TO"])
    first, last = _edges(record)
    return {
        "DATE_FROM": _stamp(first), "DATE_TO": _stamp(last), "DATE_FROM_TS_UTC": str(start[0]),
        "DATE_TO_TS_UTC": str(end[0]), "~USER_OFFSET_FROM": _offset(*start), "~USER_OFFSET_TO": _offset(*end),
        "DT_SKIP_TIME": record["DT_SKIP_TIME"], "TZ_FROM": start[1], "TZ_TO": end[1],
    }  # fmt: skip


def _shown_rule(rule: Record, zone: str) -> Record:
    shown = dict(rule)
    if until := rule.get("UNTIL"):
        day = datetime.fromisoformat(until).replace(tzinfo=ZoneInfo(zone))
        shown |= {"UNTIL": day.strftime("%d.%m.%Y"), "~UNTIL": day.strftime("%d.%m.%Y"),
                  "UNTIL_TS": int(day.timestamp())}  # fmt: skip
    return shown


def _shown(call: Call, record: Record) -> Record:
    portal, answers = call.portal, record.get("ATTENDEES") or {}
    zone, number, rule = portal.settings["timezone"], str(record["ID"]), record.get("RRULE")
    first, last = _edges(record)
    pattern = "%a %b %d %Y" if record["DT_SKIP_TIME"] == "Y" else "%a %b %d %Y %H:%M:%S"
    return {
        "ID": number, "PARENT_ID": number, "DELETED": "N", "CAL_TYPE": record["CAL_TYPE"],
        "OWNER_ID": str(record["OWNER_ID"]), "NAME": record["NAME"], **_span(record), "ORIGINAL_DATE_FROM": None,
        "TZ_OFFSET_FROM": str(_offset(record["FROM"], record["TZ_FROM"])),
        "TZ_OFFSET_TO": str(_offset(record["TO"], record["TZ_TO"])), "DT_LENGTH": _length(record),
        "EVENT_TYPE": None, "CREATED_BY": str(record["CREATED_BY"]),
        "DATE_CREATE": _stamp(_clock(record["DATE_CREATE"], zone)),
        "TIMESTAMP_X": _stamp(_clock(record["TIMESTAMP_X"], zone)),
        "DESCRIPTION": record["DESCRIPTION"], "PRIVATE_EVENT": record["PRIVATE_EVENT"],
        "ACCESSIBILITY": record["ACCESSIBILITY"], "IMPORTANCE": record["IMPORTANCE"],
        "IS_MEETING": record["IS_MEETING"],
        "MEETING_STATUS": answers.get(str(call.user_id), "H" if record["IS_MEETING"] else "Y"),
        "MEETING_HOST": str(record["MEETING_HOST"]),
        "MEETING": {
            "HOST_NAME": portal.user_name(record["MEETING_HOST"]), **dict.fromkeys(map(str.upper, FLAGS), False),
            **record.get("MEETING", {}), "MEETING_CREATOR": record["CREATED_BY"],
            "LANGUAGE_ID": portal.settings["language"], "MAIL_FROM": "",
        },
        "LOCATION": record["LOCATION"], "REMIND": record["REMIND"], "COLOR": record["COLOR"] or DEFAULT_COLOR,
        "RRULE": _shown_rule(rule, zone) if rule else "", "EXDATE": "", "DAV_XML_ID": f"event-{number}@{portal.slug}",
        "G_EVENT_ID": "", "DAV_EXCH_LABEL": "", "CAL_DAV_LABEL": "", "VERSION": str(record["VERSION"]),
        "ATTENDEES_CODES": [f"U{one}" for one in answers], "RECURRENCE_ID": None, "RELATIONS": None,
        "SECTION_ID": str(record["SECTION_ID"]), "SYNC_STATUS": None,
        "UF_CRM_CAL_EVENT": record.get("UF_CRM_CAL_EVENT") or False, "UF_WEBDAV_CAL_EVENT": False,
        "SECTION_DAV_XML_ID": None, "DATE_FROM_FORMATTED": first.strftime(pattern),
        "DATE_TO_FORMATTED": last.strftime(pattern),
        "SECT_ID": str(record["SECTION_ID"]),
        "ATTENDEE_LIST": [{"id": int(one), "entryId": number, "status": answer} for one, answer in answers.items()],
        "COLLAB_ID": None, "attendeesEntityList": [{"entityId": "user", "id": int(one)} for one in answers],
        "~DESCRIPTION": record["DESCRIPTION"],
    }  # fmt: skip


def _falls(record: Record, start: int, end: int) -> bool:
    """Whether the event, or any of its series, may touch the period."""
    rule = record.get("RRULE")
    if not rule:
        return bool(record["FROM"] <= end and record["FROM"] + _length(record) >= start)
    last = rule.get("UNTIL")
    zone = ZoneInfo(record["TZ_FROM"])
    stops = None if last is None else datetime.fromisoformat(last).replace(tzinfo=zone).timestamp() + DAY_SECONDS
    return bool(record["FROM"] <= end and (stops is None or stops >= start))


def _between(call: Call, start: int, end: int) -> list[Record]:
    return sorted((one for one in call.portal.table(TABLE) if _falls(one, start, end)),
                  key=lambda one: (one["FROM"], one["ID"]))  # fmt: skip


def _edge(call: Call, name: str, default: int, extra: int = 0) -> int:
    if call.get(name) in (None, ""):
        return default
    try:
        return parse_moment(call.get(name), call.portal.zone) + extra
    except BadValueError as error:
        raise _failed("выборке") from error


@method("calendar.event.get", SCOPE)
def event_get(call: Call) -> Any:
    """Events from a month ago to three months ahead unless the call names a period."""
    kind, owner = owner_of(call)
    now = call.portal.now()
    found = _between(call, _edge(call, "from", now - 30 * DAY_SECONDS), _edge(call, "to", now + 90 * DAY_SECONDS,
                                                                              DAY_SECONDS))  # fmt: skip
    named = call.get("section")
    wanted = {as_number(one) for one in named} if isinstance(named, list) else {as_number(named)} if named else None
    return [
        _shown(call, one)
        for one in found
        if (one["CAL_TYPE"], one["OWNER_ID"]) == (kind, owner) and (wanted is None or one["SECTION_ID"] in wanted)
    ]


@method("calendar.event.get.nearest", SCOPE)
def event_nearest(call: Call) -> Any:
    """What comes in the next 60 days, of the current user unless `forCurrentUser` is false."""
    now = call.portal.now()
    found = _between(call, now, now + (as_number(call.get("days")) or 60) * DAY_SECONDS)
    if str(call.get("forCurrentUser", True)).lower() in ("false", "0", "n"):
        kind, owner = owner_of(call)
        found = [one for one in found if (one["CAL_TYPE"], one["OWNER_ID"]) == (kind, owner)]
    else:
        found = [one for one in found if _busies(one, call.user_id)]
    most = as_number(call.get("maxEventsCount"))
    return [_shown(call, one) for one in (found if not most else found[:most])]


@method("calendar.event.getbyid", SCOPE)
def event_by_id(call: Call) -> Any:
    """null of an event that is not there."""
    need(call, "id")
    record = call.portal.get(TABLE, as_number(call.get("id")) or 0)
    return None if record is None else _shown(call, record)


# -- who takes part


def _busies(record: Record, user: int) -> bool:
    """Whether the event is in this user's day: their own, or one they have not declined."""
    if (record["CAL_TYPE"], record["OWNER_ID"]) == ("user", user):
        return True
    return bool((record.get("ATTENDEES") or {}).get(str(user), "N") != "N")


@method("calendar.meeting.status.get", SCOPE)
def status_get(call: Call) -> Any:
    """The host has agreed; null of who was not invited."""
    need(call, "eventId")
    record = call.portal.get(TABLE, as_number(call.get("eventId")) or 0)
    if record is None:
        raise classic("При выборке статуса произошла ошибка")
    answer = (record.get("ATTENDEES") or {}).get(str(call.user_id))
    return "Y" if answer == "H" else answer


@method("calendar.meeting.status.set", SCOPE, writes=True)
def status_set(call: Call) -> Any:
    need(call, "eventId", "status")
    answer = call.text("status")
    if answer not in ANSWERS:
        raise classic('Недопустимое значение параметра "status"')
    record = call.portal.get(TABLE, as_number(call.get("eventId")) or 0)
    answers = {} if record is None else record.get("ATTENDEES") or {}
    if record is not None and answers.get(str(call.user_id), "H") != "H":
        call.portal.patch(TABLE, record["ID"], {"ATTENDEES": {**answers, str(call.user_id): answer}})
    return True


@method("calendar.accessibility.get", SCOPE)
def accessibility(call: Call) -> Any:
    """What keeps each user busy in the period; events that leave one free are not told."""
    need(call, "from", "to", "users")
    named = call.get("users")
    found = _between(call, _edge(call, "from", 0), _edge(call, "to", 0, DAY_SECONDS))
    people = [number for number in map(as_number, named if isinstance(named, list) else [named]) if number]
    return {
        str(user): [
            {"ID": str(one["ID"]), "NAME": one["NAME"], **_span(one), "ACCESSIBILITY": one["ACCESSIBILITY"],
             "IMPORTANCE": one["IMPORTANCE"], "EVENT_TYPE": ""}
            for one in found
            if one["ACCESSIBILITY"] != "free" and _busies(one, user)
        ]
        for user in people
    }  # fmt: skip
