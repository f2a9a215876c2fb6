"""Closing documents of MoeDelo accounts: acts, waybills, УПД, each with a place of its own.

None carries our marker: a lost one is looked for among those of its bill, in all three places, since the account's
setting may have changed meanwhile.
"""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from chassis.outcomes import Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors import wire
from connectors.closing import CLOSING, closing_form, document_id, form_of
from connectors.moedelo import mapping
from connectors.moedelo.calls import Calls
from connectors.moedelo.schema import ACTS, STOCKS, UPDS, VENDOR, WAYBILLS
from connectors.ports.accounting import ActCard, ActDraft, ClosingForm, PdfFile
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

PLACES: Final[Mapping[ClosingForm, str]] = {"act": ACTS, "waybill": WAYBILLS, "upd": UPDS}
_USUAL: Final[Mapping[str, frozenset[ClosingForm]]] = {"waybill": frozenset(PLACES), "upd": frozenset({"upd"})}
"""The forms of an account by its setting; of all other accounts it is acts."""
_NOT_SERVED: Final = frozenset(
    {"accounting_address_wrong", "accounting_forbidden", "accounting_tariff", "document_not_found"}
)
"""Refusals of a whole place: where an account may not list documents, none of ours was made."""


class ClosingDocuments:
    """Closing documents of all accounts."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(self, permit: Permit, draft: ActDraft) -> Outcome[ActCard]:
        """A document of the form that the account wants. Goods leave a stock: the account's main one."""
        form = closing_form(permit.options.get(CLOSING, ""), draft.lines)
        unsupported = mapping.unsupported_rate(draft.lines) if form == "upd" else None
        if unsupported is not None:
            return Rejected(unsupported)
        stock: str | None = None
        if form != "act" and not all(line.is_service for line in draft.lines):
            found = await self._main_stock(permit)
            if not isinstance(found, Ok):
                return found
            stock = found.value
        body = mapping.closing_body(draft, form, stock)
        created = await self._calls.card(permit, "create_act", PLACES[form], _reads(form), body)
        if isinstance(created, Ok) and created.value.counterparty_id != draft.counterparty_id:
            return mismatch(VENDOR, "KontragentId", write=True)
        return created

    async def _main_stock(self, permit: Permit) -> Outcome[str | None]:
        """The stock marked as main, or the only one; None where neither is: then the service says what it wants."""
        rows = await self._calls.all_rows(permit, "find_stock", STOCKS, {})
        if not isinstance(rows, Ok):
            return rows
        try:
            main = [row for row in rows.value if row.get("IsMain") is True] or rows.value
            return Ok(wire.required_identity(main[0], "Id") if len(main) == 1 else None)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def find(self, permit: Permit, invoice_id: str, since: datetime) -> Outcome[tuple[ActCard, ...]]:
        """Those of a bill that changed since a moment."""
        needed = _USUAL.get(permit.options.get(CLOSING, ""), frozenset({"act"}))
        found: list[ActCard] = []
        for form in PLACES:
            cards = await self._of_bill(permit, form, invoice_id, since)
            if isinstance(cards, Ok):
                found += cards.value
            elif form in needed or cards.problem.code not in _NOT_SERVED:
                return cards
        return Ok(tuple(found))

    async def _of_bill(
        self, permit: Permit, form: ClosingForm, invoice_id: str, since: datetime
    ) -> Outcome[list[ActCard]]:
        """Lists need not tell the bill, nor a sum: a document whose row does not is read."""
        rows = await self._calls.all_rows(permit, "find_act", PLACES[form], {"afterDate": mapping.timestamp(since)})
        if not isinstance(rows, Ok):
            return rows
        found: list[ActCard] = []
        for row in rows.value:
            card = await self._whole(permit, form, row)
            if not isinstance(card, Ok):
                return card
            if card.value.invoice_id == invoice_id:
                found.append(card.value)
        return Ok(found)

    async def _whole(self, permit: Permit, form: ClosingForm, row: Mapping[str, Any]) -> Outcome[ActCard]:
        try:
            if "BillId" in row and ("Sum" in row or "Items" in row):
                return Ok(mapping.read_act(row, form))
            return await self.read(permit, document_id(mapping.bill_id(row), form))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def read(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """The card of one document."""
        form, path = _place(act_id)
        found = await self._calls.card(permit, "read_act", path, _reads(form))
        if isinstance(found, Ok) and found.value.act_id != act_id:
            return mismatch(VENDOR, "Id", write=False)
        return found

    async def pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """The document's file."""
        _, path = _place(act_id)
        return await self._calls.pdf(permit, "act_pdf", f"{path}/pdf?addStampAndSign=true")


def _place(act_id: str) -> tuple[ClosingForm, str]:
    form, vendor_id = form_of(act_id)
    return form, f"{PLACES[form]}/{quote(vendor_id, safe='')}"


def _reads(form: ClosingForm) -> Callable[[Mapping[str, Any]], ActCard]:
    return functools.partial(mapping.read_act, form=form)
