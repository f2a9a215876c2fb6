"""Points that must be reached sometimes: each recovery path, probe class, state of the breaker, and kind of card."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.chaos.checker.history import History, Row, Tables

SAMPLE: Final = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>[0-9.eE+-]+)$", re.MULTILINE)
COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "a transaction was taken again after an outage of Postgres": ("sverka_db_retries_total", ""),
    "a batch of messages was taken again": ("sverka_consume_retries_total", 'cause="infrastructure"'),
    "a repeated message was recognised": ("sverka_consumed_messages_total", 'result="repeated"'),
    "a loss at the broker was found by a relay": ("sverka_broker_losses_total", ""),
    "a consumer's position was found lost": ("sverka_consumer_positions_lost_total", ""),
    "partitions were given anew": ("sverka_consumer_rebalances_total", ""),
    "an invoice's look-up found it": ("sverka_effect_probes_total", 'kind="create-invoice",answer="found"'),
    "an invoice's look-up did not find it": ("sverka_effect_probes_total", 'kind="create-invoice",answer="not_found"'),
    "a look-up could not tell": ("sverka_effect_probes_total", 'answer="inconclusive"'),
    "a buyer's look-up found it": ("sverka_effect_probes_total", 'kind="create-counterparty",answer="found"'),
    "something was sent a second time": ("sverka_effect_second_sends_total", ""),
    "a breaker stood open": ("sverka_breakers_open", ""),
    "permits were not to be had": ("sverka_permits_refused_total", 'reason="away"'),
    "a call surely was not sent": ("sverka_vendor_calls_total", 'outcome="not_sent"'),
    "a call's fate was unknown": ("sverka_vendor_calls_total", 'outcome="unknown"'),
    "a webhook was not stored": ("sverka_ingest_webhooks_total", 'result="unavailable"'),
    "a token was fetched": ("sverka_ingest_tokens_fetched_total", 'result="ok"'),
    "work was delayed": ("sverka_work_delayed_rows", ""),
}
"""What a metric of any process showed above zero, by name and a part of its labels."""
CARDS: Final = (
    "document_uncertain", "document_differs", "content_changed", "vat_rate_not_in_force", "cancel_refused",
    "counterparty_double", "branch_unknown", "overpaid", "refunded_after_paid", "payment_vanished",
)  # fmt: skip
_EDI: Final = "sellers of campaigns exchange no electronic documents"
_FILES: Final = "campaigns have no bank statement files"
_REGISTER: Final = "tenants of campaigns ask no register"
NOT_IN_CAMPAIGNS: Final = {
    "buyer_late": "a day must pass",
    "review_late": "a day must pass",
    "pdf_refused": "accounting would refuse four times to give a file that it has; broken files are no refusals",
    "counterparty_uncertain": "fifteen minutes of failing look-ups of one buyer",
    "cancelled_with_money": "accounting refuses to cancel a paid invoice, so only its own hands could bring it about",
    "document_doubled": "the late commit comes after the wait: `tests/services/invoicing/test_late_calls.py` shows it",
    "cancel_by_hand": "the accounting service of campaigns cancels by itself",
    "company_double": "campaigns bring nothing from accounting into the CRM",
    "deal_lost": "nobody of a campaign gives a deal up",
    "goods_unknown": "the accounting service of campaigns has no nomenclature",
    "invoice_edited": "invoices that stand are looked at every six hours",
    "invoice_gone": "invoices that stand are looked at every six hours",
    "payments_missing": "accounting lists no payment of a paid invoice for an hour",
    "order_cancelled": "campaigns have no shop",
    "buyer_ending": _REGISTER,
    "buyer_liquidated": _REGISTER,
    "payment_refund": _FILES,
    "payment_suspect": _FILES,
    "payment_unclear": _FILES,
    "statement_incomplete": _FILES,
    "statement_refused": _FILES,
    "edi_no_box": _EDI,
    "edi_not_acquainted": _EDI,
    "edi_not_posted": _EDI,
    "edi_other_operator": _EDI,
    "edi_partner_refuses": _EDI,
    "edi_title_refused": _EDI,
    "edi_uncertain": _EDI,
    "edi_waits_long": _EDI,
}
"""Kinds of cards that the unit tests of the services show, and campaigns do not, with why."""
BREAKER: Final = {"opened": "AccountWentDown", "closed again": "AccountCameBack"}
DELAYS: Final = {"delayed work was told": "WorkFellBehind", "delayed work went on": "WorkWentOn"}
CODES: Final = (
    "F01", "F02", "F03", "F04", "F05", "F06", "F09", "F10", "F11", "F12", "F13", "F14", "F15", "F16", "F17", "F18",
    "F20", "F21", "F22", "F23", "F24", "F25", "F26", "F27", "F28", "F29", "F30", "F31", "F32", "F33", "F34", "F35",
    "F36", "F37", "F38", "F39", "F40", "F41", "F42", "F43", "F44", "F45", "F46", "F47", "F51",
)  # fmt: skip
"""The faults of the catalogue that campaigns have."""


def all_points() -> frozenset[str]:
    """Everything that the runs of one set must reach together."""
    return frozenset(
        [*COUNTED, *(f"card {kind}" for kind in CARDS), *(f"breaker {what}" for what in BREAKER), *DELAYS]
        + [f"fault {code}" for code in CODES]
        + ["a webhook was lost and its entry was found"]
    )


def reached(history: History) -> list[str]:
    """The points of this run."""
    found = {point for point, (name, part) in COUNTED.items() if _counted(history.metrics, name, part)}
    events = _types(history.tables)
    found |= {f"card {kind}" for kind in CARDS if kind in _card_kinds(history.tables)}
    found |= {f"breaker {what}" for what, kind in BREAKER.items() if kind in events}
    found |= {what for what, kind in DELAYS.items() if kind in events}
    found |= {f"fault {one['code']}" for one in history.injections if one["fired"]}
    if any(line["kind"] == "event" and line["phase"] == "dropped" for line in history.lines):
        found.add("a webhook was lost and its entry was found")
    return sorted(found)


def _counted(metrics: Mapping[str, str], name: str, part: str) -> bool:
    wanted = [label for label in part.split(",") if label]
    for text in metrics.values():
        for sample in SAMPLE.finditer(text):
            labels = sample["labels"] or ""
            if sample["name"] == name and all(label in labels for label in wanted) and float(sample["value"]) > 0:
                return True
    return False


def _types(tables: Tables) -> set[str]:
    return {str(row["type"]) for rows in tables.values() for row in rows["events"]}


def _card_kinds(tables: Tables) -> set[str]:
    rows: Sequence[Row] = [row for found in tables.values() for row in found["events"] if row["type"] == "CardOpened"]
    return {str(_data(row)["kind"]) for row in rows}


def _data(row: Row) -> Mapping[str, Any]:
    found: Mapping[str, Any] = row["data"]
    return found
