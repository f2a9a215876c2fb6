"""lists.field.*: fields of universal lists, an owner's own (PROPERTY_5) and those that every list may show.

Vendor documentation, "Поля универсального списка": https://apidocs.bitrix24.ru/api-reference/lists/fields/

Not told by the vendor and chosen here: all fields of a list are keyed by their FIELD_ID (the page shows one, keyed by
its type); options of a field that an update's LIST leaves out go; deleting a field that is not there is no error.
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.methods.lists import CELL, FIELD, OPTION, SCOPE, fault, list_of, need, sorting
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

NAME = "NAME"
SYSTEM = {
    "SORT": "Сортировка", "ACTIVE_FROM": "Начало активности", "ACTIVE_TO": "Окончание активности",
    "PREVIEW_PICTURE": "Изображение для анонса", "PREVIEW_TEXT": "Текст анонса",
    "DETAIL_PICTURE": "Детальное изображение", "DETAIL_TEXT": "Детальный текст", "DATE_CREATE": "Дата создания",
    "CREATED_BY": "Кем создан", "TIMESTAMP_X": "Дата изменения", "MODIFIED_BY": "Кем изменен",
}  # fmt: skip
OWN = {
    "S": "Строка", "N": "Число", "L": "Список", "F": "Файл", "G": "Привязка к разделам", "E": "Привязка к элементам",
    "S:Date": "Дата", "S:DateTime": "Дата/Время", "S:HTML": "HTML/текст",
    "E:EList": "Привязка к элементам в виде списка", "N:Sequence": "Счетчик", "S:ECrm": "Привязка к элементам CRM",
    "S:Money": "Деньги", "S:DiskFile": "Файл (Диск)", "S:map_yandex": "Привязка к Яндекс.Карте",
    "S:employee": "Привязка к сотруднику",
}  # fmt: skip
LINKED = ("G", "E", "E:EList")
NEVER_MULTIPLE = (*SYSTEM, "S:map_yandex")
SETTINGS = {"SHOW_ADD_FORM": "Y", "SHOW_EDIT_FORM": "Y", "ADD_READ_ONLY_FIELD": "N", "EDIT_READ_ONLY_FIELD": "N",
            "SHOW_FIELD_PREVIEW": "N"}  # fmt: skip
USER_TYPE_SETTINGS: dict[str, Record] = {
    "S:HTML": {"height": 200},
    "E:EList": {"size": 1, "width": 0, "group": "N", "multiple": "N"},
    "N:Sequence": {"write": "N", "VALUE": 1},
    "S:ECrm": {"VISIBLE": "N", "LEAD": "N", "CONTACT": "N", "COMPANY": "N", "DEAL": "N"},
}


def fields_of(portal: Portal, place: Record) -> list[Record]:
    found = portal.table(FIELD).find("IBLOCK", place["ID"])
    return sorted(found, key=lambda one: (one["SORT"], one["ID"]))


def field_id(record: Record) -> str:
    return str(record["TYPE"]) if record["TYPE"] in SYSTEM else f"PROPERTY_{record['ID']}"


def options_of(portal: Portal, field: Record) -> list[Record]:
    found = [one for one in portal.table(OPTION).find("IBLOCK", field["IBLOCK"]) if one["FIELD"] == field["ID"]]
    return sorted(found, key=lambda one: (one["SORT"], one["ID"]))


def _found(call: Call, place: Record) -> Record | None:
    wanted = call.text("FIELD_ID")
    return next((one for one in fields_of(call.portal, place) if field_id(one) == wanted), None)


def _values(call: Call, place: Record, record: Record | None) -> Record:
    given, code = need(call), "ERROR_SAVE_FIELD" if record is None else "ERROR_UPDATE_FIELD"
    kind = str(given["TYPE"])
    if (kind not in SYSTEM and kind not in OWN) or (record is not None and record["TYPE"] != kind):
        raise fault(code, "Error saving the field" if record is None else "Error update the field")
    values: Record = {"NAME": str(given["NAME"]), "TYPE": kind}
    for flag in ("IS_REQUIRED", "MULTIPLE"):
        if flag in given:
            values[flag] = "Y" if given[flag] == "Y" and (flag != "MULTIPLE" or kind not in NEVER_MULTIPLE) else "N"
    values |= {name: sorting(given[name]) for name in ("SORT", "ROW_COUNT", "COL_COUNT") if given.get(name) is not None}
    if "DEFAULT_VALUE" in given:
        values["DEFAULT_VALUE"] = given["DEFAULT_VALUE"]
    before: Record = record or {"SETTINGS": SETTINGS, "USER_TYPE_SETTINGS": USER_TYPE_SETTINGS.get(kind)}
    for name in ("SETTINGS", "USER_TYPE_SETTINGS"):
        told, held = given.get(name), before.get(name)
        known = {key: value for key, value in told.items() if key in (held or {})} if isinstance(told, dict) else {}
        values[name] = held if held is None else {**held, **known}
    default = values.get("DEFAULT_VALUE", before.get("DEFAULT_VALUE"))
    if values["SETTINGS"]["ADD_READ_ONLY_FIELD"] == "Y" and default in (None, "") and not given.get("LIST_DEF"):
        raise fault(code, f"The default value of the field '{values['NAME']}' is required")
    if kind in LINKED:
        values["LINK_IBLOCK_ID"] = as_number(given.get("LINK_IBLOCK_ID")) or before.get("LINK_IBLOCK_ID")
        own = kind == "G" and values["LINK_IBLOCK_ID"] == place["ID"]
        if not own and call.portal.get("list", values["LINK_IBLOCK_ID"] or 0) is None:
            raise fault(code, f"Incorrect lists specified for '{values['NAME']}' property")
    return values if kind in SYSTEM else {**values, **_code(call, place, record, given)}


def _code(call: Call, place: Record, record: Record | None, given: Record) -> Record:
    code = str(given.get("CODE") or "")
    if not code:
        if record is None:
            raise fault("ERROR_SAVE_FIELD", "Please fill the code fields")
        return {}
    same = [one for one in fields_of(call.portal, place) if one["CODE"] == code and one != record]
    if same:
        raise fault("ERROR_SAVE_FIELD" if record is None else "ERROR_UPDATE_FIELD", "Property already exists")
    return {"CODE": code}


def _save_options(call: Call, place: Record, number: int) -> None:
    """Options of LIST, then a line each of LIST_TEXT_VALUES; LIST_DEF names the default one."""
    given, portal = need(call), call.portal
    listed, text = given.get("LIST"), given.get("LIST_TEXT_VALUES")
    field = portal.table(FIELD).records[number]
    held = {str(one["ID"]): one for one in options_of(portal, field)}
    ids: dict[str, int] = {}
    if isinstance(listed, list):
        listed = {str(index): one for index, one in enumerate(listed)}
    listed = listed if isinstance(listed, dict) else None
    rows = [(key, one) for key, one in (listed or {}).items() if isinstance(one, dict)]
    lines = str(text).split("\n") if text else []
    rows += [(f"\n{index}", {"VALUE": line.strip()}) for index, line in enumerate(lines)]
    for key, one in rows:
        if not one.get("VALUE"):
            continue
        values = {"VALUE": str(one["VALUE"]), "SORT": sorting(one.get("SORT")), "DEF": one.get("DEF") == "Y"}
        if key in held:
            portal.patch(OPTION, held[key]["ID"], values)
            ids[key] = held[key]["ID"]
        else:
            ids[key] = portal.put(OPTION, {"IBLOCK": place["ID"], "FIELD": number, **values})
    for key, one in held.items() if listed is not None else ():
        if key not in ids:
            portal.drop(OPTION, one["ID"])
    chosen = given.get("LIST_DEF")
    for mark in chosen if isinstance(chosen, list) else []:
        if str(mark) in ids:
            portal.patch(OPTION, ids[str(mark)], {"DEF": True})


@method("lists.field.add", SCOPE, writes=True)
def field_add(call: Call) -> Any:
    """PROPERTY_5 of an own field, the code of one that every list may show."""
    place = list_of(call, "X", "FIELDS", "FIELDS.NAME", "FIELDS.TYPE")
    values = _values(call, place, None)
    kind = values["TYPE"]
    if kind in SYSTEM and any(one["TYPE"] == kind for one in fields_of(call.portal, place)):
        raise fault("ERROR_SAVE_FIELD", "Property already exists")
    fresh = {"IBLOCK": place["ID"], "IS_REQUIRED": "N", "MULTIPLE": "N", "SORT": 500, "CODE": "", "ROW_COUNT": 1,
             "COL_COUNT": 30, "DEFAULT_VALUE": "", "LINK_IBLOCK_ID": None}  # fmt: skip
    number = call.portal.put(FIELD, {**fresh, **values})
    if kind == "L":
        _save_options(call, place, number)
    return field_id(call.portal.table(FIELD).records[number])


@method("lists.field.get", SCOPE)
def field_get(call: Call) -> Any:
    place = list_of(call, "R")
    if call.get("FIELD_ID"):
        if call.text("FIELD_ID") == NAME:
            return {NAME: _name()}
        record = _found(call, place)
        return [] if record is None else {record["TYPE"]: _shown(call, record)}
    return {NAME: _name(), **{field_id(one): _shown(call, one) for one in fields_of(call.portal, place)}}


def _name() -> Record:
    """The one field that every list has from its start."""
    return {"FIELD_ID": NAME, "SORT": 10, "NAME": "Название", "IS_REQUIRED": "Y", "MULTIPLE": "N", "DEFAULT_VALUE": "",
            "TYPE": NAME, "SETTINGS": dict(SETTINGS)}  # fmt: skip


def _shown(call: Call, record: Record) -> Record:
    shown: Record = {"FIELD_ID": field_id(record)}
    shown |= {name: record.get(name) for name in ("SORT", "NAME", "IS_REQUIRED", "MULTIPLE", "DEFAULT_VALUE", "TYPE")}
    if record["TYPE"] in SYSTEM:
        return {**shown, "SETTINGS": record["SETTINGS"]}
    base, _, user = record["TYPE"].partition(":")
    link = record.get("LINK_IBLOCK_ID")
    shown |= {"PROPERTY_TYPE": base, "PROPERTY_USER_TYPE": user or False, "CODE": record["CODE"],
              "ID": str(record["ID"]), "LINK_IBLOCK_ID": None if link is None else str(link),
              "ROW_COUNT": str(record["ROW_COUNT"]), "COL_COUNT": str(record["COL_COUNT"]),
              "USER_TYPE_SETTINGS": record.get("USER_TYPE_SETTINGS"), "SETTINGS": record["SETTINGS"]}  # fmt: skip
    if base == "L":
        options = options_of(call.portal, record)
        default = [str(one["ID"]) for one in options if one["DEF"]]
        multiple = record["MULTIPLE"] == "Y"
        shown["DEFAULT_VALUE"] = default if multiple else "".join(default[:1])
        shown["DISPLAY_VALUES_FORM"] = {str(one["ID"]): one["VALUE"] for one in options}
    return shown


@method("lists.field.type.get", SCOPE)
def field_types(call: Call) -> Any:
    """Types that the list may still have: one of every list's fields stands there once, but for the one asked for."""
    place = list_of(call, "X")
    there = {one["TYPE"] for one in fields_of(call.portal, place)} - {call.text("FIELD_ID")}
    return {**{code: name for code, name in SYSTEM.items() if code not in there}, **OWN}


@method("lists.field.update", SCOPE, writes=True)
def field_update(call: Call) -> Any:
    place = list_of(call, "X", "FIELD_ID", "FIELDS", "FIELDS.NAME", "FIELDS.TYPE")
    record = _found(call, place)
    if record is None:
        raise fault("ERROR_UPDATE_FIELD", "Error update the field")
    call.portal.patch(FIELD, record["ID"], _values(call, place, record))
    if record["TYPE"] == "L":
        _save_options(call, place, record["ID"])
    return True


@method("lists.field.delete", SCOPE, writes=True)
def field_delete(call: Call) -> Any:
    """Its values go with it."""
    record = _found(call, list_of(call, "X", "FIELD_ID"))
    if record is not None:
        for table in (OPTION, CELL):
            for one in [one for one in call.portal.table(table) if one["FIELD"] == record["ID"]]:
                call.portal.drop(table, one["ID"])
        call.portal.drop(FIELD, record["ID"])
    return True
