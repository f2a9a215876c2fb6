"""The service's reads of its own streams, outside their commands."""

from collections.abc import Collection, Mapping
from typing import Any

from chassis.engine import Engine
from chassis.ids import TenantId
from chassis.postgres import Database
from services.invoicing import domain
from services.invoicing.domain.edi import stream_of
from services.invoicing.domain.state import Document
from services.invoicing.domain.values import Issued


class DocumentStore:
    """Reads documents as their streams have them, each in a short transaction of its own."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def document(self, tenant: TenantId, stream: str, document_id: str) -> Document | None:
        """One document of a deal."""
        async with self._database.transaction([tenant]) as connection:
            _, state = await self._engine.state(connection, tenant, stream)
        assert isinstance(state, domain.State), "the stream's prefix names a deal"
        return state.documents.get(document_id)

    async def deal_of_record(self, tenant: TenantId, account: str, issued: Issued, *, but_for: str) -> str:
        """The deal of another document than ``but_for`` that an account's record is; "" where there is none."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT document_id::text, deal_id FROM documents "
                "WHERE tenant_id = $1 AND number = $2 AND remote_id = $3 AND document_id::text <> $4",
                tenant,
                issued.number,
                issued.remote_id,
                but_for,
            )
        for row in rows:
            stream = f"{domain.DEAL_PREFIX}-{row['deal_id']}"
            document = await self.document(tenant, stream, row["document_id"])
            if document is not None and document.terms.account == account:
                return str(row["deal_id"])
        return ""

    async def edi_streams(self, tenant: TenantId, account: str, message_ids: Collection[str]) -> dict[str, str]:
        """The streams of the operator's messages that are ours; what people sent themselves is absent."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT message_id, deal_id FROM edi_documents "
                "WHERE tenant_id = $1 AND account = $2 AND message_id = ANY ($3::text[])",
                tenant,
                account,
                list(message_ids),
            )
        return {row["message_id"]: stream_of(row["deal_id"]) for row in rows}

    async def mapped(self, tenant: TenantId, account: str, products: Collection[str]) -> Mapping[str, str]:
        """The accounting's items by products of the CRM, of those that are mapped."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT product_id, item_id FROM goods "
                "WHERE tenant_id = $1 AND account = $2 AND product_id = ANY ($3::text[]) AND state = 'mapped'",
                tenant,
                account,
                list(products),
            )
        return {row["product_id"]: row["item_id"] for row in rows}

    async def goods(
        self, tenant: TenantId, *, product_id: str = "", states: Collection[str] = (), limit: int
    ) -> list[dict[str, Any]]:
        """The mapping list: what waits for a person first, then by name; one product, or those in some states alone,
        where that is asked."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT account, product_id, external_code, name, unit, state, item_id, mapped_by, waiting FROM goods "
                "WHERE tenant_id = $1 AND ($2 = '' OR product_id = $2) "
                "AND (cardinality($3::text[]) = 0 OR state = ANY ($3::text[])) "
                "ORDER BY state <> 'open', name, account, product_id LIMIT $4",
                tenant,
                product_id,
                list(states),
                limit,
            )
        return [dict(row) for row in rows]
