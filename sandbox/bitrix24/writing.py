"""Fields on their way in: from classic strings or universal JSON to what is stored, unknown ones ignored."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files, multifields
from sandbox.bitrix24.call import as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.families import Field
from sandbox.bitrix24.items import FieldError
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.schema import Schema
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, folded, is_empty, parse


def classic_values(
    portal: Portal, schema: Schema, fields: dict[str, Any], current: Record | None, user_id: int
) -> tuple[Record, list[Record] | None]:
    """Stored values and phones or e-mails. What does not fit its type is passed over, as PHP casts would."""
    values: Record = {}
    upper = {key.upper(): value for key, value in fields.items()}
    for name, value in upper.items():
        field = schema.by_classic.get(name)
        if name.startswith("PARENT_ID_") and name[10:].isdigit():
            values[name] = as_number(value)
            continue
        if field is None or field.read_only or field.kind == "crm_multifield":
            continue
        if field.immutable and current is not None:
            continue
        if field.kind == "file":
            owner = f"{schema.family.name}:{(current or {}).get('ID', 0)}"
            kept = (current or {}).get(field.stored)
            values[field.stored] = files.take_field(portal, field, value, kept, owner, user_id)
            continue
        try:
            values[field.stored] = _value(portal, field, value)
        except BadValueError:
            continue
    return values, multifields.from_classic(upper)


def typed_values(
    portal: Portal, schema: Schema, fields: dict[str, Any], current: Record | None, user_id: int
) -> tuple[Record, list[Record] | None]:
    """Stored values and phones or e-mails of crm.item.add and update; raises RestError for values that do not fit."""
    values: Record = {}
    entries: list[Record] | None = None
    for name, value in fields.items():
        field = schema.typed_field(name)
        if field is None:
            if folded(name).startswith("parentid") and folded(name)[8:].isdigit():
                values["PARENT_ID_" + folded(name)[8:]] = _checked(portal, _PARENT, value)
            continue
        if field.kind == "crm_multifield":
            entries = multifields.from_typed(value)
            continue
        if field.read_only or not (field.camel or field.dynamic):
            continue
        if field.kind == "file":
            owner = f"{schema.family.name}:{(current or {}).get('ID', 0)}"
            kept = (current or {}).get(field.stored)
            values[field.stored] = files.take_field(portal, field, value, kept, owner, user_id)
            continue
        if field.multiple and not is_empty(value) and not isinstance(value, list | dict):
            kind = {str: "string", int: "integer", float: "double", bool: "boolean"}[type(value)]
            raise RestError(400, 100, f"Expected iterable value for multiple field, but got `{kind}` instead")
        values[field.stored] = _checked(portal, field, value)
    return values, entries


_PARENT = Field("PARENT_ID", "", "parentId", "integer", "Родитель")


def _checked(portal: Portal, field: Field, value: Any) -> Any:
    try:
        return _value(portal, field, value)
    except BadValueError as error:
        raise RestError(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Неверное значение поля "{field.title}"') from error


def _value(portal: Portal, field: Field, value: Any) -> Any:
    if field.multiple:
        if is_empty(value):
            return []
        items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        parsed = [parse(field.kind, item, portal.zone) for item in items]
        return [item for item in parsed if item is not None]
    parsed = parse(field.kind, value, portal.zone)
    if parsed is None and not field.dynamic and field.kind.startswith("crm_") and value is not None:
        # A relation that was cleared reads "0", one that was never set reads null.
        return 0 if field.kind in ("crm_company", "crm_contact", "crm_lead", "crm_quote", "crm_deal") else None
    return parsed


def check_required(portal: Portal, schema: Schema, before: Record | None, after: Record) -> None:
    """Mandatory user fields, and those that the portal demands on entering a stage of the same funnel."""
    for field in schema.fields:
        if not (field.required and field.dynamic) or not is_empty(after.get(field.stored)):
            continue
        if before is None or not is_empty(before.get(field.stored)):
            raise FieldError(field.stored, _required_text(field.title), "CRM_FIELD_ERROR_REQUIRED")
    if before is None or after.get("CATEGORY_ID") != before.get("CATEGORY_ID"):
        return
    if after.get("STAGE_ID") == before.get("STAGE_ID"):
        return
    for rule in portal.settings["required_fields"]:
        if rule.get("entityTypeId", 2) != schema.family.entity_type_id:
            continue
        if rule.get("stage") in (None, after["STAGE_ID"]) and is_empty(after.get(rule["field"])):
            known = schema.by_classic.get(rule["field"])
            title = known.title if known is not None else rule["field"]
            raise FieldError(rule["field"], _required_text(title), "CRM_FIELD_ERROR_REQUIRED")


def _required_text(title: str) -> str:
    return f'Не заполнено обязательное поле "{title}"'
