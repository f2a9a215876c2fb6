"""What the deal's fields show of its invoices: the state, and the newest that stands, also after a newer was void."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.notifier.domain import facts as f
from services.notifier.domain import writes as w

FILE = "invoice_pdf"
"""The field with the client's file."""

PENDING = "pending_review"
"""The status of an invoice that its accountant has yet to post."""


def status_of(statuses: Sequence[str], *, asked: bool, refused: bool, late: bool) -> str:
    """The state field (R6): what needs a person first, then the balance, then what is on its way."""
    if asked:
        return "needs_decision"
    live = [status for status in statuses if status != "cancelled"]
    for status in ("overpaid", "partially_paid", "issued", "paid", PENDING):
        if status in live:
            return status
    if refused:
        return "needs_data"
    if statuses:
        return "cancelled"
    return "sending" if late else ""


@dataclass(frozen=True, slots=True)
class Paper:
    """An invoice as the fields show it, and its PDF, "" until there is one. ``place`` grows with the order of issue; an
    invoice that is void stays so."""

    number: str = ""
    date: dt.date = dt.date.min
    url: str = ""
    place: int = 0
    void: bool = False
    blob: str = ""
    file_name: str = ""

    def fields(self) -> dict[str, str | int]:
        """The deal's own fields of it."""
        return {"invoice_number": self.number, "invoice_date": self.date.isoformat(), "invoice_url": self.url}


Papers = Mapping[str, Paper]
"""By the invoice's id."""


def seen(papers: Papers, fact: f.AnyFact, sequence: int) -> Papers:
    """What is known of the deal's invoices after one fact, whatever order facts come in."""
    match fact:
        case f.InvoiceIssued():
            place = sequence or max((one.place for one in papers.values()), default=0)
            known = papers.get(fact.invoice_id, Paper())
            told = replace(known, number=fact.number, date=fact.date, url=fact.url, place=place)
            return {**papers, fact.invoice_id: told}
        case f.InvoiceCancelled():
            return {**papers, fact.invoice_id: replace(papers.get(fact.invoice_id, Paper()), void=True)}
        case f.DocumentRendered() if fact.kind == "invoice" and not fact.draft:
            known = papers.get(fact.document_id, Paper())
            return {**papers, fact.document_id: replace(known, blob=fact.blob, file_name=fact.file_name)}
        case _:
            return papers


def standing(papers: Papers) -> str:
    """The id of the newest invoice that is not void; "" where there is none."""
    return next(iter(_live(papers)), "")


def _live(papers: Papers) -> Papers:
    """The invoices that are not void, the newest first."""
    live = [(invoice_id, one) for invoice_id, one in papers.items() if one.number and not one.void]
    oldest_first = sorted(live, key=lambda found: found[1].place)
    return dict(oldest_first[::-1])


def comes_back(before: Papers, after: Papers) -> tuple[Mapping[str, str | int], tuple[w.PutFile, ...]]:
    """The fields of the invoice that stands from now on, if it is another than before, and the newest file of those
    that are not void. Where these have none, that of a void one is taken away: nobody is to pay by it."""
    was, live = standing(before), _live(after)
    if not live:
        return {}, ()
    now = next(iter(live))
    fields = live[now].fields() if now != was else {}
    had = next((one for one in _live(before).values() if one.blob), None)
    has = next((one for one in live.values() if one.blob), None)
    if has is None:
        voided = had is not None or (not was and any(one.blob for one in before.values()))
        return {**fields, **({FILE: ""} if voided else {})}, ()
    same = had is not None and had.blob == has.blob
    return fields, () if same else (w.PutFile(field=FILE, blob=has.blob, file_name=has.file_name),)


def is_over(papers: Papers, invoice_id: str) -> bool:
    """Whether an invoice is void, and another one stands."""
    return papers.get(invoice_id, Paper()).void and bool(standing(papers))
