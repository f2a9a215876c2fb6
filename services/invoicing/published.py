"""The only bridge from a deal's private events to public messages."""

from collections.abc import Sequence

from chassis import cards
from chassis.aggregate import PublicMessage, Recorded
from chassis.cards import CardOpened, CardTaken
from contracts import topics
from contracts.messages import invoicing, operations
from contracts.messages.values import Reason as WireReason
from services.invoicing.domain import State, edi
from services.invoicing.domain import edi_events as ee
from services.invoicing.domain import events as e
from services.invoicing.domain.state import Document
from services.invoicing.domain.values import Draft, Issued, Reason

OPERATIONS = topics.operations_topic("invoicing")
SIGNED_NAME = "УПД подписан"
UNPAID = Reason(code="unpaid")
FILE_WORDS = {
    "ru": {"invoice": "Счёт", "act": "Акт", "sale": "Акт", "waybill": "Накладная", "upd": "УПД"},
    "en": {"invoice": "Invoice", "act": "Act", "sale": "Act", "waybill": "Waybill", "upd": "UPD"},
}
DRAFT_WORDS = {"ru": "проект", "en": "draft"}


def published(recorded: Recorded, state: State) -> Sequence[PublicMessage]:
    """The messages of one event with the state after it."""
    event = recorded.event
    match event:
        case e.Blocked():
            return (_document(_rejected(event.kind, state, event.document_id, event.reasons)),)
        case e.Refused():
            return (_document(_rejected(event.kind, state, event.document_id, (event.reason,))),)
        case e.BuyerGone():
            document = state.documents[event.document_id]
            lost = invoicing.BuyerRecordGone(
                deal_id=document.deal.deal_id,
                request_id=event.request_id,
                document_id=event.document_id,
                account=document.terms.account,
                remote_id=event.remote_id,
            )
            return (_document(lost),)
        case e.Held():
            document = state.documents[event.document_id]
            return (_document(_rejected(document.kind, state, event.document_id, (UNPAID,))),)
        case e.Drafted():
            document = state.documents[event.document_id]
            pending = invoicing.InvoicePendingReview(
                deal_id=document.deal.deal_id,
                invoice_id=document.document_id,
                number=event.issued.number,
                total_kopecks=event.issued.total_kopecks,
                url=event.issued.url,
                responsible_id=document.deal.responsible_id,
            )
            return (_document(pending),)
        case e.Made():
            document = state.documents[event.document_id]
            made = _invoice(document, event) if event.kind == "invoice" else _act(document, event, state)
            return (_document(made),)
        case e.Reentered():
            note = invoicing.InvoiceReentered(
                deal_id=_deal_id(state, event.document_id),
                invoice_id=event.document_id,
                number=event.number,
                history_id=event.history_id,
            )
            return (_document(note),)
        case e.ContentChanged():
            return _revised(state.documents[event.document_id], event)
        case e.Rendered():
            return (_document(_rendered(state.documents[event.document_id], event, recorded)),)
        case e.Cancelled():
            gone = invoicing.InvoiceCancelled(
                deal_id=_deal_id(state, event.document_id),
                invoice_id=event.document_id,
                number=event.number,
                by=event.by,
            )
            return (_document(gone),)
        case CardOpened():
            return (PublicMessage(OPERATIONS, operations.DecisionNeeded(**cards.needed(event))),)
        case CardTaken():
            return (PublicMessage(OPERATIONS, operations.DecisionTaken(**cards.decided(event))),)
        case _:
            return ()


def _document(body: object) -> PublicMessage:
    return PublicMessage(topics.DOCUMENTS, body)


def _deal_id(state: State, document_id: str) -> str:
    return state.documents[document_id].deal.deal_id


def _reasons(reasons: Sequence[Reason]) -> tuple[WireReason, ...]:
    return tuple(WireReason(code=reason.code, values=reason.values) for reason in reasons)


def _rejected(
    kind: str, state: State, document_id: str, reasons: Sequence[Reason]
) -> invoicing.InvoiceRejected | invoicing.ActRejected:
    document = state.documents[document_id]
    message = invoicing.InvoiceRejected if kind == "invoice" else invoicing.ActRejected
    return message(
        deal_id=document.deal.deal_id,
        request_id=document.request_id,
        reasons=_reasons(reasons),
        responsible_id=document.deal.responsible_id,
    )


def _invoice(document: Document, event: e.Made) -> invoicing.InvoiceIssued:
    draft, link = document.draft, document.link
    assert draft is not None, "a made document has its draft"
    assert link is not None, "a made document has its buyer"
    assert draft.due_date is not None, "an invoice has a due date"
    return invoicing.InvoiceIssued(
        invoice_id=document.document_id,
        deal_id=document.deal.deal_id,
        request_id=document.request_id,
        seller_id=document.terms.seller_id,
        account=document.terms.account,
        revision=document.revision,
        number=event.issued.number,
        date=event.issued.date,
        due_date=draft.due_date,
        url=event.issued.url,
        remote_id=event.issued.remote_id,
        total_kopecks=event.issued.total_kopecks,
        vat_kopecks=event.issued.vat_kopecks,
        counterparty_id=link.counterparty_id,
        buyer_kind=link.kind,
        buyer_inn=link.inn,
        buyer_name=link.name,
        responsible_id=document.deal.responsible_id,
        category_id=document.deal.category_id,
        marker=draft.marker,
        rounding_delta_kopecks=event.rounding_delta_kopecks,
        warnings=_reasons((*link.warnings, *draft.warnings)),
    )


def _act(document: Document, event: e.Made, state: State) -> invoicing.ActIssued:
    assert document.draft is not None, "a made document has its draft"
    invoice = state.live_invoice(document.terms.seller_id)
    return invoicing.ActIssued(
        act_id=document.document_id,
        deal_id=document.deal.deal_id,
        request_id=document.request_id,
        account=document.terms.account,
        number=event.issued.number,
        date=event.issued.date,
        remote_id=event.issued.remote_id,
        total_kopecks=event.issued.total_kopecks,
        invoice_id=invoice.document_id if invoice is not None else "",
        form=event.issued.form,
        url=event.issued.url,
        warnings=_reasons(
            (*_of_goods(document.draft, event.issued.form), *_of_invoices(event.issued, document, state))
        ),
        unpaid=event.unpaid,
        responsible_id=document.deal.responsible_id,
    )


def _of_goods(draft: Draft, form: str) -> tuple[Reason, ...]:
    """What is said of goods that go by an act, where the vendor has no waybill or is not asked for one."""
    return tuple(one for one in draft.warnings if one.code == "goods_in_act" and form == "act")


def _of_invoices(issued: Issued, act: Document, state: State) -> tuple[Reason, ...]:
    """What is said of an act for another buyer than the seller's invoices that stand, or for another sum than one of
    them or all."""
    invoices = [
        one
        for one in state.documents.values()
        if (one.kind, one.phase, one.terms.seller_id) == ("invoice", "made", act.terms.seller_id)
    ]
    sums = [one.issued.total_kopecks for one in invoices if one.issued is not None]
    buyers = {one.link.counterparty_id for one in invoices if one.link is not None}
    said = []
    if buyers and act.link is not None and act.link.counterparty_id not in buyers:
        said.append(Reason(code="act_other_buyer"))
    if sums and not any(_are_one(issued, one, act) for one in (*sums, sum(sums))):
        said.append(Reason(code="act_differs", values={"invoiced_kopecks": sum(sums)}))
    return tuple(said)


def _are_one(issued: Issued, invoiced_kopecks: int, act: Document) -> bool:
    """Whether two sums differ by no more than the rounding of lines (R8)."""
    lines = len(act.draft.lines) if act.draft is not None else 0
    return abs(issued.total_kopecks - invoiced_kopecks) <= lines


def _revised(document: Document, event: e.ContentChanged) -> Sequence[PublicMessage]:
    if document.phase != "made" or document.issued is None or event.deal.content_hash == document.deal.content_hash:
        return ()
    revised = invoicing.InvoiceRevised(
        deal_id=document.deal.deal_id,
        invoice_id=document.document_id,
        number=document.issued.number,
        where="crm",
        total_before_kopecks=document.issued.total_kopecks,
        total_after_kopecks=event.total_kopecks if event.total_kopecks is not None else 0,
        responsible_id=document.deal.responsible_id,
    )
    return (_document(revised),)


def _rendered(document: Document, event: e.Rendered, recorded: Recorded) -> invoicing.DocumentRendered:
    assert document.issued is not None, "only an issued document is rendered"
    kind = document.issued.form if document.kind == "act" else "invoice"
    word = FILE_WORDS[document.terms.language][kind]
    not_posted = f" ({DRAFT_WORDS[document.terms.language]})" if event.draft else ""
    return invoicing.DocumentRendered(
        deal_id=document.deal.deal_id,
        document_id=document.document_id,
        kind=document.kind,
        form=document.issued.form,
        number=document.issued.number,
        blob=event.blob,
        size_bytes=event.size_bytes,
        file_name=f"{word} {_file_safe(document.issued.number)}{not_posted}.pdf",
        revision=document.revision,
        rendered_at=recorded.recorded_at,
        draft=event.draft,
    )


def _file_safe(number: str) -> str:
    return "".join("-" if character in '/\\:*?"<>|' else character for character in number)


def published_of_edi(recorded: Recorded, state: edi.State) -> Sequence[PublicMessage]:
    """The messages of one event of an exchange with the state after it."""
    event = recorded.event
    match event:
        case ee.EdiInvited():
            return (_status(state.exchanges[event.document_id], "invited"),)
        case ee.EdiPosted():
            return (_status(state.exchanges[event.document_id], edi.AWAITING_OWN),)
        case ee.EdiMoved():
            return (_status(state.exchanges[event.document_id], event.status, event.reason),)
        case ee.EdiFiled():
            order = state.exchanges[event.document_id].order
            name = _file_safe(order.number)
            signed = invoicing.DocumentSigned(
                deal_id=order.deal_id,
                document_id=order.document_id,
                number=order.number,
                vendor=order.account.partition(":")[0],
                buyer=order.buyer,
                archive=event.archive,
                archive_bytes=event.archive_bytes,
                archive_name=f"{SIGNED_NAME} {name}.zip",
                print_form=event.print_form,
                print_bytes=event.print_bytes,
                print_name=f"{SIGNED_NAME} {name}.pdf",
            )
            return (_document(signed),)
        case CardOpened():
            return (PublicMessage(OPERATIONS, operations.DecisionNeeded(**cards.needed(event))),)
        case CardTaken():
            return (PublicMessage(OPERATIONS, operations.DecisionTaken(**cards.decided(event))),)
        case _:
            return ()


def _status(one: edi.Exchange, status: str, reason: str = "") -> PublicMessage:
    order = one.order
    moved = invoicing.EdiStatusChanged.model_validate(
        {
            "deal_id": order.deal_id,
            "document_id": order.document_id,
            "number": order.number,
            "status": status,
            "vendor": order.account.partition(":")[0],
            "buyer": order.buyer,
            "reason": reason,
            "responsible_id": order.responsible_id,
        }
    )
    return _document(moved)
