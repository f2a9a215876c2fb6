"""Tasks of employees: their states, what belongs to them, and the oldest methods' arguments by place."""

from __future__ import annotations

from typing import Any

from tests.sandbox.bitrix24.client import PortalClient


async def _task(crm: PortalClient, **more: Any) -> int:
    fields = {"TITLE": "Позвонить", "RESPONSIBLE_ID": 7, **more}
    task = (await crm.result("tasks.task.add", {"fields": fields}))["task"]
    return int(task["id"])


async def test_a_task_is_made_shown_and_listed(crm: PortalClient) -> None:
    number = await _task(crm, DEADLINE="2026-12-01T19:00:00+03:00", UF_CRM_TASK=["D_1"])
    shown = (await crm.result("tasks.task.get", {"taskId": number}))["task"]
    assert (shown["id"], shown["status"], shown["responsibleId"]) == (str(number), "2", "7")
    assert (shown["deadline"], shown["responsible"]["name"]) == ("2026-12-01T19:00:00+03:00", "Пётр Лапин")
    assert shown["action"]["start"] is True
    assert "ufCrmTask" not in shown
    narrow = (await crm.result("tasks.task.get", {"taskId": number, "select": ["TITLE", "UF_CRM_TASK"]}))["task"]
    assert (narrow["title"], narrow["ufCrmTask"]) == ("Позвонить", ["D_1"])
    assert "status" not in narrow
    params = {"filter": {"RESPONSIBLE_ID": 7, "!STATUS": 5}, "select": ["ID"], "order": {"ID": "desc"}}
    answer = await crm.call("tasks.task.list", params)
    assert ([one["id"] for one in answer["result"]["tasks"]], answer["total"]) == ([str(number)], 1)


async def test_a_task_that_is_not_there_and_wrong_ids(crm: PortalClient) -> None:
    assert await crm.result("tasks.task.get", {"taskId": 999}) == []
    assert await crm.refused("tasks.task.get", {"taskId": -1}) == (400, "0", "wrong task id")
    assert (await crm.refused("tasks.task.get"))[:2] == (400, "100")
    assert await crm.refused("tasks.task.list", {"order": {"NOTHING": "asc"}}) == (400, "0", "Неверный ключ сортировки")
    status, code, _ = await crm.refused("tasks.task.add", {"fields": {"TITLE": "Без исполнителя"}})
    assert (status, code) == (400, "ERROR_CORE")
    assert (await crm.refused("tasks.task.add"))[1] == 100


async def test_a_task_goes_through_its_states(crm: PortalClient) -> None:
    number = await _task(crm)
    for action, status in (("start", "3"), ("pause", "2"), ("defer", "6"), ("start", "3"), ("complete", "5")):
        answer = await crm.result(f"tasks.task.{action}", {"taskId": number})
        assert answer["task"]["status"] == status, action
    assert (await crm.refused("tasks.task.start", {"taskId": number}))[:2] == (400, "1048582")
    assert (await crm.result("tasks.task.renew", {"taskId": number}))["task"]["closedDate"] is None
    assert await crm.result("tasks.task.favorite.add", {"taskId": number}) is True
    assert (await crm.result("tasks.task.get", {"taskId": number}))["task"]["favorite"] == "Y"
    history = (await crm.result("tasks.task.history.list", {"taskId": number}))["list"]
    assert [entry["field"] for entry in history][:2] == ["NEW", "STATUS"]
    assert await crm.result("tasks.task.delete", {"taskId": number}) == {"task": True}


async def test_who_does_a_task_may_not_edit_it(crm: PortalClient) -> None:
    number = await _task(crm)
    rights = (await crm.result("tasks.task.getaccess", {"taskId": number, "users": [1, 7]}))["allowedActions"]
    assert (rights["1"]["EDIT"], rights["7"]["EDIT"], rights["7"]["COMPLETE"]) == (True, False, True)


async def test_checklists_comments_and_time_by_names_and_by_place(crm: PortalClient) -> None:
    task = await _task(crm)
    item = await crm.result("task.checklistitem.add", {"TASKID": task, "FIELDS": {"TITLE": "Договор"}})
    assert await crm.result("task.checklistitem.complete", [task, item]) is True
    listed = await crm.result("task.checklistitem.getlist", {"TASKID": task})
    assert [one["TITLE"] for one in listed] == ["BX_CHECKLIST_1", "Договор"]
    assert (listed[1]["PARENT_ID"], listed[1]["IS_COMPLETE"]) == (listed[0]["ID"], "Y")
    comment = await crm.result("task.commentitem.add", [task, {"POST_MESSAGE": "Отправил"}])
    shown = await crm.result("task.commentitem.getlist", {"TASKID": task, "ORDER": {"ID": "desc"}})
    assert [(one["ID"], one["AUTHOR_NAME"]) for one in shown] == [(str(comment), "Мария Климова")]
    status, code, text = await crm.refused("task.commentitem.getlist", [task, {">=POST_DATE": "asc"}])
    assert (status, code) == (400, "ERROR_CORE")
    assert 'must not contain key ">=POST_DATE"' in text
    spent = {"SECONDS": 3600, "COMMENT_TEXT": "Звонил"}
    made = await crm.result("task.elapseditem.add", {"TASKID": task, "ARFIELDS": spent})
    answer = await crm.call("task.elapseditem.getlist", [{"ID": "desc"}, {">=MINUTES": 30}])
    assert ([one["ID"] for one in answer["result"]], answer["total"]) == ([str(made)], 1)
    assert (await crm.result("tasks.task.get", {"taskId": task}))["task"]["timeSpentInLogs"] == "3600"
    result = await crm.result("tasks.task.result.addFromComment", {"commentId": comment})
    assert (result["taskId"], result["text"]) == (task, "Отправил")


async def test_tasks_have_fields_of_their_own(crm: PortalClient) -> None:
    params = {"PARAMS": {"USER_TYPE_ID": "string", "FIELD_NAME": "BOX"}}
    made = await crm.result("task.item.userfield.add", params)
    assert (await crm.result("task.item.userfield.get", {"ID": made}))["FIELD_NAME"] == "UF_BOX"
    number = await _task(crm, UF_BOX="17")
    shown = (await crm.result("tasks.task.get", {"taskId": number, "select": ["ID", "UF_BOX"]}))["task"]
    assert shown["ufBox"] == "17"
    assert "UF_BOX" in (await crm.result("tasks.task.getFields"))["fields"]


async def test_a_field_of_tasks_that_is_deleted_takes_its_values_along(crm: PortalClient) -> None:
    params = {"PARAMS": {"USER_TYPE_ID": "string", "FIELD_NAME": "BOX"}}
    number = await _with_box(crm, params)
    (field,) = await crm.result("task.item.userfield.getlist", {"ORDER": {"ID": "asc"}})
    assert await crm.result("task.item.userfield.delete", {"ID": field["ID"]}) is True
    await crm.result("task.item.userfield.add", params)
    shown = (await crm.result("tasks.task.get", {"taskId": number, "select": ["ID", "UF_BOX"]}))["task"]
    assert shown.get("ufBox") is None


async def _with_box(crm: PortalClient, params: dict[str, Any]) -> int:
    await crm.result("task.item.userfield.add", params)
    return await _task(crm, UF_BOX="17")


async def test_users_are_invited_found_and_changed(crm: PortalClient) -> None:
    fields = {"EMAIL": "anna@vektor.example", "NAME": "Анна", "XML_ID": "u-17", "UF_DEPARTMENT": [1]}
    made = await crm.result("user.add", fields)
    assert (await crm.refused("user.add", fields))[1] == "ERROR_ARGUMENT"
    assert await crm.result("user.update", {"ID": made, "WORK_POSITION": "Бухгалтер"}) is True
    (found,) = await crm.result("user.get", {"XML_ID": "u-17"})
    assert (found["ID"], found["WORK_POSITION"]) == (str(made), "Бухгалтер")
    assert [one["ID"] for one in await crm.result("user.search", {"NAME": "Анн"})] == [str(made)]


async def test_departments_have_one_top(crm: PortalClient) -> None:
    made = await crm.result("department.add", {"NAME": "Продажи", "PARENT": 1})
    assert await crm.result("department.update", {"ID": made, "NAME": "Отдел продаж"}) is True
    assert await crm.result("department.get", {"PARENT": 1}) == [
        {"ID": str(made), "NAME": "Отдел продаж", "SORT": 500, "PARENT": "1"}
    ]
    assert (await crm.refused("department.add", {"NAME": "Вторая голова"}))[1] == "ERROR_CORE"
    assert await crm.result("department.delete", {"ID": made}) is True
    assert await crm.refused("department.delete", {"ID": made}) == (400, "ERROR_CORE", "Department not found")
