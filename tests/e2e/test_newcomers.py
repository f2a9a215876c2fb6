"""What an accountant enters, through the whole way: the CRM has the company, once, follows its changes, and our own
records come to nothing."""

from typing import Any

import yaml

from tests.e2e.conftest import Installation, Portal

INN, KPP = "7709123453", "770901001"


def watching(at: Installation) -> Portal:
    """A portal whose account is looked at each minute, from now on."""
    portal = at.portal()
    document = yaml.safe_load(portal.file.read_text())
    document["steps"] = {"reverse_sync": True}
    document["sellers"][0]["accounting"]["counterparties_poll_seconds"] = 60
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    at.json("tenant", "apply", str(portal.file), "--yes")
    looked(portal)
    return portal


def companies(portal: Portal, inn: str) -> list[dict[str, Any]]:
    """Requisites of the portal with an INN."""
    found = portal.at.json("sandbox", "company", "list", portal.slug)["companies"]
    return [one for one in found if any(requisite.get("RQ_INN") == inn for requisite in one["requisites"])]


def looks(portal: Portal) -> int:
    """How often the account's list of changes was read."""
    only = ("--kind", "request", "--vendor", "elba", "--account", portal.account, "--limit", "10000")
    lines = portal.at.call("sandbox", "ledger", *only).out.splitlines()
    return len([one for one in lines if "counterparty.find" in one and '"inn"' not in one])  # by INN it is a look-up


def looked(portal: Portal) -> None:
    """Waits until a look began and ended after now, and all that it found is done."""
    before = looks(portal)
    portal.at.until("two more looks", lambda: looks(portal) > before + 1)
    portal.at.settle()


def test_a_company_that_the_accountant_enters_is_in_the_crm_once_and_follows(installation: Installation) -> None:
    portal = watching(installation)
    options = ("--inn", INN, "--kpp", KPP, "--phone", "+7 495 000-00-00", "--address", "105062, г Москва")
    made = installation.json("sandbox", "counterparty", "add", portal.account, "ООО «Лотос»", *options)
    (company,) = installation.until("the company", lambda: companies(portal, INN))
    installation.settle()
    (requisite,) = company["requisites"]
    assert (requisite["RQ_KPP"], requisite["RQ_COMPANY_NAME"]) == (KPP, "ООО «Лотос»")
    assert requisite["RQ_PHONE"] == "+7 495 000-00-00"

    changed = ("fullName=ООО «Лотос Плюс»", "phone=+7 495 111-11-11")
    installation.json("sandbox", "counterparty", "edit", portal.account, made["id"], *changed)
    installation.until(
        "the new name and phone",
        lambda: (
            [
                (one["RQ_COMPANY_NAME"], one["RQ_PHONE"])
                for found in companies(portal, INN)
                for one in found["requisites"]
            ]
            == [("ООО «Лотос Плюс»", "+7 495 111-11-11")]
        ),
    )

    deal = portal.deal(company=portal.company()[0])
    portal.move(deal)
    installation.until("an invoice", lambda: portal.records("invoices"))
    looked(portal)
    assert len(companies(portal, "7736207543")) == 1, "the buyer that we made in accounting came from the CRM"
    assert len(companies(portal, INN)) == 1
