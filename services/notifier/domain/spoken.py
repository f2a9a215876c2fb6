"""What people are told of one fact: comments of the deal's timeline, notifications, messages of the admin chat."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.notifier.domain import facts as f
from services.notifier.domain import writes as w

_PERSONAL = frozenset(
    {"document_refused", "payment_received", "payment_reversed", "invoice_overdue", "card_opened", "edi_moved"}
)
_EDI_UNTOLD = frozenset({"sending", "signed"})
"""States of an electronic document that are over at once, or are told with the files of it."""
_EDI_PERSONAL = frozenset(
    {
        "awaiting_own_signature", "rejected", "revocation_requested", "revoked", "invalid_signature",
        "delivery_failed", "deleted",
    }
)  # fmt: skip
"""States of an electronic document in which somebody has something to do."""

_FOR_ACCOUNTANT = frozenset({"document_doubled", "cancel_by_hand", "goods_unknown", "payments_missing", "review_late"})
"""Questions that the responsible cannot answer alone: the admin chat hears them too."""

RIGHTS_MISSING: Final = frozenset({"scope_missing", "crm_method_unconfirmed"})
"""Why the portal lets us write no messages: that cannot be said in one."""

_OF_WHOLE_DEAL: Final = frozenset({"crm_access_denied", "crm_plan_refused", "crm_not_found"})
"""Why the portal takes no field of a deal, whichever value it was. One that takes no comment may take the sum."""

Complaint = tuple[str, str, str]
"""The kind of a refused write, what it was of, the code: what people are told of once."""


def comments(fact: f.AnyFact) -> Sequence[w.AddComment]:
    """What the deal's timeline keeps of a fact."""
    match fact:
        case f.DocumentRendered():
            values = {"number": fact.number, "revision": fact.revision, "form": fact.form}
            text = "invoice_draft_pdf" if fact.draft else f"{fact.kind}_pdf"
            return (w.AddComment(text=text, values=values, blob=fact.blob, file_name=fact.file_name),)
        case f.EdiSigned():
            values = {"number": fact.number, "vendor": fact.vendor, "buyer": fact.buyer}
            return (
                w.AddComment(text="edi_signed", values=values, blob=fact.archive, file_name=fact.archive_name),
                w.AddComment(text="edi_print", values=values, blob=fact.print_form, file_name=fact.print_name),
            )
        case f.EdiMoved() if fact.status in _EDI_UNTOLD:
            return ()
        case f.BalanceChanged() | f.OverdueEnded() | f.WorkResumed() | f.OrderPlaced():
            return ()
        case f.InvoiceOverdue():
            return (w.AddComment(text=fact.fact, values=_values(fact)),) if fact.remind else ()
        case f.CardOpened():
            return (w.AddComment(text="card_opened", values={"kind": fact.kind, **fact.values}),)
        case _:
            return (w.AddComment(text=fact.fact, values=_values(fact)),)


def notifications(fact: f.AnyFact) -> Sequence[w.NotifyPerson | w.SayInChat]:
    """Who is told of a fact: the responsible, the admin chat where there is none, or both."""
    if fact.fact not in _PERSONAL or (isinstance(fact, f.InvoiceOverdue) and not fact.remind):
        return ()
    if isinstance(fact, f.EdiMoved) and fact.status not in _EDI_PERSONAL:
        return ()
    values = {"kind": fact.kind, **fact.values} if isinstance(fact, f.CardOpened) else _values(fact)
    user_id = getattr(fact, "responsible_id", "")
    if not user_id:
        return (w.SayInChat(text=fact.fact, values=values),)
    person = w.NotifyPerson(user_id=user_id, text=fact.fact, tag=_tag(fact), values=values)
    if isinstance(fact, f.CardOpened) and fact.kind in _FOR_ACCOUNTANT:
        return (person, w.SayInChat(text=fact.fact, values=values))
    return (person,)


def instead(deal_id: str, unheard: w.NotifyPerson | None) -> dict[str, Any]:
    """What others are told in the place of the responsible ``instead_of``: the head of the department, else the chat,
    unless it ``heard`` it already. Nothing where the responsible was told."""
    if unheard is None:
        return {}
    said = w.SayInChat(text=unheard.text, values=unheard.values)
    heard = unheard.text == "card_opened" and unheard.values.get("kind") in _FOR_ACCOUNTANT
    about = {"deal_id": deal_id, "instead_of": unheard.user_id, "tag": unheard.tag, "heard": heard}
    return {**said.model_dump(mode="json"), **about}


def complaint(deal_id: str, write: str, refused: f.Reason) -> dict[str, Any]:
    """What the admin chat is told of a write that the portal refused for good. It names the deal itself."""
    values = {"deal": deal_id, "write": write, "reason": refused.model_dump(mode="json")}
    return {**w.SayInChat(text="write_refused", values=values).model_dump(mode="json"), "deal_id": ""}


def complaints(write: str, of: Sequence[str], refused: f.Reason | None) -> frozenset[Complaint]:
    """What is told with one refusal: that of a file says nothing of the sum. A right is missing for all messages, and
    who may not write to the deal may write none of its fields, nor anything else."""
    if refused is None:
        return frozenset()
    if refused.code in RIGHTS_MISSING or (refused.code in _OF_WHOLE_DEAL and write == "fields"):
        return frozenset({("", "", refused.code)})
    if refused.code in _OF_WHOLE_DEAL:
        return frozenset({(write, "", refused.code)})
    return frozenset((write, target, refused.code) for target in of or ("",))


def is_known(about: frozenset[Complaint], refused: f.Reason | None, told: frozenset[Complaint]) -> bool:
    """Whether people need not hear of it: no refusal, a removed tenant, or they did, be it of all writes at once."""
    if refused is None or refused.code == "tenant_removed":
        return True
    return about <= told or ("", "", refused.code) in told


def is_of_rights(request: Mapping[str, Any]) -> bool:
    """Whether a complaint is of messages that may not be written."""
    return request["text"] == "write_refused" and request["values"]["reason"]["code"] in RIGHTS_MISSING


def is_sayable(write: str, refused: f.Reason | None) -> bool:
    """Whether a refusal can be said: in the chat, which did not refuse it itself, else in the timeline."""
    return refused is not None and (write != "chat" or refused.code in RIGHTS_MISSING)


def _tag(fact: f.AnyFact) -> str:
    match fact:
        case f.InvoiceOverdue():
            about = fact.invoice_id
        case f.PaymentReceived() | f.PaymentReversed():
            about = fact.payment_id
        case f.CardOpened():
            about = fact.card_id
        case f.DocumentRefused():
            about = fact.request_id
        case f.EdiMoved():
            about = fact.document_id
        case _:
            about = ""
    return f"sverka|{fact.fact}|{about}"


def _values(fact: f.AnyFact) -> dict[str, Any]:
    return fact.model_dump(mode="json", exclude={"fact", "responsible_id"})
