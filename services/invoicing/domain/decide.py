"""What a deal's documents do on each command; every refusal is a value, every wait ends in a card."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from chassis.cards import TakeCard
from chassis.domain import Event, Refused
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.cancelling import Cancelling
from services.invoicing.domain.drafting import Sound, document_id, draft, examine, total_kopecks
from services.invoicing.domain.state import GOODS_UNKNOWN, IN_PROGRESS, OVER, STANDING, UNSENT, Document, State
from services.invoicing.domain.values import Deal, Reason


def decide(state: State, command: c.Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command in this state; none when it changes nothing."""
    made = _Decision(state, now)
    match command:
        case c.Request():
            made.request(command)
        case c.KnowBuyer():
            made.know_buyer(command)
        case c.RefuseBuyer():
            made.refuse_buyer(command)
        case c.SeeDeal():
            made.hear(command)
        case c.SeeBalance():
            made.see_balance(command)
        case c.Confirm():
            made.confirm(command)
        case c.Reject():
            made.reject(command)
        case c.SeeGoods():
            made.see_goods(command)
        case c.SeeReview():
            made.see_review(command)
        case c.MissReview():
            made.miss_review(command)
        case c.Doubt():
            made.doubt(command)
        case c.Render():
            made.render(command)
        case c.MissPdf():
            made.miss_pdf(command)
        case c.ConfirmCancel():
            made.confirm_cancel(command)
        case c.SeeCancelChecked():
            made.see_cancel_checked(command)
        case c.SeeVoid():
            made.see_void(command)
        case c.CancelInvoice() | c.RepeatInvoice():
            not_done = made.cancel(command) if isinstance(command, c.CancelInvoice) else made.repeat(command)
            if not_done is not None:
                return not_done
        case c.SeeCopies():
            made.see_copies(command)
        case c.MeetDeadline():
            made.meet_deadline(command)
        case TakeCard():
            refused = made.take_card(command)
            if refused is not None:
                return refused
        case c.Adopt():
            made.adopt(command)
        case _:
            assert_never(command)
    made.release_held()
    made.withdraw_settled_cards()
    return made.events


class _Decision(Cancelling):
    """What each command comes to."""

    def request(self, command: c.Request) -> None:
        if command.request_id in self.state.asked:
            return
        self._request(command)
        self._keep(command.deal, command.sequence)

    def hear(self, command: c.SeeDeal) -> None:
        """What the deal shows now; what is older than what was heard of it says nothing."""
        heard = self.state.heard
        if heard is not None and 0 < command.sequence <= heard.sequence:
            return
        self.see_deal(command.deal)
        self._keep(command.deal, command.sequence)

    def _keep(self, deal: Deal | None, sequence: int) -> None:
        if sequence > (self.state.heard.sequence if self.state.heard is not None else 0):
            self.say(e.DealHeard(sequence=sequence, deal=deal))

    def _request(self, command: c.Request) -> None:
        terms = command.terms
        document = self.state.latest(terms.seller_id, command.kind)
        wanted = terms.invoice_on if command.kind == "invoice" else terms.act_on
        asks_anew = wanted and document is not None and document.is_asked_anew(terms)
        # A request carries the deal as it is now: for all other documents it is news as any change is.
        if not self.state.is_late(command.sequence):
            self.see_deal(command.deal, but_for=document if asks_anew else None)
        if wanted:
            self.take_up(command)

    def take_up(self, command: c.Request) -> None:
        terms = command.terms
        document = self._of_another_seller(command) or self.state.latest(terms.seller_id, command.kind)
        if document is not None and document.may_end:
            self.ask_meanwhile(document, command)
            return
        if document is not None and document.phase in IN_PROGRESS and not document.is_asked_anew(terms):
            return
        if document is not None and document.phase == "made":
            self._asked_again(document, command)
            return
        revision = 1
        if document is not None:
            revision = document.revision + 1 if document.phase in OVER else document.revision
        self.begin(command, revision)

    def _of_another_seller(self, command: c.Request) -> Document | None:
        """The newest document that was sent for the seller whom the tenant had before: whoever sells by now, it is the
        deal's, and only people's word makes another (R3). What was not sent is left to the present seller."""
        sent = []
        for document in self.state.of_others(command.terms.seller_id, command.kind):
            if document.phase in UNSENT:
                self.say(e.GivenUp(document_id=document.document_id, by=""))
            else:
                sent.append(document)
        return max(sent, key=lambda document: document.revision, default=None)

    def begin(self, command: c.Request, revision: int) -> None:
        key = document_id(command.tenant, command.terms.seller_id, command.deal.deal_id, command.kind, revision)
        self.say(
            e.Requested(
                tenant=command.tenant,
                request_id=command.request_id,
                document_id=key,
                kind=command.kind,
                deal=command.deal,
                terms=command.terms,
                triggered_at=command.triggered_at,
                revision=revision,
                history_id=command.history_id,
                sequence=command.sequence,
            )
        )
        document, heard = self.state.documents[key], self.state.heard
        newer = heard.deal if heard is not None and self.state.is_late(command.sequence) else None
        if newer is not None and newer.content_hash != document.deal.content_hash:
            self._see_again(document, newer)
        else:
            self.advance(document)

    def _asked_again(self, document: Document, command: c.Request) -> None:
        if document.kind != "invoice":
            return
        if command.deal.or_same(document.deal, document.link).content_hash != document.deal.content_hash:
            self.ask_about_change(document)
            return
        number = document.issued.number if document.issued else ""
        self.say(
            e.Reentered(
                document_id=document.document_id,
                number=number,
                history_id=command.history_id,
                request_id=command.request_id,
            )
        )

    def know_buyer(self, command: c.KnowBuyer) -> None:
        if self._is_answered(command, self.state.links.get(command.request_id) == command.link):
            return
        self.say(e.BuyerLinked(request_id=command.request_id, link=command.link, sequence=command.sequence))
        for document in self.state.of_request(command.request_id):
            self.advance(document)

    def refuse_buyer(self, command: c.RefuseBuyer) -> None:
        if self._is_answered(command, self.state.refusals.get(command.request_id) == command.reasons):
            return
        self.say(e.BuyerRefused(request_id=command.request_id, reasons=command.reasons, sequence=command.sequence))
        for document in self.state.of_request(command.request_id):
            self.advance(document)

    def _is_answered(self, command: c.KnowBuyer | c.RefuseBuyer, same: bool) -> bool:
        """Whether an answer says nothing: it is known, or older than the one that is."""
        known = self.state.answered.get(command.request_id, 0)
        return command.sequence <= known if command.sequence and known else same

    def advance(self, document: Document) -> None:
        """Orders the document if all is known and right; else says what is missing."""
        if document.phase not in UNSENT or self.state.stopped or self.state.frozen():
            return
        refusal = self.state.refusals.get(document.request_id)
        link = self.state.links.get(document.request_id)
        shown = self.state.buyers[document.request_id]
        if link is not None and not link.is_of_one(document.deal.buyer_party, shown):
            if not any(link.is_of_one(buyer, shown) for buyer in shown):
                return  # the answer to a change of the deal that has not come here yet
            refusal = (Reason(code="buyer_changed"),)
        if refusal is None and link is None:
            return
        if document.kind == "act" and (other := self.state.invoiced_by_another(document.terms)) is not None:
            number = other.issued.number if other.issued is not None else ""
            refusal = (*(refusal or ()), Reason(code="act_other_seller", values={"number": number}))
        found = examine(document, self.now)
        if refusal or not isinstance(found, Sound):
            self._block(document, (*(refusal or ()), *(() if isinstance(found, Sound) else found)))
        elif document.kind == "act" and document.terms.act_requires_paid and not self.state.paid():
            if document.phase != "held":
                self.say(e.Held(request_id=document.request_id, document_id=document.document_id))
        else:
            made = draft(document, found, self.state.invoiced_on(document.terms.seller_id))
            self.say(e.Ordered(request_id=document.request_id, document_id=document.document_id, draft=made))

    def _block(self, document: Document, reasons: tuple[Reason, ...]) -> None:
        if document.phase == "blocked" and document.reasons == reasons:
            return
        self.say(
            e.Blocked(
                request_id=document.request_id,
                document_id=document.document_id,
                kind=document.kind,
                reasons=reasons,
                responsible_id=document.deal.responsible_id,
            )
        )
        if {reason.code for reason in reasons} == {"vat_rate_not_in_force"}:
            self.open_card("vat_rate_not_in_force", document)

    def see_deal(self, deal: Deal | None, but_for: Document | None = None) -> None:
        if deal is None:
            if not self.state.gone:
                self.say(e.DealGone())
                self.ask_about_cancelled_order(*self.state.documents)
            return
        back = self.state.stopped and not deal.lost
        if self.state.gone:
            self.say(e.DealBack())
        lost = deal.lost and not self.state.lost
        if deal.lost != self.state.lost:
            self.say(e.DealLost() if deal.lost else e.DealRegained())
        for document in tuple(self.state.documents.values()):
            self.show_meanwhile(document, deal)
            if document.phase in UNSENT:
                if deal.content_hash == document.deal.content_hash:
                    if back and document.phase != "blocked":
                        self.advance(document)
                elif document is not but_for:
                    self._see_again(document, deal)
            elif document.phase not in OVER and (document.kind == "invoice" or document.phase != "made"):
                self._content_changed(document, deal)
        if lost:
            self.ask_about_lost_deal(*self.state.documents)

    def _see_again(self, document: Document, deal: Deal) -> None:
        self.say(e.DealSeen(request_id=document.request_id, document_id=document.document_id, deal=deal))
        self.advance(self.state.documents[document.document_id])

    def _content_changed(self, document: Document, deal: Deal) -> None:
        """Remembers what the deal shows now; while the invoice is on its way nobody is asked yet."""
        deal = deal.or_same(document.deal, document.link)
        if deal.content_hash == (document.changed_deal or document.deal).content_hash:
            return
        total = total_kopecks(replace(document, deal=deal), self.now)
        self.say(e.ContentChanged(document_id=document.document_id, deal=deal, total_kopecks=total))
        self.ask_about_change(self.state.documents[document.document_id])

    def see_balance(self, command: c.SeeBalance) -> None:
        known, _ = self.state.settled.get(command.invoice_id, (0, False))
        if command.version <= known:
            return
        self.say(
            e.BalanceSeen(
                invoice_id=command.invoice_id, version=command.version, settled=command.settled, status=command.status
            )
        )

    def release_held(self) -> None:
        """Acts that waited for the payment go on, whichever fact completed it."""
        if self.state.paid():
            for document in tuple(self.state.documents.values()):
                if document.phase == "held":
                    self.advance(document)

    def confirm(self, command: c.Confirm) -> None:
        document = self.answering(command.document_id, command.attempt)
        if document is None or document.draft is None or document.issued == command.issued:
            return
        if command.doubted:
            self.lose_answer(document)
        told = tuple(one for one in command.goods if one.created or one.product_id in document.goods_missed)
        if told:
            self.say(e.GoodsUsed(document_id=document.document_id, goods=told))
        self.settle(document, document.draft, command.issued)

    def see_goods(self, command: c.SeeGoods) -> None:
        """Goes on once all that it was refused for is known; an item that was tried in vain is no news."""
        document = self.state.documents.get(command.document_id)
        if document is None or document.goods_wanted().get(command.product_id, command.item_id) == command.item_id:
            return
        known = e.GoodsKnown(document_id=command.document_id, product_id=command.product_id, item_id=command.item_id)
        self.say(known)
        document = self.state.documents[command.document_id]
        if not document.goods_wanted():
            self.advance(document)

    def see_review(self, command: c.SeeReview) -> None:
        document = self.state.documents.get(command.document_id)
        if document is None or (document.phase, document.attempt) != ("review", command.attempt):
            return
        if command.issued is None:
            self.cancelled(document)
        elif document.draft is not None and not command.issued.unposted:
            self.settle(document, document.draft, command.issued)

    def reject(self, command: c.Reject) -> None:
        document = self.answering(command.document_id, command.attempt)
        if document is None:
            return
        if command.doubted:
            self.lose_answer(document)
        lost = self.lose_buyer(document, command)
        if not lost:
            self.say(
                e.Refused(
                    document_id=document.document_id,
                    request_id=document.request_id,
                    kind=document.kind,
                    attempt=command.attempt,
                    reason=command.reason,
                )
            )
        changed = document.changed_deal
        if changed is not None and changed.content_hash != document.deal.content_hash:
            self._see_again(self.state.documents[document.document_id], changed)
        elif lost:
            self.advance(self.state.documents[document.document_id])
        elif command.reason.code == GOODS_UNKNOWN:
            names = ", ".join(f"«{name}»" for name in command.reason.values.get("names", ()))
            self.open_card(GOODS_UNKNOWN, self.state.documents[document.document_id], names=names)

    def render(self, command: c.Render) -> None:
        document = self.state.documents.get(command.document_id)
        if document is None or document.blob == command.blob or (command.draft and document.phase != "review"):
            return
        blob, size_bytes = command.blob, command.size_bytes
        self.say(e.Rendered(document_id=document.document_id, blob=blob, size_bytes=size_bytes, draft=command.draft))

    def miss_pdf(self, command: c.MissPdf) -> None:
        document = self.state.documents.get(command.document_id)
        if document is not None and document.phase not in OVER and document.issued is not None and not document.blob:
            self.open_card("pdf_refused", document, number=document.issued.number, why=command.reason.code)

    def meet_deadline(self, command: c.MeetDeadline) -> None:
        for document in self.state.of_request(command.request_id):
            if document.phase == "waiting" and not self.state.stopped:
                self.open_card("buyer_late", document)

    def take_card(self, command: TakeCard) -> Refused | None:
        taken = self.state.cards.take(command, self.now)
        if isinstance(taken, Refused):
            return taken
        before = self.state.documents[taken.subject]
        self.say(taken)
        self._act_on(self.state.documents[taken.subject], command)
        self.answer_meanwhile(before)
        return None

    def _act_on(self, document: Document, command: TakeCard) -> None:
        match command.choice:
            case "resend" if document.phase == "doubtful" and document.issued is None and document.draft is not None:
                again = document.draft.model_copy(update={"attempt": document.attempt + 1})
                self.say(e.Ordered(request_id=document.request_id, document_id=document.document_id, draft=again))
            case "give_up" if document.phase in ("waiting", "doubtful", "blocked", "held"):
                self.say(e.GivenUp(document_id=document.document_id, by=command.by))
            case "accept" if document.phase == "doubtful" and document.issued and document.draft is not None:
                self.stand(document, document.draft, document.issued)
            case "replace" | "cancel" if document.phase in STANDING:
                self.order_cancel(document, command.by, replace_it=command.choice == "replace")
            case "cancelled_by_hand" if document.phase in STANDING:
                self.cancelled(document, command.by)
            case "done" if document.phase in STANDING and document.issued and not document.issued.remote_id:
                self.cancelled(document, command.by)  # nobody can look; the person's word is all that there is
            case "cleared" | "keep_both":
                for waiting in tuple(self.state.documents.values()):
                    self.advance(waiting)
            case "issue" if document.phase == "blocked":
                self.say(e.VatOverridden(document_id=document.document_id, by=command.by))
                self.advance(self.state.documents[document.document_id])
            case "try_again" if document.phase == "blocked":
                self.advance(document)
            case _:
                return

    def adopt(self, command: c.Adopt) -> None:
        document = self.state.documents.get(command.document_id)
        if document is None or document.phase != "doubtful" or document.draft is None:
            return
        if command.issued is None:
            # What the person named is not there: the same question stands again, under a new card.
            self.ask_whether_sent(document, document.draft, why=command.reason)
        else:
            self.confirm(c.Confirm(document.document_id, document.attempt, command.issued))
