"""crm.type.*: smart processes as administrators make them."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, universal_id, universal_map
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, invalid_argument, item_denied, page
from sandbox.bitrix24.filters import Column, UnknownColumnError, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

ENTITY_TYPE_MIN = 128
FLAGS = ("isCategoriesEnabled", "isStagesEnabled", "isBeginCloseDatesEnabled", "isClientEnabled",
         "isUseInUserfieldEnabled", "isLinkWithProductsEnabled", "isMycompanyEnabled", "isDocumentsEnabled",
         "isSourceEnabled", "isObserversEnabled", "isRecyclebinEnabled", "isAutomationEnabled", "isBizProcEnabled",
         "isSetOpenPermissions")  # fmt: skip
COLUMNS = {"id": ("ID", "integer"), "title": ("TITLE", "string"), "entityTypeId": ("ENTITY_TYPE_ID", "integer")}


def add_type(portal: Portal, title: str, entity_type: int | None) -> int:
    """A smart process with one funnel; its type id is the next free even number unless given. Returns its own id."""
    taken = {record["ENTITY_TYPE_ID"] for record in portal.table("type")}
    if entity_type is None:
        entity_type = max([ENTITY_TYPE_MIN - 2, *taken]) // 2 * 2 + 2
    if entity_type < ENTITY_TYPE_MIN or entity_type in taken:
        raise RestError(400, "BAD_ENTITY_TYPE_ID", "entityTypeId must be a free number from 128")
    number = portal.put("type", {"ENTITY_TYPE_ID": entity_type, "TITLE": title, "CREATED": portal.now()})
    family = portal.family(entity_type)
    if family is not None:
        stages.add_category(portal, family, "Общая", stages.DYNAMIC_STAGES, default=True)
    return number


def _shown(record: Record, zone: tzinfo) -> Record:
    made = moment_text(record["CREATED"], zone)
    shown = {"id": record["ID"], "title": record["TITLE"], "code": "", "createdBy": 1, "updatedBy": 1,
             "createdTime": made, "updatedTime": made,
             "entityTypeId": record["ENTITY_TYPE_ID"], "customSectionId": None}  # fmt: skip
    return shown | dict.fromkeys(FLAGS, "Y")


def _column(name: str) -> Column | None:
    known = COLUMNS.get(name)
    return None if known is None else Column(*known)


@method("crm.type.list")
def type_list(call: Call) -> Any:
    try:
        query = compile_filter(call.get("filter"), _column, call.portal.zone, strict=True)
        order = compile_order(call.get("order"), _column, strict=True)
    except UnknownColumnError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    offset = offset_of(call, paged=False)
    found, total = run(call.portal.table("type"), query, order, offset=offset, limit=PAGE_SIZE)
    return page(
        {"types": [_shown(record, call.portal.zone) for record in found]}, total=total, offset=offset, shown=len(found)
    )


def _existing(call: Call) -> Record:
    record = call.portal.get("type", universal_id(call))
    if record is None:
        raise RestError(400, "NOT_FOUND", "Смарт-процесс не найден")
    return record


@method("crm.type.get")
def type_get(call: Call) -> Any:
    return {"type": _shown(_existing(call), call.portal.zone)}


@method("crm.type.getByEntityTypeId")
def type_by_entity_type(call: Call) -> Any:
    wanted = universal_id(call, "entityTypeId")
    for record in call.portal.table("type"):
        if record["ENTITY_TYPE_ID"] == wanted:
            return {"type": _shown(record, call.portal.zone)}
    raise RestError(400, "NOT_FOUND", "Смарт-процесс не найден")


@method("crm.type.add", writes=True)
def type_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise item_denied()
    if not fields.get("title"):
        raise RestError(400, "BX_EMPTY_REQUIRED", 'Не заполнено обязательное поле "Название"')
    number = add_type(call.portal, str(fields["title"]), as_number(fields.get("entityTypeId")))
    return {"type": _shown(call.portal.table("type").records[number], call.portal.zone)}


@method("crm.type.update", writes=True)
def type_update(call: Call) -> Any:
    record = _existing(call)
    if not is_admin(call):
        raise item_denied()
    fields = universal_map(call, "fields")
    if fields.get("title"):
        call.portal.patch("type", record["ID"], {"TITLE": str(fields["title"])})
    return {"type": _shown(record, call.portal.zone)}


@method("crm.type.delete", writes=True)
def type_delete(call: Call) -> Any:
    """Only when nothing of this type is left."""
    record = _existing(call)
    if not is_admin(call):
        raise item_denied()
    if len(call.portal.table(f"dynamic_{record['ENTITY_TYPE_ID']}")):
        raise RestError(400, "CRM_TYPE_HAS_ITEMS", "Нельзя удалить смарт-процесс, в котором есть элементы")
    call.portal.drop("type", record["ID"])
    return []


@method("crm.type.fields")
def type_fields(call: Call) -> Any:
    kinds = {"id": "integer", "title": "string", "code": "string", "createdBy": "integer", "entityTypeId": "integer",
             "customSectionId": "integer", "createdTime": "datetime", "updatedTime": "datetime", "updatedBy": "integer",
             **dict.fromkeys(FLAGS, "boolean")}  # fmt: skip
    return {
        "fields": {
            name: {"type": kind, "isRequired": name == "title", "isReadOnly": name in ("id", "createdBy"),
                   "isImmutable": name == "entityTypeId", "isMultiple": False, "isDynamic": False, "title": name}
            for name, kind in kinds.items()
        }
    }  # fmt: skip
