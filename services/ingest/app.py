"""Wires ingest: its streams, its work, its addresses."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from starlette.routing import BaseRoute, Mount

from chassis import log
from chassis.aggregate import StreamKind
from chassis.blobs import Blobs
from chassis.http import AddressPolicy, AddressRefused
from chassis.ids import TenantId, tenant_id
from chassis.outcomes import Ok, Outcome
from chassis.postgres import INFRASTRUCTURE_ERRORS, log_level
from chassis.service.spec import Parts, ServiceSpec, Work
from chassis.serving import BODY_BYTES_MAX
from chassis.values.orders import OrderId
from chassis.work.handlers import Permit
from chassis.work.operations import OperationMessages
from connectors.bank_statement import STATEMENT_BYTES_MAX
from connectors.bitrix24.application import EVENTS, Bitrix24App
from connectors.bitrix24.oauth import Bitrix24OAuth
from connectors.bitrix24.webhook import BODY_BYTES_MAX as WEBHOOK_BYTES_MAX
from connectors.bitrix24.webhook import parse_webhook
from connectors.kontur.callback import parse_callback
from connectors.ports.accounting import AccessToken, TokenRequest
from connectors.ports.callbacks import ParseCallback
from connectors.ports.crm import PortalMoved
from connectors.ports.crm.access import RenewPair as RenewGrant
from connectors.ports.edi import Edi
from connectors.ports.whole import AccountingClient
from connectors.registry import ACCOUNTING, BITRIX24, EDI, REGISTERS
from contracts import topics
from contracts.messages import operations
from services.ingest import projections, published
from services.ingest.api import edi_settings, hooks, statements
from services.ingest.api.app_pages import AppPages
from services.ingest.api.callbacks import Callbacks, CallbacksRoute
from services.ingest.api.directory import HookDirectory, HookOwners
from services.ingest.api.folder import StatementFolder
from services.ingest.api.hooks import Hooks, HooksRoute
from services.ingest.api.installing import Installer, credentials_of
from services.ingest.api.intake import Intake
from services.ingest.api.owners import Owners
from services.ingest.api.permits import PermitDesk, PermitRoutes
from services.ingest.api.portals import Portals
from services.ingest.api.public import application
from services.ingest.api.shops import Shops, ShopsRoute
from services.ingest.api.statements import StatementRoutes, Statements
from services.ingest.api.tenants import Checked, Tenants
from services.ingest.api.tokens import FetchToken, Renewed, RenewPair, Tokens
from services.ingest.domain import callback, deal, order, portal, requisite, statement
from services.ingest.settings import IngestSettings
from services.ingest.store import webhooks
from services.ingest.store.cards import CardStore
from services.ingest.store.connections import HOOK_SECRET, Account, ConnectionStore
from services.ingest.store.deals import DealStore
from services.ingest.store.orders import OrderStore
from services.ingest.workers.cards import ReadCardTask
from services.ingest.workers.check import TenantCheck
from services.ingest.workers.handlers import KeepHandlersTask
from services.ingest.workers.orders import ReadOrderTask
from services.ingest.workers.reads import ReadBuyerTask, ReadDealTask
from services.ingest.workers.sweeps import NightlyCheckTask, SweepBuyersTask, SweepModifiedTask, SweepTask

NAME: Final = "ingest"
API: Final = "/api"
DROP_EVERY_SECONDS: Final = 600.0
MOVES_WAITING_MAX: Final = 1_000

_log = log.get(__name__)

DEALS: StreamKind[deal.State, deal.Command] = StreamKind(
    prefix=deal.PREFIX,
    initial=deal.initial,
    decide=deal.decide,
    evolve=deal.evolve,
    codec=deal.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published.published_of_deal,
    planned=deal.planned,
    projected=projections.projected_deal,
)
ORDERS: StreamKind[order.State, order.Command] = StreamKind(
    prefix=order.PREFIX,
    initial=order.initial,
    decide=order.decide,
    evolve=order.evolve,
    codec=order.CODEC,
    aggregate=lambda stream: stream.partition("-")[2],
    published=published.published_of_deal,
    projected=projections.projected_order,
)
PORTALS: StreamKind[portal.State, portal.Command] = StreamKind(
    prefix=portal.PREFIX,
    initial=portal.initial,
    decide=portal.decide,
    evolve=portal.evolve,
    codec=portal.CODEC,
    aggregate=lambda stream: portal.AGGREGATE,
    published=published.published_of_portal,
    planned=portal.planned,
    projected=projections.projected_portal,
)
STATEMENTS: StreamKind[statement.State, statement.TakeStatement] = StreamKind(
    prefix=statement.PREFIX,
    initial=statement.initial,
    decide=statement.decide,
    evolve=statement.evolve,
    codec=statement.CODEC,
    aggregate=lambda stream: stream,
    published=published.published_of_statement,
)
CALLBACKS: StreamKind[callback.State, callback.TakeCallback] = StreamKind(
    prefix=callback.PREFIX,
    initial=callback.initial,
    decide=callback.decide,
    evolve=callback.evolve,
    codec=callback.CODEC,
    aggregate=lambda stream: stream,
    published=published.published_of_callback,
)
REQUISITES: StreamKind[requisite.State, requisite.ObserveRequisite] = StreamKind(
    prefix=requisite.PREFIX,
    initial=requisite.initial,
    decide=requisite.decide,
    evolve=requisite.evolve,
    codec=requisite.CODEC,
    aggregate=lambda stream: stream,
    published=published.published_of_requisite,
)
CALLBACK_PARSERS: Final[Mapping[str, ParseCallback]] = {"kontur": parse_callback}


class _Whole:
    """What routes, loops and work of one running service share."""

    def __init__(self, parts: Parts[IngestSettings]) -> None:
        self.parts = parts
        self.moves: asyncio.Queue[PortalMoved] = asyncio.Queue(MOVES_WAITING_MAX)
        self.store = ConnectionStore(parts.secrets)
        self.portals = Portals(parts.database, self.store, parts.tenants)
        self.deals = DealStore(parts.database)
        self.cards = CardStore(parts.database)
        self.crm = BITRIX24.connect(parts.http, parts.clock, self._moved)
        self.accounting = {key: vendor.connect(parts.http, parts.clock) for key, vendor in ACCOUNTING.items()}
        self.edi = {name: vendor.connect(parts.http, parts.clock) for name, vendor in EDI.items()}
        self.orders = OrderStore(parts.database, parts.secrets, self.store, parts.clock)
        found = HookOwners(parts.database, self.store)
        self.directory = HookDirectory(found.of_portal)
        self.shops = HookDirectory(found.of_shop)
        self.intake = Intake(parts.database, parts.clock)
        self.app = Bitrix24App(parts.http, parts.clock, self._moved)
        oauth = Bitrix24OAuth(parts.http, parts.clock)
        self.installer = Installer(
            parts.database,
            parts.engine,
            parts.clock,
            parts.secrets,
            self.store,
            oauth,
            self.app,
            self.portals,
            parts.settings.address_policy(),
            changed=(self.directory.forget, lambda tenant: self.desk.forget(tenant)),
        )
        self.tokens = Tokens(
            parts.database,
            self.store,
            parts.clock,
            {
                **{key: _fetch(vendor) for key, vendor in self.accounting.items()},
                **{(name, mode): _sign_in(vendor) for name, vendor in self.edi.items() for mode in edi_settings.MODES},
            },
            {(portal.CRM_VENDOR, portal.APP): _renew(oauth, parts.settings.address_policy())},
            self.installer.lose,
            call_seconds_max=parts.settings.call_seconds_max,
        )
        self.desk = PermitDesk(
            parts.database, self.store, parts.clock, self.tokens, networks_of=parts.settings.networks_of
        )
        blobs = Blobs(parts.objects, bytes_max=STATEMENT_BYTES_MAX)
        self.statements = Statements(parts.database, parts.engine, blobs, parts.clock)
        self.called = HookDirectory(found.of_accounting)
        self.callbacks = Callbacks(
            self.called, self.intake, parts.database, parts.engine, parts.clock, CALLBACK_PARSERS
        )
        self.owners = Owners(parts.settings.owners(), parts.settings.token())

    def _moved(self, moved: PortalMoved) -> None:
        if not self.moves.full():  # the old host sends the next call on too
            self.moves.put_nowait(moved)

    def work(self) -> Work:
        """Reads and sweeps of portals; permits come from this very process."""
        store, clock = self.deals, self.parts.clock
        tasks = (
            ReadDealTask(self.crm, store, self.parts.subjects, clock),
            ReadBuyerTask(store, self.cards, clock),
            ReadCardTask(self.crm, store),
            ReadOrderTask(self.orders, self.parts.subjects),
            SweepTask(self.crm, store, clock),
            SweepModifiedTask(self.crm, store, self.cards, clock),
            SweepBuyersTask(self.crm, store, self.cards, clock),
            NightlyCheckTask(self.crm, store, clock),
            KeepHandlersTask(self.app, EVENTS, self._hook_url, clock),
        )
        return Work(tasks=tasks, probe_account=self._ping, permits=self.desk)

    def routes(self) -> Sequence[BaseRoute]:
        """Webhooks first, since nothing else is in a hurry."""
        settings = self.parts.settings
        tenants = Tenants(
            self.parts.database,
            self.parts.engine,
            self.parts.clock,
            self.store,
            self.parts.tenants,
            self.portals,
            settings.address_policy(),
            networks_of=settings.networks_of,
            public_url=self._public_url(),
            changed=(self.directory.forget, self.shops.forget, self.called.forget, self.desk.forget),
        )
        registers = {name: one.connect(self.parts.http, self.parts.clock) for name, one in REGISTERS.items()}
        folder = settings.statements_folder
        check = TenantCheck(
            self.crm, self.accounting, self.edi, registers, self.desk, self.deals, folder, self.parts.clock
        )

        async def checked(tenant: TenantId) -> Sequence[Checked]:
            parts = await check.run(tenant)
            found = [Checked(what, account, not problems, problems) for what, account, problems in parts]
            warnings = await self.portals.of_tenant(tenant)
            return [*found, Checked("portal", portal.crm_account(tenant), True, warnings)] if warnings else found

        api = application(
            tenants, checked, self.owners, self.parts.database, token=settings.api_secret(), version=_version()
        )
        return (
            HooksRoute(Hooks(self.directory, self.intake, parse_webhook, AppPages(self.installer))),
            ShopsRoute(Shops(self.shops, self.orders, self.intake, self.parts.clock)),
            CallbacksRoute(self.callbacks),
            *StatementRoutes(self.statements, self.directory).routes(),
            *PermitRoutes(self.desk).routes(),
            Mount(API, app=api),
        )

    def loops(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """The writer of webhooks, the end of old ones, portals that moved, offers of access, tokens that were not
        written yet, and the folder of statement files."""
        loops = {
            "webhooks": self.intake.run(),
            "old webhooks": self._drop_old(),
            "moved portals": self._keep_moves(),
            "offers of access": self.installer.run(),
            "tokens": self.tokens.run(),
        }
        settings = self.parts.settings
        if settings.statements_folder is not None:
            watch = StatementFolder(
                settings.statements_folder,
                self.statements,
                self.parts.tenants,
                look_seconds=settings.statements_look_seconds,
            )
            loops["statement files"] = watch.run()
        return loops

    def _public_url(self) -> str:
        settings = self.parts.settings
        return (settings.public_url or settings.own_url()).rstrip("/")

    async def _hook_url(self, tenant: TenantId) -> str | None:
        async with self.parts.database.transaction([tenant]) as connection:
            found = await self.store.find(connection, tenant, portal.crm_account(tenant))
        return None if found is None else f"{self._public_url()}{hooks.PREFIX}{found.secrets[HOOK_SECRET]}"

    async def _ping(self, tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
        return await self.crm.ping(permit)

    async def _drop_old(self) -> None:
        kept = timedelta(days=self.parts.settings.webhooks_kept_days)
        while True:
            try:
                async with self.parts.database.delivery_connection() as connection:
                    await webhooks.drop_before(connection, self.parts.clock.now() - kept)
                await self.orders.drop_old()
            except INFRASTRUCTURE_ERRORS as error:
                _log.warning("old webhooks are dropped later", error=type(error).__name__)
            await asyncio.sleep(DROP_EVERY_SECONDS)

    async def _keep_moves(self) -> None:
        try:
            while True:
                moved = await self.moves.get()
                try:
                    await self._keep_move(moved)
                except Exception as error:  # noqa: BLE001 - the old host sends the next call on too
                    level, name = log_level(error), type(error).__name__
                    _log.log(level, "a renamed portal is kept later", account=moved.account, error=name)
        finally:
            await self.owners.close()

    async def _keep_move(self, moved: PortalMoved) -> None:
        tenant = tenant_id(portal.tenant_of(moved.account))
        async with self.parts.database.transaction([tenant]) as connection:
            found = await self.store.find(connection, tenant, moved.account)
            if found is None or found.endpoint != moved.old_endpoint:
                return
            await self.store.move(connection, tenant, moved.account, moved.new_endpoint)
        self.desk.forget(tenant)
        _log.info("a portal was renamed; its new address is kept", account=moved.account)


def _fetch(vendor: AccountingClient) -> FetchToken:
    async def fetch(account: Account) -> Outcome[AccessToken]:
        secrets = account.secrets
        request = TokenRequest(
            secrets["token_url"], secrets["client_id"], secrets["client_secret"], refresh_token=account.refresh_token
        )
        return await vendor.obtain_token(request)

    return fetch


def _sign_in(vendor: Edi) -> FetchToken:
    async def fetch(account: Account) -> Outcome[AccessToken]:
        return await vendor.obtain_token(edi_settings.credentials_of(account))

    return fetch


def _renew(oauth: RenewGrant, policy: AddressPolicy) -> RenewPair:
    async def renew(account: Account) -> Outcome[Renewed]:
        outcome = await oauth.renew(credentials_of(account), account.refresh_token)
        if not isinstance(outcome, Ok):
            return outcome
        pair, endpoint = outcome.value, outcome.value.endpoint
        try:
            if endpoint:
                policy.check_url(endpoint)
        except AddressRefused:  # the pair is kept all the same: it is given once
            _log.warning("a portal's new address is not called from here; the old one stays", account=account.account)
            endpoint = ""
        return Ok(Renewed(pair.access_token, pair.refresh_token, pair.expires_in_seconds, endpoint))

    return renew


def _body_bytes_max(path: str) -> int:
    if path.startswith(statements.PREFIX):
        return statements.UPLOAD_BYTES_MAX
    return WEBHOOK_BYTES_MAX if path.startswith("/hooks/") else BODY_BYTES_MAX


def _deal_of(stream: str) -> str:
    prefix, _, deal_id = stream.partition("-")
    return deal_id if prefix in (deal.PREFIX, order.PREFIX) else ""


def _streams_of(deal_id: str) -> Sequence[str]:
    prefix = deal.PREFIX if OrderId.parse(deal_id) is None else order.PREFIX
    return (f"{prefix}-{deal_id}",)


def _version() -> str:
    try:
        return metadata.version("sverka")
    except metadata.PackageNotFoundError:
        return "0"


SPEC: Final = ServiceSpec(
    name=NAME,
    settings=IngestSettings,
    kinds=(DEALS, ORDERS, PORTALS, STATEMENTS, CALLBACKS, REQUISITES),
    migrations=Path(__file__).parent / "migrations",
    writes=topics.written_by(NAME),
    work=lambda parts: parts.once(_Whole).work(),
    routes=lambda parts: parts.once(_Whole).routes(),
    loops=lambda parts: parts.once(_Whole).loops(),
    operations=OperationMessages(
        operations.WorkDelayed,
        operations.WorkResumed,
        operations.OutageBegan,
        operations.OutageEnded,
        operations.DeadLettersBegan,
        operations.DeadLettersEnded,
    ),
    operations_topic=topics.operations_topic(NAME),
    deal_of=_deal_of,
    deal_streams=_streams_of,
    body_bytes_max=_body_bytes_max,
    follows_tenants=False,
)
