"""/counterparties and /products: find, card, list of changes, create, replace."""

from __future__ import annotations

from typing import Any

from sandbox.accounting.records import Counterparty, Record
from sandbox.core.wire import Reply, Route
from sandbox.kontur import asked, wire
from sandbox.kontur.api.invoices import same_version
from sandbox.kontur.gate import Call, ContextError, Gate, listed


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/counterparties", "counterparty.find", find),
        gate.route("POST", "/counterparties", "counterparty.create", create),
        gate.route("GET", "/counterparties/{id}", "counterparty.get", get),
        gate.route("PUT", "/counterparties/{id}", "counterparty.update", update),
        gate.route("GET", "/products", "product.find", find_product),
        gate.route("POST", "/products", "product.create", create_product),
        gate.route("GET", "/products/{id}", "product.get", get_product),
        gate.route("PUT", "/products/{id}", "product.update", update_product),
    ]


def find(call: Call) -> Reply:
    query = call.request.query()
    ids = None
    if "inn" in query:
        call.facts["inn"] = query["inn"]
        ids = call.account.counterparties_by_inn.get(query["inn"], ())
    records = call.book.select(call.account, "counterparties", ids, asked.since(query))
    if "kpp" in query:
        records = [one for one in records if one["kpp"] == query["kpp"]]
    return listed(call, records, wire.counterparty, kind="" if query.keys() & {"inn", "kpp"} else "counterparties")


def get(call: Call) -> Reply:
    return Reply(payload=wire.counterparty(call.find("counterparties", "Контрагент")))


def create(call: Call) -> Reply:
    """One record for an INN and KPP; people without INN are told apart by nobody."""
    card, external_id = asked.counterparty(call.body())
    call.facts |= {"inn": card["inn"], "kpp": card["kpp"]}
    same = _same(call, card)
    if same is not None:
        message = "Контрагент с такими ИНН и КПП уже существует"
        raise ContextError(409, "CounterpartyAlreadyExists", message, {"existingId": same["id"]})
    whole: Any = {**card, "external_id": external_id}
    record = call.book.put_counterparty(call.account, whole, lag_seconds=call.lag_seconds)
    return Reply(status=201, payload=wire.counterparty(record), note={"counterparty": record["id"]})


def _same(call: Call, card: Counterparty) -> Record | None:
    if not card["inn"]:
        return None
    ids = call.account.counterparties_by_inn.get(card["inn"], ())
    found = call.book.select(call.account, "counterparties", ids)
    return next((one for one in found if one["kpp"] == card["kpp"]), None)


def update(call: Call) -> Reply:
    """A whole card over the version that `If-Match` names."""
    record = call.find("counterparties", "Контрагент")
    same_version(call, record, "Карточка изменилась")
    card, external_id = asked.counterparty(call.body())
    whole: Any = {**record, **card, "external_id": external_id}
    changed = call.book.put_counterparty(call.account, whole, record_id=record["id"], lag_seconds=call.lag_seconds)
    return Reply(payload=wire.counterparty(changed), note={"counterparty": record["id"]})


def find_product(call: Call) -> Reply:
    """By article, name or external code, exactly; all without any."""
    query = call.request.query()
    names = {"article": "article", "name": "name", "externalId": "external_id"}
    records = [
        one
        for one in call.book.select(call.account, "products", since=asked.since(query))
        if all(one[member] == query[name] for name, member in names.items() if name in query)
    ]
    return listed(call, records, wire.product, kind="" if query.keys() & names.keys() else "products")


def create_product(call: Call) -> Reply:
    card: Any = asked.product(call.body())
    record = call.book.put_product(call.account, card)
    return Reply(status=201, payload=wire.product(record), note={"product": record["id"]})


def get_product(call: Call) -> Reply:
    return Reply(payload=wire.product(call.find("products", "Номенклатура")))


def update_product(call: Call) -> Reply:
    """A whole card over the version that `If-Match` names."""
    record = call.find("products", "Номенклатура")
    same_version(call, record, "Карточка изменилась")
    changed = call.book.rewrite(call.account, "products", record, **asked.product(call.body()))
    return Reply(payload=wire.product(changed), note={"product": record["id"]})
