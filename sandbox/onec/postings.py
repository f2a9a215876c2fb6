"""What posted documents of a base come to in its ledger: entries of double-entry book-keeping on account 62."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sandbox.accounting.records import Account, Record
from sandbox.onec import fixed
from sandbox.onec.book import SALES, OnecBook
from sandbox.onec.model import EMPTY_GUID

RECEIPT, WRITE_OFF = "Document_ПоступлениеНаРасчетныйСчет", "Document_СписаниеСРасчетногоСчета"
BANK, DEBT, ADVANCE, REVENUE = "51", "62.01", "62.02", "90.01.1"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an entry: the account by its code, the buyer and the contract where the account is kept by them."""

    code: str
    buyer: str = ""
    contract: str = ""


@dataclass(frozen=True, slots=True)
class Posting:
    """One entry of a document."""

    at: str
    recorder: str
    recorder_kind: str
    line: int
    debit: Side
    credit: Side
    kopecks: int
    words: str


def postings(book: OnecBook, account: Account) -> list[Posting]:
    """All entries, oldest first. A sale is a debt at 62.01, which an advance of the same contract settles at once;
    money settles the debt and is an advance at 62.02 beyond it; what is paid back leaves the advance first."""
    owed: dict[tuple[str, str], int] = defaultdict(int)
    made: list[Posting] = []
    for at, kind, record in sorted(_documents(book, account), key=lambda one: (one[0], one[2]["order"])):
        buyer, contract = _parties(book, account, record)
        key = (buyer, contract)
        debt, advance = Side(DEBT, buyer, contract), Side(ADVANCE, buyer, contract)
        amount = abs(record["sum_kopecks"] if kind == SALES else record["amount_kopecks"])
        settled = min(amount, max(0, owed[key] if kind == RECEIPT else -owed[key]))
        if kind == SALES:
            owed[key] += amount
            entries = [(debt, Side(REVENUE), amount, "Реализация"), (advance, debt, settled, "Зачёт аванса")]
        elif kind == RECEIPT:
            owed[key] -= amount
            entries = [(Side(BANK), debt, settled, "Оплата"), (Side(BANK), advance, amount - settled, "Аванс")]
        else:
            owed[key] += amount
            entries = [
                (advance, Side(BANK), settled, "Возврат аванса"),
                (debt, Side(BANK), amount - settled, "Возврат оплаты"),
            ]
        plain = Posting(at, record["id"], kind, 0, debt, debt, 0, "")
        made += [
            replace(plain, line=line, debit=dt, credit=ct, kopecks=kopecks, words=words)
            for line, (dt, ct, kopecks, words) in enumerate((one for one in entries if one[2]), 1)
        ]
    return made


def _documents(book: OnecBook, account: Account) -> Iterator[tuple[str, str, Record]]:
    for record in book.select(account, "acts"):
        known = record.get("onec", {})
        if known.get("Posted") and not known.get("DeletionMark"):
            at = known.get("Date", "")
            yield (at if at.startswith(record["date"]) else f"{record['date']}T00:00:00"), SALES, record
    for record in book.select(account, "payments"):
        if not record["removed"]:
            yield f"{record['date']}T00:00:00", RECEIPT if record["amount_kopecks"] >= 0 else WRITE_OFF, record


def _parties(book: OnecBook, account: Account, record: Record) -> tuple[str, str]:
    """The buyer and the contract: of an act its own, of money those of the invoice that it is for."""
    if "counterparty_id" in record:
        return record["counterparty_id"], record.get("onec", {}).get("ДоговорКонтрагента_Key", EMPTY_GUID)
    invoice = book.get(account, "invoices", record["invoice_id"])
    if invoice is None:
        return "", EMPTY_GUID
    return invoice["counterparty_id"], invoice.get("onec", {}).get("ДоговорКонтрагента_Key", EMPTY_GUID)


def account_key(account: Account, code: str) -> str:
    """The reference of an account of the chart."""
    return fixed.key_of(account, "ChartOfAccounts_Хозрасчетный", code)
