"""The standard OData interface: reads, writes and methods of all published objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.accounting.records import Record
from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.onec import atom, query, registers
from sandbox.onec.bodies import taken
from sandbox.onec.book import DOCUMENTS
from sandbox.onec.evaluate import Entity
from sandbox.onec.gate import Call, Gate
from sandbox.onec.model import SECTION_SETS, TYPES, Type, defaults, emptied, metadata
from sandbox.onec.postings import postings
from sandbox.onec.query import Options
from sandbox.onec.refusals import XML, Refusal
from sandbox.onec.shape import Shape
from sandbox.onec.view import STORED, View, version

ROOT = "/{account}/odata/standard.odata"
NOUNS = {
    "Document_СчетНаОплатуПокупателю": "invoice",
    "Document_РеализацияТоваровУслуг": "act",
    "Document_ПоступлениеНаРасчетныйСчет": "payment",
    "Document_СписаниеСРасчетногоСчета": "refund",
    "Catalog_Контрагенты": "counterparty",
    "Catalog_ДоговорыКонтрагентов": "contract",
    "Catalog_Номенклатура": "product",
    "Catalog_Организации": "organization",
    "InformationRegister_СрокиОплатыДокументов": "term",
}
_VERBS = {"POST": "create", "PATCH": "update", "MERGE": "update", "PUT": "replace", "DELETE": "delete"}
_PLACE = re.compile(r"(?P<set>[$\w]+)(?:\((?P<key>[^()]*)\))?(?P<tail>(?:/.*)?)")
_KEY = re.compile(r"(?:Ref_Key=)?guid'(?P<key>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})'")
_PART = re.compile(r"(?P<name>\w+)=(?:guid)?'(?P<value>[^']*)'")


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names: a set, perhaps one object of it, and what follows."""

    name: str
    key: str | None
    tail: tuple[str, ...]


def routes(gate: Gate) -> list[Route]:
    """The interface of every base."""
    return [
        gate.route("GET", ROOT, "service", _service),
        gate.route("*", f"{ROOT}/{{rest:path}}", operation_of, _dispatch),
    ]


def place_of(path: str) -> Place | None:
    """The parts of a path below the root; None for what is none."""
    match = _PLACE.fullmatch(path)
    if match is None:
        return None
    return Place(match["set"], match["key"], tuple(step for step in match["tail"].split("/") if step))


def operation_of(request: Request) -> str:
    """The operation's name for faults and the ledger: `invoice.create`, `counterparty.find`, `payment.list`."""
    if registers.asked_for(request.params["rest"]):
        return "register.find"
    place = place_of(request.params["rest"])
    if place is None or place.name == "$metadata":
        return "metadata" if place is not None else "unknown"
    noun = NOUNS.get(place.name.partition("_RowType")[0], "catalog")
    if place.tail and place.tail[-1].rstrip("()") in ("Post", "Unpost"):
        return f"{noun}.{place.tail[-1].rstrip('()').lower()}"
    if request.method == "GET":
        many = "list" if noun in ("payment", "refund") else "find"
        return f"{noun}.{'get' if place.key is not None else many}"
    return f"{noun}.{_VERBS.get(request.method, 'other')}"


def _options(call: Call) -> Options:
    return query.parse(call.request.query_string)


def _shape(call: Call, options: Options, view: View) -> Shape:
    root = call.request.base_url + call.request.path[: call.request.path.index("/odata/")] + "/odata/standard.odata/"
    return Shape(root, options, call.request.headers.get("accept", ""), view)


def _service(call: Call) -> Reply:
    view = call.book.view(call.account)
    more = () if registers.NAME in view.release.unpublished else (registers.NAME, registers.ENTRIES)
    return _shape(call, _options(call), view).service(more)


def _dispatch(call: Call) -> Reply:
    view = call.book.view(call.account)
    if registers.asked_for(call.request.params["rest"]):
        return _register(call, view)
    place = place_of(call.request.params["rest"])
    if place is None:
        raise Refusal(400, "6", "Неверный формат URL")
    if place.name == "$metadata":
        further = () if registers.NAME in view.release.unpublished else registers.described()
        return Reply(body=metadata(view.release, *further), content_type=XML)
    method = call.request.method
    if place.name in SECTION_SETS and SECTION_SETS[place.name][0] in view.release.published():
        return _section_set(call, place, view)
    kind = TYPES.get(place.name)
    if kind is None or place.name not in view.release.published():
        raise Refusal(404, "8", f"Тип сущности '{place.name}' не найден")
    if place.tail and place.tail[-1].rstrip("()") in ("Post", "Unpost"):
        return _post(call, kind, place, view)
    if method == "GET":
        return _read(call, kind, place, view)
    if place.tail:
        raise Refusal(404, "6", "Метод не найден")
    if method == "POST" and place.key is None:
        return _create(call, kind, view)
    if place.key is None or method not in ("PATCH", "MERGE", "PUT", "DELETE"):
        raise Refusal(405, "19", f"Метод {method} не поддерживается для этого ресурса")
    return _change(call, kind, place, view)


# Reading


def _register(call: Call, view: View) -> Reply:
    """The register of accounting: to be read only, since documents alone write to it."""
    if registers.NAME in view.release.unpublished:
        raise Refusal(404, "8", f"Тип сущности '{registers.NAME}' не найден")
    if call.request.method != "GET":
        raise Refusal(405, "19", f"Метод {call.request.method} не поддерживается для этого ресурса")
    options = _options(call)
    entries = postings(call.book, call.account)
    path = call.request.params["rest"]
    return registers.answer(call.account, entries, path, options, _shape(call, options, view), view)


def _read(call: Call, kind: Type, place: Place, view: View) -> Reply:
    options = _options(call)
    shape = _shape(call, options, view)
    if place.key is not None:
        row = _found(kind, place, view)
        if place.tail:
            return _navigated(call, kind, row, place.tail, view, shape)
        if options.expand:
            raise Refusal(501, "0", "The $expand option is not supported when querying single entities")
        return shape.single(kind, row)
    dials = call.book.dials(call.account)
    if dials.rows_hidden and not options.allowed_only:
        raise Refusal(401, "20", "Недостаточно прав на чтение части данных")
    if dials.inn_filter_forbidden and kind.name == "Catalog_Контрагенты" and _names(options, "ИНН"):
        raise Refusal(401, "20", "Недостаточно прав на отбор по полю ИНН")
    found = query.selected(view.rows(kind.name), options, kind, view)
    call.facts["found"] = len(found)
    if place.tail == ("$count",):
        return Reply(body=f"\ufeff{len(found)}".encode(), content_type="text/plain; charset=utf-8")
    if place.tail:
        raise Refusal(404, "6", "Метод не найден")
    return shape.collection(kind, found, shift=call.page_shift)


def _names(options: Options, name: str) -> bool:
    return f"'{name}'" in repr(options.condition)


def _found(kind: Type, place: Place, view: View) -> Entity:
    row = None
    if kind.key == ("Ref_Key",):
        match = _KEY.fullmatch(place.key or "")
        if match is None:
            raise Refusal(400, "7", "Не указаны все ключевые поля")
        row = view.one(kind.name, match["key"].lower())
    else:
        wanted = {match["name"]: match["value"] for match in _PART.finditer(place.key or "")}
        if set(wanted) != set(kind.key):
            raise Refusal(400, "7", "Не указаны все ключевые поля")
        row = next(
            (one for one in view.rows(kind.name) if all(one[key] == value for key, value in wanted.items())), None
        )
    if row is None:
        raise Refusal(404, "9", "Экземпляр сущности не найден")
    return row


def _navigated(call: Call, kind: Type, row: Entity, tail: tuple[str, ...], view: View, shape: Shape) -> Reply:
    step, *rest = tail
    if step in kind.sections and not rest:
        return shape.rows(f"{kind.name}_{step}", [{"Ref_Key": row["Ref_Key"], **part} for part in row[step]])
    if step in kind.properties and not rest:
        return shape.value(step, row[step])
    reference = kind.navigation(step)
    if reference is None:
        raise Refusal(404, "10", f"Свойство {step} не найдено")
    target = view.one(reference.target, str(row[reference.name]))
    if target is None:
        raise Refusal(404, "9", "Экземпляр сущности не найден")
    if not rest:
        return shape.single(TYPES[reference.target], target)
    return _navigated(call, TYPES[reference.target], target, tuple(rest), view, shape)


def _section_set(call: Call, place: Place, view: View) -> Reply:
    """All rows of a section of all objects: to be read only."""
    name, section = SECTION_SETS[place.name]
    if call.request.method == "POST":
        raise Refusal(400, "13", "Cоздание строк табличной части напрямую не поддерживается")
    if call.request.method != "GET":
        raise Refusal(405, "19", f"Метод {call.request.method} не поддерживается для строк табличной части")
    columns = {**view.release.section(name, section), "Ref_Key": TYPES[name].properties["Ref_Key"]}
    kind = Type(place.name, columns, {})
    options = _options(call)
    rows = [{"Ref_Key": row["Ref_Key"], **part} for row in view.rows(name) for part in row[section]]
    return _shape(call, options, view).collection(kind, query.selected(rows, options, kind, view))


# Writing


def _body(call: Call, kind: Type, view: View) -> dict[str, Any]:
    try:
        content = call.request.body
        body: Any = atom.body_of(content, kind) if _in_atom(content) else call.request.json()
    except BadRequestError as error:
        raise Refusal(400, "1", "Ошибка разбора тела запроса") from error
    found = taken(body, kind, view.release)
    call.facts |= {"comment": str(found.get("Комментарий", ""))[:300], "date": found.get("Date")}
    return found


def _in_atom(content: bytes) -> bool:
    return content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _create(call: Call, kind: Type, view: View) -> Reply:
    entity = _body(call, kind, view)
    key = call.book.create(call.account, kind.name, entity, off_kopecks=call.off_kopecks, lag_seconds=call.lag_seconds)
    view = call.book.view(call.account)
    stored = STORED.get(kind.name)
    if stored is not None:  # a register has no records of its own
        row = view.entity(kind.name, call.account.records[stored][key])
    else:
        row = {**defaults(kind.properties), **entity}
    reply = _shape(call, _options(call), view).single(kind, row, 201)
    reply.note = {kind.name: key, "number": row.get("Number")}
    return reply


def _change(call: Call, kind: Type, place: Place, view: View) -> Reply:
    method, dials = call.request.method, call.book.dials(call.account)
    if dials.patch_forbidden and method in ("PATCH", "MERGE"):
        raise Refusal(405, "19", "Метод PATCH не поддерживается")
    row = _found(kind, place, view)
    record = _record(call, kind, row)
    wanted = call.request.headers.get("if-match", "").strip('"')
    if wanted and wanted != "*" and dials.version_checked and wanted != version(record):
        raise Refusal(412, "-1", "Версия объекта не совпадает с указанной")
    if method == "DELETE":
        call.book.delete(call.account, STORED[kind.name], record["id"])
        return Reply(status=204)
    entity = _body(call, kind, view)
    if method == "PUT":
        entity = {**emptied(kind), **entity}
    changed = call.book.change(call.account, kind.name, record, entity)
    return _shape(call, _options(call), view).single(kind, view.entity(kind.name, changed))


def _post(call: Call, kind: Type, place: Place, view: View) -> Reply:
    if call.request.method != "POST" or kind.name not in DOCUMENTS or place.key is None or len(place.tail) != 1:
        raise Refusal(404, "11", "Метод не найден")
    record = _record(call, kind, _found(kind, place, view))
    posting = place.tail[0].rstrip("()") == "Post"
    (call.book.post if posting else call.book.unpost)(call.account, kind.name, record)
    return Reply(body=b"", note={"posted": posting, kind.name: record["id"]})


def _record(call: Call, kind: Type, row: Entity) -> Record:
    stored = STORED.get(kind.name)
    if stored is None:
        raise Refusal(405, "19", f"Изменение {kind.name} не поддерживается")
    return call.account.records[stored][row["Ref_Key"]]
