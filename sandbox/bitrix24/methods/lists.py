"""lists.*: universal lists and their rights; fields and elements of lists lie in files of their own.

Vendor documentation, "Универсальные списки": https://apidocs.bitrix24.ru/api-reference/lists/

Not told by the vendor and chosen here: where neither IBLOCK_ID nor IBLOCK_CODE is given the first is named; dates of
lists are printed as a Russian portal prints them; RIGHTS are only kept and asked, not inherited by sections.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import BadFilterValueError, Column, Query, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

SCOPE = "lists"
LIST, FIELD, ELEMENT, SECTION, CELL, OPTION = (
    "list", "listfield", "listelement", "listsection", "listcell", "listoption",
)  # fmt: skip
TYPES = ("lists", "bitrix_processes", "lists_socnet")
RANKS = {level: rank for rank, level in enumerate("DRESTUWX")}
MESSAGES = {
    "SECTIONS_NAME": "Разделы",
    "SECTION_NAME": "Раздел",
    "ELEMENTS_NAME": "Элементы",
    "ELEMENT_NAME": "Элемент",
}
KEPT_MESSAGES = (
    *MESSAGES,
    *(f"{what}_{deed}" for what in ("ELEMENT", "SECTION") for deed in ("ADD", "EDIT", "DELETE")),
)
EMPTY = ("API_CODE", "LIST_PAGE_URL", "DETAIL_PAGE_URL", "SECTION_PAGE_URL", "CANONICAL_PAGE_URL", "RSS_FILE_LIMIT",
         "RSS_FILE_DAYS", "XML_ID", "TMP_ID", "LIST_MODE", "SECTION_PROPERTY", "PROPERTY_INDEX", "EDIT_FILE_BEFORE",
         "EDIT_FILE_AFTER", "EXTERNAL_ID", "SERVER_NAME")  # fmt: skip
CONSTANT = {
    "LID": "s1", "ACTIVE": "Y", "DESCRIPTION_TYPE": "text", "RSS_TTL": "24", "RSS_ACTIVE": "Y", "RSS_FILE_ACTIVE": "N",
    "RSS_YANDEX_ACTIVE": "N", "INDEX_ELEMENT": "Y", "INDEX_SECTION": "N", "WORKFLOW": "N", "SECTION_CHOOSER": "L",
    "RIGHTS_MODE": "E", "VERSION": "1", "LAST_CONV_ELEMENT": "0", "REST_ON": "N", "FULLTEXT_INDEX": "N",
    "LANG_DIR": "/",
}  # fmt: skip
ORDERED = {"ID": "integer", "NAME": "string", "CODE": "string", "SORT": "integer", "TIMESTAMP_X": "integer"}


def fault(code: str, text: str) -> RestError:
    return RestError(400, code, text)


# -- what every method of lists asks


def need(call: Call, *names: str) -> Record:
    """The `FIELDS` of a call that must have the parameters; `FIELDS.NAME` asks for one of the fields."""
    fields = call.get("FIELDS")
    given = fields if isinstance(fields, dict) else {}
    for name in names:
        outer, _, inner = name.partition(".")
        if not (given.get(inner) if inner else call.get(outer)):
            raise fault("ERROR_REQUIRED_PARAMETERS_MISSING", f"Required parameter `{inner or outer}` is missing")
    return given


def type_of(call: Call) -> str:
    need(call, "IBLOCK_TYPE_ID")
    kind = call.text("IBLOCK_TYPE_ID")
    if kind not in TYPES:
        raise fault("0", "Неверный тип инфоблока")
    return kind


def _named(call: Call) -> Record | None:
    """The list by its id or, where there is none given, by its code."""
    if call.get("IBLOCK_ID"):
        return call.portal.get(LIST, as_number(call.get("IBLOCK_ID")) or 0)
    code = call.text("IBLOCK_CODE")
    return next((one for one in call.portal.table(LIST) if code and one["CODE"] == code), None)


def denied() -> RestError:
    return fault("ACCESS_DENIED", "Access denied")


def level(call: Call, record: Record) -> int:
    """The caller's highest right to a list; an administrator has every one."""
    if is_admin(call):
        return RANKS["X"]
    departments = call.identity.user.get("UF_DEPARTMENT") or []
    keys = {"*", f"U{call.user_id}", *(f"{kind}{number}" for kind in ("D", "DR") for number in departments)}
    return max((RANKS.get(right, 0) for key, right in record["RIGHTS"].items() if key in keys), default=0)


def list_of(call: Call, right: str, *required: str) -> Record:
    """The list that a call names, after what is required has been looked at and the caller's right to it."""
    kind = type_of(call)
    if not call.get("IBLOCK_ID") and not call.get("IBLOCK_CODE"):
        need(call, "IBLOCK_ID")
    need(call, *required)
    record = _named(call)
    if record is None or record["IBLOCK_TYPE_ID"] != kind:
        raise fault("ERROR_IBLOCK_NOT_FOUND", "Iblock not found")
    if level(call, record) < RANKS[right]:
        raise denied()
    return record


def moment(portal: Portal, stamp: int) -> str:
    return datetime.fromtimestamp(stamp, portal.zone).strftime("%d.%m.%Y %H:%M:%S")


def picture(call: Call, raw: Any, owner: str) -> int | None:
    pair = files.decode_pair(raw)
    return None if pair is None else files.keep(call.portal, pair[0], pair[1], owner, call.user_id)


def sorting(raw: Any) -> int:
    number = as_number(raw)
    return 500 if number is None else number


def within(call: Call, table: str, place: Record, columns: Any) -> tuple[Query, list[tuple[Column, bool]]]:
    """A list's own records under the call's FILTER, and the order asked for."""
    try:
        query = compile_filter(call.get("FILTER"), columns, call.portal.zone, strict=False)
    except BadFilterValueError as error:
        raise fault("ERROR_ARGUMENT", f"Wrong value of {error}") from error
    query.equal["IBLOCK"] = [place["ID"]]
    query.predicates.append(lambda record: record["IBLOCK"] == place["ID"])
    return query, compile_order(call.get("ELEMENT_ORDER") if table == ELEMENT else None, columns, strict=False)


# -- lists


@method("lists.add", SCOPE, writes=True)
def lists_add(call: Call) -> Any:
    kind = type_of(call)
    need(call, "IBLOCK_CODE", "FIELDS", "FIELDS.NAME")
    code = call.text("IBLOCK_CODE")
    if any(one["CODE"] == code for one in call.portal.table(LIST)):
        raise fault("ERROR_IBLOCK_ALREADY_EXISTS", "Iblock already exists")
    if not is_admin(call):
        raise denied()
    rights = call.get("RIGHTS")
    fresh = {"IBLOCK_TYPE_ID": kind, "CODE": code, "DESCRIPTION": "", "SORT": 500, "BIZPROC": "N", "PICTURE": None,
             "SOCNET_GROUP_ID": None, "MESSAGES": {}, "RIGHTS": {f"U{call.user_id}": "X"}}  # fmt: skip
    values = _values(call)
    if isinstance(rights, dict) and rights:
        values["RIGHTS"] = _rights(rights)
    return call.portal.put(LIST, {**fresh, **values})


def _rights(given: Record) -> Record:
    return {str(key): right for key, right in given.items() if isinstance(right, str) and right in RANKS}


def _values(call: Call) -> Record:
    fields, values = need(call), Record(TIMESTAMP_X=call.portal.now())
    values |= {name: str(fields[name]) for name in ("NAME", "DESCRIPTION") if fields.get(name) is not None}
    if fields.get("SORT") is not None:
        values["SORT"] = sorting(fields["SORT"])
    if "BIZPROC" in fields:
        values["BIZPROC"] = "Y" if fields["BIZPROC"] == "Y" else "N"
    if "PICTURE" in fields:
        values["PICTURE"] = picture(call, fields["PICTURE"], LIST)
    if (group := as_number(call.get("SOCNET_GROUP_ID"))) is not None:
        values["SOCNET_GROUP_ID"] = group
    messages = call.get("MESSAGES")
    if isinstance(messages, dict):
        values["MESSAGES"] = {name: str(messages[name]) for name in KEPT_MESSAGES if name in messages}
    return values


@method("lists.get", SCOPE)
def lists_get(call: Call) -> Any:
    """One list or all of a type that the caller may read; those of groups are asked for by their group."""
    kind = type_of(call)
    group = as_number(call.get("SOCNET_GROUP_ID"))
    if kind == "lists_socnet" and not group:
        raise denied()
    found = [one for one in call.portal.table(LIST) if one["IBLOCK_TYPE_ID"] == kind]
    if call.get("IBLOCK_ID") or call.get("IBLOCK_CODE"):
        named = _named(call)
        found = [one for one in found if named is not None and one["ID"] == named["ID"]]
    numbers = {
        one["ID"] for one in found if level(call, one) >= RANKS["R"] and group in (None, one.get("SOCNET_GROUP_ID"))
    }
    query = Query(predicates=[lambda record: record["ID"] in numbers])
    order = compile_order(call.get("IBLOCK_ORDER"), _column, strict=False)
    offset = offset_of(call, paged=True)
    chosen, total = run(call.portal.table(LIST), query, order, offset=offset, limit=PAGE_SIZE)
    return page([_shown(call, one) for one in chosen], total=total, offset=offset, shown=len(chosen))


def _column(name: str) -> Column | None:
    return Column(name, ORDERED[name]) if name in ORDERED else None


def _shown(call: Call, record: Record) -> Record:
    held = {name: None if record.get(name) is None else str(record[name])
            for name in ("ID", "IBLOCK_TYPE_ID", "CODE", "NAME", "SORT", "PICTURE", "DESCRIPTION", "BIZPROC",
                         "SOCNET_GROUP_ID")}  # fmt: skip
    messages = {name: record["MESSAGES"].get(name) or text for name, text in MESSAGES.items()}
    stamp = {"TIMESTAMP_X": moment(call.portal, record["TIMESTAMP_X"])}
    return {**held, **stamp, **dict.fromkeys(EMPTY), **CONSTANT, **messages}


@method("lists.get.iblock.type.id", SCOPE)
def lists_type(call: Call) -> Any:
    """null of a list that is not there."""
    record = _named(call)
    return None if record is None or level(call, record) < RANKS["R"] else record["IBLOCK_TYPE_ID"]


@method("lists.update", SCOPE, writes=True)
def lists_update(call: Call) -> Any:
    """Rights are given only to whom they were not given yet."""
    record = list_of(call, "X", "FIELDS", "FIELDS.NAME")
    values, rights = _values(call), call.get("RIGHTS")
    if isinstance(rights, dict):
        values["RIGHTS"] = {**_rights(rights), **record["RIGHTS"]}
    call.portal.patch(LIST, record["ID"], values)
    return True


@method("lists.delete", SCOPE, writes=True)
def lists_delete(call: Call) -> Any:
    """All that it holds goes with it."""
    record = list_of(call, "X")
    for table in (CELL, OPTION, ELEMENT, SECTION, FIELD):
        for one in [one for one in call.portal.table(table) if one["IBLOCK"] == record["ID"]]:
            call.portal.drop(table, one["ID"])
    call.portal.drop(LIST, record["ID"])
    return True
