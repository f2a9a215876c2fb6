"""tasks.task.*: favourites, watching, muting, counters, history, results; what one task waits for.

Vendor documentation, "Задачи": https://apidocs.bitrix24.ru/api-reference/tasks/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError, missing_parameter, wrong_parameter
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.tasks import COMPLETED, SCOPE, SUPPOSEDLY_DONE, refused, task_of, whole
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text


def _mark(call: Call, field: str, *, on: bool) -> Record:
    """Puts the caller on a list of the task, or takes them off it."""
    record = task_of(call)
    rest = [one for one in record.get(field, []) if one != call.user_id]
    call.portal.patch("task", record["ID"], {field: [*rest, call.user_id] if on else rest})
    return record


for _name, _on in (("add", True), ("remove", False)):

    @method(f"tasks.task.favorite.{_name}", SCOPE, writes=True)
    def task_favourite(call: Call, on: bool = _on) -> Any:
        _mark(call, "FAVORITE_OF", on=on)
        return True


for _name, _field, _on in (("startwatch", "AUDITORS", True), ("stopwatch", "AUDITORS", False),
                           ("mute", "MUTED_BY", True), ("unmute", "MUTED_BY", False)):  # fmt: skip

    @method(f"tasks.task.{_name}", SCOPE, writes=True)
    def task_mark(call: Call, field: str = _field, on: bool = _on) -> Any:
        record = _mark(call, field, on=on)
        return {"task": whole(call, call.portal.table("task").records[record["ID"]])}


@method("tasks.task.counters.get", SCOPE)
def task_counters(call: Call) -> Any:
    user = call.get("userId")
    if user is not None and as_number(user) is None:
        raise wrong_parameter("userId", user, "int")
    wanted = as_number(user) or call.user_id
    now = call.portal.now()
    late = [
        one
        for one in call.portal.table("task")
        if one["RESPONSIBLE_ID"] == wanted and one["STATUS"] not in (SUPPOSEDLY_DONE, COMPLETED)
        and (one.get("DEADLINE") or now) < now
    ]  # fmt: skip
    return {"expired": {"counter": len(late), "code": 6291456}, "new_comments": {"counter": 0, "code": 12582912}}


@method("tasks.task.history.list", SCOPE)
def task_history(call: Call) -> Any:
    record = task_of(call)
    listed = []
    for one in call.portal.table("taskhistory").find("TASK_ID", record["ID"]):
        user = call.portal.get("user", one["USER_ID"]) or {}
        listed.append(
            {"id": one["ID"], "createdDate": moment_text(one["DATE"], call.portal.zone), "field": one["FIELD"],
             "value": {"from": one.get("FROM"), "to": one.get("TO")},
             "user": {"id": one["USER_ID"], "name": user.get("NAME", ""), "lastName": user.get("LAST_NAME", ""),
                      "secondName": "", "login": user.get("EMAIL", "")}}
        )  # fmt: skip
    return {"list": listed}


# -- results: comments that say what came of it


def _result(call: Call, record: Record) -> Record:
    zone = call.portal.zone
    return {
        "id": record["ID"], "taskId": record["TASK_ID"], "commentId": record["COMMENT_ID"],
        "createdBy": record["AUTHOR_ID"], "createdAt": moment_text(record["DATE"], zone),
        "updatedAt": moment_text(record["DATE"], zone), "status": 0, "text": record["TEXT"],
        "formattedText": record["TEXT"], "files": [],
    }  # fmt: skip


def _comment_number(call: Call) -> int:
    raw = call.get("commentId")
    if raw is None:
        raise missing_parameter("commentId")
    number = as_number(raw)
    if number is None:
        raise wrong_parameter("commentId", raw, "int")
    return number


@method("tasks.task.result.addFromComment", SCOPE, writes=True)
def result_add(call: Call) -> Any:
    comment = call.portal.get("taskcomment", _comment_number(call))
    if comment is None:
        raise RestError(400, "0", "Comment not found.")
    values: Record = {"TASK_ID": comment["TASK_ID"], "COMMENT_ID": comment["ID"], "AUTHOR_ID": comment["AUTHOR_ID"],
                      "DATE": call.portal.now(), "TEXT": comment["POST_MESSAGE"]}  # fmt: skip
    made = call.portal.put("taskresult", values)
    return _result(call, call.portal.table("taskresult").records[made])


@method("tasks.task.result.deleteFromComment", SCOPE, writes=True)
def result_delete(call: Call) -> Any:
    wanted = _comment_number(call)
    for record in list(call.portal.table("taskresult")):
        if record["COMMENT_ID"] == wanted:
            call.portal.drop("taskresult", record["ID"])
    return None


@method("tasks.task.result.list", SCOPE)
def result_list(call: Call) -> Any:
    task = task_of(call)["ID"]
    found = [one for one in call.portal.table("taskresult") if one["TASK_ID"] == task]
    return [_result(call, one) for one in reversed(found)]


# -- what waits for what


@method("task.dependence.add", SCOPE, writes=True)
def dependence_add(call: Call) -> Any:
    source, target = task_of(call, "taskIdFrom"), task_of(call, "taskIdTo")
    kind = as_number(call.get("linkType"))
    if kind not in (0, 1, 2, 3):
        raise refused("Неверный тип связи")
    if _dependence(call, source["ID"], target["ID"]) is not None:
        raise refused("Связь уже существует")
    call.portal.put("dependence", {"FROM": source["ID"], "TO": target["ID"], "TYPE": kind})
    return []


@method("task.dependence.delete", SCOPE, writes=True)
def dependence_delete(call: Call) -> Any:
    found = _dependence(call, task_of(call, "taskIdFrom")["ID"], task_of(call, "taskIdTo")["ID"])
    if found is None:
        raise refused("Связь не найдена")
    call.portal.drop("dependence", found)
    return []


def _dependence(call: Call, source: int, target: int) -> int | None:
    links = call.portal.table("dependence")
    return next((one["ID"] for one in links if (one["FROM"], one["TO"]) == (source, target)), None)


@method("task.planner.getlist", SCOPE)
def planner(call: Call) -> Any:
    """The plan of the day: what the caller has in hand."""
    mine = (one for one in call.portal.table("task") if one["RESPONSIBLE_ID"] == call.user_id)
    return [one["ID"] for one in mine if one["STATUS"] not in (SUPPOSEDLY_DONE, COMPLETED)]


# -- stages of "my plan" and of a group's board

STAGES = (("Не спланированы", "00C4FB", "NEW"), ("Сделаю на неделе", "47D1E2", None), ("Готово", "75D900", None))


def _stages(call: Call, entity: int) -> list[Record]:
    """The board; a new one has its usual stages."""
    found = [one for one in call.portal.table("taskstage") if one["ENTITY_ID"] == entity]
    if not found:
        for place, (title, colour, kind) in enumerate(STAGES, 1):
            call.portal.put("taskstage", {"TITLE": title, "SORT": place * 100, "COLOR": colour, "SYSTEM_TYPE": kind,
                                          "ENTITY_ID": entity})  # fmt: skip
        found = [one for one in call.portal.table("taskstage") if one["ENTITY_ID"] == entity]
    return sorted(found, key=lambda one: (one["SORT"], one["ID"]))


def _stage(call: Call) -> Record:
    record = call.portal.get("taskstage", as_number(call.get("id")) or 0)
    if record is None:
        raise RestError(400, "NOT_FOUND", "Стадия не найдена")
    if not is_admin(call) and record["ENTITY_ID"]:
        raise RestError(400, "ACCESS_DENIED", "Вы не можете изменять стадии в этой группе")
    return record


@method("task.stages.get", SCOPE, writes=True)
def stages_get(call: Call) -> Any:
    entity = as_number(call.get("entityId")) or 0
    return {
        str(one["ID"]): {
            "ID": str(one["ID"]), "TITLE": one["TITLE"], "SORT": str(one["SORT"]), "COLOR": one["COLOR"],
            "SYSTEM_TYPE": one.get("SYSTEM_TYPE"), "ENTITY_ID": str(entity or call.user_id),
            "ENTITY_TYPE": "G" if entity else "U", "ADDITIONAL_FILTER": [], "TO_UPDATE": [], "TO_UPDATE_ACCESS": None,
        }
        for one in _stages(call, entity)
    }  # fmt: skip


@method("task.stages.add", SCOPE, writes=True)
def stages_add(call: Call) -> Any:
    given = call.get("fields")
    fields = {key.upper(): value for key, value in given.items()} if isinstance(given, dict) else {}
    if not fields.get("TITLE"):
        raise RestError(400, "EMPTY_TITLE", "Не указан заголовок стадии")
    entity = as_number(fields.get("ENTITY_ID")) or 0
    present = _stages(call, entity)
    after = next((one for one in present if one["ID"] == as_number(fields.get("AFTER_ID"))), None)
    sort = present[-1]["SORT"] + 100 if after is None else after["SORT"] + 1
    values: Record = {"TITLE": str(fields["TITLE"]), "COLOR": str(fields.get("COLOR") or "00C4FB"), "SORT": sort,
                      "ENTITY_ID": entity}  # fmt: skip
    return call.portal.put("taskstage", values)


@method("task.stages.update", SCOPE, writes=True)
def stages_update(call: Call) -> Any:
    record, given = _stage(call), call.get("fields")
    fields = {key.upper(): value for key, value in given.items()} if isinstance(given, dict) else {}
    call.portal.patch("taskstage", record["ID"], {name: str(fields[name]) for name in ("TITLE", "COLOR")
                                                  if fields.get(name)})  # fmt: skip
    return True


@method("task.stages.delete", SCOPE, writes=True)
def stages_delete(call: Call) -> Any:
    record = _stage(call)
    if record.get("SYSTEM_TYPE") == "NEW":
        raise RestError(400, "CANT_DELETE_FIRST", "Нельзя удалить первую стадию. Передвиньте стадию, чтобы удалить")
    call.portal.drop("taskstage", record["ID"])
    return True


@method("task.stages.canmovetask", SCOPE)
def stages_can_move(call: Call) -> Any:
    return is_admin(call) or call.text("entityType") == "U"


@method("task.stages.movetask", SCOPE, writes=True)
def stages_move(call: Call) -> Any:
    task = call.portal.get("task", as_number(call.get("id")) or 0)
    if task is None:
        raise RestError(400, "TASK_NOT_FOUND", "Задача не найдена")
    stage = call.portal.get("taskstage", as_number(call.get("stageId")) or 0)
    if stage is None:
        raise RestError(400, "STAGE_NOT_FOUND", "Стадия не найдена")
    call.portal.patch("task", task["ID"], {"STAGE_ID": stage["ID"]})
    return True
