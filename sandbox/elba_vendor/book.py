"""Elba's books behind the published API: money is told by numbered news, once somebody has subscribed to them."""

from __future__ import annotations

from typing import Any

from sandbox.accounting.book import Book
from sandbox.accounting.records import Account, Record
from sandbox.elba_vendor import wire

FIRST_NEWS, NEWS_STEP = 13, 7
SUBSCRIBED = "subscribed"


class ElbaVendorBook(Book):
    """All accounts of the profile."""

    def new_id(self, account: Account, kind: str, number: int) -> str:
        """News are numbered ascending, with gaps: their numbers are not their places."""
        return str(FIRST_NEWS + NEWS_STEP * (number - 1)) if kind == "news" else super().new_id(account, kind, number)

    def organization(self, account: Account) -> str:
        """The id of an account's organisation."""
        return super().new_id(account, "organization", 1)

    def bank_account(self, account: Account) -> str:
        """The id of the bank account that an account begins with."""
        return super().new_id(account, "bank account", 1)

    def template(self, account: Account) -> str:
        """The id of an account's one template, a bill's."""
        return super().new_id(account, "template", 1)

    def put_bank_account(self, account: Account, number: str, bik: str) -> Record:
        """A further bank account."""
        return self._write(account, "banks", {"number": number, "bik": bik}, record_id=None)

    def subscribe(self, account: Account) -> None:
        """From now on news are written."""
        if not self.switched(account, SUBSCRIBED):
            self.switch(account, {SUBSCRIBED: True})

    def put_link(self, account: Account, document_id: str, *, published: bool) -> Record:
        return self._write(account, "links", {"document_id": document_id, "published": published}, record_id=None)

    def put_task(self, account: Account, kind: str, result: Any, looks: int, *, fails: bool = False) -> Record:
        """A task of the vendor's type `kind`: what it comes to stands already, and is told after so many looks."""
        fields = {"type": kind, "result": result, "looks_left": looks, "fails": fails}
        return self._write(account, "tasks", fields, record_id=None)

    def _invoice_touched(self, account: Account, invoice: Record, payment_id: str, lag_seconds: float = 0.0) -> None:
        super()._invoice_touched(account, invoice, payment_id, lag_seconds)
        if not self.switched(account, SUBSCRIBED):
            return
        held = account.records["payments"]
        payments = (held[one] for one in account.payments_by_invoice.get(invoice["id"], ()))
        paid = sum(one["amount_kopecks"] for one in payments if not one["removed"])
        told = {
            "invoice_id": invoice["id"],
            "status": wire.status(invoice, paid, self.today),
            "paid_kopecks": paid,
            "sum_kopecks": invoice["sum_kopecks"],
        }
        self._write(account, "news", told, record_id=None, lag_seconds=lag_seconds)
