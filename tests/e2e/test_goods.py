"""Goods that accounting does not know (C9, R25): listed, mapped by a person, and known from then on."""

import json
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(900)]


class Kontur:
    """An account that takes items of its nomenclature only, and its accountant."""

    def __init__(self, installation: Installation, slug: str) -> None:
        name = f"kontur-{slug}"
        opened = installation.json(
            "sandbox", "account", "open", "ООО «Учёт»", "7707083893", "--account", name, "--vendor", "kontur"
        )
        self.account: str = opened["account"]
        self.section = {
            "vendor": "kontur", "unknown_goods": "list", "payments_poll_seconds": 60,
            **{key: opened[key] for key in ("api_url", "token_url", "client_id", "client_secret", "organization_id")},
        }  # fmt: skip
        self._installation = installation
        self._api_key: str = opened["api_key"]

    def item(self, name: str, code: str = "") -> str:
        """A new item of the nomenclature; its id."""
        body = {
            "name": name,
            "vatRate": "withoutVat",
            "unit": {"okei": "796", "name": "шт"},
            "externalId": code or None,
        }
        answer = httpx.post(
            f"{self.section['api_url']}/products",
            json=body,
            headers={"X-Kontur-ApiKey": self._api_key},
            timeout=30,
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def invoices(self) -> list[dict[str, Any]]:
        found: dict[str, Any] = self._installation.json("sandbox", "account", "show", self.account)["invoices"]
        return list(found.values())


class Catalogue:
    """Products of the portal, and deals of them."""

    def __init__(self, installation: Installation, slug: str) -> None:
        run = json.loads((installation.data / "run.json").read_text())
        self._control = f"{run['sandbox']['control_url']}/bitrix24/portals/{slug}"

    def _post(self, path: str, body: Any) -> Any:
        answer = httpx.post(f"{self._control}{path}", json=body, timeout=30, trust_env=False)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def product(self, name: str, code: str) -> str:
        return str(self._post("/products", {"name": name, "price": "1000.00", "xml_id": code})["id"])

    def deal(self, company: str, *products: str) -> str:
        rows = [{"name": f"Товар {one}", "price": "1000.00", "quantity": 2, "product": int(one)} for one in products]
        return str(self._post("/deals", {"title": "Поставка", "company": int(company), "rows": rows})["deal"]["id"])


@pytest.fixture
def portal(installation: Installation) -> Portal:
    return installation.portal()


@pytest.fixture
def kontur(installation: Installation, portal: Portal) -> Kontur:
    made = Kontur(installation, portal.slug)
    document = yaml.safe_load(portal.file.read_text())
    document["sellers"][0]["accounting"] = made.section
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    installation.json("tenant", "apply", str(portal.file), "--yes")
    return made


def test_a_wrong_item_is_mapped_anew_and_the_deal_goes_on(
    installation: Installation, portal: Portal, kontur: Kontur
) -> None:
    catalogue = Catalogue(installation, portal.slug)
    company, _ = portal.company()
    lamp = catalogue.product("Лампа", "LMP-1")
    portal.move(catalogue.deal(company, lamp))
    installation.settle()
    installation.json("goods", "map", portal.slug, lamp, "00000000-0000-0000-0000-00000000dead", "--by", "anna")
    installation.settle()
    assert kontur.invoices() == []
    (listed,) = installation.json("goods", "list", portal.slug)["goods"]
    assert (listed["state"], listed["waiting"]) == ("open", 1)
    (card,) = installation.json("decide", "list", "--tenant", portal.slug)["decisions"]
    assert card["kind"] == "goods_unknown"

    item = kontur.item("Лампа настольная")
    installation.json("goods", "map", portal.slug, lamp, item, "--by", "anna")
    installation.settle()
    (invoice,) = kontur.invoices()
    assert [line["product_id"] for line in invoice["items"]] == [item]
    assert installation.json("decide", "list", "--tenant", portal.slug)["decisions"] == []


def test_unknown_goods_are_mapped_once_and_the_next_deal_needs_no_person(
    installation: Installation, portal: Portal, kontur: Kontur
) -> None:
    catalogue = Catalogue(installation, portal.slug)
    company, _ = portal.company()
    table, chair = catalogue.product("Стол", "TBL-1"), catalogue.product("Стул", "CHR-1")
    known = kontur.item("Кресло для переговоров", "CHR-1")

    deal = catalogue.deal(company, table, chair)
    portal.move(deal)
    installation.settle()
    assert kontur.invoices() == []
    (listed,) = installation.json("goods", "list", portal.slug)["goods"]
    assert (listed["product_id"], listed["external_code"], listed["state"], listed["waiting"]) == (
        table, "TBL-1", "open", 1
    )  # fmt: skip
    (card,) = installation.json("decide", "list", "--tenant", portal.slug)["decisions"]
    assert card["kind"] == "goods_unknown"

    item = kontur.item("Стол переговорный")
    assert installation.json("goods", "map", portal.slug, table, item, "--by", "anna") == {"changed": True}
    installation.settle()
    (invoice,) = kontur.invoices()
    assert [line["product_id"] for line in invoice["items"]] == [item, known]
    assert installation.json("decide", "list", "--tenant", portal.slug)["decisions"] == []
    story = installation.call("deal", "show", portal.slug, deal).out
    assert item in story

    second = catalogue.deal(company, table)
    portal.move(second)
    installation.settle()
    assert len(kontur.invoices()) == 2
    (listed,) = installation.json("goods", "list", portal.slug)["goods"]
    assert (listed["state"], listed["item_id"], listed["mapped_by"], listed["waiting"]) == ("mapped", item, "anna", 0)

    assert installation.json("goods", "map", portal.slug, table, item) == {"changed": False}
    refused = installation.call("goods", "map", portal.slug, "777", item)
    assert refused.code == 1
    assert "no such product" in refused.err
