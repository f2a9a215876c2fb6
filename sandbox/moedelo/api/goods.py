"""/stock: goods, their groups and what is left of them; /directory/services: names that stand in documents."""

from __future__ import annotations

from typing import Any

from sandbox.accounting.checks import NAME_CHARS_MAX, ApiError, Problems, text
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import checks, wire
from sandbox.moedelo.gate import Call, Gate, asked, listed

PATH = "/stock/api/v1/good"
GROUP = {"Id": 11_780, "ParentNomenclatureId": None, "Name": "Товары", "NomenclatureType": 0}
RATES = {**wire.NDS_WORDS, 18: None, **wire.CALCULATED, 118: None}


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", PATH, "product.find", find),
        gate.route("POST", PATH, "product.create", create),
        gate.route("POST", f"{PATH}/remains", "product.remains", remains),
        gate.route("GET", f"{PATH}/{{id}}", "product.get", get),
        gate.route("PUT", f"{PATH}/{{id}}", "product.update", update),
        gate.route("DELETE", f"{PATH}/{{id}}", "product.delete", delete),
        gate.route("GET", "/stock/api/v1/nomenclature", "product.groups", groups),
        gate.route("GET", "/accounting/api/v1/directory/services", "service.find", services),
    ]


def find(call: Call) -> Reply:
    """By a part of the name or the time of change; there is no filter by article."""
    name = asked(call).get("name", "").lower()
    records = [one for one in call.book.select(call.account, "products") if name in one["name"].lower()]
    return listed(call, records, wire.good)


def get(call: Call) -> Reply:
    return Reply(payload=wire.good(call.find("products", "Товар")))


def create(call: Call) -> Reply:
    record = call.book.put_product(call.account, _card(call.body()))
    return Reply(status=201, payload=wire.good(record), note={"product": record["id"]})


def update(call: Call) -> Reply:
    record = call.find("products", "Товар")
    changed = call.book.rewrite(call.account, "products", record, **_card(call.body()))
    return Reply(payload=wire.good(changed), note={"product": record["id"]})


def delete(call: Call) -> Reply:
    record = call.find("products", "Товар")
    call.book.delete(call.account, "products", record["id"])
    return Reply(status=204, note={"product": record["id"]})


def remains(call: Call) -> Reply:
    """Nothing comes into the stock here, so that nothing is left."""
    ids = call.body().get("Ids")
    if not isinstance(ids, list):
        raise ApiError(400, "Invalid", "Нужен список Ids")
    known = (call.book.get(call.account, "products", str(one)) for one in ids)
    return Reply(payload=[{"Id": int(one["id"]), "StockId": wire.STOCK_ID, "Count": 0} for one in known if one])


def groups(call: Call) -> Reply:
    return Reply(payload={"ResourceList": [GROUP]})


def services(call: Call) -> Reply:
    """Names of services that stand in documents."""
    query = asked(call)
    count = query.get("count", "10")
    if not count.isascii() or not count.isdecimal():
        raise ApiError(400, "Invalid", "Параметр count должен быть целым числом")
    lines = (line for one in call.book.select(call.account, "invoices") for line in one["items"])
    names = {line["name"]: None for line in lines if line.get("kind") == checks.SERVICE}
    found = [name for name in names if query.get("query", "").lower() in name.lower()]
    return Reply(payload=[{"Name": name} for name in found[: int(count)]])


def _card(body: dict[str, Any]) -> Any:
    problems = Problems()
    name = text(body, "Name", problems, longest=NAME_CHARS_MAX)
    if name is None or not name.strip():
        problems.add("Name", "Поле обязательно")
    rate = checks.whole(body, "Nds", problems)
    if rate is not None and rate not in RATES:
        problems.add("Nds", "Недопустимая ставка НДС")
    if checks.whole(body, "NomenclatureId", problems) not in (None, GROUP["Id"]):
        problems.add("NomenclatureId", "Группа не найдена")
    if checks.whole(body, "Type", problems) not in (None, 0, 1):
        problems.add("Type", "Значение должно быть 0 или 1")
    position = checks.whole(body, "NdsPositionType", problems)
    if position not in (None, checks.WITHOUT_NDS, checks.ON_TOP, checks.INCLUDED):
        problems.add("NdsPositionType", "Значение должно быть 1, 2 или 3")
    price = (
        None if body.get("SalePrice") is None else checks.decimal(body["SalePrice"], "SalePrice", problems, places=2)
    )
    card: Record = {
        "name": name,
        "article": text(body, "Article", problems, longest=900),
        "unit": text(body, "UnitOfMeasurement", problems, longest=50) or "шт",
        "price_kopecks": None if price is None else int(price * 100),
        "vat": None,
        "nds": rate,
        "nds_position": position,
        "good_type": checks.whole(body, "Type", problems) or 0,
    }
    problems.raise_any()
    return card
