"""Companies of the CRM: an INN is typed, and the card is filled from the state register through the whole way."""

import json
from typing import Any

import httpx
import yaml

from tests.e2e.conftest import Installation, Portal

WRITE = "crm.requisite.update"
FULL = "Общество с ограниченной ответственностью «Вектор Плюс»"
INN, KPP, OGRN = "7709123453", "770901001", "1237700012340"
COMPANY = {
    "inn": INN, "kpp": KPP, "ogrn": OGRN, "name": "ООО «Вектор Плюс»", "full_name": FULL,
    "address": "105062, г. Москва, ул. Лесная, д. 7", "registered_on": "2023-04-01",
}  # fmt: skip


def control(at: Installation, path: str, body: dict[str, Any]) -> Any:
    """A call to the simulated world."""
    url = json.loads((at.data / "run.json").read_text())["sandbox"]["control_url"]
    answer = httpx.post(f"{url}{path}", json=body)
    answer.raise_for_status()
    return answer.json()


def with_register(at: Installation) -> Portal:
    """A portal whose tenant asks DaData."""
    portal = at.portal()
    account = control(at, "/dadata/accounts", {"title": "Вектор"})
    control(at, "/dadata/companies", COMPANY)
    document = yaml.safe_load(portal.file.read_text())
    document["registers"] = [{"vendor": "dadata", "api_url": account["api_url"], "api_key": account["api_key"]}]
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    at.json("tenant", "apply", str(portal.file), "--yes")
    return portal


def requisite_of(portal: Portal, company: str) -> dict[str, Any]:
    """The company's first requisites as the portal has them."""
    found: dict[str, Any] = portal.at.json("sandbox", "company", "show", portal.slug, company)["requisites"][0]
    return found


def full_name_of(portal: Portal, company: str) -> str:
    """In capitals, as DaData and the register itself write it."""
    return str(requisite_of(portal, company).get("RQ_COMPANY_FULL_NAME", "")).upper()


def test_a_typed_inn_fills_the_card_once_and_a_liquidated_buyer_gets_no_invoice(installation: Installation) -> None:
    portal = with_register(installation)
    company, _ = portal.company(INN, "")
    installation.until("a filled card", lambda: full_name_of(portal, company) == FULL.upper())
    installation.settle()
    shown = requisite_of(portal, company)
    assert (shown["RQ_KPP"], shown["RQ_OGRN"], shown["RQ_COMPANY_NAME"]) == (KPP, OGRN, "ООО «Вектор Плюс»")
    only = ("--kind", "request", "--vendor", "bitrix24", "--account", portal.slug, "--limit", "10000")
    written = [one for one in installation.call("sandbox", "ledger", *only).out.splitlines() if WRITE in one]
    assert len(written) == 1, "our own write comes back as an event, and writes nothing"

    control(installation, "/dadata/companies", {**COMPANY, "status": "LIQUIDATED"})
    installation.json("sandbox", "clock", "advance", "25h")
    deal = portal.deal(company=company)
    portal.move(deal)
    told = installation.until(
        "a refusal", lambda: [one for one in portal.notifications() if "ликвидирован" in str(one)]
    )
    assert told
    assert portal.records("invoices") == []
