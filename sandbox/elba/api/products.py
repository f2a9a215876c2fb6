"""/products (nomenclature) and /webhooks."""

from __future__ import annotations

from sandbox.core.wire import Reply, Route
from sandbox.elba import asked, wire
from sandbox.elba.gate import Call, Gate, listed


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/products", "product.find", find),
        gate.route("POST", "/products", "product.create", create),
        gate.route("POST", "/webhooks", "webhook.create", subscribe),
        gate.route("DELETE", "/webhooks/{id}", "webhook.delete", unsubscribe),
    ]


def find(call: Call) -> Reply:
    """By article or name, exactly; all without either."""
    query = call.request.query()
    offset, limit = asked.page(query)
    records = [
        record
        for record in call.book.select(call.account, "products")
        if query.get("article") in (None, record["article"]) and query.get("name") in (None, record["name"])
    ]
    return listed(call, records, wire.product, offset, limit)


def create(call: Call) -> Reply:
    card = asked.product(call.body())
    call.facts |= {"article": card["article"], "name": card["name"][:100]}
    record = call.book.put_product(call.account, card)
    return Reply(status=201, payload=wire.product(record), note={"product": record["id"]})


def subscribe(call: Call) -> Reply:
    url, events, secret = asked.webhook(call.body())
    record = call.book.put_webhook(call.account, url, events, secret)
    return Reply(status=201, payload={"id": record["id"]}, note={"webhook": record["id"]})


def unsubscribe(call: Call) -> Reply:
    record = call.find("webhooks", "Вебхук")
    call.book.delete(call.account, "webhooks", record["id"])
    return Reply(status=204, note={"webhook": record["id"]})
