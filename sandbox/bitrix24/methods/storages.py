"""entity.*: an application's own storages in the portal, with rights, and the properties of what is kept there.

Vendor documentation, "Хранилища данных": https://apidocs.bitrix24.ru/api-reference/entity/
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.applications import empty
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE = "entity"
RANKS = {"R": 1, "W": 2, "X": 3}
CODE_CHARACTERS = 50


def core(text: str) -> RestError:
    return RestError(400, "ERROR_CORE", text)


def code_of(call: Call, name: str = "ENTITY") -> str:
    """A storage's code without the letters that none may have; its length depends on the client id's."""
    code = re.sub(r"[^a-zA-Z0-9_]", "", call.text(name))
    if not code:
        raise empty(name)
    longest = CODE_CHARACTERS - len(f"APP_{call.identity.app}_")
    if len(code) > longest:
        text = f"Entity code is too long. Max length is {longest} characters."
        raise RestError(400, "ERROR_ARGUMENT", text, argument="")
    return code


def _own(call: Call) -> list[Record]:
    return [one for one in call.portal.table("storageroom") if one["APP_ID"] == call.identity.app_id]


def _known(call: Call, code: str) -> Record | None:
    return next((one for one in _own(call) if one["ENTITY"].casefold() == code.casefold()), None)


def storage(call: Call, need: str = "") -> Record:
    """The storage that the call names, when the caller has the right `need` to it ("" asks for none)."""
    record = _known(call, code_of(call))
    if record is None:
        raise RestError(400, "ERROR_ENTITY_NOT_FOUND", "Entity not found")
    if need:
        _allow(call, record, need)
    return record


def _allow(call: Call, record: Record, need: str) -> None:
    rights = record["ACCESS"]
    held = max(RANKS.get(rights.get(code, ""), 0) for code in (f"U{call.user_id}", "AU", "G2"))
    if held < RANKS[need] and not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _rights(call: Call) -> Record:
    """Levels that are none are left out; the caller manages what it has made."""
    given = call.get("ACCESS")
    known = {code: level for code, level in given.items() if level in RANKS} if isinstance(given, dict) else {}
    return {**known, f"U{call.user_id}": "X"}


@method("entity.add", SCOPE, app_only=True, writes=True)
def entity_add(call: Call) -> Any:
    code = code_of(call)
    if _known(call, code) is not None:
        raise RestError(400, "ERROR_ENTITY_ALREADY_EXISTS", "Entity already exists")
    call.portal.put("storageroom", {"APP_ID": call.identity.app_id, "ENTITY": code, "NAME": call.text("NAME"),
                                    "ACCESS": _rights(call)})  # fmt: skip
    return True


@method("entity.get", SCOPE, app_only=True)
def entity_get(call: Call) -> Any:
    """One storage where it is named, else all of the application."""
    if "ENTITY" in call.params:
        return _shown(storage(call))
    return [_shown(one) for one in _own(call)]


def _shown(record: Record) -> Record:
    return {"ID": str(record["ID"]), "IBLOCK_TYPE_ID": "rest_entity", "ENTITY": record["ENTITY"],
            "NAME": record["NAME"]}  # fmt: skip


@method("entity.update", SCOPE, app_only=True, writes=True)
def entity_update(call: Call) -> Any:
    record, values = storage(call, "X"), Record()
    if "NAME" in call.params:
        values["NAME"] = call.text("NAME")
    if "ENTITY_NEW" in call.params:
        values["ENTITY"] = code_of(call, "ENTITY_NEW")
        if _known(call, values["ENTITY"]) not in (None, record):
            raise RestError(400, "ERROR_ENTITY_ALREADY_EXISTS", "Entity already exists")
    if "ACCESS" in call.params:
        values["ACCESS"] = _rights(call)
    call.portal.patch("storageroom", record["ID"], values)
    return True


@method("entity.delete", SCOPE, app_only=True, writes=True)
def entity_delete(call: Call) -> Any:
    """What is kept there goes with it."""
    record = storage(call, "X")
    for table in ("storageitem", "storagesection", "storageproperty"):
        for one in list(call.portal.table(table).find("STORAGE", record["ID"])):
            call.portal.drop(table, one["ID"])
    call.portal.drop("storageroom", record["ID"])
    return True


@method("entity.rights", SCOPE, app_only=True, writes=True)
def entity_rights(call: Call) -> Any:
    """The rights, after the change where `ACCESS` is given; null of a storage that is not there."""
    record = _known(call, code_of(call))
    if record is None:
        return None
    if "ACCESS" in call.params:
        _allow(call, record, "X")
        call.portal.patch("storageroom", record["ID"], {"ACCESS": _rights(call)})
    return call.portal.table("storageroom").records[record["ID"]]["ACCESS"]


# -- properties


def properties(call: Call, room: Record) -> list[Record]:
    found = call.portal.table("storageproperty").find("STORAGE", room["ID"])
    return sorted(found, key=lambda one: (one["SORT"], one["ID"]))


def _property(call: Call, room: Record) -> Record:
    code = call.text("PROPERTY")
    if not code:
        raise empty("PROPERTY")
    found = next((one for one in properties(call, room) if one["PROPERTY"] == code), None)
    if found is None:
        raise RestError(400, "ERROR_PROPERTY_NOT_FOUND", "Property not found")
    return found


def _property_values(call: Call, room: Record, current: Record) -> Record:
    values = {name: call.text(name) for name in ("NAME", "TYPE") if name in call.params}
    kind = values.get("TYPE", "S")
    if kind == "L":
        raise RestError(400, "ERROR_UNSUPPORTED_PROPERTY_TYPE", "Unsupported property type")
    if kind not in ("S", "N", "F"):
        raise RestError(400, "ERROR_ARGUMENT", "Wrong entity item property type", argument="TYPE")
    if current and kind == "F" and current["TYPE"] != "F":
        raise RestError(400, "ERROR_ARGUMENT", "Cannot change property type to File", argument="TYPE")
    name = "PROPERTY_NEW" if current else "PROPERTY"
    if name in call.params:
        code = call.text(name)
        if code[:1].isdigit():
            raise core("Код свойства не может начинаться с цифры")
        if any(one["PROPERTY"] == code and one != current for one in properties(call, room)):
            told = f"Property {code} already exists" if current else "Property already exists"
            raise RestError(400, "ERROR_PROPERTY_ALREADY_EXISTS", told)
        values["PROPERTY"] = code
    sort = as_number(call.get("SORT"))
    return values if sort is None else {**values, "SORT": sort}


@method("entity.item.property.add", SCOPE, app_only=True, writes=True)
def property_add(call: Call) -> Any:
    room = storage(call, "X")
    if not call.text("PROPERTY"):
        raise empty("PROPERTY")
    fresh = {"STORAGE": room["ID"], "NAME": "", "TYPE": "S", "SORT": 500}
    call.portal.put("storageproperty", {**fresh, **_property_values(call, room, {})})
    return True


@method("entity.item.property.get", SCOPE, app_only=True)
def property_get(call: Call) -> Any:
    """One property where it is named, else all, in the order of their SORT."""
    room = storage(call)
    if "PROPERTY" in call.params:
        return _shown_property(_property(call, room))
    return [_shown_property(one) for one in properties(call, room)]


def _shown_property(record: Record) -> Record:
    return {name: str(record[name]) for name in ("PROPERTY", "NAME", "TYPE", "SORT")}


@method("entity.item.property.update", SCOPE, app_only=True, writes=True)
def property_update(call: Call) -> Any:
    room = storage(call, "X")
    record = _property(call, room)
    values = _property_values(call, room, record)
    if (code := values.get("PROPERTY")) and code != record["PROPERTY"]:
        for one in list(call.portal.table("storageitem").find("STORAGE", room["ID"])):
            kept = {code if name == record["PROPERTY"] else name: value for name, value in one["VALUES"].items()}
            call.portal.patch("storageitem", one["ID"], {"VALUES": kept})
    call.portal.patch("storageproperty", record["ID"], values)
    return True


@method("entity.item.property.delete", SCOPE, app_only=True, writes=True)
def property_delete(call: Call) -> Any:
    room = storage(call, "X")
    call.portal.drop("storageproperty", _property(call, room)["ID"])
    return True
