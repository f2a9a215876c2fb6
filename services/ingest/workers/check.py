"""Asks a tenant's vendors whether all that its file names is there."""

from collections.abc import Mapping, Sequence
from typing import Final

from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Ok
from chassis.work.handlers import Permit, PermitClass, Permits
from connectors.ports.accounting import CheckAccount
from connectors.ports.crm import CheckPortal, PortalWanted
from services.ingest.domain.values import Connection, Edi, Settings
from services.ingest.store.deals import DealStore

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
"""What was asked (``portal``, ``accounting``, ``edi``), its account, and what is wrong with it."""


class TenantCheck:
    """The check of ``sverka tenant check``."""

    def __init__(
        self,
        crm: CheckPortal,
        accounting: Mapping[tuple[str, str], CheckAccount],
        edi: Mapping[str, CheckAccount],
        permits: Permits,
        store: DealStore,
    ) -> None:
        self._crm = crm
        self._accounting = accounting
        self._edi = edi
        self._permits = permits
        self._store = store

    async def run(self, tenant: TenantId) -> list[Part]:
        """The portal first, then each seller; nothing for a tenant without a file."""
        config = (await self._store.tenant(tenant)).config
        if config is None:
            return []
        settings = config.settings
        portal = ("portal", settings.crm_account, await self._portal(settings))
        sellers = [
            ("accounting", seller.connection.account, await self._seller(seller.connection))
            for seller in settings.sellers
        ]
        boxes = [
            ("edi", seller.edi.account, await self._asked(self._edi.get(seller.edi.vendor), seller.edi))
            for seller in settings.sellers
            if seller.edi is not None
        ]
        return [portal, *sellers, *boxes]

    async def _portal(self, settings: Settings) -> Sequence[Problem]:
        permit = await self._permits.acquire(settings.crm_account, 1, PermitClass.INTERACTIVE)
        if not isinstance(permit, Permit):
            return (permit.problem,)
        report = await self._crm.check_portal(permit, wanted(settings))
        return report.value.problems if isinstance(report, Ok) else (report.problem,)

    async def _seller(self, connection: Connection) -> Sequence[Problem]:
        return await self._asked(self._accounting.get((connection.vendor, connection.profile)), connection)

    async def _asked(self, vendor: CheckAccount | None, connection: Connection | Edi) -> Sequence[Problem]:
        if vendor is None:
            return (Problem("vendor_unknown", {"vendor": connection.vendor}),)
        permit = await self._permits.acquire(connection.account, 1, PermitClass.INTERACTIVE)
        if not isinstance(permit, Permit):
            return (permit.problem,)
        found = await vendor.check_account(permit)
        return found.value if isinstance(found, Ok) else (found.problem,)


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
    return PortalWanted(scopes=SCOPES, fields=fields, stages=stages)
