"""What each event sets in motion: calls to the accounting service, PDFs to fetch, deadlines to keep."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from chassis.aggregate import EffectPlan, Lane, Plan, Recorded, TaskPlan
from chassis.cards import CardTaken
from services.invoicing.domain import events as e
from services.invoicing.domain.edi_events import EdiOrder
from services.invoicing.domain.goods import Product
from services.invoicing.domain.state import DOUBLED, Document, State

CREATE_INVOICE = "create-invoice"
CREATE_ACT = "create-act"
CANCEL_INVOICE = "cancel-invoice"
FETCH_PDF = "fetch-pdf"
ADOPT = "adopt-document"
DEADLINE = "request-deadline"

WATCH = "watch-duplicates"

LIST_GOODS = "list-goods"
REVIEW = "follow-review"
DRAW_DRAFT = "draw-draft"
CHECK_CANCEL = "check-cancel"
HIDE = "hide-invoice"
EXCHANGE = "edi-begin"

REVIEW_EVERY = timedelta(seconds=30)
"""How soon it is first looked whether a draft was posted; later as seldom as a tenth of the time it waits."""
REVIEW_EVERY_MAX = timedelta(minutes=30)
REVIEW_WAIT = timedelta(hours=24)
"""How long a draft may await its accountant before people are asked, and before they are asked again."""
BUYER_WAIT = timedelta(hours=24)
WATCHED_AFTER = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))
"""When it is looked for a second document after an answer was lost: a call that came late makes it when it likes."""


def review_wait(age: timedelta) -> timedelta:
    """How long a draft that has waited so long is left alone."""
    return min(max(age / 10, REVIEW_EVERY), REVIEW_EVERY_MAX)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """The effects and tasks of one event."""
    event = recorded.event
    match event:
        case e.Requested() | e.BuyerGone():
            return (_deadline(event.request_id, recorded),)
        case e.DealBack() | e.DealRegained():
            waiting = (document for document in state.documents.values() if document.phase == "waiting")
            return tuple(_deadline(document.request_id, recorded) for document in waiting)
        case e.Ordered():
            document = state.documents[event.document_id]
            again = (_watch(document, state, recorded),) if document.lost_attempt else ()
            return (_create(document, state), *again)
        case e.AnswerLost():
            return (_watch(state.documents[event.document_id], state, recorded),)
        case e.Drafted():
            document = state.documents[event.document_id]
            return (_review(document, recorded), _draw_draft(document))
        case e.Made():
            document = state.documents[event.document_id]
            files = (_fetch_pdf(document),) if event.issued.remote_id else ()
            return (*files, *_exchange(document))
        case e.Refused() if state.documents[event.document_id].terms.goods == "list":
            return _want_goods(state.documents[event.document_id])
        case e.GoodsUsed():
            return _use_goods(state.documents[event.document_id], event)
        case e.CancelOrdered():
            ordered = state.documents[event.document_id]
            return (_cancel(ordered),) if ordered.issued is not None and ordered.issued.remote_id else ()
        case e.CancelRefused() if state.documents[event.document_id].phase == "review":
            return (_review(state.documents[event.document_id], recorded),)
        case e.Cancelled():
            return _hide(state.documents[event.document_id])
        case CardTaken() if (event.kind, event.choice) == ("buyer_late", "wait"):
            return (_deadline(state.documents[event.subject].request_id, recorded),)
        case CardTaken() if (event.kind, event.choice) == (DOUBLED, "cleared"):
            return (_watch_again(event, state),)
        case CardTaken() if (event.kind, event.choice) == ("cancel_by_hand", "done"):
            return _check_cancel(event, state)
        case CardTaken() if event.choice == "fetch_again":
            return (_fetch_pdf(state.documents[event.subject]),)
        case CardTaken() if event.choice == "found":
            document = state.documents[event.subject]
            assert document.draft is not None, "only a sent document can be found"
            found = {
                "document_id": event.subject,
                "card_id": event.card_id,
                "number": event.number,
                "kind": document.kind,
                "date": document.draft.date.isoformat(),
                "total_kopecks": document.draft.total_kopecks,
                "vat_kopecks": document.draft.vat_kopecks,
            }
            return (TaskPlan(ADOPT, event.card_id, found, account=document.terms.account),)
        case _:
            return ()


def _watch(document: Document, state: State, recorded: Recorded) -> TaskPlan:
    """Looks for a second document of an attempt, three times from now on."""
    assert document.draft is not None, "what was sent has its draft"
    payload = {
        "document_id": document.document_id,
        "attempt": document.draft.attempt,
        "number": document.draft.number,
        "date": document.draft.date.isoformat(),
        "marker": document.draft.marker,
        "counterparty_id": document.link.remote_id if document.link is not None else "",
        "since": recorded.recorded_at.isoformat(),
        "kind": document.kind,
        "invoice_remote_id": _invoice_remote_id(document, state),
    }
    key = f"{document.document_id}/{document.draft.attempt}"
    due = recorded.recorded_at + WATCHED_AFTER[0]
    return TaskPlan(WATCH, key, payload, account=document.terms.account, lane=Lane.BULK, due_at=due)


def _review(document: Document, recorded: Recorded) -> TaskPlan:
    """Follows a draft until its accountant posts it or throws it away."""
    assert document.issued is not None, "what awaits its review is at the vendor"
    payload = {
        "document_id": document.document_id,
        "attempt": document.attempt,
        "remote_id": document.issued.remote_id,
        "since": recorded.recorded_at.isoformat(),
        "vat_kopecks": document.draft.vat_kopecks if document.draft is not None else 0,
    }
    due, key = recorded.recorded_at + REVIEW_EVERY, f"{document.document_id}/{document.attempt}"
    return TaskPlan(REVIEW, key, payload, account=document.terms.account, lane=Lane.BULK, due_at=due)


def _draw_draft(document: Document) -> TaskPlan:
    """The deal gets a paper that says that the invoice is not posted yet (R16)."""
    return TaskPlan(DRAW_DRAFT, f"{document.document_id}/{document.attempt}", {"document_id": document.document_id})


def _watch_again(taken: CardTaken, state: State) -> TaskPlan:
    """Looks at once whether it is as the person says; looks that are still to come stay as they are."""
    shown = state.cards.by_id[taken.card_id].opened.values
    document = state.documents[taken.subject]
    payload = {name: shown[name] for name in ("attempt", "number", "date", "marker")}
    payload |= {"kind": document.kind, "invoice_remote_id": _invoice_remote_id(document, state)}
    account = document.terms.account
    key = f"{taken.subject}/{payload['attempt']}"
    return TaskPlan(WATCH, key, {"document_id": taken.subject, **payload}, account=account, lane=Lane.BULK)


def _deadline(request_id: str, recorded: Recorded) -> TaskPlan:
    due = recorded.recorded_at + BUYER_WAIT
    return TaskPlan(DEADLINE, request_id, {"request_id": request_id}, lane=Lane.BULK, due_at=due)


def _product(document: Document, product_id: str) -> Product:
    row = next((one for one in document.deal.rows if one.product_id == product_id), None)
    return Product(
        account=document.terms.account,
        product_id=product_id,
        external_code=row.external_code if row is not None else "",
        name=row.name if row is not None else "",
        unit=row.unit_name if row is not None else "",
    )


def _want_goods(document: Document) -> Sequence[TaskPlan]:
    """The products that a document was refused for go on the mapping list, and the document waits for them."""
    wanted = [
        {"product": _product(document, product_id).model_dump(), "tried": tried}
        for product_id, tried in document.goods_wanted().items()
    ]
    return _list_goods(document, "want", wanted) if wanted else ()


def _use_goods(document: Document, used: e.GoodsUsed) -> Sequence[TaskPlan]:
    found = [
        {"product": _product(document, one.product_id).model_dump(), "item_id": one.item_id, "created": one.created}
        for one in used.goods
    ]
    return _list_goods(document, "use", found)


def _list_goods(document: Document, what: str, found: Sequence[dict[str, Any]]) -> Sequence[TaskPlan]:
    payload = {"deal_id": document.deal.deal_id, "document_id": document.document_id, "goods": found}
    return (TaskPlan(LIST_GOODS, f"{document.document_id}/{what}/{document.attempt}", payload),)


def _exchange(document: Document) -> Sequence[TaskPlan]:
    """An act of a seller with a box is exchanged electronically, with buyers that have an INN: others have no box."""
    terms, link, draft, issued = document.terms, document.link, document.draft, document.issued
    if document.kind != "act" or terms.edi is None or link is None or not link.inn:
        return ()
    assert draft is not None, "a made act has its draft"
    assert issued is not None, "a made act is issued"
    order = EdiOrder(
        tenant=document.tenant,
        deal_id=document.deal.deal_id,
        document_id=document.document_id,
        account=terms.edi.account,
        function=terms.edi.function,
        number=issued.number,
        date=issued.date,
        lines=draft.lines,
        inn=link.inn,
        kpp=link.kpp,
        buyer=link.name,
        comment=draft.comment.replace(draft.marker, "").strip(),
        responsible_id=document.deal.responsible_id,
    )
    return (TaskPlan(EXCHANGE, document.document_id, order.model_dump(mode="json")),)


def _fetch_pdf(document: Document) -> TaskPlan:
    assert document.issued is not None, "only an issued document has a PDF"
    payload = {
        "document_id": document.document_id,
        "kind": document.kind,
        "remote_id": document.issued.remote_id,
        "number": document.issued.number,
        "form": document.issued.form,
    }
    return TaskPlan(FETCH_PDF, document.document_id, payload, account=document.terms.account)


def _create(document: Document, state: State) -> EffectPlan:
    assert document.draft is not None, "an ordered document has its draft"
    assert document.link is not None, "an ordered document has its buyer"
    draft, link = document.draft, document.link
    request: dict[str, Any] = {
        **draft.model_dump(mode="json", exclude={"warnings"}),
        "document_id": document.document_id,
        "counterparty_remote_id": link.remote_id,
        "invoice_remote_id": _invoice_remote_id(document, state),
    }
    if document.terms.goods == "list":
        request["goods"] = "list"
    if document.key_attempt:
        request["key_attempt"] = document.key_attempt
    return EffectPlan(
        kind=CREATE_INVOICE if draft.kind == "invoice" else CREATE_ACT,
        key=(document.document_id, str(draft.attempt)),
        account=document.terms.account,
        request=request,
        marker=draft.marker,
    )


def _invoice_remote_id(document: Document, state: State) -> str:
    """The invoice that an act closes, where both are in one account: elsewhere its id names nothing, or another's."""
    invoice = state.live_invoice(document.terms.seller_id) if document.kind == "act" else None
    if invoice is None or invoice.issued is None or invoice.terms.account != document.terms.account:
        return ""
    return invoice.issued.remote_id


def _check_cancel(taken: CardTaken, state: State) -> Sequence[TaskPlan]:
    """Looks whether an invoice is void as the person says; of one whose id nobody knows the word is taken."""
    document = state.documents[taken.subject]
    if document.issued is None or not document.issued.remote_id:
        return ()
    payload = {"document_id": document.document_id, "remote_id": document.issued.remote_id, "by": taken.by}
    return (TaskPlan(CHECK_CANCEL, taken.card_id, payload, account=document.terms.account),)


def _hide(document: Document) -> Sequence[TaskPlan]:
    """Nobody is to pay by the page of an invoice that is void."""
    issued = document.issued
    if issued is None or not issued.remote_id:
        return ()
    payload = {"remote_id": issued.remote_id}
    return (TaskPlan(HIDE, document.document_id, payload, account=document.terms.account, lane=Lane.BULK),)


def _cancel(document: Document) -> EffectPlan:
    assert document.issued is not None, "only an issued invoice is voided"
    return EffectPlan(
        kind=CANCEL_INVOICE,
        key=(document.document_id, "cancel", str(document.cancels)),
        account=document.terms.account,
        request={
            "document_id": document.document_id,
            "remote_id": document.issued.remote_id,
            "cancel": document.cancels,
        },
    )
