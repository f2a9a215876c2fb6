"""What becomes of a document that the vendor has: it stands, awaits its accountant, or a person is asked about it."""

from dataclasses import replace

from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.drafting import total_kopecks
from services.invoicing.domain.questions import Asking
from services.invoicing.domain.state import COUNTERPARTY_GONE, Document
from services.invoicing.domain.values import Draft, Issued

RELINKS_MAX = 2
"""So many records of its buyer a document is refused for before a person is told."""


class Answering(Asking):
    """The way from the vendor's answer to a document that stands."""

    def answering(self, document_id: str, attempt: int) -> Document | None:
        """The document that an answer to an attempt is about, as long as it waits for one."""
        document = self.state.documents.get(document_id)
        if document is None or document.attempt != attempt or document.phase not in ("ordered", "doubtful"):
            return None
        return document

    def doubt(self, command: c.Doubt) -> None:
        """Nobody can tell whether the vendor has it: a person is asked."""
        document = self.answering(command.document_id, command.attempt)
        if document is None or document.draft is None or document.phase != "ordered":
            return
        self.lose_answer(document)
        self.say(e.Doubted(document_id=document.document_id))
        self.ask_whether_sent(document, document.draft, command.sent_at)

    def lose_buyer(self, document: Document, command: c.Reject) -> bool:
        """Has the buyer's record looked at, once for each; one that is there after all is tried once more with."""
        link, gone = document.link, document.gone
        if command.reason.code != COUNTERPARTY_GONE or link is None:
            return False
        if link.remote_id in gone or len(gone) >= RELINKS_MAX:
            return False
        self.say(
            e.BuyerGone(
                document_id=document.document_id,
                request_id=document.request_id,
                attempt=command.attempt,
                remote_id=link.remote_id,
                reason=command.reason,
            )
        )
        return True

    def settle(self, document: Document, draft: Draft, issued: Issued) -> None:
        """The vendor's document stands if it is what was ordered; else a person is asked."""
        link = document.link
        other_buyer = bool(link and issued.counterparty_remote_id and issued.counterparty_remote_id != link.remote_id)
        other_sum = abs(issued.total_kopecks - draft.total_kopecks) > len(draft.lines)
        if not other_sum and not other_buyer and issued.has_vat_of(draft):
            self.stand(document, draft, issued)
            return
        vat = {"ordered_vat_kopecks": draft.vat_kopecks, "found_vat_kopecks": issued.vat_kopecks}
        self.say(e.Doubted(document_id=document.document_id, issued=issued))
        self.open_card(
            "document_differs",
            document,
            number=issued.number,
            ordered_kopecks=draft.total_kopecks,
            found_kopecks=issued.total_kopecks,
            other_buyer=int(other_buyer),
            **({} if issued.has_vat_of(draft) else vat),
        )

    def stand(self, document: Document, draft: Draft, issued: Issued) -> None:
        """The document is made, or, as long as its accountant has not posted it, awaits the review (R16)."""
        if issued.unposted:
            self.say(e.Drafted(document_id=document.document_id, request_id=document.request_id, issued=issued))
            self.ask_about_lost_deal(document.document_id)
            return
        self.say(
            e.Made(
                document_id=document.document_id,
                request_id=document.request_id,
                kind=document.kind,
                issued=issued,
                rounding_delta_kopecks=issued.total_kopecks - draft.total_kopecks,
                unpaid=document.kind == "act" and not self.state.paid(),
            )
        )
        self.tell_change(self.state.documents[document.document_id])
        self.ask_about_cancelled_order(document.document_id)
        self.ask_about_lost_deal(document.document_id)

    def tell_change(self, document: Document) -> None:
        """What changed while the invoice could not be asked about is told now."""
        changed = document.changed_deal
        if document.kind == "act" or changed is None or changed.content_hash == document.deal.content_hash:
            return
        total = total_kopecks(replace(document, deal=changed), self.now)
        self.say(e.ContentChanged(document_id=document.document_id, deal=changed, total_kopecks=total))
        self.ask_about_change(self.state.documents[document.document_id])

    def ask_about_change(self, document: Document) -> None:
        """Asks what becomes of an invoice whose deal shows something else by now."""
        changed = document.changed_deal
        if document.phase != "made" or document.issued is None or changed is None:
            return
        if changed.content_hash == document.deal.content_hash:
            return
        self.withdraw_settled_cards()
        self.open_card(
            "content_changed",
            document,
            number=document.issued.number,
            total_before_kopecks=document.issued.total_kopecks,
            total_after_kopecks=total_kopecks(replace(document, deal=changed), self.now) or 0,
            content=changed.content_hash,
        )
