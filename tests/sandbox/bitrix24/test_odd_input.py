"""Every method answers any shape of parameters with a refusal or a result, never with a failure of its own."""

from __future__ import annotations

import random
from typing import Any

from sandbox.bitrix24.batch import COMMANDS_MAX
from sandbox.bitrix24.methods import METHODS
from tests.sandbox.bitrix24.client import PortalClient

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 31, 1001, "", "0", "1001", "x", "2026-01-01", 3.5, 1e308, "9" * 40, [], {}, [[1]],
    {"ID": 1}, {"0": {"x": 1}}, {"=id": []}, {">ID": "x"}, "chat1001", "D",
)  # fmt: skip
NAMES = ("id", "filter", "order", "select", "start", "entityTypeId", "entityId", "ownerId", "ownerType", "rows",
         "productRows", "USER_ID", "MESSAGE", "TAG", "DIALOG_ID", "ATTACH", "CHAT_ID", "deadline", "values", "type",
         "token", "CODE", "taskId", "TASKID", "ITEMID", "ARFIELDS", "FIELDS", "PARAMS", "DATA", "data", "config",
         "extras", "preset", "userId", "users", "commentId", "targetFolderId", "fileContent", "newName", "SETTINGS",
         "ACCESS", "options", "NAME", "PARENT", "localizations", "lids", "PROFILES", "CONFIG", "stageId")  # fmt: skip
FIELDS = ("TITLE", "stageId", "CATEGORY_ID", "companyId", "contactIds", "fm", "PHONE", "UF_CRM_INVOICE_PDF",
          "UF_CRM_OVERDUE_DAYS", "closedate", "opportunity", "ENTITY_ID", "ENTITY_TYPE", "COMMENT", "FILES", "NAME",
          "RQ_INN", "TYPE_ID", "USER_TYPE_ID", "FIELD_NAME", "LIST", "price", "QUANTITY", "TAX_RATE", "DISCOUNT_SUM",
          "PRODUCT_ID", "personTypeId", "orderId", "quantity", "RESPONSIBLE_ID", "SORT", "relations", "SUBJECT",
          "OWNER_ID", "OWNER_TYPE_ID", "COMMUNICATIONS", "AMOUNT", "parentId2")  # fmt: skip


async def test_no_shape_of_parameters_breaks_the_portal(crm: PortalClient) -> None:
    chance = random.Random(20)  # noqa: S311 - reproducible, nothing secret
    company = (await crm.company(inn="7709123453"))["company"]["id"]
    await crm.deal(company=company, rows=[{"name": "А", "price": "1"}])
    commands: list[tuple[str, dict[str, Any]]] = []
    for entry in METHODS.values():
        for _ in range(3):
            params = {name: chance.choice(VALUES) for name in chance.sample(NAMES, 9)}
            params |= {"entityTypeId": chance.choice((2, 4, 31)), "id": 1001} if chance.random() < 0.6 else {}
            params["fields"] = {name: chance.choice(VALUES) for name in chance.sample(FIELDS, 5)}
            params["fields"] |= {"ENTITY_ID": 1001, "ENTITY_TYPE": "deal"} if chance.random() < 0.5 else {}
            if entry.batch:
                commands.append((entry.name, params))
            else:
                answer = await crm.send(entry.name, params)
                assert answer.status_code in (200, 400, 401, 403, 404), (entry.name, params, answer.text)
    for start in range(0, len(commands), COMMANDS_MAX):
        chunk = commands[start : start + COMMANDS_MAX]
        named = {f"c{place}": {"method": name, "params": params} for place, (name, params) in enumerate(chunk)}
        answer = await crm.send("batch", {"cmd": named})
        assert answer.status_code == 200, (chunk, answer.text)
