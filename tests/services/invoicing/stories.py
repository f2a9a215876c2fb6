"""Whole stories of a deal's documents; together they say every event, message and question that there is."""

import datetime as dt
from dataclasses import replace
from typing import Any

from services.invoicing.app import GOODS
from services.invoicing.domain import commands as c
from services.invoicing.domain import goods
from services.invoicing.domain.values import Issued, Reason, Used
from tests.services.invoicing import edi_parts
from tests.services.invoicing.parts import (
    STANDARD,
    Documents,
    answer,
    deal,
    documents,
    issued,
    last,
    link,
    linked,
    refused,
    request,
    row,
    take,
)
from tests.services.streams import Stream

NO = Reason(code="accounting_refused", values={"text": "нет такой услуги"})


def replaced() -> Documents:
    """Issued, shown, entered again, changed, its cancel refused, voided by hand, made anew; the act waits for money."""
    stream = issued(language="en")
    document_id = last(stream).request["document_id"]
    stream.ran(c.MissPdf(document_id, NO))
    stream.ran(c.Render(document_id, "blob-1", 60_000))
    stream.ran(request("r2"))
    stream.ran(c.SeeDeal(deal("b")))
    take(stream, "content_changed", "replace")
    stream.ran(c.ConfirmCancel(document_id, 1, NO))
    take(stream, "cancel_refused", "cancelled_by_hand")
    stream.ran(answer(last(stream)))
    stream.ran(request("act", "act", deal("b"), act_requires_paid=True))
    stream.ran(linked("act"))
    stream.ran(c.SeeBalance(last(stream).request["document_id"], 1, True, "paid"))
    stream.ran(answer(last(stream, "create-act")))
    return stream


def refused_and_doubted() -> Documents:
    """Everything is missing, then the vendor refuses, then nobody knows, then it is another document, then given up."""
    stream = documents()
    stream.ran(request(what=deal(rows=(row(name=""), row("-1", "0")), currency="USD")))
    stream.ran(refused())
    stream.ran(c.SeeDeal(deal("b")))
    stream.ran(linked())
    stream.ran(c.Reject(last(stream).request["document_id"], 1, NO))
    stream.ran(c.SeeDeal(deal("c")))
    sent = last(stream)
    stream.ran(c.Doubt(sent.request["document_id"], 2, NO, stream.now))
    stream.ran(answer(sent, total_kopecks=1, counterparty_remote_id="somebody"))
    take(stream, "document_differs", "give_up")
    stream.ran(c.SeeDeal(None))
    stream.ran(c.SeeDeal(deal("d")))
    return stream


def late_buyer_and_old_rate() -> Documents:
    """The buyer is late, the rate is last year's, the accountant lets it pass, a person finds the invoice."""
    stream = documents()
    stream.ran(request(what=deal(rows=(row("1000", "1", "20"),)), tax=STANDARD))
    stream.ran(c.MeetDeadline("r1"))
    stream.ran(linked())
    take(stream, "vat_rate_not_in_force", "issue")
    sent = last(stream)
    stream.ran(c.Doubt(sent.request["document_id"], 1, NO, None))
    take(stream, "document_uncertain", "found", "17")
    issued_there = Issued(
        remote_id="e1", number="17", date=dt.date(2026, 3, 12), total_kopecks=1000_00, vat_kopecks=166_67
    )
    stream.ran(c.Adopt(sent.request["document_id"], "card", issued_there))
    return stream


def replaced_by_us() -> Documents:
    """A changed invoice is voided and made anew; a deal without lines then cannot be."""
    stream = issued()
    stream.ran(c.SeeDeal(deal("b", rows=())))
    take(stream, "content_changed", "replace")
    stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
    return stream


def doubled() -> Documents:
    """The answer was lost, the invoice sent again, and the lost one came after all; the others are then cancelled."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    sent = last(stream)
    stream.ran(replace(answer(sent), doubted=True))
    ours = answer(sent).issued
    late = ours.model_copy(update={"remote_id": "late", "url": ""})
    stream.ran(c.SeeCopies(sent.request["document_id"], 1, ours.number, ours.date, (ours, late)))
    take(stream, "document_doubled", "cleared")
    return stream


def reviewed() -> Documents:
    """The invoice stands in accounting as a draft until its accountant has posted it."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    sent = answer(last(stream), unposted=True)
    stream.ran(sent)
    stream.ran(c.SeeReview(sent.document_id, sent.attempt, answer(last(stream)).issued))
    return stream


def lost_and_left_to_a_person() -> Documents:
    """The deal is lost and comes back; the vendor voids nothing, so that the accountant does it."""
    stream = issued()
    document_id = last(stream).request["document_id"]
    stream.ran(c.SeeDeal(deal(lost=True)))
    stream.ran(c.SeeDeal(deal()))
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(c.ConfirmCancel(document_id, 1, Reason(code="capability_missing", values={})))
    take(stream, "cancel_by_hand", "done")
    stream.ran(c.SeeCancelChecked(document_id, "Анна", True))
    return stream


def asked_while_voided() -> Documents:
    """The customer comes back while the vendor has yet to void the invoice; then once more, and that one stands."""
    stream = issued()
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(replace(request("r2", what=deal("b")), history_id="h2", sequence=5))
    stream.ran(c.SeeDeal(deal("c"), 6))
    stream.ran(linked("r2"))
    stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
    stream.ran(answer(last(stream)))
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(replace(request("r3", what=deal("c")), history_id="h3", sequence=7))
    stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1, NO))
    return stream


def asked_while_a_person_decides() -> Documents:
    """Nobody knows whether the vendor voided the invoice, and the customer comes back; the person finds it void. The
    next one is to be voided by hand, and the accountant keeps it."""
    stream = issued()
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(replace(request("r2"), history_id="h2", sequence=5))
    lost = Reason(code="absence_not_proven_in_time")
    stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1, lost, undecided=True))
    take(stream, "cancel_refused", "cancelled_by_hand")
    stream.ran(linked("r2"))
    stream.ran(answer(last(stream)))
    stream.ran(c.CancelInvoice("Анна"))
    missing = Reason(code="capability_missing", values={})
    stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1, missing))
    stream.ran(replace(request("r3"), history_id="h3", sequence=6))
    take(stream, "cancel_by_hand", "keep")
    return stream


def told_backwards() -> Documents:
    """The deal is deleted and shown again before it is asked for a document, since the topic was lost."""
    stream = documents()
    stream.ran(c.SeeDeal(None, 5))
    stream.ran(c.SeeDeal(deal("b"), 6))
    stream.ran(replace(request(), sequence=2))
    stream.ran(c.RefuseBuyer("r1", (NO,), 3))
    stream.ran(c.KnowBuyer("r1", link(), 4))
    return stream


def goods_missed() -> Documents:
    """The nomenclature lacks a table, somebody maps it, and a chair is made for the invoice."""
    tables = deal(rows=(row(product_id="550", external_code="TBL-1"), row(product_id="551", name="Стул")))
    stream = documents()
    stream.ran(request(what=tables, goods="list", account="kontur:vektor:main", vendor="kontur"))
    stream.ran(linked())
    lacking = Reason(code="goods_unknown", values={"vendor": "kontur", "names": ["Стол"], "products": {"550": ""}})
    sent = last(stream)
    stream.ran(c.Reject(sent.request["document_id"], 1, lacking))
    stream.ran(c.SeeGoods(sent.request["document_id"], "550", "p5"))
    confirmed = answer(last(stream))
    used = (Used(product_id="550", item_id="p5"), Used(product_id="551", item_id="p6", created=True))
    stream.ran(c.Confirm(confirmed.document_id, confirmed.attempt, confirmed.issued, goods=used))
    return stream


def goods_mapped() -> Stream[goods.State, goods.Command]:
    """A table is wanted, mapped, and wanted again since its item is gone; then a document finds another."""
    table = goods.Product(account="kontur:vektor:main", product_id="550", external_code="TBL-1", name="Стол", unit="шт")
    stream: Stream[goods.State, goods.Command] = Stream(GOODS, goods.stream_of(table.account, "550"))
    stream.ran(goods.WantGoods(table, "15", "d1"))
    stream.ran(goods.MapGoods("p5", "Анна"))
    stream.ran(goods.WantGoods(table, "16", "d2", tried="p5"))
    stream.ran(goods.SeeItem(table, "p7", created=True))
    return stream


def buyer_lost() -> Documents:
    """Accounting has the buyer's record no more; the invoice is made with another."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    gone = Reason(code="counterparty_gone", values={"vendor": "elba", "text": "Указанный контрагент не найден"})
    stream.ran(c.Reject(last(stream).request["document_id"], 1, gone))
    stream.ran(linked(remote_id="elba-new"))
    stream.ran(answer(last(stream)))
    return stream


def all_stories() -> list[Stream[Any, Any]]:
    """Every story, told."""
    documents_of = [
        told_backwards(),
        lost_and_left_to_a_person(),
        replaced(),
        refused_and_doubted(),
        late_buyer_and_old_rate(),
        replaced_by_us(),
        doubled(),
        reviewed(),
        buyer_lost(),
        asked_while_voided(),
        asked_while_a_person_decides(),
    ]
    return [*documents_of, goods_missed(), goods_mapped(), edi_parts.signed(), edi_parts.hard()]
