"""Follows accounts that tell sums and no payments: numbered news, and the cards of unpaid invoices now and then."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from chassis import log
from chassis.clock import Clock
from chassis.outcomes import Deferred, Failure, Ok, Rejected, Retryable
from chassis.tenants import TenantDirectory
from chassis.values.calendar import local_day
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from connectors.ports.balances import BalanceCursor, BalanceFact
from connectors.ports.whole import WholeAccounting
from services.payments.domain import commands as c
from services.payments.domain import plans
from services.payments.store import InvoiceRow, PaymentStore

PAGES_PER_RUN_MAX: Final = 3
CARDS_PER_RUN_MAX: Final = 5
CARDS_EVERY: Final = dt.timedelta(hours=6)
"""A rejection or a deletion brings no news, so every unpaid invoice's card is read that often."""
CARD_TRIES_MAX: Final = 5
"""So often a card that brings an error of the vendor's own stops the pass; then it is that invoice's alone, and is read
again in its turn."""
STRANGE_FACTS_MAX: Final = 500
STRANGE_KEPT: Final = dt.timedelta(hours=24)
"""Facts about invoices that are not ours, or not known here yet, are looked at again so long."""

_log = log.get(__name__)
_News = dict[str, list[BalanceFact]]


class PollBalances:
    """One pass over an account's news; every six hours also over the cards of its unpaid invoices."""

    kind = plans.POLL_BALANCES
    recurring = True
    permits = PAGES_PER_RUN_MAX + CARDS_PER_RUN_MAX

    def __init__(
        self, accounting: WholeAccounting, store: PaymentStore, directory: TenantDirectory, clock: Clock
    ) -> None:
        self._accounting = accounting
        self._store = store
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The cursor, and the place among the cards, move with the commands in one transaction."""
        assert task.permit is not None, "the plan names an account"
        if not plans.is_polled((await self._directory.view(task.tenant)).settings, task.account):
            return Done(found_something=False)
        payload = dict(task.payload)
        if not payload.get("subscribed"):
            subscribed = await self._accounting.subscribe_to_balances(task.permit)
            if not isinstance(subscribed, Ok):
                return _again(subscribed)
            payload["subscribed"] = True
        news: _News = {}
        more = await self._read_news(task, payload, news)
        if isinstance(more, Deferred | Retryable):
            return more
        now = self._clock.now()
        if not more and self._cards_due(payload, now):
            cards = await self._read_cards(task, payload, news)
            if isinstance(cards, Deferred | Retryable):
                return cards
        else:
            cards = []
        commands = [*await self._told(task, payload, news), *cards]
        busy = more or "cards_after" in payload
        again = now if busy else now + dt.timedelta(seconds=payload["poll_seconds"])
        return Done(tuple(commands), again_at=again, payload=payload, found_something=bool(commands))

    async def _read_news(self, task: Task, payload: dict[str, Any], news: _News) -> bool | Deferred | Retryable:
        """Pages of news into ``news``; whether there are more."""
        assert task.permit is not None, "the plan names an account"
        for _ in range(PAGES_PER_RUN_MAX):
            page = await self._accounting.balances_changed(task.permit, _cursor(payload))
            if not isinstance(page, Ok):
                return _again(page)
            moved = page.value.cursor
            payload |= {"reading": moved.reading, "last_id": moved.last_id, "rows": moved.rows}
            for fact in page.value.facts:
                news.setdefault(fact.invoice_id, []).append(fact)
            if not page.value.more:
                return False
        return True

    def _cards_due(self, payload: Mapping[str, Any], now: dt.datetime) -> bool:
        read_at = payload.get("cards_read_at")
        return "cards_after" in payload or read_at is None or now >= dt.datetime.fromisoformat(read_at) + CARDS_EVERY

    async def _read_cards(
        self, task: Task, payload: dict[str, Any], news: _News
    ) -> list[StreamCommand] | Deferred | Retryable:
        """A few cards more. The news are read once more after them: what a card says may be older than these."""
        assert task.permit is not None, "the plan names an account"
        after = payload.pop("cards_after", "")
        invoices = await self._store.open_invoices(task.tenant, task.account, after, CARDS_PER_RUN_MAX)
        found: list[tuple[InvoiceRow, InvoiceCard | None]] = []
        for invoice in invoices:
            card = await self._accounting.read_invoice(task.permit, invoice.remote_id)
            if isinstance(card, Ok):
                found.append((invoice, card.value))
            elif isinstance(card, Rejected) and card.problem.code == "document_not_found":
                found.append((invoice, None))
            elif isinstance(card, Deferred) or (isinstance(card, Retryable) and is_outage(card, task)):
                return card
            else:  # of this invoice alone; the others must not wait for it
                _log.warning("a card is read later", account=task.account, reason=card.problem.code)
        if invoices:
            more = await self._read_news(task, payload, news)
            if isinstance(more, Deferred | Retryable):
                return more
        if len(invoices) == CARDS_PER_RUN_MAX:
            payload["cards_after"] = invoices[-1].invoice_id
        else:
            payload["cards_read_at"] = self._clock.now().isoformat()
        on = await self._today(task)
        return [
            StreamCommand(invoice.stream, told, f"card:{uuid.uuid4()}")
            for invoice, card_found in found
            if invoice.remote_id not in news and (told := of_card(invoice, card_found, on)) is not None
        ]

    async def _told(self, task: Task, payload: dict[str, Any], news: _News) -> list[StreamCommand]:
        """Each fact about an invoice of ours, in order; what is about others is kept for a while."""
        now = self._clock.now()
        strange: dict[str, list[Any]] = payload.pop("strange", {})
        wanted = {**dict.fromkeys(strange), **dict.fromkeys(news)}
        ours = await self._store.invoices(task.tenant, task.account, set(wanted)) if wanted else {}
        on = await self._today(task) if ours else now.date()
        commands: list[StreamCommand] = []
        kept: dict[str, list[Any]] = {}
        for remote_id in wanted:
            facts = [(fact.fact_id, fact.paid_kopecks) for fact in news.get(remote_id, ())]
            seen_at = now
            if remote_id in strange:
                fact_id, paid, since = strange[remote_id]
                facts.insert(0, (fact_id, paid))
                seen_at = dt.datetime.fromisoformat(since)
            invoice = ours.get(remote_id)
            if invoice is not None:
                commands += [
                    StreamCommand(
                        invoice.stream,
                        c.ObserveBalance(invoice.invoice_id, paid, on, fact_id),
                        f"balance:{invoice.invoice_id}:{fact_id}:{uuid.uuid4()}",
                    )
                    for fact_id, paid in facts
                ]
            elif now - seen_at < STRANGE_KEPT:
                kept[remote_id] = [*facts[-1], seen_at.isoformat()]
        if kept:
            payload["strange"] = dict(list(kept.items())[-STRANGE_FACTS_MAX:])
        return commands

    async def _today(self, task: Task) -> dt.date:
        settings = (await self._directory.view(task.tenant)).settings
        return local_day(self._clock.now(), ZoneInfo(settings.get("timezone", "Europe/Moscow")))


def of_card(invoice: InvoiceRow, card: InvoiceCard | None, on: dt.date) -> c.ObserveBalance | c.SeeGone | None:
    """What an unpaid invoice's card says, None where it is gone; of one that is paid in part it does not say how
    much."""
    if card is None:
        return c.SeeGone(invoice.invoice_id, "deleted")
    if card.status is InvoiceStatus.CANCELLED:
        return c.SeeGone(invoice.invoice_id, "rejected")
    return None if card.paid_kopecks is None else c.ObserveBalance(invoice.invoice_id, card.paid_kopecks, on)


def is_outage(card: Retryable, task: Task) -> bool:
    """Whether a card's failure stops the pass over all cards. One that always fails must not stop it for ever: the news
    of all other invoices would never be counted."""
    return card.outage and task.attempt <= CARD_TRIES_MAX


def _cursor(payload: Mapping[str, Any]) -> BalanceCursor:
    return BalanceCursor(payload.get("reading", ""), payload.get("last_id"), payload.get("rows", 0))


def _again(failure: Failure) -> Deferred | Retryable:
    return failure if isinstance(failure, Deferred | Retryable) else Retryable(failure.problem, outage=False)
