"""VAT rates and units of measure: crm.vat.*, crm.measure.*, and the same by catalog.*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.bitrix24.call import (
    Call,
    as_number,
    classic_id,
    classic_map,
    is_admin,
    universal_id,
    universal_map,
    upper_keys,
)
from sandbox.bitrix24.envelope import RestError, classic, classic_denied, classic_not_found, page
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import number

DENIED = 200040300020
VAT_KINDS = {"ID": "integer", "TIMESTAMP_X": "datetime", "ACTIVE": "char", "C_SORT": "integer", "NAME": "string",
             "RATE": "double"}  # fmt: skip
MEASURE_KINDS = {"ID": "integer", "CODE": "integer", "MEASURE_TITLE": "string", "SYMBOL_RUS": "string",
                 "SYMBOL_INTL": "string", "SYMBOL_LETTER_INTL": "string", "IS_DEFAULT": "char"}  # fmt: skip


def _classic_vat(record: Record) -> Record:
    rate = record.get("RATE")
    return {
        "ID": str(record["ID"]), "ACTIVE": record.get("ACTIVE", "Y"), "NAME": record["NAME"],
        "C_SORT": str(record["SORT"]), "RATE": None if rate is None else f"{float(rate):.2f}",
    }  # fmt: skip


def _typed_vat(record: Record) -> Record:
    return {
        "id": record["ID"], "name": record["NAME"], "rate": number(record.get("RATE")),
        "active": record.get("ACTIVE", "Y"), "sort": record["SORT"],
    }  # fmt: skip


def _classic_measure(record: Record) -> Record:
    return {
        "ID": str(record["ID"]), "CODE": str(record["CODE"]), "MEASURE_TITLE": record["TITLE"],
        "SYMBOL_RUS": record["SYMBOL"], "SYMBOL_INTL": record["SYMBOL_INTL"], "IS_DEFAULT": record["IS_DEFAULT"],
    }  # fmt: skip


def _typed_measure(record: Record) -> Record:
    return {
        "id": record["ID"], "code": record["CODE"], "symbol": record["SYMBOL"], "measureTitle": record["TITLE"],
        "symbolIntl": record["SYMBOL_INTL"], "isDefault": record["IS_DEFAULT"],
    }  # fmt: skip


def _described(kinds: dict[str, str], required: tuple[str, ...]) -> Any:
    return {
        name: {"type": kind, "isRequired": name in required, "isReadOnly": name in ("ID", "TIMESTAMP_X"),
               "isImmutable": False, "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip


# -- what is written, whoever spells it


def _vat(fields: Record, refuse: Callable[[str], RestError], *, new: bool) -> Record:
    """The stored values of a rate; a new one needs its name and rate. No rate at all is "without VAT"."""
    values: Record = {}
    if new and not (fields.get("NAME") and "RATE" in fields):
        raise refuse("Required fields: NAME, RATE")
    if fields.get("NAME"):
        values["NAME"] = str(fields["NAME"])
    if "RATE" in fields:
        given = fields["RATE"]
        rate = None if given in (None, "") else _percent(given)
        if given not in (None, "") and rate is None:
            raise refuse("RATE must be a number from 0 to 100")
        values["RATE"] = rate
    sort = as_number(fields.get("C_SORT", fields.get("SORT")))
    if sort is not None or new:
        values["SORT"] = sort if sort is not None else 100
    if fields.get("ACTIVE") in ("Y", "N"):
        values["ACTIVE"] = fields["ACTIVE"]
    return values


def _percent(given: Any) -> str | None:
    try:
        found = float(str(given).replace(",", "."))
    except ValueError:
        return None
    return f"{found:.2f}" if 0 <= found <= 100 else None


def _measure(call: Call, fields: Record, refuse: Callable[[str], RestError], own_id: int | None = None) -> Record:
    """The stored values of a unit; its code is one unit's."""
    values: Record = {}
    if own_id is None and not (fields.get("CODE") and fields.get("MEASURE_TITLE")):
        raise refuse("Required fields: CODE, MEASURE_TITLE")
    if "CODE" in fields:
        code = as_number(fields["CODE"])
        held = call.portal.table("measure")
        if code is None or any(one["CODE"] == code and one["ID"] != own_id for one in held):
            raise refuse("The code of the unit is wrong or already in use")
        values["CODE"] = code
    for name, stored in (("MEASURE_TITLE", "TITLE"), ("SYMBOL_RUS", "SYMBOL"), ("SYMBOL_INTL", "SYMBOL_INTL")):
        if name in fields or own_id is None:
            values[stored] = str(fields.get(name) or "")
    values |= {"IS_DEFAULT": "N"} if own_id is None else {}
    return values


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise classic_denied()


def _known(call: Call, table: str) -> Record:
    record = call.portal.get(table, classic_id(call))
    if record is None:
        raise classic_not_found()
    return record


def _typed_admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(400, DENIED, "Access Denied")


def _typed_known(call: Call, table: str) -> Record:
    record = call.portal.get(table, universal_id(call))
    if record is None:
        raise RestError(400, 0, "entity is not exists")
    return record


def _typed_refusal(text: str) -> RestError:
    return RestError(400, 0, text)


def _typed_fields(call: Call, names: dict[str, str]) -> Record:
    given = universal_map(call, "fields")
    return {stored: given[name] for name, stored in names.items() if name in given}


# -- the older spelling


@method("crm.vat.list")
def vat_list(call: Call) -> Any:
    shown = [_classic_vat(record) for record in call.portal.table("vat")]
    return page(shown, total=len(shown), offset=0, shown=len(shown))


@method("crm.vat.fields")
def vat_fields(call: Call) -> Any:
    return _described(VAT_KINDS, ("NAME", "RATE"))


@method("crm.vat.get")
def vat_get(call: Call) -> Any:
    return _classic_vat(_known(call, "vat"))


@method("crm.vat.add", writes=True)
def vat_add(call: Call) -> Any:
    _admin(call)
    return call.portal.put("vat", _vat(upper_keys(classic_map(call, "fields")), classic, new=True))


@method("crm.vat.update", writes=True)
def vat_update(call: Call) -> Any:
    record = _known(call, "vat")
    _admin(call)
    call.portal.patch("vat", record["ID"], _vat(upper_keys(classic_map(call, "fields")), classic, new=False))
    return True


@method("crm.vat.delete", writes=True)
def vat_delete(call: Call) -> Any:
    record = _known(call, "vat")
    _admin(call)
    call.portal.drop("vat", record["ID"])
    return True


@method("crm.measure.list")
def measure_list(call: Call) -> Any:
    shown = [_classic_measure(record) for record in call.portal.table("measure")]
    return page(shown, total=len(shown), offset=0, shown=len(shown))


@method("crm.measure.fields")
def measure_fields(call: Call) -> Any:
    return _described(MEASURE_KINDS, ("CODE", "MEASURE_TITLE"))


@method("crm.measure.get")
def measure_get(call: Call) -> Any:
    return _classic_measure(_known(call, "measure"))


@method("crm.measure.add", writes=True)
def measure_add(call: Call) -> Any:
    _admin(call)
    return call.portal.put("measure", _measure(call, upper_keys(classic_map(call, "fields")), classic))


@method("crm.measure.update", writes=True)
def measure_update(call: Call) -> Any:
    record = _known(call, "measure")
    _admin(call)
    fields = upper_keys(classic_map(call, "fields"))
    call.portal.patch("measure", record["ID"], _measure(call, fields, classic, record["ID"]))
    return True


@method("crm.measure.delete", writes=True)
def measure_delete(call: Call) -> Any:
    record = _known(call, "measure")
    _admin(call)
    if record["IS_DEFAULT"] == "Y":
        raise classic("The default unit cannot be deleted.")
    call.portal.drop("measure", record["ID"])
    return True


# -- catalog.*

VAT_NAMES = {"name": "NAME", "rate": "RATE", "sort": "SORT", "active": "ACTIVE"}
MEASURE_NAMES = {"code": "CODE", "measureTitle": "MEASURE_TITLE", "symbol": "SYMBOL_RUS", "symbolIntl": "SYMBOL_INTL"}


@method("catalog.vat.list", "catalog")
def catalog_vat_list(call: Call) -> Any:
    shown = [_typed_vat(record) for record in call.portal.table("vat")]
    return page({"vats": shown}, total=len(shown), offset=0, shown=len(shown))


@method("catalog.vat.get", "catalog")
def catalog_vat_get(call: Call) -> Any:
    return {"vat": _typed_vat(_typed_known(call, "vat"))}


@method("catalog.vat.add", "catalog", writes=True)
def catalog_vat_add(call: Call) -> Any:
    _typed_admin(call)
    made = call.portal.put("vat", _vat(_typed_fields(call, VAT_NAMES), _typed_refusal, new=True))
    return {"vat": _typed_vat(call.portal.table("vat").records[made])}


@method("catalog.vat.update", "catalog", writes=True)
def catalog_vat_update(call: Call) -> Any:
    record = _typed_known(call, "vat")
    _typed_admin(call)
    call.portal.patch("vat", record["ID"], _vat(_typed_fields(call, VAT_NAMES), _typed_refusal, new=False))
    return {"vat": _typed_vat(call.portal.table("vat").records[record["ID"]])}


@method("catalog.vat.delete", "catalog", writes=True)
def catalog_vat_delete(call: Call) -> Any:
    record = _typed_known(call, "vat")
    _typed_admin(call)
    call.portal.drop("vat", record["ID"])
    return True


@method("catalog.measure.list", "catalog")
def catalog_measure_list(call: Call) -> Any:
    shown = [_typed_measure(record) for record in call.portal.table("measure")]
    return page({"measures": shown}, total=len(shown), offset=0, shown=len(shown))


@method("catalog.measure.get", "catalog")
def catalog_measure_get(call: Call) -> Any:
    return {"measure": _typed_measure(_typed_known(call, "measure"))}


@method("catalog.measure.add", "catalog", writes=True)
def catalog_measure_add(call: Call) -> Any:
    _typed_admin(call)
    made = call.portal.put("measure", _measure(call, _typed_fields(call, MEASURE_NAMES), _typed_refusal))
    return {"measure": _typed_measure(call.portal.table("measure").records[made])}


@method("catalog.measure.update", "catalog", writes=True)
def catalog_measure_update(call: Call) -> Any:
    record = _typed_known(call, "measure")
    _typed_admin(call)
    fields = _typed_fields(call, MEASURE_NAMES)
    call.portal.patch("measure", record["ID"], _measure(call, fields, _typed_refusal, record["ID"]))
    return {"measure": _typed_measure(call.portal.table("measure").records[record["ID"]])}
