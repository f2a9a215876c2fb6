"""Kontur.Accounting's books: every record has a version, and signed callbacks tell of what happens."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sandbox.accounting.book import Book
from sandbox.accounting.records import Account, Record
from sandbox.core.vendor import EventPost
from sandbox.kontur.wire import moment

MINUTE = 60.0
CALLBACK_RETRY_SECONDS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 6 * 60 * MINUTE, 24 * 60 * MINUTE)
KINDS = {"invoiceId": ("invoice", "invoices"), "paymentId": ("payment", "payments"),
         "counterpartyId": ("counterparty", "counterparties"), "documentId": ("document", "acts")}  # fmt: skip
TOMBS = ("counterparties", "invoices", "acts", "products")
"""Kinds whose deletions stand in their lists."""


class KonturBook(Book):
    """All Kontur.Accounting accounts."""

    @staticmethod
    def organization(account: Account) -> str:
        """The id of an account's organisation."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account.id_key}|organization"))

    def _write(
        self, account: Account, kind: str, fields: Mapping[str, Any], *, record_id: str | None, lag_seconds: float = 0.0
    ) -> Record:
        former = account.records[kind].get(record_id) if record_id is not None else None
        version = 1 + (former["version"] if former is not None else 0)
        versioned = {**fields, "version": version}
        return super()._write(account, kind, versioned, record_id=record_id, lag_seconds=lag_seconds)

    def put_webhook(self, account: Account, url: str, events: Sequence[str], secret: str) -> Record:
        return self._write(account, "webhooks", {"url": url, "events": list(events), "secret": secret}, record_id=None)

    def delete(self, account: Account, kind: str, record_id: str) -> None:
        """What is deleted leaves its id and the moment in the lists."""
        former = account.records[kind][record_id]
        super().delete(account, kind, record_id)
        if kind in TOMBS:
            fields = {"kind": kind, "of": record_id, "form": former.get("form"), "version_of": former["version"] + 1}
            self._write(account, "gone", fields, record_id=None)

    def gone(self, account: Account, kind: str, since: str, form: str | None = None) -> list[Record]:
        """The deletions of a kind since a moment."""
        found = self.select(account, "gone", since=since)
        return [one for one in found if one["kind"] == kind and (form is None or one["form"] == form)]

    def operation_of(self, account: Account, payment: Record) -> list[Record]:
        """All payments that one bank operation makes, in the order of their making."""
        operation = payment.get("operation")
        if operation is None:
            return [payment]
        rows = [one for one in self.select(account, "payments") if one.get("operation") == operation]
        return sorted(rows, key=lambda one: one["share"])

    def sign(self, account: Account, act: Record, word: str) -> Record:
        """The signature's state of a closing document, in the contract's words."""
        changed = self.rewrite(account, "acts", act, signature=word)
        self.tell(account, "document.signature_changed", {"documentId": act["id"]})
        return changed

    def tell(self, account: Account, event: str, data: dict[str, Any]) -> None:
        """Queues a signed delivery to each callback address that wants the event; ids only."""
        kind, record_id, version = self._about(account, event, data)
        for webhook in account.records["webhooks"].values():
            if event not in webhook["events"] and "*" not in webhook["events"]:
                continue
            event_id = self._world.outgoing.next_id()
            delivery = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account.id_key}|delivery|{event_id}"))
            body = orjson.dumps(
                {
                    "id": delivery,
                    "type": event,
                    "occurredAt": moment(self.now_unix),
                    "organizationId": self.organization(account),
                    "object": {"kind": kind, "id": record_id, "version": version},
                }
            ).decode()
            timestamp = str(int(self.now_unix))
            self._world.emit(
                EventPost(
                    id=event_id,
                    vendor=self._vendor.name,
                    account=account.id,
                    name=event,
                    url=webhook["url"],
                    headers={
                        "Content-Type": "application/json",
                        "X-Kontur-Event": event,
                        "X-Kontur-Delivery": delivery,
                        "X-Kontur-Timestamp": timestamp,
                        "X-Kontur-Signature": signature(webhook["secret"], timestamp, body),
                    },
                    body=body,
                    retry_seconds=CALLBACK_RETRY_SECONDS,
                    about=data,
                )
            )

    @staticmethod
    def _about(account: Account, event: str, data: Mapping[str, Any]) -> tuple[str, str, int]:
        """(kind, id, version) of what an event is about: the payment of an event about payments, else the invoice."""
        names = ("paymentId", "invoiceId", "counterpartyId", "documentId")
        name = next(one for one in names if one in data and event.startswith(KINDS[one][0]))
        kind, records = KINDS[name]
        record = account.records[records].get(data[name])
        return kind, data[name], record["version"] if record is not None else 0


def signature(secret: str, timestamp: str, body: str) -> str:
    """X-Kontur-Signature of a raw body sent at a moment."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
