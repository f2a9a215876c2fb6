"""Companies as the state register told them, and how much each provider was asked; written where no stream is told."""

from dataclasses import dataclass
from datetime import date, datetime

from chassis.ids import TenantId
from chassis.postgres import Database
from services.counterparty.domain.company import Facts


@dataclass(frozen=True, slots=True)
class KeptCard:
    """What the register said, None where it has no such INN, and when."""

    facts: Facts | None
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """An account on a day of Moscow. ``answered``: its key worked today. ``closed_until`` None when it may be asked."""

    calls: int = 0
    answered: bool = False
    closed_until: datetime | None = None


class CompanyStore:
    """Reads and writes of one tenant, each in a short transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def card(self, tenant: TenantId, inn: str, kpp: str) -> KeptCard | None:
        """What is kept of an INN and KPP."""
        async with self._database.transaction([tenant]) as connection:
            row = await connection.fetchrow(
                "SELECT card, fetched_at FROM company_cards WHERE tenant_id = $1 AND inn = $2 AND kpp = $3",
                tenant,
                inn,
                kpp,
            )
        if row is None:
            return None
        facts = None if row["card"] is None else Facts.model_validate_json(row["card"])
        return KeptCard(facts, row["fetched_at"])

    async def keep(self, tenant: TenantId, inn: str, kpp: str, card: KeptCard) -> None:
        """Keeps the newest answer."""
        async with self._database.transaction([tenant]) as connection:
            await connection.execute(
                "INSERT INTO company_cards VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT (tenant_id, inn, kpp) "
                "DO UPDATE SET card = excluded.card, fetched_at = excluded.fetched_at",
                tenant,
                inn,
                kpp,
                None if card.facts is None else card.facts.model_dump_json(),
                card.fetched_at,
            )

    async def usage(self, tenant: TenantId, account: str, day: date) -> Usage:
        """How much an account was asked today, and until when it is left alone."""
        async with self._database.transaction([tenant]) as connection:
            row = await connection.fetchrow(
                "SELECT day, calls, answered, closed_until FROM register_days WHERE tenant_id = $1 AND account = $2",
                tenant,
                account,
            )
        if row is None:
            return Usage()
        if row["day"] != day:
            return Usage(closed_until=row["closed_until"])
        return Usage(row["calls"], row["answered"], row["closed_until"])

    async def count(self, tenant: TenantId, account: str, day: date, calls: int) -> None:
        """Counts calls before they are made; another day begins at nothing."""
        async with self._database.transaction([tenant]) as connection:
            await connection.execute(
                "INSERT INTO register_days AS known VALUES ($1, $2, $3, $4, false) "
                "ON CONFLICT (tenant_id, account) DO UPDATE SET day = excluded.day, "
                "calls = excluded.calls + CASE WHEN known.day = excluded.day THEN known.calls ELSE 0 END, "
                "answered = known.answered AND known.day = excluded.day",
                tenant,
                account,
                day,
                calls,
            )

    async def answered(self, tenant: TenantId, account: str) -> None:
        """The key works, and the account may be asked."""
        async with self._database.transaction([tenant]) as connection:
            await connection.execute(
                "UPDATE register_days SET answered = true, closed_until = NULL WHERE tenant_id = $1 AND account = $2 "
                "AND (NOT answered OR closed_until IS NOT NULL)",
                tenant,
                account,
            )

    async def close(self, tenant: TenantId, account: str, until: datetime) -> None:
        """Leaves an account alone."""
        async with self._database.transaction([tenant]) as connection:
            await connection.execute(
                "UPDATE register_days SET closed_until = $3 WHERE tenant_id = $1 AND account = $2",
                tenant,
                account,
                until,
            )
