"""Our own signature under a document: with it the document leaves, and reaches the partner at once or later."""

from __future__ import annotations

from typing import Any

from sandbox.core.vendor import Vendor
from sandbox.core.world import World
from sandbox.diadoc import wire
from sandbox.diadoc.book import Book
from sandbox.diadoc.records import Account, Document

DELIVER = "deliver"
WAITING = "WaitingForSenderSignature"


class Sending:
    """Sends what a person has signed, in the pages of the service or by a call."""

    def __init__(self, world: World, vendor: Vendor, book: Book) -> None:
        self._world, self._vendor, self._book = world, vendor, book

    def sign(self, account: Account, one: Document, signature: bytes, *, valid: bool = True) -> None:
        """Of a document that waits for our signature."""
        word = "SenderSignatureCheckedAndValid" if valid else "SenderSignatureCheckedAndInvalid"
        now, roaming = self._book.now_unix, account.partners[one.to_box].roaming
        fields: dict[str, Any] = {"sender": word, "sent_unix": now}
        later = account.dials.delivery_seconds > 0
        if valid and not later and not roaming:
            fields["delivered_unix"] = now
        with self._world.ledger.together():
            self._book.alter(account, one, fields, [self.entity(account, one, "Signature", "", signature)])
            if valid and later and not roaming:
                due = now + account.dials.delivery_seconds
                self._world.set_timer(self._vendor, account.id, due, DELIVER, {"message_id": one.message_id})

    def deliver(self, account: Account, message_id: str) -> None:
        """The document reaches the partner's box."""
        one = account.documents[message_id]
        if not one.delivered_unix and not one.deleted:
            self._book.alter(account, one, {"delivered_unix": self._book.now_unix})

    def entity(self, account: Account, one: Document, kind: str, attachment: str, data: bytes) -> dict[str, Any]:
        """Something further under a document."""
        entity_id = self._book.new_id(account, f"{kind}|{attachment}|{len(one.entities)}")
        return wire.entity(entity_id, one.entity_id, kind, attachment, data)
