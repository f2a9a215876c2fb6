"""A tenant in mode app: its portal is connected by an installation, its tokens rotate, and it may be lost."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from chassis.domain import Problem
from chassis.outcomes import Retryable
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.permits import TOKEN_MARK, PermitClient, token_mark
from services.ingest.store import offers
from services.ingest.store.offers import Waiting
from tests.kit.database import OwnDatabase
from tests.services.ingest.app_office import CRM, Office, app_file
from tests.services.ingest.running import SERVICE_TOKEN, TENANT, running, until

pytestmark = pytest.mark.parts

FORM = {"content-type": "application/x-www-form-urlencoded"}
MANAGER = 7


async def test_an_installation_connects_and_deals_are_heard_of_without_any_webhook(office: Office) -> None:
    before = await office.asked()
    assert isinstance(before, Retryable)
    assert (before.problem.code, before.outage) == ("portal_not_connected", False)
    assert await office.ingest.rows("SELECT 1 FROM work") == [], "nobody is looked after before"
    await office.install()
    permit = await office.permit()
    assert permit.endpoint == f"{office.sandbox.url}/bitrix24/vektor/rest/"
    assert permit.options == {"vendor": "bitrix24", "profile": "app"}

    async def told() -> bool:
        (app,) = (await office.act("/apps", method="GET"))["apps"]
        urls = {one["handler"] for one in app["handlers"]}
        return urls == {office.ingest.hook} and len(app["handlers"]) == 18

    await until(told, "the portal tells of all that is wanted")
    assert (await office.events())[:2] == ["TenantApplied", "PortalConnected"]
    await office.invoice_asked(await office.deal())
    used = {line["method"] for line in await office.calls("batch")}
    assert used == {"POST"}, "tokens stand in bodies, never in addresses"


async def test_an_hour_later_the_pair_is_renewed_once_and_the_work_goes_on(office: Office) -> None:
    await office.install()
    old = await office.permit()
    await office.sandbox.advance(3_700)
    await office.invoice_asked(await office.deal())
    assert (await office.permit()).access_token != old.access_token
    assert len(await office.calls("oauth.token")) == 1
    delayed = await office.ingest.rows("SELECT 1 FROM work WHERE delayed_since IS NOT NULL")
    assert delayed == []


async def test_many_refusals_of_one_token_renew_once_and_late_ones_nothing(office: Office) -> None:
    await office.install()
    first = await office.permit()
    await asyncio.gather(*(office.spent(first) for _ in range(10)))
    permits = await asyncio.gather(*(office.permit() for _ in range(20)))
    assert len({permit.access_token for permit in permits}) == 1
    await office.spent(first)
    assert (await office.permit()).access_token == permits[0].access_token
    assert len(await office.calls("oauth.token")) == 1


async def test_two_processes_ask_for_one_pair(office: Office, own: OwnDatabase, tmp_path: Path) -> None:
    await office.install()
    async with running(own, tmp_path, office.sandbox) as second, PermitClient(second.url, SERVICE_TOKEN) as other:
        first = await office.permit()
        assert isinstance(await other.acquire(CRM, 1, PermitClass.BULK), Permit)
        problem = Problem(TOKEN_REFUSED, {TOKEN_MARK: token_mark(first.access_token)})
        await asyncio.gather(*(one.report(CRM, problem, None) for one in (office.client, other)))
        both = (office.client, other) * 5
        answers = await asyncio.gather(*(one.acquire(CRM, 1, PermitClass.INTERACTIVE) for one in both))
        tokens = {answer.access_token for answer in answers if isinstance(answer, Permit)}
        assert len(tokens) == 1, answers
        assert tokens != {first.access_token}
    assert len(await office.calls("oauth.token")) == 1


async def test_a_grant_that_is_gone_waits_for_the_owner_and_loses_nothing(office: Office) -> None:
    await office.install()
    deal = await office.deal()
    await office.act("/tokens", {"state": "revoked", "existing": True, "kind": "refresh"})
    await office.spent(await office.permit())
    answers = [await office.asked() for _ in range(5)]
    assert {(one.problem.code, one.outage) for one in answers if isinstance(one, Retryable)} == {
        ("portal_reconnect_needed", True)
    }
    assert len(await office.calls("oauth.token")) == 1, "the vendor is not asked again"
    assert (await office.events())[-1] == "PortalLost"
    await office.act(f"/deals/{deal}/move", {"stage": "PREPAYMENT_INVOICE"})
    await office.install()
    await office.permits_given()
    await office.invoice_asked(deal)
    assert (await office.events())[-1] == "PortalConnected"
    (state,) = await office.ingest.rows("SELECT status FROM tenant_states")
    assert state["status"] == "active"


async def test_an_uninstalled_application_stops_the_tenant_until_it_is_installed_again(office: Office) -> None:
    await office.install()
    await office.permit()
    await _bound(office)
    await office.act("/apps/uninstall", {"clean": False})

    async def suspended() -> bool:
        (state,) = await office.ingest.rows("SELECT status FROM tenant_states")
        return bool(state["status"] == "suspended")

    await until(suspended, "the tenant is suspended")
    row = await office.row()
    assert (row["state"], row["token"], row["refresh"]) == ("uninstalled", None, None)
    answer = await office.asked()
    assert isinstance(answer, Retryable)
    assert answer.problem.code == "portal_app_removed"
    states = [(one["status"], one["version"]) for one in await office.ingest.messages("tenants")]
    assert states == [("active", 1), ("suspended", 2)]
    await office.install()
    await office.permits_given()
    states = [(one["status"], one["version"]) for one in await office.ingest.messages("tenants")]
    assert states[2:] == [("active", 3)]
    await _bound(office)
    await office.invoice_asked(await office.deal())


async def _bound(office: Office) -> None:
    async def probe() -> bool:
        (app,) = (await office.act("/apps", method="GET"))["apps"]
        return len(app["handlers"]) == 18

    await until(probe, "the portal tells of all that is wanted")


async def test_what_an_operator_suspended_no_installation_resumes(office: Office) -> None:
    await office.install()
    await office.ingest.api.post(f"/api/v1/tenants/{TENANT}/suspend")
    await office.act("/apps/install", {})
    await office.ingest.api.post(f"/api/v1/tenants/{TENANT}/suspend")

    async def twice() -> bool:
        return (await office.events()).count("PortalConnected") == 2

    await until(twice, "it is connected again")
    (state,) = await office.ingest.rows("SELECT status FROM tenant_states")
    assert state["status"] == "suspended"


def event(name: str, **auth: str) -> bytes:
    return urlencode({"event": name, "ts": "1", **{f"auth[{key}]": value for key, value in auth.items()}}).encode()


async def post(office: Office, body: bytes, query: str = "") -> httpx.Response:
    path = urlsplit(office.ingest.hook).path
    return await office.ingest.outside.post(f"{path}{query}", content=body, headers=FORM)


async def refused_as(office: Office, delivery: httpx.Response, reason: str) -> None:
    number = int(delivery.headers["x-delivery-id"])

    async def probe() -> bool:
        (row,) = await office.ingest.rows("SELECT status, reason FROM webhooks WHERE delivery_id = $1", number)
        return (row["status"], row["reason"]) == ("refused", reason)

    await until(probe, f"refused: {reason}")


async def test_forged_lives_of_the_application_change_nothing(office: Office) -> None:
    await office.install()
    before = await office.row()
    wrong = await post(office, event("ONAPPUNINSTALL", application_token="forged"))
    assert wrong.status_code == 403
    assert (await post(office, event("ONAPPINSTALL", application_token="x"))).status_code == 400
    forged = await post(office, event("ONAPPINSTALL", access_token="made-up", refresh_token="r", application_token="x"))
    assert forged.status_code == 200, "stored, and then nobody vouches for it"
    await refused_as(office, forged, "crm_token_unknown")
    other = await office.sandbox.control("/bitrix24/portals", {"slug": "gamma"})
    pair = await office.sandbox.control("/bitrix24/portals/gamma/tokens", {})
    names = {name: pair[name] for name in ("access_token", "refresh_token")}
    foreign = await post(office, event("ONAPPINSTALL", **names, member_id=other["member_id"], application_token="x"))
    await refused_as(office, foreign, "portal_of_another_app")
    apps = {"client_id": office.portal["client_id"], "client_secret": "s"}
    await office.sandbox.control("/bitrix24/portals", {"slug": "delta", **apps})
    pair = await office.sandbox.control("/bitrix24/portals/delta/tokens", {})
    names = {name: pair[name] for name in ("access_token", "refresh_token")}
    await refused_as(office, await post(office, event("ONAPPINSTALL", **names)), "portal_is_another")
    assert await office.row() == before


async def test_an_installation_is_kept_while_nobody_can_vouch_for_it(office: Office) -> None:
    rule = {"vendor": "bitrix24", "operation": "app.info", "kind": "error_before", "calls": [1, 2]}
    await office.sandbox.control("/faults", rule)
    await office.install()
    assert len(await office.calls("app.info")) == 3
    assert await office.ingest.rows("SELECT 1 FROM access_offers") == []


async def _install_late(office: Office) -> None:
    """The installation's own token is spent before anybody could vouch for it: it is renewed once."""
    rule = {"vendor": "bitrix24", "operation": "app.info", "kind": "error_before", "rate": 1}
    made = await office.sandbox.control("/faults", rule)
    await office.act("/apps/install", {"install_url": office.ingest.hook})

    async def tried() -> bool:
        return bool(await office.calls("app.info"))

    await until(tried, "it was asked about")
    await office.sandbox.advance(3_700)
    await office.sandbox.control(f"/faults/{made['rules'][0]['id']}", None, "DELETE")
    await office.connected()
    assert len(await office.calls("oauth.token")) == 1


@pytest.mark.expects_errors("an offer of access met a defect", "an offer of access does not open")
async def test_an_offer_that_meets_a_defect_ends_no_service_and_holds_up_no_other(office: Office) -> None:
    """As where a newer build wrote what this one does not know."""
    await office.ingest.rows(
        "INSERT INTO access_offers (tenant_id, offer_id, delivery_id, sealed, received_at) "
        "SELECT $1, gen_random_uuid(), 0, 'no sealed value', clock_timestamp() - make_interval(hours => h) "
        "FROM unnest(ARRAY[1, 25]) AS h",
        TENANT,
    )
    true_find, opened = offers.find, 0

    async def find(connection: Any, secrets: Any, waiting: Waiting) -> str | None:
        nonlocal opened
        if waiting.delivery_id:
            return await true_find(connection, secrets, waiting)
        opened += 1
        return '{"kind": "installed", "of_a_newer_build": true}'

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offers, "find", find)

        async def twice() -> bool:
            return opened >= 2

        await until(twice, "the offer is looked at again")
        await office.install()
    await office.permit()
    assert len(await office.ingest.rows("SELECT 1 FROM access_offers")) == 1, "an old one is refused"


async def test_an_installation_that_waited_too_long_for_its_token_is_renewed(office: Office) -> None:
    await _install_late(office)
    await office.invoice_asked(await office.deal())


async def test_a_new_pair_of_an_offer_is_written_when_the_database_is_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair before it opens nothing any more: the owner would have had to install the application again."""
    true_replace, failures = offers.replace, 3

    async def replace(*arguments: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionResetError("the database is away")
        await true_replace(*arguments)

    monkeypatch.setattr(offers, "replace", replace)
    await _install_late(office)
    assert failures == 0


async def test_a_page_connects_when_an_administrator_opens_it(office: Office) -> None:
    hook = office.ingest.hook
    await office.act("/apps", {"ui": True, "handler_url": hook, "install_url": hook}, "PATCH")
    shown = await office.act("/apps/install")
    assert (shown["status"], shown["installed"]) == (200, True)
    assert "installFinish" in shown["page"]
    assert (await office.row())["state"] == "connected"
    await office.act("/tokens", {"state": "revoked", "existing": True, "kind": "refresh"})
    await office.spent(await office.permit())
    assert isinstance(await office.asked(), Retryable)
    by_manager = await office.act("/placements/open", {"user_id": MANAGER})
    assert "администратор" in by_manager["page"]
    assert (await office.row())["state"] == "lost"
    by_admin = await office.act("/placements/open", {"user_id": 1})
    assert "подключена" in by_admin["page"]
    await office.permits_given()


async def test_a_code_connects_and_only_with_the_state_that_was_given_out(office: Office) -> None:
    await office.act("/apps", {"handler_url": office.ingest.hook}, "PATCH")
    shown = (await office.ingest.api.get(f"/api/v1/tenants/{TENANT}")).json()
    state = shown["portal"]["authorize_state"]

    async def opened(state: str) -> httpx.Response:
        page = f"/bitrix24/vektor/oauth/authorize/?client_id={office.portal['client_id']}&state={state}"
        answer = await office.sandbox.client.get(page, follow_redirects=False)
        return await office.ingest.outside.get(answer.headers["location"].removeprefix(office.ingest.url))

    assert (await opened("strangers")).status_code == 403
    connected = await opened(state)
    assert connected.status_code == 200
    assert "frame-ancestors" in connected.headers["content-security-policy"]
    await office.connected()
    await office.permit()


async def test_a_renamed_portal_is_followed_by_its_redirect_and_by_the_next_pair(office: Office) -> None:
    await office.install()
    new = (await office.act("/rename"))["settings"]["moved_to"]
    await office.invoice_asked(await office.deal())

    async def moved() -> bool:
        return (await office.permit()).endpoint == f"http://{new}/bitrix24/vektor/rest/"

    await until(moved, "the new address is kept", 20)
    back = urlsplit(office.sandbox.url).netloc
    await office.act("/rename", {"host": back})
    await office.spent(await office.permit())
    assert (await office.permit()).endpoint == f"http://{back}/bitrix24/vektor/rest/"


async def test_tokens_lie_sealed_and_outlive_a_change_of_the_file(office: Office, account: dict[str, Any]) -> None:
    await office.install()
    permit = await office.permit()
    file = app_file(office.sandbox, office.portal, account, limit={"burst": 50, "per_second": 2})
    await office.ingest.apply(file)
    assert (await office.permit()).access_token == permit.access_token
    tables = ("connections", "tenant_files", "events", "webhooks", "access_offers", "outbox")
    dump = "".join([str(await office.ingest.rows(f"SELECT * FROM {table}")) for table in tables])  # noqa: S608
    for secret in (permit.access_token, office.portal["client_secret"]):
        assert secret not in dump
    shown = (await office.ingest.api.get(f"/api/v1/tenants/{TENANT}")).text
    assert office.portal["client_secret"] not in shown
    changed = app_file(office.sandbox, office.portal, account, client_id="local.another.1")
    await office.ingest.apply(changed)
    assert (await office.row())["state"] == "waiting"
    assert isinstance(await office.asked(), Retryable)


async def test_an_update_with_another_application_token_is_believed_when_vouched_for(office: Office) -> None:
    await office.install()
    await _bound(office)
    before = await office.permit()
    await office.act("/apps/update", {"new_token": True})

    async def twice() -> bool:
        return (await office.events()).count("PortalConnected") == 2

    await until(twice, "the update was taken")
    assert (await office.permit()).access_token == before.access_token, "a one-off token replaces no pair"
    await office.invoice_asked(await office.deal())
