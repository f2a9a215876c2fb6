"""/kontragents: find by INN or name, card, changes, create, replace, delete."""

from __future__ import annotations

from sandbox.accounting.checks import ApiError, Problems
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import checks, wire
from sandbox.moedelo.gate import Call, Gate, asked, listed

PATH = "/kontragents/api/v1/kontragent"


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", PATH, "counterparty.find", find),
        gate.route("POST", PATH, "counterparty.create", create),
        gate.route("GET", f"{PATH}/{{id}}", "counterparty.get", get),
        gate.route("PUT", f"{PATH}/{{id}}", "counterparty.update", update),
        gate.route("DELETE", f"{PATH}/{{id}}", "counterparty.delete", delete),
    ]


def find(call: Call) -> Reply:
    query = asked(call)
    call.facts |= {name: query[name] for name in ("inn", "name") if name in query}
    records = [
        record
        for record in call.book.select(call.account, "counterparties")
        if query.get("inn") in (None, record["inn"])
        and query.get("name", "").lower() in str(record["full_name"]).lower()
    ]
    return listed(call, records, wire.kontragent)


def get(call: Call) -> Reply:
    return Reply(payload=wire.kontragent(call.find("counterparties", "Контрагент")))


def create(call: Call) -> Reply:
    """A second POST of an INN makes a second record, or is refused where the account's dial says so."""
    body, problems = call.body(), Problems()
    card = checks.kontragent(body, problems)
    call.facts |= {"inn": card["inn"], "kpp": card["kpp"]}
    problems.raise_any()
    if not call.account.dials.duplicate_counterparties and card["inn"]:
        same = [one for one in call.book.select(call.account, "counterparties") if one["inn"] == card["inn"]]
        if any(one["kpp"] == card["kpp"] for one in same):
            raise ApiError(409, "Conflict", "Контрагент с такими ИНН и КПП уже существует")
    record = call.book.put_counterparty(call.account, card, lag_seconds=call.lag_seconds)
    return Reply(status=201, payload=wire.kontragent(record), note={"counterparty": record["id"]})


def update(call: Call) -> Reply:
    record = call.find("counterparties", "Контрагент")
    problems = Problems()
    card = checks.kontragent(call.body(), problems)
    problems.raise_any()
    kept = {**card, "email": record["email"], "phone": record["phone"]}
    changed = call.book.rewrite(call.account, "counterparties", record, lag_seconds=call.lag_seconds, **kept)
    return Reply(payload=wire.kontragent(changed), note={"counterparty": record["id"]})


def delete(call: Call) -> Reply:
    record = call.find("counterparties", "Контрагент")
    call.book.delete(call.account, "counterparties", record["id"])
    return Reply(status=204, note={"counterparty": record["id"]})
