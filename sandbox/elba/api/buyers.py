"""The buyer that a document must have."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.checks import Problems
from sandbox.elba.gate import Call


def known_counterparty(call: Call, body: dict[str, Any], problems: Problems) -> str:
    """The buyer's id; a problem when it is missing or unknown."""
    counterparty_id = checks.text(body, "counterpartyId", problems, longest=100, required=True)
    call.facts["counterparty"] = counterparty_id
    if counterparty_id is None:
        return ""
    if not call.book.holds(call.account, "counterparties", counterparty_id.lower()):
        problems.add("counterpartyId", "Указанный контрагент не найден")
    return counterparty_id.lower()
