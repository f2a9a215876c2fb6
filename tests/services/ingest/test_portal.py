"""A tenant: what its file, its people and its portal change of it, and what is looked after while it is active."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.aggregate import Lane
from chassis.domain import Event, Problem, Refused
from services.ingest.app import PORTALS
from services.ingest.domain import portal
from services.ingest.domain.values import Funnel, Settings, Shop, trigger_key
from tests.services.ingest.test_domain import SETTINGS
from tests.services.streams import Stream

CRM = "bitrix24:vektor"
SHOP = Shop(shop_id="site", seller_id="main", pay_systems=(3,))
WATCH = [portal.SWEEP, portal.SWEEP_MODIFIED, portal.SWEEP_BUYERS, portal.NIGHTLY_CHECK]
CONNECT = portal.ConnectPortal("m1", "vektor.bitrix24.ru", "9")
Portal = Stream[portal.State, portal.Command]


def a_portal(*commands: portal.Command) -> Portal:
    """A tenant to which all this happened."""
    stream: Portal = Stream(PORTALS, portal.STREAM)
    for command in commands:
        stream.ran(command)
    return stream


def applied(settings: Settings = SETTINGS, **rest: Any) -> portal.ApplyTenant:
    """The tenant's file."""
    return portal.ApplyTenant(settings, **rest)


def other(**changes: Any) -> Settings:
    """The tenant's settings, otherwise."""
    return SETTINGS.model_copy(update=changes)


def names(events: list[Event]) -> list[str]:
    """What happened, by name."""
    return [type(event).__name__ for event in events]


def watched(stream: Portal) -> list[str]:
    """The kinds of work that are planned, in order."""
    return [kind for kind, _ in stream.tasks]


def test_the_first_file_makes_the_tenant_and_has_its_portal_looked_after() -> None:
    stream = a_portal()
    (made,) = stream.ran(applied(changed_connections=(CRM,)))
    assert isinstance(made, portal.TenantApplied)
    assert (made.status, made.changed_connections, made.by_app) == ("active", (CRM,), False)
    assert (made.config.version, made.config.settings, made.config.triggers_since) == (1, SETTINGS, {})
    state = stream.state
    assert (state.status, state.version, state.config, state.link) == ("active", 1, made.config, "")
    assert watched(stream) == WATCH
    assert {(key, plan.account, plan.lane) for (_, key), plan in stream.tasks.items()} == {(CRM, CRM, Lane.BULK)}


def test_a_portal_with_an_application_is_looked_after_once_it_is_connected() -> None:
    stream = a_portal(applied(by_app=True))
    assert (watched(stream), stream.state.by_app, stream.state.link) == ([], True, "")
    (connected,) = stream.ran(CONNECT)
    assert connected == portal.PortalConnected(member_id="m1", domain="vektor.bitrix24.ru", user_id="9")
    assert stream.state.link == "connected"
    assert watched(stream) == [portal.KEEP_HANDLERS, *WATCH]


def test_a_portal_that_lost_its_application_is_not_looked_after() -> None:
    stream = a_portal(applied(by_app=True), CONNECT, portal.LosePortal("lost"))
    stream.tasks.clear()
    stream.ran(applied(other(name="Вектор+"), by_app=True))
    assert (stream.state.link, watched(stream)) == ("lost", [])


def test_connections_alone_make_a_new_version_and_the_same_file_none() -> None:
    stream = a_portal(applied())
    assert stream.ran(applied()) == []
    assert names(stream.ran(applied(changed_connections=(CRM,)))) == ["TenantApplied"]
    assert names(stream.ran(applied(other(name="Вектор+")))) == ["TenantApplied"]
    assert stream.state.version == 3


def test_who_is_suspended_stays_so_and_is_not_looked_after() -> None:
    stream = a_portal(applied())
    stream.tasks.clear()
    assert stream.ran(portal.SuspendTenant()) == [portal.TenantSuspended(version=2)]
    state = stream.state
    assert state.config is not None
    assert (state.status, state.version, state.config.version, state.suspended_by) == ("suspended", 2, 2, "")
    assert state.config.settings == SETTINGS
    assert stream.ran(portal.SuspendTenant()) == []
    stream.ran(applied(other(name="Вектор+")))
    assert (stream.state.status, watched(stream)) == ("suspended", [])
    assert stream.ran(portal.ResumeTenant()) == [portal.TenantResumed(version=4)]
    assert (stream.state.status, watched(stream)) == ("active", WATCH)
    assert stream.ran(portal.ResumeTenant()) == []


def test_who_is_removed_is_gone_for_all_but_a_file() -> None:
    stream = a_portal(applied(), CONNECT)
    assert stream.ran(portal.RemoveTenant()) == [portal.TenantRemoved(version=2)]
    assert (stream.state.status, stream.state.link, stream.state.version) == ("removed", "", 2)
    assert stream.ran(portal.RemoveTenant()) == []
    refused = Refused(Problem("tenant_removed"))
    assert stream.run(portal.SuspendTenant()) == refused
    assert stream.run(portal.ResumeTenant()) == refused
    assert stream.run(CONNECT) == refused
    assert stream.ran(portal.LosePortal("lost")) == []
    (again,) = stream.ran(applied())
    assert isinstance(again, portal.TenantApplied)
    assert (again.status, again.config.version, stream.state.status) == ("active", 3, "active")


def test_a_suspended_tenant_can_be_removed_and_forgets_why_it_was_suspended() -> None:
    stream = a_portal(applied(by_app=True), CONNECT, portal.LosePortal("uninstalled"))
    assert stream.state.suspended_by == "uninstalled"
    stream.ran(portal.RemoveTenant())
    assert (stream.state.status, stream.state.suspended_by, stream.state.link) == ("removed", "", "")


@pytest.mark.parametrize(
    "command",
    [portal.SuspendTenant(), portal.ResumeTenant(), portal.RemoveTenant(), CONNECT, portal.LosePortal("lost")],
)
def test_of_a_tenant_that_nobody_applied_there_is_nothing_to_change(command: portal.Command) -> None:
    assert a_portal().run(command) == Refused(Problem("tenant_unknown"))


def test_a_person_who_suspends_an_uninstalled_tenant_is_not_overruled_by_its_next_installation() -> None:
    stream = a_portal(applied(by_app=True), CONNECT, portal.LosePortal("uninstalled"))
    assert stream.ran(portal.SuspendTenant()) == [portal.TenantSuspended(version=3)]
    assert stream.ran(portal.SuspendTenant()) == []
    assert names(stream.ran(CONNECT)) == ["PortalConnected"]
    assert stream.state.status == "suspended"


def test_an_uninstalled_application_suspends_until_it_is_installed_again() -> None:
    stream = a_portal(applied(by_app=True), CONNECT)
    assert stream.ran(portal.LosePortal("uninstalled")) == [
        portal.PortalLost(reason="uninstalled"),
        portal.TenantSuspended(version=2, cause="uninstalled"),
    ]
    assert (stream.state.status, stream.state.link) == ("suspended", "uninstalled")
    assert stream.ran(portal.LosePortal("uninstalled")) == []
    stream.tasks.clear()
    events = stream.ran(CONNECT)
    assert names(events) == ["PortalConnected", "TenantResumed"]
    assert events[1] == portal.TenantResumed(version=3)
    assert (stream.state.status, stream.state.suspended_by) == ("active", "")
    assert watched(stream) == [portal.KEEP_HANDLERS, *WATCH]


def test_who_was_suspended_by_a_person_is_not_resumed_by_an_installation() -> None:
    stream = a_portal(applied(by_app=True), CONNECT, portal.SuspendTenant())
    assert names(stream.ran(portal.LosePortal("uninstalled"))) == ["PortalLost"]
    assert names(stream.ran(CONNECT)) == ["PortalConnected"]
    assert stream.state.status == "suspended"


def test_a_suspension_that_a_person_ended_is_not_ended_twice() -> None:
    stream = a_portal(applied(by_app=True), CONNECT, portal.LosePortal("uninstalled"), portal.ResumeTenant())
    assert stream.state.suspended_by == ""
    stream.ran(portal.SuspendTenant())
    assert names(stream.ran(CONNECT)) == ["PortalConnected"]


def test_a_lost_access_is_told_once_and_suspends_nobody() -> None:
    stream = a_portal(applied(by_app=True), CONNECT)
    assert stream.ran(portal.LosePortal("lost")) == [portal.PortalLost(reason="lost")]
    assert (stream.state.status, stream.state.link) == ("active", "lost")
    assert stream.ran(portal.LosePortal("lost")) == []
    assert names(stream.ran(portal.LosePortal("uninstalled"))) == ["PortalLost", "TenantSuspended"]


def test_a_trigger_holds_from_the_moment_it_was_added_and_keeps_it() -> None:
    stream = a_portal(applied())
    (funnel,) = SETTINGS.funnels
    wider = funnel.model_copy(update={"issue_act": ("WON", "EXECUTING")})
    later = SETTINGS.activated_at + timedelta(hours=1)
    stream.now = later
    stream.ran(applied(other(funnels=(wider, Funnel(category_id="8", issue_invoice=("C8:NEW",))), shops=(SHOP,))))
    config = stream.state.config
    assert config is not None
    since = {
        trigger_key("0", "act", "EXECUTING"): later,
        trigger_key("8", "invoice", "C8:NEW"): later,
        "shop/site": later,
    }
    assert config.triggers_since == since
    stream.now = later + timedelta(hours=1)
    stream.ran(applied(other(name="Вектор+", funnels=(wider,), shops=(SHOP,))))
    config = stream.state.config
    assert config is not None
    assert config.triggers_since == {key: at for key, at in since.items() if not key.startswith("8/")}
    assert config.since("0", "act", "EXECUTING") == config.shop_since("site") == later
    assert config.since("0", "act", "WON") == config.shop_since("unheard of") == SETTINGS.activated_at


def test_who_comes_back_by_a_file_has_its_first_triggers_from_the_activation_on() -> None:
    stream = a_portal(applied(), portal.RemoveTenant())
    stream.ran(applied(other(shops=(SHOP,))))
    assert stream.state.config is not None
    assert stream.state.config.triggers_since == {}


def test_who_comes_back_by_a_file_keeps_since_when_its_later_triggers_hold() -> None:
    stream = a_portal(applied())
    later = stream.now = SETTINGS.activated_at + timedelta(hours=1)
    wider = other(funnels=(*SETTINGS.funnels, Funnel(category_id="8", issue_invoice=("C8:NEW",))), shops=(SHOP,))
    stream.ran(applied(wider))
    stream.ran(portal.RemoveTenant())
    stream.now = later + timedelta(hours=1)
    stream.ran(applied(wider))
    config = stream.state.config
    assert config is not None
    assert config.since("8", "invoice", "C8:NEW") == config.shop_since("site") == later


@pytest.mark.parametrize(
    ("account", "tenant"), [("bitrix24:vektor", "vektor"), ("elba:vektor:main", "vektor"), ("shop:v:a:b", "v")]
)
def test_an_account_names_its_tenant(account: str, tenant: str) -> None:
    assert portal.tenant_of(account) == tenant


@pytest.mark.parametrize(
    "account", ["", "elba", "elba:", "elba:vektor", ":vektor:main", "bitrix24:vektor:main", "elba::m"]
)
def test_what_is_no_accounts_name_is_refused(account: str) -> None:
    with pytest.raises(ValueError, match="bitrix24:TENANT or VENDOR:TENANT:SELLER"):
        portal.tenant_of(account)


def test_accounts_are_named_by_vendor_tenant_and_seller() -> None:
    assert portal.crm_account("vektor") == CRM
    assert portal.accounting_account("elba", "vektor", "main") == "elba:vektor:main"


def test_a_replay_ends_where_the_life_did() -> None:
    stream = a_portal(
        applied(by_app=True), CONNECT, portal.LosePortal("uninstalled"), CONNECT, portal.SuspendTenant(),
        portal.ResumeTenant(), portal.RemoveTenant(), applied(),
    )  # fmt: skip
    assert stream.replayed() == stream.state
