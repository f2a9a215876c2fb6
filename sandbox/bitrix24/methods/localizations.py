"""crm.currency.localizations.*: how an amount of a currency is written in a language.

Vendor documentation, "Локализации валют": https://apidocs.bitrix24.ru/api-reference/crm/currency/localizations/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, classic_map, is_admin, upper_keys
from sandbox.bitrix24.envelope import classic
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

KINDS = {"FULL_NAME": "string", "FORMAT_STRING": "string", "DEC_POINT": "string", "THOUSANDS_VARIANT": "string",
         "THOUSANDS_SEP": "string", "DECIMALS": "int", "HIDE_ZERO": "char"}  # fmt: skip
FRESH = {"DEC_POINT": ".", "THOUSANDS_SEP": None, "DECIMALS": "2", "THOUSANDS_VARIANT": "S", "HIDE_ZERO": "N"}


def _currency(call: Call) -> Record:
    wanted = call.text("id").upper()
    for record in call.portal.table("currency"):
        if wanted and record["CURRENCY"] == wanted:
            return record
    raise classic("The parameter id is invalid or not defined.")


def _known(record: Record) -> dict[str, Record]:
    """Those of the portal's languages where nobody wrote others."""
    form = {"FORMAT_STRING": record["FORMAT"], **FRESH}
    own = {"en": {**form, "FULL_NAME": record["CURRENCY"]}, "ru": {**form, "FULL_NAME": record["FULL_NAME"]}}
    found: dict[str, Record] = record.get("LANG", own)
    return found


@method("crm.currency.localizations.get")
def localizations_get(call: Call) -> Any:
    return _known(_currency(call)) or []


@method("crm.currency.localizations.set", writes=True)
def localizations_set(call: Call) -> Any:
    """What is not named stays."""
    record, given = _currency(call), classic_map(call, "localizations")
    if not is_admin(call):
        raise classic("Access denied.")
    present = dict(_known(record))
    for language, values in given.items():
        if isinstance(values, dict):
            taken = {name: value for name, value in upper_keys(values).items() if name in KINDS}
            present[language] = {**FRESH, **present.get(language, {}), **taken}
    call.portal.patch("currency", record["ID"], {"LANG": present})
    return True


@method("crm.currency.localizations.delete", writes=True)
def localizations_delete(call: Call) -> Any:
    """False where there was nothing to delete."""
    record, given = _currency(call), call.get("lids")
    if not is_admin(call):
        raise classic("Access denied.")
    gone = {str(language) for language in given} if isinstance(given, list) else set()
    present = _known(record)
    if not gone & set(present):
        return False
    rest = {language: values for language, values in present.items() if language not in gone}
    call.portal.patch("currency", record["ID"], {"LANG": rest})
    return True


@method("crm.currency.localizations.fields")
def localizations_fields(call: Call) -> Any:
    return {
        name: {"type": kind, "isRequired": False, "isReadOnly": False, "isImmutable": False, "isMultiple": False,
               "isDynamic": False, "title": name}
        for name, kind in KINDS.items()
    }  # fmt: skip
