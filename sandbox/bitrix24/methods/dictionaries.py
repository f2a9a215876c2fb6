"""Funnels, stages and other statuses, stage history, currencies, VAT rates and measures."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.call import (
    Call,
    as_number,
    classic_map,
    is_admin,
    may,
    offset_of,
    universal_family,
    universal_id,
    universal_map,
    universal_order,
    upper_keys,
)
from sandbox.bitrix24.envelope import (
    PAGE_SIZE,
    RestError,
    classic,
    classic_denied,
    invalid_argument,
    item_denied,
    item_not_found,
    missing_parameter,
    page,
)
from sandbox.bitrix24.families import FAMILIES, Family
from sandbox.bitrix24.filters import (
    BadFilterValueError,
    Column,
    UnknownColumnError,
    compile_filter,
    compile_order,
    run,
)
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record, Table
from sandbox.bitrix24.values import moment_text

# -- funnels


def _with_funnels(call: Call) -> Family:
    """The type that `entityTypeId` names; one without funnels is refused."""
    family = universal_family(call)
    if not family.categories and family.name not in ("contact", "company"):
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type `{family.name.upper()}` is not supported")
    return family


@method("crm.category.list")
def category_list(call: Call) -> Any:
    family = _with_funnels(call)
    found = stages.categories_of(call.portal, family.entity_type_id)
    shown = [stages.category_json(record) for record in found]
    return page({"categories": shown}, total=len(shown), offset=0, shown=len(shown))


def _category(call: Call) -> Record:
    family = _with_funnels(call)
    record = call.portal.get("category", universal_id(call))
    if record is None or record["ENTITY_TYPE_ID"] != family.entity_type_id:
        raise item_not_found()
    return record


@method("crm.category.get")
def category_get(call: Call) -> Any:
    return {"category": stages.category_json(_category(call))}


@method("crm.category.add", writes=True)
def category_add(call: Call) -> Any:
    family = _with_funnels(call)
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise item_denied()
    if not fields.get("name"):
        raise RestError(400, 0, "Field 'NAME' is required")
    made = stages.add_category(call.portal, family, str(fields["name"]), fresh_stages(family.name))
    if as_number(fields.get("sort")) is not None:
        call.portal.patch("category", made, {"SORT": as_number(fields["sort"])})
    return {"category": stages.category_json(call.portal.table("category").records[made])}


def fresh_stages(name: str) -> tuple[tuple[str, str, str | None, str], ...]:
    return {"deal": stages.DEAL_STAGES, "invoice": stages.INVOICE_STAGES}.get(name, stages.DYNAMIC_STAGES)


@method("crm.category.update", writes=True)
def category_update(call: Call) -> Any:
    record = _category(call)
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise item_denied()
    values: Record = {}
    if fields.get("name"):
        values["NAME"] = str(fields["name"])
    if as_number(fields.get("sort")) is not None:
        values["SORT"] = as_number(fields["sort"])
    call.portal.patch("category", record["ID"], values)
    return {"category": stages.category_json(record)}


@method("crm.category.fields")
def category_fields(call: Call) -> Any:
    _with_funnels(call)
    kinds = {"id": ("integer", "ID"), "name": ("string", "NAME"), "sort": ("integer", "SORT"),
             "entityTypeId": ("integer", "ENTITY_TYPE_ID"), "isDefault": ("boolean", "IS_DEFAULT"),
             "originId": ("string", "ORIGIN_ID"), "originatorId": ("string", "ORIGINATOR_ID")}  # fmt: skip
    return {
        "fields": {
            name: {"type": kind, "isRequired": name in ("name", "entityTypeId"),
                   "isReadOnly": name == "id", "isImmutable": False, "isMultiple": False, "isDynamic": False,
                   "title": upper, "upperName": upper}
            for name, (kind, upper) in kinds.items()
        }
    }  # fmt: skip


# -- statuses

STATUS_KINDS = {
    "ID": "integer", "ENTITY_ID": "string", "STATUS_ID": "string", "NAME": "string", "NAME_INIT": "string",
    "SORT": "integer", "SYSTEM": "char", "CATEGORY_ID": "integer", "COLOR": "string", "SEMANTICS": "string",
}  # fmt: skip


def _status(record: Record) -> Record:
    semantics = record.get("SEMANTICS")
    name = stages.SEMANTIC_NAMES[semantics]
    if record["STATUS_ID"].endswith("APOLOGY"):
        name = "apology"
    shown: Record = {
        "ID": str(record["ID"]), "ENTITY_ID": record["ENTITY_ID"], "STATUS_ID": record["STATUS_ID"],
        "NAME": record["NAME"], "NAME_INIT": record.get("NAME_INIT", ""), "SORT": str(record["SORT"]),
        "SYSTEM": record["SYSTEM"],
        "CATEGORY_ID": None if record.get("CATEGORY_ID") is None else str(record["CATEGORY_ID"]),
        "COLOR": record.get("COLOR"), "SEMANTICS": semantics,
    }  # fmt: skip
    if record.get("COLOR"):
        shown["EXTRA"] = {"SEMANTICS": name, "COLOR": record["COLOR"]}
    return shown


def _status_column(name: str) -> Column | None:
    kind = STATUS_KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


@method("crm.status.list")
def status_list(call: Call) -> Any:
    """All matching statuses at once; this list has no pages."""
    if not may(call.identity, "read"):
        raise classic_denied()
    query = compile_filter(classic_map(call, "filter"), _status_column, call.portal.zone, strict=False)
    order = compile_order(classic_map(call, "order"), _status_column, strict=False)
    table = call.portal.table("status")
    found, total = run(table, query, order, offset=0, limit=len(table))
    return page([_status(record) for record in found], total=total, offset=0, shown=total)


@method("crm.status.get")
def status_get(call: Call) -> Any:
    return _status(_status_record(call))


@method("crm.status.add", writes=True)
def status_add(call: Call) -> Any:
    fields = upper_keys(classic_map(call, "fields"))
    if not is_admin(call):
        raise classic_denied()
    for name in ("ENTITY_ID", "STATUS_ID"):
        if not fields.get(name):
            raise classic(f"The field {name} is required.")
    if not fields.get("NAME"):
        raise classic('Не заполнено обязательное поле "Заголовок"')
    if fields["ENTITY_ID"] not in {kind["ID"] for kind in status_types(call)}:
        raise classic("Specified entity type is not supported.")
    values: Record = {
        "ENTITY_ID": str(fields["ENTITY_ID"]), "STATUS_ID": str(fields["STATUS_ID"]), "NAME": str(fields["NAME"]),
        "NAME_INIT": "", "SORT": as_number(fields.get("SORT")) or 10, "SYSTEM": "N", "COLOR": fields.get("COLOR"),
        "SEMANTICS": fields.get("SEMANTICS") or None,
    }  # fmt: skip
    siblings = call.portal.table("status").find("ENTITY_ID", values["ENTITY_ID"])
    if any(record["STATUS_ID"] == values["STATUS_ID"] for record in siblings):
        raise RestError(400, "ERROR_CORE", "Указанный идентификатор статуса, уже существует.")
    if siblings and siblings[0].get("CATEGORY_ID") is not None:
        values["CATEGORY_ID"] = siblings[0]["CATEGORY_ID"]
    return call.portal.put("status", values)


@method("crm.status.entity.types")
def status_types(call: Call) -> Any:
    types: list[Record] = [{"ID": "STATUS", "NAME": "Стадии лида", "PARENT_ID": None, "SEMANTIC_INFO": []}]
    for category in call.portal.table("category"):
        family = call.portal.family(category["ENTITY_TYPE_ID"])
        if family is None:
            continue
        prefix = family.stage_prefix(category["ID"])
        types.append(
            {"ID": family.status_entity(category["ID"]), "NAME": category["NAME"],
             "PREFIX": prefix.rstrip(":"), "FIELD_ATTRIBUTE_SCOPE": f"category_{category['ID']}",
             "CATEGORY_ID": category["ID"], "IS_ENABLED": True,
             "SEMANTIC_INFO": {"START_FIELD": prefix + "NEW", "FINAL_SUCCESS_FIELD": prefix + "WON",
                               "FINAL_UNSUCCESS_FIELD": prefix + "LOSE", "FINAL_SORT": 0}}
        )  # fmt: skip
    types += [{"ID": name, "NAME": name, "SEMANTIC_INFO": []} for name in (*stages.DICTIONARIES, stages.CALL_LIST)]
    return types


@method("crm.status.entity.items")
def status_items(call: Call) -> Any:
    if not call.text("entityId"):
        raise classic("The parameter entityId is not defined or invalid.")
    found = call.portal.table("status").find("ENTITY_ID", call.text("entityId"))
    return [{"NAME": record["NAME"], "SORT": record["SORT"], "STATUS_ID": record["STATUS_ID"]} for record in found]


# -- stage history

HISTORY_KINDS = {
    "ID": "integer", "TYPE_ID": "integer", "OWNER_ID": "integer", "CREATED_TIME": "datetime", "CATEGORY_ID": "integer",
    "STAGE_SEMANTIC_ID": "string", "STAGE_ID": "string", "STATUS_SEMANTIC_ID": "string", "STATUS_ID": "string",
}  # fmt: skip


def _history_column(name: str) -> Column | None:
    stored = name.upper().replace("STATUS_", "STAGE_")
    return Column(stored, HISTORY_KINDS[stored]) if stored in HISTORY_KINDS else None


@method("crm.stagehistory.list")
def stage_history(call: Call) -> Any:
    """Entries of one object type, all objects together: their ids grow, so `>ID` makes a feed of transitions."""
    raw = call.get("entityTypeId")
    entity_type = as_number(raw)
    family = None if entity_type is None else call.portal.family(entity_type)
    if raw is None:
        raise missing_parameter("entityTypeId")
    if family is None or not family.stages:
        named = raw if family is None else family.name.upper()
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type `{named}` is not supported")
    if not may(call.identity, "read"):
        raise item_denied()
    portal = call.portal
    try:
        query = compile_filter(call.get("filter"), _history_column, portal.zone, strict=True)
    except UnknownColumnError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    except BadFilterValueError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' has invalid value") from error
    order = universal_order(call, _history_column)
    query.predicates.append(lambda record: record["ENTITY_TYPE_ID"] == family.entity_type_id)
    if call.identity.user.get("ACCESS") == "own":
        owned = portal.table(family.name)
        query.predicates.append(
            lambda record: (owned.get(record["OWNER_ID"]) or {}).get("ASSIGNED_BY_ID") == call.user_id
        )
    offset = offset_of(call, paged=False)
    found, total = run(_history(call), query, order, offset=offset, limit=PAGE_SIZE)
    lead = family.name == "lead"
    select = call.get("select")
    names = {str(name).upper() for name in select} if isinstance(select, list) and select else None
    shown = [_entry(record, portal, lead, names) for record in found]
    return page({"items": shown}, total=total, offset=offset, shown=len(shown))


def _history(call: Call) -> Table:
    return call.portal.table("stagehistory")


def _entry(record: Record, portal: Any, lead: bool, names: set[str] | None) -> Record:
    word = "STATUS" if lead else "STAGE"
    shown = {
        "ID": record["ID"],
        "TYPE_ID": record["TYPE_ID"],
        "OWNER_ID": record["OWNER_ID"],
        "CREATED_TIME": moment_text(record["CREATED_TIME"], portal.zone),
        "CATEGORY_ID": record.get("CATEGORY_ID"),
        f"{word}_SEMANTIC_ID": record["STAGE_SEMANTIC_ID"],
        f"{word}_ID": record["STAGE_ID"],
    }
    if lead:
        del shown["CATEGORY_ID"]
    return shown if names is None or "*" in names else {k: v for k, v in shown.items() if k in names or k == "ID"}


@method("crm.status.fields")
def status_fields(call: Call) -> Any:
    fixed = ("ENTITY_ID", "STATUS_ID")
    return {
        name: {"type": kind, "isRequired": name in (*fixed, "NAME"), "isReadOnly": name == "ID",
               "isImmutable": name in fixed, "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in {**STATUS_KINDS, "EXTRA": "crm_status_extra"}.items()
    }  # fmt: skip


def _status_record(call: Call) -> Record:
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        raise classic("Invalid identifier.")
    record = call.portal.get("status", number)
    if record is None:
        raise classic("Status is not found.")
    return record


def _own_status(call: Call) -> Record:
    record = _status_record(call)
    if not is_admin(call):
        raise classic_denied()
    return record


@method("crm.status.update", writes=True)
def status_update(call: Call) -> Any:
    record = _own_status(call)
    fields = upper_keys(classic_map(call, "fields"))
    values: Record = {name: str(fields[name]) for name in ("NAME", "COLOR") if fields.get(name)}
    if as_number(fields.get("SORT")) is not None:
        values["SORT"] = as_number(fields["SORT"])
    call.portal.patch("status", record["ID"], values)
    return True


def _in_use(call: Call, record: Record) -> bool:
    """Whether an object stands in this stage."""
    families = [*FAMILIES.values(), *call.portal.dynamic_families()]
    category = record.get("CATEGORY_ID") or 0
    return any(
        item.get("STAGE_ID") == record["STATUS_ID"] and (item.get("CATEGORY_ID") or 0) == category
        for family in families
        if family.stages and family.status_entity(category) == record["ENTITY_ID"]
        for item in call.portal.table(family.name)
    )


@method("crm.status.delete", writes=True)
def status_delete(call: Call) -> Any:
    """A system status only goes with `params: {"FORCED": "Y"}`."""
    record = _own_status(call)
    params = call.get("params")
    if record["SYSTEM"] == "Y" and not (isinstance(params, dict) and params.get("FORCED") == "Y"):
        raise classic('CRM System Status can be deleted only if parameter FORCED is specified and equal to "Y".')
    if _in_use(call, record):
        raise classic("There are active items in this status.")
    call.portal.drop("status", record["ID"])
    return True


@method("crm.category.delete", writes=True)
def category_delete(call: Call) -> Any:
    """Only an empty funnel that is not the default one."""
    record = _category(call)
    family = universal_family(call)
    if not is_admin(call):
        raise item_denied()
    deal = family.name == "deal"
    if record["IS_DEFAULT"] == "Y":
        text = "Default deal category can not be deleted" if deal else "Эта воронка является воронкой по умолчанию"
        raise RestError(400, 0 if deal else "BX_ERROR", text)
    if any(item.get("CATEGORY_ID") == record["ID"] for item in call.portal.table(family.name)):
        named = f"сделки, относящиеся к воронке {record['NAME']}" if deal else "элементы, относящиеся к воронке"
        raise RestError(400, 0 if deal else "BX_ERROR", f"Найдены {named}")
    for stage in stages.stages_of(call.portal, family, record["ID"]):
        call.portal.drop("status", stage["ID"])
    call.portal.drop("category", record["ID"])
    return None
