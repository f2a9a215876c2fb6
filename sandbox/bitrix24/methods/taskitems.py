"""task.checklistitem.*, task.commentitem.*, task.elapseditem.*: what belongs to one task.

The oldest methods of the portal: arguments count by their place, names serve only who keeps the order. Vendor
documentation, "Чек-листы", "Комментарии", "Затраченное время".
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, upper_keys
from sandbox.bitrix24.envelope import RestError, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.tasks import SCOPE, refused, remember
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, classic_encoder, parse_moment

NO_ARGUMENTS = ("auth", "auth_connector")
NAV_PAGE_SIZE = 50
CHECKLIST = {"ID": "integer", "TASK_ID": "integer", "PARENT_ID": "integer", "CREATED_BY": "integer", "TITLE": "string",
             "SORT_INDEX": "integer", "IS_COMPLETE": "string", "IS_IMPORTANT": "string", "TOGGLED_BY": "integer",
             "TOGGLED_DATE": "datetime"}  # fmt: skip
COMMENT = {"ID": "integer", "AUTHOR_ID": "integer", "AUTHOR_NAME": "string", "AUTHOR_EMAIL": "string",
           "POST_DATE": "datetime", "POST_MESSAGE": "string"}  # fmt: skip
ELAPSED = {"ID": "integer", "TASK_ID": "integer", "USER_ID": "integer", "COMMENT_TEXT": "string", "SECONDS": "integer",
           "MINUTES": "integer", "SOURCE": "integer", "CREATED_DATE": "datetime", "DATE_START": "datetime",
           "DATE_STOP": "datetime"}  # fmt: skip


def positional(call: Call, *names: str) -> list[Any]:
    """The arguments: by name where they have these names, else one after another."""
    given = {key: value for key, value in call.params.tree.items() if key.lower() not in NO_ARGUMENTS}
    if any(name.lower() in {key.lower() for key in given} for name in names):
        return [call.get(name) for name in names]
    values = list(given.values())
    return [*values, *([None] * len(names))][: len(names)]


def _missing(place: int, name: str, title: str) -> RestError:
    text = f"Param #{place} ({name}) expected by method {title}(), but not given."
    return refused(f"TASKS_ERROR_EXCEPTION_#256; {text}; 256/TE/WRONG_ARGUMENTS<br>")


def _task(call: Call, raw: Any, title: str) -> Record:
    number = as_number(raw)
    if number is None:
        raise _missing(0, "taskId", title)
    record = call.portal.get("task", number)
    if record is None:
        raise refused("TASKS_ERROR_EXCEPTION_#8; Action failed; 8/TE/ACTION_FAILED_TO_BE_PROCESSED<br>")
    return record


def _item(call: Call, table: str, task: Any, item: Any, title: str) -> Record:
    owner = _task(call, task, title)
    number = as_number(item)
    if number is None:
        raise _missing(1, "itemId", title)
    record = call.portal.get(table, number)
    if record is None or record["TASK_ID"] != owner["ID"]:
        text = "Check listitem not found or not accessible"
        raise refused(f"TASKS_ERROR_EXCEPTION_#512; {text}; 512/TE/ITEM_NOT_FOUND_OR_NOT_ACCESSIBLE<br>")
    return record


def _map(value: Any, place: int, title: str) -> Record:
    if not isinstance(value, dict):
        raise _missing(place, "arFields", title)
    return upper_keys(value)


def _printed(call: Call, record: Record, kinds: dict[str, str]) -> Record:
    return {name: classic_encoder(kind, call.portal.zone)(record.get(name)) for name, kind in kinds.items()}


def _found(call: Call, table: str, task: Any, order: Any, tree: Any, kinds: dict[str, str], title: str) -> list[Record]:
    owner = None if task is None else _task(call, task, title)

    def resolve(name: str) -> Column | None:
        return Column(name.upper(), kinds[name.upper()]) if name.upper() in kinds else None

    for key in order if isinstance(order, dict) else ():
        if resolve(key) is None:
            text = f'Param #1 (arOrder) for method {title}() must not contain key "{key}".'
            raise refused(f"TASKS_ERROR_EXCEPTION_#256; {text}; 256/TE/WRONG_ARGUMENTS<br>")
    query = compile_filter(tree if isinstance(tree, dict) else None, resolve, call.portal.zone, strict=False)
    if owner is not None:
        query.predicates.append(lambda record: record["TASK_ID"] == owner["ID"])
    whole = call.portal.table(table)
    return run(whole, query, compile_order(order, resolve, strict=False), offset=0, limit=max(len(whole), 1))[0]


def _moment(call: Call, value: Any) -> int:
    try:
        return parse_moment(value, call.portal.zone) if value else call.portal.now()
    except BadValueError as error:
        raise refused("Неверный формат даты<br>") from error


# -- checklists


def _check_item(call: Call, record: Record) -> Record:
    return {**_printed(call, record, CHECKLIST), "MEMBERS": [], "ATTACHMENTS": []}


def _root(call: Call, task: int) -> int:
    """The checklist to which an item belongs; the first item of a task makes one."""
    known = next((one for one in call.portal.table("checklist").find("TASK_ID", task) if not one["PARENT_ID"]), None)
    if known is not None:
        number: int = known["ID"]
        return number
    values: Record = {"TASK_ID": task, "PARENT_ID": 0, "CREATED_BY": call.user_id, "SORT_INDEX": 0,
                      "TITLE": "BX_CHECKLIST_1", "IS_COMPLETE": "N", "IS_IMPORTANT": "N"}  # fmt: skip
    return call.portal.put("checklist", values)


@method("task.checklistitem.add", SCOPE, writes=True)
def check_add(call: Call) -> Any:
    title = "ctaskchecklistitem::add"
    task, given = positional(call, "TASKID", "FIELDS")
    owner, fields = _task(call, task, title), _map(given, 1, title)
    if not fields.get("TITLE"):
        raise refused("Не указано название пункта<br>")
    place = len(call.portal.table("checklist").find("TASK_ID", owner["ID"]))
    values: Record = {
        "TASK_ID": owner["ID"], "PARENT_ID": as_number(fields.get("PARENT_ID")) or _root(call, owner["ID"]),
        "CREATED_BY": call.user_id,
        "TITLE": str(fields["TITLE"]), "SORT_INDEX": as_number(fields.get("SORT_INDEX")) or place,
        "IS_COMPLETE": "Y" if fields.get("IS_COMPLETE") in ("Y", True) else "N",
        "IS_IMPORTANT": "Y" if fields.get("IS_IMPORTANT") in ("Y", True) else "N",
    }  # fmt: skip
    made = call.portal.put("checklist", values)
    remember(call, owner["ID"], "CHECKLIST_ITEM_CREATE", "", values["TITLE"])
    return made


@method("task.checklistitem.get", SCOPE)
def check_get(call: Call) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    return _check_item(call, _item(call, "checklist", task, item, "ctaskchecklistitem::get"))


@method("task.checklistitem.getlist", SCOPE)
def check_list(call: Call) -> Any:
    task, order = positional(call, "TASKID", "ORDER")
    title = "ctaskchecklistitem::getlist"
    _task(call, task, title)
    return [_check_item(call, one) for one in _found(call, "checklist", task, order, None, CHECKLIST, title)]


@method("task.checklistitem.update", SCOPE, writes=True)
def check_update(call: Call) -> Any:
    title = "ctaskchecklistitem::update"
    task, item, given = positional(call, "TASKID", "ITEMID", "FIELDS")
    record, fields = _item(call, "checklist", task, item, title), _map(given, 2, title)
    values: Record = {name: str(fields[name]) for name in ("TITLE", "IS_COMPLETE", "IS_IMPORTANT") if name in fields}
    values |= {name: as_number(fields[name]) for name in ("SORT_INDEX", "PARENT_ID") if name in fields}
    call.portal.patch("checklist", record["ID"], values)
    return None


@method("task.checklistitem.delete", SCOPE, writes=True)
def check_delete(call: Call) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    call.portal.drop("checklist", _item(call, "checklist", task, item, "ctaskchecklistitem::delete")["ID"])
    return True


def _toggle(call: Call, done: str, title: str) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    record = _item(call, "checklist", task, item, title)
    toggled = {"IS_COMPLETE": done, "TOGGLED_BY": call.user_id, "TOGGLED_DATE": call.portal.now()}
    call.portal.patch("checklist", record["ID"], toggled)
    return True


@method("task.checklistitem.complete", SCOPE, writes=True)
def check_complete(call: Call) -> Any:
    return _toggle(call, "Y", "ctaskchecklistitem::complete")


@method("task.checklistitem.renew", SCOPE, writes=True)
def check_renew(call: Call) -> Any:
    return _toggle(call, "N", "ctaskchecklistitem::renew")


@method("task.checklistitem.moveafteritem", SCOPE, writes=True)
def check_move(call: Call) -> Any:
    title = "ctaskchecklistitem::moveafteritem"
    task, item, after = positional(call, "TASKID", "ITEMID", "AFTERITEMID")
    record, before = _item(call, "checklist", task, item, title), _item(call, "checklist", task, after, title)
    rest = [one for one in _found(call, "checklist", task, {"SORT_INDEX": "asc"}, None, CHECKLIST, title)
            if one["ID"] != record["ID"]]  # fmt: skip
    place = next(index for index, one in enumerate(rest) if one["ID"] == before["ID"]) + 1
    for index, one in enumerate([*rest[:place], record, *rest[place:]]):
        call.portal.patch("checklist", one["ID"], {"SORT_INDEX": index})
    return None


@method("task.checklistitem.isactionallowed", SCOPE)
def check_allowed(call: Call) -> Any:
    title = "ctaskchecklistitem::isactionallowed"
    task, item, action = positional(call, "TASKID", "ITEMID", "ACTIONID")
    _item(call, "checklist", task, item, title)
    if action is None:
        raise _missing(2, "actionId", title)
    return True


@method("task.checklistitem.getmanifest", SCOPE)
def check_manifest(call: Call) -> Any:
    return _manifest("checklistitem", ("PARENT_ID", "TITLE", "SORT_INDEX", "IS_COMPLETE", "IS_IMPORTANT"), CHECKLIST)


def _manifest(name: str, writable: tuple[str, ...], kinds: dict[str, str]) -> Record:
    return {
        "Manifest version": "2.0",
        "Warning": "don't rely on format of this manifest, it can be changed without any notification",
        "REST: shortname alias to class": name,
        f"REST: writable {name} data fields": list(writable),
        f"REST: readable {name} data fields": list(kinds),
        f"REST: sortable {name} data fields": list(kinds),
        f"REST: filterable {name} data fields": list(kinds),
    }


# -- comments


def _comment(call: Call, record: Record) -> Record:
    author = call.portal.get("user", record["AUTHOR_ID"]) or {}
    name = call.portal.user_name(record["AUTHOR_ID"])
    named = {**record, "AUTHOR_NAME": name, "AUTHOR_EMAIL": author.get("EMAIL", "")}
    return {"POST_MESSAGE_HTML": None, **_printed(call, named, COMMENT)}


@method("task.commentitem.add", SCOPE, writes=True)
def comment_add(call: Call) -> Any:
    title = "ctaskcommentitem::add"
    task, given = positional(call, "TASKID", "FIELDS")
    owner, fields = _task(call, task, title), _map(given, 1, title)
    if not fields.get("POST_MESSAGE"):
        raise RestError(400, "ERROR_CODE", "Не указан текст комментария.<br>")
    author = as_number(fields.get("AUTHOR_ID")) or call.user_id
    if author != call.user_id and not is_admin(call):
        raise RestError(400, "ERROR_CODE", "Недостаточно прав для добавления комментария.<br>")
    values: Record = {"TASK_ID": owner["ID"], "AUTHOR_ID": author, "POST_MESSAGE": str(fields["POST_MESSAGE"]),
                      "POST_DATE": _moment(call, fields.get("POST_DATE"))}  # fmt: skip
    made = call.portal.put("taskcomment", values)
    remember(call, owner["ID"], "COMMENT", None, str(made))
    data = {"FIELDS_BEFORE": "undefined", "FIELDS_AFTER": {"ID": str(made), "TASK_ID": str(owner["ID"])},
            "IS_ACCESSIBLE_BEFORE": "N", "IS_ACCESSIBLE_AFTER": "Y"}  # fmt: skip
    call.portal.raise_event("ONTASKCOMMENTADD", data)
    return made


@method("task.commentitem.get", SCOPE)
def comment_get(call: Call) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    return _comment(call, _item(call, "taskcomment", task, item, "ctaskcommentitem::get"))


@method("task.commentitem.getlist", SCOPE)
def comment_list(call: Call) -> Any:
    task, order, tree = positional(call, "TASKID", "ORDER", "FILTER")
    title = "ctaskcommentitem::getlist"
    _task(call, task, title)
    return [_comment(call, one) for one in _found(call, "taskcomment", task, order, tree, COMMENT, title)]


@method("task.commentitem.update", SCOPE, writes=True)
def comment_update(call: Call) -> Any:
    title = "ctaskcommentitem::update"
    task, item, given = positional(call, "TASKID", "ITEMID", "FIELDS")
    record, fields = _item(call, "taskcomment", task, item, title), _map(given, 2, title)
    if not fields.get("POST_MESSAGE"):
        raise RestError(400, "ERROR_CODE", "Не указан текст комментария.<br>")
    call.portal.patch("taskcomment", record["ID"], {"POST_MESSAGE": str(fields["POST_MESSAGE"])})
    return True


@method("task.commentitem.delete", SCOPE, writes=True)
def comment_delete(call: Call) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    call.portal.drop("taskcomment", _item(call, "taskcomment", task, item, "ctaskcommentitem::delete")["ID"])
    return True


@method("task.commentitem.isactionallowed", SCOPE)
def comment_allowed(call: Call) -> Any:
    task, item, action = positional(call, "TASKID", "ITEMID", "ACTIONID")
    _item(call, "taskcomment", task, item, "ctaskcommentitem::isactionallowed")
    if action is None:
        raise _missing(2, "actionId", "ctaskcommentitem::isactionallowed")
    return True


@method("task.commentitem.getmanifest", SCOPE)
def comment_manifest(call: Call) -> Any:
    return _manifest("commentitem", ("POST_MESSAGE", "AUTHOR_ID", "POST_DATE"), COMMENT)


# -- time spent


def _elapsed(call: Call, fields: Record) -> Record:
    values: Record = {}
    if "SECONDS" in fields:
        seconds = as_number(fields["SECONDS"]) or 0
        values |= {"SECONDS": seconds, "MINUTES": seconds // 60}
    if "COMMENT_TEXT" in fields:
        values["COMMENT_TEXT"] = str(fields["COMMENT_TEXT"] or "")
    if as_number(fields.get("USER_ID")):
        values["USER_ID"] = as_number(fields["USER_ID"])
    if fields.get("CREATED_DATE"):
        values["CREATED_DATE"] = _moment(call, fields["CREATED_DATE"])
    return values


@method("task.elapseditem.add", SCOPE, writes=True)
def elapsed_add(call: Call) -> Any:
    title = "ctaskelapseditem::add"
    task, given = positional(call, "TASKID", "ARFIELDS")
    owner, fields = _task(call, task, title), _map(given, 1, title)
    if not as_number(fields.get("SECONDS")):
        raise refused("Не указано затраченное время<br>")
    now = call.portal.now()
    values = {"USER_ID": call.user_id, "SOURCE": 2, "CREATED_DATE": now, "DATE_START": now, "DATE_STOP": now,
              "COMMENT_TEXT": "", **_elapsed(call, fields)}  # fmt: skip
    return call.portal.put("elapsed", {"TASK_ID": owner["ID"], **values})


@method("task.elapseditem.get", SCOPE)
def elapsed_get(call: Call) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    return _printed(call, _item(call, "elapsed", task, item, "ctaskelapseditem::get"), ELAPSED)


@method("task.elapseditem.getlist", SCOPE)
def elapsed_list(call: Call) -> Any:
    """Of one task, or of all; pages by PARAMS[NAV_PARAMS]. Without a task the order stands in front."""
    task, order, tree, select, params = positional(call, "TASKID", "ORDER", "FILTER", "SELECT", "PARAMS")
    if isinstance(task, dict | list):
        task, order, tree, select, params = None, task, order, tree, select
    found = _found(call, "elapsed", task, order, tree, ELAPSED, "ctaskelapseditem::getlist")
    nav = params.get("NAV_PARAMS") if isinstance(params, dict) else None
    size = min((as_number(nav.get("nPageSize")) if isinstance(nav, dict) else None) or NAV_PAGE_SIZE, NAV_PAGE_SIZE)
    number = max((as_number(nav.get("iNumPage")) if isinstance(nav, dict) else None) or 1, 1)
    shown = found[(number - 1) * size : number * size]
    names = {str(name).upper() for name in select} if isinstance(select, list) else set()
    listed = [_printed(call, one, ELAPSED) for one in shown]
    if names and "*" not in names:
        listed = [{name: value for name, value in one.items() if name in names or name == "ID"} for one in listed]
    return page(listed, total=len(found), offset=(number - 1) * size, shown=len(listed))


@method("task.elapseditem.update", SCOPE, writes=True)
def elapsed_update(call: Call) -> Any:
    title = "ctaskelapseditem::update"
    task, item, given = positional(call, "TASKID", "ITEMID", "ARFIELDS")
    record, fields = _item(call, "elapsed", task, item, title), _map(given, 2, title)
    call.portal.patch("elapsed", record["ID"], _elapsed(call, fields))
    return None


@method("task.elapseditem.delete", SCOPE, writes=True)
def elapsed_delete(call: Call) -> Any:
    task, item = positional(call, "TASKID", "ITEMID")
    call.portal.drop("elapsed", _item(call, "elapsed", task, item, "ctaskelapseditem::delete")["ID"])
    return None


@method("task.elapseditem.isactionallowed", SCOPE)
def elapsed_allowed(call: Call) -> Any:
    task, item, _ = positional(call, "TASKID", "ITEMID", "ACTIONID")
    _item(call, "elapsed", task, item, "ctaskelapseditem::isactionallowed")
    return True


@method("task.elapseditem.getmanifest", SCOPE)
def elapsed_manifest(call: Call) -> Any:
    return _manifest("elapseditem", ("USER_ID", "COMMENT_TEXT", "SECONDS", "SOURCE", "CREATED_DATE"), ELAPSED)
