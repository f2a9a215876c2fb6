"""Small hand-made histories for tests of the checker: one tenant, one deal, one invoice, and their changes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

START: Final = datetime(2026, 9, 15, 6, 0, tzinfo=UTC)
SLUG: Final = "kedr"
ACCOUNT: Final = "elba-kedr"
MARK: Final = "К1-0badcafe"
OTHER_MARK: Final = "К2-deadbeef"
DEAL_ID: Final = 1001
TOTAL: Final = 100_000
INVOICE: Final = "inv-1"
INN: Final = "7736207543"


def at(seconds: float) -> str:
    """A moment of business time, as the ledger writes it."""
    return (START + timedelta(seconds=seconds)).isoformat()


def marker(kind: str = "invoice", deal: int = DEAL_ID, revision: int = 1) -> str:
    """A document's marker."""
    return f"[b24:{deal}:{kind}:{revision}:0123abcd]"


def tenant(**changes: Any) -> dict[str, Any]:
    """A planned tenant."""
    return {"slug": SLUG, "account": ACCOUNT, "canary": MARK, **changes}


def deal(**changes: Any) -> dict[str, Any]:
    """A planned deal that was paid in full; ``expected`` may be changed by key."""
    expected = {
        "invoices": 1, "acts": 0, "total_kopecks": TOTAL, "paid_kopecks": TOTAL, "status": "Оплачен",
        "stage": "FINAL_INVOICE", "revision": 1, "number_shown": True, "cards": [], **changes.pop("expected", {}),
    }  # fmt: skip
    return {
        "slug": SLUG, "account": ACCOUNT, "deal_id": DEAL_ID, "scenario": "paid_in_full", "done": True, "trouble": "",
        "off_kopecks": 0, "paid_off_kopecks": 0,
        "deeds": [{"do": "Enter", "real": 100.0}, {"do": "Pay", "real": 110.0}],
        "steps": [{"do": "Enter"}, {"do": "Pay"}], "buyer": {"kind": "company", "inn": INN}, "expected": expected,
        **changes,
    }  # fmt: skip


def invoice(invoice_id: str = INVOICE, **changes: Any) -> dict[str, Any]:
    """An invoice in the account."""
    return {
        "id": invoice_id, "number": f"B24-{DEAL_ID}", "comment": marker(), "sum_kopecks": TOTAL, "cancelled": False,
        **changes,
    }  # fmt: skip


def payment(payment_id: str = "pay-1", **changes: Any) -> dict[str, Any]:
    """A payment in the account."""
    return {"id": payment_id, "invoice_id": INVOICE, "amount_kopecks": TOTAL, "removed": False, **changes}


def account(
    invoices: Sequence[Mapping[str, Any]] = (), payments: Sequence[Mapping[str, Any]] = (), acts: Sequence[Any] = ()
) -> dict[str, Any]:
    """One account's state."""
    named = {"invoices": invoices, "payments": payments, "acts": acts}
    return {ACCOUNT: {kind: {row["id"]: row for row in rows} for kind, rows in named.items()}}


def portal(**changes: Any) -> dict[str, Any]:
    """One portal's state: the deal as it shows that it was paid. ``fields`` changes the deal's own."""
    fields = {
        "ID": DEAL_ID, "STAGE_ID": "FINAL_INVOICE", "UF_CRM_INVOICE_NUMBER": f"B24-{DEAL_ID}",
        "UF_CRM_INVOICE_STATUS": "Оплачен", "UF_CRM_PAID": "1000.00|RUB", **changes.pop("fields", {}),
    }  # fmt: skip
    history = [
        {"ID": number, "ENTITY_TYPE_ID": 2, "OWNER_ID": DEAL_ID, "STAGE_ID": stage}
        for number, stage in enumerate(changes.pop("stages", ("NEW", "PREPAYMENT_INVOICE", "FINAL_INVOICE")), start=1)
    ]
    return {SLUG: {"deal": [fields], "stagehistory": history, "comment": [], "message": [], **changes}}


def request(operation: str, seconds: float, *, seq: int = 0, **changes: Any) -> dict[str, Any]:
    """A request's line in the ledger; real time runs thirty times slower than business time."""
    return {
        "seq": seq or int(seconds * 10) + 1, "at": at(seconds), "real_at": at(seconds / 30), "kind": "request",
        "vendor": "elba", "account": ACCOUNT, "operation": operation, "n": 1, "status": 200, "error": None, **changes,
    }  # fmt: skip


def create(seconds: float, **changes: Any) -> dict[str, Any]:
    """The line of a call that made the invoice."""
    outcome = {"invoice": INVOICE, "number": f"B24-{DEAL_ID}"}
    return request(
        "invoice.create", seconds,
        **{"status": 201, "number": f"B24-{DEAL_ID}", "comment": marker(), "outcome": outcome, **changes},
    )  # fmt: skip


def create_act(seconds: float, **changes: Any) -> dict[str, Any]:
    """The line of a call that made the act."""
    outcome = {"act": "act-1", "number": "1"}
    return request("act.create", seconds, **{"status": 201, "comment": marker("act"), "outcome": outcome, **changes})


def look_up(seconds: float, **changes: Any) -> dict[str, Any]:
    """The line of a look-up by the invoice's number that found nothing."""
    return request("invoice.find", seconds, **{"number": f"B24-{DEAL_ID}", "outcome": {"total": 0}, **changes})


def event(service: str, kind: str, data: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A stored event."""
    return {
        "tenant_id": SLUG, "stream": f"deal-{DEAL_ID}", "version": 1, "position": 1, "type": kind,
        "data": dict(data or {}), "command_id": f"{service}:{kind}", "metadata": {}, **changes,
    }  # fmt: skip


def effect(kind: str = "create-invoice", **changes: Any) -> dict[str, Any]:
    """A piece of work at its end."""
    return {
        "tenant_id": SLUG, "work_id": "w-1", "kind": kind, "state": "CONFIRMED", "queue": "closed", "attempts": [],
        "delayed_since": None, "outcome": {"result": {"remote_id": INVOICE}}, **changes,
    }  # fmt: skip


def tables(**services: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """The databases, empty but for what is given as ``service={"table": rows}``."""
    names = (
        "events", "work", "outbox", "inbox", "dead_letters", "decision_cards", "webhooks", "stage_entries",
        "connections", "invoices", "counted_payments", "unmatched_operations",
    )  # fmt: skip
    return {
        service: {name: list(services.get(service, {}).get(name, ())) for name in names}
        for service in ("ingest", "counterparty", "invoicing", "payments", "notifier")
    }


def injection(name: str, began: float, ended: float, **changes: Any) -> dict[str, Any]:
    """A fault that struck; ``began`` and ``ended`` are business seconds after the start, kept as real unix times."""
    return {
        "code": "F01", "name": name, "at": 1.0, "began": START.timestamp() + began / 30,
        "ended": START.timestamp() + ended / 30, "count": 1, "fired": 1, "rules": {}, "detail": {}, "trouble": "",
        **changes,
    }  # fmt: skip


def campaign(**changes: Any) -> dict[str, Any]:
    """What the campaign said of itself."""
    return {
        "seed": 7, "seconds": 40.0, "clock_rate": 30.0, "heal_seconds_max": 40.0, "unsettled": "", "unasked_deaths": [],
        "kills": {}, "secrets": [], "decisions": [], "exits": {"ingest": {"code": 0, "seconds": 1.0}}, **changes,
    }  # fmt: skip


def card(kind: str, seconds: float = 0.0, **changes: Any) -> dict[str, Any]:
    """The event of a decision card that was opened."""
    data = {
        "kind": kind, "card_id": "c-1", "deal_id": str(DEAL_ID), "opened_at": at(seconds), "values": {}, **changes,
    }  # fmt: skip
    return event("invoicing", "CardOpened", data)
