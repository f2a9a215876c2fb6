"""What only Kontur.Accounting's people and registers do: periods close, cards follow the state register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sandbox.accounting.family import FamilyControl
from sandbox.accounting.records import Account
from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.kontur.book import KonturBook
from sandbox.kontur.wire import SIGNATURE_WORDS

REGISTER_KEYS = {"full_name", "kpp", "ogrn", "address", "director"}


class KonturControl(FamilyControl):
    """`closed_until` closes the period up to a day, YYYY-MM-DD; `catalog_only`: lines name products; `address_refused`:
    calls come from an address that is not allowed."""

    switches: ClassVar[Mapping[str, type]] = {"closed_until": str, "catalog_only": bool, "address_refused": bool}

    def routes(self) -> list[Route]:
        example = {"full_name": "ООО «Вектор»", "director": "Лапина Ирина Олеговна"}
        of_register = self._of(
            "POST", "/counterparties/{counterparty}/register", self._register, "the state register refreshes a card",
            example,
        )  # fmt: skip
        operation = self._of(
            "POST", "/operations", self._operation, "one bank operation for several invoices, or for none",
            {"amount_kopecks": 150_000, "shares": {"1": 100_000}},
        )  # fmt: skip
        signature = self._of(
            "POST", "/acts/{act}/signature", self._signature, "the state of signatures", {"status": "signedByBoth"}
        )
        return [*super().routes(), of_register, operation, signature]

    def _operation(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        """`shares`: kopecks by the number or id of an invoice; the rest of the amount pays nothing yet."""
        shares, amount = body.get("shares") or {}, body.get("amount_kopecks")
        whole = isinstance(shares, dict) and all(type(one) is int and one > 0 for one in shares.values())
        if set(body) - {"shares", "amount_kopecks", "purpose", "payer"} or not whole or type(amount) is not int:
            raise BadRequestError(
                "give amount_kopecks, and shares as kopecks by an invoice; purpose, payer if you wish"
            )
        if amount < 1 or sum(shares.values()) > amount:
            raise BadRequestError("the shares come to more than the amount")
        invoices = {self._invoice(account, key)["id"]: kopecks for key, kopecks in shares.items()}
        order = account.made.get("payments", 0) + 1
        operation = self._book.new_id(account, "operations", order)
        payer = body.get("payer") or {}
        rows = []
        for share, (invoice_id, kopecks) in enumerate((invoices or {"": amount}).items()):
            payment: Any = {
                "invoice_id": invoice_id,
                "own_account": account.own_account,
                "amount_kopecks": kopecks,
                "date": self._book.today,
                "payment_order_number": str(400 + order),
                "payer": {"name": payer.get("name"), "inn": payer.get("inn")},
                "purpose": body.get("purpose"),
                "removed": False,
                "listed_twice": False,
                "operation": operation,
                "operation_kopecks": amount,
                "share": share,
            }
            rows.append(self._book.add_payment(account, payment))
        return Reply(status=201, payload={"id": operation, "payments": rows})

    def _signature(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        if body.get("status") not in SIGNATURE_WORDS:
            raise BadRequestError(f"status is one of {', '.join(SIGNATURE_WORDS)}")
        assert isinstance(self._book, KonturBook)
        return Reply(payload=self._book.sign(account, account.records["acts"][request.params["act"]], body["status"]))

    def _register(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        if set(body) - REGISTER_KEYS or not all(isinstance(value, str) for value in body.values()):
            raise BadRequestError(f"give texts by {', '.join(sorted(REGISTER_KEYS))}")
        record = account.records["counterparties"][request.params["counterparty"]]
        fields = {name: value for name, value in body.items() if name != "director"}
        director = {"name": body["director"], "post": "Генеральный директор"} if "director" in body else None
        card: Any = {**record, **fields, "director": director or record.get("director"), "source": "egrul"}
        return Reply(payload=self._book.put_counterparty(account, card, record_id=record["id"]))
