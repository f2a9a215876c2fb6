"""Money in a base: bank documents whose rows name the invoice that they pay.

A base keeps no moment of a document's change, so that every pass reads all documents of its dates anew. Since documents
are entered with old dates, a pass should begin some weeks before the newest date seen.
"""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from chassis.clock import Clock
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors.onec import address
from connectors.onec.calls import PAGE_OVERLAP_ROWS, PAGE_ROWS, Bases, incomplete
from connectors.onec.mapping import reading
from connectors.onec.schema import INVOICES, RECEIPTS, REFUND_OPERATION, VENDOR, WRITE_OFFS
from connectors.onec.seller import Sellers
from connectors.ports.accounting import FeedCursor, PaymentRow, PaymentsPage
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

REFUND_PAGES_MAX: Final = 10
ZONE: Final = "Europe/Moscow"
_COLUMNS: Final = (
    "Ref_Key,Date,Posted,DeletionMark,СчетОрганизации_Key,Контрагент,Контрагент_Type,НомерВходящегоДокумента,"
    "ДатаВходящегоДокумента,НазначениеПлатежа,ДокументОснование,ДокументОснование_Type,РасшифровкаПлатежа"
)


class BankDocuments:
    """Receipts, and refunds to buyers."""

    def __init__(self, bases: Bases, sellers: Sellers, clock: Clock) -> None:
        self._bases = bases
        self._sellers = sellers
        self._clock = clock

    async def changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        """A page of receipts by date; the refunds of the whole window come with its last one."""
        zone = _zone(permit)
        begins = address.moment(cursor.since.astimezone(zone))
        receipts = await self._page(permit, "payments", RECEIPTS, f"Date ge {begins}", cursor.offset)
        if not isinstance(receipts, Ok):
            return receipts
        found = await self._payments(permit, receipts.value, sign=1)
        if not isinstance(found, Ok):
            return found
        if len(receipts.value) == PAGE_ROWS:
            return Ok(
                PaymentsPage(found.value, FeedCursor(cursor.since, cursor.offset + PAGE_ROWS - PAGE_OVERLAP_ROWS))
            )
        refunds: list[Mapping[str, Any]] = []
        condition = f"Date ge {begins} and ВидОперации eq {address.text(REFUND_OPERATION)}"
        for page in range(REFUND_PAGES_MAX):
            part = await self._page(permit, "refunds", WRITE_OFFS, condition, page * PAGE_ROWS)
            if not isinstance(part, Ok):
                if part.problem.code == "accounting_not_published":
                    break
                return part
            refunds += part.value
            if len(part.value) < PAGE_ROWS:
                break
        else:
            return incomplete()
        back = await self._payments(permit, refunds, sign=-1)
        return Ok(PaymentsPage(found.value + back.value, None)) if isinstance(back, Ok) else back

    async def of_invoice(self, permit: Permit, invoice: str) -> Outcome[tuple[PaymentRow, ...]]:
        """All payments of an invoice as they stand now, refunds among them."""
        condition = (
            f"РасшифровкаПлатежа/any(d: d/СчетНаОплату_Key eq {address.guid(invoice)})"
            f" or ДокументОснование eq {address.reference(invoice, INVOICES)}"
        )
        listed: tuple[PaymentRow, ...] = ()
        for operation, resource, sign in (("invoice_payments", RECEIPTS, 1), ("invoice_refunds", WRITE_OFFS, -1)):
            found = await self._bases.rows(
                permit, operation, resource, filter=condition, select=_COLUMNS, orderby="Date,Ref_Key"
            )
            if not isinstance(found, Ok):
                if sign < 0 and found.problem.code == "accounting_not_published":
                    continue
                return found
            rows = await self._payments(permit, found.value, sign=sign)
            if not isinstance(rows, Ok):
                return rows
            listed += tuple(row for row in rows.value if row.invoice_id == invoice)
        return Ok(listed)

    async def _page(
        self, permit: Permit, operation: str, resource: str, condition: str, skip: int
    ) -> Outcome[list[Mapping[str, Any]]]:
        return await self._bases.rows(
            permit,
            operation,
            resource,
            filter=condition,
            select=_COLUMNS,
            orderby="Date,Ref_Key",
            top=str(PAGE_ROWS),
            skip=str(skip),
        )

    async def _payments(
        self, permit: Permit, cards: list[Mapping[str, Any]], *, sign: int
    ) -> Outcome[tuple[PaymentRow, ...]]:
        if not cards:
            return Ok(())
        accounts = await self._sellers.own_accounts(permit)
        if not isinstance(accounts, Ok):
            return accounts
        try:
            payers = await self._sellers.payers(permit, {reading.payer_key(card) for card in cards})
            if not isinstance(payers, Ok):
                return payers
            return Ok(
                tuple(
                    row
                    for card in cards
                    for row in reading.read_payments(
                        card,
                        sign=sign,
                        zone=_zone(permit),
                        now=self._clock.now(),
                        accounts=accounts.value,
                        payers=payers.value,
                    )
                )
            )
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)


def _zone(permit: Permit) -> ZoneInfo:
    return ZoneInfo(permit.options.get("timezone", ZONE))
