"""Feeds that tell how much of an invoice is paid, where an accounting service tells sums and no payments."""

from dataclasses import dataclass
from typing import Literal, Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit
from connectors.ports.accounting import Counterparty, InvoiceStatus


@dataclass(frozen=True, slots=True)
class BalanceFact:
    """What was paid of an invoice when the fact came about: a sum up to then, not a payment. Facts of a feed are
    numbered ascending by ``fact_id``; a sum that falls means that a payment was untied."""

    fact_id: int
    invoice_id: str
    paid_kopecks: int
    total_kopecks: int | None
    status: InvoiceStatus
    vendor_status: str


@dataclass(frozen=True, slots=True)
class BalanceCursor:
    """A place in a feed of facts: ``last_id`` is the newest row read, ``rows`` how many were read before and with it.

    ``reading`` is how the vendor takes an offset, as it turned out for this account: as a row's id, or as its place
    from 0; "" until there was a row to find it out with.
    """

    reading: Literal["", "id", "place"] = ""
    last_id: int | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class BalancesPage:
    """One page of facts. ``cursor`` is where the next one begins, ``more``: there may be one already."""

    facts: tuple[BalanceFact, ...]
    cursor: BalanceCursor
    more: bool


class Balances(Protocol):
    """The feed of facts; it begins to be written with the subscription, which may be repeated at will."""

    async def subscribe_to_balances(self, permit: Permit) -> Outcome[None]: ...

    async def balances_changed(self, permit: Permit, cursor: BalanceCursor) -> Outcome[BalancesPage]: ...


class FindPerson(Protocol):
    """Search of buyers without INN by name; only those whose name and e-mail are both equal are given back (R11)."""

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]: ...
