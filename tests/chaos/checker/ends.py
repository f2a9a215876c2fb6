"""How each deal ended, against its plan."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.checker.history import Row, marked
from tests.chaos.checker.invariants.crm import NUMBER, PAID_FIELD, STATUS, kopecks


def missed(deal: Row, account: Mapping[str, Any], portal: Mapping[str, Sequence[Row]]) -> list[str]:
    """What of a deal is not as planned, in words; none when it ended as planned."""
    expected, off = deal["expected"], deal["off_kopecks"]
    shown = next(row for row in portal["deal"] if row["ID"] == deal["deal_id"])
    live = [invoice for invoice in _of(account, "invoices", deal, "invoice") if not invoice["cancelled"]]
    acts = _of(account, "acts", deal, "act")
    found: list[tuple[str, Any, Any]] = [
        ("invoices", expected["invoices"], len(live)),
        ("acts", expected["acts"], len(acts)),
        ("status", expected["status"], str(shown.get(STATUS) or "")),
        ("stage", expected["stage"], shown.get("STAGE_ID")),
        ("paid", expected["paid_kopecks"] + deal["paid_off_kopecks"], kopecks(shown.get(PAID_FIELD))),
        ("number shown", expected["number_shown"], bool(shown.get(NUMBER))),
    ]
    if live and expected["invoices"]:
        found.append(("total", expected["total_kopecks"] + off, live[0]["sum_kopecks"]))
        named = marked(live[0]["comment"])
        found.append(("revision", expected["revision"], named.revision if named else 0))
    return [f"{what}: {wanted!r} ≠ {got!r}" for what, wanted, got in found if wanted != got] + list(_undone(deal))


def _undone(deal: Row) -> Iterator[str]:
    if deal["trouble"]:
        yield deal["trouble"]
    elif not deal["done"]:
        done = len(deal["deeds"])
        yield f"still waiting to {deal['steps'][done]['do']}"


def _of(account: Mapping[str, Any], records: str, deal: Row, kind: str) -> list[Row]:
    return [
        record
        for record in account[records].values()
        if (found := marked(record.get("comment"))) is not None and (found.deal, found.kind) == (deal["deal_id"], kind)
    ]
