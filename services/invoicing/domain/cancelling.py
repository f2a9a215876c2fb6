"""Voiding an invoice and making it again: who orders it, what the vendor answers, what is left to a person's hands."""

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import replace
from zoneinfo import ZoneInfo

from chassis.domain import Problem, Refused
from chassis.values.vat import rate_anew
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.answers import Answering
from services.invoicing.domain.drafting import lines_kopecks
from services.invoicing.domain.state import OVER, STANDING, Document
from services.invoicing.domain.values import Deal, Reason

CAPABILITY_MISSING = "capability_missing"
"""The code by which an accounting service says that it voids no invoices."""


class Cancelling(Answering, ABC):
    """The way of an invoice out of the world, and to the one that takes its place (R3, R14, R19)."""

    @abstractmethod
    def begin(self, command: c.Request, revision: int) -> None:
        """Begins a document."""

    @abstractmethod
    def take_up(self, command: c.Request) -> None:
        """Does what a request asks for, as the deal's documents stand."""

    def cancel(self, command: c.CancelInvoice) -> Refused | None:
        """A person's order. What is void already, or is being voided, is left as it is; what accounting has otherwise
        than it was ordered, and nobody took for the deal's, is not said to be void."""
        document = self._named(command.number)
        if isinstance(document, Refused):
            return document
        if document.phase in STANDING:
            self.order_cancel(document, command.by, replace_it=command.replace)
        elif document.phase in ("doubtful", "given_up") and document.issued is not None:
            return Refused(Problem("invoice_not_taken", {"number": document.issued.number}))
        return None

    def repeat(self, command: c.RepeatInvoice) -> Refused | None:
        """One more invoice with the old lines and prices, today's date, tax profile and VAT rate (R19); the old one
        stays. A repeat of today is repeated only by its number: an order whose answer was lost is given again."""
        document = self._named(command.number)
        if isinstance(document, Refused):
            return document
        if command.taxes and document.terms.account not in command.taxes:
            return Refused(Problem("invoice_of_other_account"))
        if self.state.stopped:
            return Refused(Problem("deal_stopped"))
        latest = self.state.latest(document.terms.seller_id, "invoice") or document
        if latest.phase not in ("made", *OVER):
            return Refused(Problem("invoice_on_its_way"))
        if command.taxes:
            tax = command.taxes[document.terms.account]
            document = replace(document, terms=document.terms.model_copy(update={"tax": tax}))
        today = self.now.astimezone(ZoneInfo(document.terms.timezone)).date()
        rows = tuple(row.model_copy(update={"vat": rate_anew(row.vat, today)}) for row in document.deal.rows)
        number = _made_on(latest, today) if latest.revision > 1 and latest.deal.rows == rows else ""
        if number and number != command.number:
            return Refused(Problem("invoice_repeated", {"number": number}))
        anew = document.deal.model_copy(update={"rows": rows})
        if rows != document.deal.rows:
            # The deal's sum has the old rate in it where VAT is on top.
            total = lines_kopecks(replace(document, deal=anew), self.now)
            anew = anew if total is None else anew.model_copy(update={"opportunity_kopecks": total})
        self._make_anew(document, anew)
        return None

    def _named(self, number: str) -> Document | Refused:
        """The invoice of a number, or the only one that stands; else the newest."""
        known = [one for one in self.state.documents.values() if one.kind == "invoice" and one.issued is not None]
        if number:
            named = [one for one in known if one.issued is not None and one.issued.number == number]
            return named[-1] if named else Refused(Problem("invoice_not_of_deal", {"number": number}))
        standing = [one for one in known if one.phase in STANDING]
        if len(standing) > 1:
            numbers = ", ".join(one.issued.number for one in standing if one.issued is not None)
            return Refused(Problem("invoices_several", {"numbers": numbers}))
        return (standing or known)[-1] if known else Refused(Problem("invoice_none"))

    def order_cancel(self, document: Document, by: str, *, replace_it: bool) -> None:
        """Orders the vendor to void it; of one whose id nobody knows a person is asked at once."""
        self.say(e.CancelOrdered(document_id=document.document_id, by=by, replace=replace_it))
        if document.issued is not None and not document.issued.remote_id:
            cannot = {"vendor": document.terms.vendor, "capability": "cancel_invoice"}
            reason = Reason(code="capability_missing", values=cannot)
            self._leave_to_a_person(self.state.documents[document.document_id], reason)

    def confirm_cancel(self, command: c.ConfirmCancel) -> None:
        """What the vendor said; a refusal leaves the invoice as it was, and a person is asked. What was asked for
        meanwhile is answered by the invoice at once where the vendor refused to void it, as because it is paid: it
        stands, and a person who voids it against that orders what follows. Where nobody knows what became of the order,
        or the vendor voids none, the person's word tells, and the request waits for that."""
        document = self.state.documents.get(command.document_id)
        if document is None or document.phase != "cancelling" or document.cancels != command.cancel:
            return
        if command.refused is None:
            self.cancelled(document)
        elif command.refused.code == CAPABILITY_MISSING:
            self._leave_to_a_person(document, command.refused)
        else:
            refused = e.CancelRefused(
                document_id=document.document_id, reason=command.refused, undecided=command.undecided
            )
            self.say(refused)
            self.open_card("cancel_refused", document, number=document.issued.number if document.issued else "")
            self._tell_what_changed(document)
            if not command.undecided:
                self._take_up_meanwhile(document)

    def _leave_to_a_person(self, document: Document, reason: Reason) -> None:
        self.say(e.CancelRefused(document_id=document.document_id, reason=reason, undecided=True))
        self._ask_to_cancel_by_hand(document)
        self._tell_what_changed(document)

    def _ask_to_cancel_by_hand(self, document: Document, *, still: bool = False) -> None:
        issued = document.issued
        assert issued is not None, "only an issued invoice is voided"
        self.open_card(
            "cancel_by_hand",
            document,
            vendor=document.terms.vendor,
            number=issued.number,
            date=issued.date.isoformat(),
            total_kopecks=issued.total_kopecks,
            url=issued.url,
            replaced=int(document.replace_after_cancel),
            still=int(still),
        )

    def ask_meanwhile(self, document: Document, command: c.Request) -> None:
        """Nobody can tell yet whether the invoice is in the way of another, as long as the vendor has not answered or a
        person has not decided: the newest request waits for that."""
        if document.meanwhile is not None and command.sequence <= document.meanwhile.sequence:
            return
        self.say(
            e.AskedMeanwhile(
                document_id=document.document_id,
                tenant=command.tenant,
                request_id=command.request_id,
                kind=command.kind,
                deal=command.deal,
                terms=command.terms,
                triggered_at=command.triggered_at,
                history_id=command.history_id,
                sequence=command.sequence,
            )
        )

    def show_meanwhile(self, document: Document, deal: Deal) -> None:
        """What waits for the end of an invoice goes on with the deal as it is now."""
        asked = document.meanwhile
        if asked is not None and asked.deal.content_hash != deal.content_hash:
            self.say(asked.model_copy(update={"deal": deal}))

    def _take_up_meanwhile(self, document: Document) -> None:
        asked = document.meanwhile
        if asked is not None:
            self.take_up(
                c.Request(
                    asked.tenant,
                    asked.request_id,
                    asked.kind,
                    asked.deal,
                    asked.terms,
                    asked.triggered_at,
                    asked.history_id,
                    asked.sequence,
                )
            )

    def answer_meanwhile(self, before: Document) -> None:
        """What waited for the end of an invoice is taken up when a person's word left the invoice standing, or made it
        none of the deal's."""
        now = self.state.documents[before.document_id]
        if now.meanwhile is None and now.phase != "cancelled":
            self._take_up_meanwhile(before)

    def _tell_what_changed(self, document: Document) -> None:
        changed = document.changed_deal
        asked = [card.opened.values.get("content") for card in self.state.cards.by_id.values()]
        if changed is not None and changed.content_hash not in asked:
            self.tell_change(self.state.documents[document.document_id])

    def see_cancel_checked(self, command: c.SeeCancelChecked) -> None:
        """What a look at the vendor says of an invoice that a person has voided by hand."""
        document = self.state.documents.get(command.document_id)
        if document is None or document.phase not in STANDING:
            return
        if command.void:
            self.cancelled(document, command.by)
        else:
            self._ask_to_cancel_by_hand(document, still=True)

    def see_void(self, command: c.SeeVoid) -> None:
        """Accounting has it no more, and a person said that the deal's invoice is void with it."""
        document = self.state.documents.get(command.document_id)
        if document is not None and document.phase in (*STANDING, "cancelling"):
            self.cancelled(document, command.by, replace_it=command.replace)

    def cancelled(self, document: Document, by: str = "", *, replace_it: bool | None = None) -> None:
        """It is void. One that was to be replaced is made anew, with what the deal shows now; else what was asked for
        meanwhile is."""
        number = document.issued.number if document.issued else ""
        self.say(e.Cancelled(document_id=document.document_id, number=number, by=by))
        if document.replace_after_cancel if replace_it is None else replace_it:
            self._make_anew(document, document.changed_deal or document.deal)
        else:
            self._take_up_meanwhile(document)

    def _make_anew(self, document: Document, deal: Deal) -> None:
        """A repeat may have taken the next revision, and is a document of its own."""
        anew = c.Request(document.tenant, document.request_id, document.kind, deal, document.terms, self.now)
        latest = self.state.latest(document.terms.seller_id, document.kind) or document
        self.begin(anew, latest.revision + 1)


def _made_on(document: Document, day: dt.date) -> str:
    """The number of an invoice that stands and was made on a day, "" for any other."""
    made = document.phase == "made" and document.draft is not None and document.draft.date == day
    return document.issued.number if made and document.issued is not None else ""
