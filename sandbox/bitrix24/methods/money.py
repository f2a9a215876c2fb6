"""Currencies."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, classic_map, is_admin, upper_keys
from sandbox.bitrix24.envelope import classic, classic_denied, classic_not_found, page
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text


@method("crm.currency.list")
def currency_list(call: Call) -> Any:
    shown = [_currency(record, call) for record in call.portal.table("currency")]
    return page(shown, total=len(shown), offset=0, shown=len(shown))


def _currency(record: Record, call: Call) -> Record:
    return {
        "CURRENCY": record["CURRENCY"], "AMOUNT_CNT": "1", "AMOUNT": record["AMOUNT"], "SORT": str(record["SORT"]),
        "BASE": record["BASE"], "FULL_NAME": record["FULL_NAME"], "LID": "ru", "FORMAT_STRING": record["FORMAT"],
        "DEC_POINT": ".", "THOUSANDS_SEP": " ", "DECIMALS": "2",
        "DATE_UPDATE": moment_text(record["DATE_UPDATE"], call.portal.zone),
    }  # fmt: skip


@method("crm.currency.get")
def currency_get(call: Call) -> Any:
    return _currency(_by_code(call), call)


@method("crm.currency.base.get")
def currency_base(call: Call) -> Any:
    return next(record["CURRENCY"] for record in call.portal.table("currency") if record["BASE"] == "Y")


def _by_code(call: Call) -> Record:
    wanted = call.text("id").upper()
    for record in call.portal.table("currency"):
        if record["CURRENCY"] == wanted:
            return record
    raise classic_not_found()


@method("crm.currency.add", writes=True)
def currency_add(call: Call) -> Any:
    fields = upper_keys(classic_map(call, "fields"))
    if not is_admin(call):
        raise classic_denied()
    code = str(fields.get("CURRENCY") or "").upper()
    if len(code) != 3 or any(record["CURRENCY"] == code for record in call.portal.table("currency")):
        raise classic("The currency code is wrong or already in use.")
    values: Record = {
        "CURRENCY": code, "AMOUNT": f"{float(fields.get('AMOUNT') or 1):.4f}", "FULL_NAME": code, "FORMAT": "#",
        "SORT": int(fields.get("SORT") or 100), "BASE": "N", "DATE_UPDATE": call.portal.now(),
    }  # fmt: skip
    call.portal.put("currency", values)
    return code


@method("crm.currency.update", writes=True)
def currency_update(call: Call) -> Any:
    record = _by_code(call)
    fields = upper_keys(classic_map(call, "fields"))
    if not is_admin(call):
        raise classic_denied()
    values: Record = {"DATE_UPDATE": call.portal.now()}
    if fields.get("SORT"):
        values["SORT"] = int(fields["SORT"])
    if fields.get("AMOUNT"):
        values["AMOUNT"] = f"{float(fields['AMOUNT']):.4f}"
    call.portal.patch("currency", record["ID"], values)
    return True


@method("crm.currency.delete", writes=True)
def currency_delete(call: Call) -> Any:
    record = _by_code(call)
    if not is_admin(call):
        raise classic_denied()
    if record["BASE"] == "Y":
        raise classic("The base currency cannot be deleted.")
    call.portal.drop("currency", record["ID"])
    return True


@method("crm.currency.base.set", writes=True)
def currency_base_set(call: Call) -> Any:
    chosen = _by_code(call)
    if not is_admin(call):
        raise classic_denied()
    for record in call.portal.table("currency"):
        call.portal.patch("currency", record["ID"], {"BASE": "Y" if record["ID"] == chosen["ID"] else "N"})
    return True


@method("crm.currency.fields")
def currency_fields(call: Call) -> Any:
    kinds = {"CURRENCY": "string", "LANG": "currency_localization", "BASE": "char", "AMOUNT_CNT": "integer",
             "AMOUNT": "double", "SORT": "integer", "DATE_UPDATE": "datetime", "LID": "string",
             "FORMAT_STRING": "string", "FULL_NAME": "string", "DEC_POINT": "string", "THOUSANDS_SEP": "string",
             "DECIMALS": "integer"}  # fmt: skip
    return {
        name: {"type": kind, "isRequired": name in ("CURRENCY", "AMOUNT"), "isReadOnly": name == "DATE_UPDATE",
               "isImmutable": name == "CURRENCY", "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip
