"""Records on their way out: the classic map of strings and the universal typed JSON."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files, multifields
from sandbox.bitrix24.families import Family, Field
from sandbox.bitrix24.files import Links
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.schema import Output, Schema
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import folded


def classic_select(select: Any) -> tuple[bool, bool, frozenset[str]]:
    """(all base fields, all user fields, further names); an empty selection means all base fields."""
    names = select if isinstance(select, list) else list(select.values()) if isinstance(select, dict) else []
    wanted = frozenset(str(name).upper() for name in names)
    if not wanted:
        return True, False, wanted
    return "*" in wanted, "UF_*" in wanted, wanted


def classic_record(
    portal: Portal, schema: Schema, record: Record, select: tuple[bool, bool, frozenset[str]] | None = None
) -> Record:
    """A record in classic form; without `select` everything, as `get` prints it."""
    shown: Record = {}
    for output in schema.classic_out:
        field = output.field
        if field.hidden or field.kind == "crm_multifield" or (select is not None and not _selected(output, select)):
            continue
        shown[output.name] = _classic_value(portal, schema, record, output)
    related = {f"PARENT_ID_{number}" for number in portal.parents_of(schema.family.entity_type_id)}
    for name in sorted(related | {name for name in record if name.startswith("PARENT_ID_")}):
        if name not in shown and (select is None or select[0] or name in select[2]):
            shown[name] = None if record.get(name) is None else str(record[name])
    if schema.by_classic.get("PHONE") is not None:
        for kind, entries in multifields.classic(multifields.of(portal, schema.family, record["ID"])).items():
            if select is None or kind in select[2]:
                shown[kind] = entries
    return shown


def _selected(output: Output, select: tuple[bool, bool, frozenset[str]]) -> bool:
    if output.name == "ID":
        return True
    base, user, names = select
    return (user if output.field.dynamic else base) or output.name in names


def _classic_value(portal: Portal, schema: Schema, record: Record, output: Output) -> Any:
    field = output.field
    value = record.get(field.stored)
    if field.kind == "file":
        return _files(value, field, lambda n: files.classic_reference(portal, schema.family, record["ID"], field, n))
    if field.multiple:
        return [output.encode(item) for item in value] if value else False
    return output.encode(value)


def _files(value: Any, field: Field, shape: Any) -> Any:
    if field.multiple:
        return [shape(number) for number in value or []]
    return None if value is None else shape(value)


def typed_select(schema: Schema, select: Any) -> frozenset[str] | None:
    """Stored names to print; None for all."""
    names = select if isinstance(select, list) else list(select.values()) if isinstance(select, dict) else []
    if not names or "*" in names:
        return None
    wanted = {"ID"}
    for name in names:
        if str(name).lower() in ("uf_*", "ufcrm*"):
            wanted |= {field.stored for field in schema.fields if field.dynamic}
            continue
        field = schema.typed_field(str(name))
        if field is not None:
            wanted.add(field.stored)
        elif folded(str(name)).startswith("parentid"):
            wanted.add("PARENT_ID_" + folded(str(name))[8:])
        elif str(name) == "entityTypeId":
            wanted.add("entityTypeId")
    return frozenset(wanted)


def typed_record(
    portal: Portal,
    schema: Schema,
    record: Record,
    links: Links,
    *,
    original: bool,
    select: frozenset[str] | None = None,
) -> Record:
    """A record as crm.item.* prints it."""
    family = schema.family
    shown: Record = {}
    for output in schema.typed_out[original]:
        field = output.field
        if select is not None and field.stored not in select:
            continue
        value = record.get(field.stored)
        if field.kind == "file":
            shown[output.name] = _files(value, field, _typed_file(portal, family, record["ID"], field, links))
        elif field.kind == "crm_multifield":
            shown["fm"] = multifields.typed(multifields.of(portal, family, record["ID"]))
        elif field.multiple:
            shown[output.name] = [output.encode(item) for item in value] if value else []
        else:
            shown[output.name] = output.encode(value)
    for name, value in record.items():
        if name.startswith("PARENT_ID_") and (select is None or name in select):
            shown["parentId" + name[10:]] = value
    if select is None or "entityTypeId" in select:
        shown["entityTypeId"] = family.entity_type_id
    return shown


def _typed_file(portal: Portal, family: Family, owner_id: int, field: Field, links: Links) -> Any:
    return lambda number: files.typed_reference(portal, family, owner_id, field, number, links)
