"""What the accountant does in a base besides what accountants do everywhere: documents are posted, or taken back."""

from __future__ import annotations

from typing import Any

from sandbox.accounting.checks import ApiError
from sandbox.accounting.control import Connection, Control
from sandbox.accounting.records import Account, Record
from sandbox.core.wire import Reply, Request, Route
from sandbox.core.world import World
from sandbox.onec.book import SALES, OnecBook
from sandbox.onec.refusals import Refusal
from sandbox.onec.view import INVOICES


class OnecControl(Control):
    """Routes under /control/onec."""

    def __init__(self, world: World, book: OnecBook, name: str, connection: Connection) -> None:
        super().__init__(world, book, name, connection)
        self._own = book

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            self._of("POST", "/invoices/{invoice}/post", self._post_invoice, "the accountant posts an invoice"),
            self._of("POST", "/invoices/{invoice}/unpost", self._unpost_invoice, "takes the posting back"),
            self._of("POST", "/acts/{act}/post", self._post_act, "the accountant posts an act"),
        ]

    def _post_invoice(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        return self._posted(account, INVOICES, self._invoice(account, request.params["invoice"]))

    def _unpost_invoice(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = self._invoice(account, request.params["invoice"])
        return Reply(payload=self._own.unpost(account, INVOICES, record))

    def _post_act(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        return self._posted(account, SALES, account.records["acts"][request.params["act"]])

    def _posted(self, account: Account, kind: str, record: Record) -> Reply:
        try:
            return Reply(payload=self._own.post(account, kind, record))
        except Refusal as error:
            raise ApiError(409, "NotPosted", error.text) from error
