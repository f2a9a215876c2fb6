"""tasks.flow.Flow.*: flows that share tasks out among employees.

Vendor documentation, "Потоки": https://apidocs.bitrix24.ru/api-reference/tasks/flow/
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, universal_id, universal_map
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.workgroups import new_group
from sandbox.bitrix24.store import Record

SCOPE, TABLE = "task", "flow"
WAYS = ("manually", "queue", "himself")
FLAGS = {"responsibleCanChangeDeadline": False, "matchWorkTime": True, "taskControl": False, "notifyAtHalfTime": False}
LIMITS = ("notifyOnQueueOverflow", "notifyOnTasksInProgressOverflow", "notifyWhenEfficiencyDecreases")


def _fault(text: str) -> RestError:
    return RestError(400, 0, text)


def _flow(call: Call, number: Any, *, change: bool) -> Record:
    record = call.portal.get(TABLE, as_number(number) or 0)
    if record is None:
        raise _fault("Flow not found")
    if change and call.user_id not in (record["creatorId"], record["ownerId"]) and not is_admin(call):
        raise _fault("Доступ запрещен или поток не найден")
    return record


def _same_name(call: Call, name: str, but: int = 0) -> bool:
    return any(one["name"].casefold() == name.casefold() and one["ID"] != but for one in call.portal.table(TABLE))


def _values(call: Call, given: Record, number: int = 0) -> Record:
    values: Record = {name: str(given[name]) for name in ("name", "description") if name in given}
    if "name" in values and _same_name(call, values["name"], number):
        raise _fault("Поток с таким названием уже существует")
    if "distributionType" in given:
        values["distributionType"] = given["distributionType"]
        if given["distributionType"] not in WAYS:
            raise _fault("'distributionType': field's value has an invalid value")
    for name in ("groupId", "ownerId", "templateId", "plannedCompletionTime", *LIMITS):
        if as_number(given.get(name)) is not None:
            values[name] = as_number(given[name])
    for name in FLAGS:
        if name in given:
            values[name] = given[name] in (1, "1", True, "true")
    for name in ("responsibleList", "taskCreators"):
        if isinstance(given.get(name), list):
            values[name] = [[str(part) for part in one] for one in given[name] if isinstance(one, list)]
    return values


def _shown(record: Record) -> Record:
    active = datetime.fromtimestamp(record["activity"], UTC).isoformat()
    own = {name: record.get(name) for name in ("creatorId", "ownerId", "groupId", "plannedCompletionTime", "name",
                                               "description", "distributionType", *FLAGS, *LIMITS)}  # fmt: skip
    people = record["responsibleList"]
    return {"id": record["ID"], **own, "templateId": record.get("templateId", 0), "efficiency": 100,
            "active": record["active"], "activity": active, "responsibleList": people, "demo": False,
            "taskCreators": record["taskCreators"], "team": people, "trialFeatureEnabled": False}  # fmt: skip


@method("tasks.flow.Flow.create", SCOPE, writes=True)
def flow_create(call: Call) -> Any:
    """Without a group a new one is made, named like the flow."""
    given = universal_map(call, "flowData")
    values = _values(call, given)
    for name in ("name", "plannedCompletionTime", "distributionType", "responsibleList"):
        if not values.get(name):
            raise _fault(f"'{name}': field's value has an invalid value")
    owner = values.get("ownerId") or call.user_id
    if not values.get("groupId"):
        values["groupId"] = new_group(call.portal, values["name"], call.user_id)
    fresh = {**FLAGS, "description": "", "taskCreators": [["meta-user", "all-users"]], "active": True,
             "creatorId": call.user_id, "activity": call.portal.now()}  # fmt: skip
    made = call.portal.put(TABLE, {**fresh, **values, "ownerId": owner})
    return _shown(call.portal.table(TABLE).records[made])


@method("tasks.flow.Flow.update", SCOPE, writes=True)
def flow_update(call: Call) -> Any:
    given = universal_map(call, "flowData")
    record = _flow(call, given.get("id"), change=True)
    call.portal.patch(TABLE, record["ID"], _values(call, given, record["ID"]))
    return _shown(record)


@method("tasks.flow.Flow.get", SCOPE)
def flow_get(call: Call) -> Any:
    return _shown(_flow(call, universal_id(call, "flowId"), change=False))


@method("tasks.flow.Flow.delete", SCOPE, writes=True)
def flow_delete(call: Call) -> Any:
    call.portal.drop(TABLE, _flow(call, universal_map(call, "flowData").get("id"), change=True)["ID"])
    return {"deleted": True}


@method("tasks.flow.Flow.isExists", SCOPE)
def flow_exists(call: Call) -> Any:
    given = universal_map(call, "flowData")
    return {"exists": _same_name(call, str(given.get("name") or ""), as_number(given.get("id")) or 0)}


@method("tasks.flow.Flow.activate", SCOPE, writes=True)
def flow_activate(call: Call) -> Any:
    """Switches it on, or off where it is on."""
    record = _flow(call, universal_id(call, "flowId"), change=True)
    call.portal.patch(TABLE, record["ID"], {"active": not record["active"]})
    return True


@method("tasks.flow.Flow.pin", SCOPE, writes=True)
def flow_pin(call: Call) -> Any:
    """Whether it is pinned now."""
    record = _flow(call, universal_id(call, "flowId"), change=False)
    pinned = record.get("PINNED_BY", [])
    me = call.user_id
    call.portal.patch(TABLE, record["ID"], {"PINNED_BY": [one for one in pinned if one != me] if me in pinned
                                            else [*pinned, me]})  # fmt: skip
    return me not in pinned
