"""crm.documentgenerator.numerator.*: how the numbers of documents are made.

Vendor documentation, "Нумераторы":
https://apidocs.bitrix24.ru/api-reference/crm/document-generator/numerator/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, universal_id, universal_map
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

PATH = "crm.documentgenerator.numerator"
SEQUENCE = "Bitrix_Main_Numerator_Generator_SequentNumberGenerator"
FRESH: Record = {"start": 1, "step": 1, "length": 0, "padString": "0", "periodicBy": None, "timezone": None,
                 "isDirectNumeration": False}  # fmt: skip
PERIODS = ("day", "month", "year")


def _allowed(call: Call) -> None:
    if not is_admin(call):
        raise RestError(400, "", "You do not have permissions to modify templates")


def _numerator(call: Call) -> Record:
    _allowed(call)
    if call.get("id") is None:
        raise RestError(400, 100, "Bitrix\\Main\\Numerator\\Numerator constructor must be is public")
    record = call.portal.get("numerator", universal_id(call))
    if record is None:
        raise RestError(400, 100, "Could not construct parameter {numerator}")
    return record


def _sequence(given: Any, held: Record) -> Record:
    """The settings of the count, with what was not named as it is held."""
    made = dict(held)
    named = given.get(SEQUENCE) if isinstance(given, dict) else None
    for name, value in (named if isinstance(named, dict) else {}).items():
        if name in ("start", "step", "length"):
            made[name] = as_number(value) or FRESH[name]
        elif name == "periodicBy":
            made[name] = value if value in PERIODS else None
        elif name == "isDirectNumeration":
            made[name] = value in (True, 1, "1", "true", "Y")
        elif name in FRESH:
            made[name] = str(value) if value else FRESH[name]
    return made


def _shown(record: Record, *, text: bool) -> Record:
    """`text`: whether the id is printed as a string, as everywhere but at the making."""
    number = record["ID"]
    settings = {SEQUENCE: {**FRESH, **record["SEQUENCE"]}}
    return {"name": record["NAME"], "template": record["TEMPLATE"], "id": str(number) if text else number,
            "code": None, "settings": settings}  # fmt: skip


@method(f"{PATH}.add", writes=True)
def numerator_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    _allowed(call)
    missing = [name for name in ("name", "template") if not fields.get(name)]
    if missing:
        raise RestError(400, 0, f"Empty required fields: {', '.join(missing)}")
    sequence = _sequence(fields.get("settings"), FRESH)
    values = {"NAME": str(fields["name"]), "TEMPLATE": str(fields["template"]), "SEQUENCE": sequence}
    made = call.portal.put("numerator", values)
    return {"numerator": _shown(call.portal.table("numerator").records[made], text=False)}


@method(f"{PATH}.get")
def numerator_get(call: Call) -> Any:
    return {"numerator": _shown(_numerator(call), text=True)}


@method(f"{PATH}.list")
def numerator_list(call: Call) -> Any:
    _allowed(call)
    table = call.portal.table("numerator")
    offset = offset_of(call, paged=True)
    start = max(offset, 0)
    shown = [_shown(table.records[number], text=True) for number in table.ids[start : start + PAGE_SIZE]]
    for one in shown:
        one.pop("code")
    return page({"numerators": shown}, total=len(table), offset=offset, shown=len(shown))


@method(f"{PATH}.update", writes=True)
def numerator_update(call: Call) -> Any:
    """The one answer without `numerator` around it."""
    record, fields = _numerator(call), universal_map(call, "fields")
    values: Record = {stored: str(fields[name]) for name, stored in (("name", "NAME"), ("template", "TEMPLATE"))
                      if fields.get(name)}  # fmt: skip
    if "settings" in fields:
        values["SEQUENCE"] = _sequence(fields["settings"], record["SEQUENCE"])
    call.portal.patch("numerator", record["ID"], values)
    return _shown(record, text=True)


@method(f"{PATH}.delete", writes=True)
def numerator_delete(call: Call) -> Any:
    call.portal.drop("numerator", _numerator(call)["ID"])
