"""I1, I2, I6, I9: documents in the accounting service."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from tests.chaos.checker.history import Line, Row, Tables, Violation, marked, requests, seconds

REFUSED_FOR_GOOD: Final = frozenset({400, 401, 402, 403, 404, 409, 429})
"""Answers after which nothing was made, so that sending again is harmless."""
HONEST: Final = frozenset(
    {"kopeck_off", "read_lag", "paging_shift", "pdf_late", "field_added", "field_missing", "field_retyped", "empty"}
)
"""Faults that leave the status of an answer true."""
AGAIN: Final = frozenset({"resend", "create_again"})
"""Decisions to make something once more."""
NEGATIVE_PROBES_MIN: Final = 2
PROBE_GAP_SECONDS: Final = 60.0
QUIET_SECONDS: Final = 180.0
TOLERANCE_SECONDS: Final = 3.0
"""Business seconds by which clocks of two processes may differ at the campaign's rate."""


def one_live_invoice(
    deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]], lines: Sequence[Line]
) -> Iterator[Violation]:
    """I1. A deal has exactly one invoice in force: never two of one revision, never two revisions at once, and none
    only where the plan says so (the deal could not be invoiced, or the accountant deleted it by hand)."""
    for deal in deals:
        live = [
            invoice
            for invoice in accounts[deal["account"]]["invoices"].values()
            if not invoice["cancelled"] and _names(invoice, deal, "invoice")
        ]
        wanted = deal["expected"]["invoices"]
        if len(live) > 1 or len(live) < wanted or (not wanted and live):
            numbers = ", ".join(invoice["number"] for invoice in live) or "none"
            yield Violation(
                "I1",
                f"{deal['slug']} deal {deal['deal_id']} ({deal['scenario']}) has {len(live)} invoices in force "
                f"({numbers}), not {wanted}",
                tuple(_lines_of(lines, deal, "invoice.create")),
            )


def effects_and_documents_match(
    tables: Tables, accounts: Mapping[str, Mapping[str, Any]], lines: Sequence[Line]
) -> Iterator[Violation]:
    """I2. Each document and each buyer that was made over the API belongs to exactly one effect that says it was made
    (or to one that a person settled), and each such effect has its record."""
    made = {kind: _made_over_api(lines, kind) for kind in ("invoice", "act", "counterparty")}
    for kind, service in (("invoice", "invoicing"), ("act", "invoicing"), ("counterparty", "counterparty")):
        owners: dict[str, list[Row]] = defaultdict(list)
        for row in tables[service]["work"]:
            if row["kind"] == f"create-{kind}" and row["state"] == "CONFIRMED":
                owners[str(row["outcome"]["result"]["remote_id"])].append(row)
        adopted = _adopted(tables, kind)
        for remote_id, rows in owners.items():
            if len(rows) > 1:
                yield Violation("I2", f"{len(rows)} effects claim the {kind} {remote_id}", tuple(rows))
            if remote_id not in made[kind]:
                yield Violation("I2", f"an effect claims the {kind} {remote_id}, which was never made", tuple(rows))
        for remote_id, line in made[kind].items():
            known = remote_id in owners or remote_id in adopted or _number(accounts, line, kind) in adopted
            if not known:
                yield Violation("I2", f"the {kind} {remote_id} was made and no effect knows of it", (line,))


def one_act(
    deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]], lines: Sequence[Line]
) -> Iterator[Violation]:
    """I6. A deal that was won has exactly one act; any other has none."""
    for deal in deals:
        acts = [act for act in accounts[deal["account"]]["acts"].values() if _names(act, deal, "act")]
        if len(acts) != deal["expected"]["acts"]:
            yield Violation(
                "I6",
                f"{deal['slug']} deal {deal['deal_id']} ({deal['scenario']}) has {len(acts)} acts, "
                f"not {deal['expected']['acts']}",
                tuple(_lines_of(lines, deal, "act.create")),
            )


def no_second_send_without_proof(
    lines: Sequence[Line], deals: Sequence[Row], decisions: Sequence[Row]
) -> Iterator[Violation]:
    """I9. A create call whose answer was lost is repeated only after two look-ups a minute apart found nothing, the
    last of them three minutes after the call; otherwise, and where the service has no look-up, only as often as a
    person said so."""
    said = Counter((one["tenant"], one["deal"]) for one in decisions if one["choice"] in AGAIN)
    for creates in _by_subject(lines, "invoice.create", "act.create", "counterparty.create").values():
        whose = next((_whose(line, deals) for line in creates if _named(line)), ("", ""))
        for first, second in pairwise(creates):
            if _refused_for_good(first):
                continue
            unproven = list(_unproven(lines, first, second))
            if unproven and said[whose]:
                said[whose] -= 1
                continue
            yield from unproven


def _refused_for_good(line: Line) -> bool:
    if line["status"] not in REFUSED_FOR_GOOD:
        return False
    return line.get("fault") in (None, *HONEST) or (line.get("outcome") or {}).get("committed") is False


def _whose(line: Line, deals: Sequence[Row]) -> tuple[str, str]:
    """The tenant and the deal that a create call is for."""
    named = marked(line.get("comment"))
    for deal in deals:
        if deal["account"] != line["account"]:
            continue
        if named is not None and named.deal == deal["deal_id"]:
            return deal["slug"], str(deal["deal_id"])
        if named is None and line.get("inn") and line["inn"] == deal["buyer"]["inn"]:
            return deal["slug"], str(deal["deal_id"])
    return "", ""


def _unproven(lines: Sequence[Line], first: Line, second: Line) -> Iterator[Violation]:
    kind = first["operation"].partition(".")[0]
    probes = [
        line
        for line in requests(lines, first["vendor"], f"{kind}.find")
        if line["account"] == first["account"]
        and first["seq"] < line["seq"] < second["seq"]
        and (_looks_for(line, first) if _named(first) else _looks_for(line, second))
        and line["status"] == 200
    ]
    counted: list[Line] = []
    for probe in probes:
        if not counted or seconds(probe["at"]) - seconds(counted[-1]["at"]) >= PROBE_GAP_SECONDS - TOLERANCE_SECONDS:
            counted.append(probe)
    evidence = (first, *counted, second)
    if kind == "act":
        yield Violation("I9", f"{_subject(first)} was sent twice, and nobody had decided that", evidence)
    elif len(counted) < NEGATIVE_PROBES_MIN:
        yield Violation("I9", f"{_subject(first)} was sent twice after {len(counted)} look-ups", evidence)
    elif seconds(probes[-1]["at"]) - seconds(first["at"]) < QUIET_SECONDS - TOLERANCE_SECONDS:
        yield Violation("I9", f"{_subject(first)} was sent again before the quiet time was over", evidence)


def _by_subject(lines: Sequence[Line], *operations: str) -> dict[tuple[str, str], list[Line]]:
    """The calls that make one thing, in their order. A call whose body was never read is known by its key alone."""
    calls = [line for line in requests(lines, "elba", *operations) if not line.get("late")]
    named = {line["idempotency_key"]: _subject(line) for line in calls if line.get("idempotency_key") and _named(line)}
    found: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in calls:
        key = str(line.get("idempotency_key") or "")
        subject = _subject(line) if _named(line) else named.get(key, key)
        found[line["account"], subject].append(line)
    return found


def _named(line: Line) -> bool:
    return bool(line.get("comment") or line.get("inn") or line.get("email"))


def _subject(line: Line) -> str:
    """What a create call is for: the marker, or the buyer."""
    named = marked(line.get("comment"))
    if named is not None:
        return named.text
    buyer = f"{line.get('inn') or ''} {line.get('kpp') or ''} {line.get('email') or ''}".strip()
    return f"{line['operation']} {buyer or line.get('idempotency_key', '')}"


def _looks_for(probe: Line, create: Line) -> bool:
    if "number" in create:
        return bool(probe.get("number") == create["number"])
    if create.get("inn"):
        return bool(probe.get("inn") == create["inn"])
    return True  # buyers without INN are looked for among all changes


def _names(record: Row, deal: Row, kind: str) -> bool:
    found = marked(record.get("comment"))
    return found is not None and (found.deal, found.kind) == (deal["deal_id"], kind)


def _lines_of(lines: Sequence[Line], deal: Row, operation: str) -> Iterator[Line]:
    for line in requests(lines, "elba", operation):
        found = marked(line.get("comment"))
        if line["account"] == deal["account"] and found is not None and found.deal == deal["deal_id"]:
            yield line


def _made_over_api(lines: Sequence[Line], kind: str) -> dict[str, Line]:
    """Records that calls made, by id, with the call's line."""
    found: dict[str, Line] = {}
    for line in requests(lines, "elba", f"{kind}.create"):
        record = (line.get("outcome") or {}).get(kind)
        if record and not (line.get("outcome") or {}).get("repeated"):
            found[str(record)] = line
    return found


def _adopted(tables: Tables, kind: str) -> set[str]:
    """Ids and numbers that came by a person's decision."""
    found: set[str] = set()
    if kind == "counterparty":
        for row in tables["counterparty"]["events"]:
            if row["type"] == "RecordFound":
                found.add(str(row["data"]["remote_id"]))
        return found
    for row in tables["invoicing"]["events"]:
        if row["type"] == "Made" and row["data"]["kind"] == kind:
            issued = row["data"]["issued"]
            found |= {str(issued["remote_id"]), f"number {issued['number']}"}
    return found


def _number(accounts: Mapping[str, Mapping[str, Any]], line: Line, kind: str) -> str:
    number = (line.get("outcome") or {}).get("number")
    return f"number {number}" if kind != "counterparty" and number else ""
