"""Buyers in a base: looked up by INN, made under a reference and a comment of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Failure, Ok, Outcome
from chassis.work.handlers import Permit
from connectors import wire
from connectors.onec import address
from connectors.onec.calls import PAGE_OVERLAP_ROWS, PAGE_ROWS, Bases, all_rows, incomplete
from connectors.onec.mapping import reading, values, writing
from connectors.onec.schema import COUNTERPARTIES, VENDOR
from connectors.onec.seller import Sellers
from connectors.ports.accounting import CounterpartiesPage, Counterparty, CounterpartyDraft, FeedCursor
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

SCAN_PAGES_MAX: Final = 40
SCAN_PAGE_ROWS: Final = 500
DAYS_ASKED_MAX: Final = 20
MONTHS_ASKED_MAX: Final = 20
_COLUMNS: Final = (
    "Ref_Key,Description,НаименованиеПолное,ЮридическоеФизическоеЛицо,ИНН,КПП,РегистрационныйНомер,Комментарий,"
    "DeletionMark,КонтактнаяИнформация"
)
_LIVE: Final = "DeletionMark eq false and IsFolder eq false"


class Parties:
    """Counterparties of all bases."""

    def __init__(self, bases: Bases, sellers: Sellers, clock: Clock) -> None:
        self._bases = bases
        self._sellers = sellers
        self._clock = clock

    async def find(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """All live records of exactly this INN. A base that forbids this filter has its list read through instead."""
        condition = f"ИНН eq {address.text(inn)} and {_LIVE}"
        found = await self._bases.rows(permit, "find_counterparty", COUNTERPARTIES, filter=condition, select=_COLUMNS)
        if not isinstance(found, Ok):
            return await self._scan(permit, inn) if _filter_forbidden(found) else found
        return self._cards(row for row in found.value if wire.text(row.get("ИНН")).strip() == inn)

    async def _scan(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        keys = []
        for page in range(SCAN_PAGES_MAX):
            found = await self._bases.rows(
                permit,
                "scan_counterparties",
                COUNTERPARTIES,
                filter=_LIVE,
                select="Ref_Key,ИНН",
                orderby="Ref_Key",
                top=str(SCAN_PAGE_ROWS),
                skip=str(page * SCAN_PAGE_ROWS),
            )
            if not isinstance(found, Ok):
                return found
            keys += [values.key(row, "Ref_Key") for row in found.value if wire.text(row.get("ИНН")).strip() == inn]
            if len(found.value) < SCAN_PAGE_ROWS:
                break
        else:
            return incomplete()
        conditions = [f"Ref_Key eq {address.guid(key)}" for key in keys]
        cards = await all_rows(self._bases, permit, "find_counterparty", COUNTERPARTIES, conditions, select=_COLUMNS)
        return self._cards(cards.value) if isinstance(cards, Ok) else cards

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]:
        """All live records without INN of exactly this name and e-mail."""
        condition = f"НаименованиеПолное eq {address.text(name)} and ИНН eq '' and {_LIVE}"
        found = await self._bases.rows(permit, "find_person", COUNTERPARTIES, filter=condition, select=_COLUMNS)
        cards = self._cards(found.value) if isinstance(found, Ok) else found
        return Ok(tuple(one for one in cards.value if one.email == email)) if isinstance(cards, Ok) else cards

    async def create(self, permit: Permit, draft: CounterpartyDraft, key: str) -> Outcome[Counterparty]:
        """A buyer. Rejected ``already_exists`` where our own reference is taken: it was made by a lost call."""
        kinds = await self._sellers.contact_kinds(permit)
        if not isinstance(kinds, Ok):
            return kinds
        body = writing.counterparty_body(
            draft,
            key=writing.own_key("counterparty", key),
            comment=reading.stamp(self._clock.now(), key),
            kinds=kinds.value,
        )
        made = await self._bases.create(permit, "create_counterparty", COUNTERPARTIES, body)
        if not isinstance(made, Ok):
            return made
        try:
            card = reading.read_counterparty(made.value)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=True)
        return Ok(card) if card.inn == (draft.inn or "") else mismatch(VENDOR, "ИНН", write=True)

    async def changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Buyers that we made since a moment, by the moment in their comments: a catalogue keeps no other. From further
        back than twenty months on it is a page of all live buyers."""
        prefixes = _stamps(cursor.since, self._clock.now())
        if prefixes is None:
            return await self._listed(permit, cursor)
        conditions = [f"startswith(Комментарий, {address.text(prefix)}) eq true" for prefix in prefixes]
        found = await all_rows(self._bases, permit, "counterparty_changes", COUNTERPARTIES, conditions, select=_COLUMNS)
        if not isinstance(found, Ok):
            return found
        cards = self._cards(found.value)
        if not isinstance(cards, Ok):
            return cards
        since = cursor.since - timedelta(seconds=1)  # the comment has whole seconds
        return Ok(CounterpartiesPage(tuple(one for one in cards.value if (one.updated_at or since) >= since), None))

    async def _listed(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Pages in order of references, which never change; each begins ten rows before the end of the last, since
        those that are put away meanwhile leave their places to those behind them."""
        found = await self._bases.rows(
            permit,
            "list_counterparties",
            COUNTERPARTIES,
            filter=_LIVE,
            select=_COLUMNS,
            orderby="Ref_Key",
            top=str(PAGE_ROWS),
            skip=str(cursor.offset),
        )
        if not isinstance(found, Ok):
            return found
        cards = self._cards(found.value)
        if not isinstance(cards, Ok):
            return cards
        further = FeedCursor(cursor.since, cursor.offset + PAGE_ROWS - PAGE_OVERLAP_ROWS)
        return Ok(CounterpartiesPage(cards.value, further if len(found.value) == PAGE_ROWS else None))

    @staticmethod
    def _cards(rows: Any) -> Outcome[tuple[Counterparty, ...]]:
        try:
            return Ok(tuple(reading.read_counterparty(row) for row in rows))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)


def _filter_forbidden(failure: Failure) -> bool:
    """Some rented bases let nobody filter by INN, and say so by a refusal of rights or of the query."""
    return failure.problem.code == "accounting_forbidden" or failure.problem.values.get("code") == "14"


def _stamps(since: datetime, now: datetime) -> list[str] | None:
    """Beginnings of all comments written from a moment on: days, or months where those are too many; None where even
    months are."""
    first, last = since.astimezone(UTC).date(), now.astimezone(UTC).date()
    days = max(0, (last - first).days + 1)
    if days <= DAYS_ASKED_MAX:
        return [f"{reading.STAMP}{first + timedelta(days=day)}" for day in range(days)]
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > MONTHS_ASKED_MAX:
        return None
    starts = ((first.month - 1 + month) for month in range(months))
    return [f"{reading.STAMP}{first.year + start // 12}-{start % 12 + 1:02d}" for start in starts]
