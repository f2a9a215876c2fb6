"""Funnels, stages and other statuses, stage history, currencies, VAT rates and measures."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.call import (
    Call,
    as_number,
    classic_id,
    classic_map,
    is_admin,
    may,
    offset_of,
    universal_family,
    universal_id,
    universal_map,
    upper_keys,
)
from sandbox.bitrix24.envelope import (
    PAGE_SIZE,
    RestError,
    classic,
    classic_denied,
    classic_not_found,
    invalid_argument,
    item_denied,
    page,
)
from sandbox.bitrix24.filters import BadFilterValueError, Column, UnknownColumnError, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record, Table
from sandbox.bitrix24.values import moment_text

# -- funnels


@method("crm.category.list")
def category_list(call: Call) -> Any:
    family = universal_family(call)
    found = stages.categories_of(call.portal, family.entity_type_id)
    shown = [stages.category_json(record) for record in found]
    return page({"categories": shown}, total=len(shown), offset=0, shown=len(shown))


def _category(call: Call) -> Record:
    family = universal_family(call)
    record = call.portal.get("category", universal_id(call))
    if record is None or record["ENTITY_TYPE_ID"] != family.entity_type_id:
        raise RestError(400, "NOT_FOUND", "Воронка не найдена")
    return record


@method("crm.category.get")
def category_get(call: Call) -> Any:
    return {"category": stages.category_json(_category(call))}


@method("crm.category.add", writes=True)
def category_add(call: Call) -> Any:
    family = universal_family(call)
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise item_denied()
    if not family.categories:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Тип сущности не поддерживает воронки")
    made = stages.add_category(call.portal, family, str(fields.get("name") or ""), _fresh_stages(family.name))
    if as_number(fields.get("sort")) is not None:
        call.portal.patch("category", made, {"SORT": as_number(fields["sort"])})
    return {"category": stages.category_json(call.portal.table("category").records[made])}


def _fresh_stages(name: str) -> tuple[tuple[str, str, str | None, str], ...]:
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
    universal_family(call)
    kinds = {"id": "integer", "name": "string", "sort": "integer", "entityTypeId": "integer", "isDefault": "boolean",
             "originId": "string", "originatorId": "string"}  # fmt: skip
    return {
        "fields": {
            name: {"type": kind, "isRequired": False, "isReadOnly": name == "id"} for name, kind in kinds.items()
        }
    }


@method("crm.dealcategory.list")
def deal_category_list(call: Call) -> Any:
    """The oldest spelling, without the default funnel."""
    found = [record for record in stages.categories_of(call.portal, 2) if record["ID"]]
    shown = [
        {"ID": str(record["ID"]), "NAME": record["NAME"], "SORT": str(record["SORT"]), "IS_LOCKED": "N"}
        for record in found
    ]
    return page(shown, total=len(shown), offset=0, shown=len(shown))


@method("crm.dealcategory.default.get")
def deal_category_default(call: Call) -> Any:
    record = call.portal.table("category").records[0]
    return {"ID": 0, "NAME": record["NAME"]}


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
    record = call.portal.get("status", classic_id(call))
    if record is None:
        raise classic_not_found()
    return _status(record)


@method("crm.status.add", writes=True)
def status_add(call: Call) -> Any:
    fields = classic_map(call, "fields")
    if not is_admin(call):
        raise classic_denied()
    for name in ("ENTITY_ID", "STATUS_ID", "NAME"):
        if not fields.get(name):
            raise classic(f"Parameter '{name}' is required.")
    values: Record = {
        "ENTITY_ID": str(fields["ENTITY_ID"]), "STATUS_ID": str(fields["STATUS_ID"]), "NAME": str(fields["NAME"]),
        "NAME_INIT": "", "SORT": as_number(fields.get("SORT")) or 10, "SYSTEM": "N", "COLOR": fields.get("COLOR"),
        "SEMANTICS": fields.get("SEMANTICS") or None,
    }  # fmt: skip
    siblings = call.portal.table("status").find("ENTITY_ID", values["ENTITY_ID"])
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
    types += [{"ID": name, "NAME": name, "SEMANTIC_INFO": []} for name in stages.DICTIONARIES]
    return types


@method("crm.status.entity.items")
def status_items(call: Call) -> Any:
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
    if family is None or not family.stages:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    if not may(call.identity, "read"):
        raise item_denied()
    portal = call.portal
    try:
        query = compile_filter(call.get("filter"), _history_column, portal.zone, strict=True)
        order = compile_order(call.get("order"), _history_column, strict=True)
    except UnknownColumnError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    except BadFilterValueError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' has invalid value") from error
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
    record = call.portal.get("status", classic_id(call))
    if record is None:
        raise classic_not_found()
    if not is_admin(call):
        raise classic_denied()
    return record


@method("crm.status.update", writes=True)
def status_update(call: Call) -> Any:
    record = _status_record(call)
    fields = upper_keys(classic_map(call, "fields"))
    values: Record = {name: str(fields[name]) for name in ("NAME", "COLOR") if fields.get(name)}
    if as_number(fields.get("SORT")) is not None:
        values["SORT"] = as_number(fields["SORT"])
    call.portal.patch("status", record["ID"], values)
    return True


@method("crm.status.delete", writes=True)
def status_delete(call: Call) -> Any:
    """A system status only goes with `params: {"FORCED": "Y"}`."""
    record = _status_record(call)
    params = call.get("params")
    if record["SYSTEM"] == "Y" and not (isinstance(params, dict) and params.get("FORCED") == "Y"):
        raise classic("CRM System Status can be deleted only if parameter FORCED is specified and equal to 'Y'.")
    call.portal.drop("status", record["ID"])
    return True


@method("crm.category.delete", writes=True)
def category_delete(call: Call) -> Any:
    """Only an empty funnel that is not the default one."""
    record = _category(call)
    family = universal_family(call)
    if not is_admin(call):
        raise item_denied()
    if record["IS_DEFAULT"] == "Y":
        raise RestError(400, "CRM_CATEGORY_DEFAULT_DELETE", "Нельзя удалить воронку по умолчанию")
    if any(item.get("CATEGORY_ID") == record["ID"] for item in call.portal.table(family.name)):
        raise RestError(400, "CRM_CATEGORY_HAS_ITEMS", "Нельзя удалить воронку, в которой есть элементы")
    for stage in stages.stages_of(call.portal, family, record["ID"]):
        call.portal.drop("status", stage["ID"])
    call.portal.drop("category", record["ID"])
    return None
