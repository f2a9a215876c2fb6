"""Call lists, workplaces of smart processes, numerators of documents, kinds of activities, over HTTP."""

from __future__ import annotations

from tests.sandbox.bitrix24.application import Application
from tests.sandbox.bitrix24.client import PortalClient

NUMERATOR = "crm.documentgenerator.numerator"
SEQUENCE = "Bitrix_Main_Numerator_Generator_SequentNumberGenerator"


async def test_a_call_list_keeps_who_is_to_be_called(crm: PortalClient) -> None:
    people = [await crm.result("crm.contact.add", {"fields": {"NAME": name}}) for name in "абв"]
    lists = {"ENTITY_TYPE": "CONTACT", "ENTITIES": people[:2]}
    number = await crm.result("crm.calllist.add", lists)
    held = await crm.result("crm.calllist.get", {"ID": number})
    assert (held["ID"], held["ENTITY_TYPE"], held["ENTITY_TYPE_ID"]) == (str(number), "CONTACT", "3")
    changed = {"LIST_ID": number, "ENTITY_TYPE": "CONTACT", "ENTITIES": people[1:]}
    assert await crm.result("crm.calllist.update", changed) is True
    items = await crm.result("crm.calllist.items.get", {"LIST_ID": number, "FILTER": {"STATUS": "IN_WORK"}})
    assert items == [{"ID": one, "STATUS": "IN_WORK", "ENTITY_TYPE": 3} for one in people[1:]]
    assert [one["STATUS_ID"] for one in await crm.result("crm.calllist.statuslist")][:2] == ["IN_WORK", "SUCCESS"]
    chosen = {"SELECT": ["ID"], "FILTER": {"@ENTITY_TYPE_ID": [3]}}
    assert await crm.result("crm.calllist.list", chosen) == [{"ID": str(number)}]
    for method, params, code in (
        ("add", {"ENTITY_TYPE": "CONTACT"}, "ERROR_ARGUMENT"),
        ("add", {"ENTITY_TYPE": "DEAL", "ENTITIES": [1]}, "ENTITY_TYPE_ERROR"),
        ("add", {**lists, "ENTITIES": "1"}, "ENTITIES_ERROR"),
        ("add", {**lists, "ENTITIES": [5]}, "ENTITY_ERROR"),
        ("add", {**lists, "WEBFORM_ID": 1}, "WEBFORM_ERROR"),
        ("get", {"ID": 5}, "LIST_ID_ERROR"),
        ("items.get", {"LIST_ID": number, "FILTER": {"STATUS": "X"}}, "STATUS_ERROR"),
        ("list", {"SELECT": ["TITLE"]}, 100),
    ):
        assert (await crm.refused(f"crm.calllist.{method}", params))[:2] == (400, code)


async def test_a_workplace_holds_smart_processes_until_they_leave_it(crm: PortalClient) -> None:
    kind = (await crm.result("crm.type.add", {"fields": {"title": "Заявка"}}))["type"]["id"]
    path = "crm.automatedsolution"
    first, second = [
        (await crm.result(f"{path}.add", {"fields": {"title": title, "typeIds": [kind]}}))["automatedSolution"]
        for title in ("Кадры", "Склад")
    ]
    assert (first["typeIds"], second["typeIds"]) == ([kind], [kind])
    assert (await crm.result(f"{path}.get", {"id": first["id"]}))["automatedSolution"]["typeIds"] == []
    found = await crm.call(f"{path}.list", {"filter": {"%title": "скл"}, "order": {"id": "DESC"}})
    assert (found["result"]["automatedSolutions"], found["total"]) == ([second], 1)
    assert (await crm.refused(f"{path}.delete", {"id": second["id"]}))[:2] == (400, "HAS_BOUND_TYPES")
    freed = {"id": second["id"], "fields": {"title": "Цех", "typeIds": []}}
    assert (await crm.result(f"{path}.update", freed))["automatedSolution"]["title"] == "Цех"
    assert await crm.result(f"{path}.delete", {"id": second["id"]}) is None
    assert (await crm.refused(f"{path}.get", {"id": second["id"]}))[:2] == (400, "NOT_FOUND")
    assert (await crm.refused(f"{path}.add", {"fields": {}}))[:2] == (400, "BX_EMPTY_REQUIRED")
    assert (await crm.result(f"{path}.fields"))["typeIds"]["isMultiple"] is True
    assert await crm.refused("crm.type.get", {"id": 5}) == (400, 0, "Смарт-процесс не найден")
    assert await crm.result("crm.type.delete") is None
    await crm.result("crm.item.add", {"entityTypeId": 128, "fields": {"title": "a"}})
    assert (await crm.refused("crm.type.delete", {"id": kind}))[:2] == (400, "BX_ERROR")


async def test_a_numerator_tells_its_settings_in_every_answer(crm: PortalClient) -> None:
    fields = {"name": "Акт", "template": "{NUMBER}", "settings": {SEQUENCE: {"start": "7", "periodicBy": "week"}}}
    made = (await crm.result(f"{NUMERATOR}.add", {"fields": fields}))["numerator"]
    assert made["settings"][SEQUENCE] == {
        "start": 7, "step": 1, "length": 0, "padString": "0", "periodicBy": None, "timezone": None,
        "isDirectNumeration": False,
    }  # fmt: skip
    changes = {"id": made["id"], "fields": {"template": "A-{NUMBER}", "settings": {SEQUENCE: {"step": 2}}}}
    changed = await crm.result(f"{NUMERATOR}.update", changes)
    assert (changed["id"], changed["template"]) == (str(made["id"]), "A-{NUMBER}")
    held = (await crm.result(f"{NUMERATOR}.get", {"id": made["id"]}))["numerator"]
    assert (held, held["settings"][SEQUENCE]["start"]) == (changed, 7)
    listed = await crm.call(f"{NUMERATOR}.list")
    assert (listed["total"], "code" in listed["result"]["numerators"][0]) == (1, False)
    assert await crm.result(f"{NUMERATOR}.delete", {"id": made["id"]}) is None
    gone = (400, 100, "Could not construct parameter {numerator}")
    assert await crm.refused(f"{NUMERATOR}.get", {"id": made["id"]}) == gone
    empty = await crm.refused(f"{NUMERATOR}.add", {"fields": {"name": "a"}})
    assert empty == (400, 0, "Empty required fields: template")


async def test_an_application_adds_kinds_badges_and_blocks_to_activities(crm: PortalClient, app: Application) -> None:
    kind = {"TYPE_ID": "1C", "NAME": "Дело 1С", "IS_CONFIGURABLE_TYPE": "Y"}
    assert await app.result("crm.activity.type.add", {"fields": kind}) is True
    assert await app.refused("crm.activity.type.add", {"fields": kind}) == (400, "INVALID_ARG_VALUE")
    assert await app.result("crm.activity.type.list") == [{**kind, "ICON_ID": "0"}]
    assert await app.result("crm.activity.type.delete", {"TYPE_ID": "1C"}) is True
    badge = {"code": "missed", "title": "Звонок", "value": "Пропущен", "type": "failure"}
    assert (await crm.refused("crm.activity.badge.add", {**badge, "type": ""}))[:2] == (400, "REQUIRED_ARG_MISSING")
    assert await crm.result("crm.activity.badge.add", badge) == {"badge": badge}
    assert await crm.result("crm.activity.badge.list") == {"badges": [badge]}
    assert await crm.result("crm.activity.badge.delete", {"code": "missed"}) is True
    assert (await crm.refused("crm.activity.badge.get", {"code": "missed"}))[:2] == (400, "NOT_FOUND")
    deal = await crm.deal()
    owner = {"ownerTypeId": 2, "ownerId": deal, "deadline": "2026-12-01T10:00:00+03:00"}
    activity = (await crm.result("crm.activity.todo.add", owner))["id"]
    comment = {"fields": {"ENTITY_ID": deal, "ENTITY_TYPE": "deal", "COMMENT": "a"}}
    entry = await crm.result("crm.timeline.comment.add", comment)
    held = {"block_1": {"type": "text", "properties": {"value": "Здравствуйте"}}}
    for path, named in (("activity", {"activityId": activity}), ("timeline", {"timelineId": entry})):
        place = {"entityTypeId": 2, "entityId": deal, **named}
        full = {**place, "layout": {"blocks": held}}
        assert await app.result(f"crm.{path}.layout.blocks.set", full) == {"success": True}
        assert await app.result(f"crm.{path}.layout.blocks.get", place) == {"layout": {"blocks": held}}
        assert await app.result(f"crm.{path}.layout.blocks.delete", place) == {"success": True}
        assert await app.result(f"crm.{path}.layout.blocks.get", place) is None
        stranger = {**place, "entityId": 5}
        assert await app.refused(f"crm.{path}.layout.blocks.get", stranger) == (400, "OWNER_NOT_FOUND")
        assert (await crm.refused(f"crm.{path}.layout.blocks.get", place))[0] == 403


async def test_a_chat_has_a_folder_for_its_files(crm: PortalClient) -> None:
    chat = await crm.result("im.chat.add", {"TITLE": "Счета", "USERS": [7]})
    folder = await crm.result("im.disk.folder.get", {"CHAT_ID": chat})
    assert await crm.result("im.disk.folder.get", {"DIALOG_ID": f"chat{chat}"}) == folder
    assert await crm.result("disk.folder.getChildren", {"id": folder["ID"]}) == []
    assert (await crm.refused("im.disk.folder.get"))[:2] == (400, "CHAT_ID_EMPTY")
    assert (await crm.refused("im.disk.folder.get", {"CHAT_ID": 5}))[:2] == (403, "ACCESS_ERROR")


async def test_a_configurable_activity_is_changed_by_its_application_alone(app: Application, crm: PortalClient) -> None:
    deal, path = await crm.deal(), "crm.activity.configurable"
    layout = {"icon": {"code": "call-completed"}, "header": {"title": "Звонок"}, "body": {"blocks": {}}}
    owner = {"ownerTypeId": 2, "ownerId": deal}
    fields = {"completed": "N", "deadline": "2026-12-01T10:00:00+03:00", "pingOffsets": [60, "300"], "badgeCode": "b"}
    made = (await app.result(f"{path}.add", {**owner, "fields": fields, "layout": layout}))["activity"]
    held = (await app.result(f"{path}.get", made))["activity"]
    assert (held["layout"], held["fields"]["pingOffsets"], held["ownerId"]) == (layout, [60, 300], deal)
    assert (held["fields"]["typeId"], held["fields"]["completed"]) == ("CONFIGURABLE", False)
    assert await app.result(f"{path}.update", {**made, "fields": {"completed": True}}) == {"activity": made}
    shown = await crm.result("crm.activity.get", {"id": made["id"]})
    assert (shown["COMPLETED"], shown["SUBJECT"], shown["PROVIDER_ID"]) == ("Y", "Звонок", "CONFIGURABLE_REST_APP")
    for more, code in (
        ({"layout": {}}, "ERROR_EMPTY_LAYOUT"),
        ({"layout": {"icon": {}, "header": {}}}, "FIELD_IS_REQUIRED"),
        ({"layout": {**layout, "tail": 1}}, "FIELD_IS_REDUNDANT"),
        ({"fields": {"typeId": "1C"}}, "WRONG_FIELD_VALUE"),
        ({"fields": {**fields, "isIncomingChannel": "Y"}}, "INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE"),
        ({"ownerId": 5}, "NOT_FOUND"),
    ):
        assert await app.refused(f"{path}.add", {**owner, "fields": {}, "layout": layout, **more}) == (400, code)
