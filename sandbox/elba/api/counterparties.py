"""/counterparties: find by INN, card, list of changes, create, replace."""

from __future__ import annotations

from sandbox.accounting import checks
from sandbox.accounting.checks import ApiError
from sandbox.core.wire import Reply, Route
from sandbox.elba import asked, wire
from sandbox.elba.gate import Call, Gate, listed


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/counterparties", "counterparty.find", find),
        gate.route("POST", "/counterparties", "counterparty.create", create),
        gate.route("GET", "/counterparties/{id}", "counterparty.get", get),
        gate.route("PUT", "/counterparties/{id}", "counterparty.update", update),
    ]


def find(call: Call) -> Reply:
    """A bare array for `inn`, the list envelope otherwise."""
    query = call.request.query()
    if "inn" in query:
        ids = call.account.counterparties_by_inn.get(query["inn"], ())
        found = call.book.select(call.account, "counterparties", ids)
        call.facts["inn"] = query["inn"]
        payload = [wire.counterparty(record) for record in found]
        return Reply(payload=payload, note={"found": [record["id"] for record in found]})
    offset, limit = asked.page(query)
    records = call.book.select(call.account, "counterparties", since=asked.updated_since(query))
    return listed(call, records, wire.counterparty, offset, limit)


def get(call: Call) -> Reply:
    return Reply(payload=wire.counterparty(call.find("counterparties", "Контрагент")))


def create(call: Call) -> Reply:
    card = checks.counterparty(call.body())
    call.facts |= {"inn": card["inn"], "kpp": card["kpp"]}
    if not call.account.dials.duplicate_counterparties and card["inn"]:
        ids = call.account.counterparties_by_inn.get(card["inn"], ())
        same = [one for one in call.book.select(call.account, "counterparties", ids) if one["kpp"] == card["kpp"]]
        if same:
            raise ApiError(409, "EntityAlreadyExists", "Контрагент с такими ИНН и КПП уже существует", "inn")
    record = call.book.put_counterparty(call.account, card, lag_seconds=call.lag_seconds)
    return Reply(status=201, payload=wire.counterparty(record), note={"counterparty": record["id"]})


def update(call: Call) -> Reply:
    record = call.find("counterparties", "Контрагент")
    card = checks.counterparty(call.body())
    changed = call.book.put_counterparty(call.account, card, record_id=record["id"], lag_seconds=call.lag_seconds)
    return Reply(payload=wire.counterparty(changed), note={"counterparty": record["id"]})
