"""tasks.task.*: tasks of employees, their states and who may do what with them.

Vendor documentation, "Задачи": https://apidocs.bitrix24.ru/api-reference/tasks/
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.bitrix24 import drive
from sandbox.bitrix24.call import Call, as_number, offset_of, universal_map, upper_keys
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, missing_parameter, page, wrong_parameter
from sandbox.bitrix24.filters import BadFilterValueError, Column, UnknownColumnError, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, classic_encoder, folded, is_empty, parse

SCOPE = "task"
PENDING, IN_PROGRESS, SUPPOSEDLY_DONE, COMPLETED, DEFERRED = 2, 3, 4, 5, 6
STATUSES = (PENDING, IN_PROGRESS, SUPPOSEDLY_DONE, COMPLETED, DEFERRED)
KINDS = {
    "ID": "integer", "PARENT_ID": "integer", "TITLE": "string", "DESCRIPTION": "string", "MARK": "enum",
    "PRIORITY": "enum", "STATUS": "enum", "MULTITASK": "enum", "NOT_VIEWED": "enum", "REPLICATE": "enum",
    "GROUP_ID": "integer", "STAGE_ID": "integer", "SPRINT_ID": "integer", "BACKLOG_ID": "integer",
    "CREATED_BY": "integer", "CREATED_DATE": "datetime", "RESPONSIBLE_ID": "integer", "ACCOMPLICES": "array",
    "AUDITORS": "array", "CHANGED_BY": "integer", "CHANGED_DATE": "datetime", "STATUS_CHANGED_BY": "integer",
    "STATUS_CHANGED_DATE": "datetime", "CLOSED_BY": "integer", "CLOSED_DATE": "datetime", "ACTIVITY_DATE": "datetime",
    "DATE_START": "datetime", "DEADLINE": "datetime", "START_DATE_PLAN": "datetime", "END_DATE_PLAN": "datetime",
    "GUID": "string", "XML_ID": "string", "COMMENTS_COUNT": "integer", "SERVICE_COMMENTS_COUNT": "integer",
    "NEW_COMMENTS_COUNT": "integer", "ALLOW_CHANGE_DEADLINE": "enum", "ALLOW_TIME_TRACKING": "enum",
    "TASK_CONTROL": "enum", "ADD_IN_REPORT": "enum", "FORKED_BY_TEMPLATE_ID": "enum", "TIME_ESTIMATE": "integer",
    "TIME_SPENT_IN_LOGS": "integer", "MATCH_WORK_TIME": "integer", "FORUM_TOPIC_ID": "integer", "FORUM_ID": "integer",
    "SITE_ID": "string", "SUBORDINATE": "enum", "FAVORITE": "enum", "EXCHANGE_MODIFIED": "datetime",
    "EXCHANGE_ID": "integer", "OUTLOOK_VERSION": "integer", "VIEWED_DATE": "datetime", "SORTING": "double",
    "DURATION_PLAN": "integer", "DURATION_FACT": "integer", "CHECKLIST": "array", "DURATION_TYPE": "enum",
    "IS_MUTED": "enum", "IS_PINNED": "enum", "IS_PINNED_IN_GROUP": "enum", "FLOW_ID": "integer",
    "UF_CRM_TASK": "crm", "UF_TASK_WEBDAV_FILES": "disk_file", "UF_MAIL_MESSAGE": "mail_message",
}  # fmt: skip
FILES = "UF_TASK_WEBDAV_FILES"
LISTS = ("ACCOMPLICES", "AUDITORS", "UF_CRM_TASK", FILES)
READ_ONLY = ("ID", "CREATED_DATE", "CHANGED_BY", "CHANGED_DATE", "STATUS_CHANGED_BY", "STATUS_CHANGED_DATE",
             "CLOSED_BY", "CLOSED_DATE", "ACTIVITY_DATE", "GUID", "CHECKLIST", "COMMENTS_COUNT", "FAVORITE", "IS_MUTED",
             "TIME_SPENT_IN_LOGS", "VIEWED_DATE", "NEW_COMMENTS_COUNT", "SERVICE_COMMENTS_COUNT")  # fmt: skip
COLUMN_KINDS = {"enum": "string", "crm": "string", "array": "integer", "disk_file": "string", "mail_message": "integer"}
FRESH: Record = {
    "PRIORITY": "1", "MULTITASK": "N", "NOT_VIEWED": "N", "REPLICATE": "N", "STAGE_ID": 0, "GROUP_ID": 0,
    "ALLOW_CHANGE_DEADLINE": "N", "ALLOW_TIME_TRACKING": "N", "TASK_CONTROL": "N", "ADD_IN_REPORT": "N",
    "TIME_ESTIMATE": 0, "MATCH_WORK_TIME": "N", "SITE_ID": "s1", "SUBORDINATE": "N", "OUTLOOK_VERSION": 1,
    "DESCRIPTION": "", "DURATION_TYPE": "days", "IS_PINNED": "N", "IS_PINNED_IN_GROUP": "N",
}  # fmt: skip
NEVER_IN_LISTS = ("CHECKLIST", "FAVORITE", "IS_MUTED", "TIME_SPENT_IN_LOGS", "COMMENTS_COUNT")


def refused(text: str) -> RestError:
    return RestError(400, "ERROR_CORE", text)


def camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def column(name: str) -> Column | None:
    """A field in either spelling."""
    known = next((one for one in KINDS if folded(one) == folded(name)), None)
    if known is None or known in NEVER_IN_LISTS:
        return Column(name.upper(), "string") if name.upper().startswith("UF_") else None
    return Column(known, COLUMN_KINDS.get(KINDS[known], KINDS[known]))


def task_of(call: Call, name: str = "taskId") -> Record:
    """The task that the call names; one that is not there or not open to the user is worded alike."""
    raw = call.get(name, call.get("id"))
    if raw is None:
        raise RestError(400, "100", "CTaskItem All parameters in the constructor must have real class type")
    number = as_number(raw)
    if number is None or number <= 0:
        raise RestError(400, "0", "wrong task id")
    record = call.portal.get("task", number)
    if record is None:
        raise RestError(400, "1048582", "Задача не найдена или недоступна")
    return record


# -- what is shown


def person(portal: Portal, number: int) -> Record:
    user = portal.get("user", number) or {}
    return {"id": str(number), "name": portal.user_name(number), "link": f"/company/personal/user/{number}/",
            "icon": "/bitrix/images/tasks/default_avatar.png", "workPosition": user.get("POSITION", "")}  # fmt: skip


def derived(call: Call, record: Record) -> Record:
    """Values that are counted from what hangs on the task, or that are the caller's own."""
    portal = call.portal
    spent = sum(one["SECONDS"] for one in portal.table("elapsed").find("TASK_ID", record["ID"]))
    return {
        "COMMENTS_COUNT": len(portal.table("taskcomment").find("TASK_ID", record["ID"])) or None,
        "TIME_SPENT_IN_LOGS": spent or None,
        "FAVORITE": "Y" if call.user_id in record.get("FAVORITE_OF", ()) else "N",
        "IS_MUTED": "Y" if call.user_id in record.get("MUTED_BY", ()) else "N",
    }


def shown(call: Call, record: Record, select: Any = None) -> Record:
    """Strings, times and lists under their camel names, as all answers about tasks print them."""
    names = {str(name).upper() for name in select} if isinstance(select, list) and select else set()
    all_ = not names or "*" in names
    values = {**record, **derived(call, record)}
    result: Record = {}
    for name, kind in KINDS.items():
        if name != "ID" and not (name in names or (all_ and (not name.startswith("UF_") or "UF_*" in names))):
            continue
        value = values.get(name)
        if name in LISTS:
            result[camel(name)] = [str(one) for one in value or []]
        elif name == "CHECKLIST":
            items = call.portal.table("checklist").find("TASK_ID", record["ID"])
            result[camel(name)] = {str(one["ID"]): {"id": str(one["ID"]), "title": one["TITLE"]} for one in items} or []
        else:
            encoded = classic_encoder(COLUMN_KINDS.get(kind, kind), call.portal.zone)(value)
            result[camel(name)] = encoded or None if kind == "datetime" else encoded
    for name in record:
        if name.startswith("UF_") and name not in KINDS and (name in names or "UF_*" in names):
            result[camel(name)] = record[name]
    result["descriptionInBbcode"] = "Y"
    if all_ or "GROUP_ID" in names:
        result["group"] = []
    for field, key in (("CREATED_BY", "creator"), ("RESPONSIBLE_ID", "responsible")):
        if all_ or field in names:
            result[key] = person(call.portal, record[field])
    for field, key in (("ACCOMPLICES", "accomplicesData"), ("AUDITORS", "auditorsData")):
        if all_ or field in names:
            result[key] = {str(one): person(call.portal, one) for one in record.get(field, [])} or []
    return result


def _allowed(call: Call, record: Record, user: int) -> dict[str, bool]:
    """What a user may do: who gave the task everything, who does it what moves it on."""
    admin = (call.portal.get("user", user) or {}).get("ADMIN") == "Y"
    giver = admin or record["CREATED_BY"] == user
    doer = giver or record["RESPONSIBLE_ID"] == user
    status = record["STATUS"]
    done = status in (SUPPOSEDLY_DONE, COMPLETED)
    liked, waits = user in record.get("FAVORITE_OF", ()), status == SUPPOSEDLY_DONE
    return {
        "ACCEPT": False, "DECLINE": False, "COMPLETE": doer and not done, "APPROVE": giver and done,
        "DISAPPROVE": giver and waits, "START": doer and status in (PENDING, DEFERRED),
        "PAUSE": doer and status == IN_PROGRESS, "DELEGATE": doer, "REMOVE": giver, "EDIT": giver,
        "DEFER": doer and not done and status != DEFERRED, "RENEW": doer and done, "CREATE": True,
        "CHANGE_DEADLINE": giver or (doer and record["ALLOW_CHANGE_DEADLINE"] == "Y"), "CHECKLIST_ADD_ITEMS": doer,
        "ADD_FAVORITE": not liked, "DELETE_FAVORITE": liked, "RATE": giver, "TAKE": False, "EDIT.ORIGINATOR": False,
        "CHECKLIST.REORDER": doer, "ELAPSEDTIME.ADD": doer, "DAYPLAN.TIMER.TOGGLE": doer, "EDIT.PLAN": giver,
        "CHECKLIST.ADD": doer, "FAVORITE.ADD": not liked, "FAVORITE.DELETE": liked,
    }  # fmt: skip


def _actions(call: Call, record: Record) -> Record:
    allowed = _allowed(call, record, call.user_id)
    return {name.lower() if "." in name else camel(name): value for name, value in allowed.items()}


def whole(call: Call, record: Record, select: Any = None) -> Record:
    return {**shown(call, record, select), "action": _actions(call, record)}


# -- changing


def taken(call: Call, given: dict[str, Any]) -> Record:
    values: Record = {}
    for name, value in upper_keys(given).items():
        if name in READ_ONLY or (name not in KINDS and not name.startswith("UF_")):
            continue
        if name in LISTS:
            items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
            kept = [one for one in items if not is_empty(one)]
            values[name] = [as_number(one) for one in kept] if KINDS[name] == "array" else [str(one) for one in kept]
        elif name not in KINDS:
            values[name] = value
        else:
            kind = COLUMN_KINDS.get(KINDS[name], KINDS[name])
            try:
                values[name] = parse("string" if kind == "double" else kind, value, call.portal.zone)
            except BadValueError as error:
                raise refused(f"Неверное значение поля {name}") from error
    if "STATUS" in values:
        values["STATUS"] = as_number(values["STATUS"])
        if values["STATUS"] not in STATUSES:
            raise refused("Некорректный статус")
    return values


def _check(call: Call, values: Record) -> None:
    if "RESPONSIBLE_ID" in values and call.portal.get("user", values["RESPONSIBLE_ID"] or 0) is None:
        raise refused('Пользователь, указанный в поле "Исполнитель", не найден<br>')
    if values.get("PARENT_ID") and call.portal.get("task", values["PARENT_ID"]) is None:
        raise refused('Задача, указанная в поле "Надзадача", не найдена<br>')
    start, end = values.get("START_DATE_PLAN"), values.get("END_DATE_PLAN")
    if start and end and end < start:
        raise refused("В планировании сроков указана дата окончания меньшая даты старта<br>")


def remember(call: Call, task: int, field: str, before: Any, after: Any) -> None:
    call.portal.put("taskhistory", {"TASK_ID": task, "DATE": call.portal.now(), "FIELD": field, "USER_ID": call.user_id,
                                    "FROM": before, "TO": after})  # fmt: skip


def event(portal: Portal, what: str, number: int) -> None:
    side = {"ID": str(number)}
    before, after = ("", side) if what == "ADD" else (side, "undefined" if what == "DELETE" else side)
    portal.raise_event(f"ONTASK{what}", {"FIELDS_BEFORE": before or "undefined", "FIELDS_AFTER": after,
                                         "IS_ACCESSIBLE_BEFORE": "N" if what == "ADD" else "Y",
                                         "IS_ACCESSIBLE_AFTER": "N" if what == "DELETE" else "Y"})  # fmt: skip


def add_task(call: Call, given: dict[str, Any]) -> Record:
    values = taken(call, given)
    if is_empty(values.get("TITLE")):
        raise refused("Не указано название задачи<br>")
    if not values.get("RESPONSIBLE_ID"):
        raise refused("Не указан исполнитель<br>")
    _check(call, values)
    now, user = call.portal.now(), call.user_id
    stamps = {"CREATED_BY": user, "CREATED_DATE": now, "CHANGED_BY": user, "CHANGED_DATE": now, "STATUS": PENDING,
              "STATUS_CHANGED_DATE": now, "ACTIVITY_DATE": now, "GUID": f"{{{uuid.uuid4()}}}"}  # fmt: skip
    made = call.portal.put(
        "task", {**FRESH, **stamps, **{name: one for name, one in values.items() if one is not None}}
    )
    if values.get(FILES):
        call.portal.patch("task", made, {FILES: drive.attachments(call.portal, values[FILES], made, user)})
    remember(call, made, "NEW", None, None)
    event(call.portal, "ADD", made)
    return call.portal.table("task").records[made]


def change_task(call: Call, record: Record, values: Record) -> Record:
    _check(call, values)
    now = call.portal.now()
    if values.get(FILES):
        values = values | {FILES: drive.attachments(call.portal, values[FILES], record["ID"], call.user_id)}
    changed = {name: value for name, value in values.items() if record.get(name) != value}
    for name, value in changed.items():
        remember(call, record["ID"], name, record.get(name), value)
    if "STATUS" in changed:
        closed = values["STATUS"] in (SUPPOSEDLY_DONE, COMPLETED)
        changed |= {"STATUS_CHANGED_BY": call.user_id, "STATUS_CHANGED_DATE": now,
                    "CLOSED_BY": call.user_id if closed else None, "CLOSED_DATE": now if closed else None}  # fmt: skip
        if values["STATUS"] == IN_PROGRESS and not record.get("DATE_START"):
            changed["DATE_START"] = now
    changed |= {"CHANGED_BY": call.user_id, "CHANGED_DATE": now, "ACTIVITY_DATE": now}
    call.portal.patch("task", record["ID"], changed)
    event(call.portal, "UPDATE", record["ID"])
    return call.portal.table("task").records[record["ID"]]


# -- methods


@method("tasks.task.add", SCOPE, writes=True)
def task_add(call: Call) -> Any:
    return {"task": whole(call, add_task(call, universal_map(call, "fields")))}


@method("tasks.task.update", SCOPE, writes=True)
def task_update(call: Call) -> Any:
    record = task_of(call)
    return {"task": whole(call, change_task(call, record, taken(call, universal_map(call, "fields"))))}


@method("tasks.task.get", SCOPE)
def task_get(call: Call) -> Any:
    """A task that is not there answers with nothing and no error (the vendor's JS SDK, its tests of errors)."""
    select = call.get("select")
    if select is not None and not isinstance(select, list):
        raise wrong_parameter("select", select, "array")
    try:
        record = task_of(call)
    except RestError as error:
        if error.code == "1048582":
            return []
        raise
    return {"task": whole(call, record, select)}


@method("tasks.task.list", SCOPE)
def task_list(call: Call) -> Any:
    try:
        query = compile_filter(call.get("filter"), column, call.portal.zone, strict=False)
        order = compile_order(call.get("order"), column, strict=True)
    except UnknownColumnError as error:
        raise RestError(400, "0", "Неверный ключ сортировки") from error
    except BadFilterValueError as error:
        raise RestError(400, "0", f"Неверное значение фильтра {error}") from error
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("task"), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("select")
    listed = [shown(call, record, select) for record in found]
    for one in listed:
        one.pop("checklist", None)
    return page({"tasks": listed}, total=total, offset=offset, shown=len(listed))


@method("tasks.task.delete", SCOPE, writes=True)
def task_delete(call: Call) -> Any:
    record = task_of(call)
    if not _allowed(call, record, call.user_id)["REMOVE"]:
        raise RestError(400, "1048582", "Нет доступа к удалению задачи")
    for table in ("checklist", "taskcomment", "elapsed", "taskhistory"):
        for one in call.portal.table(table).find("TASK_ID", record["ID"]):
            call.portal.drop(table, one["ID"])
    call.portal.drop("task", record["ID"])
    event(call.portal, "DELETE", record["ID"])
    return {"task": True}


@method("tasks.task.delegate", SCOPE, writes=True)
def task_delegate(call: Call) -> Any:
    record = task_of(call)
    user = call.number("userId")
    if user is None:
        raise missing_parameter("userId")
    return {"task": whole(call, change_task(call, record, {"RESPONSIBLE_ID": user, "STATUS": PENDING}))}


MOVES = {"start": ("START", IN_PROGRESS), "pause": ("PAUSE", PENDING), "defer": ("DEFER", DEFERRED),
         "renew": ("RENEW", PENDING), "approve": ("APPROVE", COMPLETED),
         "disapprove": ("DISAPPROVE", PENDING)}  # fmt: skip


def _move(call: Call, right: str, status: int) -> Any:
    record = task_of(call)
    if not _allowed(call, record, call.user_id)[right]:
        raise RestError(400, "1048582", "Действие над задачей не разрешено")
    return {"task": whole(call, change_task(call, record, {"STATUS": status}))}


for _name, (_right, _status) in MOVES.items():

    @method(f"tasks.task.{_name}", SCOPE, writes=True)
    def task_move(call: Call, right: str = _right, status: int = _status) -> Any:
        return _move(call, right, status)


@method("tasks.task.complete", SCOPE, writes=True)
def task_complete(call: Call) -> Any:
    """Waits for its giver's word where the task is controlled by somebody else."""
    record = task_of(call)
    controlled = record["TASK_CONTROL"] == "Y" and record["CREATED_BY"] != call.user_id
    return _move(call, "COMPLETE", SUPPOSEDLY_DONE if controlled else COMPLETED)


@method("tasks.task.getFields", SCOPE)
def task_fields(call: Call) -> Any:
    own = {one["FIELD_NAME"]: one["USER_TYPE_ID"] for one in call.portal.table("userfield")
           if one["ENTITY_ID"] == "TASKS_TASK"}  # fmt: skip
    return {"fields": {name: {"title": name, "type": kind} for name, kind in {**KINDS, **own}.items()}}


@method("tasks.task.getaccess", SCOPE)
def task_access(call: Call) -> Any:
    users = call.get("users")
    if users is not None and not isinstance(users, list):
        raise wrong_parameter("users", users, "array")
    record = task_of(call)
    wanted = [number for number in map(as_number, users or []) if number] or [call.user_id]
    return {"allowedActions": {str(user): _allowed(call, record, user) for user in wanted}}
