"""Records of the newer modules (`sale.*` and its like): each a table of fields, all served by the same actions.

What they share (vendor documentation, "Интернет-магазин"): `add` and `update` take `fields`, answer with the whole
record under its name, `list` prints the selected fields of 50 records, `getFields` describes the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, universal_map
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, missing_parameter, page
from sandbox.bitrix24.filters import BadFilterValueError, Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import Method, add
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import (
    BadValueError,
    decimal,
    folded,
    is_empty,
    moment_text,
    number,
    parse,
    parse_moment,
    plain,
)

READ_DENIED, WRITE_DENIED = 200040300010, 200040300020


@dataclass(frozen=True, slots=True)
class Attribute:
    """One field; `demanded` at every update, `required` only at the making."""

    name: str
    kind: str
    required: bool = False
    read_only: bool = False
    immutable: bool = False
    demanded: bool = False

    @property
    def printed_kind(self) -> str:
        """A code of one or two letters is described as a char, like a flag; a value of any shape as a string."""
        return {"code": "char", "any": "string"}.get(self.kind, self.kind)

    @property
    def stored(self) -> str:
        return "ID" if self.name == "id" and self.kind == "integer" else self.name


def attributes(text: str) -> tuple[Attribute, ...]:
    """Entries `name kind[:flags]`, semicolons between: q required, r read only, i immutable, u demanded at update."""
    made = []
    for entry in text.replace("\n", " ").split(";"):
        if entry.strip():
            name, kind = entry.split()
            kind, _, flags = kind.partition(":")
            made.append(Attribute(name, kind, "q" in flags, "r" in flags, "i" in flags, "u" in flags))
    return tuple(made)


Fresh = Callable[[Call, Record], Record]
Check = Callable[[Call, Record], None]
Changed = Callable[[Call, int, Record], None]
"""(call, id, the record before, empty when it was just made)."""


@dataclass(frozen=True, slots=True)
class Entity:
    """`one` and `many` are its names in answers; `absent` how its absence is worded; hooks see stored values."""

    path: str
    table: str
    one: str
    many: str
    attributes: tuple[Attribute, ...]
    absent: tuple[int | str, str]
    scope: str = "sale"
    fields_name: str = ""
    fresh: Fresh | None = None
    check: Check | None = None
    changed: Changed | None = None
    check_gone: Check | None = None
    more: Callable[[Call, Record], Record] | None = None
    actions: tuple[str, ...] = ("add", "update", "get", "list", "delete", "getFields")

    def attribute(self, name: str) -> Attribute | None:
        wanted = folded(name)
        return next((one for one in self.attributes if folded(one.name) == wanted), None)

    @property
    def text_key(self) -> bool:
        """Whether its id is a code of letters."""
        return any(one.name == "id" and one.kind == "string" for one in self.attributes)


# -- values


def taken(kind: str, value: Any, portal: Portal) -> Any:
    """A value from the wire as it is stored; None when empty. Raises BadValueError."""
    if kind == "any":
        return value
    if kind == "char":
        return "Y" if value in ("Y", True, 1, "1") else "N"
    if is_empty(value):
        return "" if kind in ("string", "code") and value == "" else None
    if kind == "code":
        return str(value)
    if kind == "double":
        return plain(decimal(value))
    if kind == "datetime":
        return parse_moment(value, portal.zone)
    return parse(kind, value, portal.zone)


def told(kind: str, value: Any, portal: Portal) -> Any:
    """A stored value as typed JSON."""
    if value is None:
        return None
    if kind == "double":
        return number(value)
    if kind == "datetime":
        return moment_text(value, portal.zone)
    return value


def view(entity: Entity, record: Record, portal: Portal, names: set[str] | None = None) -> Record:
    return {
        one.name: told(one.kind, record.get(one.stored), portal)
        for one in entity.attributes
        if names is None or one.name in names
    }


def whole(entity: Entity, call: Call, record: Record) -> Record:
    shown = view(entity, record, call.portal)
    return shown if entity.more is None else shown | entity.more(call, record)


def record_of(entity: Entity, call: Call, name: str = "id") -> Record:
    """The record that the call names. Raises RestError."""
    raw = call.get(name)
    if raw is None:
        raise missing_parameter(name)
    if entity.text_key:
        found = next((one for one in call.portal.table(entity.table) if one["id"] == str(raw)), None)
    else:
        found = call.portal.get(entity.table, as_number(raw) or 0)
    if found is None:
        raise RestError(400, *entity.absent)
    return found


# -- actions


def _may_write(call: Call) -> None:
    if not is_admin(call):
        raise RestError(400, WRITE_DENIED, "Access Denied")


def _given(entity: Entity, call: Call, fields: dict[str, Any], *, new: bool) -> Record:
    values: Record = {}
    for name, value in fields.items():
        one = entity.attribute(name)
        if one is None or one.read_only or (one.immutable and not new):
            continue
        try:
            values[one.stored] = taken(one.kind, value, call.portal)
        except BadValueError as error:
            raise RestError(400, 0, f"Invalid value for field: {one.name}") from error
    missing = [
        one.name
        for one in entity.attributes
        if (one.required if new else one.demanded) and is_empty(values.get(one.stored))
    ]
    if missing:
        raise RestError(400, 0, f"Required fields: {', '.join(missing)}")
    return values


def add_record(entity: Entity, call: Call, fields: dict[str, Any]) -> Record:
    """A new record with its defaults; every check and hook of the entity runs."""
    _may_write(call)
    values = _given(entity, call, fields, new=True)
    if entity.check is not None:
        entity.check(call, values)
    fresh = entity.fresh(call, values) if entity.fresh is not None else {}
    made = call.portal.put(entity.table, {**fresh, **{name: one for name, one in values.items() if one is not None}})
    if entity.changed is not None:
        entity.changed(call, made, {})
    return call.portal.table(entity.table).records[made]


def _add(entity: Entity, call: Call) -> Any:
    return {entity.one: whole(entity, call, add_record(entity, call, universal_map(call, "fields")))}


def update_record(entity: Entity, call: Call, record: Record, fields: dict[str, Any]) -> None:
    _may_write(call)
    before = dict(record)
    call.portal.patch(entity.table, record["ID"], _given(entity, call, fields, new=False))
    if entity.changed is not None:
        entity.changed(call, record["ID"], before)


def _update(entity: Entity, call: Call) -> Any:
    record = record_of(entity, call)
    update_record(entity, call, record, universal_map(call, "fields"))
    return {entity.one: whole(entity, call, call.portal.table(entity.table).records[record["ID"]])}


def _get(entity: Entity, call: Call) -> Any:
    return {entity.one: whole(entity, call, record_of(entity, call))}


def matching(entity: Entity, call: Call, *, limit: int = PAGE_SIZE) -> tuple[list[Record], int, int]:
    """(records of the page, how many there are, where it begins) by `filter`, `order` and `start`."""

    def resolve(name: str) -> Column | None:
        one = entity.attribute(name)
        kinds = {"double": "uf_double", "char": "string", "any": "string", "code": "string"}
        return None if one is None else Column(one.stored, kinds.get(one.kind, one.kind))

    try:
        query = compile_filter(call.get("filter"), resolve, call.portal.zone, strict=False)
    except BadFilterValueError as error:
        raise RestError(400, 0, f"Invalid filter: {error}") from error
    order = compile_order(call.get("order"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(entity.table), query, order, offset=offset, limit=limit)
    return found, total, offset


def _list(entity: Entity, call: Call) -> Any:
    found, total, offset = matching(entity, call)
    select = call.get("select")
    wanted = {str(name) for name in select} if isinstance(select, list) and select and "*" not in select else None
    shown = [view(entity, record, call.portal, wanted) for record in found]
    return page({entity.many: shown}, total=total, offset=offset, shown=len(shown))


def drop(entity: Entity, call: Call, record: Record) -> None:
    if entity.check_gone is not None:
        entity.check_gone(call, record)
    call.portal.drop(entity.table, record["ID"])
    if entity.changed is not None:
        entity.changed(call, 0, record)


def _delete(entity: Entity, call: Call) -> Any:
    record = record_of(entity, call)
    _may_write(call)
    drop(entity, call, record)
    return True


def _delete_by_filter(entity: Entity, call: Call) -> Any:
    """Records without an id go by all of their fields."""
    fields = universal_map(call, "fields")
    _may_write(call)
    keys = [one for one in entity.attributes if one.required and one.immutable]
    missing = [one.name for one in keys if is_empty(fields.get(one.name))]
    if missing:
        raise RestError(400, 0, f"Required fields: {', '.join(missing)}")
    wanted = {one.stored: taken(one.kind, fields[one.name], call.portal) for one in keys}  # fmt: skip
    for record in call.portal.table(entity.table):
        if all(record.get(name) == value for name, value in wanted.items()):
            drop(entity, call, record)
            return True
    raise RestError(400, *entity.absent)


def _fields(entity: Entity, call: Call) -> Any:
    return {
        entity.fields_name or entity.one: {
            one.name: {"isImmutable": one.immutable, "isReadOnly": one.read_only, "isRequired": one.required,
                       "type": one.printed_kind}
            for one in entity.attributes
        }
    }  # fmt: skip


ACTIONS: dict[str, Callable[[Entity, Call], Any]] = {
    "add": _add, "update": _update, "get": _get, "list": _list, "delete": _delete,
    "deleteByFilter": _delete_by_filter, "getFields": _fields, "getFieldsByType": _fields,
}  # fmt: skip
WRITING = ("add", "update", "delete", "deleteByFilter")


def serve(entity: Entity) -> Entity:
    """Registers the entity's actions as methods."""
    for action in entity.actions:
        handler = partial(ACTIONS[action], entity)
        add(Method(f"{entity.path}.{action}", entity.scope, handler, writes=action in WRITING))
    return entity
