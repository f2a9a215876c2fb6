"""An order of a shop, from its push to its payment and its cancellation, as its people see it."""

import pytest
import yaml

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]

SECRET = "whsec_of_the_end_to_end_tests"


def test_an_order_is_invoiced_paid_and_asked_about_when_it_is_cancelled(
    installation: Installation, shared_portal: Portal
) -> None:
    portal, call = shared_portal, installation.json
    document = yaml.safe_load(portal.file.read_text())
    document["shops"] = [{"id": "main", "secret": SECRET, "invoice_pay_systems": [48]}]
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    url = call("tenant", "apply", str(portal.file), "--yes")["webhook_urls"]["shop:main"]
    call("sandbox", "shop", "open", "main", "--push-url", url, "--secret", SECRET)
    buyer = ("--inn", "7736207543", "--kpp", "773601001", "--name", "ООО «Покупатель»")
    made = call("sandbox", "shop", "order", "main", "--row", "Футболка;980;1", "--delivery", "500", *buyer)["order"]
    installation.settle()
    number = made["account_number"]
    (invoice,) = [one for one in portal.records("invoices") if one["number"] == number]
    assert invoice["sum_kopecks"] == 148_000
    assert [line["name"] for line in invoice["items"]] == ["Футболка", "Доставка: Курьер"]
    assert f"Заказ с сайта №{number}" in invoice["comment"]

    call("sandbox", "pay", portal.account, number)
    installation.settle()
    assert any(f"Заказ с сайта № {number}" in one["text"] for one in portal.chat())

    call("sandbox", "shop", "cancel", "main", str(made["id"]))
    installation.settle()
    cards = call("decide", "list", "--tenant", portal.slug)["decisions"]
    (card,) = [one for one in cards if one["deal_id"] == f"shop-main-{made['id']}"]
    assert card["kind"] == "order_cancelled"
