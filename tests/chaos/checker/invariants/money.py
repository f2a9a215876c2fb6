"""I3, I4: bank rows and sums."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.checker.history import Line, Row, Tables, Violation, marked


def every_bank_row_once(
    tenants: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]], tables: Tables, lines: Sequence[Line]
) -> Iterator[Violation]:
    """I3. Each row that the account shows counts exactly once, or is listed as fitting no invoice; and nothing counts
    that the account does not show. A payment listed twice under one id is one row."""
    for tenant in tenants:
        shown = _live(accounts[tenant["account"]])
        counted = Counter(
            row["operation_id"]
            for row in tables["payments"]["counted_payments"]
            if row["tenant_id"] == tenant["slug"] and not row["revoked"]
        )
        unmatched = {
            str(row["operation"]).rpartition("/")[2]
            for row in tables["payments"]["unmatched_operations"]
            if row["tenant_id"] == tenant["slug"]
        }
        for payment_id in shown:
            times = counted[payment_id] + (payment_id in unmatched)
            if times != 1:
                yield Violation(
                    "I3", f"{tenant['slug']}: the bank row {payment_id} counts {times} times", _about(lines, payment_id)
                )
        for payment_id in counted:
            if payment_id not in shown:
                yield Violation(
                    "I3",
                    f"{tenant['slug']}: the operation {payment_id} counts, and the account does not show it",
                    _about(lines, payment_id),
                )


def sums_are_equal(
    tenants: Sequence[Row],
    deals: Sequence[Row],
    accounts: Mapping[str, Mapping[str, Any]],
    tables: Tables,
    lines: Sequence[Line],
) -> Iterator[Violation]:
    """I4. To the kopeck, what the account shows as paid is what the product has as paid: per invoice, per deal and per
    tenant; and an invoice's total is the sum of its lines in both."""
    for tenant in tenants:
        account = accounts[tenant["account"]]
        paid = Counter[str]()
        for payment in _live(account).values():
            paid[payment["invoice_id"]] += payment["amount_kopecks"]
        ours = {row["remote_id"]: row for row in tables["payments"]["invoices"] if row["tenant_id"] == tenant["slug"]}
        for remote_id, row in ours.items():
            if row["paid_kopecks"] != paid[remote_id]:
                yield Violation(
                    "I4",
                    f"{tenant['slug']}: invoice {row['number']} is paid {paid[remote_id]} in the account and "
                    f"{row['paid_kopecks']} in the product",
                    _about(lines, remote_id),
                )
            invoice = account["invoices"].get(remote_id)
            if invoice is not None and invoice["sum_kopecks"] != row["total_kopecks"]:
                yield Violation(
                    "I4",
                    f"{tenant['slug']}: invoice {row['number']} is for {invoice['sum_kopecks']} in the account and "
                    f"{row['total_kopecks']} in the product",
                    _about(lines, remote_id),
                )
        known = sum(row["paid_kopecks"] for row in ours.values()) + sum(
            row["signed_kopecks"]
            for row in tables["payments"]["unmatched_operations"]
            if row["tenant_id"] == tenant["slug"]
        )
        if known != sum(paid.values()):
            yield Violation(
                "I4", f"{tenant['slug']}: the bank has {sum(paid.values())} kopecks in all, the product {known}"
            )
    yield from _per_deal(deals, accounts, tables)


def _per_deal(deals: Sequence[Row], accounts: Mapping[str, Mapping[str, Any]], tables: Tables) -> Iterator[Violation]:
    ours = Counter[tuple[str, str]]()
    for row in tables["payments"]["invoices"]:
        ours[row["tenant_id"], row["stream"]] += row["paid_kopecks"]
    for deal in deals:
        account = accounts[deal["account"]]
        of_deal = {
            invoice_id
            for invoice_id, invoice in account["invoices"].items()
            if (found := marked(invoice.get("comment"))) is not None and found.deal == deal["deal_id"]
        }
        bank = sum(p["amount_kopecks"] for p in _live(account).values() if p["invoice_id"] in of_deal)
        known = ours[deal["slug"], f"deal-{deal['deal_id']}"]
        if known != bank and of_deal:
            yield Violation(
                "I4", f"{deal['slug']} deal {deal['deal_id']}: the bank has {bank} kopecks, the product {known}"
            )


def _live(account: Mapping[str, Any]) -> dict[str, Row]:
    return {payment_id: row for payment_id, row in account["payments"].items() if not row["removed"]}


def _about(lines: Sequence[Line], record_id: str) -> tuple[Line, ...]:
    """The changes of one record of an account."""
    return tuple(
        line
        for line in lines
        if line["kind"] == "change"
        and line["vendor"] == "elba"
        and (line["data"].get("id") == record_id or (line["data"].get("record") or {}).get("id") == record_id)
    )
