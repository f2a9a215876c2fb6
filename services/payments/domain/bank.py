"""What is kept of an operation of a bank statement, and of the invoices that it may pay."""

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.values.payment_identity import LoadedRow, OperationFacts
from chassis.values.purpose import InvoiceReference, PurposeHints, VatClause


class Value(BaseModel):
    """The base of stored values: frozen; unknown fields of later builds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reference(Value):
    """An invoice that the purpose names."""

    number: str
    dated: dt.date | None = None


class Hints(Value):
    """What the purpose of a payment says; its text stays in the file, since it may name people."""

    references: tuple[Reference, ...] = ()
    refund: bool = False
    without_vat: bool = False
    vat_rate: int | None = None
    vat_kopecks: int | None = None

    @classmethod
    def of(cls, read: PurposeHints) -> "Hints":
        """The stored form."""
        vat = read.vat or VatClause()
        return cls(
            references=tuple(Reference(number=one.number, dated=one.dated) for one in read.references),
            refund=read.refund,
            without_vat=vat.without,
            vat_rate=vat.rate,
            vat_kopecks=vat.sum_kopecks,
        )

    def named(self) -> tuple[InvoiceReference, ...]:
        """The invoices that it names."""
        return tuple(InvoiceReference(one.number, one.dated) for one in self.references)


class BankRow(Value):
    """One operation of a statement. Names and account numbers are kept of companies alone; ``details`` digests what may
    change without making it another payment. ``line`` is where it stands in the file."""

    direction: Literal["in", "out"]
    own_account: str
    statement_day: dt.date
    number: str = ""
    order_date: dt.date
    amount_kopecks: int
    payer_account: str = ""
    payer_inn: str = ""
    payer_name: str = ""
    payee_account: str = ""
    payee_inn: str = ""
    payee_name: str = ""
    internal: bool = False
    hints: Hints = Hints()
    details: str = ""
    key: str
    line: int = 0

    @property
    def their_inn(self) -> str:
        """The INN of the other side."""
        return self.payer_inn if self.direction == "in" else self.payee_inn

    @property
    def our_inn(self) -> str:
        """The INN that stands for us."""
        return self.payee_inn if self.direction == "in" else self.payer_inn

    @property
    def their_name(self) -> str:
        """The name of the other side, where it is a company's."""
        return self.payer_name if self.direction == "in" else self.payee_name

    @property
    def signed_kopecks(self) -> int:
        """Money that came is positive."""
        return self.amount_kopecks if self.direction == "in" else -self.amount_kopecks

    def loaded(self) -> LoadedRow:
        """The row as the rules of identity take it; its key was made when both accounts were at hand."""
        facts = OperationFacts(self.direction, self.own_account, self.number, self.order_date, self.amount_kopecks)
        return LoadedRow(facts, self.statement_day, details=self.details, known_key=self.key)


class Allotment(Value):
    """What of an operation counts for an invoice; negative where money went back."""

    invoice_id: str
    number: str
    deal_id: str = ""
    amount_kopecks: int


class Candidate(Value):
    """An invoice that an operation may pay, as a person is shown it."""

    invoice_id: str
    number: str
    deal_id: str = ""
    rest_kopecks: int
    score: int


class Match(Value):
    """What became of an operation.

    ``allotted`` counts for invoices; ``asked`` stands before a person; ``unmatched`` fits nothing; ``released`` was
    untied by a person and waits for one; ``open`` is looked at again; ``aside`` is no payment of an invoice.
    """

    payment_id: str
    what: Literal["allotted", "asked", "unmatched", "released", "open", "aside"]
    details: str = ""
    allotments: tuple[Allotment, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    proposal: tuple[Allotment, ...] = ()
    score: int = 0
    reasons: tuple[str, ...] = ()
    ours: bool = False
    by: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether people are told that it fits no invoice."""
        return self.what == "unmatched" and self.ours


def signed_sum(allotments: tuple[Allotment, ...]) -> int:
    """What allotments come to."""
    return sum(one.amount_kopecks for one in allotments)
