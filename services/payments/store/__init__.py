"""The service's reads across streams: invoices by the vendor's id, and which operations are known already."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import asyncpg

from chassis.ids import TenantId
from chassis.postgres import Database

LOOSE_TOLD_MAX: Final = 5
"""So many payments are told when one invoice becomes known; of a sum that everybody pays there may be hundreds."""
DAYS_MATCHED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice as lists have it."""

    invoice_id: str
    stream: str
    remote_id: str
    due_date: date
    open: bool
    paid_kopecks: int = 0
    doubted: bool = False
    number: str = ""
    total_kopecks: int = 0


@dataclass(frozen=True, slots=True)
class KnownRow:
    """An operation that counts for an invoice of ours."""

    invoice_id: str
    stream: str
    digest: str


@dataclass(frozen=True, slots=True)
class UnmatchedRow:
    """An operation that belongs to no invoice of ours."""

    remote_invoice: str
    signed_kopecks: int
    operation_date: date


@dataclass(frozen=True, slots=True)
class Waiting:
    """What came before an invoice: whether operations are ``tied`` to it in accounting; streams of ``loose`` operations
    that it may be paid by and nobody was told of; streams of ``days`` of bank accounts with such operations."""

    tied: bool = False
    loose: tuple[str, ...] = ()
    days: tuple[str, ...] = ()


class PaymentStore:
    """Reads of one tenant, each in a short transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invoices(self, tenant: TenantId, account: str, remote_ids: Collection[str]) -> dict[str, InvoiceRow]:
        """Our invoices by the vendor's ids; what is not ours is absent."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                f"SELECT {_INVOICE} FROM invoices "  # noqa: S608
                "WHERE tenant_id = $1 AND account = $2 AND remote_id = ANY ($3::text[])",
                tenant,
                account,
                list(remote_ids),
            )
        return {row["remote_id"]: _invoice(row) for row in rows}

    async def invoice(self, tenant: TenantId, invoice_id: str) -> InvoiceRow | None:
        """One invoice by our id."""
        async with self._database.transaction([tenant]) as connection:
            row = await connection.fetchrow(
                f"SELECT {_INVOICE} FROM invoices "  # noqa: S608
                "WHERE tenant_id = $1 AND invoice_id = $2::uuid",
                tenant,
                invoice_id,
            )
        return None if row is None else _invoice(row)

    async def known(
        self, tenant: TenantId, account: str, operation_ids: Collection[str]
    ) -> dict[str, tuple[KnownRow, ...]]:
        """For which invoices operations count now, by the vendor's ids of the operations."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT p.operation_id, p.invoice_id, p.digest, i.stream FROM counted_payments p "
                "JOIN invoices i ON i.tenant_id = p.tenant_id AND i.invoice_id = p.invoice_id "
                "WHERE p.tenant_id = $1 AND p.account = $2 AND p.operation_id = ANY ($3::text[]) AND NOT p.revoked",
                tenant,
                account,
                list(operation_ids),
            )
        return _by_operation(rows)

    async def shares(
        self, tenant: TenantId, account: str, operations: Collection[str]
    ) -> dict[str, tuple[KnownRow, ...]]:
        """For which invoices shares of bank operations count now, by the shares' own ids."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT p.operation_id, p.invoice_id, p.digest, i.stream FROM counted_payments p "
                "JOIN invoices i ON i.tenant_id = p.tenant_id AND i.invoice_id = p.invoice_id "
                "WHERE p.tenant_id = $1 AND p.account = $2 AND NOT p.revoked "
                "AND split_part(p.operation_id, '/', 1) = ANY ($3::text[])",
                tenant,
                account,
                list(operations),
            )
        return _by_operation(rows)

    async def open_invoices(self, tenant: TenantId, account: str, after: str, limit: int) -> list[InvoiceRow]:
        """Invoices of an account that are unpaid, or whose payments are in doubt, in the order of their ids, from the
        one after ``after`` ("" from the first)."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                f"SELECT {_INVOICE} FROM invoices WHERE tenant_id = $1 AND account = $2 "  # noqa: S608
                "AND (status IN ('issued', 'partially_paid') OR doubted) AND remote_id <> '' "
                "AND ($3 = '' OR invoice_id > nullif($3, '')::uuid) ORDER BY invoice_id LIMIT $4",
                tenant,
                account,
                after,
                limit,
            )
        return [_invoice(row) for row in rows]

    async def unmatched(self, tenant: TenantId, streams: Collection[str]) -> dict[str, UnmatchedRow]:
        """What is listed as belonging to no invoice, by the operation's stream."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT operation, remote_invoice, signed_kopecks, operation_date FROM unmatched_operations "
                "WHERE tenant_id = $1 AND operation = ANY ($2::text[])",
                tenant,
                list(streams),
            )
        return {
            row["operation"]: UnmatchedRow(row["remote_invoice"], row["signed_kopecks"], row["operation_date"])
            for row in rows
        }

    async def waiting(self, tenant: TenantId, invoice_id: str, since: date) -> Waiting:
        """What waits for an invoice that became known. Of what is not tied to it in accounting the newest, from the day
        ``since`` on and within a bound."""
        async with self._database.transaction([tenant]) as connection:
            invoice = await connection.fetchrow(
                "SELECT account, remote_id, buyer_inn, number, plain_number, total_kopecks - paid_kopecks AS rest "
                "FROM invoices WHERE tenant_id = $1 AND invoice_id = $2::uuid",
                tenant,
                invoice_id,
            )
            if invoice is None:
                return Waiting()
            tied = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM unmatched_operations WHERE tenant_id = $1 AND account = $2 "
                "AND remote_invoice = $3 AND remote_invoice <> '')",
                tenant,
                invoice["account"],
                invoice["remote_id"],
            )
            loose = await connection.fetch(
                "SELECT operation FROM unmatched_operations WHERE tenant_id = $1 AND account = $2 "
                "AND remote_invoice = '' AND signed_kopecks > 0 AND NOT ours "
                "AND (signed_kopecks = $3 OR (payer_inn = $4 AND payer_inn <> '')) "
                "AND operation_date >= $5 ORDER BY operation_date DESC, operation LIMIT $6",
                tenant,
                invoice["account"],
                invoice["rest"],
                invoice["buyer_inn"],
                since,
                LOOSE_TOLD_MAX,
            )
            days = await connection.fetch(
                "SELECT stream FROM bank_operations WHERE tenant_id = $1 AND unsettled "
                "AND ((their_inn = $2 AND their_inn <> '') OR numbers ?| $3::text[]) AND operation_day >= $4 "
                "GROUP BY stream ORDER BY max(operation_day) DESC, stream LIMIT $5",
                tenant,
                invoice["buyer_inn"],
                [invoice["number"], invoice["plain_number"]],
                since,
                DAYS_MATCHED_MAX,
            )
        return Waiting(tied, tuple(row["operation"] for row in loose), tuple(row["stream"] for row in days))

    async def unmatched_shares(self, tenant: TenantId, account: str, operations: Collection[str]) -> frozenset[str]:
        """The streams of shares of bank operations that are listed as belonging to no invoice."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT operation FROM unmatched_operations WHERE tenant_id = $1 AND account = $2 "
                # After "operation-ACCOUNT/" stands OPERATION/INVOICE; as the index has it.
                "AND split_part(substr(operation, length(account) + 12), '/', 1) = ANY ($3::text[])",
                tenant,
                account,
                list(operations),
            )
        return frozenset(row["operation"] for row in rows)

    async def waited_for(
        self, tenant: TenantId, account: str, inns: Collection[str], sums: Collection[int]
    ) -> tuple[frozenset[str], frozenset[int]]:
        """Of the INNs those of buyers with an unpaid invoice of the account, of the sums those that are the whole rest
        of one."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT buyer_inn, total_kopecks - paid_kopecks AS rest FROM invoices WHERE tenant_id = $1 "
                "AND account = $2 AND status IN ('issued', 'partially_paid') AND ((buyer_inn <> '' AND "
                "buyer_inn = ANY ($3::text[])) OR total_kopecks - paid_kopecks = ANY ($4::bigint[]))",
                tenant,
                account,
                list(inns),
                list(sums),
            )
        return frozenset(row["buyer_inn"] for row in rows) - {""}, frozenset(row["rest"] for row in rows)


def _by_operation(rows: Iterable[Any]) -> dict[str, tuple[KnownRow, ...]]:
    found: dict[str, tuple[KnownRow, ...]] = {}
    for row in rows:
        known = KnownRow(str(row["invoice_id"]), row["stream"], row["digest"])
        found[row["operation_id"]] = (*found.get(row["operation_id"], ()), known)
    return found


_INVOICE = "invoice_id, stream, remote_id, due_date, status, paid_kopecks, doubted, number, total_kopecks"


def _invoice(row: asyncpg.Record) -> InvoiceRow:
    return InvoiceRow(
        invoice_id=str(row["invoice_id"]),
        stream=row["stream"],
        remote_id=row["remote_id"],
        due_date=row["due_date"],
        open=row["status"] in ("issued", "partially_paid"),
        paid_kopecks=row["paid_kopecks"],
        doubted=row["doubted"],
        number=row["number"],
        total_kopecks=row["total_kopecks"],
    )
