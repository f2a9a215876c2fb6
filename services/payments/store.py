"""The service's reads across streams: invoices by the vendor's id, and which operations are known already."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from chassis.ids import TenantId
from chassis.postgres import Database


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice as lists have it."""

    invoice_id: str
    stream: str
    remote_id: str
    due_date: date
    open: bool


@dataclass(frozen=True, slots=True)
class KnownRow:
    """An operation that counts, or counted."""

    digest: str
    revoked: bool


class PaymentStore:
    """Reads of one tenant, each in a short transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invoices(self, tenant: TenantId, account: str, remote_ids: Collection[str]) -> dict[str, InvoiceRow]:
        """Our invoices by the vendor's ids; what is not ours is absent."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT invoice_id, stream, remote_id, due_date, status FROM invoices "
                "WHERE tenant_id = $1 AND account = $2 AND remote_id = ANY ($3::text[])",
                tenant,
                account,
                list(remote_ids),
            )
        return {
            row["remote_id"]: InvoiceRow(
                str(row["invoice_id"]),
                row["stream"],
                row["remote_id"],
                row["due_date"],
                row["status"] in ("issued", "partially_paid"),
            )
            for row in rows
        }

    async def invoice(self, tenant: TenantId, invoice_id: str) -> InvoiceRow | None:
        """One invoice by our id."""
        async with self._database.transaction([tenant]) as connection:
            row = await connection.fetchrow(
                "SELECT invoice_id, stream, remote_id, due_date, status FROM invoices "
                "WHERE tenant_id = $1 AND invoice_id = $2::uuid",
                tenant,
                invoice_id,
            )
        if row is None:
            return None
        is_open = row["status"] in ("issued", "partially_paid")
        return InvoiceRow(str(row["invoice_id"]), row["stream"], row["remote_id"], row["due_date"], is_open)

    async def known(self, tenant: TenantId, account: str, operation_ids: Collection[str]) -> dict[str, KnownRow]:
        """Operations that we have seen count, by the vendor's ids."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT operation_id, digest, revoked FROM counted_payments "
                "WHERE tenant_id = $1 AND account = $2 AND operation_id = ANY ($3::text[])",
                tenant,
                account,
                list(operation_ids),
            )
        return {row["operation_id"]: KnownRow(row["digest"], row["revoked"]) for row in rows}
