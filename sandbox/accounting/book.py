"""What can happen inside an account, whoever does it: the records that change, and who is told of it."""

from __future__ import annotations

import hashlib
import uuid
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from operator import itemgetter
from typing import Any

from sandbox.accounting.records import (
    Account,
    Act,
    Counterparty,
    Dials,
    Invoice,
    Item,
    Payment,
    Product,
    Record,
    Token,
    invoice_status,
    moscow_day,
    seen,
    utc_seconds,
    vat_inside,
)
from sandbox.core.vendor import Change, Vendor
from sandbox.core.wire import BadRequestError
from sandbox.core.world import World

_CHANGED = itemgetter("updated_at", "order")
SWITCHES = "own"
"""The id of the one record of an account's own switches."""


class Book:
    """All accounts of one vendor. Every method that changes something writes change lines and lets `apply` do the work.

    A vendor's own book says how ids look (`new_id`), whom it tells of what happened (`tell`), what dials there are.
    """

    dials_type: type[Dials] = Dials

    def __init__(self, world: World, vendor: Vendor) -> None:
        self._world, self._vendor = world, vendor
        self.accounts: dict[str, Account] = {}
        self.by_client: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.by_token: dict[str, Account] = {}
        self.by_document: dict[str, tuple[Account, str]] = {}

    # -- state

    def apply(self, change: Change) -> None:
        data = change.data
        if change.op == "account":
            account = Account(**{**data, "dials": self.dials_type(**data["dials"])})
            self.accounts[account.id] = self.by_client[account.client_id] = self.by_key[account.api_key] = account
            return
        account = self.accounts[change.account]
        match change.op:
            case "dials":
                account.dials = replace(account.dials, **data)
            case "token":
                account.tokens[data["token"]] = Token(data["expires_unix"], data["state"])
                self.by_token[data["token"]] = account
            case "answer":
                account.answers[data["key"]] = data["answer"]
            case "put":
                self._put(account, data["kind"], data["record"], new=data["new"])
            case "delete":
                self._unindex(account, data["kind"], account.records[data["kind"]].pop(data["id"]))
            case _:
                raise ValueError(f"unknown change {change.op!r}")

    def _put(self, account: Account, kind: str, record: Record, *, new: bool) -> None:
        former = account.records[kind].get(record["id"])
        if former is not None:
            self._unindex(account, kind, former)
        if new:
            account.made[kind] = account.made.get(kind, 0) + 1
        account.records[kind][record["id"]] = record
        for index, key in self._indexes(account, kind, record):
            index.setdefault(key, []).append(record["id"])
        insort(account.by_change.setdefault(kind, []), (record["updated_at"], record["order"], record["id"]))
        account.shown_unix[kind] = max(account.shown_unix.get(kind, 0.0), record["visible_unix"])
        if kind == "invoices":
            self.by_document[record["document_token"]] = (account, record["id"])

    def _unindex(self, account: Account, kind: str, record: Record) -> None:
        for index, key in self._indexes(account, kind, record):
            index[key].remove(record["id"])
        changes = account.by_change[kind]
        del changes[bisect_left(changes, (record["updated_at"], record["order"], record["id"]))]

    @staticmethod
    def _indexes(account: Account, kind: str, record: Record) -> list[tuple[dict[str, list[str]], str]]:
        if kind == "invoices":
            return [(account.invoices_by_number, record["number"])]
        if kind == "counterparties":
            return [(account.counterparties_by_inn, record["inn"] or "")]
        if kind == "payments":
            return [(account.payments_by_invoice, record["invoice_id"])]
        return []

    def clear(self) -> None:
        for index in (self.accounts, self.by_client, self.by_key, self.by_token, self.by_document):
            index.clear()

    # -- reading

    @property
    def now_unix(self) -> float:
        return self._world.clock.unix()

    @property
    def today(self) -> str:
        return moscow_day(self.now_unix)

    def get(self, account: Account, kind: str, record_id: str) -> Record | None:
        """One record as readers see it now."""
        return seen(account.records[kind].get(record_id), self.now_unix)

    def holds(self, account: Account, kind: str, record_id: str) -> bool:
        """Whether a write may name the record: it may as soon as the record is written, whatever readers see yet."""
        return record_id in account.records[kind]

    def select(
        self, account: Account, kind: str, ids: Iterable[str] | None = None, since: str | None = None
    ) -> list[Record]:
        """Records as readers see them now, changed at `since` or later, in order of their last change."""
        now = self.now_unix
        held = account.records[kind]
        if ids is None:
            changes = account.by_change.get(kind, [])
            begin = 0 if since is None else bisect_left(changes, (since,))
            ids = (record_id for _, _, record_id in changes[begin:])
        raw = (held[record_id] for record_id in ids)
        shown = (record if record["visible_unix"] <= now else seen(record, now) for record in raw)
        found = [record for record in shown if record is not None and (since is None or record["updated_at"] >= since)]
        found.sort(key=_CHANGED)
        return found

    def whole(self, account: Account, kind: str, since: str | None) -> list[Record] | None:
        """All records in the order in which they were made, where readers see each as it is and none is older than
        `since`; None where one has to look at each of them."""
        changes = account.by_change.get(kind, [])
        older = since is not None and bool(changes) and changes[0] < (since,)
        lagging = account.shown_unix.get(kind, 0.0) > self.now_unix
        return None if older or lagging else list(account.records[kind].values())

    def payments_of(self, account: Account, invoice_id: str) -> list[Record]:
        return self.select(account, "payments", account.payments_by_invoice.get(invoice_id, ()))

    def paid_kopecks(self, account: Account, invoice_id: str) -> int:
        return sum(
            payment["amount_kopecks"] for payment in self.payments_of(account, invoice_id) if not payment["removed"]
        )

    # -- changing

    def _change(self, account_id: str, op: str, data: dict[str, Any]) -> None:
        self._world.change(self._vendor, account_id, op, data)

    def open_account(
        self, *, account_id: str, title: str, inn: str, client_id: str, client_secret: str, dials: Dials | None = None
    ) -> Account:
        digits = int.from_bytes(hashlib.blake2b(f"{account_id}|{inn}".encode(), digest_size=6).digest(), "big")
        data = {
            "id": account_id,
            "title": title,
            "inn": inn,
            "own_account": f"407028101{digits % 10**11:011d}",
            "client_id": client_id,
            "client_secret": client_secret,
            "id_key": f"{account_id}|{client_secret}",
            "dials": asdict(dials or self.dials_type()),
        }
        self._change(account_id, "account", data)
        return self.accounts[account_id]

    def turn_dials(self, account: Account, values: Mapping[str, Any]) -> None:
        self._change(account.id, "dials", dict(values))

    def give_token(self, account: Account, *, state: str, expires_unix: float) -> str:
        """A new token in that state."""
        seed = f"{account.id_key}|token|{self._world.ledger.seq}"
        token = "eyJ" + hashlib.sha256(seed.encode()).hexdigest()
        self._change(account.id, "token", {"token": token, "expires_unix": expires_unix, "state": state})
        return token

    def give_refresh_token(self, account: Account) -> str:
        """A new refresh token, where a vendor has such."""
        raise BadRequestError("accounts of this vendor have no refresh tokens")

    def set_token(self, account: Account, token: str, *, state: str, expires_unix: float) -> None:
        self._change(account.id, "token", {"token": token, "expires_unix": expires_unix, "state": state})

    def keep_answer(self, account: Account, key: str, answer: dict[str, Any]) -> None:
        self._change(account.id, "answer", {"key": key, "answer": answer})

    def new_id(self, account: Account, kind: str, number: int) -> str:
        """The id of an account's n-th record of a kind."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account.id_key}|{kind}|{number}"))

    def tell(self, account: Account, event: str, data: dict[str, Any]) -> None:
        """Something happened that a vendor may tell of; most tell nobody."""

    def _write(
        self, account: Account, kind: str, fields: Mapping[str, Any], *, record_id: str | None, lag_seconds: float = 0.0
    ) -> Record:
        new = record_id is None
        if record_id is None:
            number = account.made.get(kind, 0) + 1
            record_id = self.new_id(account, kind, number)
        now = self.now_unix
        record: Record = {
            **fields,
            "id": record_id,
            "updated_at": utc_seconds(now),
            "order": self._world.ledger.seq + 1,
            "visible_unix": now + lag_seconds if lag_seconds else 0.0,
            "before": account.records[kind].get(record_id) if lag_seconds else None,
        }
        self._change(account.id, "put", {"kind": kind, "record": record, "new": new})
        return record

    def rewrite(
        self, account: Account, kind: str, record: Record, *, lag_seconds: float = 0.0, **values: Any
    ) -> Record:
        """The record with some members changed."""
        return self._write(account, kind, {**record, **values}, record_id=record["id"], lag_seconds=lag_seconds)

    def delete(self, account: Account, kind: str, record_id: str) -> None:
        self._change(account.id, "delete", {"kind": kind, "id": record_id})

    def put_counterparty(
        self, account: Account, card: Counterparty, *, record_id: str | None = None, lag_seconds: float = 0.0
    ) -> Record:
        record = self._write(account, "counterparties", card, record_id=record_id, lag_seconds=lag_seconds)
        self.tell(account, "counterparty.updated", {"counterpartyId": record["id"]})
        return record

    def switch(self, account: Account, values: Mapping[str, Any]) -> Record:
        """Turns switches that only this vendor has."""
        held = account.records["switches"].get(SWITCHES, {})
        return self._write(account, "switches", {**held, **values}, record_id=SWITCHES)

    def switched(self, account: Account, name: str) -> Any:
        """The value of a switch; None where nobody turned it."""
        return account.records["switches"].get(SWITCHES, {}).get(name)

    def put_product(self, account: Account, card: Product) -> Record:
        return self._write(account, "products", card, record_id=None)

    def add_invoice(
        self,
        account: Account,
        *,
        number: str | None,
        day: str,
        due_day: str | None,
        counterparty_id: str,
        comment: str | None,
        lines: list[Item],
        off_kopecks: int = 0,
        lag_seconds: float = 0.0,
        extra: Mapping[str, Any] | None = None,
    ) -> Record:
        """Without a number the account gives the next one; `extra` members are the vendor's own."""
        made = account.made.get("invoices", 0) + 1
        invoice = Invoice(
            number=number or str(made),
            date=day,
            due_date=due_day,
            counterparty_id=counterparty_id,
            comment=comment,
            items=lines,
            sum_kopecks=_sum(lines) + off_kopecks,
            vat_kopecks=_vat(lines),
            cancelled=False,
            created_at=utc_seconds(self.now_unix),
            pdf_ready_unix=self.now_unix + account.dials.pdf_render_seconds,
            document_token=hashlib.blake2b(f"{account.id_key}|doc|{made}".encode(), digest_size=16).hexdigest(),
        )
        return self._write(account, "invoices", {**invoice, **(extra or {})}, record_id=None, lag_seconds=lag_seconds)

    def edit_invoice(self, account: Account, record: Record, values: Mapping[str, Any]) -> Record:
        """Members changed by a person; sums follow the lines, the file is rendered again."""
        changed = dict(values)
        if "items" in changed:
            changed |= {"sum_kopecks": _sum(changed["items"]), "vat_kopecks": _vat(changed["items"])}
        changed["pdf_ready_unix"] = self.now_unix + account.dials.pdf_render_seconds
        edited = self.rewrite(account, "invoices", record, **changed)
        self.tell(account, "invoice.updated", {"invoiceId": record["id"]})
        return edited

    def cancel_invoice(self, account: Account, record: Record) -> Record:
        if record["cancelled"]:
            return record
        cancelled = self.rewrite(account, "invoices", record, cancelled=True)
        self.tell(account, "invoice.updated", {"invoiceId": record["id"]})
        return cancelled

    def add_act(
        self,
        account: Account,
        *,
        day: str,
        counterparty_id: str,
        invoice_id: str | None,
        lines: list[Item],
        comment: str | None,
        number: str | None = None,
        off_kopecks: int = 0,
        lag_seconds: float = 0.0,
        extra: Mapping[str, Any] | None = None,
    ) -> Record:
        """As an invoice."""
        act = Act(
            number=number or str(account.made.get("acts", 0) + 1),
            date=day,
            counterparty_id=counterparty_id,
            invoice_id=invoice_id,
            items=lines,
            sum_kopecks=_sum(lines) + off_kopecks,
            comment=comment,
            status="Created",
            pdf_ready_unix=self.now_unix + account.dials.pdf_render_seconds,
        )
        return self._write(account, "acts", {**act, **(extra or {})}, record_id=None, lag_seconds=lag_seconds)

    def add_payment(self, account: Account, payment: Payment, *, late_seconds: float = 0.0) -> Record:
        """A payment matched to its invoice or to none. A late one has this moment's updatedAt; it is seen later."""
        invoice = account.records["invoices"].get(payment["invoice_id"])
        record = self._write(account, "payments", payment, record_id=None, lag_seconds=late_seconds)
        if invoice is not None:
            self._invoice_touched(account, invoice, record["id"], lag_seconds=late_seconds)
        return record

    def change_payment(self, account: Account, record: Record, **values: Any) -> Record:
        changed = self.rewrite(account, "payments", record, **values)
        self._payment_changed(account, changed)
        return changed

    def vanish_payment(self, account: Account, record: Record) -> None:
        """The payment is gone without a trace in the feed."""
        self.delete(account, "payments", record["id"])
        self._payment_changed(account, record)

    def rename_payment(self, account: Account, record: Record) -> Record:
        """The same payment under a new id; the old id is known no more."""
        self.delete(account, "payments", record["id"])
        fields = {name: value for name, value in record.items() if name != "id"}
        renamed = self._write(account, "payments", fields, record_id=None)
        self._payment_changed(account, renamed)
        return renamed

    def _payment_changed(self, account: Account, payment: Record) -> None:
        invoice = account.records["invoices"].get(payment["invoice_id"])
        if invoice is not None:
            self._invoice_touched(account, invoice, payment["id"])

    def _invoice_touched(self, account: Account, invoice: Record, payment_id: str, lag_seconds: float = 0.0) -> None:
        self.rewrite(account, "invoices", invoice, lag_seconds=lag_seconds)
        if lag_seconds:
            return
        self.tell(account, "payment.matched", {"paymentId": payment_id, "invoiceId": invoice["id"]})
        self.tell(account, "invoice.updated", {"invoiceId": invoice["id"]})
        if invoice_status(invoice, self.paid_kopecks(account, invoice["id"]), self.today) == "Paid":
            self.tell(account, "invoice.paid", {"invoiceId": invoice["id"]})


def _sum(lines: Sequence[Item]) -> int:
    return sum(line["sum_kopecks"] for line in lines)


def _vat(lines: Sequence[Item]) -> int:
    return sum(vat_inside(line["sum_kopecks"], line["vat"]) for line in lines)
