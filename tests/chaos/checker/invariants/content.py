"""I1, I2, I4, I6: what documents hold: whose they are, their lines, their VAT, their day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from tests.chaos.checker.history import Row, Violation, marked, moment

MOSCOW: Final = timezone(timedelta(hours=3))
NO_VAT: Final = "NoNds"
ENTRIES: Final = {"invoice": "PREPAYMENT_INVOICE", "act": "WON"}
"""The stage whose entry asks for a document."""
DUE_DAYS: Final = (3, 16)
"""Five working days are at least seven days, less where a payment is due sooner; at most the New Year holidays more."""
ADDED: Final = "Доставка"
"""The line that people add to a deal; a replaced invoice has it."""


def documents_hold_the_plan(
    tenants: Sequence[Row], deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]]
) -> Iterator[Violation]:
    """I4. The lines of a deal's invoice, and of its act, are those that its manager entered, all of them and no other:
    names, quantities, the rate of VAT that the seller charges, and, to the kopeck, their sum."""
    vat = {tenant["slug"]: tenant["vat"] for tenant in tenants}
    for deal in deals:
        if not deal["done"]:
            continue
        planned = _planned(deal, vat[deal["slug"]])
        for kind in ("invoice", "act"):
            for document in standing(accounts[deal["account"]], deal, kind):
                total = sum(one["sum_kopecks"] for one in document["items"])
                where = f"{deal['slug']} deal {deal['deal_id']} ({deal['scenario']}): {kind} {document['number']}"
                if wrong := _other_lines(document["items"], planned):
                    yield Violation("I4", f"{where} has other lines than the deal: {wrong}", (document, deal["rows"]))
                elif total != deal["expected"]["total_kopecks"]:
                    yield Violation(
                        "I4", f"{where} is for {total}, not {deal['expected']['total_kopecks']}", (document,)
                    )


def documents_are_the_buyers(deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]]) -> Iterator[Violation]:
    """I2. The record that an invoice and an act name as their buyer is the deal's buyer: by INN, or by e-mail where it
    has none."""
    for deal in deals:
        buyer, account = deal["buyer"], accounts[deal["account"]]
        for kind in ("invoice", "act"):
            for document in standing(account, deal, kind):
                record = account["counterparties"].get(document["counterparty_id"]) or {}
                by = "inn" if buyer["inn"] else "email"
                if record.get(by) != buyer[by]:
                    yield Violation(
                        "I2",
                        f"{deal['slug']} deal {deal['deal_id']}: {kind} {document['number']} is another buyer's",
                        (document, record, buyer),
                    )


def chosen_records_are_taken(
    deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]], decisions: Sequence[Row]
) -> Iterator[Violation]:
    """I2. Where people said which of several records is the buyer, the invoice names that one."""
    chosen = {
        (one["tenant"], str(one["deal"])): one["choice"].removeprefix("use_")
        for one in decisions
        if one["planned"] and one["choice"].startswith("use_")
    }
    for deal in deals:
        record = chosen.get((deal["slug"], str(deal["deal_id"])))
        for invoice in standing(accounts[deal["account"]], deal, "invoice"):
            if record is not None and invoice["counterparty_id"] != record:
                yield Violation(
                    "I2",
                    f"{deal['slug']} deal {deal['deal_id']}: {invoice['number']} names the record "
                    f"{invoice['counterparty_id']}, and people chose {record}",
                    (invoice,),
                )


def documents_are_of_their_day(
    deals: Sequence[Row],
    accounts: Mapping[str, Mapping[str, Any]],
    portals: Mapping[str, Mapping[str, Sequence[Row]]],
    injections: Sequence[Row],
) -> Iterator[Violation]:
    """I4. A document's date lies between the day in Moscow on which its deal came to the stage that asks for it and
    the day on which it was made; an invoice is due some working days after. A clock that jumps has no days."""
    if any(one["name"] == "ClockJumps" for one in injections):
        return
    for deal in deals:
        for kind, stage in ENTRIES.items():
            entries = [
                row["CREATED_TIME"]
                for row in portals[deal["slug"]]["stagehistory"]
                if row["ENTITY_TYPE_ID"] == 2 and row["OWNER_ID"] == deal["deal_id"] and row["STAGE_ID"] == stage
            ]
            for document in standing(accounts[deal["account"]], deal, kind):
                asked = datetime.fromtimestamp(min(entries), MOSCOW).date() if entries else None
                made = moment(document.get("created_at") or document["updated_at"]).astimezone(MOSCOW).date()
                day = date.fromisoformat(document["date"])
                if asked is None or not asked <= day <= made:
                    yield Violation(
                        "I4",
                        f"{deal['slug']} deal {deal['deal_id']}: {kind} {document['number']} is of {day}, asked for on "
                        f"{asked}, made on {made}",
                        (document,),
                    )
                due = document.get("due_date")
                if kind == "invoice" and due is not None:
                    days = (date.fromisoformat(due) - day).days
                    if not DUE_DAYS[0] <= days <= DUE_DAYS[1]:
                        yield Violation("I4", f"invoice {document['number']} of {day} is due on {due}", (document,))


def numbers_are_no_others(accounts: Mapping[str, Mapping[str, Any]]) -> Iterator[Violation]:
    """I1. No two invoices of ours in an account bear one number, void ones among them."""
    for name, account in accounts.items():
        bearers: dict[str, Row] = {}
        for invoice in account["invoices"].values():
            if marked(invoice.get("comment")) is None:
                continue
            other = bearers.setdefault(invoice["number"], invoice)
            if marked(other["comment"]) != marked(invoice["comment"]):
                yield Violation("I1", f"{name}: two invoices bear the number {invoice['number']}", (other, invoice))


def acts_belong_to_invoices(deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]]) -> Iterator[Violation]:
    """I6. An act names the invoice in force of its deal."""
    for deal in deals:
        account = accounts[deal["account"]]
        invoices = {invoice["id"] for invoice in standing(account, deal, "invoice")}
        for act in standing(account, deal, "act"):
            if act["invoice_id"] not in invoices:
                yield Violation(
                    "I6", f"{deal['slug']} deal {deal['deal_id']}: act {act['number']} names no invoice of it", (act,)
                )


def standing(account: Mapping[str, Any], deal: Row, kind: str) -> list[Row]:
    """The deal's documents of a kind that are in force."""
    return [
        record
        for record in account[f"{kind}s"].values()
        if not record.get("cancelled")
        and (found := marked(record.get("comment"))) is not None
        and (found.deal, found.kind) == (deal["deal_id"], kind)
    ]


@dataclass(frozen=True, slots=True)
class _Planned:
    name: str
    quantity: Decimal
    unit: str
    rate: str


def _planned(deal: Row, vat: str) -> list[_Planned]:
    rows = [
        _Planned(row["name"], Decimal(row["quantity"]), row.get("measure", ""), _rate(row, vat)) for row in deal["rows"]
    ]
    if deal["expected"]["revision"] > 1:
        rows.append(_Planned(ADDED, Decimal(1), "", _rate(deal["rows"][0], vat)))
    return rows


def _rate(row: Row, vat: str) -> str:
    return f"Nds{row['vat']}" if vat == "standard" and "vat" in row else NO_VAT


def _other_lines(items: Sequence[Row], planned: Sequence[_Planned]) -> str:
    """What differs, in words. A line whose sum is no multiple of a kopeck per piece stands as one piece that names its
    quantity, or as two lines of its name."""
    left = list(items)
    for row in planned:
        whole = f"{row.name} ({row.quantity:f} {row.unit})"
        own = [one for one in left if one["name"] in (row.name, whole)]
        counted = sum(Decimal(one["count"]) if one["name"] == row.name else row.quantity for one in own)
        if counted != row.quantity:
            return f"{row.name}: {counted:f} of {row.quantity:f}"
        if any(one["vat"] != row.rate for one in own):
            return f"{row.name}: {own[0]['vat']}, not {row.rate}"
        left = [one for one in left if one not in own]
    return f"{left[0]['name']} is in no row" if left else ""
