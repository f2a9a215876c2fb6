"""A portal that is connected by an application: a deal's whole way, with a token that is spent on it."""

import pytest
import yaml

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]


def by_application(installation: Installation) -> Portal:
    """A tenant in mode app, installed."""
    portal = installation.portal(subscribed=False)
    file = yaml.safe_load(portal.file.read_text())
    shown = installation.json("sandbox", "portal", "show", portal.slug)
    part = file["bitrix24"]
    del part["webhook_url"], part["application_token"]
    part |= {"mode": "app", **{name: shown[name] for name in ("client_id", "client_secret", "oauth_url")}}
    portal.file.write_text(yaml.safe_dump(file, allow_unicode=True, sort_keys=False))
    installation.json("tenant", "apply", str(portal.file), "--yes")
    install(portal)
    return portal


def install(portal: Portal) -> None:
    """As the portal's administrator does it."""
    portal.at.json("sandbox", "app", "install", portal.slug, portal.known["hook"])

    def connected() -> bool:
        shown = portal.at.json("tenant", "show", portal.slug)
        (app,) = portal.at.json("sandbox", "app", "list", portal.slug)["apps"]
        return bool(shown["portal"]["state"] == "connected" and shown["status"] == "active" and app["handlers"])

    portal.at.until("the portal is connected", connected)


def test_a_deals_whole_way_by_an_application(installation: Installation) -> None:
    portal = by_application(installation)
    company, _ = portal.company()
    deal = portal.deal("Стеллаж;12500.50;2", company=company)
    portal.move(deal)
    installation.settle()
    assert portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"
    installation.json("sandbox", "token", portal.slug, "expired", "--existing", "--kind", "access")
    portal.pay(deal)
    installation.settle()
    seen = portal.seen(deal)
    assert (seen["UF_CRM_INVOICE_STATUS"], seen["stageId"]) == ("Оплачен", "FINAL_INVOICE")
    portal.move(deal, "WON")
    installation.settle()
    assert portal.seen(deal)["UF_CRM_ACT_NUMBER"]
    assert installation.call("tenant", "check", portal.slug).code == 0
