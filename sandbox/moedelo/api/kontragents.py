"""/kontragents: find by INN or name, card, changes, create, replace, delete."""

from __future__ import annotations

from typing import Any

from sandbox.accounting.checks import NAME_CHARS_MAX, ApiError, Problems, inn_valid, text
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import checks, wire
from sandbox.moedelo.gate import Call, Gate, asked, listed, moment, paged

PATH = "/kontragents/api/v1/kontragent"


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", PATH, "counterparty.find", find),
        gate.route("POST", PATH, "counterparty.create", create),
        gate.route("POST", f"{PATH}/inn", "counterparty.create_by_inn", create_by_inn),
        gate.route("GET", f"{PATH}/{{id}}", "counterparty.get", get),
        gate.route("POST", f"{PATH}/{{id}}/account", "counterparty.account", add_account),
        gate.route("POST", f"{PATH}/{{id}}/contact", "counterparty.contact", put_contact),
        gate.route("PUT", f"{PATH}/{{id}}/contact", "counterparty.contact", put_contact),
        gate.route("PUT", f"{PATH}/{{id}}", "counterparty.update", update),
        gate.route("DELETE", f"{PATH}/{{id}}", "counterparty.delete", delete),
    ]


def find(call: Call) -> Reply:
    query = asked(call)
    call.facts |= {name: query[name] for name in ("inn", "name") if name in query}
    inn, name, since = query.get("inn"), query.get("name", "").lower(), moment(query, "afterDate")
    if inn is None and not name and "beforedate" not in query:
        whole = call.book.whole(call.account, "counterparties", since)
        if whole is not None:  # whoever reads tens of thousands, page by page
            return paged(call, whole, wire.kontragent)
    ids = None if inn is None else call.account.counterparties_by_inn.get(inn, ())
    records = [
        record
        for record in call.book.select(call.account, "counterparties", ids, since)
        if inn in (None, record["inn"]) and (not name or name in str(record["full_name"]).lower())
    ]
    return listed(call, records, wire.kontragent)


def get(call: Call) -> Reply:
    return Reply(payload=wire.kontragent(call.find("counterparties", "Контрагент")))


def create(call: Call) -> Reply:
    """A second POST of an INN makes a second record, or is refused where the account's dial says so."""
    return _created(call, call.body())


def create_by_inn(call: Call) -> Reply:
    """From the state register, of which this account knows no more than the INN itself."""
    body, problems = call.body(), Problems()
    inn = text(body, "Inn", problems, longest=12)
    if inn is None or not inn_valid(inn):
        problems.add("Inn", "Указан некорректный ИНН")
    problems.raise_any()
    legal = len(inn or "") == 10
    name = f"ООО «{inn}»" if legal else f"ИП {inn}"
    kpp = {"Kpp": f"{str(inn)[:4]}01001"} if legal else {}
    return _created(call, {"Name": name, "Type": body.get("Type", 2), "Form": 1 if legal else 2, "Inn": inn, **kpp})


def _created(call: Call, body: dict[str, Any]) -> Reply:
    problems = Problems()
    card = checks.kontragent(body, problems)
    call.facts |= {"inn": card["inn"], "kpp": card["kpp"]}
    problems.raise_any()
    if not call.account.dials.duplicate_counterparties and card["inn"]:
        ids = call.account.counterparties_by_inn.get(card["inn"], ())
        same = call.book.select(call.account, "counterparties", ids)
        if any(one["kpp"] == card["kpp"] for one in same):
            raise ApiError(409, "Conflict", "Контрагент с такими ИНН и КПП уже существует")
    record = call.book.put_counterparty(call.account, card, lag_seconds=call.lag_seconds)
    return Reply(status=201, payload=wire.kontragent(record), note={"counterparty": record["id"]})


def update(call: Call) -> Reply:
    record = call.find("counterparties", "Контрагент")
    problems = Problems()
    card = checks.kontragent(call.body(), problems)
    problems.raise_any()
    kept: dict[str, Any] = {**card, "email": record["email"], "phone": record["phone"]}
    changed = call.book.rewrite(call.account, "counterparties", record, lag_seconds=call.lag_seconds, **kept)
    return Reply(payload=wire.kontragent(changed), note={"counterparty": record["id"]})


def delete(call: Call) -> Reply:
    record = call.find("counterparties", "Контрагент")
    call.book.delete(call.account, "counterparties", record["id"])
    return Reply(status=204, note={"counterparty": record["id"]})


def add_account(call: Call) -> Reply:
    """A settlement account of twenty digits at a bank."""
    record, body, problems = call.find("counterparties", "Контрагент"), call.body(), Problems()
    bik, number = text(body, "Bik", problems, longest=9), text(body, "Number", problems, longest=20)
    if bik is None or len(bik) != 9 or not bik.isdecimal():
        problems.add("Bik", "Указан некорректный БИК")
    if number is None or len(number) != 20 or not number.isdecimal():
        problems.add("Number", "Номер счёта состоит из 20 цифр")
    problems.raise_any()
    row = call.book.put_details(call.account, record["id"], "accounts", {"Bik": bik, "Number": number})
    return Reply(status=201, payload=row, note={"counterparty": record["id"]})


def put_contact(call: Call) -> Reply:
    """A person with e-mails and phones; the first ones are those of the card."""
    record, body, problems = call.find("counterparties", "Контрагент"), call.body(), Problems()
    fields: dict[str, Any] = {"Fio": text(body, "Fio", problems, longest=NAME_CHARS_MAX)}
    for name, member in (("Emails", "Email"), ("Phones", "Number")):
        rows = body.get(name) or []
        if not isinstance(rows, list) or not all(isinstance(one, dict) and one.get(member) for one in rows):
            problems.add(name, f"Нужен список с полем {member}")
        fields[name] = rows
    problems.raise_any()
    row = call.book.put_details(call.account, record["id"], "contacts", fields)
    status = 201 if call.request.method == "POST" else 200
    return Reply(status=status, payload=row, note={"counterparty": record["id"]})
