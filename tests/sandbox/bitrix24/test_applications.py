"""What an application may do in a portal: events, placements, robots; and what befalls it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.sandbox.bitrix24.application import Application, installed, page
from tests.sandbox.bitrix24.client import PortalClient, Receiver


async def _bound(app: Application, hears: Receiver, *names: str, **more: Any) -> None:
    for name in names:
        assert await app.result("event.bind", {"event": name, "handler": hears.url, **more}) is True


async def test_a_bound_handler_hears_with_the_token_of_who_acts(
    app: Application, crm: PortalClient, hears: Receiver
) -> None:
    await _bound(app, hears, "ONCRMDEALADD", "ONCRMDEALMOVETOCATEGORY")
    number = await crm.deal(by=7)
    await hears.count(2)
    event = hears.events[-1]
    assert (event["event"], event["data[FIELDS][ID]"]) == ("ONCRMDEALADD", str(number))
    assert (event["auth[user_id]"], "auth[refresh_token]" in event) == ("7", False)
    assert event["auth[application_token]"] == app.pair["application_token"]
    me = await Application(crm, {**app.pair, "access_token": event["auth[access_token]"]}).result("user.current")
    assert me["ID"] == "7"
    await crm.control(f"/deals/{number}/move", {"category": 2})
    await hears.count(3)
    assert hears.events[-1]["event"] == "ONCRMDEALMOVETOCATEGORY"


async def test_handlers_are_listed_refused_twice_and_let_go(app: Application, hears: Receiver) -> None:
    await _bound(app, hears, "ONCRMDEALADD")
    assert await app.refused("event.bind", {"event": "ONCRMDEALADD", "handler": hears.url}) == (400, "ERROR_CORE")
    assert await app.result("event.get") == [
        {"event": "ONCRMDEALADD", "handler": hears.url, "auth_type": "0", "offline": 0}
    ]
    wrong = {
        "ERROR_EVENT_NOT_FOUND": {"event": "ONSOMETHING", "handler": hears.url},
        "ERROR_ARGUMENT": {"event": "ONCRMDEALADD"},
        "ERROR_UNSUPPORTED_PROTOCOL": {"event": "ONCRMDEALADD", "handler": "ftp://a.example/x"},
    }
    for code, params in wrong.items():
        assert await app.refused("event.bind", params) == (400, code)
    assert await app.result("event.unbind", {"event": "ONCRMDEALADD", "handler": hears.url}) == {"count": 1}
    assert await app.result("event.get") == []


async def test_loopback_handlers_are_refused_as_the_dial_says(app: Application, crm: PortalClient) -> None:
    await crm.control("", {"loopback_handlers": False}, "PATCH")
    for url in ("http://127.0.0.1:8000/x", "http://localhost/x", "http://10.0.0.7/x"):
        params = {"event": "ONCRMDEALADD", "handler": url}
        assert await app.refused("event.bind", params) == (400, "ERROR_WRONG_HANDLER_URL")
    assert await app.result("event.bind", {"event": "ONCRMDEALADD", "handler": "https://app.example.ru/x"}) is True


async def test_a_webhook_is_no_application(crm: PortalClient) -> None:
    for method in ("event.get", "placement.get", "bizproc.robot.list"):
        status, code, _ = await crm.refused(method)
        assert (status, code) in ((403, "WRONG_AUTH_TYPE"), (401, "insufficient_scope")), method
    assert (await crm.result("method.get", {"name": "event.bind"})) == {"isExisting": True, "isAvailable": False}


async def test_only_its_own_handlers_hear_of_an_uninstallation_and_then_all_is_gone(
    app: Application, crm: PortalClient, hears: Receiver
) -> None:
    await _bound(app, hears, "ONAPPUNINSTALL", "ONCRMDEALADD")
    await crm.control("/apps/uninstall", {"clean": True})
    await hears.count(2)
    event = hears.events[-1]
    assert (event["event"], event["data[CLEAN]"]) == ("ONAPPUNINSTALL", "1")
    assert {name for name in event if name.startswith("auth")} == {
        "auth[domain]", "auth[server_endpoint]", "auth[client_endpoint]", "auth[member_id]", "auth[application_token]",
    }  # fmt: skip
    assert await app.refused("profile") == (401, "invalid_token")
    assert (await app.grant()).json()["error"] == "invalid_grant"
    await crm.deal()
    again = await installed_again(crm, hears)
    assert again.pair["application_token"] != app.pair["application_token"]
    assert "ONCRMDEALADD" not in hears.names()


async def installed_again(crm: PortalClient, hears: Receiver) -> Application:
    hears.bodies.clear()
    return await installed(crm, hears)


async def test_an_application_with_a_page_is_installed_by_its_page(crm: PortalClient) -> None:
    async with page("<html></html>") as (url, asked):
        await crm.control("/apps", {"ui": True, "handler_url": url, "install_url": url}, "PATCH")
        shown = await crm.control("/apps/install")
        assert (shown["installed"], shown["status"]) == (False, 200)
        form = parse_qs(asked[-1][1])
        assert form["PLACEMENT"] == ["DEFAULT"]
        app = Application(crm, {"access_token": form["AUTH_ID"][0], "refresh_token": form["REFRESH_ID"][0],
                                "client_endpoint": f"{crm.sandbox.url}/bitrix24/vektor/rest/"})  # fmt: skip
        assert (await app.result("app.info"))["INSTALLED"] is False
    async with page("<script>BX24.init(function(){BX24.installFinish();});</script>") as (url, _):
        assert (await crm.control("/apps/install", {"install_url": url}))["installed"] is True


async def test_a_placement_is_bound_opened_and_let_go(app: Application, crm: PortalClient) -> None:
    async with page("<p>Счёт</p>") as (url, asked):
        params = {"PLACEMENT": "CRM_DEAL_DETAIL_TAB", "HANDLER": url, "TITLE": "Бухгалтерия"}
        assert await app.result("placement.bind", params) is True
        (shown,) = await app.result("placement.get")
        assert (shown["placement"], shown["title"]) == ("CRM_DEAL_DETAIL_TAB", "Бухгалтерия")
        assert await app.refused("placement.bind", {"PLACEMENT": "NOWHERE", "HANDLER": url}) == (
            200, "ERROR_PLACEMENT_NOT_FOUND",
        )  # fmt: skip
        opened = await crm.control(
            "/placements/open", {"placement": "CRM_DEAL_DETAIL_TAB", "options": {"ID": "1001"}, "user_id": 7}
        )
        assert (opened["status"], opened["page"]) == (200, "<p>Счёт</p>")
        target, body = asked[-1]
        query, form = parse_qs(urlsplit(target).query), parse_qs(body)
        assert query.keys() >= {"DOMAIN", "PROTOCOL", "LANG", "APP_SID"}
        assert orjson.loads(form["PLACEMENT_OPTIONS"][0]) == {"ID": "1001"}
        assert form["APPLICATION_TOKEN"] == [app.pair["application_token"]]
        viewer = Application(crm, {**app.pair, "access_token": form["AUTH_ID"][0]})
        assert (await viewer.result("user.current"))["ID"] == "7"
        assert await app.result("placement.unbind", {"PLACEMENT": "CRM_DEAL_DETAIL_TAB"}) == {"count": 1}
    nothing = await crm.sandbox.client.post(
        "/control/bitrix24/portals/vektor/placements/open", json={"placement": "CRM_DEAL_DETAIL_TAB"}
    )
    assert nothing.status_code == 400


async def test_a_robot_asks_and_is_answered_once(app: Application, crm: PortalClient, hears: Receiver) -> None:
    number = await crm.deal()
    robot = {"CODE": "issue_invoice", "HANDLER": hears.url, "NAME": "Выставить счёт", "AUTH_USER_ID": 1}
    assert await app.result("bizproc.robot.add", robot) is True
    assert await app.refused("bizproc.robot.add", robot) == (400, "ERROR_ACTIVITY_ALREADY_INSTALLED")
    assert await app.result("bizproc.robot.list") == ["issue_invoice"]
    await crm.control("/robots/run", {"deal": number, "code": "issue_invoice", "properties": {"vat_mode": "vat20"}})
    await hears.count(2)
    asked = hears.events[-1]
    assert (asked["document_id[2]"], asked["properties[vat_mode]"], asked["use_subscription"]) == (
        f"DEAL_{number}", "vat20", "Y",
    )  # fmt: skip
    answer = {"EVENT_TOKEN": asked["event_token"], "RETURN_VALUES": {"invoice_no": "1"}}
    assert await app.result("bizproc.event.send", answer) is True
    assert await app.refused("bizproc.event.send", answer) == (403, "ACCESS_DENIED")
    await crm.control("/robots/run", {"deal": number, "url": hears.url})
    await hears.count(3)
    assert hears.events[-1]["document_id[2]"] == f"DEAL_{number}"
    assert "auth[application_token]" not in hears.events[-1]


async def test_options_and_test_events(app: Application, hears: Receiver) -> None:
    assert await app.result("app.option.set", {"options": {"step": "2"}}) is True
    assert await app.result("app.option.get", {"option": "step"}) == "2"
    await _bound(app, hears, "ONAPPTEST")
    assert await app.result("event.test", {"any": "thing"}) == 1
    await hears.count(2)
    assert hears.events[-1]["data[QUERY][any]"] == "thing"


async def test_an_update_may_bring_another_application_token(
    app: Application, crm: PortalClient, hears: Receiver
) -> None:
    await _bound(app, hears, "ONAPPUPDATE")
    await crm.control("/apps/update", {"new_token": True})
    await hears.count(2)
    event = hears.events[-1]
    assert (event["data[PREVIOUS_VERSION]"], event["data[VERSION]"]) == ("1", "2")
    assert event["auth[application_token]"] != app.pair["application_token"]
