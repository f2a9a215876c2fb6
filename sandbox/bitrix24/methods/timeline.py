"""Timeline comments with files, their bindings, log messages, notes, pins and icons."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import (
    Call,
    as_number,
    classic_id,
    may,
    offset_of,
    universal_family,
    universal_id,
    universal_map,
)
from sandbox.bitrix24.envelope import (
    PAGE_SIZE,
    RestError,
    classic,
    invalid_argument,
    item_denied,
    missing_parameter,
    page,
    wrong_parameter,
)
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.filters import BadFilterValueError, Column, Query, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

COMMENT_KINDS = {"ID": "integer", "CREATED": "datetime", "AUTHOR_ID": "integer", "COMMENT": "string"}


def bound(family: Family, number: int) -> str:
    """The spelling under which timeline records are found by their object."""
    return f"{family.timeline}:{number}"


def _owner(call: Call, entity_type: Any, entity_id: Any, action: str) -> tuple[Family, int]:
    family = call.portal.family_of_timeline(str(entity_type or ""))
    number = as_number(entity_id)
    record = None if family is None or number is None else call.portal.get(family.name, number)
    if family is None or record is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец не найден")
    if not may(call.identity, action, record):
        raise item_denied()
    return family, record["ID"]


# -- comments


@method("crm.timeline.comment.add", writes=True)
def comment_add(call: Call) -> Any:
    """The only method whose `fields` must be in lower case (since crm 23.100.0)."""
    fields = call.params.exact("fields")
    if fields is None:
        raise missing_parameter("fields")
    if not isinstance(fields, dict):
        raise wrong_parameter("fields", fields, "array")
    family, number = _owner(call, fields.get("ENTITY_TYPE"), fields.get("ENTITY_ID"), "update")
    text = str(fields.get("COMMENT") or "").strip()
    if not text:
        raise invalid_argument("Empty comment message")
    author = as_number(fields.get("AUTHOR_ID")) or call.user_id
    return add_comment(call.portal, family, number, text, author, _attached(fields.get("FILES")))


def _attached(value: Any) -> list[tuple[str, bytes]]:
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if files.decode_pair(items) is not None:
        items = [items]
    return [pair for pair in map(files.decode_pair, items) if pair is not None]


def add_comment(
    portal: Portal, family: Family, number: int, text: str, author_id: int, attached: list[tuple[str, bytes]]
) -> int:
    made = portal.table("comment").last_id + 1
    kept = [files.keep(portal, name, content, f"comment:{made}", author_id) for name, content in attached]
    values: Record = {
        "BOUND": [bound(family, number)],
        "CREATED": portal.now(),
        "COMMENT": text,
        "AUTHOR_ID": author_id,
        "FILES": kept,
    }
    portal.put("comment", values, made)
    _touch(portal, family, number, author_id)
    portal.raise_event("ONCRMTIMELINECOMMENTADD", {"ID": str(made)})
    return made


def _touch(portal: Portal, family: Family, number: int, author_id: int) -> None:
    portal.patch(family.name, number, {"LAST_ACTIVITY_TIME": portal.now(), "LAST_ACTIVITY_BY": author_id})


def _shown(call: Call, record: Record, owner: str, *, with_files: bool = True) -> Record:
    kind, _, number = owner.partition(":")
    portal = call.portal
    attached: Record = {}
    for place, file_id in enumerate(record.get("FILES", ()) if with_files else (), 1):
        held = portal.get("file", file_id)
        if held is not None:
            when = moment_text(held["DATE"], portal.zone)
            attached[str(place)] = files.timeline_reference(portal, held, call.identity.links, when)
    return {
        "ID": str(record["ID"]),
        "ENTITY_ID": number,
        "ENTITY_TYPE": kind,
        "CREATED": moment_text(record["CREATED"], portal.zone),
        "COMMENT": record["COMMENT"],
        "AUTHOR_ID": str(record["AUTHOR_ID"]),
        "FILES": attached or [],
    }


def _comment(call: Call, action: str) -> Record:
    record = call.portal.get("comment", universal_id(call))
    if record is None:
        raise RestError(400, "NOT_FOUND", "Not found.")
    if not may(call.identity, action):
        raise item_denied()
    return record


@method("crm.timeline.comment.get")
def comment_get(call: Call) -> Any:
    """Older than its neighbours: its errors are those of the classic methods."""
    record = call.portal.get("comment", classic_id(call))
    if record is None:
        raise classic("Not found.")
    if not may(call.identity, "read"):
        raise classic("Access denied.")
    return _shown(call, record, record["BOUND"][0])


@method("crm.timeline.comment.list")
def comment_list(call: Call) -> Any:
    tree = universal_map(call, "filter")
    upper = {key.upper().lstrip("="): value for key, value in tree.items()}
    if not upper.get("ENTITY_ID") or not upper.get("ENTITY_TYPE"):
        raise invalid_argument("Filter fields ENTITY_ID and ENTITY_TYPE are required")
    family, number = _owner(call, upper.pop("ENTITY_TYPE"), upper.pop("ENTITY_ID"), "read")
    owner = bound(family, number)
    try:
        query = compile_filter(upper, _comment_column, call.portal.zone, strict=False)
    except BadFilterValueError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' has invalid value") from error
    order = compile_order(call.get("order"), _comment_column, strict=False)
    select = call.get("select")
    names = {str(name).upper() for name in select} if isinstance(select, list) and select else {"*"}
    if "*" in names:
        names = set(COMMENT_KINDS) | {"ENTITY_ID", "ENTITY_TYPE", "FILES"}

    def shape(record: Record) -> Record:
        shown = _shown(call, record, owner, with_files="FILES" in names)
        return {name: value for name, value in shown.items() if name in names or name == "ID"}

    return _timeline_page(call, "comment", owner, query, order, shape)


def _comment_column(name: str) -> Column | None:
    kind = COMMENT_KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


def _timeline_page(
    call: Call, table: str, owner: str, query: Query, order: list[tuple[Column, bool]], shape: Any
) -> Any:
    query.equal["BOUND"] = [owner]
    query.predicates.append(lambda record: owner in record["BOUND"])
    offset = offset_of(call, paged=False)
    found, total = run(call.portal.table(table), query, order, offset=offset, limit=PAGE_SIZE)
    return page([shape(record) for record in found], total=total, offset=offset, shown=len(found))


@method("crm.timeline.comment.update", writes=True)
def comment_update(call: Call) -> Any:
    """FILES replaces all files of the comment."""
    record = _comment(call, "update")
    fields = universal_map(call, "fields")
    values: Record = {}
    if "COMMENT" in fields:
        text = str(fields["COMMENT"] or "").strip()
        if not text:
            raise invalid_argument("Empty comment message")
        values["COMMENT"] = text
    if "FILES" in fields:
        owner = f"comment:{record['ID']}"
        pairs = _attached(fields["FILES"])
        for file_id in record.get("FILES", ()):
            if call.portal.get("file", file_id) is not None:
                call.portal.drop("file", file_id)
        values["FILES"] = [files.keep(call.portal, name, content, owner, call.user_id) for name, content in pairs]
    call.portal.patch("comment", record["ID"], values)
    call.portal.raise_event("ONCRMTIMELINECOMMENTUPDATE", {"ID": str(record["ID"])})
    return record["ID"]


@method("crm.timeline.comment.delete", writes=True)
def comment_delete(call: Call) -> Any:
    record = _comment(call, "delete")
    call.portal.drop("comment", record["ID"])
    call.portal.raise_event("ONCRMTIMELINECOMMENTDELETE", {"ID": str(record["ID"])})
    return None


@method("crm.timeline.comment.fields")
def comment_fields(call: Call) -> Any:
    kinds = {"ID": "integer", "ENTITY_ID": "integer", "ENTITY_TYPE": "string", "CREATED": "datetime",
             "COMMENT": "string", "AUTHOR_ID": "user", "FILES": "attached_diskfile"}  # fmt: skip
    return {
        name: {"type": kind, "isReadOnly": name in ("ID", "CREATED"), "title": name} for name, kind in kinds.items()
    }


# -- bindings


def _bound_comment(call: Call, fields: dict[str, Any]) -> Record:
    record = call.portal.get("comment", as_number(fields.get("OWNER_ID")) or 0)
    if record is None:
        raise classic("OWNER_ID is not defined or invalid.")
    return record


def _binding(call: Call) -> tuple[Record, str]:
    fields = universal_map(call, "fields")
    record = _bound_comment(call, fields)
    for name in ("ENTITY_ID", "ENTITY_TYPE"):
        if not fields.get(name):
            raise classic(f"{name} is not defined or invalid.")
    return record, bound(*_owner(call, fields.get("ENTITY_TYPE"), fields.get("ENTITY_ID"), "update"))


@method("crm.timeline.bindings.bind", writes=True)
def bindings_bind(call: Call) -> Any:
    record, owner = _binding(call)
    if owner not in record["BOUND"]:
        call.portal.patch("comment", record["ID"], {"BOUND": [*record["BOUND"], owner]})
    return True


@method("crm.timeline.bindings.unbind", writes=True)
def bindings_unbind(call: Call) -> Any:
    record, owner = _binding(call)
    rest = [item for item in record["BOUND"] if item != owner]
    if len(rest) == len(record["BOUND"]):
        raise classic("Not found.")
    if not rest:
        raise RestError(400, "", "Could not delete last binding")
    call.portal.patch("comment", record["ID"], {"BOUND": rest})
    return True


@method("crm.timeline.bindings.list")
def bindings_list(call: Call) -> Any:
    tree = universal_map(call, "filter")
    record = _bound_comment(call, tree)
    shown: list[Record] = []
    for item in record["BOUND"]:
        kind, _, number = item.partition(":")
        shown.append({"OWNER_ID": str(tree["OWNER_ID"]), "ENTITY_ID": number, "ENTITY_TYPE": kind})
    return page(shown, total=len(shown), offset=0, shown=len(shown))


@method("crm.timeline.bindings.fields")
def bindings_fields(call: Call) -> Any:
    kinds = {"OWNER_ID": "integer", "ENTITY_ID": "integer", "ENTITY_TYPE": "string"}
    return {
        name: {"type": kind, "isRequired": True, "isReadOnly": False, "isImmutable": True, "isMultiple": False,
               "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip


# -- log messages


@method("crm.timeline.logmessage.add", writes=True)
def log_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    for name in ("entityTypeId", "entityId", "title", "text", "iconCode"):
        if not fields.get(name):
            raise RestError(400, 100, f"Could not find value for parameter {{{name}}}")
    family = call.portal.family(as_number(fields["entityTypeId"]) or 0)
    number = as_number(fields["entityId"])
    if family is None or number is None or call.portal.get(family.name, number) is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец не найден")
    if not may(call.identity, "update", call.portal.get(family.name, number)):
        raise item_denied()
    values: Record = {
        "BOUND": [bound(family, number)],
        "CREATED": call.portal.now(),
        "AUTHOR_ID": call.user_id,
        "TITLE": str(fields["title"]),
        "TEXT": str(fields["text"]),
        "ICON": str(fields["iconCode"]),
        "MAKER": call.identity.key,
    }
    made = call.portal.put("logmessage", values)
    _touch(call.portal, family, number, call.user_id)
    return {"logMessage": _log(call.portal.table("logmessage").records[made], call.portal)}


def _log(record: Record, portal: Portal) -> Record:
    return {
        "id": record["ID"], "created": moment_text(record["CREATED"], portal.zone), "authorId": record["AUTHOR_ID"],
        "title": record["TITLE"], "text": record["TEXT"], "iconCode": record["ICON"],
    }  # fmt: skip


def _log_record(call: Call) -> Record:
    record = call.portal.get("logmessage", universal_id(call))
    if record is None:
        raise RestError(400, "NOT_FOUND", f"Timeline logmessage not found for id {universal_id(call)}")
    return record


@method("crm.timeline.logmessage.get")
def log_get(call: Call) -> Any:
    return {"logMessage": _log(_log_record(call), call.portal)}


@method("crm.timeline.logmessage.list")
def log_list(call: Call) -> Any:
    family = universal_family(call)
    owner = bound(family, universal_id(call, "entityId"))
    order = compile_order(
        call.get("order"), lambda name: Column(name.upper(), COMMENT_KINDS.get(name.upper(), "string")), strict=False
    )
    return _timeline_page(call, "logmessage", owner, Query(), order, lambda record: _log(record, call.portal))


@method("crm.timeline.logmessage.delete", writes=True)
def log_delete(call: Call) -> Any:
    """Only by the application or webhook that made it."""
    record = _log_record(call)
    if record["MAKER"] != call.identity.key:
        raise item_denied()
    call.portal.drop("logmessage", record["ID"])
    return None


# -- icons, notes, pins


@method("crm.timeline.icon.list")
def icon_list(call: Call) -> Any:
    return {"icons": [{"code": code, "isSystem": True, "fileUri": None} for code in ("info", "call", "arrow-down")]}


@method("crm.timeline.logo.list")
def logo_list(call: Call) -> Any:
    return {"logos": [{"code": code, "isSystem": True} for code in ("notification", "call", "call-incoming")]}


@method("crm.timeline.note.save", writes=True)
def note_save(call: Call) -> Any:
    item = call.portal.get("comment", universal_id(call, "itemId"))
    if item is None:
        raise RestError(400, "NOT_FOUND", "Запись не найдена")
    call.portal.patch("comment", item["ID"], {"NOTE": call.text("text") or None})
    return True


@method("crm.timeline.item.pin", writes=True)
def item_pin(call: Call) -> Any:
    return _pin(call, True)


@method("crm.timeline.item.unpin", writes=True)
def item_unpin(call: Call) -> Any:
    return _pin(call, None)


def _pin(call: Call, value: bool | None) -> Any:
    item = call.portal.get("comment", universal_id(call))
    if item is None:
        raise RestError(400, "NOT_FOUND", "Запись не найдена")
    call.portal.patch("comment", item["ID"], {"PINNED": value})
    return True
