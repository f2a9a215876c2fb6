"""One tenant: its configuration without secrets, and whether it is active."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from chassis.aggregate import EventCodec, Lane, Plan, Recorded, TaskPlan
from chassis.domain import Event, Problem, Refused
from services.ingest.domain.values import Config, Settings, shop_key, trigger_key

PREFIX = "portal"
STREAM = "portal-config"
AGGREGATE = "tenant"
SWEEP = "sweep"
SWEEP_MODIFIED = "sweep-modified"
SWEEP_BUYERS = "sweep-buyers"
NIGHTLY_CHECK = "nightly-check"
KEEP_HANDLERS = "keep-handlers"
APP = "app"
UNINSTALLED = "uninstalled"
CRM_VENDOR = "bitrix24"

Status = Literal["active", "suspended", "removed"]
Link = Literal["", "connected", "lost", "uninstalled"]
"""How a portal with an application stands; "" before it was connected, and where there is no application."""


def crm_account(tenant: str) -> str:
    """The account of a tenant's portal."""
    return f"{CRM_VENDOR}:{tenant}"


def accounting_account(api: str, tenant: str, seller_id: str) -> str:
    """The account of a seller's accounting service; ``api`` is the vendor, with its profile where that matters."""
    return f"{api}:{tenant}:{seller_id}"


def tenant_of(account: str) -> str:
    """The tenant of an account. Raises ValueError for what is no account's name."""
    vendor, _, rest = account.partition(":")
    tenant, _, seller = rest.partition(":")
    if not vendor or not tenant or (vendor == CRM_VENDOR) == bool(seller):
        raise ValueError(f"an account is named bitrix24:TENANT or VENDOR:TENANT:SELLER, not {account[:80]!r}")
    return tenant


class TenantApplied(Event, name="TenantApplied"):
    """The tenant's file was applied; ``connections`` names what changed of addresses, secrets and limits. ``by_app``:
    the portal has to be connected by an application before anything can be asked of it."""

    config: Config
    status: Status
    changed_connections: tuple[str, ...] = ()
    by_app: bool = False


class TenantSuspended(Event, name="TenantSuspended"):
    """Nothing new is begun for the tenant until it is resumed; ``cause`` ``uninstalled``: until its portal is connected
    again."""

    version: int
    cause: str = ""


class TenantResumed(Event, name="TenantResumed"):
    """The tenant is active again; the sweep brings what happened meanwhile."""

    version: int


class TenantRemoved(Event, name="TenantRemoved"):
    """The tenant is no more; its secrets are destroyed."""

    version: int


class PortalConnected(Event, name="PortalConnected"):
    """The application was installed in the tenant's portal, or connected to it again, by a user of it."""

    member_id: str
    domain: str
    user_id: str = ""


class PortalLost(Event, name="PortalLost"):
    """The portal takes the application no more: ``lost``, its owner has to connect it again, or ``uninstalled``."""

    reason: Literal["lost", "uninstalled"]


@dataclass(frozen=True, slots=True)
class ApplyTenant:
    """The tenant's file as it is wanted. ``changed_connections``: accounts whose address, secrets or limit differ;
    ``by_app``: the portal is connected by an application."""

    settings: Settings
    changed_connections: tuple[str, ...] = ()
    by_app: bool = False


@dataclass(frozen=True, slots=True)
class SuspendTenant:
    """Stop for now."""


@dataclass(frozen=True, slots=True)
class ResumeTenant:
    """Go on."""


@dataclass(frozen=True, slots=True)
class RemoveTenant:
    """Stop for good."""


@dataclass(frozen=True, slots=True)
class ConnectPortal:
    """The authorisation server vouches for the portal's access; what an uninstallation stopped goes on."""

    member_id: str
    domain: str
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class LosePortal:
    """The access is gone."""

    reason: Literal["lost", "uninstalled"]


Command = ApplyTenant | SuspendTenant | ResumeTenant | RemoveTenant | ConnectPortal | LosePortal
StoredEvent = TenantApplied | TenantSuspended | TenantResumed | TenantRemoved | PortalConnected | PortalLost
EVENTS: tuple[type[Event], ...] = (
    TenantApplied, TenantSuspended, TenantResumed, TenantRemoved, PortalConnected, PortalLost,
)  # fmt: skip
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """The tenant as it is; ``config`` None before the first file. ``version`` grows with every change.
    ``suspended_by`` is the cause of a suspension that ends by itself."""

    status: Status = "active"
    version: int = 0
    config: Config | None = None
    by_app: bool = False
    link: Link = ""
    suspended_by: str = ""


def initial(stream: str) -> State:
    """A tenant that nobody has heard of."""
    return State()


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case TenantApplied():
            version = event.config.version
            return replace(state, status=event.status, version=version, config=event.config, by_app=event.by_app)
        case TenantSuspended():
            return replace(_moved(state, "suspended", event.version), suspended_by=event.cause)
        case TenantResumed():
            return replace(_moved(state, "active", event.version), suspended_by="")
        case TenantRemoved():
            return replace(_moved(state, "removed", event.version), link="", suspended_by="")
        case PortalConnected():
            return replace(state, link="connected")
        case PortalLost():
            return replace(state, link=event.reason)
        case _:
            assert_never(event)


def _moved(state: State, status: Status, version: int) -> State:
    config = None if state.config is None else state.config.model_copy(update={"version": version})
    return replace(state, status=status, version=version, config=config)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; what changes nothing has none."""
    match command:
        case ApplyTenant():
            return _applied(state, command, now)
        case _ if state.config is None:
            return Refused(Problem("tenant_unknown"))
        case SuspendTenant():
            if state.status == "removed":
                return Refused(Problem("tenant_removed"))
            # A person's suspension takes the place of one that would end by itself.
            stays = state.status == "suspended" and not state.suspended_by
            return () if stays else (TenantSuspended(version=state.version + 1),)
        case ResumeTenant():
            if state.status == "removed":
                return Refused(Problem("tenant_removed"))
            return (TenantResumed(version=state.version + 1),) if state.status == "suspended" else ()
        case RemoveTenant():
            return (TenantRemoved(version=state.version + 1),) if state.status != "removed" else ()
        case ConnectPortal():
            return _connected(state, command)
        case LosePortal():
            return _lost(state, command.reason)
        case _:
            assert_never(command)


def _connected(state: State, command: ConnectPortal) -> Sequence[Event] | Refused:
    if state.status == "removed":
        return Refused(Problem("tenant_removed"))
    connected = PortalConnected(member_id=command.member_id, domain=command.domain, user_id=command.user_id)
    if state.status == "suspended" and state.suspended_by == UNINSTALLED:
        return (connected, TenantResumed(version=state.version + 1))
    return (connected,)


def _lost(state: State, reason: Literal["lost", "uninstalled"]) -> Sequence[Event]:
    if state.link == reason or state.status == "removed":
        return ()
    lost = PortalLost(reason=reason)
    if reason == UNINSTALLED and state.status == "active":
        return (lost, TenantSuspended(version=state.version + 1, cause=UNINSTALLED))
    return (lost,)


def _applied(state: State, command: ApplyTenant, now: dt.datetime) -> Sequence[Event]:
    present = state.config
    same = present is not None and present.settings == command.settings
    if same and not command.changed_connections and state.status != "removed":
        return ()
    config = Config(
        version=state.version + 1,
        settings=command.settings,
        triggers_since=_triggers(present, command.settings, now, back=state.status == "removed"),
    )
    # A suspended tenant stays so until somebody resumes it.
    status: Status = "suspended" if state.status == "suspended" else "active"
    applied = TenantApplied(
        config=config, status=status, changed_connections=command.changed_connections, by_app=command.by_app
    )
    return (applied,)


def _triggers(present: Config | None, wanted: Settings, now: dt.datetime, *, back: bool) -> dict[str, dt.datetime]:
    """Triggers that were added after the first file, each with the moment from which it is in force. The first file of
    a tenant that was removed and comes ``back`` adds none, but what it left alone before stays so."""
    if present is None:
        return {}
    known = _trigger_keys(present.settings)
    return {
        key: present.triggers_since.get(key, now)
        for key in sorted(_trigger_keys(wanted))
        if key in present.triggers_since or (key not in known and not back)
    }


def _trigger_keys(settings: Settings) -> set[str]:
    stages = {
        trigger_key(funnel.category_id, kind, stage)
        for funnel in settings.funnels
        for stage in (*funnel.issue_invoice, *funnel.issue_act)
        for kind in funnel.kinds_at(stage)
    }
    return stages | {shop_key(shop.shop_id) for shop in settings.shops}


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """An active tenant is swept and checked from now on, one with an application once its portal is connected."""
    if state.config is None or state.status != "active":
        return ()
    kinds: tuple[str, ...] = (SWEEP, SWEEP_MODIFIED, SWEEP_BUYERS, NIGHTLY_CHECK)
    if state.by_app:
        if state.link != "connected":
            return ()
        kinds = (KEEP_HANDLERS, *kinds)
    account = state.config.settings.crm_account
    return tuple(TaskPlan(kind, account, account=account, lane=Lane.BULK) for kind in kinds)
