"""crm.deal.recurring.*: a deal as the template of deals to come. Nothing comes by itself here, only by `expose`.

Vendor documentation, "Регулярные сделки": https://apidocs.bitrix24.ru/api-reference/crm/deals/recurring-deals/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import items
from sandbox.bitrix24.call import Call, as_number, classic_map, may, offset_of, upper_keys
from sandbox.bitrix24.envelope import PAGE_SIZE, classic, page
from sandbox.bitrix24.families import BY_NAME
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, classic_encoder, parse

KINDS = {
    "ID": "integer", "DEAL_ID": "integer", "BASED_ID": "integer", "ACTIVE": "string", "NEXT_EXECUTION": "datetime",
    "LAST_EXECUTION": "datetime", "COUNTER_REPEAT": "integer", "START_DATE": "date", "CATEGORY_ID": "string",
    "IS_LIMIT": "string", "LIMIT_REPEAT": "integer", "LIMIT_DATE": "date",
}  # fmt: skip
READ_ONLY = ("ID", "BASED_ID", "NEXT_EXECUTION", "LAST_EXECUTION", "COUNTER_REPEAT")
COPIED = ("TITLE", "COMPANY_ID", "CONTACT_IDS", "CATEGORY_ID", "CURRENCY_ID", "OPPORTUNITY", "TYPE_ID",
          "ASSIGNED_BY_ID")  # fmt: skip
DEAL = BY_NAME["deal"]


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


def _shown(call: Call, record: Record) -> Record:
    shown = {name: classic_encoder(kind, call.portal.zone)(record.get(name)) for name, kind in KINDS.items()}
    return {**shown, "PARAMS": record.get("PARAMS") or []}


def _taken(call: Call) -> Record:
    fields = upper_keys(classic_map(call, "fields"))
    values: Record = {}
    for name, value in fields.items():
        if name in KINDS and name not in READ_ONLY:
            try:
                values[name] = parse(KINDS[name], value, call.portal.zone)
            except BadValueError:
                values[name] = None
    if isinstance(fields.get("PARAMS"), dict):
        values["PARAMS"] = fields["PARAMS"]
    return values


def _existing(call: Call, action: str) -> Record:
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        raise classic("id is not defined or invalid.")
    if not may(call.identity, action):
        raise classic("Access denied.")
    record = call.portal.get("recurring", number)
    if record is None:
        raise classic("Recurring deal is not found.")
    return record


def _copy(call: Call, number: int, **more: Any) -> int:
    source = call.portal.table("deal").records[number]
    values = {name: source[name] for name in COPIED if name in source}
    return items.create(call.portal, DEAL, {**values, **more}, call.user_id)


@method("crm.deal.recurring.add", writes=True)
def recurring_add(call: Call) -> Any:
    """A copy of the deal becomes the template."""
    values = _taken(call)
    if not may(call.identity, "add"):
        raise classic("Access denied.")
    source = as_number(values.get("DEAL_ID"))
    if source is None or call.portal.get("deal", source) is None:
        raise classic("Deal id is empty.")
    if any(record["BASED_ID"] == source for record in call.portal.table("recurring")):
        raise classic("Deal already have had recurring settings.")
    template = _copy(call, source, IS_RECURRING="Y")
    kept = {name: value for name, value in values.items() if value is not None}
    return call.portal.put("recurring", {"ACTIVE": "Y", **kept, "DEAL_ID": template, "BASED_ID": source})


@method("crm.deal.recurring.update", writes=True)
def recurring_update(call: Call) -> Any:
    record = _existing(call, "update")
    values = _taken(call)
    values.pop("DEAL_ID", None)
    call.portal.patch("recurring", record["ID"], values)
    return True


@method("crm.deal.recurring.get")
def recurring_get(call: Call) -> Any:
    return _shown(call, _existing(call, "read"))


@method("crm.deal.recurring.list")
def recurring_list(call: Call) -> Any:
    if not may(call.identity, "read"):
        raise classic("Access denied.")
    query = compile_filter(classic_map(call, "filter"), _column, call.portal.zone, strict=False)
    order = compile_order(classic_map(call, "order"), _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("recurring"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([_shown(call, record) for record in found], total=total, offset=offset, shown=len(found))


@method("crm.deal.recurring.delete", writes=True)
def recurring_delete(call: Call) -> Any:
    record = _existing(call, "delete")
    template = call.portal.get("deal", record["DEAL_ID"])
    if template is not None and template.get("IS_RECURRING") == "Y":
        raise classic("Deleting is impossible. Connected recurring deal exists.")
    call.portal.drop("recurring", record["ID"])
    return True


@method("crm.deal.recurring.expose", writes=True)
def recurring_expose(call: Call) -> Any:
    """One more deal by the template, now."""
    record = _existing(call, "update")
    if call.portal.get("deal", record["DEAL_ID"]) is None:
        raise classic("Recurring deal is not found.")
    made = _copy(call, record["DEAL_ID"])
    counted = {"COUNTER_REPEAT": (record.get("COUNTER_REPEAT") or 0) + 1, "LAST_EXECUTION": call.portal.now()}
    call.portal.patch("recurring", record["ID"], counted)
    return {"DEAL_ID": made}


@method("crm.deal.recurring.fields")
def recurring_fields(call: Call) -> Any:
    kinds = KINDS | {"PARAMS": "recurring_params"} | dict.fromkeys(("ACTIVE", "CATEGORY_ID", "IS_LIMIT"), "char")
    return {
        name: {"type": kind, "isRequired": name == "DEAL_ID", "isReadOnly": name in READ_ONLY,
               "isImmutable": name == "DEAL_ID", "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip
