"""crm.automatedsolution.*: workplaces that hold smart processes.

Vendor documentation, "Цифровые рабочие места": https://apidocs.bitrix24.ru/api-reference/crm/automated-solution/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, universal_id, universal_map, universal_order
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, invalid_argument, page
from sandbox.bitrix24.filters import Column, UnknownColumnError, compile_filter, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

TABLE = "automatedsolution"
ABSENT = RestError(400, "NOT_FOUND", "Цифровое рабочее место с таким id не найдено")


def _allowed(call: Call) -> None:
    if not is_admin(call):
        raise RestError(400, "ACCESS_DENIED", "Недостаточно прав")


def _named(call: Call) -> Record:
    _allowed(call)
    record = call.portal.get(TABLE, universal_id(call))
    if record is None:
        raise ABSENT
    return record


def _types(call: Call, record: Record) -> list[int]:
    return [one["ID"] for one in call.portal.table("type") if one.get("SOLUTION") == record["ID"]]


def _shown(call: Call, record: Record) -> Record:
    return {"id": record["ID"], "title": record["TITLE"], "typeIds": _types(call, record)}


def _title(fields: Record) -> str:
    title = str(fields.get("title") or "").strip()
    if not title:
        raise RestError(400, "BX_EMPTY_REQUIRED", "Не заполнено обязательное поле «Название»")
    return title


def _bind(call: Call, number: int, fields: Record) -> None:
    """The smart processes that are named leave the workplace they were in; the others leave this one."""
    given = fields.get("typeIds")
    if not isinstance(given, list):
        return
    wanted = {as_number(one) for one in given}
    for one in list(call.portal.table("type")):
        if one["ID"] in wanted:
            call.portal.patch("type", one["ID"], {"SOLUTION": number})
        elif one.get("SOLUTION") == number:
            call.portal.patch("type", one["ID"], {"SOLUTION": None})


@method("crm.automatedsolution.add", writes=True)
def solution_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    _allowed(call)
    number = call.portal.put(TABLE, {"TITLE": _title(fields)})
    _bind(call, number, fields)
    return {"automatedSolution": _shown(call, call.portal.table(TABLE).records[number])}


@method("crm.automatedsolution.update", writes=True)
def solution_update(call: Call) -> Any:
    record, fields = _named(call), universal_map(call, "fields")
    if "title" in fields:
        call.portal.patch(TABLE, record["ID"], {"TITLE": _title(fields)})
    _bind(call, record["ID"], fields)
    return {"automatedSolution": _shown(call, record)}


@method("crm.automatedsolution.get")
def solution_get(call: Call) -> Any:
    return {"automatedSolution": _shown(call, _named(call))}


def _column(name: str) -> Column | None:
    return {"id": Column("ID", "integer"), "title": Column("TITLE", "string")}.get(name)


@method("crm.automatedsolution.list")
def solution_list(call: Call) -> Any:
    _allowed(call)
    try:
        query = compile_filter(call.get("filter"), _column, call.portal.zone, strict=True)
    except UnknownColumnError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    order = universal_order(call, _column)
    offset = offset_of(call, paged=False)
    found, total = run(call.portal.table(TABLE), query, order, offset=offset, limit=PAGE_SIZE)
    shown = [_shown(call, record) for record in found]
    return page({"automatedSolutions": shown}, total=total, offset=offset, shown=len(shown))


@method("crm.automatedsolution.delete", writes=True)
def solution_delete(call: Call) -> Any:
    """Only when it holds no smart process."""
    record = _named(call)
    if _types(call, record):
        text = "Не можем удалить рабочее место, в котором есть смарт-процессы. Перенесите их в другое рабочее место"
        raise RestError(400, "HAS_BOUND_TYPES", text)
    call.portal.drop(TABLE, record["ID"])


@method("crm.automatedsolution.fields")
def solution_fields(call: Call) -> Any:
    kinds = {"id": "integer", "title": "string", "typeIds": "crm_dynamic_type"}
    upper = {"id": "ID", "title": "TITLE", "typeIds": "TYPE_IDS"}
    return {
        name: {"type": kind, "isRequired": name == "title", "isReadOnly": name == "id", "isImmutable": False,
               "isMultiple": name == "typeIds", "isDynamic": False, "title": upper[name], "upperName": upper[name]}
        for name, kind in kinds.items()
    }  # fmt: skip
