"""Which invoice an operation of a bank statement pays: evidence in points, and what may be done without a person.

Points: the number as written 40, its short form 30; the date 20, the year 5; the payer's INN 30; the unpaid rest 25,
the whole total 20; a VAT clause that contradicts −5. From 80, with the next one 20 behind, it counts by itself; from 50
a person is asked; a payer that is not the buyer is never taken without one, nor a number with a date of another year:
numbers begin anew each year.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chassis.values.purpose import InvoiceReference, plain_number
from services.payments.domain.bank import Allotment, BankRow, Candidate, Match
from services.payments.domain.bankday import BankOperation

ALONE_FROM: Final = 80
ASKED_FROM: Final = 50
LEAD: Final = 20
CANDIDATES_MAX: Final = 5
SELLER_UNKNOWN: Final = "seller_unknown"
"""Why nobody is asked about an operation: no seller of the tenant's file has the INN that it names as ours."""
SAME_ORDER: Final = "same_order"
"""Why a person is asked about what would count by itself: a statement has the order on another day too."""


@dataclass(frozen=True, slots=True)
class Payable:
    """An invoice as matching sees it. ``seller_inn`` "" where the seller is not known any more."""

    invoice_id: str
    number: str
    deal_id: str
    total_kopecks: int
    paid_kopecks: int
    issued_on: dt.date | None = None
    buyer_inn: str = ""
    seller_inn: str = ""
    vat_kopecks: int | None = None

    @property
    def rest_kopecks(self) -> int:
        """What is still to be paid; never negative."""
        return max(self.total_kopecks - self.paid_kopecks, 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an invoice. ``stranger``: the payer is known not to be the buyer. ``another_year``: the number is
    named with a date of another year, so that another invoice may be meant that is not known here."""

    invoice: Payable
    score: int
    reasons: tuple[str, ...]
    named: bool
    stranger: bool
    another_year: bool


@dataclass(slots=True)
class Matcher:
    """Matches operations one after another; what one has paid is taken off the rest that the next one sees.

    ``repeated`` are operations whose order a statement has on another day too: none of them counts by itself, since
    channels of one bank differ in the day on which they book it.
    """

    payables: Sequence[Payable]
    seller_inns: frozenset[str]
    repeated: frozenset[str] = frozenset()
    _taken: dict[str, int] = field(default_factory=dict)

    def match(self, operation: BankOperation) -> Match:
        """What becomes of one operation."""
        row = operation.row
        if row.our_inn and row.our_inn not in self.seller_inns:
            return _result(operation, "unmatched", reasons=(SELLER_UNKNOWN,))
        found = sorted(
            (
                self._evidence(row, one)
                for one in self.payables
                if one.seller_inn in ("", row.our_inn) or not row.our_inn
            ),
            key=lambda evidence: (-evidence.score, evidence.invoice.number),
        )
        if row.direction == "out":
            return self._refund(operation, found)
        if row.hints.refund:
            asked = [one for one in found if one.score >= ASKED_FROM]
            return self._asked(operation, asked) if asked else _result(operation, "unmatched", reasons=("refund",))
        several = self._several(operation, found)
        return several if several is not None else self._one(operation, found)

    def _one(self, operation: BankOperation, found: Sequence[Evidence]) -> Match:
        ours = bool(operation.row.hints.references or any("inn" in one.reasons for one in found))
        if not found or found[0].score < ASKED_FROM:
            return _result(operation, "unmatched", reasons=found[0].reasons if found else (), ours=ours)
        best = found[0]
        behind = found[1].score if len(found) > 1 else 0
        clear = best.score >= ALONE_FROM and best.score - behind >= LEAD and not best.stranger and not best.another_year
        if clear and operation.payment_id not in self.repeated and not self._is_shared(operation.row, best.invoice):
            whole = _allotment(best.invoice, operation.row.amount_kopecks)
            self._take(whole)
            return _result(
                operation, "allotted", allotments=(whole,), score=best.score, reasons=best.reasons, ours=True
            )
        return self._asked(operation, found)

    def _is_shared(self, row: BankRow, invoice: Payable) -> bool:
        """Whether a part may be for another invoice that the purpose names, and that is none of ours or not clear: all
        that an invoice still needs is for it alone."""
        others = any(_reference((one,), invoice) is None for one in row.hints.named())
        return others and row.amount_kopecks != self._rest(invoice)

    def _several(self, operation: BankOperation, found: Sequence[Evidence]) -> Match | None:
        """One payment for several invoices that its purpose names."""
        wanted = operation.row.hints.named()
        if len(wanted) < 2:
            return None
        named = [_the_named(reference, found) for reference in wanted]
        whole = [one for one in named if one is not None]
        if len({one.invoice.invoice_id for one in whole}) < 2:
            return None
        amount = operation.row.amount_kopecks
        rests = [(one.invoice, self._rest(one.invoice)) for one in whole]
        reasons = ("several", *whole[0].reasons)
        exact = len(whole) == len(wanted) and sum(rest for _, rest in rests) == amount and all(r for _, r in rests)
        sure = all("inn" in one.reasons and not one.another_year for one in whole)
        if exact and sure and operation.payment_id not in self.repeated:
            allotments = tuple(_allotment(invoice, rest) for invoice, rest in rests)
            for one in allotments:
                self._take(one)
            score = min(one.score for one in whole)
            return _result(operation, "allotted", allotments=allotments, score=score, reasons=reasons, ours=True)
        return self._asked(operation, whole, proposal=_oldest_first(rests, amount), reasons=reasons)

    def _refund(self, operation: BankOperation, found: Sequence[Evidence]) -> Match:
        """Money that left: a refund only where the purpose says so or names an invoice, and never without a person."""
        meant = [one for one in found if one.named or (operation.row.hints.refund and "inn" in one.reasons)]
        paid = [one for one in meant if self._paid(one.invoice) > 0]
        if paid:
            return self._asked(operation, paid)
        if any(one.named and "inn" in one.reasons for one in meant):
            return _result(operation, "unmatched", reasons=("not_paid_yet",), ours=True)
        return _result(operation, "aside", reasons=("outgoing",))

    def _asked(
        self,
        operation: BankOperation,
        found: Sequence[Evidence],
        *,
        proposal: tuple[Allotment, ...] = (),
        reasons: tuple[str, ...] = (),
    ) -> Match:
        candidates = tuple(
            Candidate(
                invoice_id=one.invoice.invoice_id,
                number=one.invoice.number,
                deal_id=one.invoice.deal_id,
                rest_kopecks=self._rest(one.invoice),
                score=one.score,
            )
            for one in found[:CANDIDATES_MAX]
        )
        best = found[0]
        told = reasons or (*best.reasons, *(("another_payer",) if best.stranger else ()))
        told += (SAME_ORDER,) if operation.payment_id in self.repeated else ()
        return _result(
            operation, "asked", candidates=candidates, proposal=proposal, score=best.score, reasons=told, ours=True
        )

    def _evidence(self, row: BankRow, invoice: Payable) -> Evidence:
        points: dict[str, int] = {}
        another_year = False
        reference = _reference(row.hints.named(), invoice)
        if reference is not None:
            exact = reference.number.casefold() == invoice.number.casefold()
            points["number" if exact else "short_number"] = 40 if exact else 30
            if reference.dated is not None and invoice.issued_on is not None:
                if reference.dated == invoice.issued_on:
                    points["date"] = 20
                elif reference.dated.year == invoice.issued_on.year:
                    points["year"] = 5
                else:
                    another_year = True
        known = bool(invoice.buyer_inn and row.their_inn)
        if known and row.their_inn == invoice.buyer_inn:
            points["inn"] = 30
        rest = self._rest(invoice)
        if row.amount_kopecks == rest:
            points["rest"] = 25
        elif row.amount_kopecks == invoice.total_kopecks:
            points["total"] = 20
        if _contradicts(row, invoice):
            points["vat_differs"] = -5
        stranger = known and row.their_inn != invoice.buyer_inn
        return Evidence(invoice, sum(points.values()), tuple(points), reference is not None, stranger, another_year)

    def _rest(self, invoice: Payable) -> int:
        return max(invoice.rest_kopecks - self._taken.get(invoice.invoice_id, 0), 0)

    def _paid(self, invoice: Payable) -> int:
        return invoice.paid_kopecks + self._taken.get(invoice.invoice_id, 0)

    def _take(self, allotment: Allotment) -> None:
        self._taken[allotment.invoice_id] = self._taken.get(allotment.invoice_id, 0) + allotment.amount_kopecks


def _result(operation: BankOperation, what: str, **fields: object) -> Match:
    given: Mapping[str, object] = {
        "payment_id": operation.payment_id,
        "what": what,
        "details": operation.row.details,
        **fields,
    }
    return Match.model_validate(given)


def _allotment(invoice: Payable, amount_kopecks: int) -> Allotment:
    return Allotment(
        invoice_id=invoice.invoice_id, number=invoice.number, deal_id=invoice.deal_id, amount_kopecks=amount_kopecks
    )


def _reference(named: Sequence[InvoiceReference], invoice: Payable) -> InvoiceReference | None:
    """The reference that is this invoice: by its number as written, else by the short form of both."""
    number, short = invoice.number.casefold(), plain_number(invoice.number)
    exact = next((one for one in named if one.number.casefold() == number), None)
    if exact is not None:
        return exact
    return next((one for one in named if plain_number(one.number) == short), None)


def _the_named(reference: InvoiceReference, found: Sequence[Evidence]) -> Evidence | None:
    """The one invoice that a reference of an enumeration means; None where there is none, or no single best one."""
    same = [one for one in found if one.named and _reference((reference,), one.invoice) is not None]
    same.sort(key=lambda one: -one.score)
    if not same or (len(same) > 1 and same[0].score == same[1].score):
        return None
    return same[0]


def _oldest_first(rests: Sequence[tuple[Payable, int]], amount: int) -> tuple[Allotment, ...]:
    """The amount spread over invoices from the oldest; what is left over falls to the last."""
    ordered = sorted(rests, key=lambda one: (one[0].issued_on or dt.date.max, one[0].number))
    spread: dict[str, Allotment] = {}
    for invoice, rest in ordered:
        part = min(rest, amount)
        amount -= part
        if part:
            spread[invoice.invoice_id] = _allotment(invoice, part)
    if amount:
        last = ordered[-1][0]
        before = spread.get(last.invoice_id)
        spread[last.invoice_id] = _allotment(last, amount + (before.amount_kopecks if before else 0))
    return tuple(spread.values())


def _contradicts(row: BankRow, invoice: Payable) -> bool:
    """Whether the purpose says another VAT than the invoice has; people copy last month's text, so it is a hint."""
    if invoice.vat_kopecks is None:
        return False
    if row.hints.without_vat:
        return invoice.vat_kopecks > 0
    if row.hints.vat_kopecks is not None and row.amount_kopecks == invoice.total_kopecks:
        return row.hints.vat_kopecks != invoice.vat_kopecks
    return bool(row.hints.vat_rate) and invoice.vat_kopecks == 0
