"""What a deal's documents set in motion, each with all that its worker takes from it, and when."""

import datetime as dt

import pytest

from chassis.aggregate import Lane, TaskPlan
from services.invoicing.domain import commands as c
from services.invoicing.domain.edi_events import EdiOrder
from services.invoicing.domain.values import Deal, EdiTerms, Reason, Used
from tests.services.invoicing.parts import (
    NO,
    Documents,
    answer,
    deal,
    documents,
    issued,
    last,
    linked,
    phases,
    request,
    row,
    take,
)
from tests.services.streams import NOW

LATER = NOW + dt.timedelta(days=1)


def waiting() -> Documents:
    """An invoice that waits for its buyer, beside an act that is made."""
    stream = documents()
    stream.ran(request("act", "act"))
    stream.ran(linked("act"))
    stream.ran(answer(last(stream, "create-act")))
    stream.ran(request())
    return stream


def doubtful() -> Documents:
    """An invoice of which nobody can tell whether it exists."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, None))
    return stream


def drafted() -> Documents:
    """An invoice that its accountant has yet to post."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(answer(last(stream), unposted=True))
    return stream


@pytest.mark.parametrize("stopped", [None, deal(lost=True)])
def test_deal_that_comes_back_has_as_long_for_its_buyer_as_a_new_one(stopped: Deal | None) -> None:
    stream = waiting()
    stream.ran(c.SeeDeal(stopped))
    stream.tasks.clear()
    stream.now = LATER
    stream.ran(c.SeeDeal(deal()))
    due = LATER + dt.timedelta(hours=24)
    assert list(stream.tasks.values()) == [
        TaskPlan("request-deadline", "r1", {"request_id": "r1"}, lane=Lane.BULK, due_at=due)
    ]


def test_lost_answer_is_watched_for_from_then_on() -> None:
    stream = doubtful()
    sent = last(stream)
    document_id = sent.request["document_id"]
    assert stream.tasks["watch-duplicates", f"{document_id}/1"] == TaskPlan(
        "watch-duplicates",
        f"{document_id}/1",
        {
            "document_id": document_id,
            "attempt": 1,
            "number": "B24-15",
            "date": "2026-03-12",
            "marker": sent.marker,
            "counterparty_id": sent.request["counterparty_remote_id"],
            "since": NOW.isoformat(),
            "kind": "invoice",
            "invoice_remote_id": "",
        },
        account="elba:main",
        lane=Lane.BULK,
        due_at=NOW + dt.timedelta(minutes=10),
    )


def test_what_a_person_sends_again_is_watched_from_that_day_on() -> None:
    stream = doubtful()
    stream.now = LATER
    take(stream, "document_uncertain", "resend")
    again = stream.tasks["watch-duplicates", f"{last(stream).request['document_id']}/2"]
    assert (again.payload["attempt"], again.payload["since"]) == (2, LATER.isoformat())


def test_act_that_a_person_sends_again_is_watched_among_those_of_its_invoice() -> None:
    stream = issued()
    stream.ran(request("act", "act"))
    stream.ran(linked("act"))
    sent = last(stream, "create-act").request
    stream.ran(c.Doubt(sent["document_id"], 1, NO, None))
    take(stream, "document_uncertain", "resend")
    again = stream.tasks["watch-duplicates", f"{sent['document_id']}/2"].payload
    assert (again["kind"], again["invoice_remote_id"]) == ("act", sent["invoice_remote_id"])
    assert sent["invoice_remote_id"] != ""


def test_copies_of_an_act_that_were_cleared_are_looked_for_among_those_of_its_invoice() -> None:
    stream = issued()
    stream.ran(request("act", "act"))
    stream.ran(linked("act"))
    made = answer(last(stream, "create-act"))
    stream.ran(made)
    copy = made.issued.model_copy(update={"remote_id": "late"})
    stream.ran(c.SeeCopies(made.document_id, 1, "17", made.issued.date, (made.issued, copy)))
    take(stream, "document_doubled", "cleared")
    look = stream.tasks["watch-duplicates", f"{made.document_id}/1"]
    assert look == TaskPlan(
        "watch-duplicates",
        f"{made.document_id}/1",
        {
            "document_id": made.document_id,
            "attempt": 1,
            "number": "17",
            "date": "2026-03-12",
            "marker": last(stream, "create-act").marker,
            "kind": "act",
            "invoice_remote_id": f"remote-{last(stream).request['document_id']}",
        },
        account="elba:main",
        lane=Lane.BULK,
    )


def test_refused_document_that_is_asked_for_anew_is_sent_as_the_next_attempt() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(c.Reject(last(stream).request["document_id"], 1, NO))
    stream.ran(request("r2"))
    stream.ran(linked("r2"))
    assert [(one.request["attempt"], one.key[1]) for one in stream.effects_of("create-invoice")] == [(1, "1"), (2, "2")]


def test_what_a_person_sends_again_goes_to_the_buyer_that_it_was_first_sent_to() -> None:
    stream = doubtful()
    stream.ran(linked(remote_id="elba-newer"))
    take(stream, "document_uncertain", "resend")
    first, again = stream.effects_of("create-invoice")
    assert again.request["counterparty_remote_id"] == first.request["counterparty_remote_id"] != "elba-newer"


def test_document_that_begins_anew_after_a_doubt_is_watched_as_the_one_before() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    document_id = last(stream).request["document_id"]
    stream.ran(c.Reject(document_id, 1, NO, doubted=True))
    stream.ran(request("r2"))
    stream.ran(linked("r2"))
    assert [key for kind, key in stream.tasks if kind == "watch-duplicates"] == [f"{document_id}/1", f"{document_id}/2"]


def test_draft_is_followed_from_the_day_it_stands_there() -> None:
    stream = drafted()
    document_id = last(stream).request["document_id"]
    payload = {
        "document_id": document_id,
        "attempt": 1,
        "remote_id": f"remote-{document_id}",
        "since": NOW.isoformat(),
        "vat_kopecks": 0,
    }
    assert stream.tasks["follow-review", f"{document_id}/1"] == TaskPlan(
        "follow-review", f"{document_id}/1", payload, account="elba:main", lane=Lane.BULK,
        due_at=NOW + dt.timedelta(seconds=30),
    )  # fmt: skip


def test_draft_that_could_not_be_voided_is_followed_on() -> None:
    stream = drafted()
    document_id = last(stream).request["document_id"]
    stream.ran(c.CancelInvoice("Анна"))
    stream.tasks.clear()
    stream.now = LATER
    stream.ran(c.ConfirmCancel(document_id, 1, NO))
    followed = stream.tasks["follow-review", f"{document_id}/1"]
    assert followed.payload["since"] == LATER.isoformat()


def test_invoice_that_could_not_be_voided_is_not_reviewed() -> None:
    stream = issued()
    stream.ran(c.CancelInvoice("Анна"))
    stream.tasks.clear()
    stream.ran(c.ConfirmCancel(last(stream).request["document_id"], 1, NO))
    assert stream.tasks == {}


def test_exchange_of_an_act_is_told_all_that_its_title_says() -> None:
    stream = documents()
    box = EdiTerms(account="diadoc:vektor:main", function="СЧФДОП")
    stream.ran(request("act", "act", edi=box))
    stream.ran(linked("act"))
    sent = last(stream, "create-act")
    stream.ran(answer(sent, number="88"))
    payload = stream.tasks["edi-begin", sent.request["document_id"]].payload
    assert payload["date"] == "2026-03-12"
    told = EdiOrder.model_validate(payload)
    assert told.model_dump(mode="json", include={"lines"}) == {"lines": sent.request["lines"]}
    assert told == EdiOrder(
        tenant="vektor",
        deal_id="15",
        document_id=sent.request["document_id"],
        account="diadoc:vektor:main",
        function="СЧФДОП",
        number="88",
        date=dt.date(2026, 3, 12),
        lines=told.lines,
        inn="7736207543",
        kpp="773601001",
        buyer="Ромашка",
        comment=sent.request["comment"].replace(sent.marker, "").strip(),
        responsible_id="7",
    )


class TestGoods:
    def _refused(self, reason: Reason) -> Documents:
        """The vendor refused an invoice of a seller whose goods go on a list."""
        stream = documents()
        tables = deal(rows=(row(product_id="550", external_code="TBL-1", unit_name="шт"), row(product_id="551")))
        stream.ran(request(what=tables, goods="list", account="kontur:vektor:main", vendor="kontur"))
        stream.ran(linked())
        stream.ran(c.Reject(last(stream).request["document_id"], 1, reason))
        return stream

    def _product(self, product_id: str, external_code: str, name: str, unit: str) -> dict[str, str]:
        return {
            "account": "kontur:vektor:main",
            "product_id": product_id,
            "external_code": external_code,
            "name": name,
            "unit": unit,
        }

    def test_goods_that_accounting_lacks_go_on_the_list_as_the_deal_shows_them(self) -> None:
        stream = self._refused(Reason(code="goods_unknown", values={"products": {"550": "", "551": "p1", "552": ""}}))
        document_id = last(stream).request["document_id"]
        wanted = [
            {"product": self._product("550", "TBL-1", "Стол", "шт"), "tried": ""},
            {"product": self._product("551", "", "Стол", ""), "tried": "p1"},
            {"product": self._product("552", "", "", ""), "tried": ""},
        ]
        payload = {"deal_id": "15", "document_id": document_id, "goods": wanted}
        key = f"{document_id}/want/1"
        assert stream.tasks["list-goods", key] == TaskPlan("list-goods", key, payload)

    def test_goods_that_an_invoice_was_made_with_go_on_the_list(self) -> None:
        stream = self._refused(Reason(code="goods_unknown", values={"products": {"550": ""}}))
        stream.ran(c.SeeGoods(last(stream).request["document_id"], "550", "p5"))
        sent = answer(last(stream))
        used = (Used(product_id="550", item_id="p5"), Used(product_id="552", item_id="p6", created=True))
        stream.ran(c.Confirm(sent.document_id, sent.attempt, sent.issued, goods=used))
        found = [
            {"product": self._product("550", "TBL-1", "Стол", "шт"), "item_id": "p5", "created": False},
            {"product": self._product("552", "", "", ""), "item_id": "p6", "created": True},
        ]
        payload = {"deal_id": "15", "document_id": sent.document_id, "goods": found}
        key = f"{sent.document_id}/use/2"
        assert stream.tasks["list-goods", key] == TaskPlan("list-goods", key, payload)

    @pytest.mark.parametrize("values", [{}, {"products": {"551": ""}}])
    def test_item_of_a_product_that_an_invoice_does_not_wait_for_is_no_news(self, values: dict[str, object]) -> None:
        stream = self._refused(Reason(code="goods_unknown", values=values))
        assert stream.ran(c.SeeGoods(last(stream).request["document_id"], "550", "p5")) == []

    def test_invoice_that_was_given_up_waits_for_no_goods(self) -> None:
        stream = self._refused(Reason(code="goods_unknown", values={"products": {"550": ""}}))
        take(stream, "goods_unknown", "give_up")
        assert stream.ran(c.SeeGoods(last(stream).request["document_id"], "550", "p5")) == []

    def test_item_that_was_tried_in_vain_is_waited_for_anew(self) -> None:
        stream = self._refused(Reason(code="goods_unknown", values={"products": {"550": ""}}))
        document_id = last(stream).request["document_id"]
        stream.ran(c.SeeGoods(document_id, "550", "p5"))
        stream.ran(c.Reject(document_id, 2, Reason(code="goods_unknown", values={"products": {"550": "p5"}})))
        assert stream.ran(c.SeeGoods(document_id, "550", "p5")) == []
        stream.ran(c.SeeGoods(document_id, "550", "p6"))
        assert last(stream).request["attempt"] == 3

    def test_invoice_that_was_refused_for_another_reason_wants_no_goods(self) -> None:
        assert [kind for kind, _ in self._refused(NO).tasks if kind == "list-goods"] == []


def test_invoice_without_an_id_that_was_voided_by_hand_cannot_be_looked_at() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(answer(last(stream), remote_id=""))
    stream.ran(c.CancelInvoice("Анна"))
    stream.tasks.clear()
    take(stream, "cancel_by_hand", "done")
    assert stream.tasks == {}
    assert phases(stream) == {("invoice", 1): "cancelled"}


def test_invoice_that_was_voided_by_hand_is_looked_at() -> None:
    stream = issued()
    document_id = last(stream).request["document_id"]
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(c.ConfirmCancel(document_id, 1, Reason(code="capability_missing")))
    stream.tasks.clear()
    take(stream, "cancel_by_hand", "done")
    (look,) = stream.tasks.values()
    assert (look.kind, look.account) == ("check-cancel", "elba:main")
    assert look.payload == {"document_id": document_id, "remote_id": f"remote-{document_id}", "by": "Анна"}
