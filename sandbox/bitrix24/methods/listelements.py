"""lists.element.* and lists.section.*: what stands in a universal list, and the tree of its sections.

Vendor documentation, "Элементы универсального списка", "Разделы универсального списка":
https://apidocs.bitrix24.ru/api-reference/lists/elements/, …/lists/sections/
What an update does to files: https://apidocs.bitrix24.ru/api-reference/files/how-to-update-files.html

Not told by the vendor and chosen here: without SELECT an element has what the page's example has, and its values; the
texts of ERROR_ADD_ELEMENT; sections of one parent stand by SORT, name and id, and what a section holds goes with it.
Not simulated: counters, business processes, downloads by the links of lists.element.get.file.url.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sandbox.bitrix24 import drive, files
from sandbox.bitrix24.call import Call, as_number, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, page
from sandbox.bitrix24.filters import Column, run
from sandbox.bitrix24.methods.listfields import field_id, fields_of, options_of
from sandbox.bitrix24.methods.lists import (
    CELL,
    ELEMENT,
    SCOPE,
    SECTION,
    fault,
    list_of,
    moment,
    need,
    picture,
    sorting,
    within,
)
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.storageitems import margins
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, parse

TIES = ("iblock_element", "iblock")
KINDS = {"ID": "integer", "NAME": "string", "CODE": "string", "IBLOCK_SECTION_ID": "integer", "CREATED_BY": "integer",
         "DATE_CREATE": "datetime", "TIMESTAMP_X": "datetime", "MODIFIED_BY": "integer", "SORT": "integer",
         "ACTIVE_FROM": "datetime", "ACTIVE_TO": "datetime", "PREVIEW_TEXT": "string", "DETAIL_TEXT": "string",
         "BP_PUBLISHED": "string"}  # fmt: skip
WRITTEN = ("SORT", "ACTIVE_FROM", "ACTIVE_TO", "PREVIEW_TEXT", "DETAIL_TEXT")
SHOWN = ("ID", "NAME", "IBLOCK_SECTION_ID", "CREATED_BY", "BP_PUBLISHED", "CODE")
SECTION_KINDS = {
    "ID": "integer", "CODE": "string", "XML_ID": "string", "EXTERNAL_ID": "string", "IBLOCK_SECTION_ID": "integer",
    "TIMESTAMP_X": "datetime", "SORT": "integer", "NAME": "string", "ACTIVE": "char", "GLOBAL_ACTIVE": "char",
    "LEFT_MARGIN": "integer", "RIGHT_MARGIN": "integer", "DEPTH_LEVEL": "integer", "SEARCHABLE_CONTENT": "string",
    "MODIFIED_BY": "integer", "DATE_CREATE": "datetime", "CREATED_BY": "integer",
}  # fmt: skip
SECTION_ASKED = ("PICTURE", "DESCRIPTION", "DESCRIPTION_TYPE", "SECTION_PAGE_URL", "DETAIL_PICTURE")


# -- values of elements


def _cells(call: Call, number: int) -> list[Record]:
    return call.portal.table(CELL).find("ELEMENT", number)


def _parts(field: Record, raw: Any) -> list[Any]:
    """The single values of what was sent for a field; one that is not multiple keeps the first."""
    if isinstance(raw, dict) and not (field["TYPE"] == "F" and "fileData" in raw):
        raw = list(raw.values())
    elif not isinstance(raw, list) or (field["TYPE"] == "F" and files.decode_pair(raw) is not None):
        raw = [raw]
    parts = [one for one in raw if one not in (None, "", [], {})]
    return parts if field["MULTIPLE"] == "Y" else parts[:1]


def _refused(call: Call, text: str) -> Exception:
    return fault("ERROR_ADD_ELEMENT" if call.method.endswith("add") else "ERROR_UPDATE_ELEMENT", text)


def _file(call: Call, raw: Any) -> int:
    if as_number(raw) is not None:
        raise fault("ERROR_ELEMENT_FIELD_VALUE", "Writing file values by ID is not supported")
    held = picture(call, raw, ELEMENT)
    if held is None and isinstance(raw, str):
        try:
            held = files.keep(call.portal, "file", base64.b64decode(raw, validate=True), ELEMENT, call.user_id)
        except (binascii.Error, ValueError):
            held = None
    if held is None:
        raise _refused(call, "Файл не загружен")
    return held


def _value(call: Call, field: Record, raw: Any) -> Any:
    """A value as it is kept; None of one that the field cannot have."""
    kind = field["TYPE"]
    if kind == "F":
        return _file(call, raw)
    if isinstance(raw, dict | list):
        return None
    if kind == "S:DiskFile":
        digits = as_number(str(raw).removeprefix("n"))
        return drive.attach(call.portal, digits or 0, field["IBLOCK"], call.user_id, TIES)
    if kind == "L":
        return next((one["ID"] for one in options_of(call.portal, field) if str(one["ID"]) == str(raw)), None)
    stored = {"N": "uf_double", "S:Date": "date", "S:DateTime": "datetime"}.get(kind, "string")
    try:
        return parse(stored, raw, call.portal.zone)
    except BadValueError as error:
        raise _refused(call, f'Неверное значение поля "{field["NAME"]}"') from error


def _taken(call: Call, place: Record, record: Record | None) -> dict[int, list[Any]]:
    """Values of a list's own fields by the field's id: of files only new ones."""
    given, taken = need(call), dict[int, list[Any]]()
    for field in fields_of(call.portal, place):
        name = field_id(field)
        if not name.startswith("PROPERTY_"):
            continue
        parts = [_value(call, field, one) for one in _parts(field, given.get(name))]
        taken[field["ID"]] = [one for one in parts if one is not None]
        stays = field["TYPE"] == "F" and record is not None
        if field["IS_REQUIRED"] == "Y" and not taken[field["ID"]] and not stays:
            raise _refused(call, f'Не заполнено обязательное поле "{field["NAME"]}"')
    return taken


def _put_cells(call: Call, place: Record, number: int, taken: dict[int, list[Any]]) -> None:
    """All values anew; files stay but for those named in `PROPERTY_5_DEL` and for one that makes room."""
    given, portal = need(call), call.portal
    kinds = {one["ID"]: one for one in fields_of(portal, place)}
    for cell in list(_cells(call, number)):
        field = kinds[cell["FIELD"]]
        removed = given.get(f"{field_id(field)}_DEL")
        named = isinstance(removed, dict) and removed.get(str(cell["ID"])) == "Y"
        replaced = field["MULTIPLE"] != "Y" and bool(taken[field["ID"]])
        if named or replaced or field["TYPE"] not in ("F", "S:DiskFile"):
            portal.drop(CELL, cell["ID"])
    for number_of_field, values in taken.items():
        for value in values:
            portal.put(CELL, {"IBLOCK": place["ID"], "ELEMENT": number, "FIELD": number_of_field, "VALUE": value})


def _text(call: Call, kind: str, value: Any) -> str | None:
    if value is None:
        return None
    if kind in ("datetime", "S:DateTime"):
        return moment(call.portal, value)
    if kind == "S:Date":
        return ".".join(reversed(str(value).split("-")))
    return str(value)


# -- elements


def _section(call: Call, place: Record, raw: Any) -> int | None:
    parent = call.portal.get(SECTION, as_number(raw) or 0)
    return parent["ID"] if parent is not None and parent["IBLOCK"] == place["ID"] else None


def _one(call: Call, place: Record, table: str, noun: str) -> Record:
    """A record of the list by its id or, where there is none given, by its code."""
    raw, code = call.get(f"{noun}_ID"), call.text(f"{noun}_CODE")
    if not raw and not code:
        need(call, f"{noun}_ID")
    for one in call.portal.table(table).find("IBLOCK", place["ID"]):
        if (one["ID"] == as_number(raw)) if raw else (one["CODE"] == code):
            return one
    raise fault(f"ERROR_{noun}_NOT_FOUND", f"{noun.capitalize()} not found")


def _element_values(call: Call) -> Record:
    given, values = need(call), Record()
    for name in WRITTEN:
        kind = KINDS[name]
        try:
            values[name] = (
                sorting(given.get(name)) if name == "SORT" else parse(kind, given.get(name), call.portal.zone)
            )
        except BadValueError as error:
            raise _refused(call, f"Неверное значение поля {name}") from error
    return {**values, "NAME": str(given["NAME"]), "TIMESTAMP_X": call.portal.now(), "MODIFIED_BY": call.user_id}


@method("lists.element.add", SCOPE, writes=True)
def element_add(call: Call) -> Any:
    place = list_of(call, "E", "ELEMENT_CODE", "FIELDS", "FIELDS.NAME")
    code = call.text("ELEMENT_CODE")
    if any(one["CODE"] == code for one in call.portal.table(ELEMENT).find("IBLOCK", place["ID"])):
        raise fault("ERROR_ELEMENT_ALREADY_EXISTS", "Element already exists")
    values, taken = _element_values(call), _taken(call, place, None)
    stamps = {"DATE_CREATE": call.portal.now(), "CREATED_BY": call.user_id, "BP_PUBLISHED": "Y"}
    section = _section(call, place, call.get("IBLOCK_SECTION_ID"))
    number = call.portal.put(ELEMENT, {"IBLOCK": place["ID"], "CODE": code, "IBLOCK_SECTION_ID": section,
                                       **stamps, **values})  # fmt: skip
    _put_cells(call, place, number, taken)
    return number


@method("lists.element.get", SCOPE)
def element_get(call: Call) -> Any:
    place = list_of(call, "R")
    own = {field_id(one): one for one in fields_of(call.portal, place) if field_id(one).startswith("PROPERTY_")}

    def resolve(name: str) -> Column | None:
        if name in KINDS:
            return Column(name, KINDS[name])
        if name not in own:
            return None
        stored = {"N": "uf_double", "S:Date": "date", "S:DateTime": "datetime"}.get(own[name]["TYPE"], "string")
        number = own[name]["ID"]
        return Column(name, stored, lambda record: [
            one["VALUE"] if stored != "string" else str(one["VALUE"])
            for one in _cells(call, record["ID"]) if one["FIELD"] == number
        ])  # fmt: skip

    query, order = within(call, ELEMENT, place, resolve)
    for name, wanted in (("ID", as_number(call.get("ELEMENT_ID"))), ("CODE", call.text("ELEMENT_CODE"))):
        if call.get(f"ELEMENT_{name}"):
            query.predicates.append(lambda record, name=name, wanted=wanted: record[name] == wanted)  # type: ignore[misc]
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(ELEMENT), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("SELECT")
    names = [str(name) for name in select] if isinstance(select, list) and select else [*SHOWN, *own]
    shown = [_element(call, one, names, own) for one in found]
    return page(shown, total=total, offset=offset, shown=len(shown))


def _element(call: Call, record: Record, names: list[str], own: dict[str, Record]) -> Record:
    """The named fields; a value is keyed by its own id, and a field without one is left out."""
    shown = {
        name: _text(call, KINDS[name], record.get(name)) for name in dict.fromkeys(["ID", *names]) if name in KINDS
    }
    cells = _cells(call, record["ID"])
    for name in names:
        if name in own:
            held = {str(one["ID"]): _text(call, own[name]["TYPE"], one["VALUE"]) for one in cells
                    if one["FIELD"] == own[name]["ID"]}  # fmt: skip
            shown |= {name: held} if held else {}  # type: ignore[dict-item]
    return shown


@method("lists.element.update", SCOPE, writes=True)
def element_update(call: Call) -> Any:
    """What is not sent is emptied."""
    place = list_of(call, "W", "FIELDS", "FIELDS.NAME")
    record = _one(call, place, ELEMENT, "ELEMENT")
    values, taken = _element_values(call), _taken(call, place, record)
    call.portal.patch(ELEMENT, record["ID"], values)
    _put_cells(call, place, record["ID"], taken)
    return True


def _drop_element(call: Call, number: int) -> None:
    for cell in list(_cells(call, number)):
        call.portal.drop(CELL, cell["ID"])
    call.portal.drop(ELEMENT, number)


@method("lists.element.delete", SCOPE, writes=True)
def element_delete(call: Call) -> Any:
    _drop_element(call, _one(call, list_of(call, "W"), ELEMENT, "ELEMENT")["ID"])
    return True


@method("lists.element.get.file.url", SCOPE)
def element_file_url(call: Call) -> Any:
    """Links to the files of a field, which is named by its number alone."""
    place = list_of(call, "R", "FIELD_ID")
    record, wanted = _one(call, place, ELEMENT, "ELEMENT"), as_number(call.get("FIELD_ID"))
    kind = next((one["TYPE"] for one in fields_of(call.portal, place) if one["ID"] == wanted), "")
    values = [one["VALUE"] for one in _cells(call, record["ID"]) if one["FIELD"] == wanted]
    if kind == "S:DiskFile":
        return [f"/bitrix/tools/disk/uf.php?attachedId={one}&action=download&ncc=1" for one in values]
    road = f"/company/lists/{place['ID']}/file/{record.get('IBLOCK_SECTION_ID') or 0}/{record['ID']}/PROPERTY_{wanted}"
    return [f"{road}/{one}/?ncc=y&download=y" for one in values] if kind == "F" else []


# -- sections


def _section_values(call: Call) -> Record:
    given = need(call)
    values: Record = {"NAME": str(given["NAME"]), "TIMESTAMP_X": call.portal.now(), "MODIFIED_BY": call.user_id}
    for name in ("XML_ID", "EXTERNAL_ID"):  # one and the same to the vendor; the first that is given stands
        if given.get(name) is not None:
            values["XML_ID"] = str(given[name])
            break
    if "SORT" in given:
        values["SORT"] = sorting(given["SORT"])
    if "ACTIVE" in given:
        values["ACTIVE"] = "N" if given["ACTIVE"] == "N" else "Y"
    values |= {name: str(given[name]) for name in ("DESCRIPTION", "DESCRIPTION_TYPE") if given.get(name) is not None}
    values |= {name: picture(call, given[name], SECTION) for name in ("PICTURE", "DETAIL_PICTURE") if name in given}
    return values


@method("lists.section.add", SCOPE, writes=True)
def section_add(call: Call) -> Any:
    place = list_of(call, "W", "SECTION_CODE", "FIELDS", "FIELDS.NAME")
    fresh = {"IBLOCK": place["ID"], "CODE": call.text("SECTION_CODE"), "XML_ID": None, "SORT": 500, "ACTIVE": "Y",
             "DESCRIPTION": "", "DESCRIPTION_TYPE": "text", "DATE_CREATE": call.portal.now(),
             "CREATED_BY": call.user_id, "SECTION": _section(call, place, call.get("IBLOCK_SECTION_ID"))}  # fmt: skip
    return call.portal.put(SECTION, {**fresh, **_section_values(call)})


@method("lists.section.get", SCOPE)
def section_get(call: Call) -> Any:
    place = list_of(call, "R")
    known = {one["ID"]: one for one in call.portal.table(SECTION).find("IBLOCK", place["ID"])}
    tree = margins(list(known.values()))

    def whole(record: Record) -> Record:
        left, right, depth = tree[record["ID"]]
        way = [record]
        while parent := known.get(way[-1].get("SECTION") or 0):
            way.append(parent)
        shut = any(one["ACTIVE"] == "N" for one in way)
        return {**record, "IBLOCK_SECTION_ID": record.get("SECTION"), "EXTERNAL_ID": record.get("XML_ID"),
                "GLOBAL_ACTIVE": "N" if shut else "Y", "LEFT_MARGIN": left, "RIGHT_MARGIN": right, "DEPTH_LEVEL": depth,
                "SEARCHABLE_CONTENT": f"{record['NAME'].upper()}\r\n"}  # fmt: skip

    def resolve(name: str) -> Column | None:
        if name not in SECTION_KINDS:
            return None
        return Column(name, SECTION_KINDS[name], lambda record: whole(record).get(name))

    query, order = within(call, SECTION, place, resolve)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(SECTION), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("SELECT")
    asked = [str(name) for name in select] if isinstance(select, list) and select else list(SECTION_KINDS)
    names = [name for name in asked if name in SECTION_KINDS or name in SECTION_ASKED]
    shown = [{name: _text(call, SECTION_KINDS.get(name, "string"), held.get(name)) for name in names}
             for held in map(whole, found)]  # fmt: skip
    return page(shown, total=total, offset=offset, shown=len(shown))


@method("lists.section.update", SCOPE, writes=True)
def section_update(call: Call) -> Any:
    place = list_of(call, "W", "FIELDS", "FIELDS.NAME")
    call.portal.patch(SECTION, _one(call, place, SECTION, "SECTION")["ID"], _section_values(call))
    return True


@method("lists.section.delete", SCOPE, writes=True)
def section_delete(call: Call) -> Any:
    """Its sections and elements go with it."""
    place = list_of(call, "W")
    gone = [_one(call, place, SECTION, "SECTION")["ID"]]
    while gone:
        number = gone.pop()
        here = call.portal.table(SECTION).find("IBLOCK", place["ID"])
        gone += [one["ID"] for one in here if one.get("SECTION") == number]
        for one in list(call.portal.table(ELEMENT).find("IBLOCK", place["ID"])):
            if one.get("IBLOCK_SECTION_ID") == number:
                _drop_element(call, one["ID"])
        call.portal.drop(SECTION, number)
    return True
