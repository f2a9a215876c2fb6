"""timeman.*: employees' working days, the office network, the schedule, settings of the control of time.

Vendor documentation, "Учет рабочего времени": https://apidocs.bitrix24.ru/api-reference/timeman/

Not told by the vendor and chosen here: everyone works by one fixed schedule with id 1, free in changing their day; a
day that was closed goes on with what passed meanwhile as a break; absences are not recorded, so reports have none.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, moment_text, parse_moment

SCOPE = "timeman"
OPENED, PAUSED, CLOSED, EXPIRED = "OPENED", "PAUSED", "CLOSED", "EXPIRED"
FINISH_HOUR = 18


# -- the working day


def _user(call: Call) -> Record:
    """The employee that is named, else the caller; only administrators see others."""
    wanted = as_number(call.get("USER_ID")) or call.user_id
    found = call.portal.get("user", wanted)
    if found is None or (wanted != call.user_id and not is_admin(call)):
        raise RestError(400, "", "User not found")
    return found


def _day(call: Call, user: Record) -> Record | None:
    return call.portal.get("workday", user["ID"])


def _same_date(call: Call, one: int, other: int) -> bool:
    zone = call.portal.zone
    return datetime.fromtimestamp(one, zone).date() == datetime.fromtimestamp(other, zone).date()


def _status(call: Call, day: Record | None) -> str:
    if day is None:
        return CLOSED
    if day["STATUS"] != CLOSED and not _same_date(call, day["START"], call.portal.now()):
        return EXPIRED
    return str(day["STATUS"])


def _span(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _shown(call: Call, user: Record) -> Record:
    day, zone = _day(call, user), call.portal.zone
    status = _status(call, day)
    if day is None:
        return {"STATUS": CLOSED, "TIME_START": None, "TIME_FINISH": None, "DURATION": "00:00:00",
                "TIME_LEAKS": "00:00:00", "ACTIVE": True, "IP_OPEN": "", "IP_CLOSE": "", "LAT_OPEN": 0, "LON_OPEN": 0,
                "LAT_CLOSE": 0, "LON_CLOSE": 0, "TZ_OFFSET": _offset(call, call.portal.now())}  # fmt: skip
    finish = day.get("FINISH")
    shown: Record = {
        "STATUS": status, "TIME_START": moment_text(day["START"], zone),
        "TIME_FINISH": None if finish is None else moment_text(finish, zone),
        "DURATION": _span(0 if finish is None else finish - day["START"] - day["LEAKS"]),
        "TIME_LEAKS": _span(day["LEAKS"]), "ACTIVE": True, "IP_OPEN": "", "IP_CLOSE": "",
        **{f"{name}_{side}": day.get(f"{name}_{side}", 0) for side in ("OPEN", "CLOSE") for name in ("LAT", "LON")},
        "TZ_OFFSET": _offset(call, day["START"]),
    }  # fmt: skip
    if status == EXPIRED:
        start = datetime.fromtimestamp(day["START"], zone)
        shown["TIME_FINISH_DEFAULT"] = start.replace(hour=FINISH_HOUR, minute=0, second=0).isoformat()
    return shown


def _offset(call: Call, unix: int) -> int:
    offset = datetime.fromtimestamp(unix, call.portal.zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def _place(call: Call, side: str) -> Record:
    given = {name: call.get(name) for name in ("LAT", "LON")}
    return {f"{name}_{side}": value for name, value in given.items() if isinstance(value, int | float)}


def _time(call: Call, text: str, near: int) -> int:
    """TIME where it is given, on the same date as `near`; else now."""
    if call.get("TIME") is None:
        return call.portal.now()
    try:
        moment = parse_moment(call.get("TIME"), call.portal.zone)
    except BadValueError as error:
        raise RestError(400, "WRONG_DATETIME", text) from error
    if not _same_date(call, moment, near):
        raise RestError(400, "WRONG_DATETIME", text)
    return moment


def _resumed(call: Call, day: Record) -> Record:
    """An interrupted day that goes on: what passed since is a break."""
    return {"STATUS": OPENED, "FINISH": None, "SINCE": None, "LEAKS": day["LEAKS"] + call.portal.now() - day["SINCE"]}


@method("timeman.open", SCOPE, writes=True)
def day_open(call: Call) -> Any:
    """A new day, or an interrupted or closed one of today that goes on."""
    user = _user(call)
    day, now = _day(call, user), call.portal.now()
    status = _status(call, day)
    if status == PAUSED and call.get("TIME") is not None:
        raise RestError(400, "TIME", "Unable to set time, work day is paused")
    start = _time(call, "Day open date should correspond to the current date", now)
    if day is not None and day.get("SINCE") and _same_date(call, day["START"], now):
        call.portal.patch("workday", user["ID"], _resumed(call, day))
    elif day is None or status in (CLOSED, EXPIRED):
        fresh = {"STATUS": OPENED, "START": start, "LEAKS": 0, **_place(call, "OPEN")}
        call.portal.put("workday", fresh, user["ID"])
    return _shown(call, user)


@method("timeman.pause", SCOPE, writes=True)
def day_pause(call: Call) -> Any:
    user = _user(call)
    day = _day(call, user)
    if day is not None and day["STATUS"] != PAUSED:
        since = day.get("SINCE") or call.portal.now()
        call.portal.patch("workday", user["ID"], {"STATUS": PAUSED, "FINISH": None, "SINCE": since})
    return _shown(call, user)


@method("timeman.close", SCOPE, writes=True)
def day_close(call: Call) -> Any:
    user = _user(call)
    day = _day(call, user)
    if day is not None and day["STATUS"] != CLOSED:
        near = day["START"] if call.get("TIME") is not None else call.portal.now()
        finish = _time(call, "Day close date should correspond to the day open date", near)
        leaks = day["LEAKS"] + (finish - day["SINCE"] if day["STATUS"] == PAUSED else 0)
        values = {"STATUS": CLOSED, "FINISH": finish, "SINCE": finish, "LEAKS": leaks, **_place(call, "CLOSE")}
        call.portal.patch("workday", user["ID"], values)
    return _shown(call, user)


@method("timeman.status", SCOPE)
def day_status(call: Call) -> Any:
    return _shown(call, _user(call))


@method("timeman.settings", SCOPE)
def settings(call: Call) -> Any:
    user = _user(call)
    shown: Record = {"UF_TIMEMAN": True, "UF_TM_FREE": True, "UF_TM_MAX_START": "09:15:00",
                     "UF_TM_MIN_FINISH": "17:45:00", "UF_TM_MIN_DURATION": "08:00:00",
                     "UF_TM_ALLOWED_DELTA": "00:15:00"}  # fmt: skip
    return {**shown, "ADMIN": is_admin(call)} if user["ID"] == call.user_id else shown


# -- the office network


def _only_admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_ERROR", "You don't have access to use this method")


NETWORKS = [{"ip_range": "10.0.0.0-10.255.255.255", "name": "10.x.x.x"},
            {"ip_range": "172.16.0.0-172.31.255.255", "name": "172.x.x.x"},
            {"ip_range": "192.168.0.0-192.168.255.255", "name": "192.168.x.x"}]  # fmt: skip


def _networks(call: Call) -> list[Record]:
    held = call.portal.get("worksettings", 1)
    return NETWORKS if held is None else held["NETWORKS"]


def _bounds(text: str) -> tuple[ipaddress.IPv4Address, ipaddress.IPv4Address] | None:
    low, _, high = text.partition("-")
    try:
        first, last = ipaddress.IPv4Address(low.strip()), ipaddress.IPv4Address((high or low).strip())
    except ValueError:
        return None
    return (first, last) if first <= last else None


@method("timeman.networkrange.get", SCOPE)
def network_get(call: Call) -> Any:
    _only_admin(call)
    return _networks(call)


@method("timeman.networkrange.set", SCOPE, writes=True)
def network_set(call: Call) -> Any:
    """All ranges at once; where one of them is wrong none is set, and the wrong ones come back."""
    _only_admin(call)
    given = call.get("RANGES")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise RestError(400, "INVALID_FORMAT", "A wrong format for the RANGES field is passed")
    ranges = [{"ip_range": str(one.get("ip_range") or ""), "name": str(one.get("name") or "")} for one in given]
    if wrong := [one for one in ranges if _bounds(one["ip_range"]) is None]:
        return {"result": False, "error_ranges": wrong}
    call.portal.put("worksettings", {"NETWORKS": ranges}, 1)
    return {"result": True}


@method("timeman.networkrange.check", SCOPE)
def network_check(call: Call) -> Any:
    """The range of the address that is named; without one the caller's, which no range holds here."""
    _only_admin(call)
    wanted = _bounds(call.text("IP"))
    for one in _networks(call) if wanted is not None else ():
        bounds = _bounds(one["ip_range"])
        if wanted is not None and bounds is not None and bounds[0] <= wanted[0] <= bounds[1]:
            return {"ip": call.text("IP"), "range": one["ip_range"], "name": one["name"]}
    return False


# -- the schedule and the control of time


@method("timeman.schedule.get", SCOPE)
def schedule_get(call: Call) -> Any:
    """An empty list of a schedule that is not there."""
    if as_number(call.get("id")) != 1:
        return []
    unset = ("MAX_OFFSET_START", "MIN_OFFSET_END", "RELATIVE_START_FROM", "RELATIVE_START_TO", "RELATIVE_END_FROM",
             "RELATIVE_END_TO", "MAX_SHIFT_START_DELAY")  # fmt: skip
    told = ("FIXED_START_END", "FIXED_PER_RECORD", "FIXED_EDIT_WORKTIME", "FIXED_PERIODIC", "SHIFT_DELAY",
            "SHIFT_MISSED_START")  # fmt: skip
    return {
        "ID": 1, "NAME": "Для всех сотрудников", "SCHEDULE_TYPE": "FIXED", "REPORT_PERIOD": "MONTH",
        "REPORT_PERIOD_OPTIONS": {"START_WEEK_DAY": 0}, "CALENDAR_ID": 1, "ALLOWED_DEVICES": {"browser": True},
        "DELETED": "0", "IS_FOR_ALL_USERS": True, "WORKTIME_RESTRICTIONS": ["[]"], "CONTROLLED_ACTIONS": 3,
        "UPDATED_BY": 0, "DELETED_BY": 0, "DELETED_AT": "", "CREATED_BY": 0,
        "CREATED_AT": "2019-09-19T21:22:22+03:00",
        "SHIFTS": [{"ID": 1, "NAME": "", "BREAK_DURATION": 3600, "WORK_TIME_START": 32400, "WORK_TIME_END": 64800,
                    "WORK_DAYS": "12345", "SCHEDULE_ID": 1, "DELETED": False}],
        "CALENDAR": {"ID": 1, "NAME": "", "PARENT_CALENDAR_ID": 0, "SYSTEM_CODE": "", "EXCLUSIONS": []},
        "SCHEDULE_VIOLATION_RULES": {
            "ID": 1, "SCHEDULE_ID": 1, "ENTITY_CODE": "UA", "MAX_EXACT_START": 33300, "MIN_EXACT_END": 63900,
            **dict.fromkeys(unset, -1), "MIN_DAY_DURATION": 28800, "MAX_ALLOWED_TO_EDIT_WORK_TIME": 900,
            "MAX_WORK_TIME_LACK_FOR_PERIOD": 3600, "PERIOD_TIME_LACK_AGENT_ID": 0, "MISSED_SHIFT_START": 0,
            "USERS_TO_NOTIFY": {name: [] for name in told},
        },
    }  # fmt: skip


CONTROL: Record = {
    "active": False, "minimum_idle_for_report": 15, "register_offline": True, "register_idle": True,
    "register_desktop": True, "report_request_type": "all", "report_request_users": [], "report_simple_type": "all",
    "report_simple_users": [], "report_full_type": "all", "report_full_users": [],
}  # fmt: skip
"""What an administrator sets, and what stands there before."""


def _control(call: Call) -> Record:
    held = call.portal.get("workcontrol", 1) or {}
    return {name: held.get(name, value) for name, value in CONTROL.items()}


@method("timeman.timecontrol.settings.get", SCOPE)
def control_get(call: Call) -> Any:
    _only_admin(call)
    return _control(call)


@method("timeman.timecontrol.settings.set", SCOPE, writes=True)
def control_set(call: Call) -> Any:
    """`ACTIVE: false` does not switch it off, 0 does."""
    _only_admin(call)
    values = _control(call)
    for name, usual in CONTROL.items():
        given = call.get(name)
        if given is None or (name == "active" and given is False):
            continue
        if isinstance(usual, bool):
            values[name] = given in (True, 1, "1", "true", "Y")
        elif isinstance(usual, int):
            values[name] = as_number(given) or usual
        elif isinstance(usual, list):
            values[name] = [number for number in map(as_number, given if isinstance(given, list) else []) if number]
        elif given in ("all", "user", "none"):
            values[name] = given
    call.portal.put("workcontrol", values, 1)
    return True


@method("timeman.timecontrol.reports.settings.get", SCOPE)
def reports_settings(call: Call) -> Any:
    control, admin = _control(call), is_admin(call)
    all_of_them = [{"id": str(one["ID"]), "name": one["NAME"]} for one in call.portal.table("department")]
    return {"active": control["active"], "user_id": call.user_id, "user_admin": admin, "user_head": admin,
            "departments": all_of_them if admin else [],
            "minimum_idle_for_report": control["minimum_idle_for_report"],
            "report_view_type": "head" if admin else "simple"}  # fmt: skip


def _person(call: Call, user: Record) -> Record:
    return {"id": user["ID"], "name": call.portal.user_name(user["ID"]), "first_name": user.get("NAME", ""),
            "last_name": user.get("LAST_NAME", ""), "work_position": user.get("POSITION", ""), "avatar": "",
            "personal_gender": user.get("PERSONAL_GENDER", ""),
            "last_activity_date": moment_text(call.portal.now(), call.portal.zone)}  # fmt: skip


@method("timeman.timecontrol.reports.users.get", SCOPE)
def reports_users(call: Call) -> Any:
    """Everyone of the department to an administrator, to an employee themselves."""
    wanted = as_number(call.get("DEPARTMENT_ID"))
    if not is_admin(call):
        return [_person(call, call.identity.user)]
    found = [one for one in call.portal.table("user") if wanted is None or wanted in one.get("DEPARTMENTS", [1])]
    return [_person(call, one) for one in found]


MONTHS = ("Январь", "Февраль", "Март", "Апрель", "Май", "Июнь", "Июль", "Август", "Сентябрь", "Октябрь", "Ноябрь",
          "Декабрь")  # fmt: skip


@method("timeman.timecontrol.reports.get", SCOPE)
def reports_get(call: Call) -> Any:
    """A month of one employee; days are empty, as on a portal that does not record absences."""
    user = call.portal.get("user", as_number(call.get("USER_ID")) or call.user_id)
    if user is None or (user["ID"] != call.user_id and not is_admin(call)):
        raise RestError(400, "USER_ACCESS_ERROR", "You don't have access to report for this user")
    today = datetime.fromtimestamp(call.portal.now(), call.portal.zone)
    year, month = as_number(call.get("YEAR")) or today.year, as_number(call.get("MONTH")) or today.month
    if not (1 <= month <= len(MONTHS) and 1970 <= year <= 9998):
        year, month = today.year, today.month
    first = datetime(year, month, 1, tzinfo=call.portal.zone)
    last = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=call.portal.zone) - timedelta(seconds=1)
    return {
        "report": {"month_title": MONTHS[month - 1], "date_start": first.isoformat(), "date_finish": last.isoformat(),
                   "days": []},
        "user": {**_person(call, user), "active": user["ACTIVE"] == "Y"},
    }  # fmt: skip
