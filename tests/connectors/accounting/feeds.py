"""Lists of what changed: pages without a gap, and windows that overlap."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from chassis.outcomes import Outcome
from connectors.ports.accounting import FeedCursor, PaymentRow
from connectors.registry import Capability
from tests.connectors.accounting.calls import LONG_AGO, recently
from tests.connectors.accounting.desk import DAY, AccountingDesk, taken
from tests.connectors.accounting.traits import Traits

AT_ONCE = 40
PAGES_MAX = 40


async def filled(count: int, make: Callable[[int], Awaitable[Any]]) -> set[str]:
    """Makes so many records by hand; their ids."""
    made: set[str] = set()
    for start in range(0, count, AT_ONCE):
        rows = await asyncio.gather(*(make(number) for number in range(start, min(count, start + AT_ONCE))))
        made |= {row["id"] for row in rows}
    return made


async def walked(
    read: Callable[[FeedCursor], Awaitable[Outcome[Any]]],
    ids: Callable[[Any], Sequence[str]],
    since: FeedCursor,
    between: Callable[[], Awaitable[None]],
) -> tuple[set[str], int]:
    """What all pages have, and how many there are; ``between`` disturbs each but the first."""
    seen: set[str] = set()
    cursor: FeedCursor | None = since
    pages = 0
    while cursor is not None:
        if pages:
            await between()
        page = taken(await read(cursor))
        seen |= set(ids(page))
        cursor, pages = page.next, pages + 1
        assert pages < PAGES_MAX
    return seen, pages


class AccountingFeeds(Traits):
    """Rows move between two pages, come late, change and go."""

    @property
    def many(self) -> int:
        """More than two pages."""
        return 2 * self.page_rows + 30

    async def test_pages_of_payments_meet_without_a_gap(self, desk: AccountingDesk) -> None:
        self.needs(Capability.PAYMENTS)
        invoice = await desk.invoice()
        made = await filled(self.many, lambda _: desk.act("/payments", {"invoice": invoice, "amount_kopecks": 100}))
        seen, pages = await walked(
            lambda cursor: desk.accounting.payments_changed(desk.permit, cursor),
            lambda page: [row.share_of or row.payment_id for row in page.payments],
            FeedCursor(LONG_AGO),
            lambda: desk.fault(self.operation(Capability.PAYMENTS), "paging_shift"),
        )
        assert seen == made
        assert pages > 2

    async def test_pages_of_invoices_meet_without_a_gap(self, desk: AccountingDesk) -> None:
        self.needs(Capability.INVOICE_CHANGES)
        buyer = await desk.buyer()
        item = {"name": "Настройка", "count": 1, "price": 100, "unit": "ч", "ndsRate": "NoNds"}
        card = {"counterpartyId": buyer, "date": DAY.isoformat(), "items": [item]}
        made = await filled(self.many, lambda number: desk.act("/invoices", {**card, "number": f"H-{number}"}))
        seen, pages = await walked(
            lambda cursor: desk.accounting.invoice_changes(desk.permit, cursor),
            lambda page: [one.invoice_id for one in page.invoices],
            FeedCursor(LONG_AGO),
            lambda: desk.fault(self.operation(Capability.INVOICE_CHANGES), "paging_shift"),
        )
        assert seen == made
        assert pages > 2

    async def test_pages_of_buyers_meet_without_a_gap(self, desk: AccountingDesk) -> None:
        self.needs(Capability.COUNTERPARTY_CHANGES)
        if not self.vendor.tells_others_buyers:
            self.needs(Capability.LIST_COUNTERPARTIES)
        card = {"fullName": "ООО «Лотос»", "inn": "7707083893", "kpp": "770701001"}
        made = await filled(self.many, lambda number: desk.act("/counterparties", card))
        seen, pages = await walked(
            lambda cursor: desk.accounting.counterparty_changes(desk.permit, cursor),
            lambda page: [one.counterparty_id for one in page.counterparties],
            FeedCursor(recently() if self.vendor.tells_others_buyers else LONG_AGO),
            lambda: desk.fault(self.operation(Capability.COUNTERPARTY_CHANGES), "paging_shift"),
        )
        assert seen == made
        assert pages > 2

    async def payments_since(self, desk: AccountingDesk, last: PaymentRow) -> list[PaymentRow]:
        """The next poll, which begins before the newest row that was seen."""
        overlap = timedelta(seconds=self.vendor.feed_overlap_seconds)
        cursor = FeedCursor(last.updated_at - overlap)
        return list(taken(await desk.accounting.payments_changed(desk.permit, cursor)).payments)

    async def test_a_payment_that_became_visible_late_is_in_the_overlap(self, desk: AccountingDesk) -> None:
        self.needs(Capability.PAYMENTS)
        invoice = await desk.invoice()
        late = {"invoice": invoice, "amount_kopecks": 100, "late_seconds": 600}
        await desk.act("/payments", late)
        await desk.act("/payments", {"invoice": invoice, "amount_kopecks": 200})
        (first,) = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO))).payments
        assert first.amount_kopecks == 200
        await desk.sandbox.advance(900)
        rows = await self.payments_since(desk, first)
        assert sorted(row.amount_kopecks for row in rows) == [100, 200]
        assert first.payment_id in {row.payment_id for row in rows}

    async def test_a_payment_that_was_revised_or_reversed_comes_again(self, desk: AccountingDesk) -> None:
        self.needs(Capability.PAYMENTS)
        invoice = await desk.invoice()
        revised = await desk.act("/payments", {"invoice": invoice, "amount_kopecks": 100})
        reversed_ = await desk.act("/payments", {"invoice": invoice, "amount_kopecks": 200})
        await desk.act("/payments", {"invoice": invoice, "amount_kopecks": 50, "refund": True})
        rows = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO))).payments
        assert sorted(row.amount_kopecks for row in rows) == [-50, 100, 200]
        await desk.act(f"/payments/{revised['id']}", {"amount_kopecks": 300}, "PATCH")
        await desk.act(f"/payments/{reversed_['id']}/remove", {})
        again = {row.share_of or row.payment_id: row for row in await self.payments_since(desk, rows[-1])}
        assert (again[revised["id"]].amount_kopecks, again[revised["id"]].removed) == (300, False)
        assert again[reversed_["id"]].removed
