"""Constant lists of the CRM: crm.enum.*, kinds of user fields, the shape of multiple fields."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.bitrix24.call import Call
from sandbox.bitrix24.envelope import classic
from sandbox.bitrix24.families import FAMILIES
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.schema import USER_FIELD_KINDS

ENUMS: dict[str, tuple[tuple[int, str], ...]] = {
    "activitytype": ((0, ""), (1, "Встреча"), (2, "Звонок"), (3, "Задача"), (4, "Письмо"), (5, "Действие"),
                     (6, "Пользовательское действие")),
    "activitydirection": ((0, ""), (1, "Входящее"), (2, "Исходящее")),
    "activitypriority": ((0, ""), (1, "Низкая"), (2, "Нормальная"), (3, "Высокая")),
    "activitystatus": ((0, ""), (1, "Ожидается"), (2, "Завершено"), (3, "Завершено автоматически")),
    "activitynotifytype": ((0, ""), (1, "мин."), (2, "ч."), (3, "дн.")),
    "contenttype": ((0, ""), (1, "Plain text"), (2, "bbCode"), (3, "HTML")),
    "addresstype": ((11, "Адрес доставки"), (1, "Фактический адрес"), (6, "Юридический адрес"),
                    (4, "Адрес регистрации"), (8, "Адрес для корреспонденции"), (9, "Адрес бенефициара")),
    "settings.mode": ((1, "Классическая CRM"), (2, "Простая CRM")),
}  # fmt: skip
SYMBOLS = {"invoice": "SMART_INVOICE"}


def _listed(call: Call, entries: tuple[tuple[int, str], ...]) -> Any:
    return [{"ID": number, "NAME": name, "SYMBOL_CODE": None, "SYMBOL_CODE_SHORT": None} for number, name in entries]


for _name, _entries in ENUMS.items():
    add(Method(f"crm.enum.{_name}", "crm", partial(_listed, entries=_entries)))


def _fields(kinds: dict[str, str], read_only: tuple[str, ...]) -> Any:
    return {
        name: {"type": kind, "isRequired": False, "isReadOnly": name in read_only, "isImmutable": False,
               "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip


@method("crm.enum.fields")
def enum_fields(call: Call) -> Any:
    kinds = {"ID": "int", "NAME": "string", "SYMBOL_CODE": "string", "SYMBOL_CODE_SHORT": "string"}
    return _fields(kinds, tuple(kinds))


@method("crm.multifield.fields")
def multifield_fields(call: Call) -> Any:
    kinds = {"ID": "int", "TYPE_ID": "string", "VALUE": "string", "VALUE_TYPE": "string"}
    return _fields(kinds, ("ID", "TYPE_ID"))


# What the settings of a kind of user field are made of (vendor documentation, "crm.userfield.settings.fields").
SETTINGS_KINDS: dict[str, dict[str, str]] = {
    "string": {"DEFAULT_VALUE": "string", "ROWS": "int"},
    "integer": {"DEFAULT_VALUE": "int"},
    "double": {"DEFAULT_VALUE": "double", "PRECISION": "int"},
    "boolean": {"DEFAULT_VALUE": "int", "DISPLAY": "string"},
    "datetime": {"DEFAULT_VALUE": "object"},
    "date": {"DEFAULT_VALUE": "object"},
    "enumeration": {"DISPLAY": "string", "LIST_HEIGHT": "int"},
    "iblock_section": {"IBLOCK_TYPE_ID": "string", "IBLOCK_ID": "string", "DEFAULT_VALUE": "int", "DISPLAY": "string",
                       "LIST_HEIGHT": "int", "ACTIVE_FILTER": "char"},
    "iblock_element": {"IBLOCK_TYPE_ID": "string", "IBLOCK_ID": "string", "DEFAULT_VALUE": "int", "DISPLAY": "string",
                       "LIST_HEIGHT": "int", "ACTIVE_FILTER": "char"},
    "crm_status": {"ENTITY_TYPE": "string"},
    "crm": {"LEAD": "char", "CONTACT": "char", "COMPANY": "char", "DEAL": "char"},
}  # fmt: skip


@method("crm.userfield.types")
def userfield_types(call: Call) -> Any:
    return [{"ID": name, "title": name} for name in USER_FIELD_KINDS]


@method("crm.userfield.fields")
def userfield_fields(call: Call) -> Any:
    kinds = {"ID": "int", "ENTITY_ID": "string", "FIELD_NAME": "string", "USER_TYPE_ID": "string", "XML_ID": "string",
             "SORT": "int", "MULTIPLE": "char", "MANDATORY": "char", "SHOW_FILTER": "char", "SHOW_IN_LIST": "char",
             "EDIT_IN_LIST": "char", "IS_SEARCHABLE": "char", "EDIT_FORM_LABEL": "string",
             "LIST_COLUMN_LABEL": "string", "LIST_FILTER_LABEL": "string", "ERROR_MESSAGE": "string",
             "HELP_MESSAGE": "string", "LIST": "uf_enum_element", "SETTINGS": "object"}  # fmt: skip
    return _fields(kinds, ("ID",))


@method("crm.userfield.enumeration.fields")
def userfield_enumeration_fields(call: Call) -> Any:
    return _fields({"ID": "int", "SORT": "int", "VALUE": "string", "DEF": "char", "DEL": "char"}, ("ID",))


@method("crm.userfield.settings.fields")
def userfield_settings_fields(call: Call) -> Any:
    kind = call.text("type")
    if not kind:
        raise classic("Parameter 'type' is not specified or empty.")
    return _fields(SETTINGS_KINDS.get(kind, {}), ())


@method("crm.enum.getorderownertypes")
def order_owner_types(call: Call) -> Any:
    return [{"attribute": "DYN", "code": "DEAL", "id": 2, "name": "Сделка"}]


@method("crm.enum.ownertype")
def enum_ownertype(call: Call) -> Any:
    families = [*FAMILIES.values(), *call.portal.dynamic_families()]
    shown = [
        {"ID": family.entity_type_id, "NAME": family.title,
         "SYMBOL_CODE": SYMBOLS.get(family.name, family.name.upper()), "SYMBOL_CODE_SHORT": family.short}
        for family in families
    ]  # fmt: skip
    return [*shown, {"ID": 8, "NAME": "Реквизиты", "SYMBOL_CODE": "REQUISITE", "SYMBOL_CODE_SHORT": "RQ"}]
