"""Reads of bank operations across streams: what is listed, which invoices may be meant, what counts for an invoice."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database, wake_after_commit
from chassis.wakeups import WORK
from chassis.work.plans import PlannedWork, insert_plans
from services.payments.domain import bankday, listing
from services.payments.domain.matching import SELLER_UNKNOWN

LISTED_MAX: Final = 1_000
PAYABLES_MAX: Final = 2_000
DAYS_OF_NOBODY_MAX: Final = 200
AROUND: Final = timedelta(days=14)
"""So many days apart channels of a bank may book one order."""


@dataclass(frozen=True, slots=True)
class PayableRow:
    """An invoice that an operation may pay."""

    invoice_id: str
    stream: str
    account: str
    number: str
    total_kopecks: int
    paid_kopecks: int
    issued_on: date | None
    buyer_inn: str
    vat_kopecks: int | None


@dataclass(frozen=True, slots=True)
class AllottedRow:
    """What of one operation counts for an invoice, of ``order_kopecks`` in all."""

    payment_id: str
    stream: str
    signed_kopecks: int
    own_account: str
    operation_day: date
    order_number: str
    order_date: date
    order_kopecks: int
    their_inn: str
    their_name: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An operation by what tells its payment order."""

    operation_day: date
    state: str
    order_number: str
    order_date: date
    signed_kopecks: int
    their_inn: str


class BankStore:
    """Reads of one tenant, each in a short transaction of its own."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def day(self, tenant: TenantId, stream: str) -> bankday.State:
        """A day of an account as its stream has it."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, stream)
        assert isinstance(state, bankday.State), "the stream's prefix names a day"
        return state

    async def days_known(self, tenant: TenantId, account: str, first: date, last: date) -> set[date]:
        """The days of a period that have operations."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT operation_day FROM bank_operations "
                "WHERE tenant_id = $1 AND own_account = $2 AND operation_day BETWEEN $3 AND $4",
                tenant,
                account,
                first,
                last,
            )
        return {row["operation_day"] for row in rows}

    async def payables(
        self, tenant: TenantId, numbers: Collection[str], inns: Collection[str]
    ) -> tuple[PayableRow, ...]:
        """Invoices by the short form of their numbers, paid ones too, and unpaid ones by their buyers' INN; newest
        first."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                f"SELECT {_PAYABLE} FROM invoices WHERE tenant_id = $1 AND status <> 'cancelled' "  # noqa: S608
                "AND (plain_number = ANY ($2::text[]) OR (buyer_inn <> '' AND buyer_inn = ANY ($3::text[]) "
                "AND status IN ('issued', 'partially_paid'))) ORDER BY issued_on DESC NULLS LAST, invoice_id LIMIT $4",
                tenant,
                list(numbers),
                list(inns),
                PAYABLES_MAX,
            )
        return tuple(_payable(dict(row)) for row in rows)

    async def orders_around(
        self, tenant: TenantId, stream: str, dates: Collection[date], sums: Collection[int]
    ) -> list[OrderRow]:
        """Operations on other days of a day's account, of some orders' dates and signed sums."""
        day = bankday.day_of(stream)
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT operation_day, state, order_number, order_date, signed_kopecks, their_inn FROM bank_operations "
                "WHERE tenant_id = $1 AND own_account = $2 AND operation_day BETWEEN $3 AND $4 AND operation_day <> $5 "
                "AND order_date = ANY ($6::date[]) AND signed_kopecks = ANY ($7::bigint[])",
                tenant,
                bankday.account_of(stream),
                day - AROUND,
                day + AROUND,
                day,
                list(dates),
                list(sums),
            )
        return [OrderRow(**row) for row in rows]

    async def payable(self, tenant: TenantId, invoice_id: str) -> PayableRow | None:
        """One invoice."""
        async with self._database.transaction([tenant]) as connection:
            row = await connection.fetchrow(
                f"SELECT {_PAYABLE} FROM invoices WHERE tenant_id = $1 AND invoice_id = $2::uuid",  # noqa: S608
                tenant,
                invoice_id,
            )
        return None if row is None else _payable(dict(row))

    async def allotted(self, tenant: TenantId, invoice_id: str) -> tuple[AllottedRow, ...]:
        """All that statements list for an invoice, oldest first."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT a.payment_id::text AS payment_id, a.stream, (a.allotments ->> $2)::bigint AS signed_kopecks, "
                "a.own_account, a.operation_day, a.order_number, o.order_date, o.signed_kopecks AS order_kopecks, "
                "a.their_inn, a.their_name FROM allotments a "
                "JOIN bank_operations o ON o.tenant_id = a.tenant_id AND o.payment_id = a.payment_id "
                "WHERE a.tenant_id = $1 AND a.allotments ? $2 ORDER BY a.operation_day, a.payment_id",
                tenant,
                invoice_id,
            )
        return tuple(AllottedRow(**row) for row in rows)

    async def days_of_nobody(self, tenant: TenantId, since: date) -> list[str]:
        """The streams of days with operations that were of no seller when they were looked at, the newest first."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT stream FROM bank_operations WHERE tenant_id = $1 AND state = 'unmatched' "
                "AND operation_day >= $2 AND reasons ? $3 GROUP BY stream "
                "ORDER BY max(operation_day) DESC, stream LIMIT $4",
                tenant,
                since,
                SELLER_UNKNOWN,
                DAYS_OF_NOBODY_MAX,
            )
        return [row["stream"] for row in rows]

    async def underpaid(self, tenant: TenantId, account: str, after: str, limit: int) -> Mapping[str, str]:
        """Unpaid invoices of an accounting account for which statements list more than counts, with their streams, in
        the order of their ids, from the one after ``after`` ("" from the first)."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT i.invoice_id::text AS invoice_id, i.stream FROM invoices i "
                "WHERE i.tenant_id = $1 AND i.account = $2 AND ($3 = '' OR i.invoice_id > nullif($3, '')::uuid) "
                "AND i.status IN ('issued', 'partially_paid') AND i.paid_kopecks < "
                "(SELECT sum((a.allotments ->> i.invoice_id::text)::bigint) FROM allotments a "
                "WHERE a.tenant_id = i.tenant_id AND a.allotments ? i.invoice_id::text) ORDER BY i.invoice_id LIMIT $4",
                tenant,
                account,
                after,
                limit,
            )
        return {row["invoice_id"]: row["stream"] for row in rows}

    async def plan_allots(
        self, tenant: TenantId, invoices: Mapping[str, str], now: datetime, trace: Mapping[str, str]
    ) -> None:
        """Has the deals of invoices told what statements list for them; ``invoices`` are ids with their streams."""
        works = [PlannedWork(tenant, stream, listing.allot_plan(name), trace) for name, stream in invoices.items()]
        async with self._database.transaction([tenant]) as connection:
            await insert_plans(connection, works, now)
            wake_after_commit(WORK)

    async def counted(self, tenant: TenantId, account: str, operations: Collection[str]) -> frozenset[str]:
        """Of operations those that count for invoices of an accounting account by now."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT operation_id FROM counted_payments WHERE tenant_id = $1 AND account = $2 "
                "AND operation_id = ANY ($3::text[]) AND NOT revoked",
                tenant,
                account,
                list(operations),
            )
        return frozenset(row["operation_id"] for row in rows)

    async def stream_of(self, tenant: TenantId, payment_id: str) -> str | None:
        """The day's stream that an operation belongs to."""
        async with self._database.transaction([tenant]) as connection:
            found: str | None = await connection.fetchval(
                "SELECT stream FROM bank_operations WHERE tenant_id = $1 AND payment_id = $2", tenant, UUID(payment_id)
            )
        return found

    async def operations(self, tenant: TenantId, states: Collection[str], limit: int) -> list[dict[str, Any]]:
        """Operations in any of the states (all without one), newest first."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT payment_id, state, statement_id, line, own_account, operation_day, order_number, order_date, "
                "signed_kopecks, their_inn, their_name, numbers, score, reasons, candidates FROM bank_operations "
                "WHERE tenant_id = $1 AND (cardinality($2::text[]) = 0 OR state = ANY ($2)) "
                "ORDER BY operation_day DESC, payment_id LIMIT $3",
                tenant,
                list(states),
                min(limit, LISTED_MAX),
            )
        return [_plain(dict(row), ("numbers", "reasons", "candidates")) for row in rows]

    async def statements(self, tenant: TenantId, limit: int) -> list[dict[str, Any]]:
        """Statement files, newest first."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT statement_id, file_name, size_bytes, received_at, status, sections, taken, problem_count, "
                "problems, accounts, first_day, last_day FROM statements WHERE tenant_id = $1 "
                "ORDER BY received_at DESC, statement_id LIMIT $2",
                tenant,
                min(limit, LISTED_MAX),
            )
        return [_plain(dict(row), ("problems", "accounts")) for row in rows]


_PAYABLE: Final = "invoice_id, stream, account, number, total_kopecks, paid_kopecks, issued_on, buyer_inn, vat_kopecks"


def _payable(row: dict[str, Any]) -> PayableRow:
    return PayableRow(**{**row, "invoice_id": str(row["invoice_id"])})


def _plain(row: dict[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """A row as JSON takes it."""
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
    for name in parts:
        plain[name] = orjson.loads(row[name])
    return {name: str(value) if isinstance(value, UUID) else value for name, value in plain.items()}
