"""crm.type.*: smart processes as administrators make them."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, universal_id, universal_map, universal_order
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, invalid_argument, item_denied, page
from sandbox.bitrix24.filters import Column, UnknownColumnError, compile_filter, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import folded, moment_text

ENTITY_TYPE_MIN = 128
FLAGS = ("isCategoriesEnabled", "isStagesEnabled", "isBeginCloseDatesEnabled", "isClientEnabled",
         "isUseInUserfieldEnabled", "isLinkWithProductsEnabled", "isMycompanyEnabled", "isDocumentsEnabled",
         "isSourceEnabled", "isObserversEnabled", "isRecyclebinEnabled", "isAutomationEnabled", "isBizProcEnabled",
         "isSetOpenPermissions", "isPaymentsEnabled", "isCountersEnabled")  # fmt: skip
OFF_AT_FIRST = ("isPaymentsEnabled", "isCountersEnabled")
COLUMNS = {
    "id": ("ID", "integer"), "title": ("TITLE", "string"), "entitytypeid": ("ENTITY_TYPE_ID", "integer"),
    "createdtime": ("CREATED", "datetime"), "updatedtime": ("CREATED", "datetime"), "code": ("CODE", "string"),
    "customsectionid": ("CUSTOM_SECTION_ID", "integer"),
}  # fmt: skip
MAKER = 1
FOLDED_FLAGS = {name.lower(): name for name in FLAGS}


def add_type(portal: Portal, title: str, entity_type: int | None) -> int:
    """A smart process with one funnel; its type id is the next free even number unless given. Returns its own id."""
    taken = {record["ENTITY_TYPE_ID"] for record in portal.table("type")}
    if entity_type is None:
        entity_type = max([ENTITY_TYPE_MIN - 2, *taken]) // 2 * 2 + 2
    if entity_type < ENTITY_TYPE_MIN or entity_type in taken:
        raise invalid_argument("entityTypeId is out of allowed range")
    number = portal.put("type", {"ENTITY_TYPE_ID": entity_type, "TITLE": title, "CREATED": portal.now()})
    family = portal.family(entity_type)
    if family is not None:
        stages.add_category(portal, family, "Общая", stages.DYNAMIC_STAGES, default=True)
    return number


def _shown(record: Record, zone: tzinfo) -> Record:
    made = moment_text(record["CREATED"], zone)
    shown = {"id": record["ID"], "title": record["TITLE"], "code": "", "createdBy": MAKER, "updatedBy": MAKER,
             "createdTime": made, "updatedTime": made,
             "entityTypeId": record["ENTITY_TYPE_ID"], "customSectionId": None}  # fmt: skip
    return shown | {name: _flag(record, name) for name in FLAGS}


def _flag(record: Record, name: str) -> str:
    flags: dict[str, str] = record.get("FLAGS", {})
    return flags.get(name, "N" if name in OFF_AT_FIRST else "Y")


def _whole(record: Record, zone: tzinfo) -> Record:
    """As `get`, `add` and `update` print it: with what the type is related to."""
    linked = ("CALENDAR_EVENT|UF_CRM_CAL_EVENT", "TASKS_TASK|UF_CRM_TASK", "TASKS_TASK_TEMPLATE|UF_CRM_TASK")
    return _shown(record, zone) | {
        "relations": {"parent": [], "child": [_relation(number) for number in record.get("CHILDREN", ())]},
        "linkedUserFields": dict.fromkeys(linked, "N"),
        "customSections": [],
    }


def _relation(entity_type: int) -> Record:
    return {"entityTypeId": entity_type, "isChildrenListEnabled": "N", "isPredefined": "N"}


def _given_relations(fields: dict[str, Any]) -> Record:
    """The kinds of objects whose parents items of this type may be."""
    relations = fields.get("relations")
    children = relations.get("child") if isinstance(relations, dict) else None
    if not isinstance(children, list):
        return {}
    numbers = (as_number(child.get("entityTypeId")) for child in children if isinstance(child, dict))
    return {"CHILDREN": sorted(number for number in numbers if number)}


def _given_flags(fields: dict[str, Any]) -> dict[str, str]:
    return {name: "Y" if fields[name] in ("Y", True) else "N" for name in FLAGS if name in fields}


def _column(name: str) -> Column | None:
    """Fields of a type, in any letter case."""
    flag = FOLDED_FLAGS.get(folded(name))
    if flag is not None:
        return Column(flag, "char", lambda record: _flag(record, flag))
    if folded(name) in ("createdby", "updatedby"):
        return Column("CREATED_BY", "integer", lambda record: MAKER)
    known = COLUMNS.get(folded(name))
    return None if known is None else Column(*known)


@method("crm.type.list")
def type_list(call: Call) -> Any:
    try:
        query = compile_filter(call.get("filter"), _column, call.portal.zone, strict=True)
    except UnknownColumnError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    order = universal_order(call, _column)
    offset = offset_of(call, paged=False)
    found, total = run(call.portal.table("type"), query, order, offset=offset, limit=PAGE_SIZE)
    return page(
        {"types": [_shown(record, call.portal.zone) for record in found]}, total=total, offset=offset, shown=len(found)
    )


def _absent() -> RestError:
    return RestError(400, 0, "Смарт-процесс не найден")


def _existing(call: Call) -> Record:
    record = call.portal.get("type", universal_id(call))
    if record is None:
        raise _absent()
    return record


@method("crm.type.get")
def type_get(call: Call) -> Any:
    return {"type": _whole(_existing(call), call.portal.zone)}


@method("crm.type.getByEntityTypeId")
def type_by_entity_type(call: Call) -> Any:
    wanted = universal_id(call, "entityTypeId")
    for record in call.portal.table("type"):
        if record["ENTITY_TYPE_ID"] == wanted:
            return {"type": _whole(record, call.portal.zone)}
    raise _absent()


@method("crm.type.add", writes=True)
def type_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise item_denied()
    if not fields.get("title"):
        raise RestError(400, "BX_EMPTY_REQUIRED", 'Не заполнено обязательное поле "Название"')
    number = add_type(call.portal, str(fields["title"]), as_number(fields.get("entityTypeId")))
    flags = _given_flags(fields)
    call.portal.patch("type", number, ({"FLAGS": flags} if flags else {}) | _given_relations(fields))
    return {"type": _whole(call.portal.table("type").records[number], call.portal.zone)}


@method("crm.type.update", writes=True)
def type_update(call: Call) -> Any:
    record = _existing(call)
    if not is_admin(call):
        raise item_denied()
    fields = universal_map(call, "fields")
    values: Record = {"TITLE": str(fields["title"])} if fields.get("title") else {}
    if flags := _given_flags(fields):
        values["FLAGS"] = {**record.get("FLAGS", {}), **flags}
    values |= _given_relations(fields)
    call.portal.patch("type", record["ID"], values)
    return {"type": _whole(record, call.portal.zone)}


@method("crm.type.delete", writes=True)
def type_delete(call: Call) -> Any:
    """Only when nothing of this type is left; without `id` nothing happens, and null comes back."""
    if call.get("id") is None:
        return None
    record = _existing(call)
    if not is_admin(call):
        raise item_denied()
    if len(call.portal.table(f"dynamic_{record['ENTITY_TYPE_ID']}")):
        raise RestError(400, "BX_ERROR", "Вы не можете удалить тип сущности, у которого есть элементы")
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
