"""entity.item.* and entity.section.*: what an application keeps in its storages.

Vendor documentation, "Элементы хранилища", "Разделы хранилища":
https://apidocs.bitrix24.ru/api-reference/entity/items/, …/entity/sections/

Not told by the vendor and chosen here: sections of one parent stand by SORT, name and id; what a section holds goes
with it; a picture's address carries a signature.
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, as_number, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import BadFilterValueError, Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.applications import empty
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.storages import SCOPE, core, properties, storage
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, moment_text, parse

ITEM, SECTION = "storageitem", "storagesection"
STAMPS = {"TIMESTAMP_X": "datetime", "MODIFIED_BY": "integer", "DATE_CREATE": "datetime", "CREATED_BY": "integer"}
SHARED = {"NAME": "string", "ACTIVE": "char", "SORT": "integer", "CODE": "string", "SECTION": "integer"}
FIELDS: dict[str, dict[str, str]] = {
    ITEM: {**SHARED, "DATE_ACTIVE_FROM": "datetime", "DATE_ACTIVE_TO": "datetime", "PREVIEW_TEXT": "string",
           "DETAIL_TEXT": "string"},
    SECTION: {**SHARED, "DESCRIPTION": "string"},
}  # fmt: skip
PICTURES = {ITEM: ("PREVIEW_PICTURE", "DETAIL_PICTURE"), SECTION: ("PICTURE", "DETAIL_PICTURE")}
NOUN = {ITEM: "Item", SECTION: "Section"}


def _record(call: Call, table: str, room: Record) -> Record:
    number = as_number(call.get("ID")) or 0
    if number <= 0:
        raise empty("ID")
    record = call.portal.get(table, number)
    if record is None or record["STORAGE"] != room["ID"]:
        noun = NOUN[table]
        raise RestError(400, f"ERROR_{noun.upper()}_NOT_FOUND", f"{noun} not found")
    return record


def _given(call: Call, table: str, room: Record) -> Record:
    values: Record = {}
    for name, kind in FIELDS[table].items():
        if name not in call.params:
            continue
        raw = call.get(name)
        try:
            values[name] = parse(kind, "Y" if kind == "char" and raw in (True, "1", 1) else raw, call.portal.zone)
        except BadValueError as error:
            raise RestError(400, "ERROR_ARGUMENT", f"Wrong value of {name}", argument=name) from error
    parent = call.portal.get(SECTION, values.get("SECTION") or 0)
    if values.get("SECTION") and table == SECTION:
        if parent is None:
            raise core("Неверный раздел-родитель!")
        if parent["STORAGE"] != room["ID"]:
            raise core("Код блока раздела не совпадает с кодом блока раздела-родителя!")
    for name in PICTURES[table]:
        if name in call.params:
            values[name] = _kept(call, call.get(name), table)
    return values


def _kept(call: Call, raw: Any, table: str) -> int | None:
    pair = files.decode_pair(raw)
    return None if pair is None else files.keep(call.portal, pair[0], pair[1], table, call.user_id)


def _property_values(call: Call, room: Record) -> Record:
    """Codes that the storage has; a file's value becomes its address."""
    given = call.get("PROPERTY_VALUES")
    if not isinstance(given, dict):
        return {}
    kept: Record = {}
    for one in properties(call, room):
        code = one["PROPERTY"]
        if code in given:
            kept[code] = _kept(call, given[code], ITEM) if one["TYPE"] == "F" else str(given[code] or "") or None
    return kept


def _save(call: Call, table: str, room: Record, record: Record | None) -> int:
    values = _given(call, table, room)
    stamps: Record = {"TIMESTAMP_X": call.portal.now(), "MODIFIED_BY": call.user_id}
    if table == ITEM:
        before = {} if record is None else record["VALUES"]
        values["VALUES"] = {**before, **_property_values(call, room)}
    if record is not None:
        call.portal.patch(table, record["ID"], {**values, **stamps})
        return int(record["ID"])
    fresh = {"STORAGE": room["ID"], "NAME": "", "ACTIVE": "Y", "SORT": 500, "DATE_CREATE": call.portal.now(),
             "CREATED_BY": call.user_id, **stamps}  # fmt: skip
    return call.portal.put(table, {**fresh, **{name: value for name, value in values.items() if value is not None}})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _picture(call: Call, number: int | None) -> str | None:
    if number is None:
        return None
    auth = call.portal.sign(f"show_file|{number}")
    return f"{call.identity.links.base_url}/bitrix/tools/rest_entity/show_file.php?auth={auth}&fileId={number}"


def _shown(call: Call, table: str, room: Record, record: Record) -> Record:
    zone = call.portal.zone
    shown: Record = {"ID": str(record["ID"])}
    for name, kind in {**STAMPS, **FIELDS[table]}.items():
        value = record.get(name)
        if kind == "datetime":
            shown[name] = "" if value is None else moment_text(value, zone)
        else:
            shown[name] = _text(value)
    for name in PICTURES[table]:
        shown[name] = _picture(call, record.get(name))
    return {**shown, "ENTITY": room["ENTITY"]}


def _list(call: Call, table: str, show: Any) -> Any:
    room = storage(call)
    kinds = {"ID": "integer", **STAMPS, **FIELDS[table]}

    def resolve(name: str) -> Column | None:
        upper = name.upper()
        if table == ITEM and upper.startswith("PROPERTY_"):
            code = name[len("PROPERTY_") :]
            kind = next((one["TYPE"] for one in properties(call, room) if one["PROPERTY"] == code), None)
            read = lambda record: record["VALUES"].get(code)  # noqa: E731
            return None if kind is None else Column(name, "uf_double" if kind == "N" else "string", read)
        return Column(upper, kinds[upper]) if upper in kinds else None

    try:
        query = compile_filter(call.get("FILTER"), resolve, call.portal.zone, strict=False)
    except BadFilterValueError as error:
        raise RestError(400, "ERROR_ARGUMENT", f"Wrong value of {error}", argument="FILTER") from error
    query.equal["STORAGE"] = [room["ID"]]
    query.predicates.append(lambda record: record["STORAGE"] == room["ID"])
    order = compile_order(call.get("SORT"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(table), query, order, offset=offset, limit=PAGE_SIZE)
    return page([show(room, record) for record in found], total=total, offset=offset, shown=len(found))


# -- items


@method("entity.item.add", SCOPE, app_only=True, writes=True)
def item_add(call: Call) -> Any:
    room = storage(call, "W")
    return _save(call, ITEM, room, None)


@method("entity.item.get", SCOPE, app_only=True)
def item_get(call: Call) -> Any:
    def show(room: Record, record: Record) -> Record:
        shown = _shown(call, ITEM, room, record)
        own = properties(call, room)
        if own:
            values = record["VALUES"]
            shown["PROPERTY_VALUES"] = {
                one["PROPERTY"]: _picture(call, values.get(one["PROPERTY"]))
                if one["TYPE"] == "F"
                else values.get(one["PROPERTY"])
                for one in own
            }
        return shown

    return _list(call, ITEM, show)


@method("entity.item.update", SCOPE, app_only=True, writes=True)
def item_update(call: Call) -> Any:
    room = storage(call, "W")
    _save(call, ITEM, room, _record(call, ITEM, room))
    return True


@method("entity.item.delete", SCOPE, app_only=True, writes=True)
def item_delete(call: Call) -> Any:
    room = storage(call, "W")
    call.portal.drop(ITEM, _record(call, ITEM, room)["ID"])
    return True


# -- sections


def margins(sections: list[Record]) -> dict[int, tuple[int, int, int]]:
    """(left, right, depth) of each section in the tree."""
    below: dict[int, list[Record]] = {}
    for one in sections:
        below.setdefault(one.get("SECTION") or 0, []).append(one)
    found: dict[int, tuple[int, int, int]] = {}
    step = 0

    def walk(parent: int, depth: int) -> None:
        nonlocal step
        for one in sorted(below.get(parent, ()), key=lambda one: (one["SORT"], one["NAME"], one["ID"])):
            step += 1
            left = step
            walk(one["ID"], depth + 1)
            step += 1
            found[one["ID"]] = (left, step, depth)

    walk(0, 1)
    return found


@method("entity.section.add", SCOPE, app_only=True, writes=True)
def section_add(call: Call) -> Any:
    room = storage(call, "W")
    if not call.text("NAME"):
        raise core("Не введено название раздела.<br>")
    return _save(call, SECTION, room, None)


@method("entity.section.get", SCOPE, app_only=True)
def section_get(call: Call) -> Any:
    tree = margins(call.portal.table(SECTION).find("STORAGE", storage(call)["ID"]))

    def show(room: Record, record: Record) -> Record:
        left, right, depth = tree.get(record["ID"], (0, 0, 0))
        place = {"LEFT_MARGIN": str(left), "RIGHT_MARGIN": str(right), "DEPTH_LEVEL": str(depth)}
        return {**_shown(call, SECTION, room, record), **place}

    return _list(call, SECTION, show)


@method("entity.section.update", SCOPE, app_only=True, writes=True)
def section_update(call: Call) -> Any:
    room = storage(call, "W")
    _save(call, SECTION, room, _record(call, SECTION, room))
    return True


@method("entity.section.delete", SCOPE, app_only=True, writes=True)
def section_delete(call: Call) -> Any:
    """Its sections and items go with it."""
    room = storage(call, "W")
    gone = [_record(call, SECTION, room)["ID"]]
    while gone:
        number = gone.pop()
        gone += [one["ID"] for one in call.portal.table(SECTION) if one.get("SECTION") == number]
        for item in [one for one in call.portal.table(ITEM) if one.get("SECTION") == number]:
            call.portal.drop(ITEM, item["ID"])
        call.portal.drop(SECTION, number)
    return True
