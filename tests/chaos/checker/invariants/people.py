"""I16: what people are told of what they must decide, and what becomes of their word."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.chaos.checker.history import SERVICES, Line, Row, Tables, Violation, marked, requests, seconds
from tests.chaos.checker.invariants.crm import comments_of

ASKED: Final = "Нужно решение"
DIFFERS: Final = "document_differs"
REFUSED_MIN: Final = 400
OK: Final = 200
LATER_SECONDS: Final = 590.0
LATEST_SECONDS: Final = 1_500.0
"""By then it must have been looked for again, faults and all."""
LOST: Final = frozenset({"timeout_after", "error_after", "truncated", "html_200", "empty", "reset"})
"""Faults of an answer after which the call was carried out, or may have been."""


def cards_are_told(
    deals: Sequence[Row], tables: Tables, portals: Mapping[str, Mapping[str, Sequence[Row]]]
) -> Iterator[Violation]:
    """I16. Each card of a deal stands in the deal's timeline as a question."""
    opened = Counter(
        (row["tenant_id"], str(row["data"]["deal_id"]))
        for service in SERVICES
        for row in tables[service]["events"]
        if row["type"] == "CardOpened"
    )
    for deal in deals:
        asked = sum(ASKED in text for text in comments_of(portals[deal["slug"]], deal["deal_id"]))
        cards = opened[deal["slug"], str(deal["deal_id"])]
        if asked < cards:
            yield Violation(
                "I16",
                f"{deal['slug']} deal {deal['deal_id']}: {cards} cards were opened, {asked} stand in its timeline",
            )


def decisions_are_kept(tables: Tables, decisions: Sequence[Row], contradicted: Sequence[Row]) -> Iterator[Violation]:
    """I16. What a person decided is an event with the name of who decided, once per card; another choice for a card
    that was taken is refused, and harms nothing."""
    taken: dict[tuple[str, str], list[Row]] = {}
    for service in SERVICES:
        for row in tables[service]["events"]:
            if row["type"] == "CardTaken":
                taken.setdefault((row["tenant_id"], row["data"]["card_id"]), []).append(row)
    for (tenant, card), rows in taken.items():
        if len(rows) > 1:
            yield Violation("I16", f"{tenant}: card {card} was taken {len(rows)} times", tuple(rows))
    for one in decisions:
        for row in taken.get((one["tenant"], one["card"]), ()):
            if not row["data"]["by"] or row["data"]["choice"] != one["choice"]:
                yield Violation(
                    "I16", f"{one['tenant']}: card {one['card']} does not say who took it and how", (row, one)
                )
    for one in contradicted:
        if one["status"] < REFUSED_MIN:
            yield Violation(
                "I16",
                f"{one['tenant']}: card {one['card']} was taken, and {one['choice']} too ({one['status']})",
                (one,),
            )


def other_sums_are_asked_about(
    deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]], tables: Tables
) -> Iterator[Violation]:
    """I16. Where the service made an invoice of another sum than its lines have, by more than a kopeck each, a person
    was asked."""
    asked = {
        (row["tenant_id"], str(row["data"]["deal_id"]))
        for row in tables["invoicing"]["events"]
        if row["type"] == "CardOpened" and row["data"]["kind"] == DIFFERS
    }
    for deal in deals:
        for invoice in accounts[deal["account"]]["invoices"].values():
            found = marked(invoice.get("comment"))
            if found is None or found.deal != deal["deal_id"]:
                continue
            off = invoice["sum_kopecks"] - sum(one["sum_kopecks"] for one in invoice["items"])
            if abs(off) > len(invoice["items"]) and (deal["slug"], str(deal["deal_id"])) not in asked:
                yield Violation(
                    "I16", f"{deal['slug']} deal {deal['deal_id']}: {invoice['number']} is off by {off}", (invoice,)
                )


def lost_answers_are_looked_at_again(
    campaign: Mapping[str, Any], injections: Sequence[Row], lines: Sequence[Line]
) -> Iterator[Violation]:
    """I16. After the answer to a call that makes an invoice was lost, the invoice is looked for once more ten minutes
    later, so that a double that came late is noticed. A clock that jumps counts no minutes."""
    if any(one["name"] == "ClockJumps" for one in injections):
        return
    ended = seconds(campaign["ended_at"])
    looks = [line for line in requests(lines, "elba", "invoice.find") if line["status"] == OK]
    for line in requests(lines, "elba", "invoice.create"):
        if line.get("fault") not in LOST or "number" not in line or seconds(line["at"]) + LATEST_SECONDS > ended:
            continue
        since = seconds(line["at"]) + LATER_SECONDS
        if not any(
            look["account"] == line["account"] and look.get("number") == line["number"] and seconds(look["at"]) >= since
            for look in looks
        ):
            yield Violation("I16", f"{line['account']}: nobody looked for a double of {line['number']}", (line,))
