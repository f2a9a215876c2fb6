"""Each invariant about what documents hold and what people are told catches a small history that breaks it."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.chaos import histories as h
from tests.chaos.checker.history import Violation
from tests.chaos.checker.invariants import content, crm, isolation, people

ROWS = [{"name": "Кабель", "quantity": "2.5", "measure": "м"}, {"name": "Стеллаж", "quantity": "3", "measure": "шт"}]
PIECES = [
    {"name": "Кабель (2.5 м)", "count": "1", "vat": "NoNds", "sum_kopecks": 40_000},
    {"name": "Стеллаж", "count": "2", "vat": "NoNds", "sum_kopecks": 40_002},
    {"name": "Стеллаж", "count": "1", "vat": "NoNds", "sum_kopecks": 19_998},
]
TOKEN = "0123456789abcdef"


def broken(found: Iterable[Violation]) -> list[str]:
    """The invariants that are broken."""
    return [violation.invariant for violation in found]


def deal(**changes: Any) -> dict[str, Any]:
    return h.deal(**{"rows": ROWS, **changes})


def invoice(**changes: Any) -> dict[str, Any]:
    whole = {
        "items": PIECES, "counterparty_id": "buyer-1", "date": "2026-09-15", "due_date": "2026-09-22",
        "created_at": h.at(60), "document_token": TOKEN,
    }  # fmt: skip
    return h.invoice(**{**whole, **changes})


def act(**changes: Any) -> dict[str, Any]:
    whole = {
        "id": "act-1", "number": "7", "comment": h.marker("act"), "items": PIECES, "invoice_id": h.INVOICE,
        "counterparty_id": "buyer-1", "date": "2026-09-15", "updated_at": h.at(90), "sum_kopecks": h.TOTAL,
    }  # fmt: skip
    return {**whole, **changes}


def account(invoices: Iterable[Any] = (), acts: Iterable[Any] = ()) -> dict[str, Any]:
    found = h.account(list(invoices), (), list(acts))
    found[h.ACCOUNT]["counterparties"] = {
        "buyer-1": {"id": "buyer-1", "inn": h.INN}, "buyer-2": {"id": "buyer-2", "inn": "7743013902"},
    }  # fmt: skip
    return found


def lines(document: Mapping[str, Any], vat: str = "exempt", **changes: Any) -> list[str]:
    return broken(content.documents_hold_the_plan([h.tenant(vat=vat)], [deal(**changes)], account([document])))


def test_lines_in_pieces_are_the_deals_own() -> None:
    assert not lines(invoice())


@pytest.mark.parametrize(
    "items",
    [
        PIECES[:2],
        [*PIECES, {"name": "Доставка", "count": "1", "vat": "NoNds", "sum_kopecks": 0}],
        [{**one, "vat": "Nds22"} for one in PIECES],
        [PIECES[0], {**PIECES[1], "sum_kopecks": 40_003}, PIECES[2]],
    ],
    ids=["a line is left out", "a line too many", "VAT of an exempt seller", "a kopeck too much"],
)
def test_other_lines_are_caught(items: list[dict[str, Any]]) -> None:
    assert lines(invoice(items=items)) == ["I4"]


def test_the_rate_of_a_row_is_asked_of_a_seller_with_vat() -> None:
    rated = [{**row, "vat": "22"} for row in ROWS]
    assert not lines(invoice(items=[{**one, "vat": "Nds22"} for one in PIECES]), "standard", rows=rated)
    assert lines(invoice(), "standard", rows=rated) == ["I4"]


def test_a_replaced_invoice_has_the_added_line() -> None:
    added = {"name": "Доставка", "count": "1", "vat": "NoNds", "sum_kopecks": 500}
    expected = {"revision": 2, "total_kopecks": h.TOTAL + 500}
    assert not lines(invoice(items=[*PIECES, added]), expected=expected)
    assert lines(invoice(), expected=expected) == ["I4"]


def test_another_buyers_document_is_caught() -> None:
    assert not broken(content.documents_are_the_buyers([deal()], account([invoice()], [act()])))
    other = account([invoice(counterparty_id="buyer-2")], [act(counterparty_id="buyer-2")])
    assert broken(content.documents_are_the_buyers([deal()], other)) == ["I2", "I2"]


def test_another_record_than_people_chose_is_caught() -> None:
    said = {"tenant": h.SLUG, "deal": str(h.DEAL_ID), "choice": "use_buyer-2", "planned": True}
    assert broken(content.chosen_records_are_taken([deal()], account([invoice()]), [said])) == ["I2"]
    assert not broken(content.chosen_records_are_taken([deal()], account([invoice(counterparty_id="buyer-2")]), [said]))


def dated(**changes: Any) -> list[str]:
    portal = h.portal()
    for row in portal[h.SLUG]["stagehistory"]:
        row["CREATED_TIME"] = int(h.START.timestamp())
    return broken(content.documents_are_of_their_day([deal()], account([invoice(**changes)]), portal, []))


def test_a_document_of_another_day_is_caught() -> None:
    assert not dated()
    assert dated(date="2026-09-14", due_date="2026-09-21") == dated(date="2026-09-16") == ["I4"]


def test_an_invoice_that_is_due_at_once_is_caught() -> None:
    assert dated(due_date="2026-09-15") == ["I4"]


def test_a_number_of_another_invoice_is_caught() -> None:
    replaced = invoice(id="inv-0", cancelled=True, comment=h.marker(revision=2))
    assert broken(content.numbers_are_no_others(h.account([invoice(), replaced]))) == ["I1"]
    assert not broken(content.numbers_are_no_others(h.account([invoice(), {**replaced, "number": "B24-1001-2"}])))


def test_an_act_without_its_invoice_is_caught() -> None:
    assert not broken(content.acts_belong_to_invoices([deal()], account([invoice()], [act()])))
    assert broken(content.acts_belong_to_invoices([deal()], account([invoice()], [act(invoice_id=None)]))) == ["I6"]


def shows(files: Any = None, decisions: Any = (), **fields: Any) -> list[str]:
    whole = {
        crm.DATE: "2026-09-15T03:00:00+03:00", crm.URL: f"http://127.0.0.1/{TOKEN}", crm.PDF: 5, crm.ACT_NUMBER: "7",
        crm.ACT_PDF: 6, **fields,
    }  # fmt: skip
    named = files or {5: f"Счёт B24-{h.DEAL_ID}.pdf", 6: "Акт 7.pdf"}
    portal = h.portal(fields=whole, file=[{"ID": number, "NAME": name} for number, name in named.items()])
    return broken(crm.crm_shows_the_documents([deal()], account([invoice()], [act()]), portal, decisions))


def test_a_deal_that_shows_its_documents_is_well() -> None:
    assert not shows()


@pytest.mark.parametrize(
    "wrong", [{crm.DATE: "2026-09-16"}, {crm.URL: ""}, {crm.PDF: 6}, {crm.ACT_NUMBER: ""}, {crm.ACT_PDF: None}]
)
def test_a_deal_that_shows_something_else_is_caught(wrong: dict[str, Any]) -> None:
    assert shows(**wrong) == ["I5"]


def test_a_file_that_the_service_would_not_give_may_be_missing() -> None:
    refused = {"tenant": h.SLUG, "deal": str(h.DEAL_ID), "kind": "pdf_refused", "choice": "wait"}
    assert not shows(decisions=[refused], **{crm.ACT_PDF: None})


def comment(text: str) -> dict[str, Any]:
    return {"COMMENT": text, "BOUND": [f"deal:{h.DEAL_ID}"]}


def test_a_payment_that_no_comment_tells_of_is_caught() -> None:
    assert broken(crm.payments_are_told([deal()], h.portal())) == ["I15"]
    assert not broken(crm.payments_are_told([deal()], h.portal(comment=[comment("Оплата 1 000 ₽ получена")])))


def test_a_question_that_stands_nowhere_is_caught() -> None:
    opened = h.tables(invoicing={"events": [h.card("content_changed")]})
    assert broken(people.cards_are_told([deal()], opened, h.portal())) == ["I16"]
    asked = h.portal(comment=[comment("Нужно решение: сделка изменилась")])
    assert not broken(people.cards_are_told([deal()], opened, asked))


def decided(*taken: Mapping[str, Any], contradicted: Any = ()) -> list[str]:
    rows = [
        h.event("invoicing", "CardTaken", {"card_id": "c-1", "choice": "keep", "by": "campaign", **one})
        for one in taken
    ]
    said = {"tenant": h.SLUG, "card": "c-1", "choice": "keep"}
    return broken(people.decisions_are_kept(h.tables(invoicing={"events": rows}), [said], contradicted))


def test_a_decision_is_kept_once_with_who_took_it() -> None:
    assert not decided({})
    assert decided({"by": ""}) == decided({"choice": "replace"}) == ["I16"]
    assert "I16" in decided({}, {"choice": "replace"})


def test_a_second_choice_that_was_taken_too_is_caught() -> None:
    late = {"tenant": h.SLUG, "card": "c-1", "choice": "replace", "status": 200}
    assert decided({}, contradicted=[late]) == ["I16"]
    assert not decided({}, contradicted=[{**late, "status": 409}])


def test_another_sum_that_nobody_was_asked_about_is_caught() -> None:
    off = account([invoice(sum_kopecks=h.TOTAL + 700)])
    assert broken(people.other_sums_are_asked_about([deal()], off, h.tables())) == ["I16"]
    asked = h.tables(invoicing={"events": [h.card("document_differs")]})
    assert not broken(people.other_sums_are_asked_about([deal()], off, asked))
    within = account([invoice(sum_kopecks=h.TOTAL + 3)])
    assert not broken(people.other_sums_are_asked_about([deal()], within, h.tables()))


def looked(*found: Mapping[str, Any]) -> list[str]:
    campaign = h.campaign(ended_at=h.at(2_000))
    lost = h.create(10, fault="timeout_after")
    return broken(people.lost_answers_are_looked_at_again(campaign, [], [lost, *found]))


def test_a_lost_answer_is_looked_at_once_more_later() -> None:
    assert not looked(h.look_up(30), h.look_up(640))
    assert looked(h.look_up(30)) == ["I16"]


def test_a_stranger_that_was_acknowledged_is_caught() -> None:
    line = {**h.request("-", 1), "kind": "event", "phase": "sent", "event": "e1.forged", "name": "ONCRMDEALUPDATE"}
    assert broken(isolation.strangers_are_refused([line], [])) == ["I12"]
    assert not broken(isolation.strangers_are_refused([{**line, "phase": "failed"}], []))
    posts = h.injection("ForgedPosts", 0, 1, detail={"refused": {"403": 12, "200": 1}})
    assert broken(isolation.strangers_are_refused([], [posts])) == ["I12"]


def test_a_person_in_clear_and_a_kept_token_are_caught() -> None:
    secrets = h.campaign(secrets=["person1@buyers.example", TOKEN])
    clear = h.tables(invoicing={"outbox": [{"body": "{'email': 'person1@buyers.example'}"}]})
    assert broken(isolation.rows_hold_no_people(secrets, clear)) == ["I18"]
    kept = h.tables(ingest={"webhooks": [{"body": f"auth[application_token]={TOKEN}"}]})
    assert broken(isolation.rows_hold_no_people(secrets, kept)) == ["I18"]
    assert not broken(isolation.rows_hold_no_people(secrets, h.tables()))
