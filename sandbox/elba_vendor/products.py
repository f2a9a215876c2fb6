"""/products: create, search, card, update; at once, or as tasks where the switch says so. Bills name no products."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.elba_vendor import asked
from sandbox.elba_vendor.calls import OF, begun
from sandbox.elba_vendor.gate import Call, Gate

UNIT_CHARS_MAX = 50
ARTICLE_CHARS_MAX = 900
COMMENT_CHARS_MAX = 2000
TAKEN = "productWithSameNameExists"
TEXTS = {
    TAKEN: "Товар с таким названием уже есть",
    "deletingProductNameThatUsedInDocuments": "Название есть в документах, его нельзя удалить",
    "renamingProductNameThatUsedInDocuments": "Название есть в документах, его нельзя изменить",
    "deletingProductUnitThatUsedInDocuments": "Единица есть в документах, её нельзя удалить",
    "renamingProductUnitThatUsedInDocuments": "Единица есть в документах, её нельзя изменить",
}


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", f"{OF}/products", "product.create", create),
        gate.route("POST", f"{OF}/products/search", "product.find", search),
        gate.route("GET", f"{OF}/products/{{id}}", "product.get", get),
        gate.route("POST", f"{OF}/products/{{id}}/update", "product.update", update),
    ]


def create(call: Call) -> Reply:
    """A name of one product only; 409, or an error of the task."""
    card = _card(call.body())
    looks = _looks(call)
    if _taken(call, card, ""):
        if looks:
            return begun(call, "createProduct", {"id": None, "createProductError": TAKEN}, looks)
        raise ApiError(409, "EntityAlreadyExists", TEXTS[TAKEN], "names")
    record = call.book.put_product(call.account, _numbered(card, call.account.made.get("products", 0) + 1))
    if looks:
        return begun(call, "createProduct", {"id": record["id"], "createProductError": None}, looks)
    return Reply(status=201, payload={"id": record["id"]}, note={"product": record["id"]})


def search(call: Call) -> Reply:
    """By a part of a name, by the whole article."""
    wanted, offset, limit = asked.search(call.body(), ("productName", "article"))
    call.facts |= wanted
    name, article = wanted.get("productName", "").lower(), wanted.get("article")
    rows = [
        {"id": one["id"], "productMainName": one["name"], "article": one["article"]}
        for one in call.book.select(call.account, "products")
        if any(name in held["name"].lower() for held in one["names"]) and article in (None, one["article"])
    ][offset : offset + limit]
    if looks := _looks(call):
        return begun(call, "searchProducts", {"products": rows}, looks)
    return Reply(payload={"products": rows})


def get(call: Call) -> Reply:
    record = call.find("products", "Товар")
    return Reply(payload={key: record[key] for key in ("id", "names", "units", "article", "comment")})


def update(call: Call) -> Reply:
    """A whole card; names and units that keep their ids stay the same ones."""
    record = call.find("products", "Товар")
    card = _card(call.body())
    error = _refused(call, record, card)
    looks = _looks(call)
    if error is None:
        card = _numbered(card, record["numbered"])
        call.book.rewrite(call.account, "products", record, **card)
    if looks:
        return begun(call, "updateProduct", {"updateProductError": error}, looks)
    if error == TAKEN:
        raise ApiError(409, "EntityAlreadyExists", TEXTS[TAKEN], "names")
    if error is not None:
        raise ApiError(400, error, TEXTS[error], "units" if "Unit" in error else "names")
    return Reply(status=204, note={"product": record["id"]})


def _looks(call: Call) -> int:
    return int(call.book.switched(call.account, "product_looks") or 0)


def _taken(call: Call, card: Any, own_id: str) -> bool:
    names = {one["name"] for one in card["names"]}
    held = call.book.select(call.account, "products")
    return any(one["name"] in names for other in held if other["id"] != own_id for one in other["names"])


def _refused(call: Call, record: Record, card: Any) -> str | None:
    """What stands in documents stays as it is there."""
    lines = [
        line for kind in ("invoices", "acts") for one in call.account.records[kind].values() for line in one["items"]
    ]
    for member, word in (("names", "Name"), ("units", "Unit")):
        used = {line[word.lower()] for line in lines}
        kept = {one.get("id"): one["name"] for one in card[member]}
        for one in record[member]:
            if one["name"] in used and one["id"] not in kept:
                return f"deletingProduct{word}ThatUsedInDocuments"
            if one["name"] in used and kept[one["id"]] != one["name"]:
                return f"renamingProduct{word}ThatUsedInDocuments"
    return TAKEN if _taken(call, card, record["id"]) else None


def _numbered(card: Any, number: int) -> Any:
    """Ids for the names and units that have none yet."""
    for member in ("names", "units"):
        for place, one in enumerate(card[member], 1):
            one["id"] = one["id"] or f"{member[0]}{number}-{place}-{len(one['name'])}"
    return {**card, "numbered": number}


def _card(body: dict[str, Any]) -> Any:
    problems = Problems()
    names = _parts(body, "names", problems, longest=checks.NAME_CHARS_MAX)
    units = _parts(body, "units", problems, longest=UNIT_CHARS_MAX)
    amount = body.get("amount")
    if amount is not None and (
        isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount <= asked.QUANTITY_MAX
    ):
        problems.add("amount", f"Поле amount от 0 до {asked.QUANTITY_MAX}")
    card = {
        "names": names,
        "units": units,
        "article": checks.text(body, "article", problems, longest=ARTICLE_CHARS_MAX),
        "comment": checks.text(body, "comment", problems, longest=COMMENT_CHARS_MAX),
        "price_kopecks": None,
        "vat": None,
    }
    problems.raise_any()
    return {**card, "name": _main(names), "unit": _main(units)}


def _parts(body: dict[str, Any], name: str, problems: Problems, *, longest: int) -> list[dict[str, Any]]:
    """Names or units: exactly one is the main one, no two are the same."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        problems.add(name, f"Поле {name} должно быть непустым списком")
        return []
    parts = []
    for place, raw in enumerate(value):
        at = f"{name}[{place}]."
        part: dict[str, Any] = {
            "id": checks.text(raw, "id", problems, longest=100, at=at),
            "name": checks.text(raw, "name", problems, longest=longest, required=True, at=at),
            "isMain": raw.get("isMain") is True,
        }
        if name == "units":
            part["ratio"] = raw.get("ratio", 1)
            if isinstance(part["ratio"], bool) or not isinstance(part["ratio"], int | float) or part["ratio"] < 1:
                problems.add(f"{at}ratio", "Поле ratio не меньше 1")
        parts.append(part)
    if [one["isMain"] for one in parts].count(True) != 1:
        problems.add(name, "Основным должно быть ровно одно значение")
    if len({one["name"] for one in parts}) != len(parts):
        problems.add(name, "Значения не должны повторяться")
    return parts


def _main(parts: list[dict[str, Any]]) -> str:
    return str(next(one["name"] for one in parts if one["isMain"]))
