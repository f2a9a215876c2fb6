"""A deal's way, from its stage to the act, as managers and accountants see it."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]


def on_a_tuesday(installation: Installation) -> date:
    """The day; whoever came before may have let days pass. Three banking days later it is Friday."""
    now = installation.now().astimezone(ZoneInfo("Europe/Moscow"))
    if now.weekday() == 1 and now.hour < 18:
        return now.date()
    day = now.date() + timedelta(days=(1 - now.weekday()) % 7 or 7)
    installation.call("sandbox", "clock", "set", f"{day}T09:00:00+03:00")
    return day


def test_from_the_stage_to_the_act(installation: Installation, shared_portal: Portal) -> None:
    portal = shared_portal
    today = on_a_tuesday(installation)
    company, _ = portal.company()
    deal = portal.deal("Стеллаж;12500.50;2", "Монтаж;3200;1.5", company=company)
    portal.move(deal)
    installation.settle()
    seen = portal.seen(deal)
    assert seen["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"
    assert seen["UF_CRM_INVOICE_DATE"][:10] == str(today)
    assert seen["UF_CRM_INVOICE_URL"]
    assert seen["UF_CRM_INVOICE_STATUS"] == "Выставлен"
    assert seen["UF_CRM_INVOICE_PDF"]["size"] > 1000
    (invoice,) = [one for one in portal.records("invoices") if one["number"] == f"B24-{deal}"]
    assert invoice["sum_kopecks"] == 2_980_100
    assert invoice["due_date"] == str(today + timedelta(days=3))

    portal.pay(deal, "10000", "--order", "57")
    installation.settle()
    seen = portal.seen(deal)
    assert (seen["UF_CRM_INVOICE_STATUS"], seen["stageId"]) == ("Оплачен частично", "PREPAYMENT_INVOICE")
    assert seen["UF_CRM_PAID"].split("|")[0] in ("10000", "10000.00")
    assert any("10 000" in text.replace("\u00a0", " ") and "57" in text for text in portal.comments(deal))

    portal.pay(deal)
    installation.settle()
    seen = portal.seen(deal)
    assert (seen["UF_CRM_INVOICE_STATUS"], seen["stageId"]) == ("Оплачен", "FINAL_INVOICE")

    portal.move(deal, "WON")
    installation.settle()
    seen = portal.seen(deal)
    (act,) = [one for one in portal.records("acts") if one["invoice_id"] == invoice["id"]]
    assert act["sum_kopecks"] == 2_980_100
    assert seen["UF_CRM_ACT_NUMBER"] == act["number"]
    assert seen["UF_CRM_ACT_PDF"]["size"] > 1000


def test_the_story_of_a_deal_is_told_in_order(installation: Installation, shared_portal: Portal) -> None:
    today = on_a_tuesday(installation)
    company, _ = shared_portal.company()
    deal = shared_portal.deal(company=company)
    shared_portal.move(deal)
    installation.settle()
    document = installation.json("deal", "show", shared_portal.slug, deal)
    times = [line["at"] for line in document["lines"] if line["at"]]
    assert times == sorted(times)
    assert {line["service"] for line in document["lines"]} == {
        "ingest", "counterparty", "invoicing", "payments", "notifier",
    }  # fmt: skip
    text = installation.call("deal", "show", shared_portal.slug, deal).out
    issued = f"Invoice B24-{deal} of {today:%d.%m.%Y}"
    for part in ("entered stage PREPAYMENT_INVOICE", issued, "Written: the deal's fields"):
        assert part in text


def test_missing_data_is_named_and_the_corrected_deal_goes_on(
    installation: Installation, shared_portal: Portal
) -> None:
    company, requisite = shared_portal.company("7725010016", kpp="")
    deal = shared_portal.deal(company=company)
    shared_portal.move(deal)
    installation.settle()
    assert shared_portal.seen(deal)["UF_CRM_INVOICE_STATUS"] == "Не хватает данных"
    assert any("КПП" in text for text in shared_portal.comments(deal))
    installation.json("sandbox", "edit", shared_portal.slug, "requisite", requisite, "RQ_KPP=772501001")
    installation.settle()
    assert shared_portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"


def test_a_stage_entered_again_makes_no_second_invoice(installation: Installation, shared_portal: Portal) -> None:
    company, _ = shared_portal.company()
    deal = shared_portal.deal(company=company)
    shared_portal.move(deal)
    installation.settle()
    shared_portal.move(deal, "NEW")
    shared_portal.move(deal)
    installation.settle()
    numbers = [one["number"] for one in shared_portal.records("invoices")]
    assert [number for number in numbers if number.startswith(f"B24-{deal}")] == [f"B24-{deal}"]
    assert any("уже выставлен" in text for text in shared_portal.comments(deal))


def test_an_over_payment_asks_and_the_decision_counts(installation: Installation, shared_portal: Portal) -> None:
    company, _ = shared_portal.company()
    deal = shared_portal.deal("Стол;1000;1", company=company)
    shared_portal.move(deal)
    installation.settle()
    shared_portal.pay(deal, "1500")
    installation.settle()
    cards = installation.json("decide", "list", "--tenant", shared_portal.slug)["decisions"]
    (card,) = [one for one in cards if one["deal_id"] == deal]
    assert "1" in card["question"]
    assert card["choice_texts"]
    taken = installation.json("decide", "take", card["card_id"], "keep_as_advance", "--by", "anna")
    assert taken["taken_by"] == "anna"
    second = installation.call("decide", "take", card["card_id"], "refund_planned", "--by", "boris")
    assert second.code == 1
    assert "anna" in second.err
    installation.settle()
    seen = shared_portal.seen(deal)
    assert (seen["UF_CRM_INVOICE_STATUS"], seen["stageId"]) == ("Переплата", "FINAL_INVOICE")
