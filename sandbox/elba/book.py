"""Elba's books: webhooks tell of what happens in them, and invoices carry what was paid."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from sandbox.accounting.book import Book
from sandbox.accounting.records import Account, Record, utc_seconds
from sandbox.core.vendor import EventPost
from sandbox.elba import wire

WEBHOOK_RETRY_SECONDS = (5.0, 15.0, 45.0)


class ElbaBook(Book):
    """All Elba accounts."""

    def invoice_wire(self, account: Account, record: Record, base_url: str) -> dict[str, Any]:
        paid = self.paid_kopecks(account, record["id"])
        return wire.invoice(record, paid_kopecks=paid, today=self.today, base_url=base_url)

    def put_webhook(self, account: Account, url: str, events: Sequence[str], secret: str) -> Record:
        return self._write(account, "webhooks", {"url": url, "events": list(events), "secret": secret}, record_id=None)

    def tell(self, account: Account, event: str, data: dict[str, Any]) -> None:
        """Queues a signed delivery to each webhook that wants the event."""
        for webhook in account.records["webhooks"].values():
            if event not in webhook["events"]:
                continue
            event_id = self._world.outgoing.next_id()
            delivery = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account.id_key}|delivery|{event_id}"))
            body = orjson.dumps(
                {"id": delivery, "type": event, "occurredAt": utc_seconds(self.now_unix), "data": data}
            ).decode()
            self._world.emit(
                EventPost(
                    id=event_id,
                    vendor=self._vendor.name,
                    account=account.id,
                    name=event,
                    url=webhook["url"],
                    headers={
                        "Content-Type": "application/json",
                        "X-Elba-Delivery": delivery,
                        "X-Elba-Signature": signature(webhook["secret"], body),
                    },
                    body=body,
                    retry_seconds=WEBHOOK_RETRY_SECONDS,
                    about=data,
                )
            )


def signature(secret: str, body: str) -> str:
    """X-Elba-Signature of a raw body."""
    return "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
