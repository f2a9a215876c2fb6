"""calendar.section.*, calendar.resource.* and the settings of calendars.

Vendor documentation, "Календарь": https://apidocs.bitrix24.ru/api-reference/calendar/

Not told by the vendor and chosen here: the rights that a fresh calendar has; a resource is a calendar of type
`resource`, so both have one sequence of ids.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError, classic
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE = "calendar"
TYPES = ("user", "group", "company_calendar", "location")
TEXTS = {"name": "NAME", "description": "DESCRIPTION", "color": "COLOR", "text_color": "TEXT_COLOR"}
OWNER_ACCESS, OTHERS_ACCESS = 19, 13


def denied() -> RestError:
    return classic("Доступ запрещен")


def need(call: Call, *names: str) -> None:
    """Refuses a call without one of the parameters, in the words of every calendar method."""
    for name in names:
        if call.get(name) in (None, ""):
            method_name = call.method.lower()
            raise classic(f'Не задан обязательный параметр "{name}" для метода "{method_name}"')


def owner_of(call: Call) -> tuple[str, int]:
    """(type, owner) of the calendar that the call names; a user's own where the owner is left out."""
    need(call, "type")
    kind = call.text("type")
    if kind == "company_calendar" or kind == "location":
        return kind, as_number(call.get("ownerId")) or 0
    if kind != "user":
        need(call, "ownerId")
    return kind, as_number(call.get("ownerId")) or call.user_id


def texts(call: Call, names: dict[str, str]) -> Record:
    values: Record = {}
    for name, stored in names.items():
        value = call.get(name)
        if value is None:
            continue
        if isinstance(value, dict | list):
            raise classic(f'Недопустимое значение параметра "{name}"')
        values[stored] = str(value)
    return values


# -- calendars


def sections(call: Call, kind: str, owner: int) -> list[Record]:
    return [one for one in call.portal.table("calendar") if (one["CAL_TYPE"], one["OWNER_ID"]) == (kind, owner)]


def make_section(call: Call, kind: str, owner: int, values: Record) -> int:
    now = call.portal.now()
    fresh = {"CAL_TYPE": kind, "OWNER_ID": owner, "CREATED_BY": call.user_id, "DATE_CREATE": now, "TIMESTAMP_X": now,
             "DESCRIPTION": "", "COLOR": "#9dcf00", "TEXT_COLOR": "", "EXPORT": {"ALLOW": True}}  # fmt: skip
    return call.portal.put("calendar", {**fresh, **values})


def _section_values(call: Call) -> Record:
    values = texts(call, TEXTS)
    export = call.get("export")
    if isinstance(export, dict):
        allow = export.get("ALLOW") in (True, "true", "Y", 1, "1")
        values["EXPORT"] = {"ALLOW": allow, "SET": str(export.get("SET") or "all")} if allow else {"ALLOW": False}
    return values


def may_own(call: Call, kind: str, owner: int) -> bool:
    """Whether the caller may change calendars of this owner: another employee's are an administrator's to change."""
    return kind != "user" or owner == call.user_id or is_admin(call)


def check_owner(call: Call, kind: str, owner: int) -> None:
    if not may_own(call, kind, owner):
        raise denied()


@method("calendar.section.add", SCOPE, writes=True)
def section_add(call: Call) -> Any:
    kind, owner = owner_of(call)
    values = _section_values(call)
    if kind not in TYPES:
        raise denied()
    check_owner(call, kind, owner)
    if not values.get("NAME"):
        raise classic("При создании секции произошла ошибка")
    return make_section(call, kind, owner, values)


@method("calendar.section.get", SCOPE)
def section_get(call: Call) -> Any:
    return [_shown(call, one) for one in sections(call, *owner_of(call))]


def _shown(call: Call, record: Record) -> Record:
    zone, mine = call.portal.zone, call.user_id in (record["CREATED_BY"], record["OWNER_ID"]) or is_admin(call)
    stamps = {
        name: datetime.fromtimestamp(record[name], zone).strftime("%Y-%m-%d %H:%M:%S")
        for name in ("DATE_CREATE", "TIMESTAMP_X")
    }
    return {
        "ID": str(record["ID"]), "NAME": record["NAME"], "GAPI_CALENDAR_ID": None,
        "DESCRIPTION": record["DESCRIPTION"], "COLOR": record["COLOR"], "TEXT_COLOR": record["TEXT_COLOR"],
        "EXPORT": record["EXPORT"], "CAL_TYPE": record["CAL_TYPE"], "OWNER_ID": str(record["OWNER_ID"]),
        "CREATED_BY": str(record["CREATED_BY"]), **stamps, "CAL_DAV_CON": None, "SYNC_TOKEN": None,
        "PAGE_TOKEN": None, "EXTERNAL_TYPE": "local",
        "ACCESS": {"G2": OTHERS_ACCESS, f"U{record['CREATED_BY']}": OWNER_ACCESS}, "IS_COLLAB": False,
        "PERM": {"view_time": True, "view_title": True, "view_full": True,
                 **dict.fromkeys(("add", "edit", "edit_section", "access"), mine)},
    }  # fmt: skip


def _section(call: Call) -> Record:
    """The calendar that the call names, of the type and the owner that it names."""
    kind, owner = owner_of(call)
    number = as_number(call.get("id")) or 0
    if number <= 0:
        raise classic("Не задан id секции")
    record = call.portal.get("calendar", number)
    if record is None or (record["CAL_TYPE"], record["OWNER_ID"]) != (kind, owner):
        raise denied()
    check_owner(call, kind, owner)
    return record


@method("calendar.section.update", SCOPE, writes=True)
def section_update(call: Call) -> Any:
    record = _section(call)
    call.portal.patch("calendar", record["ID"], {**_section_values(call), "TIMESTAMP_X": call.portal.now()})
    return record["ID"]


@method("calendar.section.delete", SCOPE, writes=True)
def section_delete(call: Call) -> Any:
    """Its events go with it."""
    record = _section(call)
    for event in list(call.portal.table("calendarevent").find("SECTION_ID", record["ID"])):
        call.portal.drop("calendarevent", event["ID"])
    call.portal.drop("calendar", record["ID"])
    return True


# -- resources


def _resource(call: Call) -> Record:
    need(call, "resourceId")
    record = call.portal.get("calendar", as_number(call.get("resourceId")) or 0)
    if record is None or record["CAL_TYPE"] != "resource":
        raise denied()
    return record


@method("calendar.resource.add", SCOPE, writes=True)
def resource_add(call: Call) -> Any:
    need(call, "name")
    return make_section(call, "resource", 0, {"NAME": call.text("name")})


@method("calendar.resource.update", SCOPE, writes=True)
def resource_update(call: Call) -> Any:
    record = _resource(call)
    need(call, "name")
    call.portal.patch("calendar", record["ID"], {"NAME": call.text("name"), "TIMESTAMP_X": call.portal.now()})
    return record["ID"]


@method("calendar.resource.list", SCOPE)
def resource_list(call: Call) -> Any:
    return [
        {"ID": str(one["ID"]), "NAME": one["NAME"], "CREATED_BY": str(one["CREATED_BY"])}
        for one in sections(call, "resource", 0)
    ]


@method("calendar.resource.delete", SCOPE, writes=True)
def resource_delete(call: Call) -> Any:
    call.portal.drop("calendar", _resource(call)["ID"])
    return True


@method("calendar.resource.booking.list", SCOPE)
def resource_bookings(call: Call) -> Any:
    """Bookings are made by user fields of a type that is not simulated, so there are none."""
    query = call.get("filter")
    query = query if isinstance(query, dict) else {}
    if not query.get("resourceTypeIdList") and not query.get("resourceIdList"):
        text = "Не задан обязательный параметр \"filter['resourceTypeIdList']\" для метода"
        raise classic(f'{text} "calendar.resource.booking.list"')
    return []


# -- settings


@method("calendar.settings.get", SCOPE)
def settings_get(call: Call) -> Any:
    user, group = "/company/personal/user/#user_id#/", "/workgroups/group/#group_id#/"
    return {
        "work_time_start": "9", "work_time_end": "19",
        "year_holidays": "1.01,2.01,7.01,23.02,8.03,1.05,9.05,12.06,4.11", "year_workdays": "31.12",
        "week_holidays": ["SA", "SU"], "week_start": "MO", "user_name_template": "#NAME# #LAST_NAME#",
        "sync_by_push": False, "user_show_login": True, "path_to_user": user,
        "path_to_user_calendar": f"{user}calendar/", "path_to_group": group,
        "path_to_group_calendar": f"{group}calendar/", "path_to_vr": "", "path_to_rm": "", "rm_iblock_type": "",
        "rm_iblock_id": "", "dep_manager_sub": True, "denied_superpose_types": [], "pathes_for_sites": "",
        "forum_id": "8", "rm_for_sites": True, "path_to_type_company_calendar": "", "path_to_type_location": "",
        "path_to_type_open_event": "",
    }  # fmt: skip


CHOSEN: Record = {
    "view": "month", "meetSection": "", "crmSection": "", "showDeclined": False, "denyBusyInvitation": False,
    "collapseOffHours": "Y", "showWeekNumbers": "N", "showTasks": "Y", "syncTasks": "N", "showCompletedTasks": "N",
    "lastUsedSection": "false", "sendFromEmail": "", "defaultSections": [], "syncPeriodPast": "3",
    "syncPeriodFuture": "12",
    "defaultReminders": {"fullDay": [], "withTime": [{"type": "min", "count": 15}]},
}  # fmt: skip
"""What a user sets, and what stands there before."""


@method("calendar.user.settings.get", SCOPE)
def user_settings_get(call: Call) -> Any:
    held = call.portal.get("calendarsettings", call.user_id) or {}
    chosen = {name: held.get(name, value) for name, value in CHOSEN.items()}
    offset = datetime.fromtimestamp(call.portal.now(), call.portal.zone).utcoffset() or timedelta()
    return {
        **chosen, "timezoneName": call.portal.settings["timezone"],
        "timezoneOffsetUTC": int(offset.total_seconds()), "timezoneDefaultName": "", "work_time_start": "9.00",
        "work_time_end": "19.00",
    }  # fmt: skip


@method("calendar.user.settings.set", SCOPE, writes=True)
def user_settings_set(call: Call) -> Any:
    """The settings that are named; flags keep the type they are read with."""
    need(call, "settings")
    given = call.get("settings")
    given = given if isinstance(given, dict) else {}
    values = {
        name: value in (True, 1, "1", "true", "Y") if isinstance(CHOSEN[name], bool) else value
        for name, value in given.items()
        if name in CHOSEN
    }
    held = call.portal.get("calendarsettings", call.user_id) or {}
    call.portal.put("calendarsettings", {**held, **values}, call.user_id)
    return True
