"""An invoice that is not wanted any more: voided in accounting, shown in the deal, and money that comes late."""

import pytest

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]


def test_a_lost_deals_invoice_is_cancelled_by_a_persons_word_and_late_money_is_asked_about(
    installation: Installation, shared_portal: Portal
) -> None:
    portal, call = shared_portal, installation.json
    company, _ = portal.company()
    deal = portal.deal("Стол;1000;1", company=company)
    portal.move(deal)
    installation.settle()

    def card(kind: str) -> str:
        cards = call("decide", "list", "--tenant", portal.slug)["decisions"]
        (found,) = [one for one in cards if (one["deal_id"], one["kind"]) == (deal, kind)]
        return str(found["card_id"])

    portal.move(deal, "LOSE")
    installation.settle()
    call("decide", "take", card("deal_lost"), "cancel", "--by", "anna")
    installation.settle()
    assert portal.seen(deal)["UF_CRM_INVOICE_STATUS"] == "Аннулирован"
    (invoice,) = [one for one in portal.records("invoices") if one["number"] == f"B24-{deal}"]
    assert invoice["cancelled"]
    assert call("deal", "cancel", portal.slug, deal) == {"changed": False}

    portal.pay(deal)
    installation.settle()
    assert card("cancelled_with_money")


def test_an_invoice_is_replaced_and_repeated_by_command(installation: Installation, shared_portal: Portal) -> None:
    portal, call = shared_portal, installation.json
    company, _ = portal.company()
    deal = portal.deal("Стол;1000;1", company=company)
    portal.move(deal)
    installation.settle()
    assert call("deal", "cancel", portal.slug, deal, "--replace", "--by", "anna") == {"changed": True}
    installation.settle()
    assert f"--number B24-{deal}-2" in installation.call("deal", "repeat", portal.slug, deal).err
    assert call("deal", "repeat", portal.slug, deal, "--number", f"B24-{deal}-2") == {"changed": True}
    installation.settle()
    made = {one["number"]: one["cancelled"] for one in portal.records("invoices")}
    assert {number: void for number, void in made.items() if number.startswith(f"B24-{deal}")} == {
        f"B24-{deal}": True,
        f"B24-{deal}-2": False,
        f"B24-{deal}-3": False,
    }
    assert "--number" in installation.call("deal", "cancel", portal.slug, deal).err
    assert portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}-3"
