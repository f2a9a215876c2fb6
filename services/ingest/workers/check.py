"""Asks a tenant's vendors whether all that its file names is there."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Ok
from chassis.work.handlers import Permit, PermitClass, Permits
from chassis.work.permits import PermitAnswer, in_line
from connectors.ports.accounting import CheckAccount
from connectors.ports.companies import CompanyByInn
from connectors.ports.crm import CheckPortal, PortalWanted
from connectors.registry import ACCOUNTING
from services.ingest.domain.values import Connection, Edi, Register, Seller, Settings
from services.ingest.store.deals import DealStore

INN_LOOKED_UP: Final = "7707083893"
"""A company that every register knows, for a tenant without sellers."""
SCOPES: Final = frozenset({"crm", "im"})
_TEXT: Final = frozenset({"string", "text"})
_NUMBER: Final = frozenset({"integer", "double"})
FIELD_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "invoice_number": _TEXT,
    "invoice_date": frozenset({"date", "datetime", "string"}),
    "invoice_url": frozenset({"url", "string"}),
    "invoice_status": _TEXT,
    "invoice_pdf": frozenset({"file"}),
    "paid": frozenset({"money", "double", "string"}),
    "overdue_days": _NUMBER | _TEXT,
    "act_number": _TEXT,
    "act_pdf": frozenset({"file"}),
}

Part = tuple[str, str, Sequence[Problem]]
"""What was asked (``portal``, ``accounting``, ``edi``, ``register``, ``statements``), its account, and what is wrong
with it."""


class TenantCheck:
    """The check of ``sverka tenant check``."""

    def __init__(
        self,
        crm: CheckPortal,
        accounting: Mapping[tuple[str, str], CheckAccount],
        edi: Mapping[str, CheckAccount],
        registers: Mapping[str, CompanyByInn],
        permits: Permits,
        store: DealStore,
        statements_folder: Path | None,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._crm = crm
        self._accounting = accounting
        self._edi = edi
        self._registers = registers
        self._permits = permits
        self._statements_folder = statements_folder
        self._store = store

    async def run(self, tenant: TenantId) -> list[Part]:
        """The portal first, then each seller, each register, and the folder of statement files; nothing for a tenant
        without a file."""
        config = (await self._store.tenant(tenant)).config
        if config is None:
            return []
        settings = config.settings
        portal = ("portal", settings.crm_account, await self._portal(settings))
        sellers = [
            (
                "accounting",
                seller.connection.account,
                (*await self._seller(seller.connection), *unfollowed(seller, settings)),
            )
            for seller in settings.sellers
        ]
        boxes = [
            ("edi", seller.edi.account, await self._asked(self._edi.get(seller.edi.vendor), seller.edi))
            for seller in settings.sellers
            if seller.edi is not None
        ]
        registers = [("register", one.account, await self._register(one, settings)) for one in settings.registers]
        return [portal, *sellers, *boxes, *registers, *self._folder(tenant, settings)]

    async def _permit(self, account: str, count: int) -> PermitAnswer:
        """Leave to call. That an account's calls are used up for a moment is no fault of its file."""
        return await in_line(self._permits, self._clock, account, count, PermitClass.INTERACTIVE)

    async def _portal(self, settings: Settings) -> Sequence[Problem]:
        permit = await self._permit(settings.crm_account, 1)
        if not isinstance(permit, Permit):
            return (permit.problem,)
        report = await self._crm.check_portal(permit, wanted(settings))
        return report.value.problems if isinstance(report, Ok) else (report.problem,)

    async def _seller(self, connection: Connection) -> Sequence[Problem]:
        return await self._asked(self._accounting.get((connection.vendor, connection.profile)), connection)

    async def _asked(self, vendor: CheckAccount | None, connection: Connection | Edi) -> Sequence[Problem]:
        if vendor is None:
            return (Problem("vendor_unknown", {"vendor": connection.vendor}),)
        permit = await self._permit(connection.account, 1)
        if not isinstance(permit, Permit):
            return (permit.problem,)
        found = await vendor.check_account(permit)
        return found.value if isinstance(found, Ok) else (found.problem,)

    async def _register(self, register: Register, settings: Settings) -> Sequence[Problem]:
        """One look-up tells whether the key opens the register and the day's quota is not used up."""
        permit = await self._permit(register.account, 2)
        if not isinstance(permit, Permit):
            return (permit.problem,)
        inn = next((seller.inn for seller in settings.sellers), INN_LOOKED_UP)
        found = await self._registers[register.vendor].by_inn(permit, inn)
        return () if isinstance(found, Ok) else (found.problem,)

    def _folder(self, tenant: TenantId, settings: Settings) -> Sequence[Part]:
        """The tenant's own folder for statement files, where this installation watches one and statements say what was
        paid; what was taken is moved, so that it must be writable."""
        folder = self._statements_folder
        if folder is None or all(seller.payments_from != "statement" for seller in settings.sellers):
            return ()
        own = folder / tenant
        if not own.is_dir():
            problems: tuple[Problem, ...] = (Problem("statements_folder_missing", {"folder": str(own)}),)
        else:
            problems = (
                ()
                if os.access(own, os.W_OK | os.X_OK)
                else (Problem("statements_folder_closed", {"folder": str(own)}),)
            )
        return (("statements", str(own), problems),)


def unfollowed(seller: Seller, settings: Settings) -> Sequence[Problem]:
    """Companies can come into the CRM only from a service that tells what its people enter."""
    vendor = ACCOUNTING.get((seller.connection.vendor, seller.connection.profile))
    if settings.steps.reverse_sync is not True or vendor is None or vendor.follows_buyers:
        return ()
    return (Problem("reverse_sync_impossible", {"vendor": seller.connection.vendor}),)


def wanted(settings: Settings) -> PortalWanted:
    """What the settings expect of the portal."""
    stages = {
        int(funnel.category_id): frozenset(
            stage
            for stage in (*funnel.issue_invoice, *funnel.issue_act, *funnel.waiting_for_payment, funnel.paid)
            if stage
        )
        for funnel in settings.funnels
    }
    fields = {name: FIELD_TYPES[ours] for ours, name in settings.fields.items()}
    scopes = SCOPES | {"catalog"} if settings.maps_goods else SCOPES
    return PortalWanted(scopes=scopes, fields=fields, stages=stages)
