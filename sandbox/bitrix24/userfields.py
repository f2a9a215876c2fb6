"""User fields of CRM objects: making, changing and describing them."""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.envelope import RestError, classic
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.schema import USER_FIELD_KINDS
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import is_empty

LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")
FLAGS = {
    "MULTIPLE": "N", "MANDATORY": "N", "SHOW_FILTER": "N", "SHOW_IN_LIST": "Y", "EDIT_IN_LIST": "Y",
    "IS_SEARCHABLE": "N",
}  # fmt: skip
NAME_LENGTH_MAX = 50
ENTITIES = {"CRM_DEAL": "DEAL", "CRM_COMPANY": "COMPANY", "CRM_CONTACT": "CONTACT", "CRM_LEAD": "LEAD",
            "CRM_QUOTE": "QUOTE", "CRM_REQUISITE": "REQUISITE"}  # fmt: skip
FAMILIES = {"CRM_REQUISITE": "requisite", "USER": "user", "TASKS_TASK": "task"}


def create(portal: Portal, entity: str, fields: dict[str, Any], prefix: str = "UF_CRM_") -> int:
    """A new field whose name begins with the prefix; raises RestError in the vendor's words."""
    kind = str(fields.get("USER_TYPE_ID") or "")
    name = str(fields.get("FIELD_NAME") or "").upper()
    if not name:
        raise classic("The 'FIELD_NAME' field is not found.")
    if not kind:
        raise classic("The 'USER_TYPE_ID' field is not found.")
    if not name.startswith(prefix):
        name = prefix + name
    if len(name) > NAME_LENGTH_MAX:
        raise _core(f"Имя поля слишком длинное (больше {NAME_LENGTH_MAX}-ти символов).")
    if not re.fullmatch(r"[A-Z0-9_]+", name):
        raise _core("Имя поля содержит недопустимые символы. Допустимыми являются: A-Z, 0-9 и _.")
    if kind not in USER_FIELD_KINDS and not kind.startswith("rest_"):
        raise _core("Указан неверный пользовательский тип.")
    if any(record["FIELD_NAME"] == name for record in portal.table("userfield").find("ENTITY_ID", entity)):
        raise _core(f"Поле {name} для объекта {entity} уже существует.")
    values: Record = {"ENTITY_ID": entity, "FIELD_NAME": name, "USER_TYPE_ID": kind}
    values |= {
        flag: "Y" if fields.get(flag, default) in ("Y", "I", "E", "S") else "N" for flag, default in FLAGS.items()
    }
    values |= _changeable(fields)
    values.setdefault("SORT", 100)
    if is_empty(values.get("EDIT_FORM_LABEL")) and not is_empty(fields.get("LABEL")):
        values["EDIT_FORM_LABEL"] = {portal.settings["language"]: str(fields["LABEL"])}
    if kind == "enumeration":
        values["LIST"] = _options(portal, fields.get("LIST"), [])
    number = portal.put("userfield", values)
    _event(portal, entity, "ADD", number, name)
    return number


def _core(text: str) -> RestError:
    return RestError(400, "ERROR_CORE", text)


def _changeable(fields: dict[str, Any]) -> Record:
    values: Record = {}
    for name in LABELS:
        value = fields.get(name)
        if isinstance(value, dict):
            values[name] = {str(key): str(text) for key, text in value.items()}
        elif not is_empty(value):
            values[name] = {"ru": str(value), "en": str(value)}
    if isinstance(fields.get("SETTINGS"), dict):
        values["SETTINGS"] = fields["SETTINGS"]
    if not is_empty(fields.get("XML_ID")):
        values["XML_ID"] = str(fields["XML_ID"])
    if str(fields.get("SORT", "")).isdigit():
        values["SORT"] = int(fields["SORT"])
    return values


def _options(portal: Portal, given: Any, known: list[Record]) -> list[Record]:
    items = list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else []
    options = {option["ID"]: dict(option) for option in known}
    for place, item in enumerate(items, 1):
        if not isinstance(item, dict):
            continue
        number = int(item["ID"]) if str(item.get("ID", "")).isdigit() else None
        if number in options and item.get("DEL") == "Y":
            del options[number]
            continue
        if number not in options:
            number = portal.put("enumoption", {"VALUE": str(item.get("VALUE", ""))})
            options[number] = {"ID": number, "SORT": place * 10, "DEF": "N", "XML_ID": f"opt{number}"}
        options[number] |= {
            name: value for name, value in (("VALUE", item.get("VALUE")), ("DEF", item.get("DEF"))) if value is not None
        }
    return list(options.values())


def change(portal: Portal, record: Record, fields: dict[str, Any]) -> None:
    """Labels, flags, settings and options; type, name and multiplicity stay."""
    values = _changeable(fields)
    values |= {flag: str(fields[flag]) for flag in FLAGS if flag in fields and flag != "MULTIPLE"}
    if record["USER_TYPE_ID"] == "enumeration" and "LIST" in fields:
        values["LIST"] = _options(portal, fields["LIST"], record.get("LIST", []))
        _event(portal, record["ENTITY_ID"], "SETENUMVALUES", record["ID"], record["FIELD_NAME"])
    portal.patch("userfield", record["ID"], values)
    _event(portal, record["ENTITY_ID"], "UPDATE", record["ID"], record["FIELD_NAME"])


def remove(portal: Portal, record: Record) -> None:
    """The field and its values in every object go."""
    for family in [*_families(portal, record["ENTITY_ID"])]:
        for item in portal.table(family):
            if record["FIELD_NAME"] in item:
                portal.patch(family, item["ID"], {record["FIELD_NAME"]: None})
    portal.drop("userfield", record["ID"])
    _event(portal, record["ENTITY_ID"], "DELETE", record["ID"], record["FIELD_NAME"])


def _families(portal: Portal, entity: str) -> list[str]:
    if entity in FAMILIES:
        return [FAMILIES[entity]]
    names = ("deal", "company", "contact", "lead", "quote", "invoice")
    found = [portal.family_named(name) for name in names] + list(portal.dynamic_families())
    return [family.name for family in found if family is not None and family.uf_entity == entity]


def _event(portal: Portal, entity: str, what: str, number: int, name: str) -> None:
    if entity in ENTITIES:
        data = {"FIELDS": {"ID": str(number), "ENTITY_ID": entity, "FIELD_NAME": name}}
        portal.raise_event(f"ONCRM{ENTITIES[entity]}USERFIELD{what}", data)


def shown(record: Record, language: str, *, whole: bool) -> Record:
    """As `get` prints it (`whole`: labels by language) or as `list` does (labels in the portal's language)."""
    result: Record = {
        "ID": str(record["ID"]), "ENTITY_ID": record["ENTITY_ID"], "FIELD_NAME": record["FIELD_NAME"],
        "USER_TYPE_ID": record["USER_TYPE_ID"], "XML_ID": record.get("XML_ID"), "SORT": str(record["SORT"]),
        **{flag: record[flag] for flag in FLAGS}, "SETTINGS": record.get("SETTINGS") or [],
    }  # fmt: skip
    for name in LABELS:
        labels = record.get(name) or {}
        result[name] = labels or {"ru": "", "en": ""} if whole else labels.get(language) or labels.get("en")
    if "LIST" in record:
        result["LIST"] = [{**option, "ID": str(option["ID"]), "SORT": str(option["SORT"])} for option in record["LIST"]]
    return result
