"""crm.dealcategory.*: funnels of deals in the oldest spelling, where the default one is no record of the list.

Vendor documentation, "Направления сделок (устаревшие методы)".
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.call import Call, as_number, classic_id, classic_map, is_admin, offset_of, upper_keys
from sandbox.bitrix24.envelope import PAGE_SIZE, classic, classic_denied, classic_not_found, page
from sandbox.bitrix24.families import BY_NAME
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.dictionaries import fresh_stages
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

DEAL = BY_NAME["deal"]
KINDS = {"ID": "integer", "NAME": "string", "SORT": "integer", "CREATED_DATE": "date", "IS_LOCKED": "char"}


def _shown(call: Call, record: Record) -> Record:
    made = record.get("CREATED")
    return {
        "ID": str(record["ID"]), "CREATED_DATE": "" if made is None else moment_text(made, call.portal.zone),
        "NAME": record["NAME"], "IS_LOCKED": "N", "SORT": str(record["SORT"]),
    }  # fmt: skip


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


def _existing(call: Call) -> Record:
    record = call.portal.get("category", classic_id(call))
    if record is None or record["ENTITY_TYPE_ID"] != DEAL.entity_type_id:
        raise classic_not_found()
    return record


@method("crm.dealcategory.list")
def category_list(call: Call) -> Any:
    query = compile_filter(classic_map(call, "filter"), _column, call.portal.zone, strict=False)
    query.predicates.append(lambda record: record["ENTITY_TYPE_ID"] == DEAL.entity_type_id and record["ID"] > 0)
    order = compile_order(classic_map(call, "order") or {"SORT": "ASC"}, _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("category"), query, order, offset=offset, limit=PAGE_SIZE)
    shown = [_shown(call, record) for record in found]
    return page(shown, total=total, offset=offset, shown=len(shown))


@method("crm.dealcategory.get")
def category_get(call: Call) -> Any:
    return _shown(call, _existing(call))


@method("crm.dealcategory.add", writes=True)
def category_add(call: Call) -> Any:
    fields = upper_keys(classic_map(call, "fields"))
    if not is_admin(call):
        raise classic_denied()
    if not fields.get("NAME"):
        raise classic("Field 'NAME' is required.")
    made = stages.add_category(call.portal, DEAL, str(fields["NAME"]), fresh_stages(DEAL.name))
    values: Record = {"CREATED": call.portal.now()}
    if as_number(fields.get("SORT")) is not None:
        values["SORT"] = as_number(fields["SORT"])
    call.portal.patch("category", made, values)
    return made


@method("crm.dealcategory.update", writes=True)
def category_update(call: Call) -> Any:
    record = _existing(call)
    fields = upper_keys(classic_map(call, "fields"))
    if not is_admin(call):
        raise classic_denied()
    values: Record = {"NAME": str(fields["NAME"])} if fields.get("NAME") else {}
    if as_number(fields.get("SORT")) is not None:
        values["SORT"] = as_number(fields["SORT"])
    call.portal.patch("category", record["ID"], values)
    return True


@method("crm.dealcategory.delete", writes=True)
def category_delete(call: Call) -> Any:
    """Only a funnel without deals; its stages go with it."""
    record = _existing(call)
    if not is_admin(call):
        raise classic_denied()
    if any(deal.get("CATEGORY_ID") == record["ID"] for deal in call.portal.table("deal")):
        raise classic("Невозможно удалить воронку, в которой есть сделки")
    for stage in call.portal.table("status").find("ENTITY_ID", DEAL.status_entity(record["ID"])):
        call.portal.drop("status", stage["ID"])
    call.portal.drop("category", record["ID"])
    return True


@method("crm.dealcategory.fields")
def category_fields(call: Call) -> Any:
    return {
        name: {"type": kind, "isRequired": name == "NAME", "isReadOnly": name in ("ID", "CREATED_DATE", "IS_LOCKED"),
               "isImmutable": False, "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in KINDS.items()
    }  # fmt: skip


@method("crm.dealcategory.default.get")
def category_default(call: Call) -> Any:
    return {"ID": 0, "NAME": call.portal.table("category").records[0]["NAME"]}


@method("crm.dealcategory.default.set", writes=True)
def category_default_set(call: Call) -> Any:
    """The default funnel has no field but its name."""
    name = call.text("name") or str(upper_keys(classic_map(call, "fields")).get("NAME") or "")
    if not is_admin(call):
        raise classic_denied()
    if not name:
        raise classic("The name is not defined or invalid.")
    call.portal.patch("category", 0, {"NAME": name})
    return True


@method("crm.dealcategory.status")
def category_status(call: Call) -> Any:
    """The dictionary in which the stages of the funnel stand."""
    number = as_number(call.get("id")) or 0
    if not stages.has_category(call.portal, DEAL, number):
        raise classic_not_found()
    return DEAL.status_entity(number)


@method("crm.dealcategory.stage.list")
def category_stages(call: Call) -> Any:
    return [
        {"NAME": record["NAME"], "SORT": record["SORT"], "STATUS_ID": record["STATUS_ID"]}
        for record in stages.stages_of(call.portal, DEAL, call.number("id") or 0)
    ]
