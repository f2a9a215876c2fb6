"""/invoices and /bank-transactions: create, find, changes, cancel, file, money."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.kontur import asked, wire
from sandbox.kontur.api.files import rendered
from sandbox.kontur.gate import Call, ContextError, Gate, listed


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", "/invoices", "invoice.create", create),
        gate.route("GET", "/invoices", "invoice.find", find),
        gate.route("GET", "/invoices/{id}", "invoice.get", get),
        gate.route("PUT", "/invoices/{id}", "invoice.update", update),
        gate.route("POST", "/invoices/{id}/cancel", "invoice.cancel", cancel),
        gate.route("POST", "/invoices/{id}/copy", "invoice.copy", copy),
        gate.route("GET", "/invoices/{id}/pdf", "invoice.pdf", pdf),
        gate.route("GET", "/bank-transactions", "payment.list", operations),
    ]


def _wire(call: Call, record: Record) -> dict[str, Any]:
    payments = call.book.payments_of(call.account, record["id"])
    return wire.invoice(record, payments, today=call.book.today, base_url=call.request.base_url)


def _written(call: Call, record: Record, status: int = 200) -> Reply:
    note = {"invoice": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=status, payload=_wire(call, record), note=note)


def _read(call: Call) -> dict[str, Any]:
    """The members of an invoice out of a body; raises ApiError with everything that is wrong."""
    body = call.body()
    problems = Problems()
    external_id = checks.text(body, "externalId", problems, longest=200)
    call.facts |= {"date": body.get("date"), "external_id": external_id, "comment": str(body.get("comment"))[:300]}
    number = checks.text(body, "number", problems, longest=checks.NUMBER_CHARS_MAX)
    day = checks.day(body, "date", problems, required=True)
    due_day = checks.day(body, "dueDate", problems)
    if day and due_day and due_day < day:
        problems.add("dueDate", "Срок оплаты раньше даты счёта")
    if body.get("pricesIncludeVat") is not True:
        problems.add("pricesIncludeVat", "Цены без НДС не поддерживаются")
    comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
    lines: Any = asked.lines(body, problems)
    known_products(call, body, problems)
    buyer = known_buyer(call, body, problems)
    asked.raise_any(problems)
    open_period(call, day or "")
    return {
        "number": number,
        "day": day or "",
        "due_day": due_day,
        "counterparty_id": buyer,
        "comment": comment,
        "lines": lines,
        "extra": {"external_id": external_id, "vat_kopecks": sum(line["vat_kopecks"] for line in lines)},
    }


def _free(call: Call, number: str | None, day: str, own_id: str = "") -> None:
    """A number is given once a year."""
    for one in call.account.invoices_by_number.get(number or "", ()):
        held = call.account.records["invoices"][one]
        if held["id"] != own_id and held["date"][:4] == day[:4]:
            context = {"existingId": held["id"]}
            raise ContextError(409, "DocumentNumberTaken", f"Номер {number} уже занят", context)


def create(call: Call) -> Reply:
    """The service numbers where the client does not; nothing keeps a second invoice of one external id away but the
    idempotency key."""
    found = _read(call)
    _free(call, found["number"], found["day"])
    record = call.book.add_invoice(call.account, **found, off_kopecks=call.off_kopecks, lag_seconds=call.lag_seconds)
    return _written(call, record, 201)


def update(call: Call) -> Reply:
    """A whole invoice over the version that `If-Match` names, as long as nothing is paid of it."""
    record = call.find("invoices", "Счёт")
    same_version(call, record, "Счёт изменился")
    found = _read(call)
    if record["cancelled"] or call.book.paid_kopecks(call.account, record["id"]) > 0:
        raise ApiError(409, "InvalidState", "Счёт оплачен или отменён")
    number = found["number"] or record["number"]
    _free(call, number, found["day"], record["id"])
    changed = call.book.edit_invoice(
        call.account,
        record,
        {
            "number": number,
            "date": found["day"],
            "due_date": found["due_day"],
            "counterparty_id": found["counterparty_id"],
            "comment": found["comment"],
            "items": found["lines"],
        },
    )
    return _written(call, call.book.rewrite(call.account, "invoices", changed, **found["extra"]))


def copy(call: Call) -> Reply:
    """The same lines for the same buyer on another day."""
    record, body, problems = call.find("invoices", "Счёт"), call.body(), Problems()
    day = checks.day(body, "date", problems) or call.book.today
    number = checks.text(body, "number", problems, longest=checks.NUMBER_CHARS_MAX)
    asked.raise_any(problems)
    open_period(call, day)
    _free(call, number, day)
    made = call.book.add_invoice(
        call.account,
        number=number,
        day=day,
        due_day=None,
        counterparty_id=record["counterparty_id"],
        comment=record["comment"],
        lines=record["items"],
        extra={"vat_kopecks": record["vat_kopecks"]},
    )
    return _written(call, made, 201)


def same_version(call: Call, record: Record, text: str) -> None:
    """Refuses a change of a version that is no longer the last."""
    if call.request.headers.get("if-match", "").strip('"') != str(record["version"]):
        raise ApiError(412, "VersionMismatch", text)


def find(call: Call) -> Reply:
    """By number and date, buyer, external id or status, or what changed since."""
    query = call.request.query()
    names = {"number": "number", "date": "date", "counterpartyId": "counterparty_id", "externalId": "external_id"}
    call.facts |= {name: query[name] for name in names if name in query}
    records = [
        one
        for one in call.book.select(call.account, "invoices", since=asked.since(query))
        if all(one.get(member) == query[name] for name, member in names.items() if name in query)
    ]
    if "status" in query:
        records = [one for one in records if _wire(call, one)["status"] == query["status"]]
    kind = "" if query.keys() & {*names, "status"} else "invoices"
    return listed(call, records, lambda record: _wire(call, record), kind=kind)


def get(call: Call) -> Reply:
    return _written(call, call.find("invoices", "Счёт"))


def cancel(call: Call) -> Reply:
    record = call.find("invoices", "Счёт")
    if call.book.paid_kopecks(call.account, record["id"]) > 0:
        raise ApiError(409, "InvalidState", "Счёт уже оплачен")
    return _written(call, call.book.cancel_invoice(call.account, record))


def pdf(call: Call) -> Reply:
    return rendered(call, call.find("invoices", "Счёт"), "invoices")


def operations(call: Call) -> Reply:
    """Bank operations by change, day, direction, and whether all of one is spread over invoices; one marked so stands
    twice, as statements do that overlap."""
    query = call.request.query()
    if query.get("matched", "true") not in ("true", "false"):
        raise ApiError(400, "ValidationFailed", "Параметр matched должен быть true или false", "matched")
    records = call.book.select(call.account, "payments", since=asked.since(query))
    if query.get("direction") in ("incoming", "outgoing"):
        records = [one for one in records if (one["amount_kopecks"] >= 0) == (query["direction"] == "incoming")]
    records = [one for one in records if query.get("dateFrom", "") <= one["date"] <= query.get("dateTo", "9999")]
    latest = {one.get("operation") or one["id"]: one for one in records}
    rows = sorted(latest.values(), key=lambda one: (one["updated_at"], one["order"]))

    def write(record: Record) -> dict[str, Any]:
        return wire.operation(call.book.operation_of(call.account, record))

    if "matched" in query:
        rows = [one for one in rows if (write(one)["unallocated"] == 0) == (query["matched"] == "true")]
    return listed(call, rows, write, twice=True)


def known_buyer(call: Call, body: dict[str, Any], problems: Problems) -> str:
    """The buyer's id; a problem when it is missing or unknown."""
    buyer = checks.text(body, "counterpartyId", problems, longest=100, required=True)
    call.facts["counterparty"] = buyer
    if buyer is not None and call.book.get(call.account, "counterparties", buyer.lower()) is None:
        problems.add("counterpartyId", "Указанный контрагент не найден")
    return (buyer or "").lower()


def known_products(call: Call, body: dict[str, Any], problems: Problems) -> None:
    """A problem for each item whose product the nomenclature does not have."""
    items = body.get("items")
    for place, item in enumerate(items if isinstance(items, list) else ()):
        product = item.get("productId") if isinstance(item, dict) else None
        if not product and call.book.switched(call.account, "catalog_only"):
            problems.add(f"items[{place}].productId", "Позиции документов берутся только из номенклатуры")
        if not isinstance(product, str) or not product:
            continue
        if call.book.get(call.account, "products", product) is None:
            problems.add(f"items[{place}].productId", "Номенклатура не найдена")


def open_period(call: Call, day: str) -> None:
    """Refuses a document of a closed period."""
    closed = call.book.switched(call.account, "closed_until") or ""
    if day <= closed:
        raise ApiError(423, "PeriodClosed", f"Период закрыт по {closed}", "date")
